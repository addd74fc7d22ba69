/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/err.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/text.h"
#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

static void
test_set_gives_code_and_text(void **state)
{
	struct err err;

	assert_int_equal(
		ERR_NOT_FOUND,
		err_set(&err, ERR_NOT_FOUND, "no feed %s/%s", "DE", "stock"));
	assert_int_equal(ERR_NOT_FOUND, err.code);
	assert_string_equal("no feed DE/stock", err.text);
}

static void
test_context_goes_in_front(void **state)
{
	struct err err;

	err_set(&err, ERR_IO, "disk on fire");
	assert_int_equal(ERR_IO, err_context(&err, "lane %d", 3));
	assert_int_equal(ERR_IO, err_context(&err, "failed to record"));
	assert_string_equal("failed to record: lane 3: disk on fire", err.text);
}

static void
test_text_may_be_its_own_argument(void **state)
{
	struct err err;

	err_set(&err, ERR_IO, "first");
	err_set(&err, ERR_KAFKA, "second (%s)", err.text);
	assert_string_equal("second (first)", err.text);
	err_context(&err, "%s", err.text);
	assert_string_equal("second (first): second (first)", err.text);
}

/* Whatever the length, a cut text is well-formed, and full but for a rest. */
static void
test_cut_text_is_utf8(void **state)
{
	static const char *const letters[] = { "a", "\xc3\xa4", "\xe2\x82\xac",
		                               "\xf0\x9f\x9a\x9a" };
	char large[3 * ERR_TEXT_MAX];
	struct err err;

	for (int l = 0; l < 4; l++)
		for (size_t shift = 0; shift < 5; shift++) {
			size_t len = shift;

			memset(large, '.', shift);
			while (len + 5 < sizeof(large)) {
				memcpy(large + len, letters[l],
				       strlen(letters[l]));
				len += strlen(letters[l]);
			}
			large[len] = '\0';
			err_set(&err, ERR_IO, "%s", large);
			assert_true(text_is_utf8(err.text, strlen(err.text)));
			assert_in_range(strlen(err.text), ERR_TEXT_MAX - 4,
			                ERR_TEXT_MAX - 1);
			err_context(&err, "abc");
			assert_true(text_is_utf8(err.text, strlen(err.text)));
			assert_in_range(strlen(err.text), ERR_TEXT_MAX - 4,
			                ERR_TEXT_MAX - 1);
			err_context(&err, "%s", large);
			assert_true(text_is_utf8(err.text, strlen(err.text)));
			assert_in_range(strlen(err.text), ERR_TEXT_MAX - 7,
			                ERR_TEXT_MAX - 1);
		}
}

static void
test_table_is_complete(void **state)
{
	assert_string_equal("OK", err_name(ERR_OK));
	assert_int_equal(ERR_CLASS_NONE, err_class(ERR_OK));
	assert_int_equal(200, err_http_status(ERR_OK));
	assert_string_equal("POSTGRES_LOST", err_name(ERR_POSTGRES_LOST));
	assert_int_equal(ERR_CLASS_RETRY, err_class(ERR_POSTGRES_LOST));
	assert_int_equal(ERR_CLASS_FATAL, err_class(ERR_DIVERGED));
	assert_int_equal(413, err_http_status(ERR_TOO_LARGE));
	for (unsigned int i = 1; i < ERR_CODE_COUNT; i++) {
		enum err_code code = (enum err_code)i;

		assert_non_null(err_name(code));
		assert_true(strlen(err_text(code)) > 10);
		assert_int_not_equal(ERR_CLASS_NONE, err_class(code));
		assert_in_range(err_http_status(code), 400, 599);
	}
}

static void
set_ok(void)
{
	struct err err;

	err_set(&err, ERR_OK, "no");
}

static void
set_beyond(void)
{
	struct err err;

	err_set(&err, ERR_CODE_COUNT, "no");
}

static void
set_null(void)
{
	err_set(NULL, ERR_IO, "no");
}

static void
context_of_nothing(void)
{
	struct err err = { ERR_OK, "" };

	err_context(&err, "no");
}

static void
test_misuse_is_a_bug(void **state)
{
	assert_true(dies(set_ok));
	assert_true(dies(set_beyond));
	assert_true(dies(set_null));
	assert_true(dies(context_of_nothing));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_gives_code_and_text),
		cmocka_unit_test(test_context_goes_in_front),
		cmocka_unit_test(test_text_may_be_its_own_argument),
		cmocka_unit_test(test_cut_text_is_utf8),
		cmocka_unit_test(test_table_is_complete),
		cmocka_unit_test(test_misuse_is_a_bug),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
