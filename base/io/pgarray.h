/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Postgres' binary form of one-dimensional arrays: built from columns
 * without an allocation per element, and read back in place.
 * Wire form: int32 dimensions (0 or 1), int32 has_null, int32 element type,
 * int32 count, int32 lower bound 1, then per element int32 length (-1: null)
 * and its bytes; all in network order (array_send in Postgres' source).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/pgconn.h"

/* Grows and is reused from batch to batch. Zeroed: empty. */
struct pgarray {
	uint8_t *bytes;
	size_t len;
	size_t size;
	int32_t count;
	bool has_null;
};

void
pgarray_begin(struct pgarray *array, enum pgtype element);
void
pgarray_add_int8(struct pgarray *array, int64_t value);
void
pgarray_add_int4(struct pgarray *array, int32_t value);
void
pgarray_add_int2(struct pgarray *array, int16_t value);
/* bytes NULL: null element. Also for text elements. */
void
pgarray_add_bytes(struct pgarray *array, const void *bytes, size_t len);
/* One element out of two pieces. */
void
pgarray_add_pair(struct pgarray *array, const void *first, size_t first_len,
                 const void *second, size_t second_len);
/* Completes the header; the value borrows from array until begin or fini. */
struct pgvalue
pgarray_end(struct pgarray *array);
void
pgarray_fini(struct pgarray *array);

/* Reading. */
struct pgarray_reader {
	const uint8_t *at;
	const uint8_t *end;
	int32_t left; /* elements */
	enum pgtype element;
};

/* ERR_INVALID: not the binary form of a one-dimensional array. */
enum err_code
pgarray_read(const uint8_t *bytes, int len, struct pgarray_reader *out,
             struct err *err) ERR_MUST_CHECK;
/* False at the end, or where the bytes are cut short (then left is -1). A
   null has out_bytes NULL and out_len -1. */
bool
pgarray_next(struct pgarray_reader *reader, const uint8_t **out_bytes,
             int *out_len);
/* An integer element of 2, 4 or 8 bytes; null: otherwise. */
bool
pgarray_next_int(struct pgarray_reader *reader, int64_t otherwise,
                 int64_t *out);
