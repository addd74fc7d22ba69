/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording in a real Postgres: what is committed, what is not, and how it is
 * found out when nobody said.
 */
#include "base/model/journal.h"

#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/model/violation.h"
#include "base/runtime/clock.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static const struct deployment *deployment;
static struct recorder *recorder;
static struct journal *journal;
static struct batch *batch;
static struct err err;

#define assert_code(call, wanted)                                              \
	do {                                                                   \
		err = (struct err){ .code = ERR_OK };                          \
		if ((call) != (wanted))                                        \
			fail_msg("%s: %s: %s", #call, err_name(err.code),      \
			         err.text);                                    \
		assert_int_equal(err.code, wanted);                            \
	} while (0)

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	recorder = recorder_new("test-1", 0);
	journal = recorder_journal(recorder);
	return 0;
}

static int
end(void **state)
{
	batch_unref(&batch);
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

static void
send(const char *words)
{
	batch_unref(&batch);
	batch = recorder_batch(recorder, deployment, words);
	assert_ok(journal_send(journal, batch, &err));
	assert_true(journal_is_waiting(journal));
}

static int64_t
recorded(void)
{
	return roadbase_number("select coalesce(sum(count), 0)::int8"
	                       " from waybill.block");
}

/* COMMIT waits for a standby that does not exist, or no longer. */
static void
want_standby(bool wanted)
{
	roadbase_run("alter system set synchronous_standby_names = '%s'",
	             wanted ? "nobody" : "");
	roadbase_run("select pg_reload_conf()");
	for (int i = 0; i < 500; i++) {
		if (roadbase_number("select (setting <> '')::int from"
		                    " pg_settings where name ="
		                    " 'synchronous_standby_names'") == wanted)
			break;
		clock_sleep_ms(10);
	}
	clock_sleep_ms(200); /* the other processes hear of it too */
}

static void
wait_for_waiter(const char *event)
{
	for (int i = 0; i < 1000; i++) {
		if (roadbase_number("select count(*) from pg_stat_activity"
		                    " where application_name ="
		                    " 'waybill record' and wait_event = '%s'"
		                    " and datname = current_database()",
		                    event) > 0)
			return;
		clock_sleep_ms(10);
	}
	fail_msg("the recorder does not wait for %s", event);
}

static void
finish_unknown(bool wanted)
{
	bool recorded_it = !wanted;

	assert_code(journal_wait(journal, &err), ERR_POSTGRES_UNKNOWN);
	assert_true(journal_is_waiting(journal));
	want_standby(false);
	assert_ok(journal_resolve(journal, &recorded_it, &err));
	assert_int_equal(recorded_it, wanted);
	assert_false(journal_is_waiting(journal));
}

/* -- what is recorded ---------------------------------------------------------- */

static void
a_batch_is_recorded_whole(void **state)
{
	struct pgrows *rows;
	int len = 0;

	record("us/sales:0*3 ca/sales:1!*2 us/sales:2");
	assert_int_equal(recorded(), 6);
	assert_int_equal(journal_lane(journal)->next_seq, 7);
	assert_int_equal(journal_lane(journal)->commit_no, 1);
	assert_int_equal(
		roadbase_number(
			"select next_seq from waybill.lane where lane = 0"),
		7);
	assert_int_equal(
		roadbase_number("select count(*) from waybill.violation"), 2);
	assert_int_equal(
		roadbase_number("select count(*) from waybill.source_range"),
		3);
	assert_true(batch->blocks[0].day > 20000);
	rows = roadbase_rows("select l.chain, c.chain from waybill.lane l join"
	                     " waybill.lane_commit c using (lane)");
	assert_memory_equal(pgrows_bytes(rows, 0, 0, &len), batch->chain, 32);
	assert_memory_equal(pgrows_bytes(rows, 0, 1, &len), batch->chain, 32);
	pgrows_free(&rows);
	rows = roadbase_rows("select hashes from waybill.block"
	                     " where first_seq = 1");
	assert_memory_equal(pgrows_bytes(rows, 0, 0, &len),
	                    batch->blocks[0].hashes, 32 * 4);
	pgrows_free(&rows);
}

static void
positions_are_full_every_thousand_commits(void **state)
{
	for (int i = 0; i < 1002; i++)
		record(i == 0 ? "us/sales:0 us/sales:1" : "us/sales:0");
	assert_int_equal(roadbase_number("select sum(commit_no)::int8 from"
	                                 " waybill.lane_commit where is_full"),
	                 1 + 1001);
	assert_int_equal(roadbase_number("select sum(next)::int8 from"
	                                 " waybill.lane_positions(0)"),
	                 1002 + 1);
}

/* -- what is not ------------------------------------------------------------------ */

static void
a_stale_epoch_commits_nothing(void **state)
{
	record("us/sales:0");
	send("us/sales:0*5");
	assert_ok(journal_wait(journal, &err));
	roadbase_run("update waybill.lane set epoch = epoch + 1,"
	             " owner = 'test-2'");
	send("us/sales:0*5");
	assert_code(journal_wait(journal, &err), ERR_LANE_LOST);
	assert_false(journal_is_waiting(journal));
	assert_int_equal(recorded(), 6);
	assert_int_equal(
		roadbase_number("select count(*) from waybill.lane_commit"), 2);
	assert_code(journal_reconnect(journal, &err), ERR_LANE_LOST);
}

static void
a_diverged_lane_commits_nothing(void **state)
{
	roadbase_run("update waybill.lane set state = 'diverged'");
	send("us/sales:0*5");
	assert_code(journal_wait(journal, &err), ERR_LANE_LOST);
	assert_int_equal(recorded(), 0);
}

/* Postgres will not have it, now or ever: no text of its own encoding. */
static void
a_refused_batch_is_rolled_back(void **state)
{
	static const struct violation bad = { "test.rule", "/\xff", "", "",
		                              -1 };

	batch = recorder_batch(recorder, deployment, "us/sales:0!");
	batch->messages[0].violations = &bad;
	for (int i = 0; i < 3; i++) {
		assert_ok(journal_send(journal, batch, &err));
		assert_code(journal_wait(journal, &err), ERR_POSTGRES_QUERY);
		assert_ok(journal_reconnect(journal, &err));
	}
	assert_int_equal(recorded(), 0);
	record("us/sales:0*2");
	assert_int_equal(recorded(), 2);
	assert_int_equal(batch->first_seq, 1);
}

/* -- what nobody said ------------------------------------------------------------- */

static void
a_connection_that_dies_before_commit(void **state)
{
	struct pgconn *other;

	record("us/sales:0");
	other = roadbase_connect(NULL);
	assert_ok(pgconn_exec(other,
	                      "begin; select from waybill.lane for"
	                      " update",
	                      &err));
	send("us/sales:0*5");
	wait_for_waiter("transactionid");
	assert_int_equal(roadbase_kill("waybill record"), 1);
	assert_ok(pgconn_exec(other, "rollback", &err));
	finish_unknown(false);
	pgconn_close(&other);
	assert_int_equal(recorded(), 1);
	record("us/sales:0*5");
	assert_int_equal(recorded(), 6);
	assert_int_equal(batch->first_seq, 2);
}

static void
a_connection_that_dies_behind_commit(void **state)
{
	record("us/sales:0");
	want_standby(true);
	send("us/sales:0*5");
	wait_for_waiter("SyncRep");
	assert_int_equal(roadbase_kill("waybill record"), 1);
	finish_unknown(true);
	assert_int_equal(recorded(), 6);
	assert_int_equal(journal_lane(journal)->next_seq, 7);
	assert_true(batch->blocks[0].day > 20000);
	record("us/sales:0*5");
	assert_int_equal(batch->first_seq, 7);
	assert_int_equal(batch->commit_no, 3);
}

/* The local commit is there, the standby may lack it. */
static void
a_warning_during_commit(void **state)
{
	record("us/sales:0");
	want_standby(true);
	send("us/sales:0*5");
	wait_for_waiter("SyncRep");
	roadbase_run("select pg_cancel_backend(pid) from pg_stat_activity"
	             " where application_name = 'waybill record'"
	             " and datname = current_database()");
	finish_unknown(true);
	assert_int_equal(recorded(), 6);
	record("us/sales:0");
	assert_int_equal(batch->first_seq, 7);
}

static void
unknown_stays_unknown_while_the_server_is_away(void **state)
{
	bool is_recorded = false;

	send("us/sales:0*5");
	roadbase_crash();
	err = (struct err){ .code = ERR_OK };
	if (journal_wait(journal, &err) == ERR_OK) { /* it was faster */
		roadbase_restart();
		return;
	}
	assert_int_equal(err.code, ERR_POSTGRES_UNKNOWN);
	assert_code(journal_resolve(journal, &is_recorded, &err),
	            ERR_POSTGRES_LOST);
	assert_true(journal_is_waiting(journal));
	roadbase_restart();
	assert_ok(journal_resolve(journal, &is_recorded, &err));
	assert_int_equal(recorded(), is_recorded ? 5 : 0);
}

/* A backup was restored while the outcome was unknown: the row is at neither
   place. The lane is given up, the daemon goes on. */
static void
a_lane_that_went_back_is_lost(void **state)
{
	bool is_recorded = false;

	record("us/sales:0*5");
	record("us/sales:0*5");
	want_standby(true);
	send("us/sales:0*5");
	wait_for_waiter("SyncRep");
	roadbase_kill("waybill record");
	want_standby(false);
	assert_code(journal_wait(journal, &err), ERR_POSTGRES_UNKNOWN);
	roadbase_run("update waybill.lane set next_seq = 6");
	assert_code(journal_resolve(journal, &is_recorded, &err),
	            ERR_LANE_LOST);
}

static void
reconnecting_goes_on(void **state)
{
	record("us/sales:0*5");
	roadbase_kill("waybill record");
	batch_unref(&batch);
	batch = recorder_batch(recorder, deployment, "us/sales:0");
	err = (struct err){ .code = ERR_OK };
	if (journal_send(journal, batch, &err) == ERR_OK) {
		bool is_recorded = true;

		assert_code(journal_wait(journal, &err), ERR_POSTGRES_UNKNOWN);
		assert_ok(journal_resolve(journal, &is_recorded, &err));
		assert_false(is_recorded);
	} else {
		assert_ok(journal_reconnect(journal, &err));
	}
	assert_ok(journal_send(journal, batch, &err));
	assert_ok(journal_wait(journal, &err));
	assert_int_equal(recorded(), 6);
}

/* -- owners and timelines ------------------------------------------------------ */

static void
try_claim(const char *daemon, enum err_code wanted)
{
	const struct journal_options options = {
		.conninfo = roadbase_conninfo(),
		.role = "waybill_daemon",
		.daemon = daemon,
		.lane = 0,
		.timeout_ms = 20000,
	};
	struct journal *other = NULL;

	assert_ok(journal_open(&options, &other, &err));
	assert_code(journal_claim(other, &err), wanted);
	journal_close(&other);
}

static void
a_lane_is_claimed_when_its_owner_is_gone(void **state)
{
	record("us/sales:0");
	roadbase_run("select waybill.daemon_beat('test-2', '', 3600000)");
	try_claim("test-2", ERR_LANE_LOST);
	roadbase_run("update waybill.daemon set deadline = now() - interval"
	             " '1 ms' where daemon = 'test-1'");
	try_claim("test-2", ERR_OK);
	send("us/sales:0");
	assert_code(journal_wait(journal, &err), ERR_LANE_LOST);
	assert_int_equal(recorded(), 1);
}

static void
a_released_lane_is_free_at_once(void **state)
{
	roadbase_run("select waybill.daemon_beat('test-2', '', 3600000)");
	assert_ok(journal_release(journal, &err));
	try_claim("test-2", ERR_OK);
}

static void
the_same_daemon_takes_its_lane_again(void **state)
{
	int64_t epoch = journal_lane(journal)->epoch;

	try_claim("test-1", ERR_OK);
	assert_int_equal(roadbase_number("select epoch from waybill.lane"
	                                 " where lane = 0"),
	                 epoch + 1);
	send("us/sales:0");
	assert_code(journal_wait(journal, &err), ERR_LANE_LOST);
}

static void
another_timeline_begins_another_incarnation(void **state)
{
	record("us/sales:0*5");
	roadbase_run("update waybill.lane set timeline = timeline + 1");
	assert_code(journal_claim(journal, &err), ERR_POSTGRES_TIMELINE);
	assert_ok(journal_accept_timeline(journal, &err));
	assert_int_equal(journal_lane(journal)->incarnation, 2);
	assert_int_equal(journal_lane(journal)->next_seq, 1);
	assert_true(journal_wants_full(journal));
	record("us/sales:0*3");
	assert_int_equal(batch->first_seq, 1);
	assert_int_equal(batch->commit_no, 2);
	assert_int_equal(roadbase_number("select sum(next)::int8 from"
	                                 " waybill.lane_positions(0)"),
	                 8);
	/* accepted once */
	assert_ok(journal_claim(journal, &err));
	assert_int_equal(journal_lane(journal)->incarnation, 2);
}

static void
a_timeline_that_changes_while_unknown(void **state)
{
	bool is_recorded = false;

	record("us/sales:0");
	want_standby(true);
	send("us/sales:0*5");
	wait_for_waiter("SyncRep");
	roadbase_kill("waybill record");
	want_standby(false);
	assert_code(journal_wait(journal, &err), ERR_POSTGRES_UNKNOWN);
	roadbase_run("update waybill.lane set timeline = timeline + 1");
	/* what the server says is compared with what the lane knows */
	roadbase_run(
		"create or replace function waybill.postgres_identity("
		"out system_id int8, out timeline int4) language sql as"
		" 'select system_identifier, 77 from pg_control_system()'");
	assert_code(journal_resolve(journal, &is_recorded, &err),
	            ERR_POSTGRES_TIMELINE);
}

static void
a_diverged_lane_says_so_when_it_is_claimed(void **state)
{
	assert_ok(journal_mark_diverged(journal, "for a test", &err));
	assert_ok(journal_claim(journal, &err));
	assert_true(journal_lane(journal)->is_diverged);
	assert_string_equal(roadbase_text("select reason from waybill.lane"
	                                  " where state = 'diverged'"),
	                    "for a test");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_batch_is_recorded_whole),
		TEST(positions_are_full_every_thousand_commits),
		TEST(a_stale_epoch_commits_nothing),
		TEST(a_diverged_lane_commits_nothing),
		TEST(a_refused_batch_is_rolled_back),
		TEST(a_connection_that_dies_before_commit),
		TEST(a_connection_that_dies_behind_commit),
		TEST(a_warning_during_commit),
		TEST(unknown_stays_unknown_while_the_server_is_away),
		TEST(a_lane_that_went_back_is_lost),
		TEST(reconnecting_goes_on),
		TEST(a_lane_is_claimed_when_its_owner_is_gone),
		TEST(a_released_lane_is_free_at_once),
		TEST(the_same_daemon_takes_its_lane_again),
		TEST(another_timeline_begins_another_incarnation),
		TEST(a_timeline_that_changes_while_unknown),
		TEST(a_diverged_lane_says_so_when_it_is_claimed),
	};

	return roadbase_main(280, tests, sizeof(tests) / sizeof(tests[0]));
}
