/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Every command of the program waybill; waybill.c has the table of them.
 * A command is defined at the end of the file that it is named for; its
 * context is a struct cli.
 */
#include "base/model/module.h"

struct flag_table;

extern const struct command migrate_command;
extern const struct command apply_command;
extern const struct flag_table apply_flags;
