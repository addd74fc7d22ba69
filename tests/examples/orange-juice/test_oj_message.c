/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Every spoiled message is one that a check of size, framing, structure, text
 * and key refuses, whatever the seed; good and misrouted ones pass it.
 */
#include "examples/orange-juice/oj_message.h"

#include "examples/orange-juice/oj_decode.h"
#include "tests/examples/orange-juice/juice_schema.h"
#include "tests/unit.h"

static json_t *schemas[OJ_FEEDS];

static int
setup(void **state)
{
	for (int id = 0; id < OJ_FEEDS; id++)
		schemas[id] = juice_schema_load(
			oj_feed_get((enum oj_feed_id)id)->schema);
	return 0;
}

static int
teardown(void **state)
{
	for (int id = 0; id < OJ_FEEDS; id++)
		json_decref(schemas[id]);
	return 0;
}

/* The key that the contract derives from a body. */
static size_t
derive_key(const json_t *schema, const json_t *body, char *key, size_t size)
{
	const json_t *names =
		json_object_get(json_object_get(schema, "waybill"), "key");
	size_t used = 0, i;
	json_t *name;

	json_array_foreach(names, i, name)
	{
		const json_t *field =
			json_object_get(body, json_string_value(name));
		const char *separator = i > 0 ? "\x1F" : "";
		if (json_is_string(field))
			used += (size_t)snprintf(key + used, size - used,
			                         "%s%s", separator,
			                         json_string_value(field));
		else
			used += (size_t)snprintf(
				key + used, size - used, "%s%lld", separator,
				(long long)json_integer_value(field));
	}
	return used;
}

/* Null where the contract has nothing to say against the message. */
static const char *
refusal(const struct oj_message *message)
{
	const struct oj_feed *feed = oj_feed_get(message->feed);
	static struct oj_err err;
	struct oj_avro frame = { 0 };
	struct oj_week week = { .store = 1, .item = 1, .week = 1 };
	const struct oj_flaw none = { 0 };
	size_t skip = oj_feed_frame_size(feed);
	json_t *body = NULL;
	char key[256];

	if (message->body_null)
		return feed->tombstones ? NULL : "tombstone";
	if (message->body.size > feed->body_bytes_max)
		return "size";
	oj_feed_body(feed, &week, &none, &frame);
	if (message->body.size < skip ||
	    memcmp(message->body.bytes, frame.bytes, skip) != 0)
		return "framing";
	if (!oj_decode(schemas[message->feed], message->body.bytes + skip,
	               message->body.size - skip, &body, &err))
		return err.text;
	size_t size =
		derive_key(schemas[message->feed], body, key, sizeof(key));
	json_decref(body);
	if (size != message->key_size || memcmp(key, message->key, size) != 0)
		return "key";
	return NULL;
}

static struct oj_week
random_week(struct oj_random *random, int tenant)
{
	struct oj_week week = {
		.store = 1 + (int32_t)oj_random_below(random, 137),
		.item = 1 + (int32_t)oj_random_below(random, 11),
		.week = 40 + (int32_t)oj_random_below(random, 121),
		.units = 1 + (int32_t)oj_random_below(random, 10000),
		.price_cents = 1 + (int32_t)oj_random_below(random, 700),
		.deal = oj_random_below(random, 2) == 1,
		.feature = (float)oj_random_below(random, 2),
		.margin = (float)oj_random_below(random, 3),
		.tenant = (uint8_t)tenant,
	};

	week.stock.on_hand = (int32_t)oj_random_below(random, 300);
	week.stock.on_order = (int32_t)oj_random_below(random, 2) * 12;
	week.stock.expedited = (int32_t)oj_random_below(random, 2) * 12;
	week.stock.received =
		week.stock.expedited + (int32_t)oj_random_below(random, 2) * 24;
	return week;
}

static void
test_good_messages_and_tombstones_pass(void **state)
{
	static struct oj_message message;
	struct oj_random random = { 1 };

	for (int i = 0; i < 4000; i++) {
		enum oj_feed_id feed = (enum oj_feed_id)(i % OJ_FEEDS);
		struct oj_week week = random_week(&random, i % OJ_FEEDS / 2);
		oj_message_good(&message, feed, &week);
		const char *why = refusal(&message);
		if (why != NULL)
			fail_msg("feed %d: %s", feed, why);
	}
	struct oj_week week = random_week(&random, 1);
	oj_message_tombstone(&message, OJ_FEED_CA_INVENTORY, &week);
	assert_null(refusal(&message));
}

static void
test_each_kind_of_spoiled_message_is_refused(void **state)
{
	static struct oj_message message;
	struct oj_random random = { 2 };

	assert_int_equal(10, OJ_KINDS_SPOILED);
	for (int kind = OJ_KIND_TRUNCATED; kind < OJ_KINDS; kind++) {
		int possible = 0;
		for (int i = 0; i < 4000; i++) {
			enum oj_feed_id feed = (enum oj_feed_id)(i % OJ_FEEDS);
			struct oj_week week =
				random_week(&random, i % OJ_FEEDS / 2);
			if (!oj_message_can_spoil(feed, (enum oj_kind)kind))
				continue;
			possible++;
			oj_message_spoiled(&message, feed, (enum oj_kind)kind,
			                   &week, &random);
			if (refusal(&message) == NULL)
				fail_msg("feed %d: %s is not seen", feed,
				         oj_message_kind_name(
						 (enum oj_kind)kind));
		}
		assert_true(possible > 0);
	}
}

/* Whichever of its two feeds is not fit for a kind, the other one is. */
static void
test_each_tenant_can_send_each_kind(void **state)
{
	for (int kind = OJ_KIND_TRUNCATED; kind < OJ_KINDS; kind++) {
		for (int tenant = 0; tenant < OJ_WEEK_TENANTS; tenant++)
			assert_true(oj_message_can_spoil(
					    oj_feed_of_tenant(tenant, false),
					    (enum oj_kind)kind) ||
			            oj_message_can_spoil(
					    oj_feed_of_tenant(tenant, true),
					    (enum oj_kind)kind));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_messages_and_tombstones_pass),
		cmocka_unit_test(test_each_kind_of_spoiled_message_is_refused),
		cmocka_unit_test(test_each_tenant_can_send_each_kind),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, setup, teardown);
}
