/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as Postgres has them, against tokens as clients send them.
 */
#include "base/model/auth.h"

#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "base/runtime/log.h"
#include "base/runtime/text.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define HEADER_MAX (AUTH_TOKEN_LEN + 64)

static struct pgconn *conn;
static struct auth *auth;
static int64_t now_ms;

static int
begin(void **state)
{
	roadbase_begin(state);
	roadbase_run("select waybill.tenant_role_create('us')");
	conn = roadbase_connect("waybill_daemon");
	auth = auth_new();
	now_ms = clock_wall_ms();
	return 0;
}

static int
end(void **state)
{
	auth_free(&auth);
	pgconn_close(&conn);
	return roadbase_end(state);
}

static void
load(void)
{
	struct err err = { .code = ERR_OK };

	if (auth_load(auth, conn, &err) != ERR_OK)
		fail_msg("%s", err.text);
}

/* A key in Postgres, its header in out. lifetime "null": no end. */
static void
make(const char *name, const char *scopes, const char *lifetime,
     struct auth_secret *out, char header[HEADER_MAX])
{
	struct text hex;

	auth_secret_make(out);
	text_init(&hex, 128);
	text_add_hex(&hex, out->hash, sizeof(out->hash));
	roadbase_run("select waybill.key_create('us', '%s', '%s', '%s', "
	             "decode('%s', 'hex'), %s)",
	             name, scopes, out->prefix, text_string(&hex), lifetime);
	text_fini(&hex);
	snprintf(header, HEADER_MAX, "Bearer %s", out->token);
}

static bool
is_let_in(const char *header)
{
	struct principal principal;

	return auth_check(auth, header, now_ms, &principal);
}

static void
a_key_opens(void **state)
{
	struct auth_secret secret;
	char header[HEADER_MAX], variant[HEADER_MAX];
	struct principal who;

	make("pos", "{publish,read}", "null", &secret, header);
	assert_int_equal(strlen(secret.token), AUTH_TOKEN_LEN);
	assert_false(is_let_in(header));
	load();
	assert_int_equal(auth_version(auth), 1);
	assert_int_equal(auth_key_count(auth), 1);
	assert_true(auth_check(auth, header, now_ms, &who));
	assert_string_equal(who.tenant, "us");
	assert_string_equal(who.name, "pos");
	assert_string_equal(who.prefix, secret.prefix);
	assert_int_equal(who.id,
	                 roadbase_number("select principal::int8 from "
	                                 "waybill.principal"));
	assert_true(who.may[AUTH_PUBLISH] && who.may[AUTH_READ]);
	assert_false(who.may[AUTH_STATUS]);
	assert_int_equal(who.feed_count, 0);
	/* the scheme is a word of HTTP */
	snprintf(variant, sizeof(variant), "bearer   %s  ", secret.token);
	assert_true(is_let_in(variant));
}

static void
whatever_differs_is_refused(void **state)
{
	struct auth_secret secret;
	char header[HEADER_MAX], variant[HEADER_MAX];

	make("pos", "{publish}", "null", &secret, header);
	load();
	assert_true(is_let_in(header));
	/* each letter, by another one of the same kind */
	for (size_t i = 0; i < strlen(header); i++) {
		strcpy(variant, header);
		variant[i] = variant[i] == 'a' ? 'b' : 'a';
		if (i < 6)
			variant[i] = 'x';
		assert_false(is_let_in(variant));
	}
	/* each length */
	for (size_t i = 0; i < strlen(header); i++) {
		strcpy(variant, header);
		variant[i] = '\0';
		assert_false(is_let_in(variant));
	}
	snprintf(variant, sizeof(variant), "%sa", header);
	assert_false(is_let_in(variant));
	snprintf(variant, sizeof(variant), "%s a", header);
	assert_false(is_let_in(variant));
	snprintf(variant, sizeof(variant), "Basic %s", secret.token);
	assert_false(is_let_in(variant));
	assert_false(is_let_in(secret.token));
	assert_false(is_let_in(NULL));
	assert_false(is_let_in(""));
	assert_false(is_let_in("Bearer"));
	assert_false(is_let_in("Bearer "));
}

/* An unknown prefix has a hash to be compared with; that one opens nothing
   either. */
static void
revoked_and_expired_ones_are_refused(void **state)
{
	struct auth_secret secrets[3];
	char headers[3][HEADER_MAX];

	make("revoked", "{publish}", "null", &secrets[0], headers[0]);
	make("short", "{publish}", "60", &secrets[1], headers[1]);
	make("long", "{publish}", "86400", &secrets[2], headers[2]);
	load();
	assert_int_equal(auth_key_count(auth), 3);
	roadbase_run("select waybill.key_revoke('%s')", secrets[0].prefix);
	assert_true(is_let_in(headers[0]));
	load();
	assert_false(is_let_in(headers[0]));
	assert_true(is_let_in(headers[1]));
	/* by the clock, without a load */
	now_ms += 61000;
	assert_false(is_let_in(headers[1]));
	assert_true(is_let_in(headers[2]));
	now_ms -= 61000;
	roadbase_run("update waybill.api_key set expires_at = now()");
	load();
	assert_int_equal(auth_key_count(auth), 0);
	assert_false(is_let_in(headers[2]));
}

static void
rights_say_nothing_about_what_exists(void **state)
{
	struct auth_secret secret;
	char header[HEADER_MAX];
	struct principal who;

	make("one-feed", "{publish:sales,status}", "null", &secret, header);
	load();
	assert_true(auth_check(auth, header, now_ms, &who));
	assert_int_equal(auth_may(&who, AUTH_PUBLISH, "us", "sales"),
	                 AUTH_ALLOWED);
	/* there is a feed stock, and none that is called nothing */
	assert_int_equal(auth_may(&who, AUTH_PUBLISH, "us", "stock"),
	                 AUTH_HIDDEN);
	assert_int_equal(auth_may(&who, AUTH_PUBLISH, "us", "nothing"),
	                 AUTH_HIDDEN);
	assert_int_equal(auth_may(&who, AUTH_PUBLISH, "ca", "sales"),
	                 AUTH_HIDDEN);
	assert_int_equal(auth_may(&who, AUTH_PUBLISH, "nowhere", "sales"),
	                 AUTH_HIDDEN);
	assert_int_equal(auth_may(&who, AUTH_PUBLISH, "us", NULL), AUTH_HIDDEN);
	assert_int_equal(auth_may(&who, AUTH_READ, "us", "sales"), AUTH_DENIED);
	assert_int_equal(auth_may(&who, AUTH_READ, "us", "nothing"),
	                 AUTH_DENIED);
	assert_int_equal(auth_may(&who, AUTH_READ, "ca", "sales"), AUTH_HIDDEN);
	assert_int_equal(auth_may(&who, AUTH_STATUS, "us", NULL), AUTH_ALLOWED);
	roadbase_run("select waybill.key_set_scopes('us', 'one-feed', "
	             "'{read}')");
	load();
	assert_true(auth_check(auth, header, now_ms, &who));
	assert_int_equal(auth_may(&who, AUTH_PUBLISH, "us", "sales"),
	                 AUTH_DENIED);
	assert_int_equal(auth_may(&who, AUTH_READ, "us", "nothing"),
	                 AUTH_ALLOWED);
}

static void
what_is_known_stays_where_loading_fails(void **state)
{
	struct auth_secret secret;
	char header[HEADER_MAX];
	struct err err;

	make("pos", "{publish}", "null", &secret, header);
	load();
	roadbase_run("select pg_terminate_backend(pid) from pg_stat_activity "
	             "where pid <> pg_backend_pid() and datname = "
	             "current_database()");
	assert_int_not_equal(auth_load(auth, conn, &err), ERR_OK);
	assert_true(is_let_in(header));
	assert_int_equal(auth_version(auth), 1);
}

static void
secrets_do_not_repeat(void **state)
{
	static struct auth_secret made[2000];
	size_t count = sizeof(made) / sizeof(made[0]);
	uint8_t hash[AUTH_HASH_LEN];

	for (size_t i = 0; i < count; i++) {
		auth_secret_make(&made[i]);
		assert_int_equal(strlen(made[i].token), AUTH_TOKEN_LEN);
		assert_memory_equal(made[i].token, "wb_", 3);
		assert_memory_equal(made[i].token + 3, made[i].prefix,
		                    AUTH_PREFIX_LEN);
		digest_sha256(made[i].token + 4 + AUTH_PREFIX_LEN,
		              AUTH_SECRET_LEN, hash);
		assert_memory_equal(hash, made[i].hash, sizeof(hash));
		/* 256 = 42 * 6 + 4: two bits of the last letter are 0 */
		assert_non_null(strchr("AEIMQUYcgkosw048",
		                       made[i].token[AUTH_TOKEN_LEN - 1]));
	}
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(made[i].prefix, made[j].prefix,
			                        AUTH_PREFIX_LEN);
	auth_secret_wipe(&made[0]);
	assert_int_equal(made[0].token[0] | made[0].hash[0], 0);
}

static int64_t
nanoseconds(const char *header, int rounds)
{
	int64_t least = INT64_MAX;

	for (int round = 0; round < 20; round++) {
		int64_t begun_us = clock_now_us(), took_ns;

		for (int i = 0; i < rounds; i++)
			(void)is_let_in(header);
		took_ns = (clock_now_us() - begun_us) * 1000 / rounds;
		if (took_ns < least)
			least = took_ns;
	}
	return least;
}

/* Among many keys, and as long for an unknown one as for a wrong secret. */
static void
checking_is_fast_and_even(void **state)
{
	struct auth_secret secret;
	char header[HEADER_MAX], wrong[HEADER_MAX], unknown[HEADER_MAX];
	int64_t right_ns, wrong_ns, unknown_ns;

	roadbase_run("insert into waybill.principal (tenant, name, scopes) "
	             "select 'us', 'p' || n, '{publish}' "
	             "from generate_series(1, 5000) n");
	roadbase_run("insert into waybill.api_key (prefix, tenant, principal, "
	             "hash) select lpad(principal::text, 12, 'q'), tenant, "
	             "principal, sha256(name::bytea) from waybill.principal");
	make("pos", "{publish}", "null", &secret, header);
	load();
	assert_int_equal(auth_key_count(auth), 5001);
	assert_true(is_let_in(header));
	strcpy(wrong, header);
	wrong[30] = wrong[30] == 'a' ? 'b' : 'a';
	snprintf(unknown, sizeof(unknown), "Bearer wb_zzzzzzzzzzzz_%s",
	         secret.token + 4 + AUTH_PREFIX_LEN);
	right_ns = nanoseconds(header, 2000);
	wrong_ns = nanoseconds(wrong, 2000);
	unknown_ns = nanoseconds(unknown, 2000);
	print_message("a right key %lld ns, a wrong secret %lld, an unknown "
	              "key %lld\n",
	              (long long)right_ns, (long long)wrong_ns,
	              (long long)unknown_ns);
	assert_true(right_ns < 20000);
	assert_true(unknown_ns < 2 * wrong_ns + 200);
	assert_true(wrong_ns < 2 * unknown_ns + 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_opens, begin, end),
		cmocka_unit_test_setup_teardown(whatever_differs_is_refused,
		                                begin, end),
		cmocka_unit_test_setup_teardown(
			revoked_and_expired_ones_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			rights_say_nothing_about_what_exists, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_known_stays_where_loading_fails, begin, end),
		cmocka_unit_test(secrets_do_not_repeat),
		cmocka_unit_test_setup_teardown(checking_is_fast_and_even,
		                                begin, end),
	};

	return roadbase_main(120, tests, sizeof(tests) / sizeof(tests[0]));
}
