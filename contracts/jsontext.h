/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The grammar of JSON (RFC 8259), pulled piece by piece out of bytes that need
 * not end in NUL. Nothing is built and nothing allocated. The first fault
 * ends it; then every function gives false.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contracts/numeral.h"

#define JSONTEXT_DEPTH_MAX 512

struct jsontext {
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	int64_t line;      /* the number of the first line */
	int depth;         /* objects and arrays that are open */
	const char *fault; /* what was expected at "at"; NULL: none */
};

/* What stands between the quotes. */
struct jsontext_string {
	const uint8_t *bytes;
	size_t len;
	bool has_escape;
	bool has_high; /* perhaps a byte above 7f */
};

/* Always false, so that "return jsontext_fail(...)" ends it. */
bool
jsontext_fail(struct jsontext *text, const char *expected);

bool
jsontext_has_depth_fault(const struct jsontext *text);

/* The next byte that is no white space; 0: the end (a NUL is a fault for
   whoever looks at it). */
static inline uint8_t
jsontext_peek(struct jsontext *text)
{
	while (text->at < text->end) {
		uint8_t byte = *text->at;

		if (byte > ' ')
			return byte;
		if (byte != ' ' && byte != '\n' && byte != '\t' && byte != '\r')
			return 0;
		text->at++;
	}
	return 0;
}

/* One that has been peeked at, or a fault. */
static inline bool
jsontext_take(struct jsontext *text, uint8_t byte, const char *expected)
{
	if (jsontext_peek(text) != byte)
		return jsontext_fail(text, expected);
	text->at++;
	return true;
}

/* "{" or "[" has been peeked at. */
bool
jsontext_enter(struct jsontext *text);

/* Behind a value: "," is taken and out_more set; or the end of what was
   entered is. */
static inline bool
jsontext_more(struct jsontext *text, bool is_object, bool *out_more)
{
	uint8_t byte = jsontext_peek(text);

	*out_more = byte == ',';
	if (byte != ',' && byte != (is_object ? '}' : ']'))
		return jsontext_fail(
			text, is_object ? "\",\" or \"}\"" : "\",\" or \"]\"");
	text->at++;
	text->depth -= byte != ',';
	return true;
}

/* Behind "{" or "[": whether its end follows, which is taken then. */
static inline bool
jsontext_is_empty(struct jsontext *text, bool is_object)
{
	if (jsontext_peek(text) != (is_object ? '}' : ']'))
		return false;
	text->at++;
	text->depth--;
	return true;
}

/* The quote has been peeked at. Escapes are known to be well formed. */
bool
jsontext_string(struct jsontext *text, struct jsontext_string *out);

/* A string as UTF-8, no longer than it is; SIZE_MAX: half of a surrogate
   pair. */
size_t
jsontext_decode(const struct jsontext_string *string, uint8_t *out);

bool
jsontext_number(struct jsontext *text, struct numeral *out);

/* "null", "true", "false". */
bool
jsontext_word(struct jsontext *text, const char *word);

/* Any value, which is looked at for its grammar. */
bool
jsontext_skip(struct jsontext *text);

/* The column is from 1 and counts characters. */
void
jsontext_place(const struct jsontext *text, const uint8_t *at,
               int64_t *out_line, long *out_column);
