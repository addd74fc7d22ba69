/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing that a terminal obeys gets through; numbers and times read well.
 */
#include "gateway/look/show.h"

#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "tests/unit.h"

static void
expect_bytes(const char *bytes, size_t len, const char *shown)
{
	struct text text;

	text_init(&text, 1000);
	show_bytes(&text, bytes, len);
	assert_string_equal(text_string(&text), shown);
	text_fini(&text);
}

static void
test_what_a_terminal_obeys_is_shown(void **state)
{
	expect_bytes("caf\xc3\xa9", 5, "caf\xc3\xa9");
	expect_bytes("\x1b[2J", 4, "\\x1b[2J");
	expect_bytes("a\0\n", 3, "a\\x00\\x0a");
	expect_bytes("\xc2\x9b", 2, "\\u{9b}");
	expect_bytes("\xe2\x80\xae", 3, "\\u{202e}");
	expect_bytes("\xff\xc3", 2, "\\xff\\xc3");
	expect_bytes("\xf0\x9f\x93\xa6", 4, "\xf0\x9f\x93\xa6");
	expect_bytes("", 0, "");
}

static void
test_json_stays_json(void **state)
{
	static const char given[] = "{\"a\":\"\xc2\x9b\xe2\x80\xae\xf3\xa0"
				    "\x80\xa0\"}";
	struct json *json = NULL;
	struct text text;
	struct err err;

	text_init(&text, 1000);
	show_json(&text, given, sizeof(given) - 1);
	assert_string_equal(text_string(&text),
	                    "{\"a\":\"\\u009b\\u202e\\udb40\\udc20\"}");
	assert_int_equal(json_parse(text.bytes, text.len, &json, &err), ERR_OK);
	json_free(&json);
	text_fini(&text);
}

static void
test_numbers_and_times(void **state)
{
	char count[SHOW_COUNT_MAX], time[SHOW_TIME_MAX];

	assert_string_equal(show_count(0, count), "0");
	assert_string_equal(show_count(999, count), "999");
	assert_string_equal(show_count(1000, count), "1,000");
	assert_string_equal(show_count(INT64_MIN, count),
	                    "-9,223,372,036,854,775,808");
	assert_string_equal(show_time(0, time), "1970-01-01 00:00:00.000 UTC");
	assert_string_equal(show_time(INT64_MAX, time),
	                    "9223372036854775807 ms since 1970");
	assert_string_equal(show_age(1000, 5000, time), "4 s");
	assert_string_equal(show_age(0, 7199999, time), "119 min");
	assert_string_equal(show_age(0, 86400000, time), "24 h");
	assert_string_equal(show_age(0, INT64_C(86400000) * 4000, time),
	                    "4,000 days");
	show_age(INT64_MIN, INT64_MAX, time);
	assert_int_equal(show_width("caf\xc3\xa9"), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_terminal_obeys_is_shown),
		cmocka_unit_test(test_json_stays_json),
		cmocka_unit_test(test_numbers_and_times),
	};

	unit_alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
