/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings are looked through eight bytes at a time: the highest bit of each
 * byte of a word says whether it ends the run or must be looked at.
 */
#include "contracts/jsontext.h"

#include <endian.h>
#include <string.h>

#include "base/runtime/check.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH_BITS  EACH(0x80)

static const char jsontext_deep[] = "at most 512 levels";

/* -- strings ---------------------------------------------------------------- */

/* The lowest byte that has its bit is a quote, a backslash or a control
   character; above it there may be false ones. */
static inline uint64_t
find_special(uint64_t word)
{
	uint64_t quote = word ^ EACH('"'), slash = word ^ EACH('\\');

	return (((word - EACH(0x20)) & ~word) | ((quote - EACH(1)) & ~quote) |
	        ((slash - EACH(1)) & ~slash)) &
		HIGH_BITS;
}

/* Up to a quote, a backslash, a control character or the end. */
static inline const uint8_t *
skip_plain(const uint8_t *at, const uint8_t *end, uint64_t *high)
{
	uint64_t word, special;

	while (end - at >= 8) {
		memcpy(&word, at, sizeof(word));
		word = le64toh(word);
		special = find_special(word);
		*high |= word;
		if (special != 0)
			return at + (__builtin_ctzll(special) >> 3);
		at += 8;
	}
	for (; at < end; at++) {
		*high |= *at;
		if (*at == '"' || *at == '\\' || *at < 0x20)
			break;
	}
	return at;
}

static int
hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool
check_escape(struct jsontext *text)
{
	const uint8_t *at = text->at + 1;

	if (at == text->end || *at == '\0' ||
	    strchr("\"\\/bfnrtu", *at) == NULL) {
		text->at = at;
		return jsontext_fail(text, "one of \"\\/bfnrtu behind \"\\\"");
	}
	if (*at++ == 'u') {
		for (int i = 0; i < 4; i++, at++) {
			if (at < text->end && hex_digit(*at) >= 0)
				continue;
			text->at = at;
			return jsontext_fail(text,
			                     "4 hexadecimal digits behind "
			                     "\"\\u\"");
		}
	}
	text->at = at;
	return true;
}

static uint32_t
take_unit(const uint8_t *at)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit << 4 | (uint32_t)hex_digit(at[i]);
	return unit;
}

static uint8_t *
put_character(uint8_t *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (uint8_t)code;
	} else if (code < 0x800) {
		*out++ = (uint8_t)(0xc0 | code >> 6);
		*out++ = (uint8_t)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*out++ = (uint8_t)(0xe0 | code >> 12);
		*out++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		*out++ = (uint8_t)(0x80 | (code & 0x3f));
	} else {
		*out++ = (uint8_t)(0xf0 | code >> 18);
		*out++ = (uint8_t)(0x80 | (code >> 12 & 0x3f));
		*out++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		*out++ = (uint8_t)(0x80 | (code & 0x3f));
	}
	return out;
}

/* Behind "\u"; NULL: half of a pair. */
static const uint8_t *
decode_unit(const uint8_t *at, const uint8_t *end, uint32_t *out)
{
	uint32_t unit = take_unit(at), low;

	at += 4;
	*out = unit;
	if (unit < 0xd800 || unit > 0xdfff)
		return at;
	if (unit > 0xdbff || end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return NULL;
	low = take_unit(at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return NULL;
	*out = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	return at + 6;
}

/* -- values ----------------------------------------------------------------- */

static bool
skip_scalar(struct jsontext *text, uint8_t first)
{
	struct jsontext_string string;
	struct numeral number;

	if (first == '"')
		return jsontext_string(text, &string);
	if (first == '-' || (first >= '0' && first <= '9'))
		return jsontext_number(text, &number);
	if (first == 't')
		return jsontext_word(text, "true");
	if (first == 'f')
		return jsontext_word(text, "false");
	if (first == 'n')
		return jsontext_word(text, "null");
	return jsontext_fail(text, "a value");
}

static bool
skip_name(struct jsontext *text)
{
	struct jsontext_string name;

	if (jsontext_peek(text) != '"')
		return jsontext_fail(text, "a name in quotes");
	return jsontext_string(text, &name) &&
		jsontext_take(text, ':', "\":\"");
}

/* -- public -------------------------------------------------------------- */

bool
jsontext_fail(struct jsontext *text, const char *expected)
{
	if (text->fault == NULL)
		text->fault = expected;
	return false;
}

bool
jsontext_has_depth_fault(const struct jsontext *text)
{
	return text->fault == jsontext_deep;
}

bool
jsontext_enter(struct jsontext *text)
{
	if (text->depth == JSONTEXT_DEPTH_MAX)
		return jsontext_fail(text, jsontext_deep);
	text->depth++;
	text->at++;
	return true;
}

bool
jsontext_string(struct jsontext *text, struct jsontext_string *out)
{
	uint64_t high = 0;

	out->bytes = ++text->at;
	out->has_escape = false;
	for (;;) {
		text->at = skip_plain(text->at, text->end, &high);
		if (text->at == text->end)
			return jsontext_fail(text, "the closing quote");
		if (*text->at == '"')
			break;
		if (*text->at < 0x20)
			return jsontext_fail(text,
			                     "no control character in a "
			                     "string");
		out->has_escape = true;
		if (!check_escape(text))
			return false;
	}
	out->len = (size_t)(text->at - out->bytes);
	out->has_high = (high & HIGH_BITS) != 0;
	text->at++;
	return true;
}

size_t
jsontext_decode(const struct jsontext_string *string, uint8_t *out)
{
	static const char plain[] = "\"\\/\b\f\n\r\t", names[] = "\"\\/bfnrt";
	const uint8_t *at = string->bytes, *end = at + string->len;
	uint8_t *start = out;
	uint32_t code;

	while (at < end) {
		const uint8_t *run = at;

		at = memchr(at, '\\', (size_t)(end - at));
		if (at == NULL)
			at = end;
		memcpy(out, run, (size_t)(at - run));
		out += at - run;
		if (at == end)
			break;
		at += 2;
		if (at[-1] != 'u') {
			*out++ = (uint8_t)plain[strchr(names, at[-1]) - names];
			continue;
		}
		at = decode_unit(at, end, &code);
		if (at == NULL)
			return SIZE_MAX;
		out = put_character(out, code);
	}
	return (size_t)(out - start);
}

bool
jsontext_number(struct jsontext *text, struct numeral *out)
{
	const uint8_t *behind = numeral_read(text->at, text->end, out);

	if (behind == NULL)
		return jsontext_fail(text, "a number as JSON has them");
	text->at = behind;
	return true;
}

bool
jsontext_word(struct jsontext *text, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(text->end - text->at) < len ||
	    memcmp(text->at, word, len) != 0)
		return jsontext_fail(text, "a value");
	text->at += len;
	return true;
}

bool
jsontext_skip(struct jsontext *text)
{
	bool is_object[JSONTEXT_DEPTH_MAX + 1];
	int outside = text->depth;
	bool more;

	for (;;) {
		uint8_t first = jsontext_peek(text);
		bool object = first == '{';

		if (object || first == '[') {
			if (!jsontext_enter(text))
				return false;
			if (!jsontext_is_empty(text, object)) {
				is_object[text->depth] = object;
				if (object && !skip_name(text))
					return false;
				continue;
			}
		} else if (!skip_scalar(text, first)) {
			return false;
		}
		do {
			if (text->depth == outside)
				return true;
			object = is_object[text->depth];
			if (!jsontext_more(text, object, &more))
				return false;
		} while (!more);
		if (object && !skip_name(text))
			return false;
	}
}

void
jsontext_place(const struct jsontext *text, const uint8_t *at,
               int64_t *out_line, long *out_column)
{
	*out_line = text->line;
	*out_column = 1;
	for (const uint8_t *byte = text->start; byte < at; byte++) {
		if (*byte == '\n') {
			++*out_line;
			*out_column = 1;
		} else if ((*byte & 0xc0) != 0x80) {
			++*out_column;
		}
	}
}
