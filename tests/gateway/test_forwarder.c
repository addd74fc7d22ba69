/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A forwarder's thread behind a real journal, with librdkafka's mock cluster.
 */
#include "gateway/forwarder.h"

#include <stdio.h>
#include <string.h>

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/runtime/clock.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/road_metric.h"
#include "tests/support/kafkamock.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static struct kafkamock *mock;
static struct recorder *recorder;
static struct catalogue *catalogue;
static const struct deployment *deployment;
static struct daemon_config config;
static struct forwarder *forwarder;

static void
open_catalogue(void)
{
	const struct catalogue_options options = {
		.conninfo = roadbase_conninfo(),
		.role = "waybill_daemon",
		.timeout_ms = 20000,
	};
	struct err err = { .code = ERR_OK };

	if (catalogue_open(&options, &catalogue, &err) != ERR_OK)
		fail_msg("%s", err.text);
	deployment = catalogue_take(catalogue);
}

static int
begin(void **state)
{
	roadbase_begin(state);
	mock = kafkamock_start(1);
	kafkamock_topic(mock, "waybill.test.progress", 2);
	kafkamock_topic(mock, "us.sales", 4);
	kafkamock_topic(mock, "us.sales.dead", 2);
	kafkamock_topic(mock, "us.stock", 4);
	kafkamock_topic(mock, "us.stock.dead", 2);
	roadbase_run("update waybill.cluster set bootstrap = '%s'",
	             kafkamock_bootstrap(mock));
	config = (struct daemon_config){
		.daemon = (char *)"test-1",
		.connection = (char *)(uintptr_t)roadbase_conninfo(),
		.role = (char *)"waybill_daemon",
		.postgres_timeout_ms = 20000,
		.batch_messages = 100,
		.ring_bytes = 1024 * 1024,
		.transaction_messages = 1000,
		.transaction_bytes = 1024 * 1024,
	};
	recorder = recorder_new("test-1", 0);
	return 0;
}

static int
end(void **state)
{
	forwarder_stop(&forwarder);
	recorder_free(&recorder);
	deployment_unref(&deployment);
	catalogue_close(&catalogue);
	kafkamock_stop(&mock);
	return roadbase_end(state);
}

static void
start(void)
{
	const struct forwarder_options options = {
		.config = &config,
		.catalogue = catalogue,
		.cluster = "main",
		.lane = 0,
	};

	forwarder = forwarder_start(&options,
	                            journal_lane(recorder_journal(recorder)));
}

static void
record(const char *words)
{
	struct batch *batch = recorder_record(recorder, deployment, words);

	if (forwarder != NULL)
		forwarder_offer(forwarder, batch);
	batch_unref(&batch);
}

static bool
becomes_idle(void)
{
	for (int i = 0; i < 3000; i++) {
		if (forwarder_is_idle(forwarder))
			return true;
		clock_sleep_ms(10);
	}
	return false;
}

static bool
becomes(enum forwarder_verdict verdict)
{
	for (int i = 0; i < 3000; i++) {
		if (forwarder_verdict(forwarder) == verdict)
			return true;
		clock_sleep_ms(10);
	}
	return false;
}

/* How many messages have a place on the cluster; looked at when stopped. */
static int64_t
placed(void)
{
	forwarder_stop(&forwarder);
	return roadbase_number("select count(o) from waybill.delivery d,"
	                       " unnest(d.offsets) o");
}

static void
follows_the_recorder(void **state)
{
	open_catalogue();
	start();
	assert_true(becomes(FORWARDER_READY));
	for (int i = 0; i < 20; i++)
		record("us/sales:0*10 us/stock:1*5 us/sales:2!");
	assert_true(becomes_idle());
	assert_int_equal(forwarder_seq(forwarder), 320);
	assert_int_equal(placed(), 320);
}

/* It starts late, and is told of nothing else. */
static void
reads_the_journal_first(void **state)
{
	open_catalogue();
	for (int i = 0; i < 5; i++)
		record("us/sales:0*10");
	start();
	assert_true(becomes_idle());
	assert_int_equal(forwarder_seq(forwarder), 50);
	record("us/sales:1*10");
	assert_true(becomes_idle());
	assert_int_equal(placed(), 60);
}

static void
falls_back_to_the_journal_when_the_ring_is_full(void **state)
{
	config.ring_bytes = 1; /* one batch */
	open_catalogue();
	start();
	for (int i = 0; i < 100; i++)
		record("us/sales:0*3");
	assert_true(becomes_idle());
	assert_int_equal(forwarder_seq(forwarder), 300);
	assert_int_equal(placed(), 300);
}

/* Postgres is another one now: seq starts anew, behind the old one's end. */
static void
goes_on_with_the_next_incarnation(void **state)
{
	struct journal *journal = recorder_journal(recorder);
	struct err err = { .code = ERR_OK };

	open_catalogue();
	record("us/sales:0*10");
	roadbase_run("update waybill.lane set timeline = timeline + 1");
	start();
	if (journal_accept_timeline(journal, &err) != ERR_OK)
		fail_msg("%s", err.text);
	assert_int_equal(journal_lane(journal)->incarnation, 2);
	forwarder_tell_lane(forwarder, journal_lane(journal));
	assert_true(becomes_idle());
	assert_int_equal(forwarder_seq(forwarder), 0);
	record("us/sales:0*7");
	assert_true(becomes_idle());
	assert_int_equal(forwarder_seq(forwarder), 7);
	assert_int_equal(placed(), 17);
}

/* The next incarnation waits for parked feeds; these must not wait for it. */
static void
next_incarnation_waits_for_parked_feeds(void **state)
{
	struct journal *journal = recorder_journal(recorder);
	struct err err = { .code = ERR_OK };

	roadbase_run("update waybill.feed set partitions = 8"
	             " where feed = 'stock'");
	open_catalogue();
	start();
	record("us/sales:0*10 us/stock:0*10");
	assert_true(becomes_idle());
	roadbase_run("update waybill.lane set timeline = timeline + 1");
	if (journal_accept_timeline(journal, &err) != ERR_OK)
		fail_msg("%s", err.text);
	forwarder_tell_lane(forwarder, journal_lane(journal));
	record("us/sales:0*7");
	clock_sleep_ms(1500);
	assert_int_equal(forwarder_state(forwarder), ROUTE_STALLED);
	roadbase_run("update waybill.feed set partitions = 4"
	             " where feed = 'stock'");
	roadbase_changed();
	assert_true(becomes_idle());
	assert_int_equal(forwarder_seq(forwarder), 7);
	assert_int_equal(placed(), 27);
}

/* What the state of a route says of its progress must not hide that the rows
   of its last messages are missing. */
static void
fills_in_rows_that_were_refused(void **state)
{
	open_catalogue();
	start();
	record("us/sales:0*10");
	assert_true(becomes_idle());
	roadbase_run("revoke insert on waybill.delivery from waybill_forward");
	record("us/sales:0*10");
	for (int i = 0; i < 1000 && forwarder_state(forwarder) != ROUTE_DOWN;
	     i++)
		clock_sleep_ms(10);
	assert_int_equal(forwarder_state(forwarder), ROUTE_DOWN);
	clock_sleep_ms(1500);
	assert_int_equal(placed(), 10);
	roadbase_run("grant insert on waybill.delivery to waybill_forward");
	start();
	assert_true(becomes_idle());
	assert_int_equal(placed(), 20);
}

static void
another_owner_ends_it(void **state)
{
	open_catalogue();
	roadbase_run("update waybill.lane set owner = 'test-2'");
	start();
	assert_true(becomes(FORWARDER_LOST));
	assert_int_equal(forwarder_state(forwarder), ROUTE_STOPPED);
}

static void
progress_that_is_gone_is_divergence(void **state)
{
	char reason[256];

	open_catalogue();
	roadbase_run("insert into waybill.route (lane, cluster, ever_delivered,"
	             " state) values (0, 'main', true, 'running')");
	start();
	assert_true(becomes(FORWARDER_DIVERGED));
	forwarder_reason(forwarder, reason, sizeof(reason));
	assert_non_null(strstr(reason, "no progress record"));
}

static void
cluster_that_is_removed_gets_nothing(void **state)
{
	open_catalogue();
	start();
	record("us/sales:0*10");
	assert_true(becomes_idle());
	roadbase_run("delete from waybill.feed_output");
	roadbase_run("insert into waybill.cluster values"
	             " ('in', '127.0.0.1:1', true, false, '{}', '{}', 2)");
	roadbase_run("update waybill.feed set input_cluster = 'in'");
	roadbase_run("delete from waybill.cluster where cluster = 'main'");
	roadbase_changed();
	for (int i = 0; i < 1000 && catalogue_version(catalogue) < 2; i++)
		clock_sleep_ms(10);
	deployment_unref(&deployment);
	deployment = catalogue_take(catalogue);
	clock_sleep_ms(300);
	record("us/sales:0*10");
	clock_sleep_ms(500);
	assert_int_equal(forwarder_seq(forwarder), 10);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(follows_the_recorder),
		TEST(reads_the_journal_first),
		TEST(falls_back_to_the_journal_when_the_ring_is_full),
		TEST(goes_on_with_the_next_incarnation),
		TEST(next_incarnation_waits_for_parked_feeds),
		TEST(fills_in_rows_that_were_refused),
		TEST(another_owner_ends_it),
		TEST(progress_that_is_gone_is_divergence),
		TEST(cluster_that_is_removed_gets_nothing),
	};

	metric_register(road_metric_table, road_metric_count);
	return roadbase_main(280, tests, sizeof(tests) / sizeof(tests[0]));
}
