/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The list is there where there is something to list, and each line of it is
 * JSON, whatever the original was.
 */
#include "gateway/file/filerejects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/model/violation.h"
#include "base/runtime/json.h"
#include "tests/unit.h"

static void
temporary(char path[64])
{
	int fd;

	strcpy(path, "/tmp/test_filerejects.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static struct json *
line_of(FILE *file)
{
	char line[4096];
	struct json *json = NULL;
	struct err err;

	assert_non_null(fgets(line, sizeof(line), file));
	assert_int_equal(json_parse(line, strlen(line), &json, &err), ERR_OK);
	return json;
}

static void
test_each_line_says_what_and_why(void **state)
{
	static const struct violation why = { "json.type", "/a", "a number",
		                              "\"x\"", 3 };
	const struct filerejects_entry text = {
		.record = 4,
		.line = 6,
		.verdict = "rejected",
		.id = "0-1-9",
		.violations = &why,
		.violation_count = 1,
		.original = (const uint8_t *)"{\"a\":\"x\"}",
		.original_len = 9,
	};
	const struct filerejects_entry binary = {
		.record = 5,
		.verdict = "conflict",
		.of = "0-1-2",
		.original = (const uint8_t *)"\xff\x00\x01\x02",
		.original_len = 4,
	};
	struct filerejects *rejects = NULL;
	char path[64];
	struct json *json;
	struct err err;
	FILE *file;

	temporary(path);
	assert_int_equal(filerejects_open(path, &rejects, &err), ERR_OK);
	filerejects_add(rejects, &text);
	filerejects_add(rejects, &binary);
	assert_int_equal(filerejects_count(rejects), 2);
	assert_int_equal(filerejects_close(&rejects, &err), ERR_OK);
	file = fopen(path, "r");
	assert_non_null(file);
	json = line_of(file);
	assert_int_equal(json_integer(json_get(json, "record"), -1), 4);
	assert_int_equal(json_integer(json_get(json, "line"), -1), 6);
	assert_string_equal(json_string(json_get(json, "original")),
	                    "{\"a\":\"x\"}");
	assert_string_equal(
		json_string(json_get(json_at(json_get(json, "violations"), 0),
	                             "rule")),
		"json.type");
	json_free(&json);
	json = line_of(file);
	assert_string_equal(json_string(json_get(json, "of")), "0-1-2");
	assert_string_equal(json_string(json_get(json, "original_base64")),
	                    "/wABAg==");
	json_free(&json);
	fclose(file);
	unlink(path);
}

static void
test_a_list_of_nothing_is_not_there(void **state)
{
	struct filerejects *rejects = NULL;
	char path[64];
	struct err err;

	temporary(path);
	assert_int_equal(filerejects_open(path, &rejects, &err), ERR_OK);
	assert_int_equal(filerejects_close(&rejects, &err), ERR_OK);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_a_list_that_cannot_be_written_is_an_error_at_the_end(void **state)
{
	const struct filerejects_entry entry = { .record = 1,
		                                 .verdict = "rejected" };
	struct filerejects *rejects = NULL;
	struct err err;

	assert_int_equal(
		filerejects_open("/proc/no/such/folder", &rejects, &err),
		ERR_OK);
	filerejects_add(rejects, &entry);
	filerejects_add(rejects, &entry);
	assert_int_equal(filerejects_count(rejects), 2);
	assert_int_equal(filerejects_close(&rejects, &err), ERR_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_line_says_what_and_why),
		cmocka_unit_test(test_a_list_of_nothing_is_not_there),
		cmocka_unit_test(
			test_a_list_that_cannot_be_written_is_an_error_at_the_end),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
