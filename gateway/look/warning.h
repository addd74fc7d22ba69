/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is not as it should be, each with what to do about it. Some are for a
 * person to know now, or for an alarm: nothing is recorded, or somewhere
 * nothing is forwarded. Owner's thread only.
 */
#include <stdbool.h>

#include "base/runtime/err.h"

struct look;

/*
 * Prints what this role may know into look->text: for people a list, in JSON
 * the members "warnings" and "needs_person". *out_needs_person: exit code 5.
 */
enum err_code
warning_print(struct look *look, bool *out_needs_person,
              struct err *err) ERR_MUST_CHECK;
