/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may manage keys, whose, and who may read what of them.
 */
#include "tests/sql/database.h"

#define HASH "decode(repeat('ab', 32), 'hex')"
#define CREATE(tenant, name, prefix)                                           \
	"select waybill.key_create('" tenant "', '" name                       \
	"', '{publish}', '" prefix "', " HASH ", null)"

static int number;
static struct pgconn *admin;

static int
begin(void **state)
{
	number = database_create();
	admin = database_open(NULL, number);
	database_run(admin,
	             DATABASE_CATALOGUE DATABASE_TENANT("us", 1)
	                     DATABASE_TENANT("ca", 2));
	database_run(admin,
	             "do $$ begin if not exists (select from pg_roles where "
	             "rolname = 'keys_us') then create role keys_us login; "
	             "create role keys_all login; create role reads_us login; "
	             "create role serves login; create role records login; "
	             "end if; end $$;"
	             "grant waybill_keys, waybill_read_us to keys_us;"
	             "grant waybill_keys, waybill_read to keys_all;"
	             "grant waybill_read_us to reads_us;"
	             "grant waybill_daemon to serves;"
	             "grant waybill_record to records;");
	return 0;
}

static int
end(void **state)
{
	pgconn_close(&admin);
	return 0;
}

static void
keys_of_one_tenant_or_of_all(void **state)
{
	struct pgconn *one = database_open("keys_us", number);
	struct pgconn *all = database_open("keys_all", number);

	database_run(one, CREATE("us", "pos", "aaaaaaaaaaaa"));
	database_refused(one, CREATE("ca", "pos", "bbbbbbbbbbbb"), "WB003");
	database_refused(one, CREATE("no", "pos", "bbbbbbbbbbbb"), "WB003");
	database_run(all, CREATE("ca", "pos", "bbbbbbbbbbbb"));
	database_refused(one,
	                 "select * from waybill.key_revoke('bbbbbbbbbbbb')",
	                 "WB003");
	database_refused(one,
	                 "select * from waybill.key_revoke('cccccccccccc')",
	                 "WB003");
	database_refused(one,
	                 "select waybill.key_set_scopes('ca', 'pos', '{read}')",
	                 "WB003");
	database_expect(one,
	                "select string_agg(prefix, ' ') from waybill.api_key",
	                "aaaaaaaaaaaa");
	database_expect(all, "select count(*)::text from waybill.principal",
	                "2");
	database_expect(all,
	                "select live::text from "
	                "waybill.key_revoke('aaaaaaaaaaaa')",
	                "0");
	database_expect(admin,
	                "select revoked_by from waybill.api_key where prefix "
	                "= 'aaaaaaaaaaaa'",
	                "keys_all");
	pgconn_close(&one);
	pgconn_close(&all);
}

/* Neither who manages keys, nor who reads, nor who only records. */
static void
only_daemons_read_hashes(void **state)
{
	static const char *const users[] = { "keys_us", "keys_all", "reads_us",
		                             "records" };
	static const char *const statements[] = {
		"select hash from waybill.api_key",
		"select * from waybill.api_key",
		"update waybill.api_key set revoked_at = null",
		"delete from waybill.api_key",
		"insert into waybill.principal default values",
		"delete from waybill.access_change",
	};
	struct pgconn *conn;

	database_run(admin, CREATE("us", "pos", "aaaaaaaaaaaa"));
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		conn = database_open(users[i], number);
		for (size_t j = 0;
		     j < sizeof(statements) / sizeof(statements[0]); j++)
			database_refused(conn, statements[j], "42501");
		pgconn_close(&conn);
	}
	conn = database_open("serves", number);
	database_expect(conn,
	                "select octet_length(hash)::text from waybill.api_key",
	                "32");
	database_refused(conn, CREATE("us", "more", "dddddddddddd"), "42501");
	database_refused(conn,
	                 "select * from waybill.key_revoke('aaaaaaaaaaaa')",
	                 "42501");
	pgconn_close(&conn);
	conn = database_open("reads_us", number);
	database_refused(conn, CREATE("us", "more", "dddddddddddd"), "42501");
	database_expect(conn, "select name from waybill.principal", "pos");
	pgconn_close(&conn);
}

static void
at_most_two_live_keys(void **state)
{
#define ROTATE(prefix, grace)                                                  \
	"select waybill.key_rotate('us', 'pos', '" prefix "', " HASH           \
	", null, " grace ")"
	database_run(admin, CREATE("us", "pos", "aaaaaaaaaaaa"));
	database_refused(admin, CREATE("us", "pos", "bbbbbbbbbbbb"), "WB002");
	database_run(admin, ROTATE("bbbbbbbbbbbb", "3600"));
	database_expect(admin,
	                "select (expires_at = now() + '1 hour' or expires_at "
	                "between now() and now() + '1 hour')::text from "
	                "waybill.api_key where prefix = 'aaaaaaaaaaaa'",
	                "true");
	database_refused(admin, ROTATE("cccccccccccc", "null"), "WB002");
	/* an expired one does not count */
	database_run(admin,
	             "update waybill.api_key set expires_at = now() where "
	             "prefix = 'aaaaaaaaaaaa'");
	database_run(admin, ROTATE("cccccccccccc", "null"));
	database_expect(admin,
	                "select live::text from "
	                "waybill.key_revoke('bbbbbbbbbbbb')",
	                "1");
	database_run(admin, ROTATE("dddddddddddd", "null"));
	database_expect(admin,
	                "select string_agg(what, ' ' order by change) from "
	                "waybill.access_change",
	                "create rotate rotate revoke rotate");
	/* revoked once: the time stays, and nothing more is noted */
	database_run(admin,
	             "update waybill.api_key set revoked_at = '2020-01-01' "
	             "where prefix = 'bbbbbbbbbbbb'");
	database_expect(admin,
	                "select extract(year from revoked_at)::text from "
	                "waybill.key_revoke('bbbbbbbbbbbb')",
	                "2020");
	database_expect(admin, "select waybill.auth_version()::text", "5");
}

static void
scopes_name_what_there_is(void **state)
{
	static const struct {
		const char *scopes;
		const char *sqlstate;
	} wrong[] = {
		{ "{}", "WB002" },
		{ "{write}", "WB002" },
		{ "{publish,null}", "WB002" },
		{ "{publish:}", "WB003" },
		{ "{publish:sale}", "WB003" },
		{ "{read:sales}", "WB002" },
		{ "{PUBLISH}", "WB002" },
	};
	char sql[512];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(sql, sizeof(sql),
		         "select waybill.key_create('us', 'pos', '%s', "
		         "'aaaaaaaaaaaa', " HASH ", 60)",
		         wrong[i].scopes);
		database_refused(admin, sql, wrong[i].sqlstate);
	}
	database_run(admin,
	             "select waybill.key_create('us', 'pos', "
	             "'{read,publish:sales,read}', 'aaaaaaaaaaaa', " HASH
	             ", 60)");
	database_expect(admin,
	                "select array_to_string(scopes, ' ') from "
	                "waybill.principal",
	                "publish:sales read");
	database_expect(admin,
	                "select array_to_string(waybill.key_set_scopes('us', "
	                "'pos', '{status}'), ' ')",
	                "status");
	database_refused(admin,
	                 "select waybill.key_set_scopes('us', 'pop', "
	                 "'{status}')",
	                 "WB003");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_of_one_tenant_or_of_all,
		                                begin, end),
		cmocka_unit_test_setup_teardown(only_daemons_read_hashes, begin,
		                                end),
		cmocka_unit_test_setup_teardown(at_most_two_live_keys, begin,
		                                end),
		cmocka_unit_test_setup_teardown(scopes_name_what_there_is,
		                                begin, end),
	};

	return database_main(tests, sizeof(tests) / sizeof(tests[0]));
}
