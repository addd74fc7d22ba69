/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Exactly the numbers that were added are there.
 */
#include "gateway/file/fileranges.h"

#include <unistd.h>

#include "tests/unit.h"

static void
test_only_what_was_added_is_there(void **state)
{
	struct fileranges ranges;

	fileranges_init(&ranges);
	assert_false(fileranges_has(&ranges, 0));
	assert_true(fileranges_add(&ranges, 2, 4));
	assert_true(fileranges_add(&ranges, 5, 5));
	assert_int_equal(ranges.count, 1);
	for (int i = 1; i <= 200; i++)
		assert_true(fileranges_add(&ranges, 10 * i, 10 * i + 1));
	assert_int_equal(ranges.numbers, 404);
	for (int64_t n = 0; n < 3000; n++) {
		bool has = (n >= 2 && n <= 5) ||
			(n >= 10 && n < 2002 && n % 10 < 2);

		assert_int_equal(fileranges_has(&ranges, n), has);
		assert_int_equal(fileranges_has(&ranges, n), has);
	}
	fileranges_fini(&ranges);
}

static void
test_what_is_no_range_behind_the_others_is_refused(void **state)
{
	struct fileranges ranges;

	fileranges_init(&ranges);
	assert_false(fileranges_add(&ranges, -1, 3));
	assert_false(fileranges_add(&ranges, 3, 2));
	assert_true(fileranges_add(&ranges, 3, 8));
	assert_false(fileranges_add(&ranges, 8, 9));
	assert_false(fileranges_add(&ranges, 0, 1));
	assert_int_equal(ranges.numbers, 6);
	fileranges_fini(&ranges);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_was_added_is_there),
		cmocka_unit_test(
			test_what_is_no_range_behind_the_others_is_refused),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
