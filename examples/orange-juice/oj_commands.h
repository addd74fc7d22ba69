/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands.  Each takes its own arguments (argv[0] is its name) and
 * returns the exit code of the program.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	OJ_EXIT_OK = 0,
	OJ_EXIT_FAILED = 1,
	OJ_EXIT_USAGE = 2,
};

int
oj_read_main(int argc, char **argv);
int
oj_produce_main(int argc, char **argv);
int
oj_post_main(int argc, char **argv);
int
oj_consume_main(int argc, char **argv);

/* A whole number, 0 to max, or -1. */
long long
oj_commands_number_parse(const char *text, long long max);

/* "FIRST-LAST", both at least 1. */
bool
oj_commands_weeks_parse(const char *text, int32_t *out_first,
                        int32_t *out_last);
