/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made of each thing that a lane may find on a cluster: a real
 * journal, and progress records by hand in librdkafka's mock cluster.
 */
#include "gateway/recovery.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kcluster.h"
#include "base/io/kproducer.h"
#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/runtime/text.h"
#include "tests/support/kafkamock.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define TOPIC "waybill.test.progress"

static struct kafkamock *mock;
static struct kcluster *cluster;
static struct kproducer *producer;
static struct pgconn *conn;
static struct recorder *recorder;
static const struct deployment *deployment;
static struct progress good, found;
static struct recovery recovery;
static struct err err;

static int
begin(void **state)
{
	struct kcluster_options options = { .name = "main",
		                            .client_id = "test" };
	struct batch *batch;

	roadbase_begin(state);
	mock = kafkamock_start(1);
	kafkamock_topic(mock, TOPIC, 2);
	options.bootstrap = kafkamock_bootstrap(mock);
	assert_ok(kcluster_open(&options, &cluster, &err));
	assert_ok(kproducer_open(&options, NULL, &producer, &err));
	conn = roadbase_connect("waybill_daemon");
	deployment = roadbase_load();
	recorder = recorder_new("test-1", 0);
	batch = recorder_record(recorder, deployment, "us/sales:0*3");
	batch_unref(&batch);
	batch = recorder_record(recorder, deployment, "us/sales:0*4");
	good = (struct progress){ .lane = 0,
		                  .incarnation = 1,
		                  .epoch = 1,
		                  .seq = 7,
		                  .system_id = 1,
		                  .timeline = 1 };
	memcpy(good.chain, batch->chain, sizeof(good.chain));
	batch_unref(&batch);
	recovery = (struct recovery){
		.cluster = cluster,
		.cluster_name = "main",
		.deployment = "test",
		.conn = conn,
		.lane = 0,
		.incarnation = 1,
		.daemon = "test-1",
		.timeout_ms = 5000,
	};
	return 0;
}

static int
end(void **state)
{
	kproducer_close(&producer);
	kcluster_close(&cluster);
	recorder_free(&recorder);
	deployment_unref(&deployment);
	pgconn_close(&conn);
	kafkamock_stop(&mock);
	return roadbase_end(state);
}

static void
put_body(const void *body, size_t len)
{
	struct kproducer_failure failure;
	const struct ksend send = {
		.topic = kproducer_topic(producer, TOPIC),
		.key = "0",
		.key_len = 1,
		.body = body,
		.body_len = (int32_t)len,
		.copy = true,
	};

	assert_ok(kproducer_send(producer, &send, &err));
	assert_ok(kproducer_flush(producer, 10000, &failure, &err));
}

static void
put(const struct progress *progress)
{
	struct text text;

	text_init(&text, 65536);
	progress_print(progress, "test", &text);
	put_body(text_string(&text), text.len);
	text_fini(&text);
}

static void
assert_found(const struct progress *wanted)
{
	bool is_found = false;

	assert_ok(recovery_find_progress(&recovery, &found, &is_found, &err));
	assert_true(is_found);
	assert_memory_equal(&found, wanted, sizeof(found));
}

static void
assert_judged(enum err_code code, const char *why)
{
	bool is_found = false;

	err = (struct err){ .code = ERR_OK };
	if (recovery_find_progress(&recovery, &found, &is_found, &err) != code)
		fail_msg("%s: %s", err_name(err.code), err.text);
	if (strstr(err.text, why) == NULL)
		fail_msg("no \"%s\" in: %s", why, err.text);
}

static void
nothing_and_never_delivered_is_a_beginning(void **state)
{
	bool is_found = true;

	assert_ok(recovery_find_progress(&recovery, &found, &is_found, &err));
	assert_false(is_found);
	assert_int_equal(found.incarnation, 1);
	assert_int_equal(found.seq, 0);
	assert_int_equal(found.parked_count, 0);
}

static void
nothing_but_delivered_before_is_divergence(void **state)
{
	roadbase_run("insert into waybill.route (lane, cluster, ever_delivered,"
	             " state) values (0, 'main', true, 'running')");
	assert_judged(ERR_DIVERGED, "no progress record");
	/* of another lane or cluster, or only looked at: none of that */
	roadbase_run("update waybill.route set lane = 1");
	roadbase_run("insert into waybill.route (lane, cluster, ever_delivered,"
	             " state) values (0, 'main', false, 'down'),"
	             " (0, 'other', true, 'running')");
	nothing_and_never_delivered_is_a_beginning(state);
}

static void
the_last_record_counts(void **state)
{
	struct progress older = good;

	older.seq = 3;
	for (int i = 0; i < 40; i++)
		put(&older);
	put(&good);
	assert_found(&good);
}

/* The last ones are tombstones: further back is looked, ever wider. */
static void
records_far_back_are_found(void **state)
{
	put(&good);
	for (int i = 0; i < 600; i++)
		put_body(NULL, 0);
	assert_found(&good);
}

static void
parked_feeds_come_back(void **state)
{
	good.parked_count = 1;
	strcpy(good.parked[0].tenant, "us");
	strcpy(good.parked[0].feed, "sales");
	good.parked[0].seq = 3;
	put(&good);
	assert_found(&good);
}

static void
a_newer_epoch_is_a_postgres_that_was_rolled_back(void **state)
{
	good.epoch = 100;
	put(&good);
	assert_judged(ERR_DIVERGED, "rolled back");
	/* the same with an owner that is newer: then I am the one to go */
	roadbase_run("update waybill.lane set owner = 'test-2', epoch = 100");
	assert_judged(ERR_LANE_LOST, "another owner");
}

static void
another_owner_is_told_before_all(void **state)
{
	err = (struct err){ .code = ERR_OK };
	assert_ok(recovery_check_owner(&recovery, &err));
	roadbase_run("update waybill.lane set owner = null");
	assert_int_equal(recovery_check_owner(&recovery, &err), ERR_LANE_LOST);
	roadbase_run("update waybill.lane set owner = 'test-2'");
	assert_int_equal(recovery_check_owner(&recovery, &err), ERR_LANE_LOST);
	/* the last step asks once more, also where nothing was delivered */
	assert_judged(ERR_LANE_LOST, "another owner");
}

static void
another_chain_is_divergence(void **state)
{
	good.chain[31] ^= 1;
	put(&good);
	assert_judged(ERR_DIVERGED, "another one");
}

static void
a_seq_that_the_journal_lacks_is_divergence(void **state)
{
	good.seq = 8;
	put(&good);
	assert_judged(ERR_DIVERGED, "not in the journal");
	good.seq = 5; /* within a commit */
	put(&good);
	assert_judged(ERR_DIVERGED, "not in the journal");
	good.seq = 7;
	good.incarnation = 2;
	put(&good);
	assert_judged(ERR_DIVERGED, "not in the journal");
}

static void
a_foreign_record_is_divergence(void **state)
{
	struct progress other = good;

	put(&good);
	put_body("{}", 2);
	assert_judged(ERR_DIVERGED, "did not write");
	for (int i = 0; i < 20; i++)
		put(&good);
	assert_found(&good);
	/* of another lane: the partition is not its own */
	other.lane = 1;
	put(&other);
	assert_judged(ERR_DIVERGED, "did not write");
}

static void
a_cluster_that_is_down_is_no_verdict(void **state)
{
	bool is_found = false;

	put(&good);
	kafkamock_down(mock, 1);
	recovery.timeout_ms = 1500;
	err = (struct err){ .code = ERR_OK };
	assert_int_not_equal(
		recovery_find_progress(&recovery, &found, &is_found, &err),
		ERR_OK);
	assert_int_not_equal(err.code, ERR_DIVERGED);
	assert_int_not_equal(err.code, ERR_LANE_LOST);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(nothing_and_never_delivered_is_a_beginning),
		TEST(nothing_but_delivered_before_is_divergence),
		TEST(the_last_record_counts),
		TEST(records_far_back_are_found),
		TEST(parked_feeds_come_back),
		TEST(a_newer_epoch_is_a_postgres_that_was_rolled_back),
		TEST(another_owner_is_told_before_all),
		TEST(another_chain_is_divergence),
		TEST(a_seq_that_the_journal_lacks_is_divergence),
		TEST(a_foreign_record_is_divergence),
		TEST(a_cluster_that_is_down_is_no_verdict),
	};

	return roadbase_main(180, tests, sizeof(tests) / sizeof(tests[0]));
}
