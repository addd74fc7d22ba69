/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of literals and copies; the low two bits of the first byte say which.
 */
#include "base/io/snappy.h"

#include <string.h>

/* The place behind the head; NULL: there is none. */
static const uint8_t *
read_head(const uint8_t *bytes, size_t len, uint32_t *out)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 5 && i < len; i++) {
		value |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
		if (bytes[i] < 0x80) {
			*out = (uint32_t)value;
			return value <= UINT32_MAX ? bytes + i + 1 : NULL;
		}
	}
	return NULL;
}

static uint32_t
read_little(const uint8_t *bytes, uint32_t count)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < count; i++)
		value |= (uint32_t)bytes[i] << (8 * i);
	return value;
}

/* One that may overlap itself: then it repeats. */
static void
copy_back(uint8_t *to, uint32_t distance, uint32_t count)
{
	if (distance >= count) {
		memcpy(to, to - distance, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		to[i] = to[(int64_t)i - distance];
}

/* -- public -------------------------------------------------------------- */

bool
snappy_length(const uint8_t *bytes, size_t len, uint32_t *out)
{
	return read_head(bytes, len, out) != NULL;
}

bool
snappy_decode(const uint8_t *bytes, size_t len, uint8_t *out, uint32_t out_len)
{
	uint32_t wanted = 0, done = 0;
	const uint8_t *at = read_head(bytes, len, &wanted), *end = bytes + len;

	if (at == NULL || wanted != out_len)
		return false;
	while (at < end) {
		uint32_t tag = *at++, kind = tag & 3, count, distance;
		uint32_t more = kind == 3 ? 4 : kind;
		bool is_long = kind == 0 && tag >> 2 >= 60;

		if (is_long)
			more = (tag >> 2) - 59;
		if (more > (size_t)(end - at))
			return false;
		distance = read_little(at, more);
		at += more;
		if (kind == 0) {
			count = is_long ? distance : tag >> 2;
			if (count >= end - at || count >= out_len - done)
				return false;
			count++;
			memcpy(out + done, at, count);
			at += count;
		} else {
			count = (tag >> 2) + 1;
			if (kind == 1) {
				count = (tag >> 2 & 7) + 4;
				distance |= (tag & 0xe0) << 3;
			}
			if (distance == 0 || distance > done ||
			    count > out_len - done)
				return false;
			copy_back(out + done, distance, count);
		}
		done += count;
	}
	return done == out_len;
}
