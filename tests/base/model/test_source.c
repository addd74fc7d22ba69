/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources on a real Postgres: their numbers, and how a record of Kafka is
 * known again.
 */
#include "base/model/source.h"

#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static const struct deployment *deployment;
static struct recorder *recorder;
static struct pgconn *conn;
static struct batch *batch;
static struct digest *digest;
static struct err err;

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	recorder = recorder_new("test-1", 0);
	conn = journal_conn(recorder_journal(recorder));
	digest = digest_new();
	return 0;
}

static int
end(void **state)
{
	batch_unref(&batch);
	digest_free(&digest);
	recorder_free(&recorder);
	deployment_unref(&deployment);
	return roadbase_end(state);
}

static void
record(const char *words)
{
	batch_unref(&batch);
	batch = recorder_record(recorder, deployment, words);
}

/* What is known of the message at index of the last batch. */
static struct source_standing
standing_of(size_t index)
{
	struct source_standing standing = {
		.source_id = batch->messages[index].source_id,
		.offset = batch->messages[index].source_offset,
	};

	assert_ok(source_recall(conn, &standing, 1, &err));
	return standing;
}

/* As it comes from Kafka: nothing is assigned. */
static struct message
fresh(size_t index)
{
	struct message m = batch->messages[index];

	m.seq = 0;
	m.contract = 0;
	m.verdict = VERDICT_ACCEPTED;
	return m;
}

static void
keeps_its_number_when_the_cluster_is_known(void **state)
{
	const struct feed *feed = deployment_feed(deployment, "us", "sales");
	int32_t unknown = 0, known = 0, again = 0, other = 0;

	assert_ok(source_take(conn, feed, "", 3, &unknown, &err));
	assert_ok(source_take(conn, feed, "id-1", 3, &known, &err));
	assert_int_equal(known, unknown);
	assert_ok(source_take(conn, feed, "id-2", 3, &again, &err));
	assert_int_equal(again, unknown);
	assert_ok(source_take(conn, feed, "", 2, &other, &err));
	assert_int_not_equal(other, unknown);
}

static void
every_recorded_message_is_known_again(void **state)
{
	record("us/sales:0*300 us/sales:1!*2 ca/sales:0*3");
	record("us/sales:1 us/sales:0*300 us/stock:0 us/sales:1!*2");
	for (size_t i = 0; i < batch->count; i += i < 300 ? 37 : 1) {
		struct source_standing standing = standing_of(i);
		struct message m = fresh(i);

		assert_true(standing.has_record);
		assert_true(source_is_recorded(&standing, &m, digest));
		assert_int_equal(m.seq, batch->messages[i].seq);
	}
}

static void
another_message_is_not(void **state)
{
	struct source_standing standing;
	struct message m;

	record("us/sales:0*3");
	standing = standing_of(1);
#define DIFFERS(change)                                                        \
	do {                                                                   \
		m = fresh(1);                                                  \
		change;                                                        \
		assert_false(source_is_recorded(&standing, &m, digest));       \
	} while (0)
	DIFFERS(m.event_time_ms++);
	DIFFERS(m.key_len--);
	DIFFERS(m.key_len = -1);
	DIFFERS(m.body_len--);
	DIFFERS(m.body_len = -1);
	DIFFERS(m.headers_len = 0);
	DIFFERS(m.body = batch->messages[0].body);
	DIFFERS(m.source_offset--);
	DIFFERS(m.source_id++);
#undef DIFFERS
}

/* A block may have a salt for each message; one may be forgotten. */
static void
salts_of_their_own(void **state)
{
	struct source_standing standing;
	struct message m = { .seq = 0 };
	uint8_t salts[48];
	char hex[97];

	record("us/sales:0*3");
	digest_keystream(batch->blocks[0].salt, salts, sizeof(salts));
	for (int i = 0; i < 48; i++)
		snprintf(hex + 2 * i, 3, "%02x", salts[i]);
	roadbase_run("update waybill.block set salt = '\\x%s'", hex);
	m = fresh(2);
	standing = standing_of(2);
	assert_true(source_is_recorded(&standing, &m, digest));
	roadbase_run("update waybill.block set salt = substring(salt for 33)");
	assert_false(standing_of(2).has_record);
}

static void
what_is_not_there_is_not_known(void **state)
{
	struct source_standing standings[3];

	record("us/sales:0*3 us/sales:1");
	memset(standings, 0, sizeof(standings));
	for (int i = 0; i < 3; i++)
		standings[i].source_id = batch->messages[0].source_id;
	standings[0].offset = 3;
	standings[1].offset = -1;
	standings[2].offset = 2;
	assert_ok(source_recall(conn, standings, 3, &err));
	assert_false(standings[0].has_record);
	assert_false(standings[1].has_record);
	assert_true(standings[2].has_record);
	/* The day was dropped. */
	roadbase_run("update waybill.source_day set day = day - 1000");
	assert_ok(source_recall(conn, standings, 3, &err));
	assert_false(standings[2].has_record);
}

static void
is_confirmed(void **state)
{
	struct source_standing standing;
	int32_t id;

	record("us/sales:0");
	id = batch->messages[0].source_id;
	assert_ok(source_record_gap(conn, id, 0, 1, -1, "for a test", &err));
	assert_ok(source_record_gap(conn, id, 0, 1, -1, "again", &err));
	standing = standing_of(0);
	assert_true(standing.has_gap);
	assert_string_equal(standing.cluster_id, "");
	assert_ok(source_confirm(conn, id, "", &err));
	standing = standing_of(0);
	assert_false(standing.has_gap);
	assert_string_equal(standing.cluster_id, "");
	assert_ok(source_confirm(conn, id, "id-1", &err));
	assert_string_equal(standing_of(0).cluster_id, "id-1");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(keeps_its_number_when_the_cluster_is_known),
		TEST(every_recorded_message_is_known_again),
		TEST(another_message_is_not),
		TEST(salts_of_their_own),
		TEST(what_is_not_there_is_not_known),
		TEST(is_confirmed),
	};
	int code;

	unit_alarm(60);
	if ((code = roadbase_open()) != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return code;
}
