/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A message against its contract: headers, size, tombstones, framing, key and
 * partition; and what a violation tells.
 */
#include "contracts/contract.h"

#include "base/runtime/text.h"
#include "tests/contracts/given.h"

#define STOCK(annotations)                                                     \
	"{\"type\":\"record\",\"name\":\"stock\",\"waybill\":{" annotations    \
	"},\"fields\":["                                                       \
	"{\"name\":\"store\",\"type\":\"string\"},"                            \
	"{\"name\":\"item\",\"type\":\"long\"},"                               \
	"{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"kind\","    \
	"\"symbols\":[\"SALE\",\"LOSS\"]}},"                                   \
	"{\"name\":\"at\",\"type\":{\"type\":\"record\",\"name\":\"place\","   \
	"\"fields\":[{\"name\":\"aisle\",\"type\":\"int\"}]}}]}"

/* store AB, item -12, LOSS, aisle 3 */
#define STOCK_BODY                                                             \
	"\x04"                                                                 \
	"AB\x17\x02\x06"

static struct contract_input
message(const uint8_t *key, int32_t key_len, const uint8_t *body,
        int32_t body_len)
{
	struct contract_input input = {
		.key = key,
		.key_len = key_len,
		.body = body,
		.body_len = body_len,
		.headers_len = -1,
		.body_bytes_max = 1000,
	};

	return input;
}

static const char *
rules_of(const char *avsc, struct contract_input input)
{
	struct contract *contract = given_contract(avsc);
	const char *rules = given_rules(contract, &input);

	contract_free(&contract);
	return rules;
}

static void
expect_key(const char *avsc, const char *key, int partitions, int partition)
{
	struct contract_input input = message(
		(const uint8_t *)key, (int32_t)strlen(key), BYTES(STOCK_BODY));
	struct contract *contract = given_contract(avsc);
	struct given given;

	arena_init(&given.arena, 4096);
	given_check(&given, contract, &input);
	assert_int_equal(given.result.violation_count, 0);
	assert_true(given.result.has_key);
	assert_int_equal(given.result.key_len, strlen(key));
	assert_memory_equal(given.result.key, key, strlen(key));
	assert_int_equal(
		contract_partition(contract, &given.result, partitions),
		partition);
	/* nothing is allocated for a good message */
	assert_int_equal(given.arena.used_bytes, 0);
	arena_fini(&given.arena);
	contract_free(&contract);
}

/* Partitions of murmur2 as Java's clients compute them. */
static void
test_key_and_partition(void **state)
{
	expect_key(STOCK("\"key\":[\"store\"]"), "AB", 8, 6);
	expect_key(STOCK("\"key\":[\"item\"]"), "-12", 8, 3);
	expect_key(STOCK("\"key\":[\"kind\"]"), "LOSS", 8, 0);
	expect_key(STOCK("\"key\":[\"at.aisle\"]"), "3", 8, 7);
	expect_key(STOCK("\"key\":[\"store\",\"item\"]"), "AB\x1f-12", 8, 7);
	expect_key(STOCK("\"key\":[\"at.aisle\",\"store\"]"),
	           "3\x1f"
	           "AB",
	           8, 0);
	expect_key(STOCK("\"key\":[\"store\"],\"partitioner\":\"crc32\""), "AB",
	           8, 7);
	expect_key(STOCK("\"key\":[\"store\"],\"partitioner\":\"explicit\""),
	           "AB", 8, -1);
}

static void
test_key_against_the_body(void **state)
{
	const char *avsc = STOCK("\"key\":[\"store\",\"item\"]");
	const char *optional =
		STOCK("\"key\":[\"store\"],\"key-optional\":true");

	assert_string_equal(
		rules_of(avsc, message(BYTES("AB\x1f-12"), BYTES(STOCK_BODY))),
		"");
	assert_string_equal(
		rules_of(avsc, message(BYTES("AB\x1f-13"), BYTES(STOCK_BODY))),
		"key.mismatch");
	assert_string_equal(
		rules_of(avsc, message(BYTES(""), BYTES(STOCK_BODY))),
		"key.mismatch");
	assert_string_equal(
		rules_of(avsc, message(NULL, -1, BYTES(STOCK_BODY))),
		"key.missing");
	assert_string_equal(rules_of(avsc,
	                             message(NULL, -1,
	                                     BYTES("\x04"
	                                           "AB"))),
	                    "avro.truncated@/item key.missing");
	assert_string_equal(rules_of(avsc,
	                             message(BYTES("A\x1f"
	                                           "B\x1f-12"),
	                                     BYTES("\x06"
	                                           "A\x1f"
	                                           "B\x17\x02"
	                                           "\x06"))),
	                    "key.separator");
	assert_string_equal(
		rules_of(optional, message(NULL, -1, BYTES(STOCK_BODY))), "");
	assert_string_equal(
		rules_of(optional, message(BYTES("B"), BYTES(STOCK_BODY))),
		"key.mismatch");
	assert_string_equal(
		rules_of(STOCK(""),
	                 message(BYTES("whatever"), BYTES(STOCK_BODY))),
		"");
}

static void
expect_key_size(size_t len, const char *rules)
{
	uint8_t body[2100], key[2100];
	struct contract *contract = given_contract(
		"{\"type\":\"record\",\"name\":\"r\",\"waybill\":{\"key\":["
		"\"s\"]},\"fields\":[{\"name\":\"s\",\"type\":\"string\"}]}");
	struct contract_input input =
		message(key, (int32_t)len, body, (int32_t)len + 2);

	memset(key, 'k', sizeof(key));
	memset(body, 'k', sizeof(body));
	input.body_bytes_max = 5000;
	body[0] = (uint8_t)((len * 2) | 0x80);
	body[1] = (uint8_t)((len * 2) >> 7);
	assert_string_equal(given_rules(contract, &input), rules);
	contract_free(&contract);
}

static void
test_a_null_key_may_be_derived(void **state)
{
	const char *avsc = STOCK("\"key\":[\"store\"]");
	struct contract_input input = message(NULL, -1, BYTES(STOCK_BODY));

	input.derive_key = true;
	assert_string_equal(rules_of(avsc, input), "");
	input = message(BYTES("ABC"), BYTES(STOCK_BODY));
	input.derive_key = true;
	assert_string_equal(rules_of(avsc, input), "key.mismatch");
}

static void
test_key_size_is_bounded(void **state)
{
	expect_key_size(1024, "");
	expect_key_size(1025, "key.size");
	expect_key_size(2000, "key.size");
}

static void
test_tombstones(void **state)
{
	const char *refused = STOCK("\"key\":[\"store\"]");
	const char *legal = STOCK("\"key\":[\"store\"],\"tombstones\":true");

	assert_string_equal(rules_of(refused, message(BYTES("AB"), NULL, -1)),
	                    "tombstone.refused");
	assert_string_equal(rules_of(legal, message(BYTES("AB"), NULL, -1)),
	                    "");
	assert_string_equal(rules_of(legal, message(NULL, -1, NULL, -1)),
	                    "tombstone.keyless");
	assert_string_equal(rules_of(refused, message(NULL, -1, NULL, -1)),
	                    "tombstone.refused tombstone.keyless");
	/* an empty body is none */
	assert_string_equal(rules_of(legal, message(BYTES("AB"), BYTES(""))),
	                    "avro.truncated@/store");
}

static void
test_sizes(void **state)
{
	struct contract_input input = message(NULL, -1, BYTES(STOCK_BODY));

	input.body_bytes_max = 6;
	assert_string_equal(rules_of(STOCK(""), input), "");
	input.body_bytes_max = 5;
	assert_string_equal(rules_of(STOCK(""), input), "size.exceeded");
	input.body_bytes_max = 1000;
	assert_string_equal(rules_of(STOCK("\"body-bytes-max\":6"), input), "");
	assert_string_equal(rules_of(STOCK("\"body-bytes-max\":5"), input),
	                    "size.exceeded");
}

/* A cluster counts headers too: what it refuses for ever parks the feed. */
static void
test_headers_count_for_the_size(void **state)
{
	static const char fine[] = "\0\0\0\7another"
				   "\0\0\0\0";
	struct contract_input input = message(NULL, -1, BYTES(STOCK_BODY));

	input.headers = (const uint8_t *)fine;
	input.headers_len = sizeof(fine) - 1;
	input.body_bytes_max = input.body_len + input.headers_len;
	assert_string_equal(rules_of(STOCK(""), input), "");
	input.body_bytes_max--;
	assert_string_equal(rules_of(STOCK(""), input), "size.exceeded");
}

static void
test_reserved_headers(void **state)
{
	static const char two[] = "\0\0\0\1"
				  "a"
				  "\xff\xff\xff\xff"
				  "\0\0\0\12waybill-id"
				  "\0\0\0\1x";
	static const char fine[] = "\0\0\0\7waybill"
				   "\0\0\0\0";
	static const char cut[] = "\0\0\0\12waybill-id"
				  "\0\0\0\1";
	struct contract_input input = message(NULL, -1, BYTES(STOCK_BODY));

	input.headers = (const uint8_t *)two;
	input.headers_len = sizeof(two) - 1;
	assert_string_equal(rules_of(STOCK(""), input), "header.reserved");
	input.body = NULL;
	assert_string_equal(
		rules_of(STOCK(""), input),
		"header.reserved tombstone.refused tombstone.keyless");
	input = message(NULL, -1, BYTES(STOCK_BODY));
	input.headers = (const uint8_t *)fine;
	input.headers_len = sizeof(fine) - 1;
	assert_string_equal(rules_of(STOCK(""), input), "");
	input.headers = (const uint8_t *)cut;
	input.headers_len = sizeof(cut) - 1;
	assert_string_equal(rules_of(STOCK(""), input), "");
}

static void
test_confluent_framing(void **state)
{
	const char *avsc =
		"{\"type\":\"int\",\"waybill\":{\"framing\":\"confluent\","
		"\"schema-id\":1001}}";

	assert_string_equal(given_body(avsc, BYTES("\0\0\0\3\xe9\2")), "");
	assert_string_equal(given_body(avsc, BYTES("\0\0\0\3\xe8\2")),
	                    "frame.schema-id");
	assert_string_equal(given_body(avsc, BYTES("\1\0\0\3\xe9\2")),
	                    "frame.magic");
	assert_string_equal(given_body(avsc, BYTES("\0\0\0\3")),
	                    "frame.truncated");
	assert_string_equal(given_body(avsc, BYTES("")), "frame.truncated");
	assert_string_equal(given_body(avsc, BYTES("\2")), "frame.magic");
	assert_string_equal(given_body(avsc, BYTES("\0\0\0\3\xe9")),
	                    "avro.truncated");
	assert_string_equal(given_body(avsc, BYTES("\0\0\0\3\xe9\2\2")),
	                    "avro.trailing");
}

/* The fingerprint of "int" is 0x7275d51a3f395c8f, of the specification. */
static void
test_single_object_framing(void **state)
{
	const char *avsc = "{\"type\":\"int\",\"waybill\":{\"framing\":"
			   "\"single-object\"}}";

	assert_string_equal(
		given_body(avsc,
	                   BYTES("\xc3\1\x8f\x5c\x39\x3f\x1a\xd5\x75\x72"
	                         "\2")),
		"");
	assert_string_equal(
		given_body(avsc,
	                   BYTES("\xc3\1\x8f\x5c\x39\x3f\x1a\xd5\x75\x73"
	                         "\2")),
		"frame.fingerprint");
	assert_string_equal(
		given_body(avsc,
	                   BYTES("\xc3\2\x8f\x5c\x39\x3f\x1a\xd5\x75\x72"
	                         "\2")),
		"frame.magic");
	assert_string_equal(given_body(avsc, BYTES("\xc3\1\x8f")),
	                    "frame.truncated");
}

static void
test_a_violation_tells_what_and_where(void **state)
{
	const char *avsc = "{\"type\":\"record\",\"name\":\"r\",\"fields\":["
			   "{\"name\":\"open\",\"type\":\"string\"},"
			   "{\"name\":\"secret\",\"type\":\"string\","
			   "\"waybill\":{\"sensitive\":true}}]}";
	struct contract *contract = given_contract(avsc);
	struct contract_input input = message(NULL, -1,
	                                      BYTES("\x06"
	                                            "a\xff\x01\x00"));
	struct given given;

	arena_init(&given.arena, 4096);
	given_check(&given, contract, &input);
	assert_int_equal(given.result.violation_count, 1);
	assert_string_equal(given.result.violations[0].rule, "avro.utf8");
	assert_string_equal(given.result.violations[0].path, "/open");
	assert_string_equal(given.result.violations[0].expected, "valid UTF-8");
	assert_string_equal(given.result.violations[0].value, "a\\xff\\x01");
	assert_int_equal(given.result.violations[0].byte_offset, 1);

	input = message(NULL, -1, BYTES("\x00\x02\xff"));
	given_check(&given, contract, &input);
	assert_string_equal(given.result.violations[0].path, "/secret");
	assert_string_equal(given.result.violations[0].value, "(redacted)");
	assert_int_equal(given.result.violations[0].byte_offset, 2);
	arena_fini(&given.arena);
	contract_free(&contract);
}

/* Records in records, two of each, whose defaults leave out everything: what
   they stand for doubles at each level. */
static void
test_defaults_are_bounded(void **state)
{
	struct text avsc;

	text_init(&avsc, 1 << 16);
	for (int i = 24; i > 0; i--)
		text_addf(&avsc,
		          "{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{"
		          "\"name\":\"a\",\"type\":",
		          i);
	text_add(&avsc, "{\"type\":\"record\",\"name\":\"R0\",\"fields\":[]}");
	for (int i = 1; i <= 24; i++)
		text_addf(&avsc,
		          ",\"default\":{}},{\"name\":\"b\",\"type\":\"R%d\","
		          "\"default\":{}}]}",
		          i - 1);
	assert_non_null(strstr(given_error(text_string(&avsc)),
	                       "hold more than 1000000 values"));
	text_fini(&avsc);
}

static void
test_annotations_are_checked(void **state)
{
	static const struct {
		const char *avsc;
		const char *error;
	} cases[] = {
		{ STOCK("\"kee\":[]"), "/waybill/kee: there is no such" },
		{ STOCK("\"key\":[]"), "/waybill/key: is not" },
		{ STOCK("\"key\":\"store\""), "/waybill/key: is not" },
		{ STOCK("\"key\":[3]"), "/waybill/key/0: is not" },
		{ STOCK("\"key\":[\"shop\"]"), "/waybill/key/0: the schema" },
		{ STOCK("\"key\":[\"store\",\"store\"]"),
		  "/waybill/key/1: \"store\" is there twice" },
		{ STOCK("\"key\":[\"at\"]"),
		  "/waybill/key/0: \"at\" has type" },
		{ STOCK("\"key\":[\"at.\"]"), "/waybill/key/0: the schema" },
		{ STOCK("\"key\":[\"store.x\"]"),
		  "/waybill/key/0: the schema" },
		{ STOCK("\"partitioner\":\"murmur2\""), "needs key fields" },
		{ STOCK("\"partitioner\":\"md5\""), "/waybill/partitioner" },
		{ STOCK("\"framing\":\"confluent\""), "needs schema-id" },
		{ STOCK("\"framing\":\"avro\""), "/waybill/framing" },
		{ STOCK("\"schema-id\":3"), "/waybill/schema-id: only" },
		{ STOCK("\"framing\":\"confluent\",\"schema-id\":-1"),
		  "/waybill/schema-id: is not" },
		{ STOCK("\"tombstones\":1"), "/waybill/tombstones" },
		{ STOCK("\"key-optional\":true"), "/waybill/key-optional" },
		{ STOCK("\"body-bytes-max\":0"), "/waybill/body-bytes-max" },
		{ STOCK("\"version\":\"store\""), "/waybill/version" },
		{ STOCK("\"version\":\"none\""), "/waybill/version" },
		{ STOCK("\"version\":\"kind\""), "is not an int or long" },
		{ STOCK("\"late\":\"mark\""), "late: mark needs version" },
		{ STOCK("\"late\":true,\"version\":\"item\""),
		  "/waybill/late" },
		{ "{\"type\":\"int\",\"waybill\":3}", "/waybill: is not" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strstr(given_error(cases[i].avsc), cases[i].error) == NULL)
			fail_msg("%s\n%s", cases[i].avsc,
			         given_error(cases[i].avsc));
}

static void
test_what_a_contract_says(void **state)
{
	struct contract *contract = given_contract(
		STOCK("\"key\":[\"store\",\"at.aisle\"],\"version\":\"item\","
	              "\"framing\":\"single-object\""));

	assert_int_equal(contract_id(contract), 7);
	assert_int_equal(contract_framing(contract), CONTRACT_SINGLE_OBJECT);
	assert_int_equal(contract_partitioner(contract), CONTRACT_MURMUR2);
	assert_int_equal(contract_key_count(contract), 2);
	assert_string_equal(contract_key(contract, 1), "at.aisle");
	contract_free(&contract);
	contract_free(&contract);
}

static int64_t
version_of(const char *annotations, const uint8_t *body, int32_t body_len)
{
	char avsc[1024];
	struct contract_input input =
		message((const uint8_t *)"AB", 2, body, body_len);
	struct contract *contract;
	struct given given;

	snprintf(avsc, sizeof(avsc), STOCK("%s"), annotations);
	contract = given_contract(avsc);
	arena_init(&given.arena, 4096);
	given_check(&given, contract, &input);
	arena_fini(&given.arena);
	contract_free(&contract);
	return given.result.version;
}

/* Found in the pass that is made anyway; nobody pays who does not ask. */
static void
test_the_version(void **state)
{
#define FOUND(annotations) version_of(annotations, BYTES(STOCK_BODY))
	assert_int_equal(FOUND("\"version\":\"item\",\"late\":\"mark\""), -12);
	assert_int_equal(FOUND("\"version\":\"at.aisle\",\"late\":"
	                       "\"mark\",\"key\":[\"store\"]"),
	                 3);
	/* a field of the key, too */
	assert_int_equal(FOUND("\"version\":\"item\",\"late\":\"mark\","
	                       "\"key\":[\"item\",\"store\"]"),
	                 -12);
	assert_int_equal(FOUND("\"version\":\"item\""), INT64_MIN);
	assert_int_equal(FOUND("\"version\":\"item\",\"late\":\"ignore\""),
	                 INT64_MIN);
	assert_int_equal(FOUND("\"key\":[\"store\"]"), INT64_MIN);
	assert_int_equal(version_of("\"version\":\"item\",\"late\":\"mark\"",
	                            BYTES("\x04"
	                                  "AB\x17\x02")),
	                 INT64_MIN);
#undef FOUND
}

static void
test_ignored_logical_types_are_warned_of(void **state)
{
	struct contract *contract = given_contract(
		"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":"
		"\"a\",\"type\":[\"null\",{\"type\":\"long\","
		"\"logicalType\":\"date\"}]},{\"name\":\"b\",\"type\":{"
		"\"type\":\"int\",\"logicalType\":\"date\"}}]}");
	struct text text;

	text_init(&text, 4096);
	contract_print_warnings(contract, &text);
	assert_string_equal(
		text_string(&text),
		"/fields/0/type/1: logical type date: not for this type; it is "
		"ignored\n");
	text_fini(&text);
	contract_free(&contract);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_and_partition),
		cmocka_unit_test(test_key_against_the_body),
		cmocka_unit_test(test_a_null_key_may_be_derived),
		cmocka_unit_test(test_key_size_is_bounded),
		cmocka_unit_test(test_tombstones),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_headers_count_for_the_size),
		cmocka_unit_test(test_reserved_headers),
		cmocka_unit_test(test_confluent_framing),
		cmocka_unit_test(test_single_object_framing),
		cmocka_unit_test(test_a_violation_tells_what_and_where),
		cmocka_unit_test(test_defaults_are_bounded),
		cmocka_unit_test(test_annotations_are_checked),
		cmocka_unit_test(test_what_a_contract_says),
		cmocka_unit_test(test_the_version),
		cmocka_unit_test(test_ignored_logical_types_are_warned_of),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
