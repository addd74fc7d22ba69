/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where a list of messages goes on: the time of the last message that was
 * given, and how many of that time were. Opaque text, bound to the question
 * that it continues: with any other it is refused. It says nothing about what
 * may be seen, so that it needs no secret.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURSOR_TEXT_MAX 48

struct cursor {
	int64_t time_ms;
	int64_t skip;
};

/* question: all that is asked but the cursor and the limit. */
void
cursor_print(const struct cursor *cursor, const char *question,
             char out[CURSOR_TEXT_MAX]);

bool
cursor_parse(const char *text, const char *question, struct cursor *out);
