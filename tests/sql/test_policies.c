/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the schema hold for every object there is, and are shown to
 * find what breaks them.
 */
#include "tests/sql/database.h"

static const char *const checks[] = { "comments", "journal", "privileges",
	                              "row_security" };

/* How many rows a file of sql/checks answers. */
static int
check_rows(struct pgconn *conn, const char *name, bool print)
{
	static char sql[65536];
	char path[1024];
	struct pgstatement statement = { .sql = sql };
	struct pgrows *rows = NULL;
	struct err err;
	FILE *file;
	int count;

	snprintf(path, sizeof(path), "%s/sql/checks/%s.sql",
	         getenv("WAYBILL_SOURCE"), name);
	file = fopen(path, "r");
	assert_non_null(file);
	sql[fread(sql, 1, sizeof(sql) - 1, file)] = '\0';
	fclose(file);
	if (pgconn_query(conn, &statement, NULL, &rows, &err) != ERR_OK)
		fail_msg("%s: %s", name, err.text);
	count = pgrows_count(rows);
	for (int i = 0; print && i < count; i++)
		print_message("%s: %s\n", pgrows_text(rows, i, 0),
		              pgrows_text(rows, i, 1));
	pgrows_free(&rows);
	return count;
}

static void
every_object_keeps_the_rules(void **state)
{
	struct pgconn *conn = database_open(NULL, database_create());

	/* Also those that come later: the days of the journal. */
	database_run(conn, "select waybill.journal_create_days(20)");
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		assert_int_equal(check_rows(conn, checks[i], true), 0);
	database_expect(conn,
	                "select (count(*) filter (where relispartition) >= 100 "
	                "and count(*) filter (where not relispartition) >= "
	                "25)::text from pg_catalog.pg_class where relnamespace "
	                "= 'waybill'::regnamespace and relkind in ('r', 'p')",
	                "true");
	pgconn_close(&conn);
}

static void
checks_find_what_is_planted(void **state)
{
	static const struct {
		const char *check;
		const char *plant;
	} faults[] = {
		{ "row_security", "create table waybill.naked (a int)" },
		{ "row_security",
		  "alter table waybill.block no force row level security" },
		{ "row_security",
		  "alter table waybill.feed disable row level security" },
		{ "row_security",
		  "create policy more on waybill.block for select using "
		  "(tenant = current_setting('app.tenant'))" },
		{ "row_security",
		  "create policy more on waybill.block for select using "
		  "(true)" },
		{ "row_security",
		  "create view waybill.open as select * from waybill.block" },
		{ "privileges",
		  "grant update on waybill.block to "
		  "waybill_record" },
		{ "privileges",
		  "grant delete on waybill.lane_commit to "
		  "waybill_daemon" },
		{ "privileges", "grant select on waybill.feed to public" },
		{ "privileges",
		  "create function waybill.f() returns int "
		  "language sql as 'select 1'" },
		{ "privileges",
		  "create function waybill.f() returns int language sql "
		  "security definer as 'select 1'; revoke execute on "
		  "function waybill.f() from public; alter function "
		  "waybill.f() owner to waybill_owner" },
		{ "privileges",
		  "grant create on schema waybill to "
		  "waybill_read" },
		{ "privileges",
		  "grant select on waybill.api_key to "
		  "waybill_record" },
		{ "privileges",
		  "grant select (hash) on waybill.api_key to "
		  "waybill_keys" },
		{ "privileges",
		  "grant select on waybill.daemon_secret to "
		  "waybill_read" },
		{ "privileges",
		  "grant select (secret) on waybill.daemon_secret to "
		  "waybill_record" },
		{ "comments", "comment on table waybill.feed is null" },
		{ "comments", "comment on column waybill.feed.feed is null" },
		{ "comments", "comment on function waybill.today() is null" },
		{ "journal",
		  "insert into waybill.lane_commit (day, lane, incarnation, "
		  "commit_no, first_seq, last_seq, chain, source, "
		  "source_next) values (waybill.today(), 0, 1, 1, 2, 3, "
		  "decode(repeat('00', 32), 'hex'), '{}', '{}')" },
		{ "journal",
		  "insert into waybill.lane (lane, next_seq) values "
		  "(0, 5)" },
	};
	struct pgconn *conn = database_open(NULL, database_create());

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		database_run(conn, "begin");
		database_run(conn, faults[i].plant);
		if (check_rows(conn, faults[i].check, false) == 0)
			fail_msg("not found: %s", faults[i].plant);
		database_run(conn, "rollback");
	}
	pgconn_close(&conn);
}

/* What a daemon may not do, though it records and forwards. */
static void
journal_is_append_only(void **state)
{
	static const char *const statements[] = {
		"update waybill.block set tenant = 'x'",
		"delete from waybill.block",
		"delete from waybill.lane_commit",
		"update waybill.delivery set offsets = '{}'",
		"delete from waybill.violation",
		"delete from waybill.verdict_reference",
		"truncate waybill.block",
		"update waybill.lane set next_seq = 1",
		"update waybill.contract set avsc = ''",
		"insert into waybill.tenant_grant values ('us', 'us')",
		"drop table waybill.block",
	};
	int database = database_create();
	struct pgconn *admin = database_open(NULL, database);
	struct pgconn *conn;

	database_run(admin,
	             "create role append_only login in role "
	             "waybill_daemon");
	conn = database_open("append_only", database);
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		database_refused(conn, statements[i], "42501");
	pgconn_close(&conn);
	pgconn_close(&admin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_object_keeps_the_rules),
		cmocka_unit_test(checks_find_what_is_planted),
		cmocka_unit_test(journal_is_append_only),
	};

	return database_main(tests, sizeof(tests) / sizeof(tests[0]));
}
