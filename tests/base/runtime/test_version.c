/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/version.h"

#include <stdio.h>

#include "tests/unit.h"

static void
test_version_has_three_numbers(void **state)
{
	unsigned int major, minor, patch;

	assert_int_equal(
		3,
		sscanf(version_string(), "%u.%u.%u", &major, &minor, &patch));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_has_three_numbers),
	};

	unit_alarm(10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
