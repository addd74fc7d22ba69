/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What producers and other machines wrote, and numbers, as a terminal may
 * have them: a message must not be able to move somebody's cursor.
 */
#include <stddef.h>
#include <stdint.h>

struct text;

/* Bytes as text: control characters, those that turn the direction of
   writing, and what is no UTF-8 become \xNN or \u{N}. */
void
show_bytes(struct text *out, const void *bytes, size_t len);
void
show_string(struct text *out, const char *string); /* NULL: nothing */

/* JSON that is printed already: the same characters, which may only be
   inside of strings, become \uNNNN; all else stays. */
void
show_json(struct text *out, const char *json, size_t len);

/* 1234567 as "1,234,567". */
#define SHOW_COUNT_MAX 32
const char *
show_count(int64_t count, char out[SHOW_COUNT_MAX]);

/* "2026-03-29 01:59:59.123 UTC"; beyond the years 0 to 9999 milliseconds,
   which is said. */
#define SHOW_TIME_MAX 64
const char *
show_time(int64_t wall_ms, char out[SHOW_TIME_MAX]);

/* How long ago (or ahead): "4 s", "12 min", "3 h", "5 days". */
const char *
show_age(int64_t wall_ms, int64_t now_ms, char out[SHOW_TIME_MAX]);

/* How many columns a string takes on a terminal: its code points. */
size_t
show_width(const char *string);
