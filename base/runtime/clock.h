/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Time. The wall clock decides liveness only, never correctness; days come
 * from Postgres. Tests may replace both clocks.
 */
#include <stdint.h>

int64_t
clock_now_us(void); /* monotonic */

int64_t
clock_wall_ms(void); /* since 1970, UTC */

void
clock_sleep_ms(int64_t ms);

/* "2026-03-29T01:59:59.123Z"; any int64 is legal: beyond the years 0..9999
   it prints the number of milliseconds with a trailing "ms". */
#define CLOCK_TEXT_MAX 40
const char *
clock_format_ms(int64_t wall_ms, char out_text[CLOCK_TEXT_MAX]);

/* For tests: both clocks come from these until NULL is set again. */
void clock_set_fake(int64_t (*now_us)(void), int64_t (*wall_ms)(void));
