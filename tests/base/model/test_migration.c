/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Migrations against a real Postgres: twice is once, history does not change,
 * a role without superuser can do it, a failure leaves nothing behind, and
 * what a daemon's role lacks is said as GRANTs.
 */
#include "base/model/migration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io/pgconn.h"
#include "base/model/sqldir.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

static struct postgres *server;
static int database_no;

static struct pgconn *
open_as(const char *user, int database)
{
	struct pgconn_options options = { .timeout_ms = 60000,
		                          .application = "test" };
	char conninfo[512], name[32] = "postgres";
	struct pgconn *conn = NULL;
	struct err err;

	if (database > 0)
		snprintf(name, sizeof(name), "test%d", database);
	snprintf(conninfo, sizeof(conninfo), "host=%s user=%s dbname=%s",
	         postgres_folder(server), user, name);
	options.conninfo = conninfo;
	if (pgconn_open(&options, &conn, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return conn;
}

static void
run(struct pgconn *conn, const char *sql)
{
	struct err err;

	if (pgconn_exec(conn, sql, &err) != ERR_OK)
		fail_msg("%s", err.text);
}

static int64_t
number(struct pgconn *conn, const char *sql)
{
	struct pgstatement statement = { .sql = sql };
	struct pgrows *rows = NULL;
	struct err err;
	int64_t value;

	if (pgconn_query(conn, &statement, NULL, &rows, &err) != ERR_OK)
		fail_msg("%s", err.text);
	value = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return value;
}

/* A new database; returns its number. */
static int
make_database(void)
{
	struct pgconn *conn = open_as("postgres", 0);
	char sql[64];

	snprintf(sql, sizeof(sql), "create database test%d", ++database_no);
	run(conn, sql);
	pgconn_close(&conn);
	return database_no;
}

static const char *
sql_dir(void)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s/sql", getenv("WAYBILL_SOURCE"));
	return path;
}

/* A copy of the sql folder, to be spoiled; removed by remove_copy. */
static void
make_copy(char *out, size_t size)
{
	char command[3000];

	snprintf(out, size, "%s/sqlXXXXXX", "/tmp");
	assert_non_null(mkdtemp(out));
	snprintf(command, sizeof(command), "cp -r '%s/.' '%s/'", sql_dir(),
	         out);
	assert_int_equal(system(command), 0);
}

static void
add_file(const char *dir, const char *name, const char *mode, const char *text)
{
	char path[1200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, mode);
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
remove_copy(const char *dir)
{
	char command[1200];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static void
expect_ok(enum err_code code, const struct err *err)
{
	if (code != ERR_OK)
		fail_msg("%s", err->text);
}

static void
twice_is_once(void **state)
{
	struct pgconn *conn = open_as("postgres", make_database());
	struct err err;
	int64_t before;

	assert_int_equal(migration_check(conn, &err), ERR_MIGRATION);
	assert_non_null(strstr(err.text, "waybill migrate"));
	expect_ok(migration_run(conn, sql_dir(), &err), &err);
	expect_ok(migration_check(conn, &err), &err);
	before = number(conn,
	                "select sum(xmin::text::int8)::int8 from "
	                "(select xmin from pg_catalog.pg_class union all "
	                "select xmin from pg_catalog.pg_proc union all "
	                "select xmin from pg_catalog.pg_policy) x");
	expect_ok(migration_run(conn, sql_dir(), &err), &err);
	assert_int_equal(
		number(conn,
	               "select sum(xmin::text::int8)::int8 from "
	               "(select xmin from pg_catalog.pg_class union all "
	               "select xmin from pg_catalog.pg_proc union all "
	               "select xmin from pg_catalog.pg_policy) x"),
		before);
	pgconn_close(&conn);
}

static void
runs_without_superuser(void **state)
{
	struct pgconn *admin = open_as("postgres", 0);
	struct pgconn *conn;
	struct err err;
	int database = make_database();
	char sql[128];

	run(admin, "create role deployer login createrole");
	snprintf(sql, sizeof(sql),
	         "grant create on database test%d to "
	         "deployer",
	         database);
	run(admin, sql);
	conn = open_as("deployer", database);
	expect_ok(migration_run(conn, sql_dir(), &err), &err);
	expect_ok(migration_check(conn, &err), &err);
	pgconn_close(&conn);
	pgconn_close(&admin);
}

static void
functions_are_applied_when_they_change(void **state)
{
	struct pgconn *conn = open_as("postgres", make_database());
	char copy[64];
	struct err err;

	make_copy(copy, sizeof(copy));
	expect_ok(migration_run(conn, copy, &err), &err);
	run(conn,
	    "create or replace function waybill.today() returns date "
	    "language sql stable return date '2000-01-01'");
	expect_ok(migration_run(conn, copy, &err), &err);
	/* Nothing changed on disk: what a test has replaced stays. */
	assert_int_equal(number(conn,
	                        "select count(*) where "
	                        "waybill.today() = '2000-01-01'"),
	                 1);
	add_file(copy, "functions/today.sql", "a", "\n-- changed\n");
	expect_ok(migration_run(conn, copy, &err), &err);
	assert_int_equal(number(conn,
	                        "select count(*) where "
	                        "waybill.today() = '2000-01-01'"),
	                 0);
	remove_copy(copy);
	pgconn_close(&conn);
}

static void
changed_history_is_refused(void **state)
{
	struct pgconn *conn = open_as("postgres", make_database());
	char copy[64];
	struct err err;

	make_copy(copy, sizeof(copy));
	expect_ok(migration_run(conn, copy, &err), &err);
	add_file(copy, "0002_catalogue.sql", "a", "-- touched\n");
	assert_int_equal(migration_run(conn, copy, &err), ERR_MIGRATION);
	assert_non_null(strstr(err.text, "0002_catalogue"));
	remove_copy(copy);
	pgconn_close(&conn);
}

static void
newer_database_is_refused(void **state)
{
	struct pgconn *conn = open_as("postgres", make_database());
	char copy[64];
	struct err err;

	make_copy(copy, sizeof(copy));
	add_file(copy, "0099_new.sql", "w", "select 1;\n");
	assert_int_equal(migration_run(conn, copy, &err), ERR_CONFIG);
	expect_ok(migration_run(conn, sql_dir(), &err), &err);
	run(conn,
	    "insert into waybill.migration (name, digest) values "
	    "('0098_later', '')");
	assert_int_equal(migration_run(conn, sql_dir(), &err), ERR_MIGRATION);
	assert_int_equal(migration_check(conn, &err), ERR_MIGRATION);
	assert_non_null(strstr(err.text, "newer program"));
	remove_copy(copy);
	pgconn_close(&conn);
}

/* A file that fails in its middle leaves nothing of itself, and the next run
   goes on where it was. */
static void
failure_leaves_nothing(void **state)
{
	struct pgconn *conn = open_as("postgres", make_database());
	char copy[64], name[80];
	struct err err;

	make_copy(copy, sizeof(copy));
	snprintf(name, sizeof(name), "%04d_broken.sql",
	         atoi(MIGRATION_LAST) + 1);
	add_file(copy, name, "w",
	         "set local role waybill_owner;\n"
	         "create table waybill.half (a int);\nselect 1 / 0;\n");
	assert_int_equal(migration_run(conn, copy, &err), ERR_POSTGRES_QUERY);
	assert_non_null(strstr(err.text, "_broken"));
	assert_false(pgconn_in_transaction(conn));
	assert_int_equal(number(conn,
	                        "select count(*) from "
	                        "pg_catalog.pg_tables where "
	                        "tablename = 'half'"),
	                 0);
	add_file(copy, name, "w",
	         "set local role waybill_owner;\n"
	         "create table waybill.half (a int);\n");
	expect_ok(migration_run(conn, copy, &err), &err);
	/* Policies came with it, since they are applied again. */
	assert_int_equal(number(conn,
	                        "select count(*) from "
	                        "pg_catalog.pg_class where "
	                        "relname = 'half' and "
	                        "relforcerowsecurity"),
	                 1);
	remove_copy(copy);
	pgconn_close(&conn);
}

static void
missing_privilege_is_a_grant(void **state)
{
	int database = make_database();
	struct pgconn *admin = open_as("postgres", database);
	struct pgconn *conn;
	struct err err;

	expect_ok(migration_run(admin, sql_dir(), &err), &err);
	run(admin, "create role \"Daemon one\" login");
	conn = open_as("'Daemon one'", database);
	assert_int_equal(migration_check_privileges(conn, &err), ERR_PRIVILEGE);
	assert_non_null(
		strstr(err.text, "grant waybill_daemon to \"Daemon one\""));
	run(admin, "grant waybill_daemon to \"Daemon one\"");
	expect_ok(migration_check_privileges(conn, &err), &err);
	expect_ok(migration_check(conn, &err), &err);
	run(admin, "revoke insert on waybill.block from waybill_record");
	assert_int_equal(migration_check_privileges(conn, &err), ERR_PRIVILEGE);
	assert_string_equal(strstr(err.text, "grant insert"),
	                    "grant insert on table waybill.block to "
	                    "waybill_record");
	pgconn_close(&conn);
	pgconn_close(&admin);
}

static void
last_is_the_last_file(void **state)
{
	struct sqldir *dir = NULL;
	struct err err;

	expect_ok(sqldir_load(sql_dir(), &dir, &err), &err);
	assert_string_equal(dir->migrations[dir->migration_count - 1].name,
	                    MIGRATION_LAST);
	sqldir_free(&dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twice_is_once),
		cmocka_unit_test(runs_without_superuser),
		cmocka_unit_test(functions_are_applied_when_they_change),
		cmocka_unit_test(changed_history_is_refused),
		cmocka_unit_test(newer_database_is_refused),
		cmocka_unit_test(failure_leaves_nothing),
		cmocka_unit_test(missing_privilege_is_a_grant),
		cmocka_unit_test(last_is_the_last_file),
	};
	int code, failed;

	unit_alarm(300);
	if ((code = postgres_open(NULL, &server)) != 0)
		return code;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_close(&server);
	return failed;
}
