/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* Avro's binary encoding: zigzag varints, little-endian floats. */
#include "examples/orange-juice/oj_avro.h"

#include <stdlib.h>
#include <string.h>

static void
little_endian(struct oj_avro *out, uint64_t bits, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(bits >> (8 * i));
	oj_avro_raw(out, bytes, size);
}

/* -- public -------------------------------------------------------------- */

void
oj_avro_raw(struct oj_avro *out, const void *bytes, size_t size)
{
	if (size > sizeof(out->bytes) - out->size)
		abort(); /* callers bound what they write */
	memcpy(out->bytes + out->size, bytes, size);
	out->size += size;
}

void
oj_avro_long(struct oj_avro *out, int64_t number)
{
	uint64_t zigzag =
		(uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : (uint64_t)0);
	uint8_t bytes[10];
	size_t size = 0;

	for (; zigzag >= 0x80; zigzag >>= 7)
		bytes[size++] = (uint8_t)(zigzag | 0x80);
	bytes[size++] = (uint8_t)zigzag;
	oj_avro_raw(out, bytes, size);
}

void
oj_avro_double(struct oj_avro *out, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	little_endian(out, bits, 8);
}

void
oj_avro_float(struct oj_avro *out, float number)
{
	uint32_t bits;

	memcpy(&bits, &number, sizeof(bits));
	little_endian(out, bits, 4);
}

void
oj_avro_boolean(struct oj_avro *out, bool truth)
{
	const uint8_t byte = truth ? 1 : 0;

	oj_avro_raw(out, &byte, 1);
}

void
oj_avro_bytes(struct oj_avro *out, const void *bytes, size_t size)
{
	oj_avro_long(out, (int64_t)size);
	oj_avro_raw(out, bytes, size);
}

void
oj_avro_string(struct oj_avro *out, const char *text)
{
	oj_avro_bytes(out, text, strlen(text));
}

void
oj_avro_decimal(struct oj_avro *out, int64_t unscaled)
{
	uint8_t bytes[8];
	size_t first = 0;

	for (size_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)unscaled >> (56 - 8 * i));
	while (first < 7 &&
	       ((bytes[first] == 0x00 && bytes[first + 1] < 0x80) ||
	        (bytes[first] == 0xFF && bytes[first + 1] >= 0x80)))
		first++;
	oj_avro_bytes(out, bytes + first, 8 - first);
}
