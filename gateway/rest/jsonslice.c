/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 8259 in the places that are read.
 */
#include "gateway/rest/jsonslice.h"

#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/text.h"

static bool
fail(struct jsonslice *slice, const char *fault)
{
	if (slice->fault == NULL)
		slice->fault = fault;
	return false;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* To the closing quote; at stands behind the opening one. */
static bool
skip_string(struct jsonslice *slice, bool *out_escaped)
{
	const char *at = slice->at;

	*out_escaped = false;
	for (; at < slice->end && *at != '"'; at++) {
		if (*at == '\\') {
			*out_escaped = true;
			if (++at == slice->end)
				break;
		}
	}
	slice->at = at;
	return at < slice->end || fail(slice, "a string has no end");
}

/* -- escapes ---------------------------------------------------------------- */

static bool
take_hex4(const char **at, const char *end, unsigned *out)
{
	unsigned value = 0;

	if (end - *at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value((*at)[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (unsigned)digit;
	}
	*at += 4;
	*out = value;
	return true;
}

static char *
put_utf8(char *to, unsigned point)
{
	if (point < 0x80) {
		*to++ = (char)point;
	} else if (point < 0x800) {
		*to++ = (char)(0xc0 | point >> 6);
		*to++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*to++ = (char)(0xe0 | point >> 12);
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	} else {
		*to++ = (char)(0xf0 | point >> 18);
		*to++ = (char)(0x80 | (point >> 12 & 0x3f));
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	}
	return to;
}

/* Behind "\u". */
static bool
decode_point(const char **at, const char *end, char **to)
{
	unsigned point, low;

	if (!take_hex4(at, end, &point))
		return false;
	if (point >= 0xdc00 && point < 0xe000)
		return false;
	if (point >= 0xd800 && point < 0xdc00) {
		if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
			return false;
		*at += 2;
		if (!take_hex4(at, end, &low) || low < 0xdc00 || low >= 0xe000)
			return false;
		point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, point);
	return true;
}

/* What becomes of an escape is never longer than it. */
static bool
decode(const char *at, const char *end, char *to, size_t *out_len)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	char *begin = to;

	while (at < end) {
		const char *known;

		if (*at != '\\') {
			*to++ = *at++;
			continue;
		}
		at++;
		if (*at == 'u') {
			at++;
			if (!decode_point(&at, end, &to))
				return false;
			continue;
		}
		known = *at != '\0' ? strchr(from, *at) : NULL;
		if (known == NULL)
			return false;
		*to++ = into[known - from];
		at++;
	}
	*out_len = (size_t)(to - begin);
	return true;
}

static bool
has_control(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)bytes[i] < 0x20)
			return true;
	return false;
}

/* -- public ---------------------------------------------------------------- */

void
jsonslice_init(struct jsonslice *slice, const char *bytes, size_t len)
{
	*slice = (struct jsonslice){ bytes, bytes, bytes + len, NULL };
}

char
jsonslice_peek(struct jsonslice *slice)
{
	const char *at = slice->at;

	while (at < slice->end &&
	       (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	slice->at = at;
	return at < slice->end ? *at : '\0';
}

bool
jsonslice_take(struct jsonslice *slice, char byte)
{
	static const char *const faults[] = {
		['{'] = "an object should begin here",
		['}'] = "an object should end here",
		['['] = "an array should begin here",
		[']'] = "an array should end here",
		[':'] = "a colon should be here",
		[','] = "a comma should be here",
		['"'] = "a string should be here",
	};

	if (jsonslice_peek(slice) != byte || slice->at == slice->end)
		return fail(slice, faults[(unsigned char)byte]);
	slice->at++;
	return true;
}

bool
jsonslice_string(struct jsonslice *slice, struct arena *arena, const char **out,
                 size_t *out_len)
{
	const char *begin;
	bool escaped;
	size_t len;

	if (!jsonslice_take(slice, '"'))
		return false;
	begin = slice->at;
	if (!skip_string(slice, &escaped))
		return false;
	len = (size_t)(slice->at - begin);
	if (!text_is_utf8(begin, len) || has_control(begin, len))
		return fail(slice,
		            "a string has bytes that must be escaped or "
		            "are no UTF-8");
	*out = begin;
	*out_len = len;
	if (escaped) {
		char *decoded = arena_alloc(arena, len);

		if (!decode(begin, slice->at, decoded, out_len))
			return fail(slice,
			            "a string has an escape that is none");
		*out = decoded;
	}
	slice->at++;
	return true;
}

bool
jsonslice_integer(struct jsonslice *slice, int64_t *out)
{
	const char *at;
	bool negative;
	int64_t value = 0;
	int digits = 0;

	jsonslice_peek(slice);
	at = slice->at;
	negative = at < slice->end && *at == '-';
	at += negative;
	for (; at < slice->end && *at >= '0' && *at <= '9'; at++, digits++) {
		if (digits == 18)
			return fail(slice, "a number is too large");
		value = value * 10 + (*at - '0');
	}
	if (digits == 0 ||
	    (at < slice->end && (*at == '.' || *at == 'e' || *at == 'E')))
		return fail(slice, "a whole number should be here");
	if (digits > 1 && at[-digits] == '0')
		return fail(slice, "a number must not begin with zero");
	slice->at = at;
	*out = negative ? -value : value;
	return true;
}

bool
jsonslice_null(struct jsonslice *slice)
{
	if (jsonslice_peek(slice) != 'n' || slice->end - slice->at < 4 ||
	    memcmp(slice->at, "null", 4) != 0)
		return false;
	slice->at += 4;
	return true;
}

bool
jsonslice_value(struct jsonslice *slice, const char **out, size_t *out_len)
{
	size_t depth = 0;
	bool escaped;

	jsonslice_peek(slice);
	*out = slice->at;
	while (slice->at < slice->end) {
		char c = *slice->at;

		if (c == '"') {
			slice->at++;
			if (!skip_string(slice, &escaped))
				return false;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (depth == 0)
				break;
			depth--;
		} else if (depth == 0 && (c == ',' || c == '\n')) {
			break;
		}
		slice->at++;
		/* An object, an array or a string has come to its end. */
		if (depth == 0 && (c == '"' || c == '}' || c == ']'))
			break;
	}
	if (depth > 0)
		return fail(slice, "a value has no end");
	*out_len = (size_t)(slice->at - *out);
	while (*out_len > 0 &&
	       ((*out)[*out_len - 1] == ' ' || (*out)[*out_len - 1] == '\t' ||
	        (*out)[*out_len - 1] == '\r'))
		(*out_len)--;
	return *out_len > 0 || fail(slice, "a value should be here");
}

bool
jsonslice_next_member(struct jsonslice *slice, bool *first, struct arena *arena,
                      const char **out_name, size_t *out_len)
{
	if (*first && !jsonslice_take(slice, '{'))
		return false;
	if (jsonslice_peek(slice) == '}') {
		slice->at++;
		return false;
	}
	if (!*first && !jsonslice_take(slice, ','))
		return false;
	*first = false;
	return jsonslice_string(slice, arena, out_name, out_len) &&
		jsonslice_take(slice, ':');
}

bool
jsonslice_next_item(struct jsonslice *slice, bool *first)
{
	if (*first && !jsonslice_take(slice, '['))
		return false;
	if (jsonslice_peek(slice) == ']') {
		slice->at++;
		return false;
	}
	if (!*first && !jsonslice_take(slice, ','))
		return false;
	*first = false;
	return true;
}

void
jsonslice_place(const struct jsonslice *slice, int64_t *out_line,
                int64_t *out_column)
{
	*out_line = *out_column = 1;
	for (const char *at = slice->begin; at < slice->at; at++) {
		if (*at == '\n') {
			++*out_line;
			*out_column = 1;
		} else if (((unsigned char)*at & 0xc0) != 0x80) {
			++*out_column;
		}
	}
}
