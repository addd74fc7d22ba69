/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/text.h"
#include "tests/unit.h"

static struct json *
parse(const char *text)
{
	struct json *json = NULL;
	struct err err;

	if (json_parse(text, strlen(text), &json, &err) != ERR_OK)
		fail_msg("%s: %s", text, err.text);
	return json;
}

static void
assert_refused(const char *part, const char *bytes, size_t len)
{
	struct json *json = (struct json *)1;
	struct err err = { ERR_OK, "" };

	assert_int_equal(ERR_INVALID, json_parse(bytes, len, &json, &err));
	assert_ptr_equal((struct json *)1, json); /* untouched */
	assert_true(text_is_utf8(err.text, strlen(err.text)));
	if (strncmp(err.text, "line ", 5) != 0 ||
	    strstr(err.text, "column ") == NULL ||
	    strstr(err.text, part) == NULL)
		fail_msg("%s", err.text);
}

static void
test_scalars(void **state)
{
	struct json *json = parse(" null ");

	assert_int_equal(JSON_NULL, json_type(json));
	json_free(&json);
	assert_null(json);
	json_free(&json);
	json = parse("true");
	assert_int_equal(JSON_BOOLEAN, json_type(json));
	assert_true(json_boolean(json, false));
	json_free(&json);
	json = parse("-9223372036854775808");
	assert_int_equal(JSON_INTEGER, json_type(json));
	assert_true(json_integer(json, 0) == INT64_MIN);
	json_free(&json);
	json = parse("1.5e3");
	assert_int_equal(JSON_REAL, json_type(json));
	assert_true(json_real(json, 0) == 1500.0);
	assert_int_equal(7, json_integer(json, 7)); /* not cut */
	json_free(&json);
	json = parse("12");
	assert_true(json_real(json, 0) == 12.0);
	json_free(&json);
	json = parse("\"a\\u0000\\ud83d\\ude9a\"");
	assert_int_equal(6, json_string_len(json));
	assert_memory_equal("a\0\xf0\x9f\x9a\x9a", json_string(json), 7);
	json_free(&json);
}

static void
test_members(void **state)
{
	struct json *json =
		parse("{\"z\": [1, \"x\", {}], \"a\": false, \"m\": null}");

	assert_int_equal(3, json_count(json));
	assert_string_equal("z", json_key_at(json, 0));
	assert_string_equal("a", json_key_at(json, 1));
	assert_string_equal("m", json_key_at(json, 2));
	assert_null(json_key_at(json, 3));
	assert_null(json_value_at(json, 3));
	assert_ptr_equal(json_value_at(json, 1), json_get(json, "a"));
	assert_null(json_get(json, "b"));
	assert_int_equal(3, json_count(json_get(json, "z")));
	assert_string_equal("x", json_string(json_at(json_get(json, "z"), 1)));
	assert_null(json_at(json_get(json, "z"), 3));
	assert_int_equal(0, json_count(json_at(json_get(json, "z"), 2)));
	assert_non_null(json_get(json, "m"));
	assert_int_equal(JSON_NULL, json_type(json_get(json, "m")));
	json_free(&json);
}

/* Every getter takes NULL and a value of another type. */
static void
test_getters_have_defaults(void **state)
{
	static const char *const texts[] = { NULL,  "null",  "true", "1",
		                             "1.5", "\"s\"", "[]",   "{}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json *json = texts[i] == NULL ? NULL : parse(texts[i]);

		if (i != 2)
			assert_true(json_boolean(json, true));
		if (i != 2)
			assert_false(json_boolean(json, false));
		if (i != 3)
			assert_int_equal(-5, json_integer(json, -5));
		if (i != 3 && i != 4)
			assert_true(json_real(json, 2.5) == 2.5);
		if (i != 5) {
			assert_null(json_string(json));
			assert_int_equal(0, json_string_len(json));
		}
		assert_int_equal(0, json_count(json));
		assert_null(json_at(json, 0));
		assert_null(json_get(json, "s"));
		assert_null(json_key_at(json, 0));
		assert_null(json_value_at(json, 0));
		json_free(&json);
	}
}

static void
test_what_is_refused(void **state)
{
	assert_refused("line 1", "", 0);
	assert_refused("line 1", NULL, 0);
	assert_refused("duplicate", "{\"a\": 1,\n \"a\": 2}", 17);
	assert_refused("line 2", "{\"a\": 1,\n \"a\": 2}", 17);
	assert_refused("line 1", "1 2", 3);
	assert_refused("line 1", "{} x", 4);
	assert_refused("line 1", "\"\xff\"", 3);
	assert_refused("line 1", "\"\xed\xa0\x80\"", 5);
	assert_refused("line 1", "\"\\ud800\"", 8);
	assert_refused("line 1", "\"a\nb\"", 5);
	assert_refused("line 1", "[1,]", 4);
	assert_refused("line 1", "{'a':1}", 7);
	assert_refused("line 1", "01", 2);
	assert_refused("line 1", "1.", 2);
	assert_refused("line 1", "NaN", 3);
	assert_refused("line 1", "1e999", 5);
	assert_refused("line 1", "9223372036854775808", 19);
	assert_refused("line 1", "[1", 2);
	assert_refused("line 1", "\"a", 2);
	assert_refused("line 1, column 2: a NUL byte", "1\0", 2);
	assert_refused("column 3: a NUL byte", "{}\0garbage", 10);
	assert_refused("column 4: a NUL byte", "\"a\\\0\"", 5);
	assert_refused("line 1", "{\"a\\u0000b\": 1}", 15);
	assert_refused("line 3", "[\n1,\n\xc3]", 7);
}

static void
test_depth(void **state)
{
	static char text[5000];
	struct json *json;

	memset(text, '[', 512);
	memset(text + 512, ']', 512);
	text[1024] = '\0';
	json = parse(text);
	json_free(&json);
	memset(text, '[', 513);
	memset(text + 513, ']', 513);
	assert_refused("line 1, column 513: nested deeper than 512", text,
	               1026);
	memset(text, '{', 5000); /* however malformed */
	assert_refused("nested deeper than 512", text, 5000);
	/* brackets in a string are none */
	text[0] = '"';
	text[1] = '\\';
	text[2] = '"';
	memset(text + 3, '[', 3000);
	memcpy(text + 3003, "\"", 2);
	json = parse(text);
	assert_int_equal(3001, json_string_len(json));
	json_free(&json);
}

static void
assert_printed(const char *expected, const char *text)
{
	struct json *json = parse(text);
	struct text out;

	text_init(&out, 10000);
	json_print(json, &out);
	assert_string_equal(expected, text_string(&out));
	text_fini(&out);
	json_free(&json);
}

static void
test_print(void **state)
{
	struct text out;

	assert_printed("{\"z\":[1,2.5,\"x\\\"\"],\"a\":{\"b\":null},"
	               "\"c\":[],\"d\":{}}",
	               " {\"z\" : [1, 2.5, \"x\\\"\"], \"a\":{\"b\":null},"
	               " \"c\":[ ], \"d\":{ } } ");
	assert_printed("1.0", "1.0");
	assert_printed("0.1", "0.1");
	assert_printed("-0.0", "-0.0");
	assert_printed("1e+300", "1e300");
	assert_printed("1.7976931348623157e+308", "1.7976931348623157e308");
	assert_printed("5e-324", "5e-324");
	assert_printed("0.30000000000000004", "0.30000000000000004");
	assert_printed("\"\\u0000\xc3\xa4/\"", "\"\\u0000\\u00e4\\/\"");
	text_init(&out, 100);
	json_print(NULL, &out);
	assert_string_equal("null", text_string(&out));
	text_fini(&out);
}

/* Many members: found by bisection, kept in order. */
static void
test_large_objects(void **state)
{
	for (int count = 7; count <= 1000; count = count * 2 + 1) {
		struct text text;
		struct json *json;
		char key[32];

		text_init(&text, 100000);
		for (int i = 0; i < count; i++)
			text_addf(&text, "%s\"k%d\":%d", i == 0 ? "{" : ",",
			          (i * 7919) % 100003, i);
		text_add(&text, "}");
		json = parse(text_string(&text));
		assert_int_equal(count, json_count(json));
		for (int i = 0; i < count; i++) {
			snprintf(key, sizeof(key), "k%d", (i * 7919) % 100003);
			assert_int_equal(i,
			                 json_integer(json_get(json, key), -1));
			assert_string_equal(key, json_key_at(json, (size_t)i));
		}
		assert_null(json_get(json, "k"));
		assert_null(json_get(json, ""));
		assert_null(json_get(json, "z"));
		json_free(&json);
		text_fini(&text);
	}
}

/* No byte beyond len is looked at. */
static void
test_length_is_respected(void **state)
{
	char *exact = malloc(4);
	struct json *json = NULL;
	struct err err;

	memcpy(exact, "12,3", 4);
	assert_int_equal(ERR_OK, json_parse(exact, 2, &json, &err));
	assert_int_equal(12, json_integer(json, 0));
	json_free(&json);
	memcpy(exact, "1234", 4);
	assert_int_equal(ERR_OK, json_parse(exact, 4, &json, &err));
	json_free(&json);
	free(exact);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_getters_have_defaults),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_large_objects),
		cmocka_unit_test(test_length_is_respected),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
