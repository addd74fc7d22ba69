/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "tests/gateway/applybase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/migration.h"
#include "base/runtime/log.h"
#include "base/runtime/text.h"
#include "tests/gateway/files.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

static struct postgres *server;
static struct pgconn *conn;
static int database_no;

static void
drop_line(const char *line, void *context)
{
}

static struct pgconn *
open_database(const char *name)
{
	struct pgconn_options options = { .timeout_ms = 60000 };
	char conninfo[512];
	struct pgconn *opened = NULL;
	struct err err;

	snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=%s",
	         postgres_folder(server), name);
	options.conninfo = conninfo;
	if (pgconn_open(&options, &opened, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return opened;
}

void
applybase_run(const char *sql)
{
	struct err err;

	if (pgconn_exec(conn, sql, &err) != ERR_OK)
		fail_msg("%s", err.text);
}

int64_t
applybase_number(const char *sql)
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

int
applybase_begin(void **state)
{
	struct pgconn *admin = open_database("postgres");
	char sql_dir[1024], sql[64];
	struct err err;

	snprintf(sql, sizeof(sql), "create database test%d", ++database_no);
	if (pgconn_exec(admin, sql, &err) != ERR_OK)
		fail_msg("%s", err.text);
	pgconn_close(&admin);
	snprintf(sql, sizeof(sql), "test%d", database_no);
	conn = open_database(sql);
	snprintf(sql_dir, sizeof(sql_dir), "%s/sql", getenv("WAYBILL_SOURCE"));
	if (migration_run(conn, sql_dir, &err) != ERR_OK)
		fail_msg("%s", err.text);
	files_begin();
	/* No Kafka cluster: whoever asks for topics waits 10 s for none. */
	files_put("deployment.yaml", FILES_DEPLOYMENT);
	files_put("us/sales.avsc", FILES_AVSC);
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	return 0;
}

int
applybase_end(void **state)
{
	files_end();
	pgconn_close(&conn);
	return 0;
}

enum err_code
applybase_try(struct apply_options options, struct apply_result *result,
              struct err *err)
{
	options.path = files_folder;
	options.skip_topics = true;
	return apply_run(conn, &options, result, err);
}

/* Applies; the difference for people must be this. */
void
applybase_applied(struct apply_options options, const char *lines)
{
	struct apply_result result;
	struct err err;

	apply_result_init(&result);
	if (applybase_try(options, &result, &err) != ERR_OK)
		fail_msg("%s", err.text);
	assert_string_equal(text_string(&result.lines), lines);
	assert_int_equal(
		result.is_applied,
		!options.dry_run &&
			result.added + result.changed + result.removed > 0);
	apply_result_fini(&result);
}

static void
refused_as(bool prune, enum err_code code, const char *what)
{
	int64_t before = applybase_number("select waybill.catalogue_version()");
	struct apply_result result;
	struct err err;

	apply_result_init(&result);
	assert_int_equal(applybase_try((struct apply_options){ .prune = prune },
	                               &result, &err),
	                 code);
	if (strstr(err.text, what) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", what, err.text);
	assert_int_equal(applybase_number("select waybill.catalogue_version()"),
	                 before);
	apply_result_fini(&result);
}

void
applybase_refused(enum err_code code, const char *what)
{
	refused_as(true, code, what);
}

void
applybase_refused_keeping(enum err_code code, const char *what)
{
	refused_as(false, code, what);
}

void
applybase_quietly(bool prune, char *warnings, size_t size)
{
	struct apply_result result;
	struct err err;

	apply_result_init(&result);
	if (applybase_try((struct apply_options){ .prune = prune }, &result,
	                  &err) != ERR_OK)
		fail_msg("%s", err.text);
	snprintf(warnings, size, "%s", text_string(&result.warnings));
	apply_result_fini(&result);
}

struct pgconn *
applybase_conn(void)
{
	return conn;
}

struct pgconn *
applybase_connect(void)
{
	char name[32];

	snprintf(name, sizeof(name), "test%d", database_no);
	return open_database(name);
}

int
applybase_main(const struct CMUnitTest *tests, size_t count)
{
	int code, failed;

	unit_alarm(300);
	log_set_sink(drop_line, NULL);
	if ((code = postgres_open(NULL, &server)) != 0)
		return code;
	failed = _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
	postgres_close(&server);
	return failed;
}
