/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an input partition is read on: a lane on a real Postgres, whose input
 * is one mock cluster of librdkafka and then another.
 */
#include "gateway/inlet.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kproducer.h"
#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/stage.h"
#include "base/runtime/clock.h"
#include "base/runtime/metric.h"
#include "base/runtime/text.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/gather.h"
#include "gateway/input.h"
#include "gateway/lane.h"
#include "gateway/road_metric.h"
#include "tests/support/kafkamock.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static struct kafkamock *mock;
static struct kafkamock *source; /* the input cluster, where it is another */
static struct catalogue *catalogue;
static struct input *input;
static struct daemon_config config;
static struct lane *lane;
static struct err err;

/* How often the stage is to fail: the lane waits then. */
static _Atomic int failures;

static enum err_code
stage_run(struct batch *batch, void *context, struct err *stage_err)
{
	if (failures > 0) {
		failures--;
		return err_set(stage_err, ERR_TIMEOUT, "for a test");
	}
	for (size_t i = 0; i < batch->count; i++)
		batch->messages[i].contract =
			batch->messages[i].feed->contract_id;
	return ERR_OK;
}

static const struct stage stage = { .name = "test", .run = stage_run };
static const struct stage *const stages[] = { &stage, NULL };

static int
begin(void **state)
{
	struct catalogue_options options = { .role = "waybill_daemon",
		                             .timeout_ms = 20000 };

	roadbase_begin(state);
	mock = kafkamock_start(1);
	kafkamock_topic(mock, "waybill.test.progress", 2);
	kafkamock_topic(mock, "us.sales.in", 4);
	kafkamock_topic(mock, "us.stock.in", 4);
	kafkamock_topic(mock, "ca.sales.in", 4);
	kafkamock_topic(mock, "us.sales", 4);
	kafkamock_topic(mock, "us.sales.dead", 2);
	roadbase_run("update waybill.cluster set bootstrap = '%s'",
	             kafkamock_bootstrap(mock));
	roadbase_run("update waybill.deployment set lanes = 1");
	roadbase_run("select waybill.daemon_beat('test-1', '', 3600000)");
	options.conninfo = roadbase_conninfo();
	assert_ok(catalogue_open(&options, &catalogue, &err));
	input = input_new();
	failures = 0;
	config = (struct daemon_config){
		.daemon = (char *)"test-1",
		.connection = (char *)(uintptr_t)roadbase_conninfo(),
		.role = (char *)"waybill_daemon",
		.postgres_timeout_ms = 20000,
		.batch_messages = 1000,
		.batch_bytes = 1024 * 1024,
		.block_messages = 1000,
		.ring_bytes = 1024 * 1024,
		.transaction_messages = 1000,
		.transaction_bytes = 1024 * 1024,
		.drain_ms = 10000,
	};
	return 0;
}

static int
end(void **state)
{
	lane_stop(&lane);
	input_free(&input);
	catalogue_close(&catalogue);
	kafkamock_stop(&source);
	kafkamock_stop(&mock);
	return roadbase_end(state);
}

static void
start(void)
{
	const struct lane_options options = {
		.config = &config,
		.catalogue = catalogue,
		.input = input,
		.stages = stages,
		.lane = 0,
	};

	lane = lane_start(&options);
}

static bool
becomes(enum lane_state state)
{
	for (int i = 0; i < 3000; i++) {
		if (lane_state(lane) == state)
			return true;
		clock_sleep_ms(10);
	}
	return false;
}

static void
publish_to(const struct kafkamock *to, const char *topic, int count,
           const char *body, int64_t time_ms)
{
	const struct kcluster_options options = {
		.name = "test",
		.bootstrap = kafkamock_bootstrap(to),
		.client_id = "test",
	};
	struct kproducer *producer = NULL;
	struct kproducer_failure failure;

	assert_ok(kproducer_open(&options, NULL, &producer, &err));
	for (int i = 0; i < count; i++) {
		const struct ksend message = {
			.topic = kproducer_topic(producer, topic),
			.partition = i % 4,
			.key = "k",
			.key_len = 1,
			.body = body,
			.body_len = 2,
			.time_ms = time_ms,
		};

		assert_ok(kproducer_send(producer, &message, &err));
	}
	assert_ok(kproducer_flush(producer, 20000, &failure, &err));
	kproducer_close(&producer);
}

static bool
records(int64_t count)
{
	for (int i = 0; i < 2000; i++) {
		if (roadbase_number("select coalesce(sum(count), 0)::int8"
		                    " from waybill.block") >= count)
			return true;
		clock_sleep_ms(15);
	}
	return false;
}

static int64_t
recorded(void)
{
	return roadbase_number("select coalesce(sum(count), 0)::int8"
	                       " from waybill.block");
}

/* The input moves to a new cluster of the same name. */
static void
move_input(void)
{
	kafkamock_stop(&source);
	source = kafkamock_start(1);
	kafkamock_topic(source, "us.sales.in", 4);
	kafkamock_topic(source, "us.stock.in", 4);
	kafkamock_topic(source, "ca.sales.in", 4);
	roadbase_run("insert into waybill.cluster values ('source', '%s', true,"
	             " false, '{}', '{}', 2) on conflict (cluster) do update"
	             " set bootstrap = excluded.bootstrap",
	             kafkamock_bootstrap(source));
	roadbase_run("update waybill.feed set input_cluster = 'source'");
}

/* As a daemon does that is started again. */
static void
start_again(void)
{
	struct catalogue_options options = { .role = "waybill_daemon",
		                             .timeout_ms = 20000 };

	lane_stop(&lane);
	input_free(&input);
	catalogue_close(&catalogue);
	options.conninfo = roadbase_conninfo();
	assert_ok(catalogue_open(&options, &catalogue, &err));
	input = input_new();
	start();
}

static int64_t
gaps(const char *reason)
{
	return roadbase_number("select count(*) from waybill.source_gap"
	                       " where reason like '%%%s%%'",
	                       reason);
}

static bool
has_gaps(const char *reason, int64_t count)
{
	for (int i = 0; i < 2000 && gaps(reason) < count; i++)
		clock_sleep_ms(15);
	return gaps(reason) == count;
}

#define SOME_TIME_MS        1700000000000
#define OFFSET_OUT_OF_RANGE 1 /* of Kafka's protocol */

/* 40 records of partitions 0 to 3, recorded. */
static void
record_some(void)
{
	move_input();
	start_again();
	assert_true(becomes(LANE_RUNNING));
	publish_to(source, "us.sales.in", 40, "\2a", SOME_TIME_MS);
	assert_true(records(40));
}

static void
the_same_topic_goes_on(void **state)
{
	record_some();
	for (int i = 1; i <= 3; i++) {
		start_again();
		publish_to(source, "us.sales.in", 4, "\2b", 0);
		assert_true(records(40 + 4 * i));
	}
	clock_sleep_ms(300);
	assert_int_equal(recorded(), 52);
	assert_int_equal(gaps(""), 0);
	assert_int_equal(roadbase_number("select count(*) from waybill.source"
	                                 " where cluster_id like 'mock%%'"),
	                 4);
}

static void
other_records_at_the_same_offsets_are_a_gap(void **state)
{
	record_some();
	lane_stop(&lane);
	move_input();
	publish_to(source, "us.sales.in", 80, "\2b", SOME_TIME_MS);
	publish_to(source, "us.stock.in", 4, "\2b", SOME_TIME_MS);
	start_again();
	assert_true(has_gaps("is not the one that was recorded", 4));
	/* Others go on. */
	assert_true(records(44));
	clock_sleep_ms(500);
	assert_int_equal(recorded(), 44);
	/* and it does not heal by being asked again */
	start_again();
	assert_true(becomes(LANE_RUNNING));
	clock_sleep_ms(1000);
	assert_int_equal(recorded(), 44);
	assert_int_equal(gaps(""), 4);
}

static void
a_topic_that_is_shorter_is_a_gap(void **state)
{
	record_some();
	lane_stop(&lane);
	move_input();
	publish_to(source, "us.sales.in", 20, "\2a", SOME_TIME_MS);
	start_again();
	assert_true(has_gaps("the topic ends at offset 5", 4));
	assert_int_equal(recorded(), 40);
}

/* One record short of where it was: that one is awaited, and compared. */
static void
a_topic_that_grows_to_where_it_was_is_a_gap(void **state)
{
	record_some();
	lane_stop(&lane);
	move_input();
	publish_to(source, "us.sales.in", 36, "\2a", SOME_TIME_MS);
	start_again();
	assert_true(becomes(LANE_RUNNING));
	clock_sleep_ms(500);
	publish_to(source, "us.sales.in", 40, "\2b", SOME_TIME_MS);
	assert_true(has_gaps("is not the one that was recorded", 4));
	assert_int_equal(recorded(), 40);
}

static void
another_cluster_with_the_same_records_goes_on(void **state)
{
	record_some();
	lane_stop(&lane);
	move_input();
	publish_to(source, "us.sales.in", 44, "\2a", SOME_TIME_MS);
	/* and what was taken for a gap before is none */
	roadbase_run("insert into waybill.source_gap select source, 0, 5, -1,"
	             " 'before' from waybill.source where partition = 1 and"
	             " topic = 'us.sales.in'");
	start_again();
	assert_true(records(44));
	publish_to(source, "us.sales.in", 4, "\2b", 0);
	assert_true(records(48));
	clock_sleep_ms(300);
	assert_int_equal(recorded(), 48);
	assert_int_equal(gaps(""), 0);
	assert_int_equal(roadbase_number("select count(distinct cluster_id)"
	                                 " from waybill.source where topic ="
	                                 " 'us.sales.in'"),
	                 1);
}

/* The journal has no record to compare with (its day was dropped, say). */
static void
another_cluster_without_proof_is_a_gap(void **state)
{
	record_some();
	lane_stop(&lane);
	roadbase_run("delete from waybill.source_day");
	start_again();
	publish_to(source, "us.sales.in", 4, "\2b", 0);
	assert_true(records(44));
	lane_stop(&lane);
	roadbase_run("delete from waybill.source_day");
	/* The mock makes an id of an address, which may come again. */
	roadbase_run("update waybill.source set cluster_id = 'another'"
	             " where cluster_id is not null");
	move_input();
	publish_to(source, "us.sales.in", 80, "\2b", SOME_TIME_MS);
	start_again();
	assert_true(has_gaps("the cluster has another id", 4));
	assert_int_equal(recorded(), 44);
}

/* Retention took all up to where it was: nothing is missing. */
static void
a_record_that_is_gone_is_not_compared(void **state)
{
	record_some();
	lane_stop(&lane);
	kafkamock_fail(source, KAFKAMOCK_FETCH, OFFSET_OUT_OF_RANGE, 1);
	start_again();
	publish_to(source, "us.sales.in", 4, "\2b", 0);
	assert_true(records(44));
	clock_sleep_ms(300);
	assert_int_equal(recorded(), 44);
	assert_int_equal(gaps(""), 0);
}

/* While the daemon runs: nothing is taken before it was compared. */
static void
a_cluster_that_was_away_is_compared_again(void **state)
{
	record_some();
	kafkamock_down(source, 1);
	clock_sleep_ms(3000);
	kafkamock_up(source, 1);
	publish_to(source, "us.sales.in", 8, "\2b", 0);
	assert_true(records(48));
	/* Not what Kafka has: as if that were another one. */
	roadbase_run("update waybill.block set hashes = decode(repeat('00', 32"
	             " * count), 'hex')");
	kafkamock_down(source, 1);
	clock_sleep_ms(1000);
	kafkamock_up(source, 1);
	publish_to(source, "us.sales.in", 8, "\2b", 0);
	assert_true(has_gaps("is not the one that was recorded", 4));
	assert_int_equal(recorded(), 48);
}

/* As a lane waits while Postgres is away: it does not fetch meanwhile. */
static void
a_lane_that_waited_compares_again(void **state)
{
	record_some();
	/* What is recorded from now on is not what Kafka has. */
	roadbase_run("create function public.falsify() returns trigger"
	             " language plpgsql as $$ begin new.hashes ="
	             " decode(repeat('00', 32 * new.count), 'hex');"
	             " return new; end $$");
	roadbase_run("create trigger falsify before insert on waybill.block"
	             " for each row execute function public.falsify()");
	failures = 1;
	publish_to(source, "us.sales.in", 1, "\2b", 0);
	assert_true(has_gaps("is not the one that was recorded", 1));
	assert_int_equal(recorded(), 41);
}

/* -- what people see ----------------------------------------------------------- */

static bool
says(const char *reason)
{
	for (int i = 0; i < 1000; i++) {
		if (roadbase_number("select count(*) from waybill.lane"
		                    " where lane = 0"
		                    " and coalesce(reason, '') like '%s'",
		                    reason) == 1)
			return true;
		clock_sleep_ms(20);
	}
	return false;
}

static bool
prints(const char *line)
{
	struct text text;
	bool is_there = false;

	for (int i = 0; i < 500 && !is_there; i++) {
		text_init(&text, 1 << 20);
		metric_print(&text);
		is_there = strstr(text_string(&text), line) != NULL;
		text_fini(&text);
		clock_sleep_ms(20);
	}
	return is_there;
}

#define OF_SOURCE "{cluster=\"source\",lane=\"0\"}"

/* It is idle, so no message tells that the cluster is back; and a feed that
   flows takes the reason away at each commit. */
static void
a_cluster_that_is_away_is_said(void **state)
{
	record_some();
	roadbase_run("update waybill.feed set input_cluster = 'main'"
	             " where feed = 'stock'");
	roadbase_changed();
	assert_true(prints("waybill_input_lag_messages" OF_SOURCE " 0\n"));
	assert_true(
		prints("waybill_input_waiting_partitions" OF_SOURCE " 0\n"));
	kafkamock_down(source, 1);
	assert_true(says("input cluster source: no broker can be reached%"));
	assert_true(
		prints("waybill_input_waiting_partitions" OF_SOURCE " 8\n"));
	publish_to(mock, "us.stock.in", 8, "\2a", 0);
	assert_true(records(48));
	assert_true(says("input cluster source: no broker can be reached%"));
	kafkamock_up(source, 1);
	assert_true(says(""));
	assert_true(
		prints("waybill_input_waiting_partitions" OF_SOURCE " 0\n"));
	publish_to(source, "us.sales.in", 8, "\2b", 0);
	assert_true(records(56));
	/* Away again: who gives the lane back leaves nothing behind. */
	kafkamock_down(source, 1);
	assert_true(says("input cluster source%"));
	lane_stop(&lane);
	assert_true(says(""));
	assert_true(
		prints("waybill_input_waiting_partitions" OF_SOURCE " 0\n"));
}

/* A daemon that finds its cluster away says so too. */
static void
a_cluster_that_never_answered_is_said(void **state)
{
	move_input();
	kafkamock_down(source, 1);
	start_again();
	assert_true(says("input cluster source: no broker can be reached%"));
	kafkamock_up(source, 1);
	assert_true(says(""));
}

static void
a_partition_that_is_not_there_is_said(void **state)
{
	kafkamock_topic(mock, "short", 2);
	roadbase_run("update waybill.feed set input_topic = 'short'"
	             " where feed = 'stock'");
	start_again();
	assert_true(becomes(LANE_RUNNING));
	assert_true(says("input cluster main: %short%"));
	publish_to(mock, "us.sales.in", 8, "\2b", 0);
	assert_true(records(8));
	assert_true(says("input cluster main: %short%"));
}

/* The next one is taken as it is. */
static void
headers_that_are_too_large_are_refused(void **state)
{
	const struct gather_options options = { .input = input,
		                                .batch_messages = 10,
		                                .batch_bytes = 1000,
		                                .headers_bytes = 64 };
	const struct kcluster_options cluster = {
		.name = "test",
		.bootstrap = kafkamock_bootstrap(mock),
	};
	const struct deployment *deployment = catalogue_take(catalogue);
	struct gather *gather = gather_new(&options);
	struct pgconn *conn = roadbase_connect("waybill_daemon");
	struct kproducer *producer = NULL;
	struct kproducer_failure failure;
	struct batch *batch = NULL;
	char value[100] = { 0 };

	assert_ok(kproducer_open(&cluster, NULL, &producer, &err));
	for (int32_t len = 100; len > 0; len -= 90) {
		struct kheader header = { .name = "h",
			                  .value = value,
			                  .value_len = len };
		const struct ksend message = {
			.topic = kproducer_topic(producer, "us.sales.in"),
			.body = "\2a",
			.body_len = 2,
			.headers = &header,
			.header_count = 1,
		};

		assert_ok(kproducer_send(producer, &message, &err));
		assert_ok(kproducer_flush(producer, 20000, &failure, &err));
	}
	kproducer_close(&producer);
	assert_ok(gather_follow(gather, deployment, conn, &err));
	for (int i = 0; i < 2; i++) {
		const struct message *m;

		for (int k = 0; k < 100 && batch == NULL; k++)
			batch = gather_next(gather, deployment, 100);
		assert_non_null(batch);
		m = &batch->messages[0];
		assert_int_equal(m->verdict,
		                 i == 0 ? VERDICT_REJECTED : VERDICT_ACCEPTED);
		assert_int_equal(m->violation_count, i == 0 ? 1 : 0);
		assert_int_equal(m->headers_len, i == 0 ? -1 : 19);
		if (batch->count == 2) {
			assert_int_equal(m[1].verdict, VERDICT_ACCEPTED);
			i++;
		}
		batch_unref(&batch);
	}
	gather_free(&gather);
	pgconn_close(&conn);
	deployment_unref(&deployment);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_same_topic_goes_on),
		TEST(other_records_at_the_same_offsets_are_a_gap),
		TEST(a_topic_that_is_shorter_is_a_gap),
		TEST(a_topic_that_grows_to_where_it_was_is_a_gap),
		TEST(another_cluster_with_the_same_records_goes_on),
		TEST(another_cluster_without_proof_is_a_gap),
		TEST(a_record_that_is_gone_is_not_compared),
		TEST(a_cluster_that_was_away_is_compared_again),
		TEST(a_lane_that_waited_compares_again),
		TEST(a_cluster_that_is_away_is_said),
		TEST(a_cluster_that_never_answered_is_said),
		TEST(a_partition_that_is_not_there_is_said),
		TEST(headers_that_are_too_large_are_refused),
	};
	int code;

	unit_alarm(280);
	metric_register(road_metric_table, road_metric_count);
	if ((code = roadbase_open()) != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return code;
}
