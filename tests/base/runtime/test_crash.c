/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

#ifdef WAYBILL_CRASH_POINTS

/* How the child ended: the signal, or 0. */
static int
signal_of_child(const char *wish, int passes)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		setenv("WAYBILL_CRASH", wish, 1);
		for (int i = 0; i < passes; i++) {
			crash_at(CRASH_GATHERED);
			crash_at(CRASH_RECORDED);
		}
		_exit(0);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
test_dies_at_the_counted_passing(void **state)
{
	assert_int_equal(0, signal_of_child("", 5));
	assert_int_equal(0, signal_of_child("RECORDED:4", 3));
	assert_int_equal(SIGKILL, signal_of_child("RECORDED:3", 3));
	assert_int_equal(SIGKILL, signal_of_child("GATHERED:1", 1));
	assert_int_equal(0, signal_of_child("LANE_CLAIMED:1", 3));
}

static void
test_marker_names_the_point(void **state)
{
	char folder[] = "/tmp/waybill-crash-XXXXXX";
	char path[64], wish[128], name[64] = "";
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/marker", folder);
	snprintf(wish, sizeof(wish), "RECORDED:2:%s", path);
	assert_int_equal(SIGKILL, signal_of_child(wish, 2));
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(name, sizeof(name), file));
	fclose(file);
	assert_string_equal("RECORDED", name);
	unlink(path);
	rmdir(folder);
}

static void
test_misspelt_wishes_are_loud(void **state)
{
	static const char *const wishes[] = { "RECORDE:1",   "RECORDEDX:1",
		                              "RECORDED",    "RECORDED:",
		                              "RECORDED:0",  "RECORDED:-1",
		                              "RECORDED:1x", ":1" };

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		assert_int_equal(SIGABRT, signal_of_child(wishes[i], 1));
}

static void
test_names(void **state)
{
	assert_string_equal("LANE_CLAIMED", crash_point_name(0));
	for (int i = 0; i < CRASH_POINT_COUNT; i++) {
		assert_non_null(crash_point_name(i));
		assert_non_null(crash_point_text(i));
	}
	assert_null(crash_point_name(-1));
	assert_null(crash_point_name(CRASH_POINT_COUNT));
	assert_null(crash_point_text(CRASH_POINT_COUNT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dies_at_the_counted_passing),
		cmocka_unit_test(test_marker_names_the_point),
		cmocka_unit_test(test_misspelt_wishes_are_loud),
		cmocka_unit_test(test_names),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void
test_nothing_is_compiled_in(void **state)
{
	setenv("WAYBILL_CRASH", "GATHERED:1", 1);
	crash_at(CRASH_GATHERED);
	assert_null(crash_point_name(0));
	assert_null(crash_point_text(0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_compiled_in),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
