/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A private Postgres whose databases have the schema, and short ways to ask
 * it. Every failure of a statement that is not expected ends the test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/migration.h"
#include "base/runtime/check.h"
#include "base/runtime/log.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

static struct postgres *database_server;
static int database_count;

static inline void
database_drop_line(const char *line, void *context)
{
}

/* user NULL: the superuser; database 0: "postgres". */
static inline struct pgconn *
database_open(const char *user, int database)
{
	struct pgconn_options options = { .timeout_ms = 60000 };
	char conninfo[512], name[32] = "postgres";
	struct pgconn *conn = NULL;
	struct err err;

	if (database > 0)
		snprintf(name, sizeof(name), "test%d", database);
	snprintf(conninfo, sizeof(conninfo), "host=%s user=%s dbname=%s",
	         postgres_folder(database_server), user ? user : "postgres",
	         name);
	options.conninfo = conninfo;
	if (pgconn_open(&options, &conn, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return conn;
}

static inline void
database_run(struct pgconn *conn, const char *sql)
{
	struct err err;

	if (pgconn_exec(conn, sql, &err) != ERR_OK)
		fail_msg("%s", err.text);
}

/* The statement must be refused with this SQLSTATE. */
static inline void
database_refused(struct pgconn *conn, const char *sql, const char *sqlstate)
{
	struct err err;

	if (pgconn_exec(conn, sql, &err) == ERR_OK)
		fail_msg("\"%s\" was not refused", sql);
	if (strcmp(pgconn_sqlstate(conn), sqlstate) != 0)
		fail_msg("%s", err.text);
}

/* The first column of the first row as text; to be freed. */
static inline char *
database_text(struct pgconn *conn, const char *sql)
{
	struct pgstatement statement = { .sql = sql };
	struct pgrows *rows = NULL;
	struct err err;
	char *text;

	if (pgconn_query(conn, &statement, NULL, &rows, &err) != ERR_OK)
		fail_msg("%s", err.text);
	text = pgrows_count(rows) > 0 && pgrows_text(rows, 0, 0)
		? strdup(pgrows_text(rows, 0, 0))
		: strdup("");
	pgrows_free(&rows);
	return text;
}

static inline void
database_expect(struct pgconn *conn, const char *sql, const char *expected)
{
	char *text = database_text(conn, sql);

	if (strcmp(text, expected) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", sql, text,
		         expected);
	free(text);
}

/* A new database with the schema; returns its number. */
static inline int
database_create(void)
{
	struct pgconn *conn = database_open(NULL, 0);
	char text[1024];
	struct err err;

	snprintf(text, sizeof(text), "create database test%d",
	         ++database_count);
	database_run(conn, text);
	pgconn_close(&conn);
	conn = database_open(NULL, database_count);
	snprintf(text, sizeof(text), "%s/sql", getenv("WAYBILL_SOURCE"));
	if (migration_run(conn, text, &err) != ERR_OK)
		fail_msg("%s", err.text);
	pgconn_close(&conn);
	return database_count;
}

static inline int
database_main(const struct CMUnitTest *tests, size_t count)
{
	int code, failed;

	unit_alarm(300);
	log_set_sink(database_drop_line, NULL);
	if ((code = postgres_open(NULL, &database_server)) != 0)
		return code;
	failed = _cmocka_run_group_tests("sql", tests, count, NULL, NULL);
	postgres_close(&database_server);
	return failed;
}

/* Two tenants with a feed each. */
#define DATABASE_CATALOGUE                                                     \
	"insert into waybill.deployment (name, lanes, durability) values "     \
	"('test', 2, 'development');"                                          \
	"insert into waybill.lane (lane) values (0), (1);"                     \
	"insert into waybill.cluster values ('main', 'h:1', true, true, "      \
	"'{}', '{}', 0);"

#define DATABASE_TENANT(t, id)                                                 \
	"insert into waybill.tenant (tenant) values ('" t "');"                \
	"select waybill.tenant_role_create('" t "');"                          \
	"insert into waybill.contract (contract, tenant, name, version, "      \
	"avsc, digest) overriding system value values (" #id ", '" t "', '" t  \
	"/sales', 1, '{}', '');"                                               \
	"insert into waybill.feed (tenant, feed, contract, input_cluster, "    \
	"input_topic, output_topic, dead_letter_topic, partitions, "           \
	"dead_letter_partitions, version) values ('" t "', 'sales', " #id      \
	", 'main', '" t ".in', '" t ".out', '" t ".dead', 2, 1, 1);"           \
	"insert into waybill.feed_output values ('" t "', 'sales', 'main');"   \
	"insert into waybill.source (source, kind, cluster, cluster_id, "      \
	"topic, partition, tenant, feed) overriding system value values (" #id \
	", 'kafka', 'main', 'k', '" t ".in', 0, '" t "', 'sales');"            \
	"select setval(pg_get_serial_sequence('waybill.source', 'source'), 100);"
