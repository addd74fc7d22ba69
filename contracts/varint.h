/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Avro's variable-length integers, for those who read one at a time and want
 * to know what is wrong (the checker has a faster way of its own).
 */
#include <stddef.h>
#include <stdint.h>

#define VARINT_TRUNCATED 0
#define VARINT_TOO_LONG  (-1)
#define VARINT_BYTES_MAX 10

/* The zigzag decoded value, and how many bytes it has taken; else one of the
   above. */
static inline int
varint_read(const uint8_t *bytes, const uint8_t *end, int64_t *out)
{
	uint64_t value = 0;

	for (int i = 0; i < 10; i++) {
		if (end - bytes <= i)
			return VARINT_TRUNCATED;
		if (i == 9 && bytes[i] > 1)
			return VARINT_TOO_LONG;
		value |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
		if (bytes[i] < 0x80) {
			*out = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
			return i + 1;
		}
	}
	return VARINT_TOO_LONG;
}

/* How many bytes it has written: up to VARINT_BYTES_MAX. */
static inline int
varint_write(uint8_t *bytes, int64_t value)
{
	uint64_t rest = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
	int len = 0;

	for (; rest > 0x7f; rest >>= 7)
		bytes[len++] = (uint8_t)(rest | 0x80);
	bytes[len++] = (uint8_t)rest;
	return len;
}
