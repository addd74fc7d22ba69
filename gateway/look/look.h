/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the commands that look have in common: one connection, who asks and
 * what it may read, how to print, with which exit code to end. They work for
 * an operator, who sees everything, and for a tenant's role, which sees what
 * row-level security shows it. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/io/pgconn.h"
#include "base/model/module.h"
#include "base/runtime/err.h"
#include "base/runtime/text.h"
#include "gateway/cli.h"
#include "gateway/look/table.h"

struct flag_table;

/* Where to look, and where to print. */
struct look_options {
	const char *conninfo;
	const char *role; /* NULL: the user's own */
	bool json;
	FILE *out;
	FILE *err;
};

/* A command that looks: what the program's table points to, and what its
   help, its reference page and completion are printed from. */
struct look_command {
	struct command command; /* its run is look_commands_run */
	const struct flag_table *flags;
	/* argv[0] is the name; returns an exit code of cli.h. */
	int (*look)(const struct look_options *options, int argc, char **argv);
};

#define LOOK_USER_MAX 64
#define LOOK_TEXT_MAX ((size_t)256 * 1024 * 1024)

struct look {
	const struct look_options *options; /* borrowed */
	struct pgconn *conn;
	struct pgrows *readable; /* table name, may read, may change */
	int64_t now_ms;          /* by Postgres' clock */
	char user[LOOK_USER_MAX];
	struct table_style style;
	struct text text; /* what is printed at the end */
};

/*
 * Connects; looks for Waybill and for what this role may do with it. On
 * failure nothing is to be closed. ERR_POSTGRES_LOST, ERR_PRIVILEGE and
 * ERR_MIGRATION say what to do. changes: the command writes.
 */
enum err_code
look_open(const struct look_options *options, bool changes, struct look *out,
          struct err *err) ERR_MUST_CHECK;

/* Prints what is in look->text; closes. Never fails before look_open. */
void
look_close(struct look *look);

/* Prints what is in look->text now. */
void
look_flush(struct look *look);

bool
look_may_read(const struct look *look, const char *table);
bool
look_may_change(const struct look *look, const char *table);

/* The rows of a statement into a table with these columns. */
enum err_code
look_query_table(struct look *look, const struct pgstatement *statement,
                 const struct pgvalue *values, struct table *out,
                 struct err *err) ERR_MUST_CHECK;

/* Where *tenant is NULL and *feed is TENANT/FEED, sets both; room holds the
   tenant then. */
#define LOOK_TENANT_MAX 256
void
look_split_feed(const char **tenant, const char **feed,
                char room[LOOK_TENANT_MAX]);

/* ERR_NOT_FOUND: there is no such tenant or feed, or none that this role may
   see. NULL: any. */
enum err_code
look_check_feed(struct look *look, const char *tenant, const char *feed,
                struct err *err) ERR_MUST_CHECK;

/* Says what failed on options->err; returns the exit code. */
int
look_fail(const struct look_options *options, const char *command,
          const struct err *err);

/* Prints a command's help; returns CLI_OK. */
int
look_help(const struct look_options *options,
          const struct look_command *command);
