/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffer grows with what is asked for; what was taken makes room when it is
 * full.
 */
#include "base/io/window.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define WINDOW_BYTES_FIRST (256 * 1024)

/* Room behind the window, so that it can have len bytes. */
static void
make_room(struct window *window, size_t len)
{
	size_t front, size = window->buffer_size;
	uint8_t *buffer;

	if (window->buffer == NULL) {
		size = len > WINDOW_BYTES_FIRST ? len : WINDOW_BYTES_FIRST;
		window->buffer = memory_alloc(size);
		window->buffer_size = size;
		window->at = window->buffer;
		return;
	}
	front = (size_t)(window->at - window->buffer);
	if (front + len <= size)
		return;
	if (len <= size) {
		memmove(window->buffer, window->at, window->len);
		window->at = window->buffer;
		return;
	}
	while (size < len)
		size *= 2;
	buffer = memory_alloc(size);
	memcpy(buffer, window->at, window->len);
	memory_free(&window->buffer);
	window->buffer = buffer;
	window->buffer_size = size;
	window->at = buffer;
}

/* -- public -------------------------------------------------------------- */

void
window_init_fd(struct window *window, int fd, size_t bytes_max)
{
	CHECK(fd >= 0);
	memset(window, 0, sizeof(*window));
	window->at = (const uint8_t *)"";
	window->fd = fd;
	window->bytes_max = bytes_max;
}

void
window_init_bytes(struct window *window, const void *bytes, size_t len)
{
	memset(window, 0, sizeof(*window));
	window->at = bytes != NULL ? bytes : (const uint8_t *)"";
	window->len = len;
	window->ended = true;
	window->fd = -1;
	window->bytes_max = SIZE_MAX;
}

void
window_fini(struct window *window)
{
	memory_free(&window->buffer);
	window->at = (const uint8_t *)"";
	window->len = 0;
	window->ended = true;
}

enum err_code
window_fill(struct window *window, size_t len, struct err *err)
{
	while (window->len < len && !window->ended) {
		uint8_t *to;
		ssize_t count;

		if (len > window->bytes_max)
			return err_set(err, ERR_TOO_LARGE,
			               "%zu bytes at once; at most %zu", len,
			               window->bytes_max);
		make_room(window, len);
		to = window->buffer + (window->at - window->buffer) +
			window->len;
		count = read(
			window->fd, to,
			(size_t)(window->buffer + window->buffer_size - to));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_set(err, ERR_IO,
			               "failed to read behind byte %lld (%s)",
			               (long long)window->offset,
			               strerror(errno));
		window->ended = count == 0;
		window->len += (size_t)count;
	}
	return ERR_OK;
}

void
window_take(struct window *window, size_t len)
{
	CHECK(len <= window->len);
	window->at += len;
	window->len -= len;
	window->offset += (int64_t)len;
}
