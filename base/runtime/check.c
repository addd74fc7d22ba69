/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a program that has a bug. No lock, no heap, no log: whatever
 * they guard may be what is broken.
 */
#include "base/runtime/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* -- public -------------------------------------------------------------- */

_Noreturn void
check_failed(const char *condition, const char *file, int line)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
	                   "waybill: check failed: %s (%s:%d)\n", condition,
	                   file, line);

	if (len >= (int)sizeof(text)) {
		len = (int)sizeof(text) - 1;
		text[len - 1] = '\n';
	}
	if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
		abort(); /* there is nobody left to tell */
	abort();
}
