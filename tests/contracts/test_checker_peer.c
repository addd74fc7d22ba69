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

#include <stdlib.h>

#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "tests/contracts/given.h"
#include "tests/contracts/peer.h"

#define PEER_SCHEMAS   150
#define PEER_VALUES    4
#define PEER_MUTATIONS 60
#define PEER_BYTES_MAX 4096

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
		size_t at = peer_below((uint32_t)len);

		memcpy(changed, bytes, len);
		switch (peer_below(4)) {
		case 0:
			changed[at] ^= (uint8_t)(1u << peer_below(8));
			break;
		case 1:
			changed[at] = (uint8_t)peer_below(256);
			break;
		case 2:
			changed[at] =
				(uint8_t)(changed[at] + 2 - 4 * peer_below(2));
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
	peer_fill(&value, 0);
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
	struct peer_maker maker = { .names = 0 };

	text_init(&maker.text, 1 << 20);
	peer_make_type(&maker, 0, false);
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
