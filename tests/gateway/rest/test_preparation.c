/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages become items: transcoded, judged, with key and partition; or the
 * whole is refused before anything is taken.
 */
#include "gateway/rest/preparation.h"

#include <string.h>

#include "base/model/deployment.h"
#include "base/model/submission.h"
#include "base/runtime/digest.h"
#include "contracts/contract.h"
#include "gateway/rest/intake.h"
#include "gateway/rest/moment.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define AVSC(annotations)                                                      \
	"{\"type\":\"record\",\"name\":\"Stock\",\"fields\":["                 \
	"{\"name\":\"item\",\"type\":\"string\"},"                             \
	"{\"name\":\"units\",\"type\":\"int\"}],\"waybill\":{" annotations     \
	"}}"

static const struct deployment *deployment;
static struct feed feed;
static struct contract *keyed, *explicit_one;
static struct submission *made;
static struct err err;

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	feed = *deployment_feed(deployment, "us", "sales");
	feed.message_bytes_max = 1000;
	assert_int_equal(contract_compile(7, "stock", 1,
	                                  AVSC("\"partitioner\":\"murmur2\","
	                                       "\"key\":[\"item\"]"),
	                                  &keyed, &err),
	                 ERR_OK);
	assert_int_equal(contract_compile(8, "stock", 2,
	                                  AVSC("\"partitioner\":\"explicit\""),
	                                  &explicit_one, &err),
	                 ERR_OK);
	feed.contract = keyed;
	return 0;
}

static int
end(void **state)
{
	submission_unref(&made);
	contract_free(&keyed);
	contract_free(&explicit_one);
	deployment_unref(&deployment);
	return roadbase_end(state);
}

static struct intake_message
message_of(const char *body, size_t len, bool is_json)
{
	return (struct intake_message){
		.body = (const uint8_t *)body,
		.body_len = (int32_t)len,
		.key_len = -1,
		.headers_len = -1,
		.is_json = is_json,
		.time_ms = MOMENT_NONE,
	};
}

static enum err_code
prepare(struct intake_message *messages, size_t count, int64_t partition)
{
	const struct preparation preparation = {
		.deployment = deployment,
		.feed = &feed,
		.partition = partition,
	};
	const struct intake intake = { messages, count };

	submission_unref(&made);
	return preparation_make(&preparation, &intake, &made, &err);
}

#define JSON(text) message_of(text, strlen(text), true)

static int
partition_by(const char *bytes)
{
	return (int)((digest_murmur2(bytes, strlen(bytes)) & INT32_MAX) % 4);
}

static void
test_json_becomes_what_the_feed_carries(void **state)
{
	struct intake_message m = JSON("{\"units\":3,\"item\":\"ab\"}");
	const struct submission_item *item;

	assert_int_equal(prepare(&m, 1, PREPARATION_NO_PARTITION), ERR_OK);
	item = &made->items[0];
	assert_int_equal(item->verdict, VERDICT_ACCEPTED);
	assert_int_equal(item->body_len, 4);
	assert_memory_equal(item->body,
	                    "\x04"
	                    "ab\x06",
	                    4);
	assert_int_equal(item->key_len, 2);
	assert_memory_equal(item->key, "ab", 2);
	assert_int_equal(item->partition, partition_by("ab"));
	assert_int_equal(item->contract, 7);
	assert_int_equal(made->origin, MESSAGE_ORIGIN_REST);
}

static void
test_what_is_no_value_is_kept_as_it_came(void **state)
{
	struct intake_message m = JSON("{\"units\":3}");
	const struct submission_item *item;

	m.id = (const uint8_t *)"K";
	m.id_len = 1;
	assert_int_equal(prepare(&m, 1, PREPARATION_NO_PARTITION), ERR_OK);
	item = &made->items[0];
	assert_int_equal(item->verdict, VERDICT_REJECTED);
	assert_true(item->violation_count > 0);
	assert_int_equal(item->body_len, 11);
	assert_memory_equal(item->body, "{\"units\":3}", 11);
	/* Sent again it meets the lane that knows it. */
	assert_int_equal(item->partition, partition_by("K"));
}

static void
test_a_supplied_key_must_be_the_derived_one(void **state)
{
	struct intake_message m[2] = { message_of("\x04"
		                                  "ab\x06",
		                                  4, false),
		                       message_of("\x04"
		                                  "ab\x06",
		                                  4, false) };

	m[0].key = m[1].key = (const uint8_t *)"abc";
	m[0].key_len = 2;
	m[1].key_len = 3;
	assert_int_equal(prepare(m, 2, PREPARATION_NO_PARTITION), ERR_OK);
	assert_int_equal(made->items[0].verdict, VERDICT_ACCEPTED);
	assert_int_equal(made->items[1].verdict, VERDICT_REJECTED);
	assert_string_equal(made->items[1].violations[0].rule, "key.mismatch");
	assert_int_equal(made->items[1].partition, partition_by("abc"));
}

static void
test_the_partition_is_the_producers_only_where_it_is_explicit(void **state)
{
	struct intake_message m = message_of("\x04"
	                                     "ab\x06",
	                                     4, false);

	assert_int_equal(prepare(&m, 1, 2), ERR_USAGE);
	feed.contract = explicit_one;
	assert_int_equal(prepare(&m, 1, 2), ERR_OK);
	assert_int_equal(made->items[0].partition, 2);
	assert_int_equal(made->items[0].key_len, -1);
	assert_int_equal(prepare(&m, 1, 4), ERR_USAGE);
	m.key = (const uint8_t *)"ab";
	m.key_len = 2;
	assert_int_equal(prepare(&m, 1, PREPARATION_NO_PARTITION), ERR_OK);
	assert_int_equal(made->items[0].partition, partition_by("ab"));
}

static void
test_what_is_over_the_limit_is_not_taken(void **state)
{
	static char body[1100] = "";
	struct intake_message m[2] = { JSON("{\"item\":\"a\",\"units\":1}"),
		                       message_of(body, 1001, false) };

	m[1].number = 1;
	assert_int_equal(prepare(m, 2, PREPARATION_NO_PARTITION),
	                 ERR_TOO_LARGE);
	assert_string_equal(err.text,
	                    "message 1 has 1001 bytes with key and headers; "
	                    "the feed takes 1000");
	assert_null(made);
}

static void
test_a_submission_lives_longer_than_its_request(void **state)
{
	char body[] = "\x04"
		      "ab\x06";
	char key[] = "ab", id[] = "K";
	struct intake_message m = message_of(body, 4, false);

	m.key = (const uint8_t *)key;
	m.key_len = 2;
	m.id = (const uint8_t *)id;
	m.id_len = 1;
	assert_int_equal(prepare(&m, 1, PREPARATION_NO_PARTITION), ERR_OK);
	memset(body, 0, sizeof(body));
	memset(key, 0, sizeof(key));
	memset(id, 0, sizeof(id));
	assert_memory_equal(made->items[0].body,
	                    "\x04"
	                    "ab\x06",
	                    4);
	assert_memory_equal(made->items[0].key, "ab", 2);
	assert_memory_equal(made->items[0].dedup_id, "K", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_json_becomes_what_the_feed_carries),
		TEST(test_what_is_no_value_is_kept_as_it_came),
		TEST(test_a_supplied_key_must_be_the_derived_one),
		TEST(test_the_partition_is_the_producers_only_where_it_is_explicit),
		TEST(test_what_is_over_the_limit_is_not_taken),
		TEST(test_a_submission_lives_longer_than_its_request),
	};
	int failed = 0;

	alarm(120);
	failed = roadbase_open();
	if (failed == 0)
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return failed;
}
