/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters in binary form. A number is written into the caller's room,
 * since a struct pgvalue only borrows; texts and bytes are borrowed as they
 * are. An empty value is not null, whatever pointer it comes with.
 */
#include <limits.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/runtime/check.h"

static struct pgvalue
number(uint64_t bits, int len, struct pgnumber *room)
{
	for (int i = 0; i < len; i++)
		room->bytes[i] = (uint8_t)(bits >> (8 * (len - 1 - i)));
	return (struct pgvalue){ room->bytes, len };
}

/* -- public -- */

struct pgvalue
pgvalue_int8(int64_t value, struct pgnumber *room)
{
	return number((uint64_t)value, 8, room);
}

struct pgvalue
pgvalue_int4(int32_t value, struct pgnumber *room)
{
	return number((uint32_t)value, 4, room);
}

struct pgvalue
pgvalue_int2(int16_t value, struct pgnumber *room)
{
	return number((uint16_t)value, 2, room);
}

/* Postgres counts from 2000. */
struct pgvalue
pgvalue_date(int32_t days_since_1970, struct pgnumber *room)
{
	return pgvalue_int4(days_since_1970 - 10957, room);
}

struct pgvalue
pgvalue_bool(bool value, struct pgnumber *room)
{
	return number(value, 1, room);
}

struct pgvalue
pgvalue_text(const char *text)
{
	return text ? pgvalue_bytes(text, strlen(text)) : PGVALUE_NULL;
}

struct pgvalue
pgvalue_bytes(const void *bytes, size_t len)
{
	CHECK(len <= INT_MAX && (bytes != NULL || len == 0));
	return (struct pgvalue){ bytes ? bytes : "", (int)len };
}
