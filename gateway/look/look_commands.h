/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The list of the commands that look.
 */
#include <stddef.h>

struct flag_table;
struct look_command;

#define LOOK_COMMANDS_MAX 32

extern const struct look_command *const look_commands[];
extern const size_t look_commands_count;

/* NULL: it is none of these. */
const struct look_command *
look_commands_find(const char *name);

/* The options of any command of waybill; NULL: it has none. */
const struct flag_table *
look_commands_flags(const char *name);

/* Runs the one named argv[0] with a context that is a struct cli. */
int
look_commands_run(int argc, char **argv, void *context);
