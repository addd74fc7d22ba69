/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Which logical types hold, which are ignored and why; decimals at the edges
 * of their precision.
 */
#include "contracts/schema_logical.h"

#include "tests/contracts/given.h"

static void
expect(const char *avsc, enum schema_logical logical, const char *ignored)
{
	struct schema *schema = NULL;
	struct err err;

	assert_int_equal(schema_parse(avsc, &schema, &err), ERR_OK);
	assert_int_equal(schema->root->logical, logical);
	if (ignored == NULL)
		assert_null(schema->root->logical_ignored);
	else
		assert_string_equal(schema->root->logical_ignored, ignored);
	schema_free(&schema);
}

static void
test_which_hold(void **state)
{
	expect("{\"type\":\"int\",\"logicalType\":\"date\"}", SCHEMA_DATE,
	       NULL);
	expect("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":"
	       "9,\"scale\":2}",
	       SCHEMA_DECIMAL, NULL);
	expect("{\"type\":\"fixed\",\"name\":\"f\",\"size\":4,\"logicalType\":"
	       "\"decimal\",\"precision\":9}",
	       SCHEMA_DECIMAL, NULL);
	expect("{\"type\":\"fixed\",\"name\":\"f\",\"size\":16,\"logicalType\":"
	       "\"uuid\"}",
	       SCHEMA_UUID, NULL);
	expect("{\"type\":\"fixed\",\"name\":\"f\",\"size\":12,\"logicalType\":"
	       "\"duration\"}",
	       SCHEMA_DURATION, NULL);
}

static void
test_which_are_ignored(void **state)
{
	expect("{\"type\":\"long\",\"logicalType\":\"date\"}", SCHEMA_PLAIN,
	       "date: not for this type");
	expect("{\"type\":\"int\",\"logicalType\":\"colour\"}", SCHEMA_PLAIN,
	       "colour: unknown");
	expect("{\"type\":\"int\",\"logicalType\":3}", SCHEMA_PLAIN, NULL);
	expect("{\"type\":\"bytes\",\"logicalType\":\"decimal\"}", SCHEMA_PLAIN,
	       "decimal: the precision is not a positive integer");
	expect("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":"
	       "2,\"scale\":3}",
	       SCHEMA_PLAIN,
	       "decimal: the scale is not from 0 to the precision");
	expect("{\"type\":\"fixed\",\"name\":\"f\",\"size\":4,\"logicalType\":"
	       "\"decimal\",\"precision\":10}",
	       SCHEMA_PLAIN,
	       "decimal: the precision does not fit into the fixed");
	expect("{\"type\":\"fixed\",\"name\":\"f\",\"size\":11,\"logicalType\":"
	       "\"duration\"}",
	       SCHEMA_PLAIN, "duration: a duration has 12 bytes");
	expect("{\"type\":\"fixed\",\"name\":\"f\",\"size\":15,\"logicalType\":"
	       "\"uuid\"}",
	       SCHEMA_PLAIN, "uuid: a uuid has 16 bytes");
}

static void
test_decimals(void **state)
{
	/* 10^18 - 1 and 10^18, in 8 and in 9 bytes; the same below zero */
	assert_true(schema_logical_decimal_fits(
		BYTES("\x0d\xe0\xb6\xb3\xa7\x63\xff\xff"), 18));
	assert_false(schema_logical_decimal_fits(
		BYTES("\x0d\xe0\xb6\xb3\xa7\x64\x00\x00"), 18));
	assert_true(schema_logical_decimal_fits(
		BYTES("\x00\x0d\xe0\xb6\xb3\xa7\x63\xff\xff"), 18));
	assert_false(schema_logical_decimal_fits(
		BYTES("\x00\x0d\xe0\xb6\xb3\xa7\x64\x00\x00"), 18));
	assert_true(schema_logical_decimal_fits(
		BYTES("\xff\xf2\x1f\x49\x4c\x58\x9c\x00\x01"), 18));
	assert_false(schema_logical_decimal_fits(
		BYTES("\xff\xf2\x1f\x49\x4c\x58\x9c\x00\x00"), 18));
	/* the smallest of 8 bytes */
	assert_false(schema_logical_decimal_fits(
		BYTES("\x80\x00\x00\x00\x00\x00\x00\x00"), 18));
	assert_true(schema_logical_decimal_fits(
		BYTES("\x80\x00\x00\x00\x00\x00\x00\x00"), 19));
	/* 16 bytes have 39 digits */
	assert_false(schema_logical_decimal_fits(
		BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff"
	              "\xff\xff\xff\xff\xff\xff\xff\xff"),
		38));
	assert_true(schema_logical_decimal_fits(
		BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff"
	              "\xff\xff\xff\xff\xff\xff\xff\xff"),
		39));
	assert_false(schema_logical_decimal_fits(
		BYTES("\x7f\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	              "\x00\x00\x00\x00\x00\x00"),
		40));
	assert_true(schema_logical_decimal_fits(BYTES("\x00"), 1));
	assert_false(schema_logical_decimal_fits(BYTES(""), 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_hold),
		cmocka_unit_test(test_which_are_ignored),
		cmocka_unit_test(test_decimals),
	};

	unit_alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
