/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The document says what the code does: each route, status and media type is
 * in both, and nothing else is in either.
 */
#include "gateway/rest/openapi.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/runtime/json.h"
#include "gateway/rest/endpoint.h"
#include "gateway/rest/media.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/rest.h"
#include "tests/unit.h"

static struct json *document;

static const struct json *
operation_of(enum endpoint endpoint)
{
	char method[16] = "";
	const char *name = endpoint_method(endpoint);

	for (size_t i = 0; name[i] != '\0'; i++)
		method[i] = (char)tolower((unsigned char)name[i]);
	return json_get(
		json_get(json_get(document, "paths"), endpoint_path(endpoint)),
		method);
}

static void
test_each_endpoint_is_a_route_and_an_operation(void **state)
{
	for (int i = 0; i < ENDPOINT_COUNT; i++) {
		enum endpoint endpoint = (enum endpoint)i;
		const struct json *operation = operation_of(endpoint);
		bool is_route = false;

		assert_string_equal(
			json_string(json_get(operation, "operationId")),
			endpoint_name(endpoint));
		for (int r = 0; rest_routes[r] != NULL; r++)
			if (strcmp(rest_routes[r]->path,
			           endpoint_path(endpoint)) == 0 &&
			    strcmp(rest_routes[r]->method,
			           endpoint_method(endpoint)) == 0)
				is_route = true;
		assert_true(is_route);
	}
}

static void
test_there_are_no_others(void **state)
{
	const struct json *paths = json_get(document, "paths");
	int routes = 0, operations = 0;

	while (rest_routes[routes] != NULL)
		routes++;
	for (size_t p = 0; p < json_count(paths); p++) {
		const struct json *path = json_value_at(paths, p);

		for (size_t i = 0; i < json_count(path); i++)
			if (strcmp(json_key_at(path, i), "parameters") != 0)
				operations++;
	}
	assert_int_equal(routes, ENDPOINT_COUNT);
	assert_int_equal(operations, ENDPOINT_COUNT);
}

static void
test_statuses_are_the_same(void **state)
{
	for (int i = 0; i < ENDPOINT_COUNT; i++) {
		enum endpoint endpoint = (enum endpoint)i;
		const struct json *responses =
			json_get(operation_of(endpoint), "responses");
		const int *statuses = endpoint_statuses(endpoint);
		size_t count = 0;

		while (statuses[count] != 0)
			count++;
		assert_int_equal(json_count(responses), count);
		for (size_t s = 0; s < count; s++)
			assert_true(endpoint_has_status(
				endpoint, atoi(json_key_at(responses, s))));
	}
}

static void
test_each_problem_is_some_endpoints_status(void **state)
{
	for (int i = 0; i < PROBLEM_COUNT; i++) {
		int status = problem_status((enum problem)i);
		bool found = i == PROBLEM_METHOD_NOT_ALLOWED;

		for (int e = 0; e < ENDPOINT_COUNT; e++)
			found |= endpoint_has_status((enum endpoint)e, status);
		assert_true(found);
	}
}

static void
test_media_types_are_the_same(void **state)
{
	const struct json *content = json_get(
		json_get(operation_of(ENDPOINT_PUBLISH), "requestBody"),
		"content");

	assert_int_equal(json_count(content), MEDIA_COUNT);
	for (int i = 0; i < MEDIA_COUNT; i++)
		assert_non_null(json_get(content, media_name((enum media)i)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_each_endpoint_is_a_route_and_an_operation),
		cmocka_unit_test(test_there_are_no_others),
		cmocka_unit_test(test_statuses_are_the_same),
		cmocka_unit_test(test_each_problem_is_some_endpoints_status),
		cmocka_unit_test(test_media_types_are_the_same),
	};
	struct err err;
	int failed = 1;

	alarm(60);
	if (json_parse(openapi_json, openapi_json_len, &document, &err) ==
	    ERR_OK)
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_free(&document);
	return failed;
}
