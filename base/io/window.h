/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A window onto bytes that come one after the other: a file, a pipe, or
 * memory, which is not copied. The reader looks at what is in the window, asks
 * for more where that is too little, and takes what it is done with. The owner
 * embeds it; one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct window {
	const uint8_t *at; /* never NULL */
	size_t len;
	int64_t offset; /* of at, from the beginning */
	bool ended;     /* nothing comes behind it */
	/* its own */
	int fd;
	uint8_t *buffer;
	size_t buffer_size;
	size_t bytes_max;
};

/* The descriptor stays the caller's. bytes_max: the most that can be looked at
   at once. */
void
window_init_fd(struct window *window, int fd, size_t bytes_max);

/* The bytes stay the caller's, and where they are. */
void
window_init_bytes(struct window *window, const void *bytes, size_t len);

void
window_fini(struct window *window);

/* Until there are so many bytes, or it has ended. What was looked at may have
   moved. ERR_TOO_LARGE: more than bytes_max; ERR_IO. */
enum err_code
window_fill(struct window *window, size_t len, struct err *err) ERR_MUST_CHECK;

void
window_take(struct window *window, size_t len);
