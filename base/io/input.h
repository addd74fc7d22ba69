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

struct input {
	const uint8_t *at; /* the window; never NULL */
	size_t len;
	int64_t offset; /* of the window, from the beginning */
	bool ended;     /* nothing comes behind the window */
	/* its own */
	int fd;
	uint8_t *buffer;
	size_t buffer_size;
	size_t bytes_max;
};

/* The descriptor stays the caller's. bytes_max: the largest window. */
void
input_init_fd(struct input *input, int fd, size_t bytes_max);

/* The bytes stay the caller's, and where they are. */
void
input_init_bytes(struct input *input, const void *bytes, size_t len);

void
input_fini(struct input *input);

/* Until the window has so many bytes, or has ended. What was looked at may
   have moved. ERR_TOO_LARGE: more than the largest window; ERR_IO. */
enum err_code
input_fill(struct input *input, size_t len, struct err *err) ERR_MUST_CHECK;

void
input_take(struct input *input, size_t len);
