/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * waybill completion bash: what a shell needs to complete commands and their
 * options, printed from the tables of commands.
 */
#include "gateway/look/look.h"

struct command;

extern const struct look_command completion_command;

/* Which commands there are: told once by the program. Borrowed. */
void
completion_set(const struct command *const *commands, size_t count);

/* The script. */
void
completion_print(struct text *out);
