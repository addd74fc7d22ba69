/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The page docs/reference/commands.md, printed from the table of commands.
 */
#include <stddef.h>

struct command;
struct text;

/* usage and exit_codes: what --help says. */
void
command_reference_print(const struct command *const *commands, size_t count,
                        const char *usage, const char *exit_codes,
                        struct text *out);
