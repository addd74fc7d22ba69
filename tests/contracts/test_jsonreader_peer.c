/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Random values of random schemas, written by avro-c as Avro and as strict Avro
 * JSON: read here, the JSON gives the same bytes; so does the JSON with the
 * members of its objects in another order, as far as they are records. No part
 * of the JSON is read as something. WAYBILL_ROUNDS=n runs n times as many,
 * WAYBILL_SEED=n others.
 */
#include "contracts/jsonreader.h"

#include <stdlib.h>

#include "base/runtime/json.h"
#include "tests/contracts/given.h"
#include "tests/contracts/peer.h"

#define PEER_SCHEMAS   300
#define PEER_VALUES    4
#define PEER_BYTES_MAX 4096

static int values_read;

/* Whether the JSON is read; its bytes are then in out. */
static bool
read_json(const struct contract *contract, const char *json, size_t len,
          struct text *out)
{
	static struct contract_result result;
	struct arena arena;

	arena_init(&arena, 4096);
	text_reset(out);
	contract_read_json(contract, json, len, &arena, out, &result);
	arena_fini(&arena);
	return result.violation_count == 0;
}

/* Members of objects from the last to the first. */
static void
print_backwards(const struct json *json, struct text *out)
{
	size_t count = json_count(json);

	if (json_type(json) == JSON_ARRAY) {
		text_add(out, "[");
		for (size_t i = 0; i < count; i++) {
			text_add(out, i > 0 ? "," : "");
			print_backwards(json_at(json, i), out);
		}
		text_add(out, "]");
	} else if (json_type(json) == JSON_OBJECT) {
		text_add(out, "{");
		for (size_t i = count; i > 0; i--) {
			const char *key = json_key_at(json, i - 1);

			text_add(out, i < count ? "," : "");
			text_add_json(out, key, strlen(key));
			text_add(out, ":");
			print_backwards(json_value_at(json, i - 1), out);
		}
		text_add(out, "}");
	} else {
		json_print(json, out);
	}
}

static void
check_backwards(const struct contract *contract, const char *avsc,
                const char *json, const uint8_t *bytes, size_t len)
{
	struct json *tree = NULL;
	struct text other, out;
	struct err err;

	text_init(&other, 1 << 20);
	text_init(&out, 1 << 20);
	if (json_parse(json, strlen(json), &tree, &err) != ERR_OK)
		fail_msg("%s: %s", err.text, json);
	print_backwards(tree, &other);
	if (!read_json(contract, other.bytes, other.len, &out) ||
	    out.len != len || memcmp(out.bytes, bytes, len) != 0)
		fail_msg("%s\n%s", avsc, text_string(&other));
	json_free(&tree);
	text_fini(&other);
	text_fini(&out);
}

static void
check_one(const struct contract *contract, const char *avsc,
          avro_value_t *value, const uint8_t *bytes, size_t len)
{
	struct text out;
	char *json = NULL;
	size_t json_len;

	text_init(&out, 1 << 20);
	assert_int_equal(avro_value_to_json(value, 1, &json), 0);
	json_len = strlen(json);
	if (!read_json(contract, json, json_len, &out))
		fail_msg("refused: %s\n%s", avsc, json);
	if (out.len != len || memcmp(out.bytes, bytes, len) != 0)
		fail_msg("other bytes: %s\n%s", avsc, json);
	if (strstr(avsc, "\"map\"") == NULL)
		check_backwards(contract, avsc, json, bytes, len);
	/* a part of a number is a number: only what ends in a bracket */
	for (size_t part = 0; part < json_len; part++)
		if (json[json_len - 1] == '}' &&
		    read_json(contract, json, part, &out))
			fail_msg("%zu bytes of %s\n%s", part, avsc, json);
	values_read++;
	free(json);
	text_fini(&out);
}

static void
test_one_schema(void)
{
	struct peer_maker maker = { .names = 0 };
	uint8_t bytes[PEER_BYTES_MAX];
	avro_value_iface_t *class;
	struct contract *contract;
	avro_schema_t schema;
	const char *avsc;

	text_init(&maker.text, 1 << 20);
	peer_make_type(&maker, 0, false);
	avsc = text_string(&maker.text);
	contract = given_contract(avsc);
	assert_int_equal(
		avro_schema_from_json_length(avsc, strlen(avsc), &schema), 0);
	class = avro_generic_class_from_schema(schema);
	for (int i = 0; i < PEER_VALUES; i++) {
		avro_writer_t writer =
			avro_writer_memory((char *)bytes, sizeof(bytes));
		avro_value_t value;

		avro_generic_value_new(class, &value);
		peer_fill(&value, 0);
		if (avro_value_write(writer, &value) == 0)
			check_one(contract, avsc, &value, bytes,
			          (size_t)avro_writer_tell(writer));
		avro_value_decref(&value);
		avro_writer_free(writer);
	}
	avro_value_iface_decref(class);
	avro_schema_decref(schema);
	contract_free(&contract);
	text_fini(&maker.text);
}

static void
test_reads_what_avro_c_writes(void **state)
{
	const char *rounds = getenv("WAYBILL_ROUNDS");
	const char *seed = getenv("WAYBILL_SEED");
	int count = PEER_SCHEMAS * (rounds != NULL ? atoi(rounds) : 1);

	if (seed != NULL)
		peer_state += (uint64_t)atoll(seed);
	for (int i = 0; i < count; i++)
		test_one_schema();
	print_message("%d values\n", values_read);
	assert_true(values_read > 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_what_avro_c_writes),
	};

	unit_alarm(600);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
