/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor goes on with its own question only.
 */
#include "gateway/rest/cursor.h"

#include <string.h>

#include "tests/unit.h"

static void
test_it_comes_back_as_it_went(void **state)
{
	static const struct cursor cursors[] = {
		{ 0, 0 },
		{ 1774749599123, 17 },
		{ -62135596800000, INT32_MAX },
	};

	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		struct cursor read = { 1, 1 };
		char text[CURSOR_TEXT_MAX];

		cursor_print(&cursors[i], "us/sales&key=a", text);
		assert_true(cursor_parse(text, "us/sales&key=a", &read));
		assert_int_equal(read.time_ms, cursors[i].time_ms);
		assert_int_equal(read.skip, cursors[i].skip);
		assert_false(cursor_parse(text, "us/sales&key=b", &read));
		assert_false(cursor_parse(text, "nl/sales&key=a", &read));
	}
}

static void
test_any_other_character_is_noticed(void **state)
{
	const struct cursor cursor = { 1774749599123, 3 };
	char text[CURSOR_TEXT_MAX];
	struct cursor read;
	size_t len;

	cursor_print(&cursor, "q", text);
	len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		assert_false(cursor_parse(text, "q", &read));
		text[i] = '%';
		assert_false(cursor_parse(text, "q", &read));
		text[i] = was;
	}
	text[len - 1] = '\0';
	assert_false(cursor_parse(text, "q", &read));
	assert_false(cursor_parse("", "q", &read));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_comes_back_as_it_went),
		cmocka_unit_test(test_any_other_character_is_noticed),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
