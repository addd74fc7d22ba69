/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A parameter that is dropped in silence would change what was asked.
 */
#include "gateway/rest/argument.h"

#include "base/runtime/arena.h"
#include "tests/unit.h"

static const char *const names[] = { "wait", "receipts" };
static const char *values[2];
static struct arena arena;
static struct err err;

static enum err_code
read_query(const char *query)
{
	arena_reset(&arena);
	return argument_read(query, names, 2, &arena, values, &err);
}

static void
test_what_is_known_is_decoded(void **state)
{
	assert_int_equal(read_query(""), ERR_OK);
	assert_null(values[0]);
	assert_int_equal(read_query("wait=for+war%64ed&receipts"), ERR_OK);
	assert_string_equal(values[0], "for warded");
	assert_string_equal(values[1], "");
	assert_int_equal(read_query("&&%77ait=a%3Db&"), ERR_OK);
	assert_string_equal(values[0], "a=b");
}

static void
test_what_is_unknown_or_twice_or_malformed_is_refused(void **state)
{
	static const char *const wrong[] = {
		"wiat=recorded", "wait=a&wait=a", "wait=%",  "wait=%4",
		"wait=%zz",      "wait=%00",      "=a",      "wait=%ff",
		"Wait=recorded", "%77ait=1&wait", "wait%=1",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(read_query(wrong[i]), ERR_USAGE);
}

static void
test_numbers_have_a_range(void **state)
{
	int64_t number = 7;

	assert_int_equal(argument_integer("n", "0", 0, 9, &number, &err),
	                 ERR_OK);
	assert_int_equal(number, 0);
	assert_int_equal(argument_integer("n", "-3", -5, 9, &number, &err),
	                 ERR_OK);
	assert_int_equal(number, -3);
	static const char *const wrong[] = {
		"", "-", "10", "-1", "1x", " 1", "+1", "99999999999999999999"
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(
			argument_integer("n", wrong[i], 0, 9, &number, &err),
			ERR_USAGE);
	assert_int_equal(number, -3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_known_is_decoded),
		cmocka_unit_test(
			test_what_is_unknown_or_twice_or_malformed_is_refused),
		cmocka_unit_test(test_numbers_have_a_range),
	};
	int failed;

	alarm(60);
	arena_init(&arena, 4096);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_fini(&arena);
	return failed;
}
