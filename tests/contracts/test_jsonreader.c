/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict Avro JSON as bytes: what each type becomes, the order of members,
 * defaults; and what is refused, with rule, path, line and column.
 */
#include "contracts/jsonreader.h"

#include <stdlib.h>

#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "tests/contracts/given.h"

#define RECORD(fields)                                                         \
	"{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\","             \
	"\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

/* The bytes in hexadecimal, or the violations. */
static const char *
read_len(const char *avsc, const char *json, size_t len)
{
	static char shown[16384];
	struct contract *contract = given_contract(avsc);
	struct contract_result result;
	struct contract_input input = {
		.key_len = -1,
		.headers_len = -1,
		.body_bytes_max = 1 << 24,
		.derive_key = true,
	};
	char *tight = memory_alloc(len + 1);
	struct arena arena;
	struct text body;

	/* nothing behind the text: ASan sees who reads there */
	tight = memory_realloc(tight, len > 0 ? len : 1);
	memcpy(tight, json, len);
	arena_init(&arena, 4096);
	text_init(&body, 1 << 24);
	text_add(&body, "front");
	memset(&result, 0xa5, sizeof(result));
	contract_read_json(contract, tight, len, &arena, &body, &result);
	assert_memory_equal(body.bytes, "front", 5);
	shown[0] = '\0';
	for (size_t i = 0; i < result.violation_count; i++) {
		const struct violation *violation = &result.violations[i];

		assert_true(violation->byte_offset >= 0 &&
		            violation->byte_offset <= (int32_t)len);
		snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown),
		         "%s%s@%s: %s: %s", i > 0 ? "; " : "", violation->rule,
		         violation->path, violation->expected,
		         violation->value);
	}
	if (result.violation_count > 0) {
		assert_int_equal(body.len, 5);
	} else {
		for (size_t i = 5; i < body.len && i < 4000; i++)
			snprintf(shown + 2 * (i - 5), 3, "%02x",
			         (uint8_t)body.bytes[i]);
		input.body = (uint8_t *)body.bytes + 5;
		input.body_len = (int32_t)body.len - 5;
		contract_check(contract, &input, &arena, &result);
		for (size_t i = 0; i < result.violation_count; i++)
			snprintf(shown + strlen(shown), 200, " %s",
			         result.violations[i].rule);
	}
	memory_free(&tight);
	text_fini(&body);
	arena_fini(&arena);
	contract_free(&contract);
	return shown;
}

static const char *
read_json(const char *avsc, const char *json)
{
	return read_len(avsc, json, strlen(json));
}

#define READS(avsc, json, hex) assert_string_equal(read_json(avsc, json), hex)

static void
assert_begins(const char *text, const char *front)
{
	if (strncmp(text, front, strlen(front)) != 0)
		fail_msg("%s\nis not\n%s", text, front);
}

#define REFUSED(avsc, json, front) assert_begins(read_json(avsc, json), front)

/* -- what is read ----------------------------------------------------------- */

static void
test_scalars(void **state)
{
	READS("\"null\"", " null ", "");
	READS("\"boolean\"", "true", "01");
	READS("\"boolean\"", "\tfalse\r\n", "00");
	READS("\"int\"", "0", "00");
	READS("\"int\"", "-0", "00");
	READS("\"int\"", "2147483647", "feffffff0f");
	READS("\"int\"", "-2147483648", "ffffffff0f");
	READS("\"long\"", "9223372036854775807", "feffffffffffffffff01");
	READS("\"long\"", "-9223372036854775808", "ffffffffffffffffff01");
	READS("\"long\"", "9007199254740993", "8280808080808020");
	READS("\"float\"", "1.5", "0000c03f");
	READS("\"float\"", "1e0", "0000803f");
	READS("\"double\"", "-2.5", "00000000000004c0");
	READS("\"double\"", "1", "000000000000f03f");
	READS("\"double\"", "-0.0", "0000000000000080");
	READS("\"double\"", "\"NaN\"", "000000000000f87f");
	READS("\"double\"", "\"-Infinity\"", "000000000000f0ff");
	READS("\"float\"", "\"Infinity\"", "0000807f");
}

static void
test_strings(void **state)
{
	READS("\"string\"", "\"\"", "00");
	READS("\"string\"", "\"abc\"", "06616263");
	READS("\"string\"", "\"a\\n\\\"\\\\\\/\\u0041\\b\\f\\r\\t\"",
	      "14610a225c2f41080c0d09");
	READS("\"string\"", "\"\\u0000\"", "0200");
	READS("\"string\"", "\"\\u00e9\xc3\xa9\\u20ac\\ud83c\\udf4a\"",
	      "16c3a9c3a9e282acf09f8d8a");
	READS("\"string\"", "\"exactly 8\"", "1265786163746c792038");
	READS("\"bytes\"", "\"\\u00ff\xc3\xbf\\u0000a\"", "08ffff0061");
	READS("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}",
	      "\"\\u0080\xc2\x80\"", "8080");
	READS("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}",
	      "\"B\"", "02");
	READS("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}",
	      "\"\\u0042\"", "02");
}

static void
test_collections(void **state)
{
	const char *ints = "{\"type\":\"array\",\"items\":\"int\"}";
	const char *map = "{\"type\":\"map\",\"values\":\"int\"}";
	char many[1024] = "[";

	READS(ints, "[]", "00");
	READS(ints, "[ 1 , 2 ]", "04020400");
	for (int i = 0; i < 64; i++)
		strcat(many, i == 63 ? "0]" : "0,");
	assert_begins(read_json(ints, many), "800100000000");
	assert_int_equal(strlen(read_json(ints, many)), 2 * (2 + 64 + 1));
	READS(map, "{}", "00");
	READS(map, "{\"a\":1,\"b\":2}",
	      "04026102026204"
	      "00");
	READS(map, "{\"\":1}", "02000200");
	READS("{\"type\":\"array\",\"items\":\"null\"}", "[null,null]", "0400");
}

static void
test_unions(void **state)
{
	const char *one = "[\"null\",\"string\",\"int\","
			  "{\"type\":\"enum\",\"name\":\"E\",\"namespace\":"
			  "\"a.b\",\"symbols\":[\"X\"]}]";

	READS(one, "null", "00");
	READS(one, "{\"string\":\"x\"}", "020278");
	READS(one, " { \"int\" : -1 } ", "0401");
	READS(one, "{\"a.b.E\":\"X\"}", "0600");
	READS("[\"int\",\"null\"]", "null", "02");
	REFUSED(one, "{\"E\":\"X\"}",
	        "json.union@: null, or an object with one member: the type, "
	        "one of null, string, int, a.b.E (line 1, column 2): \"E\"");
	REFUSED(one, "\"x\"", "json.union@: null, or an object with one");
	REFUSED(one, "{}", "json.union@");
	REFUSED(one, "{\"null\":null}", "json.union@");
	REFUSED(one, "{\"int\":1,\"string\":\"x\"}",
	        "json.union@: one member: the type of the value (line 1, "
	        "column 9): more");
	REFUSED("[\"int\"]", "null",
	        "json.union@: an object with one member: the type, one of int "
	        "(line 1, column 1): null");
}

static void
test_order_of_members(void **state)
{
	const char *avsc = RECORD(FIELD("a", "\"int\"") "," FIELD(
		"n", "\"null\"") "," FIELD("b", "\"string\"") "," FIELD("c",
	                                                                "\"int"
	                                                                "\""));

	READS(avsc, "{\"a\":1,\"n\":null,\"b\":\"x\",\"c\":2}", "02027804");
	READS(avsc, "{\"c\":2,\"b\":\"x\",\"n\":null,\"a\":1}", "02027804");
	READS(avsc, "{\"n\":null,\"a\":1,\"b\":\"x\",\"c\":2}", "02027804");
	READS(avsc, "{\"b\":\"x\",\"a\":1,\"c\":2,\"n\":null}", "02027804");
	READS(avsc, "{\"\\u0061\":1,\"c\":2,\"n\":null,\"b\":\"x\"}",
	      "02027804");
	READS(RECORD(FIELD(
		      "r",
		      "{\"type\":\"record\",\"name\":\"I\","
		      "\"fields\":[{\"name\":\"x\",\"type\":"
		      "\"int\"},{\"name\":\"y\",\"type\":{"
		      "\"type\":\"array\",\"items\":\"int\"}}]}") "," FIELD("z",
	                                                                    "\"int\"")),
	      "{\"z\":3,\"r\":{\"y\":[1,2],\"x\":7}}", "0e0402040006");
}

static void
test_defaults(void **state)
{
	const char *avsc = RECORD(
		"{\"name\":\"a\",\"type\":\"int\",\"default\":5},"
		"{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"default\":"
		"null},"
		"{\"name\":\"c\",\"type\":\"string\"},"
		"{\"name\":\"d\",\"type\":{\"type\":\"array\",\"items\":"
		"\"long\"},\"default\":[1,2]},"
		"{\"name\":\"e\",\"type\":{\"type\":\"map\",\"values\":"
		"\"double\"},\"default\":{\"k\":1}},"
		"{\"name\":\"f\",\"type\":\"bytes\",\"default\":\"\\u00ff\"},"
		"{\"name\":\"g\",\"type\":[\"int\",\"string\"],\"default\":"
		"\"s\"}");
	const char *behind = "04020400"
			     "02026b000000000000f03f00"
			     "02ff"
			     "020273";
	char hex[200];

	snprintf(hex, sizeof(hex), "0a000278%s", behind);
	READS(avsc, "{\"c\":\"x\"}", hex);
	snprintf(hex, sizeof(hex), "02000278%s", behind);
	READS(avsc, "{\"c\":\"x\",\"a\":1}", hex);
	READS(avsc,
	      "{\"c\":\"x\",\"g\":{\"int\":1},\"f\":\"\",\"e\":{},\"d\":[]}",
	      "0a00027800"
	      "00"
	      "00"
	      "0002");
	REFUSED(avsc, "{\"a\":1}",
	        "json.missing@/c: a member, for it has no default (line 1, "
	        "column 7): none");
}

static void
test_many_fields(void **state)
{
	struct text avsc, json;
	const char *hex;

	text_init(&avsc, 1 << 20);
	text_init(&json, 1 << 20);
	text_add(&avsc, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
	text_add(&json, "{");
	for (int i = 0; i < 60; i++) {
		text_addf(&avsc, "%s{\"name\":\"field_%d\",\"type\":\"int\"}",
		          i > 0 ? "," : "", i);
		text_addf(&json, "%s\"field_%d\":%d", i > 0 ? "," : "", 59 - i,
		          59 - i);
	}
	text_add(&avsc, "]}");
	text_add(&json, "}");
	hex = read_json(text_string(&avsc), text_string(&json));
	assert_int_equal(strlen(hex), 120);
	assert_begins(hex, "00020406080a0c0e10");
	text_fini(&avsc);
	text_fini(&json);
}

/* -- what is refused -------------------------------------------------------- */

static void
test_syntax(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1,",
		"{\"a\":1,}",
		"{a:1}",
		"{'a':1}",
		"{\"a\":01}",
		"{\"a\":+1}",
		"{\"a\":.5}",
		"{\"a\":1.}",
		"{\"a\":1e}",
		"{\"a\":-}",
		"{\"a\":1}x",
		"{\"a\":1}{}",
		"{\"a\":NaN}",
		"{\"a\":1 1}",
		"{\"a\":nul}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12g4\"}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"",
		"{\"a\":\"\\",
		"{\"a\":\"\\u",
		"\xef\xbb\xbf{\"a\":1}",
		"/* */{\"a\":1}",
		"{\"a\":[1,]}",
		"{\"a\":1,\"\\ud800\"",
		"\x1f",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *told =
			read_json(RECORD(FIELD("a", "\"int\"")), bad[i]);

		if (strstr(told, "json.syntax") == NULL)
			fail_msg("%s: %s", bad[i], told);
	}
	REFUSED(RECORD(FIELD("a", "\"int\"")), "{\n  \"a\": 1,\n  \xc3\xa9}",
	        "json.syntax@: a name in quotes (line 3, column 3): \xc3\xa9");
	assert_begins(read_len("\"int\"", "1\0", 2),
	              "json.syntax@: nothing behind the value (line 1, column "
	              "2): \\x00");
	assert_begins(read_len("\"string\"", "\"a\0b\"", 5),
	              "json.syntax@: no control character in a string");
	/* what is found before it is told too */
	REFUSED(RECORD(FIELD("a", "\"int\"")), "{\"a\":\"x\",",
	        "json.type@/a: a number: an int (line 1, column 6): \"x\"; "
	        "json.syntax@: a name in quotes (line 1, column 10): the end");
}

static void
test_values(void **state)
{
	REFUSED("\"int\"", "2147483648",
	        "json.range@: an int, from -2147483648 to 2147483647 (line 1, "
	        "column 1): 2147483648");
	REFUSED("\"int\"", "1.0", "json.type@: an integer, without point");
	REFUSED("\"long\"", "1e3", "json.type@: an integer");
	REFUSED("\"long\"", "9223372036854775808", "json.range@");
	REFUSED("\"long\"", "-9223372036854775809", "json.range@");
	REFUSED("\"long\"", "99999999999999999999999", "json.range@");
	REFUSED("\"long\"", "10000000000000000000", "json.range@");
	REFUSED("\"long\"", "\"1\"", "json.type@");
	REFUSED("\"int\"", "null", "json.type@: a number: an int (line 1");
	REFUSED("\"double\"", "1e400", "json.range@: a double");
	REFUSED("\"float\"", "3.5e38", "json.range@: a float");
	REFUSED("\"float\"", "\"1\"", "json.type@: a number, \"NaN\"");
	REFUSED("\"boolean\"", "1", "json.type@: true or false");
	REFUSED("\"null\"", "0", "json.type@: null");
	REFUSED("\"string\"", "{\"a\":[1,{}]}",
	        "json.type@: a string (line 1, "
	        "column 1): an object");
	REFUSED("\"string\"", "\"\\ud800x\"", "json.utf8@: both halves");
	REFUSED("\"string\"", "\"\\udc00\\ud800\"", "json.utf8@");
	REFUSED("\"string\"", "\"\\ud800\\u0041\"", "json.utf8@");
	REFUSED("\"string\"", "\"\xff\"",
	        "json.utf8@: valid UTF-8 (line 1, "
	        "column 1): \"\\xff\"");
	REFUSED("\"string\"", "\"\xed\xa0\x80\"", "json.utf8@");
	REFUSED("\"bytes\"", "\"\\u0100\"", "json.bytes@: characters from");
	REFUSED("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"abc\"",
	        "json.bytes@: 2 characters (line 1, column 1): \"abc\"");
	REFUSED("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}",
	        "\"B\"", "json.enum@: one of A (line 1, column 1): \"B\"");
	REFUSED("{\"type\":\"array\",\"items\":\"int\"}", "[1,\"x\",2,null]",
	        "json.type@/1: a number: an int (line 1, column 4): \"x\"; "
	        "json.type@/3: a number: an int (line 1, column 10): null");
}

static void
test_members(void **state)
{
	const char *avsc =
		RECORD(FIELD("a", "\"int\"") "," FIELD("b", "\"int\""));

	REFUSED(avsc, "{\"a\":1,\"b\":2,\"a\":3}",
	        "json.duplicate@/a: each member once (line 1, column 18): once "
	        "more");
	REFUSED(avsc, "{\"a\":1,\"b\":2,\"\\u0061\":3}", "json.duplicate@/a");
	REFUSED(avsc, "{\"a\":1,\"c\":[{\"x\":1}],\"b\":2}",
	        "json.unknown@: the name of a field (line 1, column 8): \"c\"");
	REFUSED(avsc, "{}",
	        "json.missing@/a: a member, for it has no default (line 1, "
	        "column 2): none; json.missing@/b");
	REFUSED(avsc, "[1,2]", "json.type@: an object: a record");
	REFUSED("{\"type\":\"map\",\"values\":\"int\"}",
	        "{\"a\":1,\"b\":2,\"\\u0061\":3}",
	        "json.duplicate@/a: each key once (line 1, column 14)");
	REFUSED("{\"type\":\"map\",\"values\":\"int\"}",
	        "{\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,"
	        "\"8\":8,\"9\":9,\"a/~\":10,\"5\":5,\"a/~\":6}",
	        "json.duplicate@/5: each key once");
	REFUSED("{\"type\":\"map\",\"values\":\"int\"}", "{\"a/~\":null}",
	        "json.type@/a~1~0: a number: an int");
}

static void
test_depth(void **state)
{
	const char *tree = "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{"
			   "\"name\":\"t\",\"type\":{\"type\":\"array\","
			   "\"items\":\"T\"}}]}";
	struct text json;

	text_init(&json, 1 << 20);
	for (int i = 0; i < 10000; i++)
		text_add(&json, "{\"t\":[");
	assert_begins(read_json(tree, text_string(&json)),
	              "json.depth@/t/0/t/0");
	text_reset(&json);
	for (int i = 0; i < 10000; i++)
		text_add(&json, "[");
	REFUSED("\"int\"", text_string(&json),
	        "json.depth@: at most 512 levels (line 1, column 513): [");
	text_reset(&json);
	for (int i = 0; i < 512; i++)
		text_add(&json, "[");
	for (int i = 0; i < 512; i++)
		text_add(&json, "]");
	REFUSED("\"int\"", text_string(&json), "json.type@: ");
	text_fini(&json);
}

static void
test_long_numbers(void **state)
{
	char number[6000];

	memset(number, '9', 400);
	number[400] = '\0';
	REFUSED("\"long\"", number, "json.range@");
	REFUSED("\"int\"", number, "json.range@");
	REFUSED("\"double\"", number, "json.range@: a double");
	memset(number, '1', 400);
	number[1] = '.';
	READS("\"double\"", number, "721cc7711cc7f13f");
	number[0] = '0';
	memset(number + 2, '0', 397);
	READS("\"double\"", number, "0000000000000000");
	memset(number, '1', 5000);
	number[5000] = '\0';
	REFUSED("\"double\"", number, "json.range@: at most 4096 characters");
}

static void
test_sensitive(void **state)
{
	const char *avsc = RECORD(
		"{\"name\":\"card\",\"type\":\"string\",\"waybill\":{"
		"\"sensitive\":true}},{\"name\":\"m\",\"type\":{\"type\":"
		"\"map\",\"values\":\"int\"},\"waybill\":{\"sensitive\":true}}");
	const char *told;

	told = read_json(avsc, "{\"card\":4111,\"m\":{\"4222\":\"4333\"}}");
	assert_begins(told,
	              "json.type@/card: a string (line 1, column 9): "
	              "(redacted); json.type@/m/(redacted): a number: "
	              "an int (line 1, column 26): (redacted)");
	told = read_json(avsc, "{\"card\":\"4111\n\",\"m\":{}}");
	assert_null(strstr(told, "4111"));
}

static void
test_all_violations_up_to_the_most(void **state)
{
	struct text json;
	const char *told;
	int count = 0;

	text_init(&json, 1 << 20);
	text_add(&json, "[");
	for (int i = 0; i < 40; i++)
		text_add(&json, i > 0 ? ",\"x\"" : "\"x\"");
	text_add(&json, "]");
	told = read_json("{\"type\":\"array\",\"items\":\"int\"}",
	                 text_string(&json));
	for (; (told = strstr(told, "json.type@")) != NULL; told++)
		count++;
	assert_int_equal(count, VIOLATIONS_MAX);
	text_fini(&json);
}

static void
test_maximum_of_the_body(void **state)
{
	struct contract *contract = given_contract(
		"{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":"
		"\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"string\","
		"\"default\":\"0123456789\"}]}}");
	struct contract_result result;
	struct arena arena;
	struct text json, body;

	arena_init(&arena, 4096);
	text_init(&json, 1 << 20);
	text_init(&body, 1000);
	text_add(&json, "[{}");
	for (int i = 0; i < 200; i++)
		text_add(&json, ",{}");
	text_add(&json, "]");
	contract_read_json(contract, json.bytes, json.len, &arena, &body,
	                   &result);
	assert_int_equal(result.violation_count, 1);
	assert_string_equal(result.violations[0].rule, "size.exceeded");
	assert_int_equal(body.len, 0);
	contract_read_json(contract, "[{}]", 4, &arena, &body, &result);
	assert_int_equal(result.violation_count, 0);
	assert_int_equal(body.len, 13);
	text_fini(&json);
	text_fini(&body);
	arena_fini(&arena);
	contract_free(&contract);
}

static void
test_framing(void **state)
{
	READS("{\"type\":\"record\",\"name\":\"R\",\"waybill\":{\"framing\":"
	      "\"confluent\",\"schema-id\":258},\"fields\":[{\"name\":\"a\","
	      "\"type\":\"int\"}]}",
	      "{\"a\":1}", "000000010202");
}

static void
test_recursive(void **state)
{
	const char *tree = "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{"
			   "\"name\":\"v\",\"type\":\"int\"},{\"name\":\"l\","
			   "\"type\":[\"null\",\"T\"],\"default\":null}]}";

	READS(tree, "{\"v\":1,\"l\":{\"T\":{\"l\":{\"T\":{\"v\":3}},\"v\":2}}}",
	      "020204020600");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_collections),
		cmocka_unit_test(test_unions),
		cmocka_unit_test(test_order_of_members),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_many_fields),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_numbers),
		cmocka_unit_test(test_sensitive),
		cmocka_unit_test(test_all_violations_up_to_the_most),
		cmocka_unit_test(test_maximum_of_the_body),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_recursive),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
