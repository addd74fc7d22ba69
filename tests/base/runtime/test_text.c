/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/text.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit.h"

static void
test_grows_and_is_terminated(void **state)
{
	struct text text;

	text_init(&text, 1000000);
	assert_string_equal("", text_string(&text));
	for (size_t i = 0; i < 100000; i++) {
		assert_int_equal(i, text.len);
		text_add(&text, "x");
		assert_int_equal('\0', text.bytes[text.len]);
	}
	assert_false(text_is_cut(&text));
	text_reset(&text);
	assert_string_equal("", text_string(&text));
	text_add_bytes(&text, NULL, 0);
	text_add_bytes(&text, "a\0b", 3);
	assert_int_equal(3, text.len);
	assert_memory_equal("a\0b", text.bytes, 4);
	text_fini(&text);
	text_fini(&text);
	assert_string_equal("", text_string(&text));
}

static void
test_exactly_the_maximum_is_not_cut(void **state)
{
	struct text text;

	text_init(&text, 5);
	text_add(&text, "12345");
	assert_false(text_is_cut(&text));
	text_add(&text, "");
	assert_false(text_is_cut(&text));
	text_add(&text, "6");
	assert_true(text_is_cut(&text));
	assert_string_equal("12345", text_string(&text));
	text_fini(&text);
}

/* After a cut nothing is added: the content stays a prefix. */
static void
test_cut_keeps_a_prefix(void **state)
{
	struct text text;

	text_init(&text, 10);
	text_addf(&text, "%s", "1234567");
	text_addf(&text, "%d", 89012345);
	text_add(&text, "z");
	assert_true(text_is_cut(&text));
	assert_string_equal("1234567890", text_string(&text));
	text_reset(&text);
	assert_false(text_is_cut(&text));
	text_add(&text, "ab");
	assert_string_equal("ab", text_string(&text));
	text_fini(&text);
}

static void
test_addf_of_every_length(void **state)
{
	char large[1200];

	for (size_t max = 500; max < 503; max++)
		for (size_t len = 0; len < 1100; len += len < 250 ? 50 : 1) {
			struct text text;

			memset(large, 'q', len);
			large[len] = '\0';
			text_init(&text, max);
			text_addf(&text, "%s", large);
			assert_int_equal(len < max ? len : max, text.len);
			assert_int_equal(len > max, text_is_cut(&text));
			assert_int_equal(text.len, strlen(text.bytes));
			text_fini(&text);
		}
}

static void
assert_json(const char *expected, const char *bytes, size_t len)
{
	struct text text;

	text_init(&text, 1000);
	text_add_json(&text, bytes, len);
	assert_string_equal(expected, text_string(&text));
	text_fini(&text);
}

static void
test_json_escapes(void **state)
{
	assert_json("\"\"", "", 0);
	assert_json("\"\"", NULL, 0);
	assert_json("\"a\\\"b\\\\c/\"", "a\"b\\c/", 6);
	assert_json("\"\\n\\r\\t\\b\\f\\u0001\\u001f\\u007f\"",
	            "\n\r\t\b\f\x01\x1f\x7f", 8);
	assert_json("\"\\u0000\"", "\0", 1);
	assert_json("\"\xc3\xa4\xf0\x9f\x9a\x9a\"", "\xc3\xa4\xf0\x9f\x9a\x9a",
	            6);
	assert_json("\"\xef\xbf\xbd\"", "\xff", 1);
	assert_json("\"a\xef\xbf\xbd"
	            "b\"",
	            "a\xc3"
	            "b",
	            3);
	assert_json("\"\xef\xbf\xbd\"", "\xc3", 1);
}

static void
test_hex(void **state)
{
	struct text text;

	text_init(&text, 100);
	text_add_hex(&text, "\x00\x0f\xf0\xff", 4);
	assert_string_equal("000ff0ff", text_string(&text));
	text_fini(&text);
}

/* The plain definition, against which the fast one is compared. */
static bool
decode(const uint8_t *bytes, size_t len)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i = 0;

	while (i < len) {
		uint8_t lead = bytes[i];
		size_t need = lead < 0x80             ? 1
			: lead >= 0xc0 && lead < 0xe0 ? 2
			: lead >= 0xe0 && lead < 0xf0 ? 3
			: lead >= 0xf0 && lead < 0xf8 ? 4
						      : 0;
		uint32_t point;

		if (need == 0 || len - i < need)
			return false;
		point = need == 1 ? lead : lead & (0x7fu >> need);
		for (size_t k = 1; k < need; k++) {
			if ((bytes[i + k] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (bytes[i + k] & 0x3f);
		}
		if (need > 1 && point < least[need])
			return false;
		if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
			return false;
		i += need;
	}
	return true;
}

static void
test_utf8_all_of_three_bytes(void **state)
{
	uint8_t bytes[3];

	for (uint32_t i = 0; i < 1u << 24; i += i < 0x800000 ? 4097 : 1) {
		bytes[0] = (uint8_t)(i >> 16);
		bytes[1] = (uint8_t)(i >> 8);
		bytes[2] = (uint8_t)i;
		if (text_is_utf8(bytes, 3) != decode(bytes, 3))
			fail_msg("%06x", i);
	}
}

static void
test_utf8_four_bytes(void **state)
{
	uint8_t bytes[4];

	for (unsigned int lead = 0xee; lead < 0x100; lead++)
		for (unsigned int second = 0; second < 0x100; second++)
			for (unsigned int rest = 0; rest < 9; rest++) {
				static const uint8_t some[3] = { 0x7f, 0x80,
					                         0xbf };

				bytes[0] = (uint8_t)lead;
				bytes[1] = (uint8_t)second;
				bytes[2] = some[rest / 3];
				bytes[3] = some[rest % 3];
				assert_int_equal(decode(bytes, 4),
				                 text_is_utf8(bytes, 4));
			}
}

/* A letter or a fault at each place of each length: the stretches of 8 and
   32 bytes and the overlapping last look must not hide one. */
static void
test_utf8_at_every_place(void **state)
{
	static const char *const pieces[] = { "\xff",
		                              "\x80",
		                              "\xc3\xa4",
		                              "\xe2\x82\xac",
		                              "\xf0\x9f\x9a\x9a",
		                              "\xed\xa0\x80",
		                              "\xc3",
		                              "\xe2\x82",
		                              "\xf0\x9f\x9a",
		                              "\xc0\x80" };
	uint8_t bytes[100];

	for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++)
		for (size_t len = strlen(pieces[p]); len < 80; len++)
			for (size_t at = 0; at + strlen(pieces[p]) <= len;
			     at++) {
				memset(bytes, 'a', sizeof(bytes));
				memcpy(bytes + at, pieces[p],
				       strlen(pieces[p]));
				assert_int_equal(decode(bytes, len),
				                 text_is_utf8(bytes, len));
				assert_int_equal(decode(bytes + 1, len),
				                 text_is_utf8(bytes + 1, len));
			}
	assert_true(text_is_utf8("", 0));
	assert_true(text_is_utf8(NULL, 0));
}

static void
test_int_as_printf_has_it(void **state)
{
	const int64_t edges[] = { 0, INT64_MAX, INT64_MIN, -1 };
	char ours[TEXT_INT_MAX], theirs[32];
	int64_t power = 1;

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		snprintf(theirs, sizeof(theirs), "%lld", (long long)edges[i]);
		assert_int_equal(text_print_int(ours, edges[i]),
		                 strlen(theirs));
		assert_string_equal(ours, theirs);
	}
	for (int n = 0; n < 18; n++, power *= 10) {
		for (int64_t v = -3 * power - 12; v < 3 * power;
		     v += power / 4 + 1) {
			snprintf(theirs, sizeof(theirs), "%lld", (long long)v);
			assert_int_equal(text_print_int(ours, v),
			                 strlen(theirs));
			assert_string_equal(ours, theirs);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_and_is_terminated),
		cmocka_unit_test(test_exactly_the_maximum_is_not_cut),
		cmocka_unit_test(test_cut_keeps_a_prefix),
		cmocka_unit_test(test_addf_of_every_length),
		cmocka_unit_test(test_json_escapes),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_utf8_all_of_three_bytes),
		cmocka_unit_test(test_utf8_four_bytes),
		cmocka_unit_test(test_utf8_at_every_place),
		cmocka_unit_test(test_int_as_printf_has_it),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
