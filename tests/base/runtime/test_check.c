/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/check.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

struct thing {
	uint32_t magic;
};

static int evaluations;

static int
count_evaluation(void)
{
	return ++evaluations;
}

static void
fail_plainly(void)
{
	CHECK(1 + 1 == 3);
}

static void
fail_magic(void)
{
	struct thing thing = { 7 };

	CHECK_MAGIC(&thing, 8);
}

static void
fail_null(void)
{
	struct thing *thing = NULL;

	CHECK_MAGIC(thing, 8);
}

static void
test_true_conditions_pass(void **state)
{
	struct thing thing = { 8 };

	CHECK_MAGIC(&thing, 8);
	CHECK(count_evaluation() == 1);
	assert_int_equal(1, evaluations);
}

static void
test_false_conditions_abort(void **state)
{
	assert_true(dies(fail_plainly));
	assert_true(dies(fail_magic));
	assert_true(dies(fail_null));
}

static void
test_line_names_the_place(void **state)
{
	char line[512] = "";
	int ends[2];
	pid_t child;
	ssize_t len;

	assert_int_equal(0, pipe(ends));
	child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		check_failed("a == b", "folder/file.c", 42);
	}
	close(ends[1]);
	len = read(ends[0], line, sizeof(line) - 1);
	close(ends[0]);
	waitpid(child, NULL, 0);
	assert_true(len > 0);
	assert_string_equal(
		"waybill: check failed: a == b (folder/file.c:42)\n", line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_true_conditions_pass),
		cmocka_unit_test(test_false_conditions_abort),
		cmocka_unit_test(test_line_names_the_place),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
