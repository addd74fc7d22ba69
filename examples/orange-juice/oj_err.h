/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, as one line for a person.  Functions that can fail return
 * false and fill it; oj_err_set returns false, so that "return oj_err_set"
 * reads well.
 */
#pragma once

#include <stdbool.h>

struct oj_err {
	char text[512];
};

bool
oj_err_set(struct oj_err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
