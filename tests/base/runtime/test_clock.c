/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "tests/unit.h"

static int64_t fake_us, fake_ms;

static int64_t
now_us(void)
{
	return fake_us;
}

static int64_t
wall_ms(void)
{
	return fake_ms;
}

static void
test_monotonic_and_wall(void **state)
{
	int64_t before = clock_now_us();
	int64_t wall = clock_wall_ms();

	clock_sleep_ms(20);
	assert_true(clock_now_us() - before >= 20000);
	assert_true(clock_now_us() - before < 10000000);
	assert_true(wall > INT64_C(1700000000000));
	clock_sleep_ms(0);
	clock_sleep_ms(-5);
}

static void
test_fake(void **state)
{
	fake_us = 17;
	fake_ms = 18;
	clock_set_fake(now_us, wall_ms);
	assert_int_equal(17, clock_now_us());
	assert_int_equal(18, clock_wall_ms());
	clock_set_fake(NULL, NULL);
	assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

static void
assert_format(const char *expected, int64_t ms)
{
	char text[CLOCK_TEXT_MAX];

	assert_string_equal(expected, clock_format_ms(ms, text));
}

static void
test_format(void **state)
{
	assert_format("1970-01-01T00:00:00.000Z", 0);
	assert_format("1969-12-31T23:59:59.999Z", -1);
	assert_format("2026-03-29T01:59:59.123Z", INT64_C(1774749599123));
	assert_format("2000-02-29T00:00:00.000Z", INT64_C(951782400000));
	assert_format("1900-03-01T00:00:00.000Z", INT64_C(-2203891200000));
	assert_format("0000-01-01T00:00:00.000Z", INT64_C(-62167219200000));
	assert_format("-62167219200001ms", INT64_C(-62167219200001));
	assert_format("9999-12-31T23:59:59.999Z", INT64_C(253402300799999));
	assert_format("253402300800000ms", INT64_C(253402300800000));
	assert_format("9223372036854775807ms", INT64_MAX);
	assert_format("-9223372036854775808ms", INT64_MIN);
}

/* Each day of years 0 to 9999, against the C library. */
static void
test_format_every_day(void **state)
{
	char text[CLOCK_TEXT_MAX], expected[64];

	for (int64_t ms = INT64_C(-62167219200000);
	     ms <= INT64_C(253402300799999); ms += INT64_C(86400000)) {
		time_t seconds = (time_t)(ms / 1000);
		struct tm tm;

		gmtime_r(&seconds, &tm);
		snprintf(expected, sizeof(expected),
		         "%04d-%02d-%02dT00:00:00.000Z", tm.tm_year + 1900,
		         tm.tm_mon + 1, tm.tm_mday);
		assert_string_equal(expected, clock_format_ms(ms, text));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monotonic_and_wall),
		cmocka_unit_test(test_fake),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_format_every_day),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
