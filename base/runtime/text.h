/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A growing buffer of text or bytes with a maximum. Going over the maximum
 * marks it as cut instead of failing in the middle: the one who reads it
 * asks once, with text_is_cut. Always NUL-terminated behind len.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes; /* NULL only before the first addition */
	size_t len;
	size_t size;
	size_t size_max;
	bool cut;
};

void
text_init(struct text *text, size_t size_max);

void
text_fini(struct text *text);

void
text_reset(struct text *text);

void
text_add(struct text *text, const char *string);

void
text_add_bytes(struct text *text, const void *bytes, size_t len);

/* Room for len bytes behind the content, for who writes them there and counts
   them into len; NULL: it would go over the maximum, and nothing has changed.
   The NUL is then missing until the next addition. */
char *
text_make_room(struct text *text, size_t len);

void
text_addf(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void
text_add_json(struct text *text, const char *string, size_t len);

/* Lower case hexadecimal. */
void
text_add_hex(struct text *text, const void *bytes, size_t len);

bool
text_is_cut(const struct text *text);

/* The content, never NULL. */
const char *
text_string(const struct text *text);

/* Decimal with its NUL, without printf; its length. */
#define TEXT_INT_MAX 21
int
text_print_int(char out[TEXT_INT_MAX], int64_t value);

/* Whether bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool
text_is_utf8(const void *bytes, size_t len);
