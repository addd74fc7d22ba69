/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays in Postgres' binary form. The writer leaves room for the header and
 * fills it in at the end, when count and has_null are known; the reader walks
 * the bytes in place and never looks behind their end.
 */
#include "base/io/pgarray.h"

#include <limits.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

enum {
	DIMENSIONS_AT = 0,
	HAS_NULL_AT = 4,
	ELEMENT_AT = 8,
	EMPTY_BYTES = 12, /* an array without elements has no dimension */
	COUNT_AT = 12,
	LOWER_BOUND_AT = 16,
	HEADER_BYTES = 20,
	FIRST_BYTES = 4096,
};

/* What Postgres takes as one value. */
#define PGARRAY_BYTES_MAX 0x3fffffff

static void
put_int4(uint8_t *at, int32_t value)
{
	uint32_t bits = (uint32_t)value;

	at[0] = (uint8_t)(bits >> 24);
	at[1] = (uint8_t)(bits >> 16);
	at[2] = (uint8_t)(bits >> 8);
	at[3] = (uint8_t)bits;
}

static int32_t
take_int4(const uint8_t *at)
{
	uint32_t bits = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | (uint32_t)at[3];

	return (int32_t)bits;
}

/* Room for len more bytes; they count as written. */
static uint8_t *
array_extend(struct pgarray *array, size_t len)
{
	CHECK(len <= PGARRAY_BYTES_MAX &&
	      array->len <= PGARRAY_BYTES_MAX - len);
	if (array->size < array->len + len) {
		size_t size = array->size ? array->size : FIRST_BYTES;

		while (size < array->len + len)
			size *= 2;
		array->bytes = memory_realloc(array->bytes, size);
		array->size = size;
	}
	array->len += len;
	return array->bytes + array->len - len;
}

static uint8_t *
array_element(struct pgarray *array, int32_t len, size_t room)
{
	uint8_t *at;

	CHECK(array->len >= HEADER_BYTES && array->count < INT32_MAX);
	at = array_extend(array, 4 + room);
	put_int4(at, len);
	array->count++;
	return at + 4;
}

/* -- public -- */

void
pgarray_begin(struct pgarray *array, enum pgtype element)
{
	array->len = 0;
	array->count = 0;
	array->has_null = false;
	array_extend(array, HEADER_BYTES);
	put_int4(array->bytes + ELEMENT_AT, (int32_t)element);
}

void
pgarray_add_int8(struct pgarray *array, int64_t value)
{
	uint8_t *at = array_element(array, 8, 8);

	put_int4(at, (int32_t)((uint64_t)value >> 32));
	put_int4(at + 4, (int32_t)(uint32_t)value);
}

void
pgarray_add_int4(struct pgarray *array, int32_t value)
{
	put_int4(array_element(array, 4, 4), value);
}

void
pgarray_add_int2(struct pgarray *array, int16_t value)
{
	uint8_t *at = array_element(array, 2, 2);

	at[0] = (uint8_t)((uint16_t)value >> 8);
	at[1] = (uint8_t)value;
}

void
pgarray_add_bytes(struct pgarray *array, const void *bytes, size_t len)
{
	if (bytes == NULL) {
		array_element(array, -1, 0);
		array->has_null = true;
		return;
	}
	CHECK(len <= PGARRAY_BYTES_MAX);
	memcpy(array_element(array, (int32_t)len, len), bytes, len);
}

void
pgarray_add_pair(struct pgarray *array, const void *first, size_t first_len,
                 const void *second, size_t second_len)
{
	size_t len = first_len + second_len;
	uint8_t *at;

	CHECK(first_len <= PGARRAY_BYTES_MAX &&
	      second_len <= PGARRAY_BYTES_MAX && len <= PGARRAY_BYTES_MAX);
	at = array_element(array, (int32_t)len, len);
	memcpy(at, first, first_len);
	memcpy(at + first_len, second, second_len);
}

struct pgvalue
pgarray_end(struct pgarray *array)
{
	CHECK(array->len >= HEADER_BYTES);
	put_int4(array->bytes + DIMENSIONS_AT, array->count > 0 ? 1 : 0);
	put_int4(array->bytes + HAS_NULL_AT, array->has_null ? 1 : 0);
	if (array->count == 0)
		return (struct pgvalue){ array->bytes, EMPTY_BYTES };
	put_int4(array->bytes + COUNT_AT, array->count);
	put_int4(array->bytes + LOWER_BOUND_AT, 1);
	return (struct pgvalue){ array->bytes, (int)array->len };
}

void
pgarray_fini(struct pgarray *array)
{
	memory_free(&array->bytes);
	*array = (struct pgarray){ 0 };
}

enum err_code
pgarray_read(const uint8_t *bytes, int len, struct pgarray_reader *out,
             struct err *err)
{
	int32_t dimensions, has_null, count;

	if (bytes == NULL || len < EMPTY_BYTES)
		return err_set(err, ERR_INVALID,
		               "array of %d bytes is too short", len);
	dimensions = take_int4(bytes + DIMENSIONS_AT);
	has_null = take_int4(bytes + HAS_NULL_AT);
	if (dimensions < 0 || dimensions > 1 || has_null < 0 || has_null > 1)
		return err_set(
			err, ERR_INVALID,
			"array has %d dimensions (null flag %d), not one",
			dimensions, has_null);
	if (len < (dimensions ? HEADER_BYTES : EMPTY_BYTES) ||
	    (dimensions == 0 && len != EMPTY_BYTES))
		return err_set(err, ERR_INVALID,
		               "array of %d bytes does not fit its header",
		               len);
	count = dimensions ? take_int4(bytes + COUNT_AT) : 0;
	if (count < 0 || (dimensions && count > (len - HEADER_BYTES) / 4))
		return err_set(err, ERR_INVALID,
		               "array of %d bytes cannot have %d elements", len,
		               count);
	out->at = bytes + (dimensions ? HEADER_BYTES : EMPTY_BYTES);
	out->end = bytes + len;
	out->left = count;
	out->element = (enum pgtype)take_int4(bytes + ELEMENT_AT);
	return ERR_OK;
}

bool
pgarray_next(struct pgarray_reader *reader, const uint8_t **out_bytes,
             int *out_len)
{
	int32_t len;

	if (reader->left <= 0)
		return false;
	if (reader->end - reader->at < 4)
		goto cut;
	len = take_int4(reader->at);
	if (len < -1 || (len > 0 && reader->end - reader->at - 4 < len))
		goto cut;
	reader->at += 4;
	*out_bytes = len < 0 ? NULL : reader->at;
	*out_len = len;
	if (len > 0)
		reader->at += len;
	reader->left--;
	return true;
cut:
	reader->left = -1;
	return false;
}

bool
pgarray_next_int(struct pgarray_reader *reader, int64_t otherwise, int64_t *out)
{
	const uint8_t *bytes;
	int len;

	if (!pgarray_next(reader, &bytes, &len))
		return false;
	switch (len) {
	case -1:
		*out = otherwise;
		return true;
	case 2:
		*out = (int16_t)(bytes[0] << 8 | bytes[1]);
		return true;
	case 4:
		*out = take_int4(bytes);
		return true;
	case 8:
		*out = (int64_t)((uint64_t)(uint32_t)take_int4(bytes) << 32 |
		                 (uint32_t)take_int4(bytes + 4));
		return true;
	default:
		reader->left = -1;
		return false;
	}
}
