/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* Error texts. */
#include "examples/orange-juice/oj_err.h"

#include <stdarg.h>
#include <stdio.h>

/* -- public -------------------------------------------------------------- */

bool
oj_err_set(struct oj_err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return false;
}
