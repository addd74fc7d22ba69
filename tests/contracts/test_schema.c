/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What is an Avro schema and what is none; where the error points to.
 */
#include "contracts/schema.h"

#include "base/runtime/text.h"
#include "contracts/schema_logical.h"
#include "tests/contracts/given.h"

#define RECORD(fields)                                                         \
	"{\"type\":\"record\",\"name\":\"r\",\"fields\":[" fields "]}"
#define FIELD(type) RECORD("{\"name\":\"f\",\"type\":" type "}")
#define WITH_DEFAULT(type, value)                                              \
	RECORD("{\"name\":\"f\",\"type\":" type ",\"default\":" value "}")

static struct schema *
parsed(const char *avsc)
{
	struct schema *schema = NULL;
	struct err err = { 0 };

	if (schema_parse(avsc, &schema, &err) != ERR_OK)
		fail_msg("%s\n%s", avsc, err.text);
	return schema;
}

static void
test_valid_ones(void **state)
{
	static const char *const valid[] = {
		"\"int\"",
		"{\"type\":\"string\",\"avro.java.string\":\"String\"}",
		"[]",
		"[\"null\",\"int\",{\"type\":\"array\",\"items\":\"int\"}]",
		RECORD(""),
		FIELD("[\"null\",\"r\"]"),
		"{\"type\":\"error\",\"name\":\"e\",\"fields\":[]}",
		"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"],"
		"\"default\":\"B\"}",
		"{\"type\":\"fixed\",\"name\":\"f\",\"size\":0}",
		"{\"type\":\"map\",\"values\":[\"null\",\"long\"]}",
		/* two named types of one kind in a union */
		"[{\"type\":\"fixed\",\"name\":\"a\",\"size\":1},"
		"{\"type\":\"fixed\",\"name\":\"b\",\"size\":1}]",
		/* the same short name in two namespaces */
		RECORD("{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":"
		       "\"x.f\",\"size\":1}},{\"name\":\"b\",\"type\":{\"type\":"
		       "\"fixed\",\"name\":\"y.f\",\"size\":2}},"
		       "{\"name\":\"c\",\"type\":\"x.f\"}"),
		/* a union's default may match any branch */
		WITH_DEFAULT("[\"null\",\"int\"]", "null"),
		WITH_DEFAULT("[\"null\",\"int\"]", "3"),
		WITH_DEFAULT("\"bytes\"", "\"\\u00ff\\u0000\""),
		WITH_DEFAULT("{\"type\":\"fixed\",\"name\":\"x\",\"size\":2}",
		             "\"\\u00ffa\""),
		WITH_DEFAULT("\"double\"", "1"),
		WITH_DEFAULT("{\"type\":\"map\",\"values\":\"int\"}",
		             "{\"a\":1}"),
		WITH_DEFAULT("{\"type\":\"record\",\"name\":\"i\",\"fields\":[{"
		             "\"name\":\"a\",\"type\":\"int\",\"default\":3}]}",
		             "{}"),
	};

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		struct schema *schema = parsed(valid[i]);

		schema_free(&schema);
	}
}

static void
test_invalid_ones(void **state)
{
	static const struct {
		const char *avsc;
		const char *error;
	} cases[] = {
		{ "", "given" },
		{ "{\"type\":\"int\"", "given" },
		{ "{\"type\":\"int\",\"type\":\"int\"}", "type" },
		{ "3", "(root): a schema is" },
		{ "\"integer\"", "(root): \"integer\" is neither" },
		{ "{\"name\":\"r\"}", "(root): type is missing" },
		{ "{\"type\":{\"type\":\"int\"}}", "(root): type is missing" },
		{ "{\"type\":\"record\",\"fields\":[]}", "needs a name" },
		{ "{\"type\":\"record\",\"name\":\"1\",\"fields\":[]}",
		  "needs a name" },
		{ "{\"type\":\"record\",\"name\":\"a..b\",\"fields\":[]}",
		  "needs a name" },
		{ "{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}",
		  "\"int\" is a type of Avro" },
		{ "{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"-\","
		  "\"fields\":[]}",
		  "namespace is not" },
		{ "{\"type\":\"record\",\"name\":\"r\"}", "array of fields" },
		{ "{\"type\":\"record\",\"name\":\"r\",\"aliases\":[\"-\"],"
		  "\"fields\":[]}",
		  "aliases/0" },
		{ RECORD("3"), "/fields/0: a field is not an object" },
		{ RECORD("{\"name\":\"f\"}"), "/fields/0: field \"f\" has no" },
		{ RECORD("{\"name\":\"a b\",\"type\":\"int\"}"),
		  "/fields/0: a field needs" },
		{ RECORD("{\"name\":\"f\",\"type\":\"int\"},"
		         "{\"name\":\"f\",\"type\":\"long\"}"),
		  "/fields/1: field \"f\" is there twice" },
		{ RECORD("{\"name\":\"f\",\"type\":\"int\",\"order\":\"up\"}"),
		  "/fields/0: order" },
		{ RECORD("{\"name\":\"f\",\"type\":\"int\",\"aliases\":\"g\"}"),
		  "/fields/0: aliases" },
		{ RECORD("{\"name\":\"f\",\"type\":\"int\",\"waybill\":{"
		         "\"secret\":true}}"),
		  "/fields/0: waybill/secret" },
		{ RECORD("{\"name\":\"f\",\"type\":\"int\",\"waybill\":{"
		         "\"sensitive\":1}}"),
		  "/fields/0: waybill/sensitive" },
		{ FIELD("{\"type\":\"int\",\"waybill\":{}}"),
		  "/fields/0/type: waybill: annotations belong" },
		{ FIELD("{\"type\":\"array\"}"),
		  "/fields/0/type: an array without items" },
		{ FIELD("{\"type\":\"map\",\"values\":\"x\"}"),
		  "/fields/0/type/values: \"x\" is neither" },
		{ FIELD("[\"int\",\"null\",\"int\"]"), "a second branch" },
		{ FIELD("[\"int\",[\"null\"]]"),
		  "/fields/0/type/1: a union directly" },
		{ FIELD("[{\"type\":\"array\",\"items\":\"int\"},"
		        "{\"type\":\"array\",\"items\":\"long\"}]"),
		  "/fields/0/type/1: a second branch of type array" },
		{ FIELD("{\"type\":\"enum\",\"name\":\"r\",\"symbols\":[]}"),
		  "\"r\" is defined twice" },
		{ FIELD("\"r\""), "record r contains itself" },
		{ FIELD("{\"type\":\"record\",\"name\":\"s\",\"fields\":["
		        "{\"name\":\"g\",\"type\":\"r\"}]}"),
		  "contains itself without end" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"A\"]}",
		  "symbols/1" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A-B\"]}",
		  "symbols/0" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"],"
		  "\"default\":\"B\"}",
		  "the default is not" },
		{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"],"
		  "\"default\":0}",
		  "the default is not" },
		{ "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "a size" },
		{ "{\"type\":\"fixed\",\"name\":\"f\",\"size\":\"1\"}",
		  "a size" },
		{ "{\"type\":\"fixed\",\"name\":\"f\",\"size\":1.0}",
		  "a size" },
		{ WITH_DEFAULT("\"boolean\"", "\"true\""),
		  "/fields/0/default: \"true\" is not a value" },
		{ WITH_DEFAULT("\"int\"", "2147483648"), "/fields/0/default" },
		{ WITH_DEFAULT("\"int\"", "1.0"), "/fields/0/default" },
		{ WITH_DEFAULT("\"null\"", "0"), "/fields/0/default" },
		{ WITH_DEFAULT("\"bytes\"", "\"\\u0100\""),
		  "/fields/0/default" },
		{ WITH_DEFAULT("{\"type\":\"fixed\",\"name\":\"x\",\"size\":2}",
		               "\"abc\""),
		  "/fields/0/default" },
		{ WITH_DEFAULT("[\"null\",\"int\"]", "\"\""),
		  "/fields/0/default" },
		{ WITH_DEFAULT("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":["
		               "\"A\"]}",
		               "\"B\""),
		  "/fields/0/default" },
		{ WITH_DEFAULT("{\"type\":\"array\",\"items\":\"int\"}",
		               "[1,\"\"]"),
		  "/fields/0/default" },
		{ WITH_DEFAULT("{\"type\":\"record\",\"name\":\"i\",\"fields\":["
		               "{\"name\":\"a\",\"type\":\"int\"}]}",
		               "{}"),
		  "/fields/0/default" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strstr(given_error(cases[i].avsc), cases[i].error) == NULL)
			fail_msg("%s\n%s\nwithout: %s", cases[i].avsc,
			         given_error(cases[i].avsc), cases[i].error);
}

static void
test_depth_and_names_are_bounded(void **state)
{
	struct text text;

	text_init(&text, 1 << 16);
	for (int i = 0; i < 65; i++)
		text_add(&text, "{\"type\":\"array\",\"items\":");
	text_add(&text, "\"int\"");
	for (int i = 0; i < 65; i++)
		text_add(&text, "}");
	assert_non_null(
		strstr(given_error(text_string(&text)), "nested deeper"));
	text_reset(&text);
	text_add(&text, "{\"type\":\"fixed\",\"size\":1,\"name\":\"");
	for (int i = 0; i < 513; i++)
		text_add(&text, "n");
	text_add(&text, "\"}");
	assert_non_null(
		strstr(given_error(text_string(&text)), "name longer than"));
	text_fini(&text);
}

/* A chain of records that each hold the one before, defined backwards: widths
   must settle, and elements that have bytes must not count as having none. */
static void
test_widths_settle(void **state)
{
	struct schema *schema;
	struct text text;

	text_init(&text, 1 << 20);
	text_add(&text,
	         "{\"type\":\"record\",\"name\":\"top\",\"fields\":["
	         "{\"name\":\"f0\",\"type\":[\"null\",{\"type\":"
	         "\"record\",\"name\":\"n0\",\"fields\":[{\"name\":\"g\","
	         "\"type\":\"int\"}]}]},");
	for (int i = 1; i < 300; i++)
		text_addf(&text,
		          "{\"name\":\"f%d\",\"type\":[\"null\",{\"type\":"
		          "\"record\",\"name\":\"n%d\",\"fields\":[{\"name\":"
		          "\"g\",\"type\":\"n%d\"}]}]},",
		          i, i, i - 1);
	text_add(&text, "{\"name\":\"z\",\"type\":\"n299\"}]}");
	schema = parsed(text_string(&text));
	for (size_t i = 0; i < schema->node_count; i++)
		if (schema->nodes[i]->type == SCHEMA_RECORD)
			assert_true(schema->nodes[i]->width_min > 0);
	schema_free(&schema);
	text_fini(&text);
}

static void
test_finds_fields_by_path(void **state)
{
	struct schema *schema = parsed(
		RECORD("{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":"
	               "\"s\",\"fields\":[{\"name\":\"b\",\"type\":\"int\","
	               "\"aliases\":[\"c\"],\"waybill\":{\"sensitive\":true}}]}"
	               "}"));

	assert_string_equal(schema_find(schema, "a")->name, "a");
	assert_string_equal(schema_find(schema, "a.b")->name, "b");
	assert_true(schema_find(schema, "a.b")->sensitive);
	assert_string_equal(schema_find(schema, "a.b")->aliases[0], "c");
	assert_null(schema_find(schema, "a.b.c"));
	assert_null(schema_find(schema, "b"));
	assert_null(schema_find(schema, ""));
	assert_null(schema_find(schema, "a."));
	schema_free(&schema);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid_ones),
		cmocka_unit_test(test_invalid_ones),
		cmocka_unit_test(test_depth_and_names_are_bounded),
		cmocka_unit_test(test_widths_settle),
		cmocka_unit_test(test_finds_fields_by_path),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
