/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Producers who send the same again, through a lane on a real Postgres: at
 * once, while connections die, over restarts and takeovers. Whatever they are
 * told, each id is recorded once.
 */
#include "replay/dedup_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/stage.h"
#include "base/model/submission.h"
#include "base/runtime/clock.h"
#include "base/runtime/metric.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/door.h"
#include "gateway/input.h"
#include "gateway/lane.h"
#include "gateway/road_metric.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define SENT_MAX 4000

static const struct stage *const stages[] = { &dedup_stage, NULL };

static struct catalogue *catalogue;
static struct input *input;
static struct daemon_config config;
static struct door *door;
static struct lane *lane;
static struct err err;
static struct submission *sent[SENT_MAX];
static size_t sent_count;
static atomic_int done_count;

static int
begin(void **state)
{
	struct catalogue_options options = { .role = "waybill_daemon",
		                             .timeout_ms = 20000 };

	roadbase_begin(state);
	roadbase_run("update waybill.feed set input_cluster = null,"
	             " input_topic = null");
	roadbase_run("update waybill.cluster set is_output = false");
	roadbase_run("update waybill.deployment set lanes = 1");
	roadbase_run("select waybill.daemon_beat('test-1', '', 3600000)");
	options.conninfo = roadbase_conninfo();
	assert_ok(catalogue_open(&options, &catalogue, &err));
	input = input_new();
	door = door_new(1024 * 1024);
	done_count = 0;
	sent_count = 0;
	dedup_stage_setup(100000);
	config = (struct daemon_config){
		.daemon = (char *)"test-1",
		.connection = (char *)(uintptr_t)roadbase_conninfo(),
		.role = (char *)"waybill_daemon",
		.postgres_timeout_ms = 20000,
		.batch_messages = 50,
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
	for (size_t i = 0; i < sent_count; i++) {
		submission_give_up(sent[i]);
		submission_unref(&sent[i]);
	}
	lane_stop(&lane);
	door_free(&door);
	input_free(&input);
	catalogue_close(&catalogue);
	return roadbase_end(state);
}

static void
start(void)
{
	const struct lane_options options = {
		.config = &config,
		.catalogue = catalogue,
		.input = input,
		.door = door,
		.stages = stages,
		.lane = 0,
	};

	lane = lane_start(&options);
	for (int i = 0; i < 3000 && lane_state(lane) != LANE_RUNNING; i++)
		clock_sleep_ms(10);
	assert_int_equal(lane_state(lane), LANE_RUNNING);
}

static void
done(struct submission *submission, void *context)
{
	atomic_fetch_add(&done_count, 1);
}

static enum submission_outcome
offer(void *context, struct submission_part *part)
{
	return door_offer(door, part);
}

/* One message of us/sales, with an id. */
static struct submission *
submit(const char *id, const char *body, bool is_rejected)
{
	const struct deployment *deployment = catalogue_take(catalogue);
	const struct submission_lanes lanes = { .offer = offer };
	struct submission *s = submission_new(
		deployment, deployment_feed(deployment, "us", "sales"), 1);
	struct submission_item *item = &s->items[0];

	assert_true(sent_count < SENT_MAX);
	sent[sent_count++] = s;
	s->origin = MESSAGE_ORIGIN_REST;
	s->source_id = 1;
	s->done = done;
	item->body = (uint8_t *)arena_strdup(&s->arena, body);
	item->body_len = (int32_t)strlen(body);
	item->dedup_id = (uint8_t *)arena_strdup(&s->arena, id);
	item->dedup_id_len = (int32_t)strlen(id);
	item->key_len = -1;
	item->headers_len = -1;
	item->version = MESSAGE_VERSION_NONE;
	item->contract = s->feed->contract_id;
	item->verdict = is_rejected ? VERDICT_REJECTED : VERDICT_ACCEPTED;
	submission_send(s, &lanes);
	deployment_unref(&deployment);
	return s;
}

static void
wait_for_all(void)
{
	for (int i = 0; i < 4000 && done_count < (int)sent_count; i++)
		clock_sleep_ms(5);
	assert_int_equal(done_count, sent_count);
}

static struct pgconn *
hold_lane(void)
{
	struct pgconn *other = roadbase_connect(NULL);

	assert_ok(pgconn_exec(
		other, "begin; select from waybill.lane for update", &err));
	return other;
}

static void
let_lane_go(struct pgconn *other)
{
	assert_ok(pgconn_exec(other, "rollback", &err));
	pgconn_close(&other);
}

static void
assert_result(const struct submission *s, enum verdict verdict,
              const struct submission *of)
{
	assert_int_equal(submission_outcome(s, 0), SUBMISSION_RECORDED);
	assert_int_equal(s->items[0].verdict, verdict);
	assert_int_equal(s->items[0].of_seq, of == NULL ? 0 : of->items[0].seq);
	if (of != NULL)
		assert_int_equal(s->items[0].of_incarnation,
		                 of->items[0].incarnation);
}

/* -- tests --------------------------------------------------------------------- */

static void
of_two_clients_at_once_one_is_the_first(void **state)
{
	struct submission *first, *same, *other, *behind;
	struct pgconn *holder;

	start();
	holder = hold_lane();
	first = submit("a", "body", false);
	clock_sleep_ms(100); /* it is with Postgres now */
	same = submit("a", "body", false);
	other = submit("a", "other", false);
	behind = submit("b", "body", false);
	clock_sleep_ms(100);
	assert_int_equal(done_count, 0);
	let_lane_go(holder);
	wait_for_all();
	assert_result(first, VERDICT_ACCEPTED, NULL);
	assert_result(same, VERDICT_DUPLICATE, first);
	assert_result(other, VERDICT_CONFLICT, first);
	assert_result(behind, VERDICT_ACCEPTED, NULL);
	assert_int_equal(roadbase_number("select count(*) from waybill.message"
	                                 " where verdict in ('duplicate',"
	                                 " 'conflict') and of_id = '0-1-%lld'",
	                                 (long long)first->items[0].seq),
	                 2);
}

static void
it_is_known_over_a_restart(void **state)
{
	struct submission *first, *bad;

	start();
	first = submit("a", "body", false);
	bad = submit("b", "bad", true);
	wait_for_all();
	lane_stop(&lane);
	start();
	assert_result(first, VERDICT_ACCEPTED, NULL);
	submit("a", "body", false);
	submit("a", "other", false);
	submit("b", "bad", true);
	wait_for_all();
	assert_result(sent[2], VERDICT_DUPLICATE, first);
	assert_result(sent[3], VERDICT_CONFLICT, first);
	assert_result(sent[4], VERDICT_DUPLICATE, bad);
	assert_true(sent[4]->items[0].of_rejected);
	assert_false(sent[2]->items[0].of_rejected);
	submit("b", "good", false);
	wait_for_all();
	assert_result(sent[5], VERDICT_ACCEPTED, NULL);
}

static void
it_is_known_after_a_takeover(void **state)
{
	start();
	submit("a", "body", false);
	wait_for_all();
	/* the old owner is not told, and records nothing more */
	roadbase_run("update waybill.lane set owner = 'dead'");
	submit("b", "body", false);
	wait_for_all();
	lane_stop(&lane);
	roadbase_run("select waybill.daemon_beat('test-2', '', 3600000)");
	config.daemon = (char *)"test-2";
	start();
	submit("a", "other", false);
	submit("b", "body", false);
	wait_for_all();
	assert_result(sent[2], VERDICT_CONFLICT, sent[0]);
	assert_int_equal(roadbase_number("select count(*) from waybill.message"
	                                 " where verdict = 'accepted'"),
	                 2);
}

static void
where_there_is_no_room_it_is_refused(void **state)
{
	dedup_stage_setup(2);
	start();
	submit("a", "body", false);
	submit("b", "body", false);
	wait_for_all();
	submit("c", "body", false);
	submit("b", "body", false);
	submit("d", "body", false);
	wait_for_all();
	assert_int_equal(submission_outcome(sent[2], 0), SUBMISSION_REFUSED);
	assert_result(sent[3], VERDICT_DUPLICATE, sent[1]);
	assert_int_equal(submission_outcome(sent[4], 0), SUBMISSION_REFUSED);
	assert_int_equal(roadbase_number("select sum(count)::int8 from"
	                                 " waybill.block"),
	                 3);
}

/* Each is sent until it is told, some twice; nobody is told anything wrong. */
static void
each_id_is_recorded_once(void **state)
{
	int told = 0;
	char id[16];

	config.postgres_timeout_ms = 2000;
	start();
	for (int round = 0; round < 60; round++) {
		struct submission *s[12];

		for (int i = 0; i < 12; i++) {
			snprintf(id, sizeof(id), "id %d",
			         (round * 6 + i) % 330);
			s[i] = submit(id, id, i % 5 == 0 && round % 2 == 0);
		}
		if (round % 3 == 1)
			roadbase_kill("waybill record");
		if (round % 20 == 19) {
			lane_stop(&lane);
			start();
		}
		clock_sleep_ms(round % 4 * 5);
		if (round % 2 == 0)
			wait_for_all();
		for (int i = 0; i < 12; i++)
			told += submission_outcome(s[i], 0) ==
				SUBMISSION_RECORDED;
	}
	wait_for_all();
	assert_true(told > 100);
	assert_int_equal(
		roadbase_number("select count(*) from (select from"
	                        " waybill.message where verdict = 'accepted'"
	                        " group by dedup_id having count(*) > 1) d"),
		0);
	/* what a reference names is there, and has the id */
	assert_int_equal(
		roadbase_number(
			"select count(*) from waybill.message m where m.of_id"
			" is not null and not exists (select from"
			" waybill.message f where f.id = m.of_id and"
			" f.dedup_id = m.dedup_id and f.verdict in"
			" ('accepted', 'rejected') and f.seq < m.seq)"),
		0);
	for (size_t i = 0; i < sent_count; i++) {
		const struct submission_item *item = &sent[i]->items[0];

		if (submission_outcome(sent[i], 0) != SUBMISSION_RECORDED)
			continue;
		assert_int_equal(
			roadbase_number(
				"select count(*) from waybill.message_by_id("
				"'0-%d-%lld') where verdict = '%s' and"
				" coalesce(of_id, '') = '%s%.0lld'",
				item->incarnation, (long long)item->seq,
				message_verdict_name(item->verdict),
				item->of_seq == 0 ? "" : "0-1-",
				(long long)item->of_seq),
			1);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(of_two_clients_at_once_one_is_the_first),
		TEST(it_is_known_over_a_restart),
		TEST(it_is_known_after_a_takeover),
		TEST(where_there_is_no_room_it_is_refused),
		TEST(each_id_is_recorded_once),
	};
	int code;

	unit_alarm(280);
	metric_register(road_metric_table, road_metric_count);
	metric_register(dedup_stage_metrics, dedup_stage_metric_count);
	if ((code = roadbase_open()) != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return code;
}
