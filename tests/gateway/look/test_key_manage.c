/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * waybill key against a real Postgres: what it prints where, and for whom.
 */
#include "gateway/look/key_manage.h"

#include "base/model/auth.h"
#include "base/runtime/clock.h"
#include "tests/gateway/look/world.h"

static int
key(const char *user, const char *const *arguments)
{
	return world_run(&key_manage_command, user, false, arguments);
}

#define CREATE(...)                                                            \
	key("keeper",                                                          \
	    WORLD_ARGS("create", "--tenant", "us", "--name", __VA_ARGS__))

static int
make(void **state)
{
	world_make(state);
	world_do("create role keeper login in role waybill_keys, waybill_read;"
	         "create role keeper_us login in role waybill_keys, "
	         "waybill_read_us; grant waybill_tenant to waybill_read");
	return 0;
}

static int
forget(void **state)
{
	world_do("delete from waybill.access_change; delete from "
	         "waybill.api_key; delete from waybill.principal");
	return 0;
}

/* As a daemon would be asked with it. */
static bool
opens(const char *token, struct principal *out)
{
	struct pgconn_options options = {
		.conninfo = postgres_conninfo(world_server),
		.role = "waybill_daemon",
		.timeout_ms = 60000,
	};
	struct auth *auth = auth_new();
	struct pgconn *conn = NULL;
	char header[AUTH_TOKEN_LEN + 16];
	struct err err;
	bool answer;

	snprintf(header, sizeof(header), "Bearer %.*s", AUTH_TOKEN_LEN, token);
	if (pgconn_open(&options, &conn, &err) != ERR_OK ||
	    auth_load(auth, conn, &err) != ERR_OK)
		fail_msg("%s", err.text);
	answer = auth_check(auth, header, clock_wall_ms(), out);
	pgconn_close(&conn);
	auth_free(&auth);
	return answer;
}

/* Alone on standard output, and nowhere else. */
static void
the_token_is_shown_once(void **state)
{
	char token[AUTH_TOKEN_LEN + 1], prefix[AUTH_PREFIX_LEN + 1];
	struct principal who;

	world_expect_status(
		CREATE("pos", "--scope", "publish:sales", "--scope", "read"),
		CLI_OK);
	assert_int_equal(strlen(world_said), AUTH_TOKEN_LEN + 1);
	assert_int_equal(world_said[AUTH_TOKEN_LEN], '\n');
	memcpy(token, world_said, AUTH_TOKEN_LEN);
	token[AUTH_TOKEN_LEN] = '\0';
	memcpy(prefix, token + 3, AUTH_PREFIX_LEN);
	prefix[AUTH_PREFIX_LEN] = '\0';
	assert_null(strstr(world_complained, token + 16));
	assert_non_null(strstr(world_complained, prefix));
	assert_non_null(strstr(world_complained, "us/pos"));
	assert_true(opens(token, &who));
	assert_string_equal(who.name, "pos");
	world_expect_status(key("keeper", WORLD_ARGS("list")), CLI_OK);
	world_expect("us      pos   publish:sales read");
	world_expect(prefix);
	world_expect("live");
	world_expect_not(token + 16);
	world_expect_status(key("keeper", WORLD_ARGS("revoke", prefix)),
	                    CLI_OK);
	world_expect("live keys it still has: 0");
	assert_false(opens(token, &who));
	world_expect_status(key("keeper", WORLD_ARGS("list")), CLI_OK);
	world_expect("no live key");
	world_expect_not(prefix);
	world_expect_status(key("keeper", WORLD_ARGS("list", "--all")), CLI_OK);
	world_expect("revoked");
	world_expect("keeper");
}

static void
rotation_keeps_the_way_of_the_key(void **state)
{
	struct principal who;
	char first[AUTH_TOKEN_LEN + 1], second[AUTH_TOKEN_LEN + 1];
	const struct json *json;
	struct json *whole;

	world_expect_status(
		CREATE("pos", "--scope", "publish", "--expires", "90d"),
		CLI_OK);
	snprintf(first, sizeof(first), "%s", world_said);
	world_expect_status(
		key("keeper", WORLD_ARGS("rotate", "pos", "--grace", "1h")),
		CLI_OK);
	snprintf(second, sizeof(second), "%s", world_said);
	assert_string_not_equal(first, second);
	assert_true(opens(first, &who) && opens(second, &who));
	world_expect_status(world_run(&key_manage_command, "keeper", true,
	                              WORLD_ARGS("list")),
	                    CLI_OK);
	whole = world_json();
	json = json_get(whole, "keys");
	assert_int_equal(json_count(json), 2);
	assert_string_equal(json_string(json_get(json_at(json, 0), "prefix")),
	                    (first[3 + AUTH_PREFIX_LEN] = '\0', first + 3));
	assert_true(
		strcmp(json_string(json_get(json_at(json, 0), "expires_at")),
	               json_string(json_get(json_at(json, 1), "expires_at"))) <
		0);
	json_free(&whole);
	world_expect_status(key("keeper", WORLD_ARGS("rotate", "pos")),
	                    CLI_FAILED);
	assert_non_null(strstr(world_complained, "two live keys already"));
	assert_null(strstr(world_complained, "SQLSTATE"));
	assert_null(strstr(world_complained, "key_rotate"));
}

static void
scopes_change_for_all_keys(void **state)
{
	struct principal who;
	char token[AUTH_TOKEN_LEN + 1];

	world_expect_status(CREATE("pos", "--scope", "publish"), CLI_OK);
	snprintf(token, sizeof(token), "%s", world_said);
	world_expect_status(key("keeper",
	                        WORLD_ARGS("scopes", "pos", "--scope", "status",
	                                   "--scope", "read")),
	                    CLI_OK);
	world_expect("us/pos may now: read, status");
	assert_true(opens(token, &who));
	assert_false(who.may[AUTH_PUBLISH]);
	world_expect_status(world_run(&key_manage_command, "keeper", true,
	                              WORLD_ARGS("scopes", "pos", "--scope",
	                                         "status", "--scope", "read")),
	                    CLI_OK);
	world_expect("\"scopes\":[\"read\",\"status\"]");
}

static void
programs_read_json(void **state)
{
	struct principal who;
	struct json *json;

	world_expect_status(
		world_run(&key_manage_command, "keeper", true,
	                  WORLD_ARGS("create", "--tenant", "ca", "--name", "x",
	                             "-s", "publish")),
		CLI_OK);
	json = world_json();
	assert_string_equal(json_string(json_get(json, "tenant")), "ca");
	assert_int_equal(json_type(json_get(json, "expires_at")), JSON_NULL);
	assert_true(opens(json_string(json_get(json, "token")), &who));
	json_free(&json);
	assert_string_equal(world_complained, "");
}

static void
whose_keys_a_role_manages(void **state)
{
	world_expect_status(CREATE("pos", "--scope", "publish"), CLI_OK);
	world_expect_status(key("keeper_us",
	                        WORLD_ARGS("create", "-t", "ca", "-n", "y",
	                                   "-s", "publish")),
	                    CLI_NOT_FOUND);
	assert_non_null(strstr(world_complained,
	                       "there is no tenant \"ca\" whose keys role "
	                       "\"keeper_us\" may manage"));
	world_expect_status(key("auditor", WORLD_ARGS("rotate", "pos")),
	                    CLI_FAILED);
	assert_non_null(strstr(world_complained, "GRANT waybill_keys"));
	world_expect_status(key("auditor", WORLD_ARGS("list")), CLI_FAILED);
	world_expect_status(key("nobody", WORLD_ARGS("list")), CLI_FAILED);
	assert_non_null(strstr(world_complained, "GRANT waybill_keys"));
	world_expect_status(key("operator", WORLD_ARGS("list")), CLI_OK);
	world_expect("pos");
	world_expect_status(key("operator", WORLD_ARGS("rotate", "pos")),
	                    CLI_FAILED);
	world_expect_status(key("serving", WORLD_ARGS("rotate", "pos")),
	                    CLI_FAILED);
	/* two tenants have one of this name */
	world_expect_status(key("keeper",
	                        WORLD_ARGS("create", "-t", "ca", "-n", "pos",
	                                   "-s", "publish")),
	                    CLI_OK);
	world_expect_status(key("keeper", WORLD_ARGS("rotate", "pos")),
	                    CLI_USAGE);
	world_expect_status(
		key("keeper", WORLD_ARGS("rotate", "pos", "-t", "ca")), CLI_OK);
	world_expect_status(key("keeper_us", WORLD_ARGS("rotate", "pos")),
	                    CLI_OK);
}

static void
what_is_wrong_is_said(void **state)
{
	static const struct {
		int status;
		const char *arguments[10];
		const char *said;
	} wrong[] = {
		{ CLI_USAGE, { NULL }, "say which" },
		{ CLI_USAGE, { "make", NULL }, "say which" },
		{ CLI_USAGE, { "create", NULL }, "--tenant and --name" },
		{ CLI_USAGE,
		  { "create", "-t", "us", "-n", "x", NULL },
		  "needs --scope" },
		{ CLI_USAGE, { "rotate", NULL }, "needs a NAME" },
		{ CLI_USAGE,
		  { "rotate", "x", "-s", "read", NULL },
		  "takes no --scope" },
		{ CLI_USAGE, { "list", "x", NULL }, "too many" },
		{ CLI_USAGE, { "revoke", "x", NULL }, "12 letters" },
		{ CLI_NOT_FOUND,
		  { "revoke", "wb_aaaaaaaaaaaa", NULL },
		  "there is no key \"aaaaaaaaaaaa\"" },
		{ CLI_NOT_FOUND, { "rotate", "x", NULL }, "no principal \"x\"" },
		{ CLI_USAGE,
		  { "create", "-t", "us", "-n", "x", "-s", "read", "-e", "soon",
		    NULL },
		  "--expires must be a duration" },
		{ CLI_FAILED,
		  { "create", "-t", "us", "-n", "x", "-s", "write", NULL },
		  "there is no scope \"write\"" },
		{ CLI_FAILED,
		  { "create", "-t", "us", "-n", "a b", "-s", "read", NULL },
		  "\"a b\" is no name: 1 to 40" },
		{ CLI_NOT_FOUND,
		  { "create", "-t", "us", "-n", "x", "-s", "publish:sale",
		    NULL },
		  "has no feed \"sale\"" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		world_expect_status(key("keeper", wrong[i].arguments),
		                    wrong[i].status);
		assert_string_equal(world_said, "");
		if (strstr(world_complained, wrong[i].said) == NULL)
			fail_msg("'%s' is not in: %s", wrong[i].said,
			         world_complained);
	}
	world_expect_status(key("keeper", WORLD_ARGS("list")), CLI_OK);
	world_expect("There are no keys.");
}

/* The secret is gone then: whoever asked must know that there is a key. */
static void
a_token_that_cannot_be_written_is_told(void **state)
{
	char words[] = "key\0create\0-t\0us\0-n\0pos\0-s\0publish";
	char *argv[9] = { words };
	struct look_options options = { .conninfo = world_conninfo,
		                        .out = fopen("/dev/full", "w"),
		                        .err = tmpfile() };
	size_t len;

	world_expect_status(key("keeper", WORLD_ARGS("list")), CLI_OK);
	assert_non_null(options.out);
	for (int i = 1; i < 8; i++)
		argv[i] = argv[i - 1] + strlen(argv[i - 1]) + 1;
	assert_int_equal(key_manage_command.look(&options, 8, argv),
	                 CLI_FAILED);
	rewind(options.err);
	len = fread(world_complained, 1, sizeof(world_complained) - 1,
	            options.err);
	world_complained[len] = '\0';
	assert_non_null(strstr(world_complained, "should be revoked"));
	assert_null(strstr(world_complained, "wb_"));
	fclose(options.out);
	fclose(options.err);
	world_expect_status(key("keeper", WORLD_ARGS("list")), CLI_OK);
	world_expect("pos");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_token_is_shown_once, forget),
		cmocka_unit_test_teardown(rotation_keeps_the_way_of_the_key,
		                          forget),
		cmocka_unit_test_teardown(scopes_change_for_all_keys, forget),
		cmocka_unit_test_teardown(programs_read_json, forget),
		cmocka_unit_test_teardown(whose_keys_a_role_manages, forget),
		cmocka_unit_test_teardown(what_is_wrong_is_said, forget),
		cmocka_unit_test_teardown(
			a_token_that_cannot_be_written_is_told, forget),
	};
	int code;

	unit_alarm(120);
	if ((code = postgres_open(NULL, &world_server)) != 0)
		return code;
	return cmocka_run_group_tests(tests, make, world_end);
}
