/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * org.apache.kafka.common.utils.Utils.murmur2, in C.  Java's ints wrap and its
 * bytes are masked with 0xFF: unsigned arithmetic gives the same.
 */
#include "examples/orange-juice/oj_murmur2.h"

/* -- public -------------------------------------------------------------- */

int32_t
oj_murmur2(const void *bytes, size_t size)
{
	const uint32_t multiplier = 0x5BD1E995;
	const uint8_t *at = bytes;
	uint32_t hash = 0x9747B28C ^ (uint32_t)size;

	for (; size >= 4; size -= 4, at += 4) {
		uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 |
			(uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		word *= multiplier;
		word ^= word >> 24;
		word *= multiplier;
		hash = hash * multiplier ^ word;
	}
	if (size == 3)
		hash ^= (uint32_t)at[2] << 16;
	if (size >= 2)
		hash ^= (uint32_t)at[1] << 8;
	if (size >= 1) {
		hash ^= at[0];
		hash *= multiplier;
	}
	hash ^= hash >> 13;
	hash *= multiplier;
	hash ^= hash >> 15;
	return (int32_t)hash;
}

int32_t
oj_murmur2_partition(const void *key, size_t size, int32_t partitions)
{
	return (oj_murmur2(key, size) & INT32_MAX) % partitions;
}
