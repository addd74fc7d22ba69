/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane's way to a cluster: real Postgres, librdkafka's mock cluster, which
 * shows aborted messages too: what is counted here is therefore offsets that
 * are recorded, and what the progress record says.
 */
#include "gateway/carrier.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kcluster.h"
#include "base/io/kconsumer.h"
#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/delivery.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/runtime/clock.h"
#include "gateway/daemon_config.h"
#include "tests/support/kafkamock.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define MESSAGE_TOO_LARGE   10 /* of the protocol */
#define NOT_ENOUGH_REPLICAS 19

static struct kafkamock *mock;
static struct recorder *recorder;
static const struct deployment *deployment;
static struct daemon_config config;
static struct carrier *carrier;
static struct err err;

static void
load(void)
{
	deployment_unref(&deployment);
	deployment = roadbase_load();
}

static void
make_topics(struct kafkamock *at, const char *feed)
{
	char topic[64];

	kafkamock_topic(at, feed, 4);
	snprintf(topic, sizeof(topic), "%s.dead", feed);
	kafkamock_topic(at, topic, 2);
}

static int
begin(void **state)
{
	roadbase_begin(state);
	mock = kafkamock_start(1);
	kafkamock_topic(mock, "waybill.test.progress", 2);
	make_topics(mock, "us.sales");
	make_topics(mock, "ca.sales");
	roadbase_run("update waybill.cluster set bootstrap = '%s'",
	             kafkamock_bootstrap(mock));
	load();
	config = (struct daemon_config){
		.daemon = (char *)"test-1",
		.connection = (char *)(uintptr_t)roadbase_conninfo(),
		.role = (char *)"waybill_daemon",
		.postgres_timeout_ms = 20000,
	};
	recorder = recorder_new("test-1", 0);
	return 0;
}

static int
end(void **state)
{
	carrier_close(&carrier);
	recorder_free(&recorder);
	deployment_unref(&deployment);
	kafkamock_stop(&mock);
	return roadbase_end(state);
}

static enum err_code
try_open(const char *cluster)
{
	const struct carrier_options options = {
		.config = &config,
		.cluster = cluster,
		.lane = 0,
	};

	err = (struct err){ .code = ERR_OK };
	return carrier_open(&options, deployment, &carrier, &err);
}

static void
open_carrier(const char *cluster)
{
	if (try_open(cluster) != ERR_OK)
		fail_msg("%s: %s", err_name(err.code), err.text);
}

static struct carrier_lane
lane_now(void)
{
	const struct journal_lane *lane =
		journal_lane(recorder_journal(recorder));

	return (struct carrier_lane){ lane->epoch, lane->system_id,
		                      lane->timeline };
}

static struct batch *
record(const char *words)
{
	return recorder_record(recorder, deployment, words);
}

static void
carry(struct batch *batch)
{
	const struct carrier_lane lane = lane_now();

	assert_ok(carrier_carry(carrier, &batch, 1, &lane, &err));
}

static void
record_and_carry(const char *words)
{
	struct batch *batch = record(words);

	carry(batch);
	assert_ok(carrier_mark(carrier, 1, "", &err)); /* rows are there */
	batch_unref(&batch);
}

static bool
count_one(const struct kmessage *message, void *context)
{
	(*(int *)context)++;
	return true;
}

static int
count_in(const char *topic, int partition)
{
	const struct kcluster_options options = {
		.name = "count",
		.bootstrap = kafkamock_bootstrap(mock),
		.client_id = "count",
	};
	struct kcluster *cluster = NULL;
	int64_t low, high;
	int count = 0;

	assert_ok(kcluster_open(&options, &cluster, &err));
	assert_ok(kcluster_watermarks(cluster, topic, partition, false, 5000,
	                              &low, &high, &err));
	if (high > low)
		assert_ok(kcluster_read(cluster, topic, partition, low, high,
		                        false, 5000, count_one, &count, &err));
	kcluster_close(&cluster);
	return count;
}

/* Messages of this feed whose place on the cluster is recorded. */
static int64_t
placed(const char *feed)
{
	return roadbase_number(
		"select count(o) from waybill.delivery d join waybill.block b"
		" using (lane, incarnation, first_seq), unnest(d.offsets) o"
		" where b.tenant || '/' || b.feed = '%s'",
		feed);
}

/* -- carrying ---------------------------------------------------------------- */

static void
carries_and_records_where(void **state)
{
	struct batch *batches[3];
	const struct carrier_lane lane = lane_now();

	open_carrier("main");
	assert_int_equal(carrier_incarnation(carrier), 1);
	assert_int_equal(carrier_seq(carrier), 0);
	batches[0] = record("us/sales:0*10 us/sales:1!*3 ca/sales:3*5");
	batches[1] = record("ca/sales:3*5");
	batches[2] = record("us/sales:0");
	assert_ok(carrier_carry(carrier, batches, 3, &lane, &err));
	assert_int_equal(carrier_seq(carrier), 24);
	assert_ok(carrier_mark(carrier, 1, "", &err));
	assert_int_equal(placed("us/sales"), 14);
	assert_int_equal(placed("ca/sales"), 10);
	assert_int_equal(count_in("us.sales", 0), 11);
	assert_int_equal(count_in("us.sales.dead", 1), 3);
	assert_int_equal(count_in("ca.sales", 3), 10);
	assert_int_equal(roadbase_number("select count(*) from waybill.route"
	                                 " where ever_delivered and seq = 24"),
	                 1);
	for (int i = 0; i < 3; i++)
		batch_unref(&batches[i]);
}

static void
goes_on_where_it_was(void **state)
{
	struct batch *batch = NULL;

	open_carrier("main");
	record_and_carry("us/sales:0*10");
	carrier_close(&carrier);
	open_carrier("main");
	assert_int_equal(carrier_seq(carrier), 10);
	batch = record("us/sales:0*10");
	batch_unref(&batch);
	assert_ok(carrier_read(carrier, deployment, 1, 10, &batch, &err));
	carry(batch);
	assert_int_equal(carrier_seq(carrier), 20);
	batch_unref(&batch);
	assert_int_equal(count_in("us.sales", 0), 20);
}

static void
play_day(int ahead)
{
	roadbase_run("create or replace function waybill.today() returns date"
	             " language sql stable as 'select (now() at time zone"
	             " ''utc'')::date + %d'",
	             ahead);
}

/* As the owner of the schema does. */
static void
drop_today(void)
{
	roadbase_run("do $$ declare t text; begin foreach t in array array["
	             "'lane_commit', 'block', 'delivery', 'source_range',"
	             " 'delivery_range', 'violation'] loop execute format("
	             "'drop table waybill.%%I', t || '_' || to_char((now() at"
	             " time zone 'utc')::date, 'YYYYMMDD')); end loop; end $$");
}

/* Its days before may be gone when a cluster is added. */
static void
a_new_cluster_begins_where_the_journal_does(void **state)
{
	struct batch *batch = record("us/sales:0*10");

	batch_unref(&batch);
	play_day(1);
	batch = record("us/sales:0*5");
	batch_unref(&batch);
	drop_today();
	open_carrier("main");
	assert_int_equal(carrier_incarnation(carrier), 1);
	assert_int_equal(carrier_seq(carrier), 10);
	assert_ok(carrier_read(carrier, deployment, 1, 10, &batch, &err));
	assert_non_null(batch);
	assert_int_equal(batch->first_seq, 11);
	/* Nothing was delivered yet: so it begins again. */
	batch_unref(&batch);
	carrier_close(&carrier);
	open_carrier("main");
	assert_int_equal(carrier_seq(carrier), 10);
	assert_ok(carrier_read(carrier, deployment, 1, 10, &batch, &err));
	carry(batch);
	batch_unref(&batch);
	assert_ok(carrier_mark(carrier, 1, "", &err));
	assert_int_equal(placed("us/sales"), 5);
	assert_int_equal(count_in("us.sales", 0), 5);
	assert_int_equal(
		roadbase_number("select count(*) from waybill.route where"
	                        " reason like '%%nothing before 0-1-11%%'"),
		1);
	carrier_close(&carrier);
	open_carrier("main");
	assert_int_equal(carrier_seq(carrier), 15);
	/* A daemon that died behind its first transaction. */
	carrier_close(&carrier);
	roadbase_run("delete from waybill.delivery");
	roadbase_run("delete from waybill.delivery_range");
	roadbase_run("update waybill.route set seq = null");
	open_carrier("main");
	assert_int_equal(carrier_seq(carrier), 15);
	assert_int_equal(placed("us/sales"), 5);
}

/* All of an incarnation, or all there is, may be gone. */
static void
a_new_cluster_begins_in_a_later_incarnation(void **state)
{
	struct journal *journal = recorder_journal(recorder);
	struct batch *batch = record("us/sales:0*10");

	batch_unref(&batch);
	roadbase_run("update waybill.lane set timeline = timeline + 1");
	assert_ok(journal_accept_timeline(journal, &err));
	batch = record("us/sales:0*4");
	batch_unref(&batch);
	drop_today();
	open_carrier("main");
	assert_int_equal(carrier_incarnation(carrier), 2);
	assert_int_equal(carrier_seq(carrier), 4);
	play_day(1);
	record_and_carry("us/sales:0*3");
	assert_int_equal(carrier_seq(carrier), 7);
	assert_int_equal(placed("us/sales"), 3);
}

/* What a cluster has must be what the journal had: the lane's row tells the
   last commit, though its day is gone. */
static void
a_cluster_that_has_all_outlives_the_days(void **state)
{
	open_carrier("main");
	record_and_carry("us/sales:0*10");
	carrier_close(&carrier);
	play_day(1);
	drop_today();
	open_carrier("main");
	assert_int_equal(carrier_seq(carrier), 10);
	record_and_carry("us/sales:0*3");
	carrier_close(&carrier);
	roadbase_run("update waybill.lane_commit"
	             " set chain = decode(repeat('11', 32), 'hex')");
	assert_int_equal(try_open("main"), ERR_DIVERGED);
}

/* Clusters are numbered anew in each snapshot. */
static void
carries_on_when_another_cluster_is_removed(void **state)
{
	roadbase_run("insert into waybill.cluster values"
	             " ('former', '127.0.0.1:1', false, true, '{}', '{}', 0)");
	load();
	open_carrier("main");
	record_and_carry("us/sales:0*3");
	roadbase_run("delete from waybill.cluster where cluster = 'former'");
	load();
	record_and_carry("us/sales:0*3");
	assert_int_equal(placed("us/sales"), 6);
	roadbase_run("insert into waybill.cluster values"
	             " ('newer', '127.0.0.1:1', false, true, '{}', '{}', 0)");
	load();
	record_and_carry("us/sales:0*3");
	assert_int_equal(placed("us/sales"), 9);
}

/* -- opening anew, with rows that were not written ---------------------------- */

/* A daemon died behind the Kafka transaction, before the delivery rows. */
static void
fills_in_what_was_in_doubt(void **state)
{
	open_carrier("main");
	record_and_carry("us/sales:0*10");
	record_and_carry("us/sales:0*10 us/sales:1!*2 ca/sales:1*4");
	carrier_close(&carrier);
	roadbase_run("delete from waybill.delivery where first_seq > 10");
	roadbase_run("delete from waybill.delivery_range where first_seq > 10");
	roadbase_run("update waybill.route set seq = 10");
	assert_int_equal(placed("us/sales"), 10);
	open_carrier("main");
	assert_int_equal(placed("us/sales"), 22);
	assert_int_equal(placed("ca/sales"), 4);
	assert_int_equal(
		roadbase_number("select count(*) from waybill.delivery_range"),
		4);
}

/* The last block of a commit does not go to the cluster: the rows end in the
   middle of a commit. */
static void
opens_where_rows_end_within_a_commit(void **state)
{
	roadbase_run("delete from waybill.feed_output where tenant = 'us'"
	             " and feed = 'stock'");
	load();
	open_carrier("main");
	record_and_carry("us/sales:0*3 us/stock:0*4");
	record_and_carry("us/sales:0*3 us/stock:0*4");
	carrier_close(&carrier);
	open_carrier("main");
	assert_int_equal(carrier_seq(carrier), 14);
	/* and with the last commit's rows in doubt */
	carrier_close(&carrier);
	roadbase_run("delete from waybill.delivery where first_seq > 7");
	roadbase_run("delete from waybill.delivery_range where first_seq > 7");
	roadbase_run("update waybill.route set seq = 7");
	open_carrier("main");
	assert_int_equal(placed("us/sales"), 6);
	assert_int_equal(placed("us/stock"), 0);
}

/* A feed has more partitions than its topics: the mock makes topics when it
   is asked for them, so this stands for those that are missing. */
static void
spoil_topics(const char *feed)
{
	roadbase_run("update waybill.feed set partitions = 8,"
	             " dead_letter_partitions = 8 where feed = '%s'",
	             feed);
	make_topics(mock, "us.stock");
	load();
}

/* A commit of which nothing goes to the cluster, whose topic is not there. */
static void
opens_where_a_feed_does_not_go_to_the_cluster(void **state)
{
	spoil_topics("stock");
	roadbase_run("delete from waybill.feed_output where tenant = 'us'"
	             " and feed = 'stock'");
	load();
	open_carrier("main");
	record_and_carry("us/sales:0*3");
	record_and_carry("us/stock:7*2 us/stock:7!*2");
	assert_int_equal(carrier_seq(carrier), 7);
	carrier_close(&carrier);
	roadbase_run("update waybill.route set seq = 3");
	open_carrier("main");
	assert_int_equal(carrier_seq(carrier), 7);
	record_and_carry("us/sales:0");
	assert_int_equal(placed("us/sales"), 4);
}

/* -- parking ------------------------------------------------------------------ */

static void
parks_a_feed_whose_topic_is_missing(void **state)
{
	const struct carrier_lane lane = lane_now();

	spoil_topics("stock");
	open_carrier("main");
	record_and_carry("us/sales:0*3 us/stock:0*2 us/stock:7!*2");
	assert_int_equal(carrier_seq(carrier), 7);
	assert_int_equal(carrier_parking(carrier)->count, 1);
	assert_int_equal(placed("us/sales"), 3);
	assert_int_equal(roadbase_number("select first_seq from waybill.parked"
	                                 " where feed = 'stock'"),
	                 0);

	/* It is still parked, and no reason to stall, in the next life. */
	carrier_close(&carrier);
	roadbase_run("update waybill.route set seq = 0");
	open_carrier("main");
	assert_int_equal(carrier_parking(carrier)->count, 1);
	record_and_carry("us/sales:0*3 us/stock:7*2");
	assert_int_equal(placed("us/sales"), 6);
	assert_int_equal(placed("us/stock"), 0);

	/* The topic comes: everything follows, in order. */
	roadbase_run("update waybill.feed set output_topic = 'us.more',"
	             " dead_letter_topic = 'us.more.dead'"
	             " where feed = 'stock'");
	kafkamock_topic(mock, "us.more", 8);
	kafkamock_topic(mock, "us.more.dead", 8);
	load();
	for (int i = 0; i < 100 && carrier_parking(carrier)->count > 0; i++) {
		clock_sleep_ms(100);
		assert_ok(carrier_unpark(carrier, deployment, &lane, &err));
	}
	assert_int_equal(carrier_parking(carrier)->count, 0);
	assert_int_equal(placed("us/stock"), 6);
	assert_int_equal(count_in("us.more", 0), 2);
	assert_int_equal(count_in("us.more", 7), 2);
	assert_int_equal(count_in("us.more.dead", 7), 2);
	assert_int_equal(roadbase_number("select count(*) from waybill.parked"),
	                 0);
	record_and_carry("us/stock:0");
	assert_int_equal(placed("us/stock"), 7);
}

static void
unpark_all(void)
{
	const struct carrier_lane lane = lane_now();

	for (int i = 0; i < 100 && carrier_parking(carrier)->count > 0; i++) {
		clock_sleep_ms(100);
		assert_ok(carrier_unpark(carrier, deployment, &lane, &err));
	}
	assert_int_equal(carrier_parking(carrier)->count, 0);
}

/* A daemon died behind the last transaction of a backlog: its rows, and the
   word that the feed is no longer parked, were not written any more. */
static void
fills_in_what_an_unparking_transaction_delivered(void **state)
{
	spoil_topics("stock");
	open_carrier("main");
	record_and_carry("us/sales:0*3 us/stock:0*2");
	record_and_carry("us/sales:0*3 us/stock:1*2 us/stock:1!*1");
	assert_int_equal(carrier_parking(carrier)->count, 1);
	roadbase_run("create table kept as select * from waybill.parked");
	roadbase_run("update waybill.feed set output_topic = 'us.more',"
	             " dead_letter_topic = 'us.more.dead'"
	             " where feed = 'stock'");
	kafkamock_topic(mock, "us.more", 8);
	kafkamock_topic(mock, "us.more.dead", 8);
	load();
	unpark_all();
	record_and_carry("us/sales:0*3");
	assert_int_equal(placed("us/stock"), 5);
	carrier_close(&carrier);

	roadbase_run("delete from waybill.delivery d using waybill.block b"
	             " where b.first_seq = d.first_seq and b.feed = 'stock'"
	             " and b.first_seq > 5");
	roadbase_run("delete from waybill.delivery_range where topic like"
	             " 'us.more%%' and first_seq > 5");
	roadbase_run("update kept set first_seq = 5");
	roadbase_run("insert into waybill.parked select * from kept");
	assert_int_equal(placed("us/stock"), 2);
	open_carrier("main");
	assert_int_equal(placed("us/stock"), 5);
	assert_int_equal(placed("us/sales"), 9);
	assert_int_equal(roadbase_number("select count(*) from waybill.parked"),
	                 0);
}

/* A long backlog leaves room for the other feeds, and for a stop. */
static void
unparks_in_slices(void **state)
{
	const struct carrier_lane lane = lane_now();
	int64_t begun_us;
	int calls = 0;

	spoil_topics("stock");
	open_carrier("main");
	for (int i = 0; i < 120; i++)
		record_and_carry("us/stock:0 us/sales:0");
	roadbase_run("update waybill.feed set partitions = 4,"
	             " dead_letter_partitions = 2");
	load();
	kafkamock_slow(mock, 1, 20);
	while (carrier_parking(carrier)->count > 0) {
		begun_us = clock_now_us();
		assert_ok(carrier_unpark(carrier, deployment, &lane, &err));
		assert_true(clock_now_us() - begun_us < 2000000);
		calls++;
	}
	assert_true(calls > 1 && calls < 100);
	assert_int_equal(placed("us/stock"), 120);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(carries_and_records_where),
		TEST(goes_on_where_it_was),
		TEST(a_new_cluster_begins_where_the_journal_does),
		TEST(a_new_cluster_begins_in_a_later_incarnation),
		TEST(a_cluster_that_has_all_outlives_the_days),
		TEST(carries_on_when_another_cluster_is_removed),
		TEST(fills_in_what_was_in_doubt),
		TEST(opens_where_rows_end_within_a_commit),
		TEST(opens_where_a_feed_does_not_go_to_the_cluster),
		TEST(parks_a_feed_whose_topic_is_missing),
		TEST(fills_in_what_an_unparking_transaction_delivered),
		TEST(unparks_in_slices),
	};

	return roadbase_main(280, tests, sizeof(tests) / sizeof(tests[0]));
}
