/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A database for tests of the road: migrated, with a small catalogue, new for
 * each test (copied from a template), in a Postgres of its own. Whatever
 * fails here ends the test with its reason.
 *
 * The catalogue: deployment "test" of 2 lanes; cluster "main" (input and
 * output); tenants us and ca; feeds us/sales, us/stock, ca/sales of 4
 * partitions and 2 dead-letter partitions, topics <tenant>.<feed>.in,
 * <tenant>.<feed> and <tenant>.<feed>.dead; a contract of one string.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deployment;
struct pgconn;
struct pgrows;

/* Once for the program. 0, or what main returns: 77 without a server. */
int
roadbase_open(void);
void
roadbase_close(void);

/* All of main: the alarm after so many seconds, the server, the tests. */
struct CMUnitTest;
int
roadbase_main(unsigned int seconds, const struct CMUnitTest *tests,
              size_t count);

/* For each test: setup and teardown of cmocka. */
int
roadbase_begin(void **state);
int
roadbase_end(void **state);

/* Of this test's database; user postgres. */
const char *
roadbase_conninfo(void);

/* role NULL: the superuser. */
struct pgconn *
roadbase_connect(const char *role);

/* By the superuser, on a connection of the fixture. */
void
roadbase_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t
roadbase_number(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct pgrows *
roadbase_rows(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Copied into a buffer of the fixture, valid until the next call. */
const char *
roadbase_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One more change of the catalogue, so that daemons look. */
void
roadbase_changed(void);

/* The catalogue as it is now, contracts not compiled; a reference. */
const struct deployment *
roadbase_load(void);

/* Ends all sessions of an application_name; returns how many. */
int
roadbase_kill(const char *application);

/* The server goes down hard, and comes back. */
void
roadbase_crash(void);
void
roadbase_restart(void);
