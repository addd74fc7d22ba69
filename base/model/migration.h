/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Brings the database to this program's version: sql/NNNN_noun.sql forward
 * only, one transaction each, then functions and policies again. Run by
 * "waybill migrate" under an advisory lock; daemons only check.
 */
#include "base/runtime/err.h"

struct pgconn;

/* The newest file of sql/ that this program was written for; a test compares
   it with the folder. */
#define MIGRATION_LAST "0009_daemon_secret"

/* sql_dir: where sql/ is installed. Prints a line for each step to log.
   Running it twice changes nothing. */
enum err_code
migration_run(struct pgconn *conn, const char *sql_dir,
              struct err *err) ERR_MUST_CHECK;

/* ERR_MIGRATION: older or newer than this program, and what to do. */
enum err_code
migration_check(struct pgconn *conn, struct err *err) ERR_MUST_CHECK;

/* What a daemon's role lacks: ERR_PRIVILEGE with the GRANTs that mend it. */
enum err_code
migration_check_privileges(struct pgconn *conn, struct err *err) ERR_MUST_CHECK;
