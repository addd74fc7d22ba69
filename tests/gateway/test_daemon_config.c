/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon's settings: what it is told, and how it says what is wrong.
 */
#include "gateway/daemon_config.h"

#include <stdio.h>
#include <string.h>

#include "tests/gateway/files.h"
#include "tests/unit.h"

static struct daemon_config config;
static struct err err;
static char path[256];

static int
begin(void **state)
{
	files_begin();
	memset(&config, 0, sizeof(config));
	return 0;
}

static int
end(void **state)
{
	daemon_config_release(&config);
	files_end();
	return 0;
}

static enum err_code
load(const char *text)
{
	files_put("waybilld.yaml", text);
	snprintf(path, sizeof(path), "%s/waybilld.yaml", files_folder);
	err = (struct err){ .code = ERR_OK };
	return daemon_config_load(path, &config, &err);
}

static void
assert_wrong(const char *text, const char *place, const char *key)
{
	char where[300];

	if (load(text) != ERR_CONFIG)
		fail_msg("taken: %s", text);
	snprintf(where, sizeof(where), "%s%s", path, place);
	if (strstr(err.text, where) == NULL || strstr(err.text, key) == NULL)
		fail_msg("no \"%s\" or \"%s\" in: %s", where, key, err.text);
}

static void
standards(void **state)
{
	assert_int_equal(load("postgres: {connection: host=db}\n"), ERR_OK);
	assert_string_equal(config.connection, "host=db");
	assert_string_equal(config.role, "waybill_daemon");
	assert_int_equal(config.lease_ms, 5000);
	assert_int_equal(config.batch_bytes, 8 * 1024 * 1024);
	assert_int_equal(config.drain_ms, 10000);
	assert_true(strlen(config.daemon) > 9);
}

static void
what_is_set(void **state)
{
	assert_int_equal(load("daemon: east\n"
	                      "postgres:\n"
	                      "  connection: host=db\n"
	                      "  role: ''\n"
	                      "lease: 2s\n"
	                      "batch: {messages: 10, bytes: 64kB}\n"),
	                 ERR_OK);
	assert_string_equal(config.role, "");
	assert_int_equal(config.lease_ms, 2000);
	assert_int_equal(config.batch_messages, 10);
	assert_int_equal(config.batch_bytes, 65536);
	assert_memory_equal(config.daemon, "east-", 5);
}

/* A daemon that was killed and started again is another one. */
static void
names_are_never_given_twice(void **state)
{
	char first[256];

	assert_int_equal(load("daemon: a\npostgres: {connection: x}\n"),
	                 ERR_OK);
	snprintf(first, sizeof(first), "%s", config.daemon);
	daemon_config_release(&config);
	assert_int_equal(load("daemon: a\npostgres: {connection: x}\n"),
	                 ERR_OK);
	assert_string_not_equal(first, config.daemon);
}

static void
a_secret_from_a_file(void **state)
{
	char text[400];

	files_put("secret", "host=db password=p\n");
	snprintf(text, sizeof(text), "postgres: {connection-file: %s/secret}\n",
	         files_folder);
	assert_int_equal(load(text), ERR_OK);
	assert_string_equal(config.connection, "host=db password=p");
}

static void
errors_name_file_line_and_key(void **state)
{
	assert_wrong("postgres: {connection: x}\nleese: 5s\n", ":2", "leese");
	assert_wrong("postgres: {connection: x}\nlease: fast\n", ":2", "lease");
	assert_wrong("postgres: {connection: x}\nlease: 10ms\n", ":2", "lease");
	assert_wrong("postgres: {connection: x}\n\nbatch:\n  messages: 0\n",
	             ":4", "batch.messages");
	assert_wrong("postgres: {connection: x}\nbatch: 5\n", ":2", "batch");
	assert_wrong("postgres: {connection: x}\nlog: {level: loud}\n", ":2",
	             "log.level");
	assert_wrong("lease: 5s\n", "", "postgres.connection");
	assert_wrong("- a\n- b\n", "", "keys");
	assert_wrong("", "", "keys");
	assert_wrong("postgres: {connection: x}\npostgres: {connection: y}\n",
	             ":2", "postgres");
	assert_wrong("postgres: [unclosed\n", ":", "");
}

static void
a_file_that_is_not_there(void **state)
{
	err = (struct err){ .code = ERR_OK };
	assert_int_not_equal(
		daemon_config_load("/nowhere/waybilld.yaml", &config, &err),
		ERR_OK);
	assert_non_null(strstr(err.text, "/nowhere/waybilld.yaml"));
}

static void
assert_url(const char *text, const char *url)
{
	assert_int_equal(load(text), ERR_OK);
	daemon_config_name_url(&config, 8123);
	assert_string_equal(config.url, url);
	daemon_config_release(&config);
	memset(&config, 0, sizeof(config));
}

static void
its_url_is_what_is_said_or_its_own_address(void **state)
{
	assert_url("postgres: {connection: host=db}\n"
	           "listen: 127.0.0.1:0\n",
	           "http://127.0.0.1:8123");
	assert_url("postgres: {connection: host=db}\n"
	           "listen: 0.0.0.0:8080\n",
	           "");
	assert_url("postgres: {connection: host=db}\n"
	           "listen: \"[::1]:8080\"\n"
	           "http: {tls: {certificate: a, key: b}}\n",
	           "https://[::1]:8123");
	assert_url("postgres: {connection: host=db}\n"
	           "url: http://one:1\n",
	           "http://one:1");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(standards),
		TEST(what_is_set),
		TEST(names_are_never_given_twice),
		TEST(a_secret_from_a_file),
		TEST(errors_name_file_line_and_key),
		TEST(a_file_that_is_not_there),
		TEST(its_url_is_what_is_said_or_its_own_address),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
