/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as clients write them.
 */
#include "gateway/rest/moment.h"

#include <string.h>

#include "tests/unit.h"

static int64_t
parse(const char *text)
{
	int64_t ms = -77;

	return moment_parse(text, strlen(text), &ms) ? ms : -77;
}

static void
test_milliseconds_and_rfc_3339(void **state)
{
	assert_int_equal(parse("0"), 0);
	assert_int_equal(parse("1700000000123"), 1700000000123);
	assert_int_equal(parse("-5"), -5);
	assert_int_equal(parse("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(parse("2026-03-29T01:59:59.123Z"), 1774749599123);
	assert_int_equal(parse("2026-03-29t01:59:59.1239z"), 1774749599123);
	assert_int_equal(parse("2026-03-29 03:59:59.1+02:00"), 1774749599100);
	assert_int_equal(parse("2026-03-28T20:59:59-05:00"), 1774749599000);
	assert_int_equal(parse("2024-02-29T00:00:00Z"), 1709164800000);
	assert_int_equal(parse("0000-03-01T00:00:00Z"), -62162035200000);
	assert_int_equal(parse("2016-12-31T23:59:60Z"), 1483228800000);
}

static void
test_anything_else_is_none(void **state)
{
	static const char *const wrong[] = {
		"",
		"-",
		"now",
		"2026-03-29",
		"2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z",
		"2026-01-01T00:00:61Z",
		"2026-01-01T00:00:00",
		"2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00+24:00",
		"2026-01-01T00:00:00+0100",
		"2026-01-01T00:00:00Zx",
		"1900-02-29T00:00:00Z",
		"9999999999999999999",
		"1.5",
		"12e3",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(parse(wrong[i]), -77);
	int64_t ms;
	assert_false(moment_parse("2026-01-01T00:00:00\0", 20, &ms));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_milliseconds_and_rfc_3339),
		cmocka_unit_test(test_anything_else_is_none),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
