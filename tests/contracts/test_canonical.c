/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing Canonical Form and fingerprints: known answers, as every
 * implementation of the specification gives them.
 */
#include "contracts/canonical.h"

#include <inttypes.h>

#include "base/runtime/text.h"
#include "contracts/schema.h"
#include "tests/contracts/given.h"

static const struct {
	const char *avsc;
	const char *form;
	int64_t fingerprint; /* 0: not asked */
} answers[] = {
	{ "\"null\"", "\"null\"", INT64_C(7195948357588979594) },
	{ "{\"type\":\"boolean\"}", "\"boolean\"",
	  -INT64_C(6970731678124411036) },
	{ "\"int\"", "\"int\"", INT64_C(8247732601305521295) },
	{ "\"long\"", "\"long\"", -INT64_C(3434872931120570953) },
	{ "\"float\"", "\"float\"", INT64_C(5583340709985441680) },
	{ "\"double\"", "\"double\"", -INT64_C(8181574048448539266) },
	{ "\"bytes\"", "\"bytes\"", INT64_C(5746618253357095269) },
	{ "\"string\"", "\"string\"", -INT64_C(8142146995180207161) },
	{ "[ ]", "[]", -INT64_C(1241056759729112623) },
	{ "[ \"int\" , {\"type\":\"boolean\"} ]", "[\"int\",\"boolean\"]",
	  INT64_C(5392556393470105090) },
	{ "{\"fields\":[],\"type\":\"record\",\"doc\":\"d\",\"name\":\"foo\","
	  "\"aliases\":[\"bar\"]}",
	  "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}",
	  -INT64_C(4824392279771201922) },
	{ "{\"fields\":[],\"type\":\"record\",\"name\":\"foo\",\"namespace\":"
	  "\"x.y\"}",
	  "{\"name\":\"x.y.foo\",\"type\":\"record\",\"fields\":[]}",
	  INT64_C(5916914534497305771) },
	{ "{\"fields\":[],\"type\":\"record\",\"name\":\"a.b.foo\","
	  "\"namespace\":\"x.y\"}",
	  "{\"name\":\"a.b.foo\",\"type\":\"record\",\"fields\":[]}",
	  -INT64_C(4616218487480524110) },
	{ "{\"fields\":[{\"type\":\"boolean\",\"aliases\":[],\"name\":\"f1\","
	  "\"default\":true},{\"order\":\"descending\",\"name\":\"f2\","
	  "\"type\":\"int\"}],\"type\":\"record\",\"name\":\"foo\"}",
	  "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[{\"name\":"
	  "\"f1\",\"type\":\"boolean\"},{\"name\":\"f2\",\"type\":"
	  "\"int\"}]}",
	  -INT64_C(4860222112080293046) },
	{ "{\"namespace\":\"x.y.z\",\"type\":\"enum\",\"name\":\"foo\","
	  "\"symbols\":[\"A1\",\"A2\"],\"default\":\"A1\"}",
	  "{\"name\":\"x.y.z.foo\",\"type\":\"enum\",\"symbols\":[\"A1\","
	  "\"A2\"]}",
	  -INT64_C(4448647247586288245) },
	{ "{\"name\":\"foo\",\"type\":\"fixed\",\"size\":15}",
	  "{\"name\":\"foo\",\"type\":\"fixed\",\"size\":15}",
	  INT64_C(1756455273707447556) },
	{ "{\"items\":{\"type\":\"null\"},\"type\":\"array\"}",
	  "{\"type\":\"array\",\"items\":\"null\"}",
	  -INT64_C(589620603366471059) },
	{ "{\"values\":\"string\",\"type\":\"map\"}",
	  "{\"type\":\"map\",\"values\":\"string\"}",
	  -INT64_C(8732877298790414990) },
	{ "{\"name\":\"PigValue\",\"type\":\"record\",\"fields\":[{\"name\":"
	  "\"value\",\"type\":[\"null\",\"int\",\"long\",\"PigValue\"]}]}",
	  "{\"name\":\"PigValue\",\"type\":\"record\",\"fields\":[{"
	  "\"name\":\"value\",\"type\":[\"null\",\"int\",\"long\","
	  "\"PigValue\"]}]}",
	  -INT64_C(1759257747318642341) },
	/* namespaces are inherited, logical types and annotations stripped */
	{ "{\"type\":\"record\",\"name\":\"n.a\",\"waybill\":{},\"fields\":[{"
	  "\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"b\",\"size\":"
	  "12,\"logicalType\":\"duration\"}},{\"name\":\"y\",\"type\":\"b\"},{"
	  "\"name\":\"z\",\"type\":{\"type\":\"enum\",\"name\":\"c\","
	  "\"namespace\":\"\",\"symbols\":[]}}]}",
	  "{\"name\":\"n.a\",\"type\":\"record\",\"fields\":[{\"name\":"
	  "\"x\",\"type\":{\"name\":\"n.b\",\"type\":\"fixed\",\"size\":"
	  "12}},{\"name\":\"y\",\"type\":\"n.b\"},{\"name\":\"z\","
	  "\"type\":{\"name\":\"c\",\"type\":\"enum\",\"symbols\":[]}}]}",
	  0 },
};

static void
test_known_answers(void **state)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct schema *schema = NULL;
		struct text text;
		struct err err;

		if (schema_parse(answers[i].avsc, &schema, &err) != ERR_OK)
			fail_msg("%s: %s", answers[i].avsc, err.text);
		text_init(&text, 4096);
		canonical_print(schema, &text);
		assert_string_equal(text_string(&text), answers[i].form);
		if (answers[i].fingerprint != 0 &&
		    canonical_fingerprint(schema) !=
		            (uint64_t)answers[i].fingerprint)
			fail_msg("%s: %" PRId64, answers[i].form,
			         (int64_t)canonical_fingerprint(schema));
		text_fini(&text);
		schema_free(&schema);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
	};

	unit_alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
