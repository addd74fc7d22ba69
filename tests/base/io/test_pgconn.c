/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One statement at a time, errors, and what goes on outside of statements:
 * sessions, notices, notifications, cancels and lost connections.
 */
#include "base/io/pgconn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/support/postgres.h"
#include "tests/unit.h"

static struct postgres *server;

static struct pgconn *
open_with(const char *role, const char *const *settings, int64_t timeout_ms)
{
	struct pgconn_options options = {
		.conninfo = postgres_conninfo(server),
		.application = "test_pgconn",
		.role = role,
		.timeout_ms = timeout_ms,
		.settings = settings,
	};
	struct pgconn *conn = NULL;
	struct err err;

	if (pgconn_open(&options, &conn, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return conn;
}

static void
exec(struct pgconn *conn, const char *sql)
{
	struct err err;

	if (pgconn_exec(conn, sql, &err) != ERR_OK)
		fail_msg("%s", err.text);
}

static int64_t
query_int(struct pgconn *conn, const char *sql)
{
	struct pgstatement statement = { .sql = sql };
	struct pgrows *rows;
	struct err err;
	int64_t value;

	if (pgconn_query(conn, &statement, NULL, &rows, &err) != ERR_OK)
		fail_msg("%s", err.text);
	value = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return value;
}

static void
assert_setting(struct pgconn *conn, const char *name, const char *value)
{
	static const struct pgstatement show = {
		NULL, "select current_setting($1)", 1, { PGTYPE_TEXT }
	};
	struct pgvalue values[] = { pgvalue_text(name) };
	struct pgrows *rows;
	struct err err;

	assert_int_equal(pgconn_query(conn, &show, values, &rows, &err),
	                 ERR_OK);
	assert_string_equal(pgrows_text(rows, 0, 0), value);
	pgrows_free(&rows);
}

/* -- tests -- */

static void
test_session_is_set_up(void **state)
{
	static const char *const settings[] = { "search_path=pg_catalog",
		                                "synchronous_commit=local",
		                                "lock_timeout=123", NULL };
	struct pgconn *conn = open_with("pg_monitor", settings, 5000);

	assert_setting(conn, "client_encoding", "UTF8");
	assert_setting(conn, "application_name", "test_pgconn");
	assert_setting(conn, "idle_in_transaction_session_timeout", "5s");
	assert_setting(conn, "search_path", "pg_catalog");
	assert_setting(conn, "synchronous_commit", "local");
	assert_setting(conn, "lock_timeout", "123ms");
	assert_setting(conn, "role", "pg_monitor");
	pgconn_close(&conn);
	assert_null(conn);
}

static void
test_open_says_why_not(void **state)
{
	struct pgconn_options options = { .timeout_ms = 2000 };
	struct pgconn *conn = NULL;
	char conninfo[512];
	struct err err;

	options.conninfo = "host=/nowhere/at/all user=postgres";
	assert_int_equal(pgconn_open(&options, &conn, &err), ERR_POSTGRES_LOST);
	assert_null(conn);
	snprintf(conninfo, sizeof(conninfo), "host=%s user=nobody_here",
	         postgres_folder(server));
	options.conninfo = conninfo;
	assert_int_equal(pgconn_open(&options, &conn, &err), ERR_PRIVILEGE);
	assert_non_null(strstr(err.text, "nobody_here"));
	snprintf(conninfo, sizeof(conninfo),
	         "host=%s user=postgres dbname=no_such",
	         postgres_folder(server));
	assert_int_equal(pgconn_open(&options, &conn, &err), ERR_POSTGRES_LOST);
	options.conninfo = postgres_conninfo(server);
	options.role = "no_such_role";
	assert_int_equal(pgconn_open(&options, &conn, &err), ERR_PRIVILEGE);
	assert_non_null(strstr(err.text, "no_such_role"));
	options.role = NULL;
	options.conninfo = "this is = not ' a conninfo";
	assert_int_equal(pgconn_open(&options, &conn, &err), ERR_POSTGRES_LOST);
}

static void
test_refused_role_names_its_grant(void **state)
{
	struct pgconn_options options = { .timeout_ms = 5000,
		                          .role = "pg_monitor" };
	struct pgconn *conn = open_with(NULL, NULL, 5000);
	char conninfo[512];
	struct err err;

	assert_int_equal(pgconn_exec(conn, "create role bare login", &err),
	                 ERR_OK);
	snprintf(conninfo, sizeof(conninfo),
	         "host=%s user=bare dbname=postgres", postgres_folder(server));
	options.conninfo = conninfo;
	pgconn_close(&conn);
	assert_int_equal(pgconn_open(&options, &conn, &err), ERR_PRIVILEGE);
	assert_non_null(strstr(err.text, "GRANT pg_monitor TO \"bare\""));
}

/* A server that has gone (packets to it are dropped) is passed over. */
static void
test_second_host_is_reached_when_the_first_is_silent(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct pgconn_options options = { .timeout_ms = 3000 };
	socklen_t len = sizeof(address);
	struct pgconn *conn = NULL;
	char conninfo[512];
	struct err err;
	int fds[6];

	/* A backlog that is full does not answer. */
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
		bind(fds[0], (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fds[0], 0), 0);
	getsockname(fds[0], (struct sockaddr *)&address, &len);
	for (int i = 1; i < 6; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	snprintf(conninfo, sizeof(conninfo),
	         "host=127.0.0.1,%s port=%d,5432 user=postgres dbname=postgres",
	         postgres_folder(server), ntohs(address.sin_port));
	options.conninfo = conninfo;
	if (pgconn_open(&options, &conn, &err) != ERR_OK)
		fail_msg("%s", err.text);
	assert_int_equal(query_int(conn, "select 1"), 1);
	pgconn_close(&conn);
	snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%d",
	         ntohs(address.sin_port));
	options.timeout_ms = 300;
	assert_int_equal(pgconn_open(&options, &conn, &err), ERR_POSTGRES_LOST);
	assert_non_null(strstr(err.text, "in time"));
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

static void
test_query_is_prepared_once(void **state)
{
	static const struct pgstatement add = { "test_add",
		                                "select $1::int4 + $2::int4",
		                                2,
		                                { PGTYPE_INT4, PGTYPE_INT4 } };
	struct pgconn *conn = open_with(NULL, NULL, 5000);
	struct pgnumber rooms[2];
	struct pgrows *rows;
	struct err err;

	for (int i = 0; i < 3; i++) {
		struct pgvalue values[] = { pgvalue_int4(i, &rooms[0]),
			                    pgvalue_int4(-40, &rooms[1]) };

		assert_int_equal(pgconn_query(conn, &add, values, &rows, &err),
		                 ERR_OK);
		assert_int_equal(pgrows_count(rows), 1);
		assert_int_equal(pgrows_int(rows, 0, 0), i - 40);
		pgrows_free(&rows);
	}
	assert_int_equal(
		query_int(conn, "select count(*) from pg_prepared_statements"),
		1);
	/* What somebody else threw away is prepared again. */
	exec(conn, "deallocate all");
	assert_int_equal(
		pgconn_query(conn, &add,
	                     (struct pgvalue[]){ pgvalue_int4(1, &rooms[0]),
	                                         PGVALUE_NULL },
	                     &rows, &err),
		ERR_POSTGRES_QUERY);
	assert_string_equal(pgconn_sqlstate(conn), "26000");
	assert_int_equal(
		pgconn_query(conn, &add,
	                     (struct pgvalue[]){ pgvalue_int4(1, &rooms[0]),
	                                         PGVALUE_NULL },
	                     &rows, &err),
		ERR_OK);
	assert_true(pgrows_is_null(rows, 0, 0));
	pgrows_free(&rows);
	pgconn_close(&conn);
}

static void
test_errors_have_their_code(void **state)
{
	static const struct {
		const char *sqlstate;
		enum err_code code;
	} cases[] = {
		{ "WB001", ERR_LANE_LOST },     { "WB002", ERR_CONFLICT },
		{ "WB003", ERR_NOT_FOUND },     { "42501", ERR_PRIVILEGE },
		{ "28P01", ERR_PRIVILEGE },     { "40001", ERR_TIMEOUT },
		{ "55P03", ERR_TIMEOUT },       { "23505", ERR_POSTGRES_QUERY },
		{ "08006", ERR_POSTGRES_LOST }, { "53100", ERR_POSTGRES_LOST },
		{ "57P01", ERR_POSTGRES_LOST },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pgconn *conn = open_with(NULL, NULL, 5000);
		struct err err = { 0 };
		char sql[256];

		snprintf(sql, sizeof(sql),
		         "do $$ begin raise exception 'primary text' using "
		         "errcode = '%s', detail = 'the detail', "
		         "hint = 'the hint'; end $$",
		         cases[i].sqlstate);
		assert_int_equal(pgconn_exec(conn, sql, &err), cases[i].code);
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(pgconn_sqlstate(conn), cases[i].sqlstate);
		assert_non_null(strstr(err.text, "primary text"));
		assert_non_null(strstr(err.text, "the detail"));
		assert_non_null(strstr(err.text, "the hint"));
		assert_non_null(strstr(err.text, cases[i].sqlstate));
		assert_int_equal(pgconn_is_lost(conn),
		                 cases[i].code == ERR_POSTGRES_LOST);
		pgconn_close(&conn);
	}
}

static void
test_error_names_the_statement(void **state)
{
	static const struct pgstatement wrong = {
		"test_wrong", "select nothing from nowhere", 0, { 0 }
	};
	struct pgconn *conn = open_with(NULL, NULL, 5000);
	struct err err;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(pgconn_query(conn, &wrong, NULL, NULL, &err),
		                 ERR_POSTGRES_QUERY);
		assert_non_null(strstr(err.text, "test_wrong: "));
	}
	assert_int_equal(query_int(conn, "select 1"), 1);
	pgconn_close(&conn);
}

static void
test_exec_takes_many_and_stops_at_the_first_error(void **state)
{
	struct pgconn *conn = open_with(NULL, NULL, 5000);
	struct err err;

	exec(conn, "begin; select 1; select 2 where false;");
	assert_true(pgconn_in_transaction(conn));
	assert_int_equal(pgconn_exec(conn, "select 1/0; select 1", &err),
	                 ERR_POSTGRES_QUERY);
	assert_true(pgconn_in_transaction(conn));
	exec(conn, "rollback");
	assert_false(pgconn_in_transaction(conn));
	exec(conn, "");
	assert_int_equal(pgconn_exec(conn, "copy pg_class to stdout", &err),
	                 ERR_POSTGRES_LOST);
	pgconn_close(&conn);
}

static void
test_only_warnings_are_counted(void **state)
{
	struct pgconn *conn = open_with(NULL, NULL, 5000);

	exec(conn, "set client_min_messages = debug5");
	exec(conn,
	     "do $$ begin raise notice 'n'; raise info 'i'; "
	     "raise log 'l'; raise debug 'd'; end $$");
	exec(conn, "set client_min_messages = notice");
	assert_int_equal(pgconn_warning_count(conn), 0);
	exec(conn,
	     "do $$ begin raise warning 'first'; "
	     "raise warning 'second'; end $$");
	assert_int_equal(pgconn_warning_count(conn), 2);
	assert_string_equal(pgconn_warning_text(conn), "01000: second");
	pgconn_warning_reset(conn);
	assert_int_equal(pgconn_warning_count(conn), 0);
	assert_string_equal(pgconn_warning_text(conn), "");
	pgconn_close(&conn);
}

static void
test_warning_during_commit_is_seen(void **state)
{
	struct pgconn *conn = open_with(NULL, NULL, 5000);

	exec(conn,
	     "create temporary table t (a int);"
	     "create function pg_temp.warn() returns trigger "
	     "language plpgsql as $$ begin "
	     "raise warning 'the standby may lack it'; return null; end $$;"
	     "create constraint trigger t after insert on t "
	     "deferrable initially deferred for each row "
	     "execute function pg_temp.warn()");
	exec(conn, "begin; insert into t values (1)");
	assert_int_equal(pgconn_warning_count(conn), 0);
	exec(conn, "commit");
	assert_int_equal(pgconn_warning_count(conn), 1);
	assert_string_equal(pgconn_warning_text(conn),
	                    "01000: the standby may lack it");
	pgconn_close(&conn);
}

static void
test_notification(void **state)
{
	struct pgconn *listener = open_with(NULL, NULL, 5000);
	struct pgconn *other = open_with(NULL, NULL, 5000);
	char payload[8];
	struct err err;
	bool came = true;

	exec(listener, "listen waybill_test");
	assert_int_equal(pgconn_wait_notification(listener, 50, &came, payload,
	                                          sizeof(payload), &err),
	                 ERR_OK);
	assert_false(came);
	exec(other, "notify waybill_test, 'a payload that is cut'");
	assert_int_equal(pgconn_wait_notification(listener, 5000, &came,
	                                          payload, sizeof(payload),
	                                          &err),
	                 ERR_OK);
	assert_true(came);
	assert_string_equal(payload, "a paylo");
	pgconn_close(&listener);
	pgconn_close(&other);
}

static void *
cancel_later(void *context)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	pgconn_cancel(context);
	return NULL;
}

static void
test_cancel_from_another_thread(void **state)
{
	struct pgconn *conn = open_with(NULL, NULL, 20000);
	pthread_t thread;
	struct err err;

	pthread_create(&thread, NULL, cancel_later, conn);
	assert_int_equal(pgconn_exec(conn, "select pg_sleep(15)", &err),
	                 ERR_TIMEOUT);
	pthread_join(thread, NULL);
	assert_string_equal(pgconn_sqlstate(conn), "57014");
	assert_false(pgconn_is_lost(conn));
	assert_int_equal(query_int(conn, "select 1"), 1);
	pgconn_close(&conn);
}

static void
test_no_answer_in_time_loses_the_connection(void **state)
{
	struct pgconn *conn = open_with(NULL, NULL, 300);
	struct err err;

	assert_int_equal(pgconn_exec(conn, "select pg_sleep(2)", &err),
	                 ERR_TIMEOUT);
	assert_true(pgconn_is_lost(conn));
	assert_int_equal(pgconn_exec(conn, "select 1", &err),
	                 ERR_POSTGRES_LOST);
	pgconn_close(&conn);
}

static void
test_terminated_while_idle(void **state)
{
	struct pgconn *conn = open_with(NULL, NULL, 5000);
	struct pgconn *other = open_with(NULL, NULL, 5000);
	char sql[128], payload[8];
	struct err err;
	bool came;

	snprintf(sql, sizeof(sql), "select pg_terminate_backend(%d)",
	         (int)query_int(conn, "select pg_backend_pid()"));
	exec(other, sql);
	assert_int_equal(pgconn_wait_notification(conn, 5000, &came, payload,
	                                          sizeof(payload), &err),
	                 ERR_POSTGRES_LOST);
	assert_true(pgconn_is_lost(conn));
	assert_string_equal(pgconn_sqlstate(conn), "57P01");
	assert_int_equal(pgconn_exec(conn, "select 1", &err),
	                 ERR_POSTGRES_LOST);
	pgconn_close(&conn);
	pgconn_close(&other);
}

static void
test_server_is_killed_and_comes_back(void **state)
{
	struct pgconn *conn = open_with(NULL, NULL, 5000);
	struct err err;

	postgres_stop(server, POSTGRES_STOP_KILL);
	assert_int_equal(pgconn_exec(conn, "select 1", &err),
	                 ERR_POSTGRES_LOST);
	pgconn_close(&conn);
	assert_int_equal(postgres_start(server), 0);
	conn = open_with(NULL, NULL, 5000);
	assert_int_equal(query_int(conn, "select 1"), 1);
	pgconn_close(&conn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session_is_set_up),
		cmocka_unit_test(test_open_says_why_not),
		cmocka_unit_test(test_refused_role_names_its_grant),
		cmocka_unit_test(
			test_second_host_is_reached_when_the_first_is_silent),
		cmocka_unit_test(test_query_is_prepared_once),
		cmocka_unit_test(test_errors_have_their_code),
		cmocka_unit_test(test_error_names_the_statement),
		cmocka_unit_test(
			test_exec_takes_many_and_stops_at_the_first_error),
		cmocka_unit_test(test_only_warnings_are_counted),
		cmocka_unit_test(test_warning_during_commit_is_seen),
		cmocka_unit_test(test_notification),
		cmocka_unit_test(test_cancel_from_another_thread),
		cmocka_unit_test(test_no_answer_in_time_loses_the_connection),
		cmocka_unit_test(test_terminated_while_idle),
		cmocka_unit_test(test_server_is_killed_and_comes_back),
	};
	int code;

	unit_alarm(120);
	code = postgres_open(NULL, &server);
	if (code != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_close(&server);
	return code;
}
