/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * base64url of: int8 time, int4 skip, the first 12 bytes of the SHA-256 of
 * question, time and skip.
 */
#include "gateway/rest/cursor.h"

#include <string.h>

#include "base/model/wire.h"
#include "base/runtime/digest.h"

#define CURSOR_SUM_LEN 12
#define CURSOR_LEN     (8 + 4 + CURSOR_SUM_LEN)
#define CURSOR_DIGITS  (CURSOR_LEN / 3 * 4)

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
fill(const struct cursor *cursor, const char *question, uint8_t out[CURSOR_LEN])
{
	struct digest *digest = digest_new();
	uint8_t sum[DIGEST_SHA256_LEN];

	wire_put_int4(wire_put_int8(out, cursor->time_ms),
	              (int32_t)cursor->skip);
	digest_begin(digest);
	digest_add(digest, question, strlen(question) + 1);
	digest_add(digest, out, 12);
	digest_end(digest, sum);
	digest_free(&digest);
	memcpy(out + 12, sum, CURSOR_SUM_LEN);
}

static bool
decode(const char *text, uint8_t out[CURSOR_LEN])
{
	if (strlen(text) != CURSOR_DIGITS)
		return false;
	for (int i = 0; i < CURSOR_DIGITS; i += 4) {
		uint32_t bits = 0;

		for (int k = 0; k < 4; k++) {
			const char *digit = strchr(digits, text[i + k]);

			if (digit == NULL)
				return false;
			bits = bits << 6 | (uint32_t)(digit - digits);
		}
		*out++ = (uint8_t)(bits >> 16);
		*out++ = (uint8_t)(bits >> 8);
		*out++ = (uint8_t)bits;
	}
	return true;
}

/* -- public ---------------------------------------------------------------- */

void
cursor_print(const struct cursor *cursor, const char *question,
             char out[CURSOR_TEXT_MAX])
{
	uint8_t bytes[CURSOR_LEN];

	fill(cursor, question, bytes);
	for (int i = 0; i < CURSOR_LEN; i += 3) {
		uint32_t bits = (uint32_t)bytes[i] << 16 |
			(uint32_t)bytes[i + 1] << 8 | bytes[i + 2];

		for (int k = 18; k >= 0; k -= 6)
			*out++ = digits[bits >> k & 63];
	}
	*out = '\0';
}

bool
cursor_parse(const char *text, const char *question, struct cursor *out)
{
	uint8_t bytes[CURSOR_LEN], expected[CURSOR_LEN];
	struct cursor cursor;

	if (!decode(text, bytes))
		return false;
	cursor.time_ms =
		(int64_t)((uint64_t)(uint32_t)wire_get_int4(bytes) << 32 |
	                  (uint32_t)wire_get_int4(bytes + 4));
	cursor.skip = wire_get_int4(bytes + 8);
	if (cursor.skip < 0)
		return false;
	fill(&cursor, question, expected);
	if (memcmp(bytes, expected, CURSOR_LEN) != 0)
		return false;
	*out = cursor;
	return true;
}
