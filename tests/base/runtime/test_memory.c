/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/memory.h"

#include <string.h>

#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

static void
test_sizes_of_zero_are_legal(void **state)
{
	char *bytes = memory_alloc(0);

	assert_non_null(bytes);
	bytes = memory_realloc(bytes, 0);
	assert_non_null(bytes);
	memory_free(&bytes);
	assert_null(bytes);
	bytes = memory_calloc(0, 8);
	assert_non_null(bytes);
	memory_free(&bytes);
	memory_free(&bytes); /* NULL is legal */
	assert_null(bytes);
}

static void
test_calloc_clears(void **state)
{
	unsigned char *bytes = memory_calloc(100, 10);

	for (int i = 0; i < 1000; i++)
		assert_int_equal(0, bytes[i]);
	memory_free(&bytes);
}

static void
test_realloc_keeps_content(void **state)
{
	char *bytes = memory_realloc(NULL, 4);

	memcpy(bytes, "abc", 4);
	bytes = memory_realloc(bytes, 100000);
	assert_string_equal("abc", bytes);
	memory_free(&bytes);
}

static void
test_strdup(void **state)
{
	char *text = memory_strdup("");

	assert_string_equal("", text);
	memory_free(&text);
	text = memory_strndup("abcdef", 3);
	assert_string_equal("abc", text);
	memory_free(&text);
	text = memory_strndup("abc", 100);
	assert_string_equal("abc", text);
	memory_free(&text);
	text = memory_strndup(NULL, 0);
	assert_string_equal("", text);
	memory_free(&text);
}

static void
overflow(void)
{
	volatile size_t half = SIZE_MAX / 2;
	void *bytes = memory_calloc(half, 4);

	memory_free(&bytes);
}

static void
dup_null(void)
{
	char *volatile nothing = NULL;
	char *text = memory_strdup(nothing);

	memory_free(&text);
}

static void
test_misuse_is_a_bug(void **state)
{
	assert_true(dies(dup_null));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&         \
	!defined(__clang__) /* their allocators end it in their own way */
	assert_true(dies(overflow));
#else
	(void)overflow;
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_of_zero_are_legal),
		cmocka_unit_test(test_calloc_clears),
		cmocka_unit_test(test_realloc_keeps_content),
		cmocka_unit_test(test_strdup),
		cmocka_unit_test(test_misuse_is_a_bug),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
