/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Cuts JSON where an envelope stands around a value: the envelope is read
 * strictly, the value is handed on as it is, since whoever knows its schema
 * reads it strictly too. No recursion, and no copy but of strings that have
 * escapes. One thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct jsonslice {
	const char *begin;
	const char *at;
	const char *end;
	const char *fault; /* what is wrong at `at`; NULL: nothing */
};

void
jsonslice_init(struct jsonslice *slice, const char *bytes, size_t len);

/* The next byte that is no space; '\0': the end. */
char
jsonslice_peek(struct jsonslice *slice);

/* False with a fault where another byte comes. */
bool
jsonslice_take(struct jsonslice *slice, char byte);

/* A string, decoded: well-formed UTF-8, which may hold NUL. Borrowed from the
   text where it has no escapes, else from the arena. */
bool
jsonslice_string(struct jsonslice *slice, struct arena *arena, const char **out,
                 size_t *out_len);

/* A whole number. */
bool
jsonslice_integer(struct jsonslice *slice, int64_t *out);

/* True, and taken, where null comes. */
bool
jsonslice_null(struct jsonslice *slice);

/* From the first to the last byte of any value: its brackets are counted, what
   is between them is not looked at. */
bool
jsonslice_value(struct jsonslice *slice, const char **out, size_t *out_len);

/*
 * Members of an object, or items of an array (out_name NULL): to be called
 * before each; false at its end, which is taken, and on a fault. *first is
 * true before the first call.
 */
bool
jsonslice_next_member(struct jsonslice *slice, bool *first, struct arena *arena,
                      const char **out_name, size_t *out_len);
bool
jsonslice_next_item(struct jsonslice *slice, bool *first);

/* Where it stands, both from 1; the column counts characters. */
void
jsonslice_place(const struct jsonslice *slice, int64_t *out_line,
                int64_t *out_column);
