/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Every type: a good value, and each way of being bad, as the gateway tells
 * it. (contract_check runs the checker, then the explainer.)
 */
#include "contracts/checker.h"

#include "contracts/contract.h"
#include "tests/contracts/given.h"

#define GOOD(avsc, literal)                                                    \
	assert_string_equal(given_body(avsc, BYTES(literal)), "")
#define BAD(avsc, literal, rules)                                              \
	assert_string_equal(given_body(avsc, BYTES(literal)), rules)

static void
test_null(void **state)
{
	GOOD("\"null\"", "");
	BAD("\"null\"", "\x00", "avro.trailing");
}

static void
test_boolean(void **state)
{
	GOOD("\"boolean\"", "\x00");
	GOOD("\"boolean\"", "\x01");
	BAD("\"boolean\"", "\x02", "avro.boolean");
	BAD("\"boolean\"", "\xff", "avro.boolean");
	BAD("\"boolean\"", "", "avro.truncated");
	BAD("\"boolean\"", "\x01\x01", "avro.trailing");
}

static void
test_int(void **state)
{
	GOOD("\"int\"", "\x00");
	GOOD("\"int\"", "\xfe\xff\xff\xff\x0f"); /* the largest */
	GOOD("\"int\"", "\xff\xff\xff\xff\x0f"); /* the smallest */
	GOOD("\"int\"", "\x80\x80\x80\x80\x00"); /* long-winded, and legal */
	BAD("\"int\"", "\xff\xff\xff\xff\x1f", "avro.varint");
	BAD("\"int\"", "\x80\x80\x80\x80\x10", "avro.varint");
	BAD("\"int\"", "\x80\x80\x80\x80\x80\x00", "avro.varint");
	BAD("\"int\"", "\x80\x80\x80\x80\x80\x00\x00\x00\x00", "avro.varint");
	BAD("\"int\"", "\x80\x80\x80\x80\x80", "avro.varint");
	BAD("\"int\"", "\x80\x80\x80\x80", "avro.truncated");
	BAD("\"int\"", "\x80", "avro.truncated");
	BAD("\"int\"", "", "avro.truncated");
	BAD("\"int\"", "\x00\x00", "avro.trailing");
}

static void
test_long(void **state)
{
	GOOD("\"long\"", "\x01");
	GOOD("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	GOOD("\"long\"", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00");
	BAD("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
	    "avro.varint");
	BAD("\"long\"", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
	    "avro.varint");
	BAD("\"long\"", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00",
	    "avro.varint");
	BAD("\"long\"", "\x80\x80\x80\x80\x80\x80\x80\x80\x80",
	    "avro.truncated");
	BAD("\"long\"", "\x80", "avro.truncated");
}

static void
test_float_and_double(void **state)
{
	GOOD("\"float\"", "\x00\x00\xc0\x7f"); /* NaN is a float */
	BAD("\"float\"", "\x00\x00\x00", "avro.truncated");
	BAD("\"float\"", "\x00\x00\x00\x00\x00", "avro.trailing");
	GOOD("\"double\"", "\xff\xff\xff\xff\xff\xff\xff\xff");
	BAD("\"double\"", "\x00\x00\x00\x00\x00\x00\x00", "avro.truncated");
}

static void
test_bytes(void **state)
{
	GOOD("\"bytes\"", "\x00");
	GOOD("\"bytes\"", "\x04\xff\xfe");
	BAD("\"bytes\"", "\x01", "avro.length");
	BAD("\"bytes\"", "\x04\xff", "avro.truncated");
	BAD("\"bytes\"", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	    "avro.truncated"); /* 2^63 - 1 */
	BAD("\"bytes\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	    "avro.length"); /* -2^63 */
	BAD("\"bytes\"", "", "avro.truncated");
	BAD("\"bytes\"", "\x02\x61\x62", "avro.trailing");
}

static void
test_string(void **state)
{
	GOOD("\"string\"", "\x00");
	GOOD("\"string\"", "\x02\x00"); /* U+0000 is UTF-8 */
	GOOD("\"string\"",
	     "\x06"
	     "abc");
	GOOD("\"string\"",
	     "\x12"
	     "abcdefghi");
	GOOD("\"string\"", "\x0ez\xc3\xbcrich");
	GOOD("\"string\"", "\x08\xf0\x9f\x8d\x8a"); /* beyond U+FFFF */
	BAD("\"string\"", "\x01", "avro.length");
	BAD("\"string\"",
	    "\x08"
	    "abc",
	    "avro.truncated");
	BAD("\"string\"", "\x02\xff", "avro.utf8");
	BAD("\"string\"", "\x02\xc3", "avro.utf8");
	BAD("\"string\"", "\x04\xc0\x80", "avro.utf8");     /* overlong */
	BAD("\"string\"", "\x06\xed\xa0\x80", "avro.utf8"); /* surrogate */
	BAD("\"string\"", "\x08\xf4\x90\x80\x80", "avro.utf8");
	BAD("\"string\"",
	    "\x10"
	    "abcdefg\x80",
	    "avro.utf8");
	BAD("\"string\"",
	    "\x12\x80"
	    "bcdefghi",
	    "avro.utf8");
	BAD("\"string\"",
	    "\x12"
	    "abcdefgh\x80",
	    "avro.utf8");
}

/* What follows a short string is read with it, and must not matter. */
static void
test_string_next_to_other_bytes(void **state)
{
	const char *avsc = "{\"type\":\"record\",\"name\":\"r\",\"fields\":["
			   "{\"name\":\"s\",\"type\":\"string\"},"
			   "{\"name\":\"b\",\"type\":\"bytes\"}]}";

	GOOD(avsc,
	     "\x06"
	     "abc\x0e\xff\xff\xff\xff\xff\xff\xff");
	GOOD(avsc, "\x00\x0e\xff\xff\xff\xff\xff\xff\xff");
	BAD(avsc,
	    "\x06"
	    "ab\xff\x0e\xff\xff\xff\xff\xff\xff\xff",
	    "avro.utf8@/s");
}

static void
test_fixed(void **state)
{
	const char *avsc = "{\"type\":\"fixed\",\"name\":\"f\",\"size\":3}";

	GOOD(avsc, "\x01\x02\x03");
	BAD(avsc, "\x01\x02", "avro.truncated");
	BAD(avsc, "\x01\x02\x03\x04", "avro.trailing");
	GOOD("{\"type\":\"fixed\",\"name\":\"f\",\"size\":0}", "");
}

static void
test_enum(void **state)
{
	const char *avsc = "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":"
			   "[\"A\",\"B\",\"C\"]}";

	GOOD(avsc, "\x00");
	GOOD(avsc, "\x04");
	GOOD(avsc, "\x84\x00");
	BAD(avsc, "\x06", "avro.enum");
	BAD(avsc, "\x01", "avro.enum");
	BAD(avsc, "\xfe\x01", "avro.enum");
	BAD(avsc, "\x84\x80\x80\x80\x80\x00", "avro.varint");
	BAD(avsc, "", "avro.truncated");
}

static void
test_union(void **state)
{
	const char *nullable = "[\"null\",\"string\"]";
	const char *reverse = "[\"int\",\"null\"]";
	const char *three = "[\"null\",\"int\",\"string\"]";

	GOOD(nullable, "\x00");
	GOOD(nullable,
	     "\x02\x02"
	     "a");
	BAD(nullable, "\x04", "avro.union");
	BAD(nullable, "\x01", "avro.union");
	BAD(nullable, "\x02", "avro.truncated");
	BAD(nullable, "\x02\x02\xff", "avro.utf8");
	BAD(nullable, "\x00\x00", "avro.trailing");
	GOOD(reverse, "\x02");
	GOOD(reverse, "\x00\x05");
	BAD(reverse, "\x00", "avro.truncated");
	GOOD(three, "\x00");
	GOOD(three, "\x02\x05");
	GOOD(three,
	     "\x04\x02"
	     "a");
	BAD(three, "\x06", "avro.union");
	BAD(three, "\x02", "avro.truncated");
	BAD("[]", "\x00", "avro.union");
	GOOD("[\"int\"]", "\x00\x02");
}

static void
test_array(void **state)
{
	const char *avsc = "{\"type\":\"array\",\"items\":\"int\"}";

	GOOD(avsc, "\x00");
	GOOD(avsc, "\x04\x02\x02\x00");
	GOOD(avsc, "\x02\x02\x02\x02\x00");     /* two blocks */
	GOOD(avsc, "\x03\x04\x02\x02\x00");     /* -2, of 2 bytes */
	GOOD(avsc, "\x03\x06\x80\x01\x02\x00"); /* -2, of 3 bytes */
	BAD(avsc, "", "avro.truncated");
	BAD(avsc, "\x04\x02\x02", "avro.truncated");
	BAD(avsc, "\x04\x02", "avro.count");
	BAD(avsc, "\xfe\xff\xff\xff\x0f\x00", "avro.count");
	BAD(avsc, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
	    "avro.count"); /* -2^63 has no opposite */
	BAD(avsc, "\x03\x08\x02\x02\x00", "avro.block-size");
	BAD(avsc, "\x03\x06\x02\x02\x00", "avro.block-size");
	BAD(avsc, "\x03\x01\x02\x02\x00", "avro.block-size");
	BAD(avsc, "\x03\x02\x02\x02\x00", "avro.count");
	BAD(avsc, "\x01\x04\x80\x80\x02\x00", "avro.block-size");
	BAD(avsc, "\x04\x02\xff\xff\xff\xff\x7f\x00", "avro.varint@/1");
}

static void
test_map(void **state)
{
	const char *avsc = "{\"type\":\"map\",\"values\":\"boolean\"}";

	GOOD(avsc, "\x00");
	GOOD(avsc,
	     "\x04\x02"
	     "a\x01\x02"
	     "b\x00\x00");
	GOOD(avsc,
	     "\x01\x06\x02"
	     "a\x01\x00");
	BAD(avsc, "\x02\x02\xff\x01\x00", "avro.utf8");
	BAD(avsc,
	    "\x02\x02"
	    "a\x02\x00",
	    "avro.boolean@/a");
	BAD(avsc,
	    "\x02\x06"
	    "a/~\x02\x00",
	    "avro.boolean@/a~1~0");
	BAD(avsc,
	    "\x06\x02"
	    "a\x01\x00",
	    "avro.count");
}

static void
test_elements_without_bytes_are_bounded(void **state)
{
	const char *avsc = "{\"type\":\"array\",\"items\":\"null\"}";

	GOOD(avsc, "\x00");
	GOOD(avsc, "\x80\x80\x08\x00"); /* 65536 */
	GOOD(avsc, "\x0b\x00\x00");     /* -6, of 0 bytes */
	BAD(avsc, "\x82\x80\x08\x00", "avro.count");
	BAD(avsc, "\x80\x80\x08\x02\x00", "avro.count");
	BAD(avsc, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", "avro.count");
	BAD(avsc, "\x0b\x02\x00\x00", "avro.block-size");
	GOOD("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
	     "\"r\",\"fields\":[{\"name\":\"n\",\"type\":\"null\"}]}}",
	     "\x04\x00");
}

static void
test_record_paths(void **state)
{
	const char *avsc =
		"{\"type\":\"record\",\"name\":\"r\",\"fields\":["
		"{\"name\":\"a\",\"type\":\"int\"},"
		"{\"name\":\"lines\",\"type\":{\"type\":\"array\",\"items\":"
		"{\"type\":\"record\",\"name\":\"line\",\"fields\":["
		"{\"name\":\"sku\",\"type\":\"string\"},"
		"{\"name\":\"ok\",\"type\":\"boolean\"}]}}}]}";

	GOOD(avsc,
	     "\x02\x04\x02"
	     "x\x01\x02"
	     "y\x00\x00");
	BAD(avsc,
	    "\x02\x04\x02"
	    "x\x01\x02"
	    "y\x09\x00",
	    "avro.boolean@/lines/1/ok");
	BAD(avsc,
	    "\x02\x04\x02"
	    "x\x01\x02\xff\x00\x00",
	    "avro.utf8@/lines/1/sku");
	BAD(avsc, "\x02", "avro.truncated@/lines");
}

static const char list_avsc[] =
	"{\"type\":\"record\",\"name\":\"list\",\"fields\":["
	"{\"name\":\"next\",\"type\":[\"null\",\"list\"]}]}";

static void
test_recursion_is_bounded(void **state)
{
	uint8_t body[128];

	memset(body, 0x02, sizeof(body));
	body[63] = 0x00; /* the 64th record ends it */
	assert_string_equal(given_body(list_avsc, body, 64), "");
	body[63] = 0x02;
	body[64] = 0x00;
	assert_memory_equal(given_body(list_avsc, body, 65), "avro.depth", 10);
}

static void
test_arrays_of_arrays_are_bounded(void **state)
{
	const char *avsc = "{\"type\":\"record\",\"name\":\"t\",\"fields\":["
			   "{\"name\":\"c\",\"type\":{\"type\":\"array\","
			   "\"items\":\"t\"}}]}";
	uint8_t body[256];

	/* one child each, down to a leaf, then the ends of all */
	memset(body, 0x02, 31);
	memset(body + 31, 0x00, 32);
	assert_string_equal(given_body(avsc, body, 63), "");
	memset(body, 0x02, 33);
	memset(body + 33, 0x00, 34);
	assert_memory_equal(given_body(avsc, body, 67), "avro.depth", 10);
}

static void
test_logical_types(void **state)
{
	const char *decimal = "{\"type\":\"bytes\",\"logicalType\":\"decimal\","
			      "\"precision\":4,\"scale\":2}";
	const char *fixed = "{\"type\":\"fixed\",\"name\":\"d\",\"size\":4,"
			    "\"logicalType\":\"decimal\",\"precision\":4}";
	const char *uuid = "{\"type\":\"string\",\"logicalType\":\"uuid\"}";
	const char *millis = "{\"type\":\"int\",\"logicalType\":"
			     "\"time-millis\"}";
	const char *micros = "{\"type\":\"long\",\"logicalType\":"
			     "\"time-micros\"}";

	GOOD(decimal, "\x04\x27\x0f"); /* 9999 */
	GOOD(decimal, "\x04\xd8\xf1"); /* -9999 */
	GOOD(decimal, "\x08\x00\x00\x27\x0f");
	BAD(decimal, "\x04\x27\x10", "logical.decimal");
	BAD(decimal, "\x04\xd8\xf0", "logical.decimal");
	BAD(decimal, "\x00", "logical.decimal");
	BAD(decimal, "\x04\x27", "avro.truncated");
	GOOD(fixed, "\x00\x00\x27\x0f");
	BAD(fixed, "\x7f\x00\x27\x0f", "logical.decimal");
	BAD(fixed, "\x7f\x00\x27", "avro.truncated");
	GOOD(uuid,
	     "\x48"
	     "01234567-89ab-cdef-0123-456789ABCDEF");
	BAD(uuid,
	    "\x48"
	    "01234567-89ab-cdef-0123x456789ABCDEF",
	    "logical.uuid");
	BAD(uuid, "\x00", "logical.uuid");
	BAD(uuid, "\x02\xff", "avro.utf8");
	GOOD(millis, "\xfe\xef\xb2\x52"); /* 86399999 */
	BAD(millis, "\x80\xf0\xb2\x52", "logical.time");
	BAD(millis, "\x01", "logical.time");
	BAD(millis, "\x01\x01", "logical.time avro.trailing");
	BAD(micros, "\x01", "logical.time");
	/* an invalid one is ignored */
	GOOD("{\"type\":\"bytes\",\"logicalType\":\"decimal\"}", "\x00");
	GOOD("{\"type\":\"long\",\"logicalType\":\"time-millis\"}", "\x01");
}

/* Runs of fields are one operation; a fault in each place must be seen. */
static void
test_runs_of_fields(void **state)
{
	const char *avsc = "{\"type\":\"record\",\"name\":\"r\",\"fields\":["
			   "{\"name\":\"a\",\"type\":\"int\"},"
			   "{\"name\":\"b\",\"type\":\"int\"},"
			   "{\"name\":\"c\",\"type\":\"double\"},"
			   "{\"name\":\"d\",\"type\":\"float\"},"
			   "{\"name\":\"e\",\"type\":\"string\"},"
			   "{\"name\":\"f\",\"type\":\"string\"},"
			   "{\"name\":\"g\",\"type\":\"boolean\"},"
			   "{\"name\":\"h\",\"type\":\"boolean\"}]}";

	GOOD(avsc,
	     "\x02\x04"
	     "12345678"
	     "1234"
	     "\x02x\x02y\x00\x01");
	BAD(avsc,
	    "\x02\x04"
	    "12345678"
	    "1234"
	    "\x02x\x02y\x00\x02",
	    "avro.boolean@/h");
	BAD(avsc,
	    "\x02\x04"
	    "12345678"
	    "1234"
	    "\x02x\x02\x80\x00\x01",
	    "avro.utf8@/f");
	BAD(avsc,
	    "\x02\xff\xff\xff\xff\x7f"
	    "12345678"
	    "1234"
	    "\x02x\x02y\x00\x01",
	    "avro.varint@/b");
	BAD(avsc,
	    "\x02\x04"
	    "12345678"
	    "123",
	    "avro.truncated@/d");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_boolean),
		cmocka_unit_test(test_int),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_float_and_double),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_string),
		cmocka_unit_test(test_string_next_to_other_bytes),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_enum),
		cmocka_unit_test(test_union),
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_elements_without_bytes_are_bounded),
		cmocka_unit_test(test_record_paths),
		cmocka_unit_test(test_recursion_is_bounded),
		cmocka_unit_test(test_arrays_of_arrays_are_bounded),
		cmocka_unit_test(test_logical_types),
		cmocka_unit_test(test_runs_of_fields),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
