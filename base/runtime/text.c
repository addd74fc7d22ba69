/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Grows by doubling. Once an addition did not fit whole, what fits is kept
 * and every later addition is ignored: the content is always a prefix of
 * what was meant.
 */
#include "base/runtime/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define TEXT_SIZE_FIRST 64
#define TEXT_HIGH_BITS  UINT64_C(0x8080808080808080)

/* Makes room for len more bytes and the NUL; returns how many may be added. */
static size_t
text_reserve(struct text *text, size_t len)
{
	size_t size;

	if (text->cut)
		return 0;
	if (len > text->size_max - text->len) {
		len = text->size_max - text->len;
		text->cut = true;
	}
	if (text->len + len < text->size)
		return len;
	size = text->size > 0 ? text->size : TEXT_SIZE_FIRST;
	while (size <= text->len + len)
		size *= 2;
	if (size > text->size_max + 1)
		size = text->size_max + 1;
	text->bytes = memory_realloc(text->bytes, size);
	text->size = size;
	return len;
}

static inline uint64_t
text_word(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline bool
text_is_tail(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The length of the well-formed sequence at bytes; 0: there is none. */
static size_t
text_sequence(const uint8_t *bytes, size_t len)
{
	uint8_t lead = bytes[0];

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4 || len < 2 || !text_is_tail(bytes[1]))
		return 0;
	if (lead < 0xe0)
		return 2;
	if (lead < 0xf0) {
		if (len < 3 || !text_is_tail(bytes[2]))
			return 0;
		if (lead == 0xe0 && bytes[1] < 0xa0) /* overlong */
			return 0;
		if (lead == 0xed && bytes[1] > 0x9f) /* surrogate */
			return 0;
		return 3;
	}
	if (len < 4 || !text_is_tail(bytes[2]) || !text_is_tail(bytes[3]))
		return 0;
	if (lead == 0xf0 && bytes[1] < 0x90) /* overlong */
		return 0;
	if (lead == 0xf4 && bytes[1] > 0x8f) /* beyond U+10FFFF */
		return 0;
	return 4;
}

/* Whether up to 32 bytes are ASCII, without a loop: looks that overlap. Most
   texts in a message are that short. */
static inline bool
text_is_short_ascii(const uint8_t *bytes, size_t len)
{
	uint32_t first, last;

	if (len > 16)
		return ((text_word(bytes) | text_word(bytes + 8) |
		         text_word(bytes + len - 16) |
		         text_word(bytes + len - 8)) &
		        TEXT_HIGH_BITS) == 0;
	if (len >= 8)
		return ((text_word(bytes) | text_word(bytes + len - 8)) &
		        TEXT_HIGH_BITS) == 0;
	if (len >= 4) {
		memcpy(&first, bytes, sizeof(first));
		memcpy(&last, bytes + len - 4, sizeof(last));
		return ((first | last) & (uint32_t)TEXT_HIGH_BITS) == 0;
	}
	return len == 0 ||
		((bytes[0] | bytes[len / 2] | bytes[len - 1]) & 0x80) == 0;
}

/* How many bytes from the front are ASCII, at least rounded down to 8. */
static size_t
text_ascii(const uint8_t *bytes, size_t len)
{
	size_t i = 0;

	for (; len - i >= 32; i += 32)
		if (((text_word(bytes + i) | text_word(bytes + i + 8) |
		      text_word(bytes + i + 16) | text_word(bytes + i + 24)) &
		     TEXT_HIGH_BITS) != 0)
			break;
	for (; len - i >= 8; i += 8)
		if ((text_word(bytes + i) & TEXT_HIGH_BITS) != 0)
			break;
	return i;
}

static void
text_add_json_byte(struct text *text, uint8_t byte)
{
	static const char short_forms[32] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n',
		['\r'] = 'r', ['\t'] = 't',
	};
	char escape[8];

	if (byte == '"' || byte == '\\')
		snprintf(escape, sizeof(escape), "\\%c", byte);
	else if (byte < 0x20 && short_forms[byte] != 0)
		snprintf(escape, sizeof(escape), "\\%c", short_forms[byte]);
	else
		snprintf(escape, sizeof(escape), "\\u%04x", byte);
	text_add(text, escape);
}

/* Two digits at once: a division is what takes the time. */
static const char text_pairs[] =
	"00010203040506070809101112131415161718192021222324"
	"25262728293031323334353637383940414243444546474849"
	"50515253545556575859606162636465666768697071727374"
	"75767778798081828384858687888990919293949596979899";

/* -- public -------------------------------------------------------------- */

void
text_init(struct text *text, size_t size_max)
{
	CHECK(size_max > 0 && size_max < SIZE_MAX / 4);
	memset(text, 0, sizeof(*text));
	text->size_max = size_max;
}

void
text_fini(struct text *text)
{
	memory_free(&text->bytes);
	text->len = 0;
	text->size = 0;
	text->cut = false;
}

void
text_reset(struct text *text)
{
	text->len = 0;
	text->cut = false;
	if (text->bytes != NULL)
		text->bytes[0] = '\0';
}

void
text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void
text_add_bytes(struct text *text, const void *bytes, size_t len)
{
	len = text_reserve(text, len);
	if (text->bytes == NULL)
		return;
	if (len > 0)
		memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
}

char *
text_make_room(struct text *text, size_t len)
{
	if (text->cut || len > text->size_max - text->len)
		return NULL;
	text_reserve(text, len);
	return text->bytes + text->len;
}

void
text_addf(struct text *text, const char *format, ...)
{
	char small[256];
	va_list args;
	size_t room;
	char *large;
	int len;

	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	CHECK(len >= 0);
	if ((size_t)len < sizeof(small)) {
		text_add_bytes(text, small, (size_t)len);
		return;
	}
	room = text_reserve(text, (size_t)len);
	if (room == (size_t)len) {
		va_start(args, format);
		vsnprintf(text->bytes + text->len, room + 1, format, args);
		va_end(args);
		text->len += room;
		return;
	}
	if (room == 0)
		return;
	large = memory_alloc(room + 1);
	va_start(args, format);
	vsnprintf(large, room + 1, format, args);
	va_end(args);
	memcpy(text->bytes + text->len, large, room + 1);
	text->len += room;
	memory_free(&large);
}

void
text_add_json(struct text *text, const char *string, size_t len)
{
	const uint8_t *bytes = (const uint8_t *)string;
	size_t from = 0, i = 0;

	text_add_bytes(text, "\"", 1);
	while (i < len) {
		size_t sequence = text_sequence(bytes + i, len - i);

		if (sequence > 0 && bytes[i] >= 0x20 && bytes[i] != '"' &&
		    bytes[i] != '\\' && bytes[i] != 0x7f) {
			i += sequence;
			continue;
		}
		text_add_bytes(text, string + from, i - from);
		if (sequence == 0)
			text_add(text, "\xef\xbf\xbd");
		else
			text_add_json_byte(text, bytes[i]);
		i++;
		from = i;
	}
	if (len > 0)
		text_add_bytes(text, string + from, len - from);
	text_add_bytes(text, "\"", 1);
}

void
text_add_hex(struct text *text, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;

	for (size_t i = 0; i < len; i++) {
		char pair[2] = { digits[from[i] >> 4], digits[from[i] & 15] };

		text_add_bytes(text, pair, 2);
	}
}

bool
text_is_cut(const struct text *text)
{
	return text->cut;
}

const char *
text_string(const struct text *text)
{
	return text->bytes != NULL ? text->bytes : "";
}

int
text_print_int(char out[TEXT_INT_MAX], int64_t value)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[TEXT_INT_MAX];
	char *at = digits + sizeof(digits) - 1;
	int len;

	*at = '\0';
	while (rest > 9) {
		at -= 2;
		memcpy(at, &text_pairs[rest % 100 * 2], 2);
		rest /= 100;
	}
	if (rest > 0 || *at == '\0')
		*--at = (char)('0' + rest);
	if (value < 0)
		*--at = '-';
	len = (int)(digits + sizeof(digits) - 1 - at);
	memcpy(out, at, (size_t)len + 1);
	return len;
}

bool
text_is_utf8(const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	size_t i = 0;

	if (len <= 32 && text_is_short_ascii(from, len))
		return true;
	while (i < len) {
		size_t sequence;

		i += text_ascii(from + i, len - i);
		/* the last 8 bytes in one look, also where they overlap */
		if (len - i < 8 && len >= 8 &&
		    (text_word(from + len - 8) & TEXT_HIGH_BITS) == 0)
			return true;
		/* then the few bytes up to the next stretch of ASCII */
		for (int n = 0; n < 16 && i < len; n++) {
			sequence = text_sequence(from + i, len - i);
			if (sequence == 0)
				return false;
			i += sequence;
		}
	}
	return true;
}
