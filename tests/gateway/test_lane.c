/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane's thread with everything behind it, on a real Postgres and
 * librdkafka's mock cluster.
 */
#include "gateway/lane.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kproducer.h"
#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/stage.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/gather.h"
#include "gateway/input.h"
#include "gateway/road_metric.h"
#include "tests/support/kafkamock.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static struct kafkamock *mock;
static struct catalogue *catalogue;
static struct input *input;
static struct daemon_config config;
static struct lane *lane;
static struct err err;

/* How often the stage is to fail. */
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
publish(const char *topic, int count)
{
	const struct kcluster_options options = {
		.name = "test",
		.bootstrap = kafkamock_bootstrap(mock),
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
			.body = "\2a",
			.body_len = 2,
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

static void
records_and_forwards(void **state)
{
	struct text printed;

	start();
	assert_true(becomes(LANE_RUNNING));
	publish("us.sales.in", 100);
	assert_true(records(100));
	publish("us.sales.in", 50);
	assert_true(records(150));
	lane_drain(lane);
	assert_true(becomes(LANE_STOPPED));
	text_init(&printed, 4096);
	lane_print(lane, &printed);
	assert_non_null(strstr(text_string(&printed), "\"stopped\""));
	text_fini(&printed);
	lane_stop(&lane);
	assert_int_equal(recorded(), 150);
	assert_int_equal(roadbase_number("select count(o) from waybill.delivery"
	                                 " d, unnest(d.offsets) o"),
	                 150);
	assert_int_equal(roadbase_number("select count(*) from waybill.lane"
	                                 " where owner is not null"),
	                 0);
	/* and goes on where it was */
	publish("us.sales.in", 7);
	start();
	assert_true(records(157));
	clock_sleep_ms(300);
	assert_int_equal(recorded(), 157);
}

static void
a_stage_that_fails_is_run_again(void **state)
{
	failures = 2;
	start();
	publish("us.sales.in", 10);
	assert_true(records(10));
	clock_sleep_ms(300);
	assert_int_equal(recorded(), 10);
	assert_int_equal(failures, 0);
}

/* Postgres says nothing, and nothing new arrives either. */
static void
an_answer_that_never_comes_is_unknown(void **state)
{
	struct pgconn *other = roadbase_connect(NULL);
	int64_t begun_us;

	config.postgres_timeout_ms = 800;
	start();
	assert_true(becomes(LANE_RUNNING));
	publish("us.sales.in", 10);
	assert_true(records(10));
	assert_ok(pgconn_exec(other,
	                      "begin; select from waybill.lane for"
	                      " update",
	                      &err));
	begun_us = clock_now_us();
	publish("us.sales.in", 10);
	assert_true(becomes(LANE_UNKNOWN));
	assert_true(clock_now_us() - begun_us < 4000000);
	assert_ok(pgconn_exec(other, "rollback", &err));
	pgconn_close(&other);
	assert_true(records(20));
	assert_true(becomes(LANE_RUNNING));
	clock_sleep_ms(300);
	assert_int_equal(recorded(), 20);
}

static void
a_killed_connection_loses_and_doubles_nothing(void **state)
{
	start();
	assert_true(becomes(LANE_RUNNING));
	for (int i = 0; i < 10; i++) {
		publish("us.sales.in", 20);
		roadbase_kill("waybill record");
		roadbase_kill("waybill forward");
	}
	assert_true(records(200));
	publish("us.sales.in", 1);
	assert_true(records(201));
	lane_stop(&lane);
	assert_int_equal(recorded(), 201);
	assert_int_equal(
		roadbase_number("select count(distinct (s, o)) from"
	                        " waybill.block b, unnest(b.source_offsets) o,"
	                        " unnest(b.sources) s where cardinality("
	                        "b.sources) = 1"),
		roadbase_number("select coalesce(sum(count), 0)::int8 from"
	                        " waybill.block where"
	                        " cardinality(sources) = 1"));
}

static void
a_lane_that_is_taken_away_ends(void **state)
{
	start();
	assert_true(becomes(LANE_RUNNING));
	roadbase_run("update waybill.lane set owner = 'test-2',"
	             " epoch = epoch + 1");
	publish("us.sales.in", 10);
	assert_true(becomes(LANE_STOPPED));
	assert_true(lane_has_ended(lane));
	assert_int_equal(recorded(), 0);
}

/* While the catalogue changes, what is being read stays valid. */
static void
a_catalogue_that_cannot_be_followed_yet(void **state)
{
	start();
	assert_true(becomes(LANE_RUNNING));
	publish("us.sales.in", 10);
	assert_true(records(10));
	roadbase_run("revoke execute on function waybill.source_take(text,"
	             " text, text, text, int4, text, text) from"
	             " waybill_record");
	/* before sales: followed first */
	roadbase_run("insert into waybill.feed select 'us', 'older',"
	             " contract, 'main', 'us.returns.in', 'us.returns',"
	             " 'us.returns.dead', 4, 2, 1000000, 1 from"
	             " waybill.contract where tenant = 'us'");
	kafkamock_topic(mock, "us.returns.in", 4);
	roadbase_changed();
	for (int i = 0; i < 1000 && catalogue_version(catalogue) < 2; i++)
		clock_sleep_ms(10);
	clock_sleep_ms(300);
	publish("us.sales.in", 10);
	assert_true(records(20));
	roadbase_run("grant execute on function waybill.source_take(text,"
	             " text, text, text, int4, text, text) to waybill_record");
	publish("us.returns.in", 8);
	assert_true(records(28));
}

/* So that a test can tell: rows of the journal are counted by offset. */
static int64_t
recorded_offsets(void)
{
	return roadbase_number("select count(distinct (s.topic, s.partition,"
	                       " m.source_offset)) from waybill.message m"
	                       " join waybill.source s on s.source ="
	                       " m.source");
}

static bool
forwards(int64_t count)
{
	for (int i = 0; i < 1000; i++) {
		if (roadbase_number("select count(o) from waybill.delivery d,"
		                    " unnest(d.offsets) o") >= count)
			return true;
		clock_sleep_ms(15);
	}
	return false;
}

/* The address in the catalogue was wrong; nobody restarts anything. */
static void
a_cluster_that_gets_another_address(void **state)
{
	roadbase_run("update waybill.cluster set bootstrap = '127.0.0.1:1'");
	roadbase_changed();
	for (int i = 0; i < 1000 && catalogue_version(catalogue) < 2; i++)
		clock_sleep_ms(10);
	start();
	publish("us.sales.in", 40);
	clock_sleep_ms(500);
	assert_int_equal(recorded(), 0);
	roadbase_run("update waybill.cluster set bootstrap = '%s'",
	             kafkamock_bootstrap(mock));
	roadbase_changed();
	assert_true(records(40));
	assert_true(forwards(40));
}

/* Under way, again and again, and back to what was there before. */
static void
a_cluster_that_is_configured_anew(void **state)
{
	start();
	assert_true(becomes(LANE_RUNNING));
	for (int i = 0; i < 12; i++) {
		publish("us.sales.in", 20);
		roadbase_run("update waybill.cluster set properties ="
		             " '{\"linger.ms\": \"%d\"}'",
		             1 + i % 5);
		roadbase_changed();
		publish("us.sales.in", 20);
		clock_sleep_ms(i % 3 == 0 ? 400 : 20);
	}
	assert_true(records(480));
	assert_true(forwards(480));
	assert_int_equal(recorded(), 480);
	assert_int_equal(recorded_offsets(), 480);
	lane_drain(lane);
	assert_true(becomes(LANE_STOPPED));
	assert_int_equal(roadbase_number("select count(o) from"
	                                 " waybill.delivery d,"
	                                 " unnest(d.offsets) o"),
	                 480);
	assert_int_equal(roadbase_number("select count(*) from waybill.route"
	                                 " where state = 'diverged'"),
	                 0);
}

static void
break_contracts(const char *avsc)
{
	const struct catalogue_options options = {
		.conninfo = roadbase_conninfo(),
		.role = "waybill_daemon",
		.timeout_ms = 20000,
	};

	lane_stop(&lane);
	catalogue_close(&catalogue);
	roadbase_run("update waybill.contract set avsc = '%s'"
	             " where tenant = 'us'",
	             avsc);
	roadbase_changed();
	assert_ok(catalogue_open(&options, &catalogue, &err));
	start();
	assert_true(becomes(LANE_RUNNING));
}

/* An upgrade may make the compiler stricter. */
static void
a_contract_that_no_longer_compiles(void **state)
{
	kafkamock_topic(mock, "us.narrow", 1);
	roadbase_run("update waybill.feed set output_topic = 'us.narrow'"
	             " where tenant = 'us' and feed = 'sales'");
	roadbase_changed();
	start();
	assert_true(becomes(LANE_RUNNING));
	publish("us.sales.in", 20); /* recorded, and parked */
	assert_true(records(20));
	assert_int_equal(roadbase_number("select count(*)"
	                                 " from waybill.delivery"),
	                 0);
	roadbase_run("update waybill.feed set output_topic = 'us.sales'"
	             " where tenant = 'us' and feed = 'sales'");
	break_contracts("{");
	publish("us.sales.in", 8);
	publish("ca.sales.in", 4);
	assert_true(records(24));
	assert_true(forwards(20));
	clock_sleep_ms(300);
	assert_int_equal(roadbase_number("select coalesce(sum(count), 0)::int8"
	                                 " from waybill.block"
	                                 " where tenant = 'us'"),
	                 20);
	/* Mended: what waited in Kafka is read. */
	break_contracts("\"string\"");
	assert_true(records(32));
	assert_true(forwards(28));
}

/* Clusters come and go as long as the daemon lives. */
static void
clusters_come_and_go(void **state)
{
	start();
	assert_true(becomes(LANE_RUNNING));
	for (int i = 0; i < 20; i++) {
		roadbase_run("insert into waybill.cluster values ('c%d', '%s',"
		             " false, true, '{}', '{}', %d)",
		             i, kafkamock_bootstrap(mock), 10 + i);
		roadbase_changed();
		clock_sleep_ms(150);
		roadbase_run("delete from waybill.cluster"
		             " where cluster = 'c%d'",
		             i);
		roadbase_changed();
		clock_sleep_ms(150);
		publish("us.sales.in", 5);
	}
	assert_true(records(100));
	lane_stop(&lane);
	assert_int_equal(roadbase_number("select count(o) from waybill.delivery"
	                                 " d, unnest(d.offsets) o"
	                                 " where cluster = 'main'"),
	                 100);
}

static int64_t
epoch(void)
{
	return roadbase_number("select epoch from waybill.lane");
}

static void
a_full_server_is_waited_for_and_said(void **state)
{
	int64_t begun;

	start();
	assert_true(becomes(LANE_RUNNING));
	publish("us.sales.in", 10);
	assert_true(records(10));
	roadbase_run("create function public.is_full() returns trigger"
	             " language plpgsql as $$ begin raise exception"
	             " 'No space left on device' using errcode = '53100';"
	             " end $$");
	roadbase_run("create trigger is_full before insert on waybill.block"
	             " for each row execute function public.is_full()");
	begun = epoch();
	publish("us.sales.in", 10);
	clock_sleep_ms(3000);
	assert_int_equal(recorded(), 10);
	assert_int_equal(roadbase_number("select count(*) from waybill.lane"
	                                 " where reason like '%%No space left"
	                                 "%%'"),
	                 1);
	/* Each time costs an epoch or two: it is not tried without end. */
	assert_true(epoch() - begun < 16);
	roadbase_run("drop trigger is_full on waybill.block");
	assert_true(records(20));
	clock_sleep_ms(300);
	assert_int_equal(recorded(), 20);
	assert_int_equal(roadbase_number("select count(reason) from"
	                                 " waybill.lane"),
	                 0);
}

static void
stops_while_postgres_is_away(void **state)
{
	int64_t begun_us;

	config.postgres_timeout_ms = 2000;
	start();
	assert_true(becomes(LANE_RUNNING));
	publish("us.sales.in", 10);
	assert_true(records(10));
	roadbase_crash();
	publish("us.sales.in", 10);
	clock_sleep_ms(1500);
	begun_us = clock_now_us();
	lane_stop(&lane);
	assert_true(clock_now_us() - begun_us < 20000000);
	roadbase_restart();
}

static void
goes_on_when_postgres_is_back(void **state)
{
	start();
	assert_true(becomes(LANE_RUNNING));
	publish("us.sales.in", 10);
	assert_true(records(10));
	roadbase_crash();
	publish("us.sales.in", 10);
	clock_sleep_ms(2500);
	roadbase_restart();
	assert_true(records(20));
	clock_sleep_ms(300);
	assert_int_equal(recorded(), 20);
}

/* It answers, late: nothing is recorded before it is known what it has. */
static void
a_slow_cluster_is_waited_for(void **state)
{
	publish("us.sales.in", 10);
	/* As if its progress topic had been emptied. */
	roadbase_run("insert into waybill.route (lane, cluster, ever_delivered,"
	             " state) values (0, 'main', true, 'running')");
	kafkamock_slow(mock, 1, 500);
	start();
	assert_true(becomes(LANE_DIVERGED));
	assert_int_equal(recorded(), 0);
}

/* It ends without having recorded, and gives the lane back. */
static void
draining_ends_the_wait_for_a_slow_cluster(void **state)
{
	publish("us.sales.in", 10);
	kafkamock_slow(mock, 1, 1000);
	start();
	while (roadbase_number("select count(*) from waybill.lane"
	                       " where owner is not null") == 0)
		clock_sleep_ms(10);
	lane_drain(lane);
	lane_stop(&lane);
	assert_int_equal(recorded(), 0);
	assert_int_equal(roadbase_number("select count(*) from waybill.lane"
	                                 " where owner is not null"),
	                 0);
	assert_int_equal(roadbase_number("select count(reason) from"
	                                 " waybill.lane"),
	                 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(records_and_forwards),
		TEST(a_stage_that_fails_is_run_again),
		TEST(an_answer_that_never_comes_is_unknown),
		TEST(a_killed_connection_loses_and_doubles_nothing),
		TEST(a_lane_that_is_taken_away_ends),
		TEST(a_catalogue_that_cannot_be_followed_yet),
		TEST(a_contract_that_no_longer_compiles),
		TEST(a_cluster_that_gets_another_address),
		TEST(a_cluster_that_is_configured_anew),
		TEST(clusters_come_and_go),
		TEST(a_full_server_is_waited_for_and_said),
		TEST(stops_while_postgres_is_away),
		TEST(goes_on_when_postgres_is_back),
		TEST(a_slow_cluster_is_waited_for),
		TEST(draining_ends_the_wait_for_a_slow_cluster),
	};

	metric_register(road_metric_table, road_metric_count);
	return roadbase_main(280, tests, sizeof(tests) / sizeof(tests[0]));
}
