/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What every unit test includes last: cmocka and the headers that it expects
 * before itself, and the alarm that ends a test which hangs.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* End the process by SIGALRM after this many seconds; call it first in main. */
static inline void
unit_alarm(unsigned int seconds)
{
	alarm(seconds);
}
