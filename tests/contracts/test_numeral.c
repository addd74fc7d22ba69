/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as text against what the C library makes of them, bit for bit; and
 * decimals against arithmetic of 128 bits.
 */
#include "contracts/numeral.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

#define NUMERAL_ROUNDS 200000

static uint64_t random_state = 88172645463325252u;

static uint64_t
random_bits(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static struct numeral
read_text(const char *text)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
	struct numeral number;

	if (numeral_read(at, end, &number) != end)
		fail_msg("not read: %s", text);
	return number;
}

static void
compare(const char *text)
{
	struct numeral number = read_text(text);
	double twice = 0, wanted = strtod(text, NULL);
	float once = 0, wanted_once = strtof(text, NULL);

	assert_int_equal(numeral_to_double(&number, &twice), !isinf(wanted));
	if (!isinf(wanted) && memcmp(&twice, &wanted, sizeof(twice)) != 0)
		fail_msg("%s: %a is not %a", text, twice, wanted);
	assert_int_equal(numeral_to_float(&number, &once), !isinf(wanted_once));
	if (!isinf(wanted_once) &&
	    memcmp(&once, &wanted_once, sizeof(once)) != 0)
		fail_msg("%s: float %a is not %a", text, (double)once,
		         (double)wanted_once);
}

static void
test_rounds_as_the_library_does(void **state)
{
	static const char *const special[] = {
		"0",
		"-0",
		"0.0",
		"-0e5",
		"1e22",
		"1e23",
		"9007199254740993",
		"9007199254740992.5",
		"9007199254740993.00000000000000001",
		"1e-27",
		"1e27",
		"1e28",
		"18446744073709551615",
		"4.9e-324",
		"2.4703282292062327e-324",
		"2.4703282292062328e-324",
		"1e-400",
		"1.7976931348623157e308",
		"1.7976931348623159e308",
		"1e400",
		"3.4028235e38",
		"3.4028236e38",
		"16777217",
		"16777217.0000001",
		"33554433e-1",
		"0.1",
		"123456789012345678901234567890",
		"0.000000000000000000000000000000000000000000001",
		"1e99999999",
		"1e-99999999",
		"1E+2",
		"72057594037927945",
		"0.5e-400",
		"8.589973e9",
		"7.038531e-26",
	};
	char text[64];

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		compare(special[i]);
	for (int i = 0; i < NUMERAL_ROUNDS; i++) {
		uint64_t bits = random_bits();
		double value;

		memcpy(&value, &bits, sizeof(value));
		if (isnan(value) || isinf(value))
			continue;
		snprintf(text, sizeof(text), "%.*g", 1 + i % 18, value);
		if (strchr(text, '+') != NULL || text[0] != '.')
			compare(text);
		snprintf(text, sizeof(text), "%s%" PRIu64 "e%d",
		         bits % 2 == 0 ? "-" : "", bits >> (bits % 60),
		         (int)(random_bits() % 64) - 32);
		compare(text);
		snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64,
		         random_bits() >> (bits % 64), random_bits() >> 4);
		compare(text);
	}
}

/* Half way between two doubles, and a bit beside. */
static void
test_half_way(void **state)
{
	char text[64];

	for (int i = 0; i < NUMERAL_ROUNDS; i++) {
		uint64_t mantissa = (random_bits() >> 11) | UINT64_C(1) << 52;

		snprintf(text, sizeof(text), "%" PRIu64,
		         (mantissa << 1 | 1) + random_bits() % 3 - 1);
		compare(text);
		snprintf(text, sizeof(text), "%" PRIu64 ".5", mantissa);
		compare(text);
		snprintf(text, sizeof(text), "%" PRIu64 ".%s", mantissa >> 2,
		         i % 2 == 0 ? "125" : "375");
		compare(text);
	}
}

static void
test_what_is_no_number(void **state)
{
	static const char *const bad[] = { "",   "-",   "+1", ".5", "1.", "01",
		                           "1e", "1e+", "x",  "-x", "00" };
	struct numeral number;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(numeral_read(
			(const uint8_t *)bad[i],
			(const uint8_t *)bad[i] + strlen(bad[i]), &number));
}

static void
test_integers(void **state)
{
	struct numeral number;
	char text[64];
	int64_t value;

	for (int i = 0; i < NUMERAL_ROUNDS; i++) {
		int64_t wanted = (int64_t)random_bits() >> (i % 64);

		snprintf(text, sizeof(text), "%" PRId64, wanted);
		number = read_text(text);
		assert_true(numeral_to_integer(&number, INT64_MIN, INT64_MAX,
		                               &value));
		assert_true(value == wanted);
	}
	number = read_text("9223372036854775808");
	assert_false(numeral_to_integer(&number, INT64_MIN, INT64_MAX, &value));
	number = read_text("18446744073709551616");
	assert_false(numeral_to_integer(&number, INT64_MIN, INT64_MAX, &value));
	number = read_text("92233720368547758070");
	assert_false(numeral_to_integer(&number, INT64_MIN, INT64_MAX, &value));
}

/* The bytes back to a number of 128 bits. */
static __int128
number_of(const uint8_t *bytes, size_t len)
{
	__int128 value = bytes[0] >= 0x80 ? -1 : 0;

	for (size_t i = 0; i < len; i++)
		value = (__int128)((unsigned __int128)value << 8 | bytes[i]);
	return value;
}

/* The most digits that a precision lets pass, and one more. */
static void
test_the_precision_of_decimals(void **state)
{
	uint8_t bytes[NUMERAL_DECIMAL_MAX];
	struct numeral number;
	char text[400];
	size_t len;

	for (int digits = 1; digits < 310; digits++) {
		memset(text, '9', (size_t)digits);
		text[digits] = '\0';
		number = read_text(text);
		assert_int_equal(
			numeral_to_decimal(&number, digits, 0, bytes, &len),
			digits <= 307 ? NUMERAL_GOOD : NUMERAL_LARGE);
		assert_int_equal(
			numeral_to_decimal(&number, digits - 1, 0, bytes, &len),
			NUMERAL_LARGE);
		memset(text, '0', (size_t)digits);
		text[0] = '1';
		number = read_text(text);
		assert_int_equal(
			numeral_to_decimal(&number, digits - 1, 0, bytes, &len),
			NUMERAL_LARGE);
	}
}

static void
test_decimals(void **state)
{
	uint8_t bytes[NUMERAL_DECIMAL_MAX];
	size_t len;

	for (int i = 0; i < NUMERAL_ROUNDS; i++) {
		int64_t wanted = (int64_t)random_bits() >> (i % 64);
		int scale = i % 19;
		uint64_t whole =
			wanted < 0 ? 0 - (uint64_t)wanted : (uint64_t)wanted;
		char digits[32], text[64];
		struct numeral number;
		size_t count;

		snprintf(digits, sizeof(digits), "%0*" PRIu64, scale + 1,
		         whole);
		count = strlen(digits) - (size_t)scale;
		snprintf(text, sizeof(text), "%s%.*s%s%s",
		         wanted < 0 ? "-" : "", (int)count, digits,
		         scale > 0 ? "." : "", digits + count);
		number = read_text(text);
		assert_int_equal(
			numeral_to_decimal(&number, 38, scale, bytes, &len),
			NUMERAL_GOOD);
		if (number_of(bytes, len) != wanted)
			fail_msg("%s", text);
		assert_true(len == 1 || bytes[0] != 0 || bytes[1] >= 0x80);
		assert_true(len == 1 || bytes[0] != 0xff || bytes[1] < 0x80);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds_as_the_library_does),
		cmocka_unit_test(test_half_way),
		cmocka_unit_test(test_what_is_no_number),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_decimals),
		cmocka_unit_test(test_the_precision_of_decimals),
	};

	unit_alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
