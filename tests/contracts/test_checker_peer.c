/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The checker against avro-c: random schemas, random values written by
 * avro-c, and then what may happen to bytes on the way. All that avro-c writes
 * is accepted; no part of it is, nor anything behind it; and what is accepted
 * after bytes were changed, avro-c reads too, to the same end. (The other way
 * round does not hold: avro-c takes invalid UTF-8, booleans of 7 and ints of 70
 * bits.) WAYBILL_ROUNDS=n runs n times as many, WAYBILL_SEED=n others.
 */
#include "contracts/checker.h"

#include <avro.h>
#include <stdlib.h>

#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "tests/contracts/given.h"

#define PEER_SCHEMAS   150
#define PEER_VALUES    4
#define PEER_MUTATIONS 60
#define PEER_BYTES_MAX 4096

static uint64_t peer_state = 88172645463325252u;

static uint32_t
below(uint32_t limit)
{
	peer_state ^= peer_state << 13;
	peer_state ^= peer_state >> 7;
	peer_state ^= peer_state << 17;
	return (uint32_t)(peer_state >> 32) % limit;
}

/* -- random schemas -------------------------------------------------------- */

struct maker {
	struct text text;
	int names;
	int records; /* that are complete or being made: may be referred to */
	int record_names[64];
};

static void
make_type(struct maker *maker, int depth, bool in_union);

static void
make_record(struct maker *maker, int depth)
{
	/* avro-c cannot hold elements without fields */
	int name = maker->names++, fields = 1 + (int)below(5);

	text_addf(&maker->text,
	          "{\"type\":\"record\",\"name\":\"N%d\",\"fields\":[", name);
	if (maker->records < 64)
		maker->record_names[maker->records++] = name;
	for (int i = 0; i < fields; i++) {
		text_addf(&maker->text,
		          "%s{\"name\":\"f%d\",\"type\":", i > 0 ? "," : "", i);
		make_type(maker, depth + 1, false);
		text_add(&maker->text, "}");
	}
	text_add(&maker->text, "]}");
}

static void
make_union(struct maker *maker, int depth)
{
	static const char *const branches[] = { "null",   "int",     "string",
		                                "double", "boolean", "bytes",
		                                "long",   "float" };
	int first = (int)below(8), count = 1 + (int)below(4);

	text_add(&maker->text, "[");
	for (int i = 0; i < count; i++)
		text_addf(&maker->text, "%s\"%s\"", i > 0 ? "," : "",
		          branches[(first + i) % 8]);
	if (below(3) == 0) {
		text_add(&maker->text, ",");
		make_record(maker, depth + 1);
	} else if (maker->records > 0 && below(2) == 0) {
		text_addf(&maker->text, ",\"N%d\"",
		          maker->record_names[below((uint32_t)maker->records)]);
	}
	text_add(&maker->text, "]");
}

static void
make_type(struct maker *maker, int depth, bool in_union)
{
	static const char *const primitives[] = { "null",  "boolean", "int",
		                                  "long",  "float",   "double",
		                                  "bytes", "string" };
	uint32_t kind = depth == 0 ? 8 : below(depth > 5 ? 8 : 15);

	if (kind < 8) {
		text_addf(&maker->text, "\"%s\"", primitives[kind]);
	} else if (kind == 8 || kind == 14) {
		make_record(maker, depth);
	} else if (kind == 9) {
		text_addf(&maker->text,
		          "{\"type\":\"enum\",\"name\":\"N%d\",\"symbols\":["
		          "\"A\",\"B\",\"C\"]}",
		          maker->names++);
	} else if (kind == 10) {
		text_addf(&maker->text,
		          "{\"type\":\"fixed\",\"name\":\"N%d\",\"size\":%u}",
		          maker->names++, 1 + below(20));
	} else if (kind == 11) {
		text_add(&maker->text, "{\"type\":\"array\",\"items\":");
		make_type(maker, depth + 1, false);
		text_add(&maker->text, "}");
	} else if (kind == 12) {
		text_add(&maker->text, "{\"type\":\"map\",\"values\":");
		make_type(maker, depth + 1, false);
		text_add(&maker->text, "}");
	} else {
		make_union(maker, depth);
	}
}

/* -- random values ----------------------------------------------------------- */

static int64_t
random_long(void)
{
	uint64_t bits = (uint64_t)below(UINT32_MAX) << 32 | below(UINT32_MAX);

	return (int64_t)(bits >> below(64)) * (below(2) == 0 ? 1 : -1);
}

static const char *
random_string(void)
{
	static const char *const strings[] = {
		"",
		"a",
		"store",
		"12345678",
		"123456789",
		"z\xc3\xbcrich",
		"\xf0\x9f\x8d\x8a",
		"a longer one, with a \xe2\x82\xac in it, of 50 bytes"
	};

	return strings[below(8)];
}

static void
fill(avro_value_t *value, int depth);

static void
fill_union(avro_value_t *value, int depth)
{
	avro_schema_t schema = avro_value_get_schema(value);
	uint32_t count = (uint32_t)avro_schema_union_size(schema);
	avro_value_t branch;

	/* the first branch is primitive, so recursion ends */
	avro_value_set_branch(value, depth > 8 ? 0 : (int)below(count),
	                      &branch);
	fill(&branch, depth + 1);
}

static void
fill_elements(avro_value_t *value, int depth, bool is_map)
{
	uint32_t count = depth > 8 ? 0 : below(4);
	avro_value_t element;
	char key[32];

	for (uint32_t i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "%s%u", random_string(), i);
		if (is_map)
			avro_value_add(value, key, &element, NULL, NULL);
		else
			avro_value_append(value, &element, NULL);
		fill(&element, depth + 1);
	}
}

static void
fill_record(avro_value_t *value, int depth)
{
	avro_value_t field;
	size_t count = 0;

	avro_value_get_size(value, &count);
	for (size_t i = 0; i < count; i++) {
		avro_value_get_by_index(value, i, &field, NULL);
		fill(&field, depth + 1);
	}
}

static void
fill_fixed(avro_value_t *value)
{
	static char bytes[64];

	avro_value_set_fixed(
		value, bytes,
		(size_t)avro_schema_fixed_size(avro_value_get_schema(value)));
}

static void
fill(avro_value_t *value, int depth)
{
	switch (avro_value_get_type(value)) {
	case AVRO_NULL:
		avro_value_set_null(value);
		break;
	case AVRO_BOOLEAN:
		avro_value_set_boolean(value, (int)below(2));
		break;
	case AVRO_INT32:
		avro_value_set_int(value, (int32_t)random_long());
		break;
	case AVRO_INT64:
		avro_value_set_long(value, random_long());
		break;
	case AVRO_FLOAT:
		avro_value_set_float(value, 1.5f);
		break;
	case AVRO_DOUBLE:
		avro_value_set_double(value, -2.5);
		break;
	case AVRO_BYTES:
		avro_value_set_bytes(value, (void *)"\xff\x00\x80\x7f",
		                     below(5));
		break;
	case AVRO_STRING:
		avro_value_set_string(value, random_string());
		break;
	case AVRO_ENUM:
		avro_value_set_enum(value, (int)below(3));
		break;
	case AVRO_FIXED:
		fill_fixed(value);
		break;
	case AVRO_RECORD:
		fill_record(value, depth);
		break;
	case AVRO_ARRAY:
		fill_elements(value, depth, false);
		break;
	case AVRO_MAP:
		fill_elements(value, depth, true);
		break;
	case AVRO_UNION:
		fill_union(value, depth);
		break;
	default:
		fail_msg("a type that nobody made");
	}
}

/* -- the comparison ------------------------------------------------------------ */

struct pair {
	const char *avsc;
	struct contract *contract;
	avro_schema_t schema;
	avro_value_iface_t *class;
	int accepted; /* after bytes were changed */
	int refused;
};

static bool
peer_reads_all(const struct pair *pair, const uint8_t *bytes, size_t len)
{
	avro_reader_t reader =
		avro_reader_memory((const char *)bytes, (int64_t)len);
	avro_schema_t boolean = avro_schema_boolean();
	avro_value_t value;
	bool good;

	avro_generic_value_new(pair->class, &value);
	good = avro_value_read(reader, &value) == 0 &&
		avro_skip_data(reader, boolean) != 0;
	avro_value_decref(&value);
	avro_schema_decref(boolean);
	avro_reader_free(reader);
	return good;
}

/* The first rule that is broken; "" is a good one. Whatever it is, printing
   must be safe, and must work for what is good. */
static const char *
rule_of(const struct pair *pair, const uint8_t *bytes, size_t len)
{
	static char rule[64];
	struct contract_input input = {
		.body = bytes,
		.body_len = (int32_t)len,
		.key_len = -1,
		.headers_len = -1,
		.body_bytes_max = PEER_BYTES_MAX * 2,
	};
	struct given given;
	struct text json;
	struct err err;
	enum err_code code;

	arena_init(&given.arena, 4096);
	given_check(&given, pair->contract, &input);
	rule[0] = '\0';
	if (given.result.violation_count > 0)
		snprintf(rule, sizeof(rule), "%s",
		         given.result.violations[0].rule);
	text_init(&json, 1 << 20);
	code = contract_print_json(pair->contract, bytes, (int32_t)len, &json,
	                           &err);
	if (rule[0] == '\0' && code != ERR_OK)
		fail_msg("good, and not to be printed: %s", err.text);
	text_fini(&json);
	arena_fini(&given.arena);
	/* the checker refuses nothing that the explainer would let pass */
	assert_string_not_equal(rule, "avro.invalid");
	return rule;
}

static void
compare(struct pair *pair, const uint8_t *bytes, size_t len)
{
	struct text hex;

	if (rule_of(pair, bytes, len)[0] != '\0') {
		pair->refused++;
		return;
	}
	pair->accepted++;
	if (peer_reads_all(pair, bytes, len))
		return;
	text_init(&hex, 2 * PEER_BYTES_MAX + 1);
	text_add_hex(&hex, bytes, len);
	fail_msg("accepted, and avro-c cannot read it (%s): %s\n%s",
	         avro_strerror(), text_string(&hex), pair->avsc);
}

static void
mutate(struct pair *pair, const uint8_t *bytes, size_t len)
{
	uint8_t changed[PEER_BYTES_MAX + 8];

	for (int i = 0; i < PEER_MUTATIONS && len > 0; i++) {
		size_t at = below((uint32_t)len);

		memcpy(changed, bytes, len);
		switch (below(4)) {
		case 0:
			changed[at] ^= (uint8_t)(1u << below(8));
			break;
		case 1:
			changed[at] = (uint8_t)below(256);
			break;
		case 2:
			changed[at] = (uint8_t)(changed[at] + 2 - 4 * below(2));
			break;
		default:
			memmove(changed + at, changed + at + 1, len - at - 1);
			changed[len - 1] = 0;
		}
		compare(pair, changed, len);
	}
}

static void
test_one_value(struct pair *pair)
{
	uint8_t bytes[PEER_BYTES_MAX + 8];
	avro_writer_t writer =
		avro_writer_memory((char *)bytes, PEER_BYTES_MAX);
	avro_value_t value;
	size_t len;

	avro_generic_value_new(pair->class, &value);
	fill(&value, 0);
	if (avro_value_write(writer, &value) == 0) {
		len = (size_t)avro_writer_tell(writer);
		if (rule_of(pair, bytes, len)[0] != '\0')
			fail_msg("%s: %s", rule_of(pair, bytes, len),
			         pair->avsc);
		for (size_t part = 0; part < len; part++)
			if (rule_of(pair, bytes, part)[0] == '\0')
				fail_msg("%zu of %zu bytes: %s", part, len,
				         pair->avsc);
		bytes[len] = 0;
		assert_string_equal(rule_of(pair, bytes, len + 1),
		                    "avro.trailing");
		mutate(pair, bytes, len);
	}
	avro_value_decref(&value);
	avro_writer_free(writer);
}

static void
test_one_schema(struct pair *pair)
{
	struct maker maker = { .names = 0 };

	text_init(&maker.text, 1 << 20);
	make_type(&maker, 0, false);
	pair->avsc = text_string(&maker.text);
	pair->contract = given_contract(pair->avsc);
	if (avro_schema_from_json_length(pair->avsc, strlen(pair->avsc),
	                                 &pair->schema) != 0)
		fail_msg("avro-c: %s: %s", avro_strerror(), pair->avsc);
	pair->class = avro_generic_class_from_schema(pair->schema);
	assert_non_null(pair->class);
	for (int i = 0; i < PEER_VALUES; i++)
		test_one_value(pair);
	avro_value_iface_decref(pair->class);
	avro_schema_decref(pair->schema);
	contract_free(&pair->contract);
	text_fini(&maker.text);
}

static void
test_agrees_with_avro_c(void **state)
{
	const char *rounds = getenv("WAYBILL_ROUNDS");
	const char *seed = getenv("WAYBILL_SEED");
	struct pair pair = { 0 };
	int count = PEER_SCHEMAS * (rounds != NULL ? atoi(rounds) : 1);

	if (seed != NULL)
		peer_state += (uint64_t)atoll(seed);
	for (int i = 0; i < count; i++)
		test_one_schema(&pair);
	print_message("changed bytes: %d refused, %d accepted by both\n",
	              pair.refused, pair.accepted);
	assert_true(pair.refused > 100 && pair.accepted > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees_with_avro_c),
	};

	unit_alarm(600);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
