/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/roadbase.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/model/migration.h"
#include "base/runtime/err.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

static struct postgres *server;
static struct pgconn *admin; /* of this test's database */
static char conninfo[512];
static int database_no;

static const char catalogue[] =
	"insert into waybill.deployment (name, lanes, durability)"
	" values ('test', 2, 'development');"
	"insert into waybill.lane (lane) values (0), (1) on conflict do nothing;"
	"insert into waybill.cluster values"
	" ('main', '127.0.0.1:1', true, true, '{}', '{}', 1);"
	"insert into waybill.tenant values ('us', 'US'), ('ca', 'CA');"
	"insert into waybill.contract (tenant, name, version, avsc, digest)"
	" select t, t || '/text', 1, '\"string\"', '\\x00'"
	" from unnest(array['us', 'ca']) t;"
	"insert into waybill.feed (tenant, feed, contract, input_cluster,"
	" input_topic, output_topic, dead_letter_topic, partitions,"
	" dead_letter_partitions, version)"
	" select c.tenant, f.feed, c.contract, 'main',"
	" c.tenant || '.' || f.feed || '.in', c.tenant || '.' || f.feed,"
	" c.tenant || '.' || f.feed || '.dead', 4, 2, 1"
	" from (values ('us', 'sales'), ('us', 'stock'), ('ca', 'sales'))"
	" f(tenant, feed) join waybill.contract c using (tenant);"
	"insert into waybill.feed_output"
	" select tenant, feed, 'main' from waybill.feed;"
	"insert into waybill.catalogue_change (what) values ('[]');"
	"select waybill.journal_create_days(2);";

static void
die(const char *what, const struct err *err)
{
	fprintf(stderr, "roadbase: %s: %s\n", what, err->text);
	abort();
}

static struct pgconn *
connect_to(const char *database, const char *role)
{
	char own[512];
	struct pgconn_options options = { .timeout_ms = 60000,
		                          .application = "test",
		                          .role = role,
		                          .conninfo = own };
	struct pgconn *conn = NULL;
	struct err err = { .code = ERR_OK };

	snprintf(own, sizeof(own), "host=%s user=postgres dbname=%s",
	         postgres_folder(server), database);
	if (pgconn_open(&options, &conn, &err) != ERR_OK)
		die("connect", &err);
	return conn;
}

static void
exec(struct pgconn *conn, const char *sql)
{
	struct err err = { .code = ERR_OK };

	if (pgconn_exec(conn, sql, &err) != ERR_OK)
		die(sql, &err);
}

static void
drop_line(const char *line, void *context)
{
}

__attribute__((format(printf, 1, 0))) static struct pgrows *
query(const char *format, va_list arguments)
{
	char sql[4096];
	struct pgstatement statement = { .sql = sql };
	struct pgrows *rows = NULL;
	struct err err = { .code = ERR_OK };

	vsnprintf(sql, sizeof(sql), format, arguments);
	if (pgconn_query(admin, &statement, NULL, &rows, &err) != ERR_OK)
		die(sql, &err);
	return rows;
}

/* -- public --------------------------------------------------------------- */

int
roadbase_open(void)
{
	char sql_dir[1024];
	struct err err = { .code = ERR_OK };
	struct pgconn *conn;
	int code = postgres_open(NULL, &server);

	if (code != 0)
		return code;
	if (getenv("WAYBILL_TEST_LOG") == NULL)
		log_set_sink(drop_line, NULL);
	conn = connect_to("postgres", NULL);
	exec(conn, "create database road");
	pgconn_close(&conn);
	conn = connect_to("road", NULL);
	snprintf(sql_dir, sizeof(sql_dir), "%s/sql", getenv("WAYBILL_SOURCE"));
	if (migration_run(conn, sql_dir, &err) != ERR_OK)
		die("migration", &err);
	exec(conn, catalogue);
	pgconn_close(&conn);
	return 0;
}

void
roadbase_close(void)
{
	postgres_close(&server);
}

int
roadbase_main(unsigned int seconds, const struct CMUnitTest *tests,
              size_t count)
{
	int code;

	unit_alarm(seconds);
	if ((code = roadbase_open()) != 0)
		return code;
	code = _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
	roadbase_close();
	return code;
}

int
roadbase_begin(void **state)
{
	struct pgconn *conn = connect_to("postgres", NULL);
	char sql[64];

	snprintf(sql, sizeof(sql), "create database road%d template road",
	         ++database_no);
	exec(conn, sql);
	pgconn_close(&conn);
	snprintf(sql, sizeof(sql), "road%d", database_no);
	snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=%s",
	         postgres_folder(server), sql);
	admin = connect_to(sql, NULL);
	return 0;
}

int
roadbase_end(void **state)
{
	pgconn_close(&admin);
	return 0;
}

const char *
roadbase_conninfo(void)
{
	return conninfo;
}

struct pgconn *
roadbase_connect(const char *role)
{
	char name[32];

	snprintf(name, sizeof(name), "road%d", database_no);
	return connect_to(name, role);
}

void
roadbase_run(const char *format, ...)
{
	va_list arguments;
	struct pgrows *rows;

	va_start(arguments, format);
	rows = query(format, arguments);
	va_end(arguments);
	pgrows_free(&rows);
}

int64_t
roadbase_number(const char *format, ...)
{
	va_list arguments;
	struct pgrows *rows;
	int64_t number;

	va_start(arguments, format);
	rows = query(format, arguments);
	va_end(arguments);
	number = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return number;
}

struct pgrows *
roadbase_rows(const char *format, ...)
{
	va_list arguments;
	struct pgrows *rows;

	va_start(arguments, format);
	rows = query(format, arguments);
	va_end(arguments);
	return rows;
}

const char *
roadbase_text(const char *format, ...)
{
	static char text[4096];
	va_list arguments;
	struct pgrows *rows;
	const char *found;

	va_start(arguments, format);
	rows = query(format, arguments);
	va_end(arguments);
	found = pgrows_count(rows) == 0 ? NULL : pgrows_text(rows, 0, 0);
	snprintf(text, sizeof(text), "%s", found == NULL ? "" : found);
	pgrows_free(&rows);
	return text;
}

void
roadbase_changed(void)
{
	roadbase_run("insert into waybill.catalogue_change (what)"
	             " values ('[]')");
}

const struct deployment *
roadbase_load(void)
{
	struct deployment *deployment = NULL;
	struct err err = { .code = ERR_OK };

	if (deployment_load(admin, NULL, NULL, &deployment, &err) != ERR_OK)
		die("catalogue", &err);
	return deployment;
}

int
roadbase_kill(const char *application)
{
	return (int)roadbase_number(
		"select count(pg_terminate_backend(pid)) from pg_stat_activity"
		" where application_name = '%s' and datname = current_database()",
		application);
}

void
roadbase_crash(void)
{
	pgconn_close(&admin);
	postgres_stop(server, POSTGRES_STOP_IMMEDIATE);
}

void
roadbase_restart(void)
{
	char name[32];

	if (postgres_start(server) != 0)
		abort();
	snprintf(name, sizeof(name), "road%d", database_no);
	admin = connect_to(name, NULL);
}
