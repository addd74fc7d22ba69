/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the commands of the program waybill share: the global options, a
 * connection, exit codes, and how a failure is told.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/runtime/err.h"

struct pgconn;
struct text;

/* Exit codes; documented in --help. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_FOUND = 3,
	CLI_UNREACHABLE = 4,
	CLI_NEEDS_PERSON = 5, /* a state that a person should know of */
};

#define CLI_MAGIC 0xc11c11c1

/* The context of every command. */
struct cli {
	uint32_t magic;
	const char *conninfo; /* "": as libpq's environment says */
	const char *role;     /* SET ROLE, or NULL */
	bool json;
};

/* The cli behind a command's context. */
struct cli *
cli_of(void *context);

enum err_code
cli_connect(const struct cli *cli, struct pgconn **out,
            struct err *err) ERR_MUST_CHECK;

/* Prints the failure, to a person or as JSON. */
void
cli_tell(FILE *out, bool json, const struct err *err);

/* The same to stderr; says with which code to exit. */
int
cli_fail(const struct cli *cli, const struct err *err);

/* "waybill: COMMAND: what", with a hint at --help; CLI_USAGE. */
int
cli_usage(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum cli_exit
cli_exit_of(enum err_code code);
