/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Submissions through a lane, on a real Postgres: feeds without inputs. What
 * is answered is recorded, what is refused is not, and nothing waits for ever.
 */
#include "gateway/lane_parts.h"

#include "tests/gateway/submitting.h"

const struct stage *const submitting_stages[] = { NULL };

/* -- tests --------------------------------------------------------------------- */

static void
is_recorded_and_answered(void **state)
{
	struct submission *s;
	int64_t begun_us;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	clock_sleep_ms(100);
	begun_us = clock_now_us();
	s = submit_new(3);
	assert_true(is_done(1, 5000));
	/* An idle recorder is woken, it does not come by. */
	assert_true(clock_now_us() - begun_us < 45000);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(submission_outcome(s, i), SUBMISSION_RECORDED);
		assert_int_equal(s->items[i].verdict, VERDICT_ACCEPTED);
		assert_int_equal(s->items[i].lane, 0);
		assert_int_equal(s->items[i].incarnation, 1);
		assert_int_equal(s->items[i].seq, (int64_t)i + 1);
		assert_int_equal(s->items[i].of_seq, 0);
	}
	assert_int_equal(roadbase_number("select count(*) from waybill.message"
	                                 " where origin = 'rest' and principal"
	                                 " = 42 and source_offset = 0"
	                                 " and source = %d",
	                                 rest_source),
	                 3);
	assert_int_equal(
		roadbase_number("select count(*) from waybill.source_range"),
		0);
	assert_string_equal(roadbase_text("select convert_from(body, 'utf8')"
	                                  " from waybill.message_by_id("
	                                  "'0-1-2')"),
	                    "body 1");
}

static void
is_answered_behind_the_commit_only(void **state)
{
	struct pgconn *other;
	struct submission *s;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	other = hold_lane();
	s = submit_new(1);
	assert_false(is_done(1, 400));
	assert_int_equal(submission_outcome(s, 0), SUBMISSION_TAKEN);
	let_lane_go(other);
	assert_true(is_done(1, 5000));
	assert_int_equal(submission_outcome(s, 0), SUBMISSION_RECORDED);
	assert_int_equal(recorded(), 1);
}

static void
many_share_a_journal_transaction(void **state)
{
	struct pgconn *other;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	other = hold_lane();
	for (int i = 0; i < 500; i++)
		submit_new(1);
	assert_int_equal(done_count, 0);
	let_lane_go(other);
	assert_true(is_done(500, 10000));
	assert_int_equal(recorded(), 500);
	assert_true(roadbase_number("select count(*) from waybill.lane_commit"
	                            " where source = '{}'") <= 4);
	for (size_t i = 0; i < 500; i++)
		assert_int_equal(sent[i]->items[0].seq, (int64_t)i + 1);
}

static void
a_part_larger_than_a_batch_goes_whole(void **state)
{
	config.batch_messages = 100;
	submitting_start();
	submit_new(5);
	submit_new(700);
	submit_new(5);
	assert_true(is_done(3, 10000));
	assert_int_equal(recorded(), 710);
	assert_int_equal(sent[1]->items[699].seq - sent[1]->items[0].seq, 699);
}

static void
an_unknown_outcome_is_found_out(void **state)
{
	struct pgconn *other;
	struct submission *first, *second;

	config.postgres_timeout_ms = 800;
	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	other = hold_lane();
	first = submit_new(2);
	clock_sleep_ms(100);
	second = submit_new(1);
	assert_true(becomes(LANE_UNKNOWN));
	assert_int_equal(done_count, 0);
	let_lane_go(other);
	assert_true(is_done(2, 20000));
	assert_int_equal(submission_outcome(first, 0), SUBMISSION_RECORDED);
	if (submission_outcome(second, 0) == SUBMISSION_REFUSED)
		submit_new(1); /* as who is told so does */
	assert_true(is_done((int)sent_count, 20000));
	assert_int_equal(recorded(), 3);
}

static void
killed_connections_lose_and_double_nothing(void **state)
{
	int64_t told = 0;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	for (int i = 0; i < 40; i++) {
		submit_new(3);
		if (i % 4 == 1)
			roadbase_kill("waybill record");
		clock_sleep_ms(10);
	}
	assert_true(is_done(40, 30000));
	for (size_t i = 0; i < sent_count; i++) {
		enum submission_outcome outcome =
			submission_outcome(sent[i], 0);

		assert_true(outcome == SUBMISSION_RECORDED ||
		            outcome == SUBMISSION_REFUSED);
		told += outcome == SUBMISSION_RECORDED ? 3 : 0;
	}
	assert_int_equal(recorded(), told);
}

/* The lane may still borrow what its maker has given up. */
static void
who_gives_up_does_not_know(void **state)
{
	struct pgconn *other;
	struct submission *s;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	other = hold_lane();
	s = submit_new(1);
	for (int i = 0; i < 200; i++) {
		if (submission_outcome(s, 0) == SUBMISSION_TAKEN)
			break;
		clock_sleep_ms(5);
	}
	submit_new(1); /* waits behind it */
	submission_give_up(sent[0]);
	submission_give_up(sent[1]);
	assert_int_equal(done_count, 2);
	assert_int_equal(submission_outcome(sent[0], 0), SUBMISSION_UNKNOWN);
	assert_int_equal(submission_outcome(sent[1], 0), SUBMISSION_REFUSED);
	submission_unref(&sent[0]);
	submission_unref(&sent[1]);
	sent_count = 0;
	done_count = 0;
	let_lane_go(other);
	submit_new(1);
	assert_true(is_done(1, 5000));
	assert_int_equal(recorded(), 2);
}

static void
a_full_door_refuses_at_once(void **state)
{
	struct pgconn *other;
	size_t refused = 0;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	other = hold_lane();
	submit_new(1);
	clock_sleep_ms(200);
	for (int i = 0; i < 200; i++) {
		struct submission *s = submit_new(1000);

		refused += submission_outcome(s, 0) == SUBMISSION_REFUSED;
	}
	assert_true(refused > 50 && refused < 200);
	assert_true(door_bytes(door) <= 1024 * 1024);
	let_lane_go(other);
	assert_true(is_done(201, 20000));
	assert_int_equal(door_bytes(door), 0);
	assert_int_equal(recorded(), 1 + (200 - (int64_t)refused) * 1000);
}

static void
an_old_contract_is_stale_a_new_one_is_waited_for(void **state)
{
	const struct deployment *old, *new;
	struct submission *s;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	old = catalogue_take(catalogue);
	roadbase_run(
		"insert into waybill.contract (tenant, name, version, avsc,"
		" digest) select tenant, name, 2, avsc, digest from"
		" waybill.contract where tenant = 'us'");
	roadbase_run("update waybill.feed set contract = (select contract from"
	             " waybill.contract where version = 2) where tenant = 'us'"
	             " and feed = 'sales'");
	roadbase_changed();
	for (int i = 0; i < 1000 && catalogue_version(catalogue) < 2; i++)
		clock_sleep_ms(5);
	new = catalogue_take(catalogue);
	/* The lane may not have followed yet: then this one waits a moment. */
	s = submit(submission_of(new, 1));
	assert_true(is_done(1, 5000));
	assert_int_equal(submission_outcome(s, 0), SUBMISSION_RECORDED);
	s = submit(submission_of(old, 1));
	assert_true(is_done(2, 5000));
	assert_int_equal(submission_outcome(s, 0), SUBMISSION_STALE);
	assert_int_equal(recorded(), 1);
	deployment_unref(&old);
	deployment_unref(&new);
}

static void
who_drains_refuses(void **state)
{
	struct submission *s;

	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	submit_new(1);
	assert_true(is_done(1, 5000));
	lane_stop(&lane);
	assert_int_equal(door_state(door), DOOR_AWAY);
	s = submit_new(1);
	assert_int_equal(done_count, 2);
	assert_int_equal(submission_outcome(s, 0), SUBMISSION_REFUSED);
}

static void
without_postgres_it_is_refused_soon(void **state)
{
	struct submission *s;

	config.postgres_timeout_ms = 2000;
	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	submit_new(1);
	assert_true(is_done(1, 5000));
	roadbase_crash();
	s = submit_new(1); /* met by the loss: nobody knows, or surely not */
	clock_sleep_ms(3000);
	s = submit_new(1);
	assert_true(submission_outcome(s, 0) == SUBMISSION_REFUSED);
	roadbase_restart();
	for (int i = 0; i < 2000; i++) {
		if (door_state(door) == DOOR_OPEN)
			break;
		clock_sleep_ms(10);
	}
	s = submit_new(1);
	assert_true(is_done((int)sent_count, 20000));
	assert_int_equal(submission_outcome(s, 0), SUBMISSION_RECORDED);
}

/* Kafka's feeds, and none of its clusters answers: it is recorded. */
static void
records_with_every_cluster_down(void **state)
{
	struct submission *s;

	roadbase_run("update waybill.cluster set is_output = true,"
	             " bootstrap = '127.0.0.1:9'");
	roadbase_run("update waybill.feed set input_cluster = 'main',"
	             " input_topic = tenant || '.' || feed || '.in'");
	roadbase_changed();
	for (int i = 0; i < 1000 && catalogue_version(catalogue) < 2; i++)
		clock_sleep_ms(5);
	config.drain_ms = 100;
	submitting_start();
	assert_true(becomes(LANE_RUNNING));
	for (int i = 0; i < 20; i++) {
		s = submit_new(10);
		assert_true(is_done(i + 1, 5000));
		assert_int_equal(submission_outcome(s, 0), SUBMISSION_RECORDED);
	}
	assert_int_equal(recorded(), 200);
}

int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, submitting_begin, submitting_end)
	const struct CMUnitTest tests[] = {
		TEST(is_recorded_and_answered),
		TEST(is_answered_behind_the_commit_only),
		TEST(many_share_a_journal_transaction),
		TEST(a_part_larger_than_a_batch_goes_whole),
		TEST(an_unknown_outcome_is_found_out),
		TEST(killed_connections_lose_and_double_nothing),
		TEST(who_gives_up_does_not_know),
		TEST(a_full_door_refuses_at_once),
		TEST(an_old_contract_is_stale_a_new_one_is_waited_for),
		TEST(who_drains_refuses),
		TEST(without_postgres_it_is_refused_soon),
		TEST(records_with_every_cluster_down),
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
