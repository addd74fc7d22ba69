/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage sets verdicts, drops nothing, and leaves what another stage has
 * decided.
 */
#include "contracts/contract.h"

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/stage.h"
#include "tests/contracts/given.h"

#define STAGE_MESSAGES  5
#define STAGE_PARTITION 0 /* of "a" among 4, as Java clients say */

static const char stage_avsc[] =
	"{\"type\":\"record\",\"name\":\"r\",\"waybill\":{\"key\":[\"s\"]},"
	"\"fields\":[{\"name\":\"s\",\"type\":\"string\"}]}";

static void
put(struct message *message, const struct feed *feed, const char *key,
    const char *body, int32_t body_len)
{
	memset(message, 0, sizeof(*message));
	message->feed = feed;
	message->key = (const uint8_t *)key;
	message->key_len = key != NULL ? (int32_t)strlen(key) : -1;
	message->body = (const uint8_t *)body;
	message->body_len = body_len;
	message->headers_len = -1;
}

static void
test_validates_a_batch(void **state)
{
	struct feed feed = { .partitions = 4, .message_bytes_max = 100 };
	struct message messages[STAGE_MESSAGES];
	struct batch batch = { .messages = messages, .count = STAGE_MESSAGES };
	struct err err = { 0 };
	void *context = contract_stage_validate.context_new();

	feed.contract = given_contract(stage_avsc);
	arena_init(&batch.arena, 4096);
	put(&messages[0], &feed, "a",
	    "\x02"
	    "a",
	    2);
	put(&messages[1], &feed, "a", "\x02", 1);
	put(&messages[2], &feed, NULL, NULL, -1);
	put(&messages[3], &feed, "b",
	    "\x02"
	    "a",
	    2);
	put(&messages[4], &feed, "a",
	    "\x02"
	    "a",
	    2);
	messages[4].verdict = VERDICT_DUPLICATE;
	for (int i = 0; i < 4; i++) {
		messages[0].verdict = VERDICT_ACCEPTED;
		messages[0].partition = i;
		messages[0].misrouted = false;
		messages[1].verdict = VERDICT_ACCEPTED;
		assert_int_equal(
			contract_stage_validate.run(&batch, context, &err),
			ERR_OK);
		assert_int_equal(messages[0].misrouted, i != STAGE_PARTITION);
	}
	assert_int_equal(messages[0].verdict, VERDICT_ACCEPTED);
	assert_int_equal(messages[0].contract, 7);
	assert_int_equal(messages[0].violation_count, 0);
	assert_int_equal(messages[1].verdict, VERDICT_REJECTED);
	assert_int_equal(messages[1].contract, 7);
	assert_int_equal(messages[1].violation_count, 1);
	assert_string_equal(messages[1].violations[0].rule, "avro.truncated");
	assert_int_equal(messages[2].verdict, VERDICT_REJECTED);
	assert_int_equal(messages[2].violation_count, 2);
	assert_string_equal(messages[2].violations[1].rule,
	                    "tombstone.keyless");
	assert_int_equal(messages[3].verdict, VERDICT_REJECTED);
	assert_string_equal(messages[3].violations[0].rule, "key.mismatch");
	assert_string_equal(messages[3].violations[0].expected, "a");
	assert_string_equal(messages[3].violations[0].value, "b");
	assert_int_equal(messages[4].verdict, VERDICT_DUPLICATE);
	assert_int_equal(messages[4].contract, 0);
	/* the bytes are as they came */
	assert_memory_equal(messages[1].body, "\x02", 1);
	contract_stage_validate.context_free(context);
	contract_stage_validate.context_free(NULL);
	arena_fini(&batch.arena);
	contract_free(&feed.contract);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_validates_a_batch),
	};

	unit_alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
