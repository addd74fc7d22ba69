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

/* Of a test that has a struct err named err: what went wrong is said. */
#define assert_ok(call)                                                        \
	do {                                                                   \
		err = (struct err){ .code = ERR_OK };                          \
		if ((call) != ERR_OK)                                          \
			fail_msg("%s: %s: %s", #call, err_name(err.code),      \
			         err.text);                                    \
	} while (0)
