/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over UTF-8, with two ways to write what must not get through.
 */
#include "gateway/look/show.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/clock.h"
#include "base/runtime/text.h"

#define UTF8_BYTES_MAX 4

/* What terminals obey, or what makes text look like other text. */
static const struct {
	uint32_t first, last;
} unshown[] = {
	{ 0x00, 0x1f },     { 0x7f, 0x9f },     { 0x61c, 0x61c },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
	{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

static bool
is_unshown(uint32_t point)
{
	for (size_t i = 0; i < sizeof(unshown) / sizeof(unshown[0]); i++) {
		if (point >= unshown[i].first && point <= unshown[i].last)
			return true;
	}
	return false;
}

/* The length of the character at bytes and its code point; 0: no UTF-8. */
static size_t
character(const uint8_t *bytes, size_t len, uint32_t *out_point)
{
	size_t n = bytes[0] < 0x80        ? 1
		: (bytes[0] >> 5) == 0x06 ? 2
		: (bytes[0] >> 4) == 0x0e ? 3
		: (bytes[0] >> 3) == 0x1e ? UTF8_BYTES_MAX
					  : 0;

	if (n == 0 || n > len || !text_is_utf8(bytes, n))
		return 0;
	*out_point = n == 1 ? bytes[0] : bytes[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		*out_point = (*out_point << 6) | (bytes[i] & 0x3fu);
	return n;
}

static void
add_json_escape(struct text *out, uint32_t point)
{
	if (point < 0x10000) {
		text_addf(out, "\\u%04" PRIx32, point);
		return;
	}
	text_addf(out, "\\u%04" PRIx32 "\\u%04" PRIx32,
	          0xd800 + ((point - 0x10000) >> 10),
	          0xdc00 + ((point - 0x10000) & 0x3ff));
}

/* -- public ---------------------------------------------------------------- */

void
show_bytes(struct text *out, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint32_t point = 0;
	size_t n;

	for (; len > 0; at += n, len -= n) {
		n = character(at, len, &point);
		if (n == 0) {
			text_addf(out, "\\x%02x", at[0]);
			n = 1;
		} else if (is_unshown(point)) {
			text_addf(out,
			          point < 0x80 ? "\\x%02" PRIx32
			                       : "\\u{%" PRIx32 "}",
			          point);
		} else {
			text_add_bytes(out, at, n);
		}
	}
}

void
show_string(struct text *out, const char *string)
{
	if (string != NULL)
		show_bytes(out, string, strlen(string));
}

void
show_json(struct text *out, const char *json, size_t len)
{
	const uint8_t *at = (const uint8_t *)json;
	uint32_t point = 0;
	size_t n;

	for (; len > 0; at += n, len -= n) {
		n = character(at, len, &point);
		if (n == 0) {
			text_add(out, "\\ufffd");
			n = 1;
		} else if (point != '\n' && is_unshown(point)) {
			add_json_escape(out, point);
		} else {
			text_add_bytes(out, at, n);
		}
	}
}

const char *
show_count(int64_t count, char out[SHOW_COUNT_MAX])
{
	char digits[SHOW_COUNT_MAX];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64,
	                   count < 0 ? 0 - (uint64_t)count : (uint64_t)count);
	char *to = out;

	if (count < 0)
		*to++ = '-';
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return out;
}

const char *
show_time(int64_t wall_ms, char out[SHOW_TIME_MAX])
{
	char iso[CLOCK_TEXT_MAX];
	const char *t = strchr(clock_format_ms(wall_ms, iso), 'T');
	size_t len = strlen(iso);

	if (t == NULL || iso[len - 1] != 'Z')
		snprintf(out, SHOW_TIME_MAX, "%" PRId64 " ms since 1970",
		         wall_ms);
	else
		snprintf(out, SHOW_TIME_MAX, "%.*s %.*s UTC", (int)(t - iso),
		         iso, (int)(len - 2 - (size_t)(t - iso)), t + 1);
	return out;
}

const char *
show_age(int64_t wall_ms, int64_t now_ms, char out[SHOW_TIME_MAX])
{
	static const struct {
		int64_t seconds_max;
		int64_t divisor;
		const char *unit;
	} units[] = { { 120, 1, "s" },
		      { 7200, 60, "min" },
		      { 172800, 3600, "h" },
		      { INT64_MAX, 86400, "days" } };
	int64_t seconds = now_ms / 1000 - wall_ms / 1000;
	char number[SHOW_COUNT_MAX];
	size_t i = 0;

	while (llabs(seconds) >= units[i].seconds_max)
		i++;
	snprintf(out, SHOW_TIME_MAX, "%s %s",
	         show_count(seconds / units[i].divisor, number), units[i].unit);
	return out;
}

size_t
show_width(const char *string)
{
	size_t width = 0;

	for (; *string != '\0'; string++)
		width += ((unsigned char)*string & 0xc0) != 0x80;
	return width;
}
