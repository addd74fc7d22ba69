/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Heap memory that cannot fail: out of memory is a CHECK, since every size
 * is bounded by a named maximum. Free with memory_free, which clears the
 * caller's pointer.
 */
#include <stddef.h>

void *
memory_alloc(size_t size); /* not cleared */

void *
memory_calloc(size_t count, size_t size);

void *
memory_realloc(void *old, size_t size);

char *
memory_strdup(const char *text);

char *
memory_strndup(const char *text, size_t len);

/* memory_free(&pointer): takes NULL, leaves NULL. */
#define memory_free(pointer_address)                                           \
	do {                                                                   \
		memory_release(*(pointer_address));                            \
		*(pointer_address) = NULL;                                     \
	} while (0)

void
memory_release(void *pointer);
