/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Numbers in network byte order, as the journal's hashes, headers and
 * Postgres' binary forms have them.
 */
#include <stdint.h>
#include <string.h>

static inline uint8_t *
wire_put_int2(uint8_t *at, int16_t value)
{
	uint16_t v = __builtin_bswap16((uint16_t)value);

	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

static inline uint8_t *
wire_put_int4(uint8_t *at, int32_t value)
{
	uint32_t v = __builtin_bswap32((uint32_t)value);

	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

static inline uint8_t *
wire_put_int8(uint8_t *at, int64_t value)
{
	uint64_t v = __builtin_bswap64((uint64_t)value);

	memcpy(at, &v, sizeof(v));
	return at + sizeof(v);
}

static inline int32_t
wire_get_int4(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return (int32_t)__builtin_bswap32(v);
}
