/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows of a CSV text (RFC 4180): commas, LF or CRLF, values in quotes that may
 * hold all of these. Lines without anything are no rows. What follows a row
 * that is broken is read where it is clear where it begins.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/window.h"
#include "base/runtime/err.h"

#define CSVROWS_VALUES_MAX 16384 /* in a row */

struct csvrows_value {
	size_t from; /* in the row; the quotes are left out */
	size_t len;
	bool is_quoted;
	bool has_quotes; /* doubled ones */
};

struct csvrows {
	struct window *window; /* borrowed */
	size_t row_bytes_max;
	size_t taken;  /* of the window: the row that was given last */
	bool skipping; /* that row goes on */
	int64_t line;  /* of what comes next, from 1 */
	struct csvrows_value *values;
	size_t value_count;
	size_t value_size;
};

struct csvrows_row {
	const uint8_t *bytes; /* without its end; until the next call */
	size_t len;
	int64_t line; /* where it begins */
	bool is_end;  /* there is no row any more */
	/* What is wrong, and where in the row; NULL: nothing. */
	const char *fault;
	size_t fault_at;
	bool is_too_long;
};

/* The window must hold row_bytes_max + 4 bytes. */
void
csvrows_init(struct csvrows *rows, struct window *window, size_t row_bytes_max);

void
csvrows_fini(struct csvrows *rows);

/* The values are in rows->values. ERR_INVALID: a quote is open, and it cannot
   be told where the next row begins. */
enum err_code
csvrows_next(struct csvrows *rows, struct csvrows_row *out,
             struct err *err) ERR_MUST_CHECK;
