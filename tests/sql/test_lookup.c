/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking up messages: every way finds the same message and nothing else, and
 * a tenant sees exactly what it would see if it were alone.
 */
#include "tests/sql/database.h"

/*
 * A block of three messages: keys 'a', null and 'a'; the second a tombstone
 * that was rejected. from: its first seq and its source offset.
 */
#define BLOCK(t, id, lane, from, day)                                          \
	"insert into waybill.block (day, lane, incarnation, first_seq, "       \
	"count, tenant, feed, format, origin, recorded_at, event_time_min, "   \
	"event_time_max, salt, event_times, keys, key_hashes, bodies, "        \
	"headers, sources, source_offsets, verdicts, contracts, partitions, "  \
	"hashes) values (" day ", " #lane ", 1, " #from ", 3, '" t             \
	"', 'sales', 1, 0, " day "::timestamptz + interval '1 hour', 5, 7, "   \
	"'\\x00', '{5,6,7}', array['a', null, 'a']::bytea[], "                 \
	"array[waybill.key_hash('a'), null, waybill.key_hash('a')], "          \
	"array['" t "-one', null, '" t "-three']::bytea[], null, '{" #id       \
	"}', array[" #from ", " #from " + 1, " #from                           \
	" + 2], '{0,1,0}', '{" #id "}', '{0}', "                               \
	"decode(repeat('01', 32) || repeat('02', 32) || repeat('03', 32), "    \
	"'hex'));"                                                             \
	"insert into waybill.lane_day values (" #lane ", 1, " day ", " #from   \
	") on conflict do nothing;"                                            \
	"with r as (insert into waybill.source_range values (" day ", '" t     \
	"', " #id ", " #from ", " #from " + 2, " #lane ", 1, " #from           \
	") returning *) insert into waybill.source_day select tenant, "        \
	"source, day, offset_first from r on conflict do nothing;"             \
	"insert into waybill.delivery values (" day ", '" t                    \
	"', 'main', 0, " #lane ", 1, " #from ", 3, null, array[" #from         \
	"+ 100, null, " #from " + 101]), (" day ", '" t "', 'main', 1, " #lane \
	", 1, " #from ", 3, '{0}', array[null, " #from " + 200, null]);"       \
	"with r as (insert into waybill.delivery_range values (" day ", '" t   \
	"', 'main', '" t ".out', 0, " #from " + 100, " #from " + 101, " #lane  \
	", 1, " #from "), (" day ", '" t "', 'main', '" t ".dead', 0, " #from  \
	" + 200, " #from " + 200, " #lane ", 1, " #from                        \
	") returning *) insert into waybill.delivery_day select tenant, "      \
	"cluster, topic, partition, day, offset_first from r on conflict do "  \
	"nothing;"                                                             \
	"insert into waybill.violation values (" day ", '" t "', " #lane       \
	", 1, " #from " + 1, 0, 'tombstone', '', 'a body', '', -1);"           \
	"insert into waybill.verdict_reference values (" day ", '" t           \
	"', " #lane ", 1, " #from " + 2, 0, 1, 1, 'late');"                    \
	"insert into waybill.parked values ('main', " #lane ", '" t            \
	"', 'sales', " #from ", 'test') on conflict do nothing;"

#define TODAY     "date '2026-03-02'"
#define YESTERDAY "date '2026-03-01'"

/* Partitions of those days. */
#define DAYS                                                                   \
	"create or replace function waybill.today() returns date language "    \
	"sql stable return date '2026-03-01';"                                 \
	"select waybill.journal_create_days(2);"

#define PRINCIPAL(t, id)                                                       \
	"insert into waybill.principal (principal, tenant, name, scopes, "     \
	"created_at) overriding system value values (" #id ", '" t "', '" t    \
	"-one', '{read}', '2026-01-01')"

/* A file whose records are those of the block with that first seq. */
#define RECORDS(t, id, from)                                                   \
	"insert into waybill.source (source, kind, topic, tenant, feed) "      \
	"overriding system value values (" #id ", 'file', '" t "-file', '" t   \
	"', 'sales');"                                                         \
	"insert into waybill.source_range values (" YESTERDAY ", '" t          \
	"', " #id ", " #from ", " #from " + 2, 0, 1, " #from ");"              \
	"insert into waybill.source_day values ('" t "', " #id ", " YESTERDAY  \
	", " #from ");"

static struct pgconn *
begin(bool with_other, int *out_database)
{
	int database = database_create();
	struct pgconn *conn = database_open(NULL, database);

	database_run(conn, DAYS DATABASE_CATALOGUE DATABASE_TENANT("us", 1));
	database_run(conn, BLOCK("us", 1, 0, 1, YESTERDAY));
	database_run(conn, PRINCIPAL("us", 1));
	database_run(conn, RECORDS("us", 11, 1));
	if (with_other) {
		database_run(conn, DATABASE_TENANT("ca", 2));
		database_run(conn, PRINCIPAL("ca", 2));
		database_run(conn, BLOCK("ca", 2, 0, 4, YESTERDAY));
		database_run(conn, RECORDS("ca", 12, 4));
		database_run(conn, BLOCK("ca", 2, 1, 1, TODAY));
	}
	database_run(conn, BLOCK("us", 1, 0, 7, TODAY));
	*out_database = database;
	return conn;
}

#define FOUND(function)                                                        \
	"select coalesce(string_agg(id, ' '), 'none') from "                   \
	"waybill.message_by_" function

static void
each_way_finds_the_message(void **state)
{
	static const struct {
		const char *function;
		const char *found;
	} ways[] = {
		{ "id(0, 1, 7)", "0-1-7" },
		{ "id('0-1-9')", "0-1-9" },
		{ "id('0-1-10')", "none" },
		{ "id('0-2-9')", "none" },
		{ "id('9-1-1')", "none" },
		{ "id('nonsense')", "none" },
		{ "id(0, 1, 0)", "none" },
		{ "key('us', 'sales', 'a', '-infinity')",
		  "0-1-9 0-1-7 0-1-3 0-1-1" },
		{ "key('us', 'sales', 'a', '-infinity', rows_max => 3)",
		  "0-1-9 0-1-7 0-1-3" },
		{ "key('us', 'sales', 'a', '2026-03-02')", "0-1-9 0-1-7" },
		{ "key('us', 'sales', 'a', '-infinity', '2026-03-02')",
		  "0-1-3 0-1-1" },
		{ "key('us', 'sales', 'a')", "none" },
		{ "key('us', 'sales', 'b', '-infinity')", "none" },
		{ "key('us', 'stock', 'a', '-infinity')", "none" },
		{ "key('ca', 'sales', 'a', '-infinity')",
		  "1-1-3 1-1-1 0-1-6 0-1-4" },
		{ "source('main', 'us.in', 0, 2)", "0-1-2" },
		{ "source('main', 'us.in', 0, 9)", "0-1-9" },
		{ "source('main', 'us.in', 0, 5)", "none" },
		{ "source('main', 'us.in', 1, 2)", "none" },
		{ "delivery('main', 'us.out', 0, 101)", "0-1-1" },
		{ "delivery('main', 'us.out', 0, 108)", "0-1-9" },
		{ "delivery('main', 'us.dead', 0, 207)", "0-1-8" },
		{ "delivery('main', 'us.out', 0, 104)", "none" },
		{ "delivery('main', 'us.out', 0, 207)", "none" },
		{ "delivery('none', 'us.out', 0, 101)", "none" },
	};
	char sql[256];
	int database;
	struct pgconn *conn = begin(true, &database);

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(sql, sizeof(sql), FOUND("%s"), ways[i].function);
		database_expect(conn, sql, ways[i].found);
	}
	database_expect(
		conn,
		"select string_agg(id, ' ') from waybill.message_between("
		"'us', 'sales', '2026-03-01', '2026-03-02')",
		"0-1-1 0-1-2 0-1-3");
	database_expect(
		conn,
		"select string_agg(cluster || ' ' || kind || ' ' || topic "
		"|| ' ' || partition || ' ' || \"offset\", ';') from "
		"waybill.delivery_of(0, 1, 8)",
		"main dead-letter us.dead 0 207");
	database_expect(conn,
	                "select rule || ' ' || ordinal from "
	                "waybill.violation_of(0, 1, 8)",
	                "tombstone 0");
	pgconn_close(&conn);
}

/* What was delivered before a topic was changed is found and shown where it
   is, also when the same offset is there twice. */
static void
topics_of_the_past_are_shown(void **state)
{
	static const char places[] =
		"select string_agg(concat_ws(' ', kind, topic, partition, "
		"\"offset\"), ';') from waybill.delivery_of(0, 1, ";
	char sql[256];
	int database;
	struct pgconn *conn = begin(false, &database);

	database_run(conn,
	             "update waybill.feed set output_topic = 'us.new', "
	             "dead_letter_topic = 'us.lost'");
	database_run(conn, BLOCK("us", 1, 0, 10, TODAY));
	/* This one went to the new topics, to offsets that the old ones have
	   too; of the message before nobody knows where it is. */
	database_run(conn,
	             "update waybill.delivery_range set topic = case topic "
	             "when 'us.out' then 'us.new' else 'us.lost' end, "
	             "offset_first = offset_first - 3, offset_last = "
	             "offset_last - 3 where first_seq = 10;"
	             "update waybill.delivery set offsets = case kind when 0 "
	             "then '{107, null, 108}'::int8[] else '{null, 207, null}' "
	             "end where first_seq = 10;"
	             "insert into waybill.delivery_day select tenant, "
	             "cluster, topic, partition, day, offset_first from "
	             "waybill.delivery_range where first_seq = 10;"
	             "update waybill.delivery set offsets = '{-1, null, -1}' "
	             "where first_seq = 1 and kind = 0");
	snprintf(sql, sizeof(sql), "%s8)", places);
	database_expect(conn, sql, "dead-letter us.dead 0 207");
	snprintf(sql, sizeof(sql), "%s7)", places);
	database_expect(conn, sql, "output us.out 0 107");
	snprintf(sql, sizeof(sql), "%s10)", places);
	database_expect(conn, sql, "output us.new 0 107");
	snprintf(sql, sizeof(sql), "%s11)", places);
	database_expect(conn, sql, "dead-letter us.lost 0 207");
	snprintf(sql, sizeof(sql), "%s1)", places);
	database_expect(conn, sql, "output us.new 0 -1");
	database_expect(conn, FOUND("delivery('main', 'us.out', 0, 107)"),
	                "0-1-7");
	database_expect(conn, FOUND("delivery('main', 'us.new', 0, 107)"),
	                "0-1-10");
	database_expect(conn, FOUND("delivery('main', 'us.dead', 0, 207)"),
	                "0-1-8");
	database_expect(conn, FOUND("delivery('main', 'us.lost', 0, 207)"),
	                "0-1-11");
	/* And back: a topic that it had before. */
	database_run(conn, "update waybill.feed set output_topic = 'us.out'");
	database_expect(conn, "select count(*)::text from waybill.feed_topic",
	                "4");
	pgconn_close(&conn);
}

/* Two lanes write to one dead-letter partition at the same time. */
static void
interleaved_dead_letters_are_found(void **state)
{
	int database;
	struct pgconn *conn = begin(false, &database);

	database_run(conn, BLOCK("us", 1, 1, 1, TODAY));
	database_run(conn,
	             "update waybill.delivery set offsets = case lane when 0 "
	             "then '{300, null, 320}'::int8[] else '{310, null, 330}' "
	             "end where kind = 1 and day = " TODAY ";"
	             "update waybill.delivery_range set offset_first = 300 + "
	             "10 * lane, offset_last = 320 + 10 * lane where topic = "
	             "'us.dead' and day = " TODAY ";"
	             "update waybill.delivery_day set offset_first = 300 where "
	             "topic = 'us.dead' and day = " TODAY);
	database_expect(conn, FOUND("delivery('main', 'us.dead', 0, 300)"),
	                "0-1-7");
	database_expect(conn, FOUND("delivery('main', 'us.dead', 0, 310)"),
	                "1-1-1");
	database_expect(conn, FOUND("delivery('main', 'us.dead', 0, 320)"),
	                "0-1-9");
	database_expect(conn, FOUND("delivery('main', 'us.dead', 0, 330)"),
	                "1-1-3");
	database_expect(conn, FOUND("delivery('main', 'us.dead', 0, 315)"),
	                "none");
	pgconn_close(&conn);
}

/* The view and the look-ups read the same columns in two ways. */
static void
view_and_look_ups_agree(void **state)
{
	int database;
	struct pgconn *conn = begin(true, &database);

	database_expect(conn, "select count(*)::text from waybill.message",
	                "12");
	database_expect(
		conn,
		"select count(*)::text from waybill.message v cross join "
		"lateral waybill.message_by_id(v.id) f where v::text = f::text",
		"12");
	database_expect(
		conn,
		"select concat_ws(' ', verdict, key is null, body is "
		"null, event_time, source_topic, source_offset, contract, "
		"partition, encode(hash, 'hex') = repeat('02', 32), "
		"origin) from waybill.message where id = '0-1-8'",
		"rejected t t 6 us.in 8 1 0 t kafka");
	/* More than a few positions of a block take the other road. */
	database_expect(conn,
	                "select count(*)::text from waybill.message_at("
	                "date '2026-03-02', 0, 1, 7, array_fill(2, array[17]))",
	                "1");
	pgconn_close(&conn);
}

/* Everything that a tenant may ask. A function that is not here is missing
   in the test below. */
static const char *const questions[] = {
	"select string_agg(t::text, '|' order by t::text) from waybill.%s t",
	"select string_agg(t::text, '|') from waybill.message_by_id('%s') t",
	"select string_agg(t::text, '|') from waybill.message_by_key('%s', "
	"'sales', 'a', '-infinity') t",
	"select string_agg(t::text, '|') from waybill.message_by_source("
	"'main', '%s.in', 0, 2) t",
	"select string_agg(t::text, '|') from waybill.message_by_delivery("
	"'main', '%s.out', 0, 101) t",
	"select string_agg(t::text, '|') from waybill.message_by_delivery("
	"'main', '%s.dead', 0, 205) t",
	"select string_agg(t::text, '|') from waybill.message_between('%s', "
	"'sales', '-infinity', 'infinity') t",
	"select string_agg(t::text, '|') from waybill.delivery_of(%s) t",
	"select string_agg(t::text, '|') from waybill.violation_of(%s) t",
	"select string_agg(t::text, '|') from waybill.reference_of(%s) t",
	"select string_agg(t::text, '|') from waybill.file_recorded("
	"'%1$s', 'sales', '%1$s-file', 0, 1000) t",
	"select 'the last is ' || waybill.file_last('%1$s', 'sales', "
	"'%1$s-file')",
	"select string_agg(t::text, '|') from waybill.day_of(%s) t",
	"select string_agg(t::text, '|') from waybill.message_at("
	"date '2026-03-01', %s, array[1, 2]) t",
	"select string_agg(t, '|') from waybill.tenant_of('%s') t",
	"select waybill.caller()::text || '%s'",
	"select waybill.today()::text || '%s'",
	"select waybill.tenant_role('%s')::text",
	"select waybill.verdict_name(0::int2) || waybill.origin_name(0::int2) "
	"|| '%s'",
	"select waybill.key_hash('%s')::text",
	"select (waybill.column_fill(array[1], 2))::text || "
	"waybill.column_hashes('\\x', 0)::text || waybill.key_positions("
	"array[1], array[''::bytea], 1, '%s')::text",
};

static const char *const arguments[] = {
	"principal",
	"tenant",
	"contract",
	"feed",
	"feed_output",
	"feed_topic",
	"parked",
	"source",
	"message",
	"block",
	"delivery",
	"source_range",
	"source_day",
	"delivery_range",
	"delivery_day",
	"violation",
	"0-1-1",
	"0-1-4",
	"0-1-5",
	"1-1-1",
	"us",
	"ca",
	"0, 1, 1",
	"0, 1, 2",
	"0, 1, 5",
	"1, 1, 2",
	"0, 1, 7",
	"waybill_read_us",
	"waybill_read_ca",
	"0, 1, 4",
	"verdict_reference",
};

/* The answer, or the SQLSTATE; no error may depend on another's rows. */
static char *
ask(struct pgconn *conn, const char *sql)
{
	struct pgstatement statement = { .sql = sql };
	struct pgrows *rows = NULL;
	struct err err;
	char *answer;

	if (pgconn_query(conn, &statement, NULL, &rows, &err) != ERR_OK)
		return strdup(pgconn_sqlstate(conn));
	answer = strdup(pgrows_is_null(rows, 0, 0) ? "(null)"
	                                           : pgrows_text(rows, 0, 0));
	pgrows_free(&rows);
	return answer;
}

static void
tenant_sees_what_it_would_see_alone(void **state)
{
	int alone_database, both_database, answered = 0;
	struct pgconn *alone_admin = begin(false, &alone_database);
	struct pgconn *both_admin = begin(true, &both_database);
	struct pgconn *alone, *both;
	char sql[512];

	/* since is a wall clock; contract.created_at, parked.since ... */
	database_run(alone_admin,
	             "create role us_user login in role "
	             "waybill_read_us");
	for (int i = 0; i < 2; i++)
		database_run(i ? both_admin : alone_admin,
		             "update waybill.tenant set created_at = "
		             "'2026-01-01'; update waybill.contract set "
		             "created_at = '2026-01-01'; update waybill.parked "
		             "set since = '2026-01-01'; update "
		             "waybill.feed_topic set since = "
		             "'2026-01-01'");
	alone = database_open("us_user", alone_database);
	both = database_open("us_user", both_database);
	for (size_t q = 0; q < sizeof(questions) / sizeof(questions[0]); q++)
		for (size_t a = 0; a < sizeof(arguments) / sizeof(arguments[0]);
		     a++) {
			char *left, *right;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(sql, sizeof(sql), questions[q], arguments[a]);
#pragma GCC diagnostic pop
			left = ask(alone, sql);
			right = ask(both, sql);
			if (strcmp(left, right) != 0)
				fail_msg("%s: alone \"%s\", with another "
				         "\"%s\"",
				         sql, left, right);
			if (strstr(right, "ca-one") || strstr(right, "ca.in"))
				fail_msg("%s: %s", sql, right);
			answered += strlen(right) > 6;
			free(left);
			free(right);
		}
	/* It did not agree by refusing everything. */
	assert_true(answered > 60);
	pgconn_close(&alone);
	pgconn_close(&both);
	pgconn_close(&alone_admin);
	pgconn_close(&both_admin);
}

/* Every table, view and function that a tenant may use is asked above. */
static void
nothing_is_left_out(void **state)
{
	struct pgconn *conn = database_open(NULL, database_create());
	struct pgstatement statement = {
		.sql = "select p.proname::text from pg_catalog.pg_proc p where "
		       "p.pronamespace = 'waybill'::regnamespace and "
		       "has_function_privilege('waybill_tenant', p.oid, "
		       "'execute') union select c.relname::text from "
		       "pg_catalog.pg_class c where c.relnamespace = "
		       "'waybill'::regnamespace and c.relkind in ('r', 'p', "
		       "'v') and has_table_privilege('waybill_tenant', c.oid, "
		       "'select')"
	};
	struct pgrows *rows = NULL;
	struct err err;

	assert_int_equal(pgconn_query(conn, &statement, NULL, &rows, &err),
	                 ERR_OK);
	assert_true(pgrows_count(rows) > 20);
	for (int row = 0; row < pgrows_count(rows); row++) {
		const char *name = pgrows_text(rows, row, 0);
		bool is_asked = false;

		for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]);
		     i++)
			is_asked = is_asked || strstr(questions[i], name);
		for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]);
		     i++)
			is_asked = is_asked || strcmp(arguments[i], name) == 0;
		if (!is_asked)
			fail_msg("%s is not asked by the test of two tenants",
			         name);
	}
	pgrows_free(&rows);
	pgconn_close(&conn);
}

/* By the role, not by what a session can set. */
static void
settings_open_nothing(void **state)
{
	int database;
	struct pgconn *admin = begin(true, &database);
	struct pgconn *conn;

	database_run(admin,
	             "create role ca_user login in role "
	             "waybill_read_ca");
	database_run(admin, "create role nobody_user login");
	database_run(admin, "create role reader login in role waybill_read");
	conn = database_open("ca_user", database);
	database_expect(conn,
	                "select string_agg(distinct tenant, ',') from "
	                "waybill.message",
	                "ca");
	database_refused(conn, "set role waybill_read_us", "42501");
	database_refused(conn, "set session authorization postgres", "42501");
	database_run(conn, "set search_path = public; set row_security = on");
	database_refused(conn,
	                 "set row_security = off; select count(*) from "
	                 "waybill.block",
	                 "42501");
	database_run(conn, "set row_security = on");
	database_expect(conn,
	                "select count(*)::text from "
	                "waybill.tenant_of('waybill_read_us')",
	                "0");
	database_refused(conn, "select count(*) from waybill.lane", "42501");
	database_refused(conn, "select count(*) from waybill.block_20260301",
	                 "42501");
	database_refused(conn, "select waybill.lane_advance(0, 0, 1, 1, 2, '')",
	                 "42501");
	pgconn_close(&conn);
	conn = database_open("reader", database);
	database_expect(conn,
	                "select string_agg(distinct tenant, ',') from "
	                "waybill.message",
	                "ca,us");
	database_expect(conn, "select count(*)::text from waybill.lane", "2");
	pgconn_close(&conn);
	conn = database_open("nobody_user", database);
	database_refused(conn, "select count(*) from waybill.block", "42501");
	pgconn_close(&conn);
	pgconn_close(&admin);
}

/* The hash is Kafka's; these are the values of its own tests. */
static void
key_hash_is_murmur2(void **state)
{
	struct pgconn *conn = database_open(NULL, database_create());

	database_expect(
		conn,
		"select concat_ws(' ', waybill.key_hash('21'), "
		"waybill.key_hash('foobar'), "
		"waybill.key_hash('a-little-bit-long-string'), "
		"waybill.key_hash('a-little-bit-longer-string'), "
		"waybill.key_hash('lkjh234lh9fiuh90y23oiuhsafujhadof229ph"
		"r9h19h89h8'), waybill.key_hash('abc'))",
		"-973932308 -790332482 -985981536 -1486304829 -58897971 "
		"479470107");
	pgconn_close(&conn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_finds_the_message),
		cmocka_unit_test(topics_of_the_past_are_shown),
		cmocka_unit_test(interleaved_dead_letters_are_found),
		cmocka_unit_test(view_and_look_ups_agree),
		cmocka_unit_test(tenant_sees_what_it_would_see_alone),
		cmocka_unit_test(nothing_is_left_out),
		cmocka_unit_test(settings_open_nothing),
		cmocka_unit_test(key_hash_is_murmur2),
	};

	return database_main(tests, sizeof(tests) / sizeof(tests[0]));
}
