/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A CHECK is an assertion that stays on in production: if it fails the
 * program has a bug, and stops rather than lies. It prints one line to
 * stderr and aborts; the journal makes a restart safe.
 */
#include <stdint.h>

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (__builtin_expect(!(condition), 0))                         \
			check_failed(#condition, __FILE__, __LINE__);          \
	} while (0)

/* A struct that crosses a void * or a thread starts with uint32_t magic. */
#define CHECK_MAGIC(pointer, value)                                            \
	CHECK((pointer) != NULL && (pointer)->magic == (value))

_Noreturn void
check_failed(const char *condition, const char *file, int line);
