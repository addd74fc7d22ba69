/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines: large ones, failed ones, and those whose connection breaks.
 */
#include "base/io/pgconn.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgarray.h"
#include "base/runtime/clock.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

#define MB ((size_t)1024 * 1024)

static struct postgres *server;
static struct pgconn *conn;

static const struct pgstatement begin = { "p_begin", "begin", 0, { 0 } };
static const struct pgstatement commit = { "p_commit", "commit", 0, { 0 } };
static const struct pgstatement rollback = {
	"p_rollback", "rollback", 0, { 0 }
};
static const struct pgstatement divide = {
	"p_divide", "select 10 / $1", 1, { PGTYPE_INT4 }
};
static const struct pgstatement negate = {
	"p_negate", "select - $1", 1, { PGTYPE_INT4 }
};
static const struct pgstatement echo = {
	"p_echo", "select $1", 1, { PGTYPE_BYTEA }
};
static const struct pgstatement nap = { NULL, "select pg_sleep(30)", 0, { 0 } };
static const struct pgstatement wrong = {
	"p_wrong", "select from from", 0, { 0 }
};
static const struct pgstatement prepared = {
	NULL, "select count(*) from pg_prepared_statements", 0, { 0 }
};

static struct pgconn *
open_conn(int64_t timeout_ms)
{
	struct pgconn_options options = {
		.conninfo = postgres_conninfo(server),
		.timeout_ms = timeout_ms,
	};
	struct pgconn *opened = NULL;
	struct err err;

	if (pgconn_open(&options, &opened, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return opened;
}

static void
ok(enum err_code code, const struct err *err)
{
	if (code != ERR_OK)
		fail_msg("%s: %s", err_name(code), err->text);
}

static void
exec(const char *sql)
{
	struct err err;

	ok(pgconn_exec(conn, sql, &err), &err);
}

static void
send_int(const struct pgstatement *statement, int32_t value)
{
	struct pgnumber room;
	struct pgvalue values[] = { pgvalue_int4(value, &room) };
	struct err err;

	ok(pgconn_send(conn, statement, values, &err), &err);
}

static void
send_plain(const struct pgstatement *statement)
{
	struct err err;

	ok(pgconn_send(conn, statement, NULL, &err), &err);
}

static void
send_sync(void)
{
	struct err err;

	ok(pgconn_sync(conn, &err), &err);
}

static int64_t
receive_int(void)
{
	struct pgrows *rows;
	struct err err;
	int64_t value;

	ok(pgconn_receive(conn, &rows, &err), &err);
	value = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return value;
}

static void
receive_ok(void)
{
	struct err err;

	ok(pgconn_receive(conn, NULL, &err), &err);
}

static void
receive_error(enum err_code expected)
{
	struct err err = { 0 };

	assert_int_equal(pgconn_receive(conn, NULL, &err), expected);
	assert_int_equal(err.code, expected);
}

static void
receive_sync(void)
{
	struct err err;

	ok(pgconn_receive_sync(conn, &err), &err);
}

static int
setup(void **state)
{
	struct err err;

	conn = open_conn(10000);
	ok(pgconn_pipeline_begin(conn, &err), &err);
	return 0;
}

static int
teardown(void **state)
{
	pgconn_close(&conn);
	return 0;
}

static void
terminate(int pid)
{
	struct pgconn *other = open_conn(10000);
	char sql[128];
	struct err err;

	snprintf(sql, sizeof(sql), "select pg_terminate_backend(%d)", pid);
	ok(pgconn_exec(other, sql, &err), &err);
	pgconn_close(&other);
}

static int
backend_pid(void)
{
	static const struct pgstatement own = {
		NULL, "select pg_backend_pid()", 0, { 0 }
	};
	int pid;

	send_plain(&own);
	send_sync();
	pid = (int)receive_int();
	receive_sync();
	return pid;
}

static void
leave(void)
{
	struct err err;

	ok(pgconn_pipeline_end(conn, &err), &err);
}

/* -- tests -- */

static void
test_answers_come_in_order(void **state)
{
	send_plain(&begin);
	for (int i = 1; i <= 3000; i++)
		send_int(i % 2 ? &negate : &divide, i);
	send_plain(&commit);
	send_sync();
	receive_ok();
	for (int i = 1; i <= 3000; i++)
		assert_int_equal(receive_int(), i % 2 ? -i : 10 / i);
	receive_ok();
	receive_sync();
	assert_false(pgconn_in_transaction(conn));
	send_plain(&prepared);
	send_sync();
	assert_int_equal(receive_int(), 4);
	receive_sync();
	leave();
	exec("select 1");
}

static void
test_200_mb_of_inserts(void **state)
{
	static const struct pgstatement insert = {
		"p_insert",
		"insert into big values ($1) returning octet_length($1[1])",
		1,
		{ PGTYPE_BYTEA_ARRAY }
	};
	struct pgarray array = { 0 };
	uint8_t *body = calloc(1, 4 * MB);
	struct err err;

	leave();
	exec("create temporary table big (bodies bytea[]);"
	     "alter table big alter bodies set storage external");
	ok(pgconn_pipeline_begin(conn, &err), &err);
	pgarray_begin(&array, PGTYPE_BYTEA);
	pgarray_add_bytes(&array, body, 4 * MB);
	send_plain(&begin);
	for (int i = 0; i < 50; i++) {
		struct pgvalue values[] = { pgarray_end(&array) };

		ok(pgconn_send(conn, &insert, values, &err), &err);
	}
	send_plain(&commit);
	send_sync();
	receive_ok();
	for (int i = 0; i < 50; i++)
		assert_int_equal(receive_int(), 4 * MB);
	receive_ok();
	receive_sync();
	pgarray_fini(&array);
	free(body);
}

/* Both sides have more to say than all the buffers between them hold. */
static void
test_large_answers_do_not_dead_lock(void **state)
{
	uint8_t *body = calloc(1, MB);
	struct pgvalue values[] = { pgvalue_bytes(body, MB) };
	struct err err;

	for (int i = 0; i < 64; i++)
		ok(pgconn_send(conn, &echo, values, &err), &err);
	send_sync();
	for (int i = 0; i < 64; i++) {
		struct pgrows *rows;
		int len;

		ok(pgconn_receive(conn, &rows, &err), &err);
		assert_non_null(pgrows_bytes(rows, 0, 0, &len));
		assert_int_equal(len, MB);
		pgrows_free(&rows);
	}
	receive_sync();
	free(body);
}

static void
test_error_in_a_group(void **state)
{
	struct err first = { 0 }, second = { 0 };

	send_plain(&begin);
	send_int(&divide, 5);
	send_int(&divide, 0);
	send_int(&divide, 1);
	send_plain(&commit);
	send_sync();
	receive_ok();
	assert_int_equal(receive_int(), 2);
	assert_int_equal(pgconn_receive(conn, NULL, &first),
	                 ERR_POSTGRES_QUERY);
	assert_non_null(strstr(first.text, "p_divide: division by zero"));
	assert_string_equal(pgconn_sqlstate(conn), "22012");
	assert_int_equal(pgconn_receive(conn, NULL, &second),
	                 ERR_POSTGRES_QUERY);
	assert_string_equal(second.text, first.text);
	receive_error(ERR_POSTGRES_QUERY); /* the commit did not happen */
	receive_sync();
	assert_true(pgconn_in_transaction(conn));

	send_plain(&rollback);
	send_sync();
	receive_ok();
	receive_sync();
	assert_false(pgconn_in_transaction(conn));
	send_int(&divide, 2);
	send_sync();
	assert_int_equal(receive_int(), 5);
	receive_sync();
}

/* What lane_advance does when the lane is somebody else's. */
static void
test_raised_code_answers_the_whole_group(void **state)
{
	static const struct pgstatement advance = {
		"p_advance", "select pg_temp.advance()", 0, { 0 }
	};
	struct err err;

	leave();
	exec("create function pg_temp.advance() returns void "
	     "language plpgsql as $$ begin "
	     "raise exception 'lane 3 is not ours' using errcode = 'WB001'; "
	     "end $$");
	ok(pgconn_pipeline_begin(conn, &err), &err);
	send_plain(&begin);
	send_plain(&advance);
	send_int(&negate, 1);
	send_plain(&commit);
	send_sync();
	receive_ok();
	for (int i = 0; i < 3; i++)
		receive_error(ERR_LANE_LOST);
	receive_sync();
	assert_false(pgconn_is_lost(conn));
}

/* negate was queued for preparation behind an error. */
static void
test_skipped_prepare_is_made_up_for(void **state)
{
	send_int(&divide, 0);
	send_int(&negate, 1);
	send_sync();
	receive_error(ERR_POSTGRES_QUERY);
	receive_error(ERR_POSTGRES_QUERY);
	receive_sync();
	send_int(&negate, 7);
	send_sync();
	assert_int_equal(receive_int(), -7);
	receive_sync();
}

/* The next groups are sent before it is known that the PREPARE was skipped;
   and when it was not, nothing is prepared under a name that is taken. */
static void
test_groups_sent_ahead_of_a_prepare(void **state)
{
	send_int(&divide, 0);
	send_int(&negate, 1);
	send_sync();
	send_int(&negate, 2);
	send_sync();
	send_int(&negate, 3);
	send_int(&negate, 4);
	send_sync();
	receive_error(ERR_POSTGRES_QUERY);
	receive_error(ERR_POSTGRES_QUERY);
	receive_sync();
	assert_int_equal(receive_int(), -2);
	receive_sync();
	assert_int_equal(receive_int(), -3);
	assert_int_equal(receive_int(), -4);
	receive_sync();
	send_int(&negate, 5);
	send_plain(&prepared);
	send_sync();
	assert_int_equal(receive_int(), -5);
	assert_int_equal(receive_int(), 3); /* divide, two of negate */
	receive_sync();
}

static void
test_statement_that_cannot_be_prepared(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct err err = { 0 };

		send_plain(&wrong);
		send_int(&negate, 1);
		send_sync();
		assert_int_equal(pgconn_receive(conn, NULL, &err),
		                 ERR_POSTGRES_QUERY);
		assert_non_null(strstr(err.text, "p_wrong: syntax error"));
		receive_error(ERR_POSTGRES_QUERY);
		receive_sync();
	}
	send_int(&negate, 1);
	send_sync();
	assert_int_equal(receive_int(), -1);
	receive_sync();
}

/* Without BEGIN it is the sync that commits. */
static void
test_sync_that_fails(void **state)
{
	static const struct pgstatement insert = {
		"p_insert_child", "insert into child values (1)", 0, { 0 }
	};
	struct err err = { 0 };

	leave();
	exec("create temporary table parent (a int primary key);"
	     "create temporary table child (a int references parent "
	     "deferrable initially deferred)");
	ok(pgconn_pipeline_begin(conn, &err), &err);
	send_plain(&insert);
	send_sync();
	send_int(&negate, 1);
	send_sync();
	receive_ok();
	assert_int_equal(pgconn_receive_sync(conn, &err), ERR_POSTGRES_QUERY);
	assert_string_equal(pgconn_sqlstate(conn), "23503");
	assert_int_equal(receive_int(), -1);
	receive_sync();
	leave();
	exec("select 1");
}

static void
test_warning_during_commit_is_seen(void **state)
{
	static const struct pgstatement insert = {
		"p_insert_warned", "insert into warned values (1)", 0, { 0 }
	};
	struct err err;

	leave();
	exec("create temporary table warned (a int);"
	     "create function pg_temp.warn() returns trigger "
	     "language plpgsql as $$ begin "
	     "raise warning 'only here'; return null; end $$;"
	     "create constraint trigger t after insert on warned "
	     "deferrable initially deferred for each row "
	     "execute function pg_temp.warn()");
	ok(pgconn_pipeline_begin(conn, &err), &err);
	send_plain(&begin);
	send_plain(&insert);
	send_plain(&commit);
	send_sync();
	receive_ok();
	receive_ok();
	receive_ok();
	receive_sync();
	assert_int_equal(pgconn_warning_count(conn), 1);
	assert_string_equal(pgconn_warning_text(conn), "01000: only here");
}

static void
test_has_answer(void **state)
{
	static const struct pgstatement short_nap = {
		"p_nap", "select 1 from pg_sleep(0.3)", 0, { 0 }
	};
	int64_t begin_us = clock_now_us();

	assert_false(pgconn_has_answer(conn, 1000)); /* nothing was sent */
	assert_true(clock_now_us() - begin_us < 500000);
	send_plain(&short_nap);
	send_sync();
	assert_false(
		pgconn_has_answer(conn, 50)); /* its PREPARE is no answer */
	assert_true(pgconn_has_answer(conn, 5000));
	assert_true(pgconn_has_answer(conn, 0));
	receive_ok();
	assert_true(pgconn_has_answer(conn, 5000));
	receive_sync();
	assert_false(pgconn_has_answer(conn, 0));
}

static void
test_flush_gives_answers_before_the_sync(void **state)
{
	struct err err;

	send_int(&negate, 3);
	ok(pgconn_flush(conn, &err), &err);
	assert_int_equal(receive_int(), -3);
	send_int(&negate, 4);
	send_sync();
	assert_int_equal(receive_int(), -4);
	receive_sync();
}

static void
test_terminated_while_waiting(void **state)
{
	int pid = backend_pid();
	struct err err;

	send_int(&negate, 1);
	ok(pgconn_flush(conn, &err), &err);
	send_plain(&nap);
	send_plain(&commit);
	send_sync();
	assert_int_equal(receive_int(), -1);
	terminate(pid);
	receive_error(ERR_POSTGRES_LOST);
	assert_string_equal(pgconn_sqlstate(conn), "57P01");
	assert_true(pgconn_is_lost(conn));
	assert_true(pgconn_has_answer(conn, 0));
	for (int i = 0; i < 3; i++)
		receive_error(ERR_POSTGRES_LOST);
	assert_int_equal(pgconn_receive_sync(conn, &err), ERR_POSTGRES_LOST);
	assert_int_equal(pgconn_send(conn, &commit, NULL, &err),
	                 ERR_POSTGRES_LOST);
	assert_int_equal(pgconn_sync(conn, &err), ERR_POSTGRES_LOST);
	assert_int_equal(pgconn_flush(conn, &err), ERR_POSTGRES_LOST);
	assert_int_equal(pgconn_pipeline_end(conn, &err), ERR_POSTGRES_LOST);
}

static void
test_terminated_while_sending(void **state)
{
	uint8_t *body = calloc(1, MB);
	struct pgvalue values[] = { pgvalue_bytes(body, MB) };
	enum err_code code = ERR_OK;
	struct err err;

	terminate(backend_pid());
	for (int i = 0; i < 100 && code == ERR_OK; i++)
		code = pgconn_send(conn, &echo, values, &err);
	assert_int_equal(code, ERR_POSTGRES_LOST);
	receive_error(ERR_POSTGRES_LOST);
	free(body);
}

static void
test_cancel_ends_one_statement(void **state)
{
	struct err err;

	send_plain(&begin);
	ok(pgconn_flush(conn, &err), &err);
	send_plain(&nap);
	send_plain(&commit);
	send_sync();
	receive_ok();
	assert_false(pgconn_has_answer(conn, 200));
	pgconn_cancel(conn);
	receive_error(ERR_TIMEOUT);
	assert_false(pgconn_is_lost(conn));
	receive_error(ERR_TIMEOUT);
	receive_sync();
	assert_true(pgconn_in_transaction(conn));
}

static void
test_no_answer_in_time(void **state)
{
	struct err err;

	pgconn_close(&conn);
	conn = open_conn(200);
	ok(pgconn_pipeline_begin(conn, &err), &err);
	send_plain(&nap);
	send_sync();
	receive_error(ERR_TIMEOUT);
	assert_true(pgconn_is_lost(conn));
	receive_error(ERR_POSTGRES_LOST);
}

/* A server that stands still in the middle of what is sent to it. */
static void
test_server_that_does_not_read(void **state)
{
	uint8_t *body = calloc(1, MB);
	struct pgvalue values[] = { pgvalue_bytes(body, MB) };
	enum err_code code = ERR_OK;
	struct err err;
	int pid;

	pgconn_close(&conn);
	conn = open_conn(300);
	ok(pgconn_pipeline_begin(conn, &err), &err);
	pid = backend_pid();
	kill(pid, SIGSTOP);
	for (int i = 0; i < 100 && code == ERR_OK; i++)
		code = pgconn_send(conn, &echo, values, &err);
	kill(pid, SIGCONT);
	assert_int_equal(code, ERR_TIMEOUT);
	assert_true(pgconn_is_lost(conn));
	free(body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers_come_in_order),
		TEST(test_200_mb_of_inserts),
		TEST(test_large_answers_do_not_dead_lock),
		TEST(test_error_in_a_group),
		TEST(test_raised_code_answers_the_whole_group),
		TEST(test_skipped_prepare_is_made_up_for),
		TEST(test_groups_sent_ahead_of_a_prepare),
		TEST(test_statement_that_cannot_be_prepared),
		TEST(test_sync_that_fails),
		TEST(test_warning_during_commit_is_seen),
		TEST(test_has_answer),
		TEST(test_flush_gives_answers_before_the_sync),
		TEST(test_terminated_while_waiting),
		TEST(test_terminated_while_sending),
		TEST(test_cancel_ends_one_statement),
		TEST(test_no_answer_in_time),
		TEST(test_server_that_does_not_read),
	};
	int code;

	unit_alarm(180);
	code = postgres_open(NULL, &server);
	if (code != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_close(&server);
	return code;
}
