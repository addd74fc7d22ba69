/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc with a CHECK. A size of 0 gives a pointer that may be freed, so
 * that NULL never means anything but "not set".
 */
#include "base/runtime/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/runtime/check.h"

/* -- public -------------------------------------------------------------- */

void *
memory_alloc(size_t size)
{
	void *bytes = malloc(size > 0 ? size : 1);

	CHECK(bytes != NULL);
	return bytes;
}

void *
memory_calloc(size_t count, size_t size)
{
	void *bytes =
		count > 0 && size > 0 ? calloc(count, size) : calloc(1, 1);

	CHECK(bytes != NULL);
	return bytes;
}

void *
memory_realloc(void *old, size_t size)
{
	void *bytes = realloc(old, size > 0 ? size : 1);

	CHECK(bytes != NULL);
	return bytes;
}

char *
memory_strdup(const char *text)
{
	CHECK(text != NULL);
	return memory_strndup(text, strlen(text));
}

char *
memory_strndup(const char *text, size_t len)
{
	char *copy;

	CHECK(text != NULL || len == 0);
	len = len > 0 ? strnlen(text, len) : 0;
	copy = memory_alloc(len + 1);
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

void
memory_release(void *pointer)
{
	free(pointer);
}
