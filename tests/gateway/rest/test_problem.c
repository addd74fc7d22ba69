/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of problems: each is named once, and its page says something.
 */
#include "gateway/rest/problem.h"

#include <string.h>

#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "tests/unit.h"

static void
test_each_is_whole_and_named_once(void **state)
{
	for (int i = 0; i < PROBLEM_COUNT; i++) {
		assert_non_null(problem_slug((enum problem)i));
		assert_non_null(problem_title((enum problem)i));
		assert_in_range(problem_status((enum problem)i), 400, 599);
		assert_int_equal(problem_by_slug(problem_slug((enum problem)i)),
		                 i);
	}
	assert_int_equal(problem_by_slug("nothing"), PROBLEM_COUNT);
}

static void
test_an_answer_is_json(void **state)
{
	struct json *json = NULL;
	struct err err;
	struct text out;

	text_init(&out, 10000);
	problem_print(&out, PROBLEM_QUOTA, "wait \"2\" s\n");
	assert_int_equal(json_parse(out.bytes, out.len, &json, &err), ERR_OK);
	assert_string_equal(json_string(json_get(json, "type")),
	                    "/docs/problems/too-many-requests");
	assert_int_equal(json_integer(json_get(json, "status"), 0), 429);
	assert_string_equal(json_string(json_get(json, "detail")),
	                    "wait \"2\" s\n");
	json_free(&json);
	text_fini(&out);
}

static void
test_the_page_has_all(void **state)
{
	struct text out;

	text_init(&out, 100000);
	problem_print_reference(&out);
	for (int i = 0; i < PROBLEM_COUNT; i++)
		assert_non_null(strstr(text_string(&out),
		                       problem_slug((enum problem)i)));
	text_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_is_whole_and_named_once),
		cmocka_unit_test(test_an_answer_is_json),
		cmocka_unit_test(test_the_page_has_all),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
