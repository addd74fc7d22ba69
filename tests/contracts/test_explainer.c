/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a violation points to, what it shows, and how many there are. (That
 * explainer and checker agree is tested in test_checker_peer.c.)
 */
#include "contracts/explainer.h"

#include "base/runtime/text.h"
#include "contracts/schema.h"
#include "tests/contracts/given.h"

/* "rule path expected value offset" of each violation, one a line. */
static void
expect(const char *avsc, const uint8_t *body, int32_t len, const char *lines)
{
	struct schema *schema = NULL;
	struct given given;
	struct text text;
	struct err err;

	if (schema_parse(avsc, &schema, &err) != ERR_OK)
		fail_msg("%s", err.text);
	arena_init(&given.arena, 4096);
	given.result.violation_count = 0;
	explainer_run(schema, body, len, 1, &given.arena, &given.result);
	text_init(&text, 65536);
	for (size_t i = 0; i < given.result.violation_count; i++) {
		const struct violation *violation = &given.result.violations[i];

		text_addf(&text, "%s|%s|%s|%s|%d\n", violation->rule,
		          violation->path, violation->expected,
		          violation->value, violation->byte_offset);
	}
	assert_string_equal(text_string(&text), lines);
	text_fini(&text);
	arena_fini(&given.arena);
	schema_free(&schema);
}

static void
test_offsets_count_the_frame(void **state)
{
	expect("\"int\"", BYTES("-\x02\x02"),
	       "avro.trailing||the end of the body|1 bytes more|2\n");
	expect("\"boolean\"", BYTES("-\x07"), "avro.boolean||0 or 1|7|1\n");
	expect("\"string\"",
	       BYTES("-\x08"
	             "ab"),
	       "avro.truncated||4 bytes|2 bytes left|2\n");
	expect("[\"null\",\"int\"]", BYTES("-\x03"),
	       "avro.union||one of 2 branches: null, int|-2|1\n");
	expect("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}",
	       BYTES("-\x04"), "avro.enum||one of 2 symbols: A, B|2|1\n");
	expect("{\"type\":\"array\",\"items\":\"int\"}",
	       BYTES("-\x01\x04\x02\x02\x00"),
	       "avro.block-size||a block of 2 bytes|1 bytes|4\n");
	expect("\"int\"", BYTES("-\x02"), "");
}

static void
test_logical_types_do_not_end_the_walk(void **state)
{
	expect("{\"type\":\"array\",\"items\":{\"type\":\"int\","
	       "\"logicalType\":\"time-millis\"}}",
	       BYTES("-\x06\x01\x02\x03\x00"),
	       "logical.time|/0|a time of day, less than 24 hours|-1|2\n"
	       "logical.time|/2|a time of day, less than 24 hours|-2|4\n");
}

/* However many broken logical types there are, what comes behind is told. */
static void
test_many_logical_ones_leave_room(void **state)
{
	const char *avsc = "{\"type\":\"array\",\"items\":{\"type\":\"int\","
			   "\"logicalType\":\"time-millis\"}}";
	struct contract *contract = given_contract(avsc);
	struct contract_input input = { .key_len = -1, .headers_len = -1 };
	struct given given;
	uint8_t body[42];

	memset(body, 0x01, sizeof(body));
	body[0] = 80;    /* 40 times */
	body[41] = 0xff; /* and then no end */
	input.body = body;
	input.body_len = sizeof(body);
	input.body_bytes_max = 1000;
	arena_init(&given.arena, 4096);
	given_check(&given, contract, &input);
	assert_true(given.result.violation_count <= VIOLATIONS_MAX);
	assert_string_equal(
		given.result.violations[given.result.violation_count - 1].rule,
		"avro.truncated");
	arena_fini(&given.arena);
	contract_free(&contract);
}

static void
test_values_are_cut_and_paths_bounded(void **state)
{
	static const char avsc[] =
		"{\"type\":\"record\",\"name\":\"t\",\"fields\":[{\"name\":"
		"\"m\",\"type\":{\"type\":\"map\",\"values\":\"t\"}}]}";
	struct contract *contract = given_contract(avsc);
	struct contract_input input = { .key_len = -1, .headers_len = -1 };
	struct given given;
	uint8_t body[2048];
	int32_t len = 0;

	/* 30 maps in each other, by keys of 40 slashes; then nothing */
	for (int i = 0; i < 30; i++) {
		body[len++] = 2;
		body[len++] = 80;
		memset(body + len, '/', 40);
		len += 40;
	}
	input.body = body;
	input.body_len = len;
	input.body_bytes_max = 4000;
	arena_init(&given.arena, 4096);
	given_check(&given, contract, &input);
	assert_int_equal(given.result.violation_count, 1);
	assert_string_equal(given.result.violations[0].rule, "avro.truncated");
	assert_true(strlen(given.result.violations[0].path) < 512);
	arena_fini(&given.arena);
	contract_free(&contract);
}

static void
test_many_symbols_are_cut(void **state)
{
	struct contract *contract;
	struct contract_input input = { .key_len = -1, .headers_len = -1 };
	struct given given;
	struct text text;

	text_init(&text, 65536);
	text_add(&text, "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"");
	for (int i = 0; i < 100; i++)
		text_addf(&text, ",\"SYMBOL_%d\"", i);
	text_add(&text, "]}");
	contract = given_contract(text_string(&text));
	input.body = (const uint8_t *)"\xfe\x0f";
	input.body_len = 2;
	input.body_bytes_max = 10;
	arena_init(&given.arena, 4096);
	given_check(&given, contract, &input);
	assert_string_equal(given.result.violations[0].rule, "avro.enum");
	assert_true(strlen(given.result.violations[0].expected) < 128);
	assert_non_null(strstr(given.result.violations[0].expected, ", ..."));
	arena_fini(&given.arena);
	contract_free(&contract);
	text_fini(&text);
}

/* Records within records within ... through 64 levels of recursion. */
static void
test_the_deepest_walk_fits_the_stack(void **state)
{
	struct contract *contract;
	struct contract_input input = { .key_len = -1, .headers_len = -1 };
	struct given given;
	struct text text;
	uint8_t body[80];

	text_init(&text, 65536);
	for (int i = 0; i < 28; i++)
		text_addf(&text,
		          "{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{"
		          "\"name\":\"f\",\"type\":",
		          i);
	text_add(&text, "[\"null\",\"r0\"]");
	for (int i = 0; i < 28; i++)
		text_add(&text, "}]}");
	contract = given_contract(text_string(&text));
	memset(body, 2, sizeof(body));
	input.body = body;
	input.body_len = sizeof(body);
	input.body_bytes_max = 4000;
	arena_init(&given.arena, 4096);
	given_check(&given, contract, &input);
	assert_int_equal(given.result.violation_count, 1);
	assert_string_equal(given.result.violations[0].rule, "avro.depth");
	arena_fini(&given.arena);
	contract_free(&contract);
	text_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets_count_the_frame),
		cmocka_unit_test(test_logical_types_do_not_end_the_walk),
		cmocka_unit_test(test_many_logical_ones_leave_room),
		cmocka_unit_test(test_values_are_cut_and_paths_bounded),
		cmocka_unit_test(test_many_symbols_are_cut),
		cmocka_unit_test(test_the_deepest_walk_fits_the_stack),
	};

	unit_alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
