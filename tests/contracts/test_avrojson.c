/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person sees of each type.
 */
#include "contracts/avrojson.h"

#include "base/runtime/text.h"
#include "tests/contracts/given.h"

#define LOGICAL(type, logical)                                                 \
	"{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"

static void
expect(const char *avsc, const uint8_t *bytes, int32_t len, const char *json)
{
	struct contract *contract = given_contract(avsc);
	struct text text;
	struct err err = { 0 };

	text_init(&text, 4096);
	if (contract_print_json(contract, bytes, len, &text, &err) != ERR_OK)
		fail_msg("%s", err.text);
	assert_string_equal(text_string(&text), json);
	text_fini(&text);
	contract_free(&contract);
}

static void
expect_invalid(const char *avsc, const uint8_t *bytes, int32_t len)
{
	struct contract *contract = given_contract(avsc);
	struct text text;
	struct err err = { 0 };

	text_init(&text, 4096);
	assert_int_equal(contract_print_json(contract, bytes, len, &text, &err),
	                 ERR_INVALID);
	text_fini(&text);
	contract_free(&contract);
}

static void
test_plain_types(void **state)
{
	expect("\"null\"", BYTES(""), "null");
	expect("\"boolean\"", BYTES("\x01"), "true");
	expect("\"long\"", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	       "-9223372036854775808");
	expect("\"float\"", BYTES("\x00\x00\xc0\x3f"), "1.5");
	expect("\"double\"", BYTES("\x00\x00\x00\x00\x00\x00\xf8\x7f"),
	       "\"NaN\"");
	expect("\"double\"", BYTES("\x00\x00\x00\x00\x00\x00\xf0\xff"),
	       "\"-Infinity\"");
	expect("\"bytes\"", BYTES("\x04\xff\x0a"), "\"ff0a\"");
	expect("\"string\"",
	       BYTES("\x06"
	             "a\"\n"),
	       "\"a\\\"\\n\"");
	expect("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}",
	       BYTES("\x02"), "\"B\"");
	expect("[\"null\",\"int\"]", BYTES("\x02\x05"), "-3");
	expect("{\"type\":\"array\",\"items\":\"int\"}",
	       BYTES("\x02\x02\x03\x04\x04\x06\x00"), "[1,2,3]");
	expect("{\"type\":\"map\",\"values\":\"int\"}",
	       BYTES("\x04\x02"
	             "a\x02\x02"
	             "b\x04\x00"),
	       "{\"a\":1,\"b\":2}");
}

static void
test_logical_types(void **state)
{
	const char *decimal = "{\"type\":\"bytes\",\"logicalType\":\"decimal\","
			      "\"precision\":9,\"scale\":2}";

	expect(decimal, BYTES("\x04\x04\xd2"), "\"12.34\"");
	expect(decimal, BYTES("\x02\xff"), "\"-0.01\"");
	expect(decimal, BYTES("\x02\x00"), "\"0.00\"");
	expect(LOGICAL("int", "date"), BYTES("\x00"), "\"1970-01-01\"");
	expect(LOGICAL("int", "date"), BYTES("\x01"), "\"1969-12-31\"");
	expect(LOGICAL("int", "date"), BYTES("\xb4\xab\x02"), "\"2022-06-19\"");
	/* 2000-02-29 */
	expect(LOGICAL("int", "date"), BYTES("\x90\xac\x01"), "\"2000-02-29\"");
	expect(LOGICAL("long", "timestamp-millis"), BYTES("\x01"),
	       "\"1969-12-31T23:59:59.999Z\"");
	expect(LOGICAL("long", "timestamp-micros"), BYTES("\x02"),
	       "\"1970-01-01T00:00:00.000001Z\"");
	expect(LOGICAL("long", "local-timestamp-nanos"), BYTES("\x02"),
	       "\"1970-01-01T00:00:00.000000001\"");
	/* the year 292277026596 has no four digits */
	expect(LOGICAL("long", "timestamp-millis"),
	       BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	       "9223372036854775807");
	expect(LOGICAL("int", "time-millis"), BYTES("\xfe\xef\xb2\x52"),
	       "\"23:59:59.999\"");
	expect("{\"type\":\"fixed\",\"name\":\"f\",\"size\":16,"
	       "\"logicalType\":\"uuid\"}",
	       BYTES("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab"
	             "\xcd\xef"),
	       "\"01234567-89ab-cdef-0123-456789abcdef\"");
	expect("{\"type\":\"fixed\",\"name\":\"f\",\"size\":12,"
	       "\"logicalType\":\"duration\"}",
	       BYTES("\1\0\0\0\2\0\0\0\3\0\0\0"),
	       "{\"months\":1,\"days\":2,\"millis\":3}");
}

static void
test_sensitive_fields_are_redacted(void **state)
{
	expect("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":"
	       "\"a\",\"type\":{\"type\":\"array\",\"items\":\"string\"},"
	       "\"waybill\":{\"sensitive\":true}},{\"name\":\"b\",\"type\":"
	       "\"int\"}]}",
	       BYTES("\x02\x02x\x00\x04"), "{\"a\":\"(redacted)\",\"b\":2}");
}

static void
test_framing_and_tombstones(void **state)
{
	const char *avsc =
		"{\"type\":\"int\",\"waybill\":{\"framing\":\"confluent\","
		"\"schema-id\":1}}";

	expect(avsc, BYTES("\0\0\0\0\1\4"), "2");
	expect(avsc, NULL, -1, "null");
	expect_invalid(avsc, BYTES("\0\0\0\0\2\4"));
	expect_invalid(avsc, BYTES("\4"));
}

static void
test_any_bytes_are_safe(void **state)
{
	expect_invalid("\"int\"", BYTES(""));
	expect_invalid("\"int\"", BYTES("\x02\x02"));
	expect_invalid("\"string\"", BYTES("\x01"));
	expect_invalid("{\"type\":\"array\",\"items\":\"null\"}",
	               BYTES("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"));
	expect_invalid("[\"null\"]", BYTES("\x02"));
	expect_invalid("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[]}",
	               BYTES("\x00"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_types),
		cmocka_unit_test(test_logical_types),
		cmocka_unit_test(test_sensitive_fields_are_redacted),
		cmocka_unit_test(test_framing_and_tombstones),
		cmocka_unit_test(test_any_bytes_are_safe),
	};

	unit_alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
