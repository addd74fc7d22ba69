/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One writer for each lane: leases, the compare-and-set, midnight.
 */
#include "tests/sql/database.h"

#define CHAIN "decode(repeat('11', 32), 'hex')"

/* lane_advance with chain CHAIN. */
#define ADVANCE(lane, epoch, incarnation, from, to)                            \
	"select waybill.lane_advance(" #lane ", " #epoch ", " #incarnation     \
	", " #from ", " #to ", " CHAIN ")"

#define COMMIT_ROW(no, first, last)                                            \
	"insert into waybill.lane_commit (day, lane, incarnation, "            \
	"commit_no, first_seq, last_seq, chain, source, source_next) "         \
	"select day, 0, 1, " #no ", " #first ", " #last ", chain, '{1}', "     \
	"'{" #last "}' from waybill.lane where lane = 0"

static struct pgconn *
begin(int *out_database)
{
	int database = database_create();
	struct pgconn *conn = database_open(NULL, database);

	database_run(conn, DATABASE_CATALOGUE DATABASE_TENANT("us", 1));
	if (out_database)
		*out_database = database;
	return conn;
}

static void
claims_what_is_free_or_dead(void **state)
{
	struct pgconn *conn = begin(NULL);
	const char *claim_a = "select coalesce((select epoch::text from "
			      "waybill.lane_claim(0, 'a')), 'none')";
	const char *claim_b = "select coalesce((select epoch::text from "
			      "waybill.lane_claim(0, 'b')), 'none')";

	/* Who has no heartbeat takes nothing. */
	database_expect(conn, claim_a, "none");
	database_run(conn,
	             "select waybill.daemon_beat('a', 'http://a', 60000)");
	database_run(conn, "select waybill.daemon_beat('b', null, 60000)");
	database_expect(conn, claim_a, "1");
	database_expect(conn, claim_b, "none");
	/* Its deadline passes. */
	database_run(conn, "select waybill.daemon_beat('a', 'http://a', -1)");
	database_expect(conn, claim_b, "2");
	database_expect(conn, "select waybill.lane_release(0, 1, 'a')::text",
	                "false");
	database_expect(conn, "select waybill.lane_release(0, 2, 'b')::text",
	                "true");
	database_run(conn,
	             "select waybill.daemon_beat('a', 'http://a', 60000)");
	database_expect(conn, claim_a, "3");
	database_run(conn, "select waybill.daemon_leave('a')");
	database_expect(conn, claim_b, "4");
	database_refused(conn, "select waybill.lane_claim(2, 'b')", "WB002");
	pgconn_close(&conn);
}

/* A heartbeat that waits for a standby would lose the lease of a recorder
   that does. */
static void
heartbeat_does_not_wait_for_a_standby(void **state)
{
	struct pgconn *conn = begin(NULL);

	database_run(conn,
	             "set synchronous_commit = on; begin; select "
	             "waybill.daemon_beat('a', null, 1000)");
	database_expect(conn, "select current_setting('synchronous_commit')",
	                "local");
	database_run(conn, "commit");
	database_expect(conn, "select current_setting('synchronous_commit')",
	                "on");
	pgconn_close(&conn);
}

static void
advance_needs_the_row_as_it_was(void **state)
{
	struct pgconn *conn = begin(NULL);

	database_run(conn, "update waybill.lane set epoch = 7 where lane = 0");
	database_refused(conn, ADVANCE(0, 6, 1, 1, 3), "WB001");
	database_refused(conn, ADVANCE(0, 7, 2, 1, 3), "WB001");
	database_refused(conn, ADVANCE(0, 7, 1, 2, 3), "WB001");
	database_refused(conn, ADVANCE(0, 7, 1, 1, 1), "WB001");
	database_refused(conn, ADVANCE(5, 7, 1, 1, 3), "WB001");
	database_run(conn, ADVANCE(0, 7, 1, 1, 3));
	database_refused(conn, ADVANCE(0, 7, 1, 1, 3), "WB001");
	database_run(conn, ADVANCE(0, 7, 1, 3, 10));
	database_expect(conn,
	                "select concat_ws(' ', next_seq, commit_no, state, "
	                "day = waybill.today(), chain = " CHAIN
	                ") from waybill.lane where lane = 0",
	                "10 2 ready t t");
	database_run(conn, "update waybill.lane set state = 'diverged'");
	database_refused(conn, ADVANCE(0, 7, 1, 10, 11), "WB001");
	pgconn_close(&conn);
}

/* The recorder's way: everything is sent before the first answer is read. */
static void
nothing_commits_behind_a_refused_advance(void **state)
{
	static const struct pgstatement group[] = {
		{ .sql = "begin" },
		{ .sql = ADVANCE(0, 99, 1, 1, 3) },
		{ .sql = COMMIT_ROW(1, 1, 2) },
		{ .sql = "commit" },
	};
	size_t count = sizeof(group) / sizeof(group[0]);
	struct pgconn *conn = begin(NULL);
	enum err_code code;
	struct err err;

	assert_int_equal(pgconn_pipeline_begin(conn, &err), ERR_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pgconn_send(conn, &group[i], NULL, &err),
		                 ERR_OK);
	assert_int_equal(pgconn_sync(conn, &err), ERR_OK);
	assert_int_equal(pgconn_flush(conn, &err), ERR_OK);
	for (size_t i = 0; i < count; i++) {
		code = pgconn_receive(conn, NULL, &err);
		assert_int_equal(code, i == 0 ? ERR_OK : ERR_LANE_LOST);
	}
	code = pgconn_receive_sync(conn, &err);
	assert_int_equal(code, ERR_OK);
	assert_int_equal(pgconn_pipeline_end(conn, &err), ERR_OK);
	database_run(conn, "rollback");
	database_expect(conn, "select count(*)::text from waybill.lane_commit",
	                "0");
	database_expect(
		conn, "select next_seq::text from waybill.lane where lane = 0",
		"1");
	pgconn_close(&conn);
}

/* The old owner slept over midnight and over its lease; whatever day it is,
   it writes nothing, and the day never goes back. */
static void
stale_owner_cannot_write_across_midnight(void **state)
{
	struct pgconn *conn = begin(NULL);

	database_run(conn, "select waybill.daemon_beat('a', null, 60000)");
	database_run(conn, "select waybill.lane_claim(0, 'a')");
	database_run(conn, ADVANCE(0, 1, 1, 1, 3));
	database_run(conn,
	             "create or replace function waybill.today() returns "
	             "date language sql stable return "
	             "(now() at time zone 'utc')::date + 1");
	database_run(conn, "select waybill.daemon_beat('a', null, -1)");
	database_run(conn, "select waybill.daemon_beat('b', null, 60000)");
	database_run(conn, "select waybill.lane_claim(0, 'b')");
	database_refused(conn,
	                 "begin; " ADVANCE(0, 1, 1, 3, 5) "; " COMMIT_ROW(
				 2, 3, 4) "; commit",
	                 "WB001");
	database_run(conn, "rollback");
	database_run(conn, ADVANCE(0, 2, 1, 3, 5));
	database_expect(conn,
	                "select (max(day) - min(day)) || ' ' || "
	                "string_agg(first_seq::text, ',' order by day) from "
	                "waybill.lane_day",
	                "1 1,3");
	/* The clock is set back: the day is not. */
	database_run(conn,
	             "create or replace function waybill.today() returns "
	             "date language sql stable return "
	             "(now() at time zone 'utc')::date - 3");
	database_run(conn, ADVANCE(0, 2, 1, 5, 6));
	database_expect(conn,
	                "select (day - (now() at time zone 'utc')::date)::text "
	                "from waybill.lane where lane = 0",
	                "1");
	pgconn_close(&conn);
}

static void
positions_come_from_the_last_full_commit(void **state)
{
	struct pgconn *conn = begin(NULL);

	database_run(
		conn,
		"insert into waybill.lane_day select 0, 1, waybill.today() + n, "
		"n * 10 + 1 from generate_series(-1, 1) n;"
		"insert into waybill.lane_commit (day, lane, incarnation, "
		"commit_no, first_seq, last_seq, chain, source, source_next, "
		"is_full) select waybill.today() + n, 0, 1, no, no, no, " CHAIN
		", s, o, f from (values "
		"(-1, 1, array[9], array[900::int8], false), "
		"(0, 2, array[1, 2], array[10::int8, 20], true), "
		"(0, 3, array[1], array[11::int8], false), "
		"(1, 4, array[2, 3], array[22::int8, 30], false)"
		") v(n, no, s, o, f)");
	database_expect(conn,
	                "select string_agg(source || ':' || next, ' ' order by "
	                "source) from waybill.lane_positions(0)",
	                "1:11 2:22 3:30");
	database_expect(conn,
	                "select count(*)::text from waybill.lane_positions(1)",
	                "0");
	/* A new incarnation goes on where the old one was. */
	database_run(
		conn,
		"insert into waybill.lane_commit (day, lane, incarnation, "
		"commit_no, first_seq, last_seq, chain, source, "
		"source_next) values (waybill.today() + 1, 0, 2, 5, 1, 1, " CHAIN
		", '{1}', '{12}')");
	database_expect(conn,
	                "select string_agg(source || ':' || next, ' ' order by "
	                "source) from waybill.lane_positions(0)",
	                "1:12 2:22 3:30");
	pgconn_close(&conn);
}

/* Whether another cluster has the same records is for others to say. */
static void
source_keeps_its_number_on_another_cluster(void **state)
{
	struct pgconn *conn = begin(NULL);
#define TAKE(id, partition, feed)                                              \
	"select waybill.source_take('kafka', 'main', " id                      \
	", 'topic', " #partition ", 'us', '" feed "')::text"
	char *first = database_text(conn, TAKE("'one'", 0, "sales"));
	char *next;

	database_expect(conn, TAKE("'one'", 0, "sales"), first);
	database_expect(conn, TAKE("null", 0, "sales"), first);
	database_expect(conn, TAKE("'two'", 0, "sales"), first);
	next = database_text(conn, TAKE("'two'", 0, "stock"));
	assert_string_not_equal(next, first);
	free(next);
	next = database_text(conn, TAKE("'two'", 1, "sales"));
	assert_string_not_equal(next, first);
	free(next);
	free(first);
	database_expect(
		conn,
		"select string_agg(topic_incarnation || ' ' || cluster_id, ',' "
		"order by source) from waybill.source where topic = 'topic' "
		"and partition = 0",
		"1 one,2 two");
	pgconn_close(&conn);
}

/* Partitions come while others write: neither waits for the other. */
static void
days_are_made_without_stopping_writers(void **state)
{
	int database;
	struct pgconn *conn = begin(&database);
	struct pgconn *other = database_open(NULL, database);

	database_run(other, "set lock_timeout = '2s'");
	database_run(conn, "set lock_timeout = '2s'");
	database_run(conn, ADVANCE(0, 0, 1, 1, 3));
	/* A writer is in the middle of its transaction ... */
	database_run(conn, "begin; " COMMIT_ROW(1, 1, 2));
	database_run(other, "begin; select waybill.journal_create_days(30)");
	/* ... and goes on, while the days are not yet committed. */
	database_run(conn, COMMIT_ROW(2, 3, 4));
	database_run(conn, "select count(*) from waybill.block");
	database_run(conn, "commit");
	database_run(other, "commit");
	database_expect(
		other,
		"select count(*)::text from pg_catalog.pg_inherits where "
		"inhparent = 'waybill.block'::regclass",
		"32");
	database_expect(other, "select waybill.journal_create_days(30)::text",
	                "0");
	/* As the role that a daemon has. */
	database_run(other, "set role waybill_record");
	database_expect(other, "select waybill.journal_create_days(31)::text",
	                "7");
	pgconn_close(&other);
	pgconn_close(&conn);
}

static void
barrier_and_identity(void **state)
{
	struct pgconn *conn = begin(NULL);

	database_run(conn, "set role waybill_forward");
	database_expect(conn, "select waybill.barrier_pass(1)::text", "1");
	database_expect(conn, "select waybill.barrier_pass(1)::text", "2");
	database_expect(conn,
	                "select (system_id <> 0) || ' ' || timeline from "
	                "waybill.postgres_identity()",
	                "true 1");
	pgconn_close(&conn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_what_is_free_or_dead),
		cmocka_unit_test(heartbeat_does_not_wait_for_a_standby),
		cmocka_unit_test(advance_needs_the_row_as_it_was),
		cmocka_unit_test(nothing_commits_behind_a_refused_advance),
		cmocka_unit_test(stale_owner_cannot_write_across_midnight),
		cmocka_unit_test(positions_come_from_the_last_full_commit),
		cmocka_unit_test(source_keeps_its_number_on_another_cluster),
		cmocka_unit_test(days_are_made_without_stopping_writers),
		cmocka_unit_test(barrier_and_identity),
	};

	return database_main(tests, sizeof(tests) / sizeof(tests[0]));
}
