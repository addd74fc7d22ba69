/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that a daemon follows: they change, notifications are lost, and
 * Postgres goes down and comes back, while requests are checked.
 */
#include "gateway/keyring.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/model/auth.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define HEADER_MAX   (AUTH_TOKEN_LEN + 16)
#define PROMISE_MS   2000 /* a revoked key is refused within this time */
#define CHECKERS     3
#define CHECKS_WHILE 40

static struct keyring *keyring;

static int
begin(void **state)
{
	const struct keyring_options options = {
		.role = "waybill_daemon",
		.timeout_ms = 5000,
	};
	struct keyring_options here = options;
	struct err err = { .code = ERR_OK };

	roadbase_begin(state);
	here.conninfo = roadbase_conninfo();
	if (keyring_open(&here, &keyring, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return 0;
}

static int
end(void **state)
{
	keyring_close(&keyring);
	return roadbase_end(state);
}

static void
make(const char *name, struct auth_secret *out, char header[HEADER_MAX])
{
	struct text hex;

	auth_secret_make(out);
	text_init(&hex, 128);
	text_add_hex(&hex, out->hash, sizeof(out->hash));
	roadbase_run("select waybill.key_create('us', '%s', '{publish}', '%s', "
	             "decode('%s', 'hex'), null)",
	             name, out->prefix, text_string(&hex));
	text_fini(&hex);
	snprintf(header, HEADER_MAX, "Bearer %s", out->token);
}

static bool
is_let_in(const char *header)
{
	struct principal principal;

	return auth_check(keyring_auth(keyring), header, clock_wall_ms(),
	                  &principal);
}

static bool
becomes(const char *header, bool wanted, int64_t within_ms)
{
	int64_t begun_us = clock_now_us();

	while (is_let_in(header) != wanted) {
		if (clock_now_us() - begun_us > within_ms * 1000)
			return false;
		clock_sleep_ms(5);
	}
	return true;
}

static void
a_revoked_key_is_refused_soon(void **state)
{
	struct auth_secret secret;
	char header[HEADER_MAX];

	make("pos", &secret, header);
	assert_true(becomes(header, true, PROMISE_MS));
	roadbase_run("select waybill.key_revoke('%s')", secret.prefix);
	assert_true(becomes(header, false, PROMISE_MS));
}

/* As where the connection was cut without a word. */
static void
a_lost_notification_is_noticed(void **state)
{
	struct auth_secret secret;
	char header[HEADER_MAX];

	roadbase_run("alter table waybill.access_change disable trigger "
	             "access_notify");
	make("pos", &secret, header);
	assert_true(becomes(header, true, PROMISE_MS));
	roadbase_run("select waybill.key_revoke('%s')", secret.prefix);
	assert_true(becomes(header, false, PROMISE_MS));
}

static void
keys_stay_in_force_while_postgres_is_away(void **state)
{
	struct auth_secret secret;
	char header[HEADER_MAX];
	int64_t begun_us;

	make("pos", &secret, header);
	assert_true(becomes(header, true, PROMISE_MS));
	roadbase_crash();
	begun_us = clock_now_us();
	while (clock_now_us() - begun_us < 2500000) {
		assert_true(is_let_in(header));
		clock_sleep_ms(50);
	}
	roadbase_restart();
	roadbase_run("select waybill.key_revoke('%s')", secret.prefix);
	assert_true(becomes(header, false, 10000));
}

static void
ends_while_postgres_is_away(void **state)
{
	int64_t begun_us;

	roadbase_crash();
	clock_sleep_ms(700);
	begun_us = clock_now_us();
	keyring_close(&keyring);
	assert_true(clock_now_us() - begun_us < 8000000);
	roadbase_restart();
}

/* -- while it is changed -- */

struct checker {
	const char *stays;
	const char *goes;
	atomic_bool ends;
	atomic_int refused; /* what should have been let in */
	atomic_llong count;
};

static void
check_on(void *context)
{
	struct checker *checker = context;
	struct principal who;

	while (!atomic_load(&checker->ends)) {
		if (!auth_check(keyring_auth(keyring), checker->stays, 0,
		                &who) ||
		    strcmp(who.name, "stays") != 0)
			atomic_fetch_add(&checker->refused, 1);
		(void)auth_check(keyring_auth(keyring), checker->goes, 0, &who);
		atomic_fetch_add(&checker->count, 1);
		if (atomic_load(&checker->count) % 64 == 0)
			clock_sleep_ms(1);
	}
}

static void
checks_go_on_while_keys_change(void **state)
{
	struct auth_secret secrets[2];
	char stays[HEADER_MAX], goes[HEADER_MAX], name[32];
	struct checker checker = { .stays = stays, .goes = goes };
	struct thread *threads[CHECKERS];

	make("stays", &secrets[0], stays);
	make("goes", &secrets[1], goes);
	assert_true(becomes(goes, true, PROMISE_MS));
	for (int i = 0; i < CHECKERS; i++)
		threads[i] = thread_new("checker", check_on, &checker);
	for (int i = 0; i < CHECKS_WHILE; i++) {
		struct auth_secret other;
		char header[HEADER_MAX];

		snprintf(name, sizeof(name), "p%d", i);
		make(name, &other, header);
		if (i == CHECKS_WHILE / 2)
			roadbase_run("select waybill.key_revoke('%s')",
			             secrets[1].prefix);
		clock_sleep_ms(5);
	}
	assert_true(becomes(goes, false, PROMISE_MS));
	atomic_store(&checker.ends, true);
	for (int i = 0; i < CHECKERS; i++)
		thread_join(&threads[i]);
	assert_int_equal(atomic_load(&checker.refused), 0);
	assert_true(atomic_load(&checker.count) > 1000);
	assert_true(becomes(stays, true, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_revoked_key_is_refused_soon,
		                                begin, end),
		cmocka_unit_test_setup_teardown(a_lost_notification_is_noticed,
		                                begin, end),
		cmocka_unit_test_setup_teardown(
			keys_stay_in_force_while_postgres_is_away, begin, end),
		cmocka_unit_test_setup_teardown(ends_while_postgres_is_away,
		                                begin, end),
		cmocka_unit_test_setup_teardown(checks_go_on_while_keys_change,
		                                begin, end),
	};

	return roadbase_main(120, tests, sizeof(tests) / sizeof(tests[0]));
}
