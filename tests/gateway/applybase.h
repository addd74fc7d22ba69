/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * For tests of waybill apply: a new migrated database for each test, and a
 * folder of its files (tests/gateway/files.h) to apply. No Kafka answers:
 * topics are not checked. What fails here ends the test with its reason.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "gateway/apply.h"

struct CMUnitTest;
struct pgconn;

/* All of main. */
int
applybase_main(const struct CMUnitTest *tests, size_t count);

/* For each test: setup and teardown of cmocka. */
int
applybase_begin(void **state);
int
applybase_end(void **state);

/* Of this test's database; a new one to it is the caller's. */
struct pgconn *
applybase_conn(void);
struct pgconn *
applybase_connect(void);

void
applybase_run(const char *sql);
int64_t
applybase_number(const char *sql);

enum err_code
applybase_try(struct apply_options options, struct apply_result *result,
              struct err *err);
/* Applies; the difference for people must be this. */
void
applybase_applied(struct apply_options options, const char *lines);
/* Applies whatever it is; copies the warnings. */
void
applybase_quietly(bool prune, char *warnings, size_t size);
/* Must fail so, with these words, and change nothing: with --prune, and
   without. */
void
applybase_refused(enum err_code code, const char *what);
void
applybase_refused_keeping(enum err_code code, const char *what);
