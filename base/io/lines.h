/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lines of a file, a pipe or memory: what stands in front of LF or CRLF, or of
 * the end. A byte order mark in front of the first is skipped. Constant memory;
 * one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/window.h"
#include "base/runtime/err.h"

struct lines {
	struct window *window; /* borrowed */
	size_t line_bytes_max;
	size_t taken;  /* of the window: the line that was given last */
	bool skipping; /* that line goes on */
	int64_t number;
};

struct line {
	const char *bytes; /* until the next call */
	size_t len;        /* of a line too long: the most that one may have */
	int64_t number;    /* from 1 */
	int64_t offset;    /* of its first byte, from the beginning */
	bool is_end;       /* there is no line any more */
	bool is_too_long;  /* the next one is behind its end */
};

/* The window must hold line_bytes_max + 2 bytes. */
void
lines_init(struct lines *lines, struct window *window, size_t line_bytes_max);

enum err_code
lines_next(struct lines *lines, struct line *out,
           struct err *err) ERR_MUST_CHECK;
