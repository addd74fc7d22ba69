/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of an answer: libpq's result in disguise (struct pgrows has no
 * body), with getters that insist on the type of the column, since a binary
 * value read as another type is silently wrong.
 */
#include <string.h>

#include "base/io/pglib.h"
#include "base/runtime/check.h"

/* Types that getters know besides those in pgconn.h. */
enum {
	TYPE_NAME = 19,
	TYPE_OID = 26,
	TYPE_JSON = 114,
	TYPE_UNKNOWN = 705,
	TYPE_BPCHAR = 1042,
	TYPE_VARCHAR = 1043,
	TYPE_TIMESTAMP = 1114,
};

/* Postgres counts from 2000-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_MS   (EPOCH_DAYS * INT64_C(86400000))

static const PGresult *
result_of(const struct pgrows *rows)
{
	CHECK(rows != NULL);
	return (const PGresult *)rows;
}

/* The bytes of a cell; NULL where it is null. */
static const uint8_t *
cell(const struct pgrows *rows, int row, int column, int *out_len)
{
	const PGresult *result = result_of(rows);

	CHECK(row >= 0 && row < PQntuples(result));
	CHECK(column >= 0 && column < PQnfields(result));
	CHECK(PQfformat(result, column) == 1);
	*out_len = PQgetlength(result, row, column);
	if (PQgetisnull(result, row, column))
		return NULL;
	return (const uint8_t *)PQgetvalue(result, row, column);
}

static int64_t
take_int(const uint8_t *bytes, int len)
{
	uint64_t bits = bytes[0] & 0x80 ? UINT64_MAX : 0;

	for (int i = 0; i < len; i++)
		bits = bits << 8 | bytes[i];
	return (int64_t)bits;
}

/* -- public -- */

struct pgrows *
pgrows_new(PGresult *result)
{
	return (struct pgrows *)result;
}

void
pgrows_free(struct pgrows **rows)
{
	PQclear((PGresult *)*rows);
	*rows = NULL;
}

int
pgrows_count(const struct pgrows *rows)
{
	return PQntuples(result_of(rows));
}

int
pgrows_columns(const struct pgrows *rows)
{
	return PQnfields(result_of(rows));
}

const char *
pgrows_column_name(const struct pgrows *rows, int column)
{
	const char *name = PQfname(result_of(rows), column);

	CHECK(name != NULL);
	return name;
}

enum pgtype
pgrows_type(const struct pgrows *rows, int column)
{
	CHECK(column >= 0 && column < PQnfields(result_of(rows)));
	return (enum pgtype)PQftype(result_of(rows), column);
}

bool
pgrows_is_null(const struct pgrows *rows, int row, int column)
{
	int len;

	return cell(rows, row, column, &len) == NULL;
}

int64_t
pgrows_int(const struct pgrows *rows, int row, int column)
{
	int len;
	const uint8_t *bytes = cell(rows, row, column, &len);
	int type = (int)pgrows_type(rows, column);
	int64_t value;

	CHECK(type == PGTYPE_INT2 || type == PGTYPE_INT4 ||
	      type == PGTYPE_INT8 || type == TYPE_OID || type == PGTYPE_DATE);
	if (bytes == NULL)
		return 0;
	CHECK(len == 2 || len == 4 || len == 8);
	value = take_int(bytes, len);
	if (type == TYPE_OID)
		return (uint32_t)value;
	if (type != PGTYPE_DATE)
		return value;
	if (value == INT32_MAX) /* infinity */
		return INT64_MAX;
	return value == INT32_MIN ? INT64_MIN : value + EPOCH_DAYS;
}

bool
pgrows_bool(const struct pgrows *rows, int row, int column)
{
	int len;
	const uint8_t *bytes = cell(rows, row, column, &len);

	CHECK(pgrows_type(rows, column) == PGTYPE_BOOL);
	return bytes && bytes[0];
}

const char *
pgrows_text(const struct pgrows *rows, int row, int column)
{
	int len;
	const uint8_t *bytes = cell(rows, row, column, &len);

	switch ((int)pgrows_type(rows, column)) {
	case PGTYPE_TEXT:
	case TYPE_NAME:
	case TYPE_JSON:
	case TYPE_UNKNOWN:
	case TYPE_BPCHAR:
	case TYPE_VARCHAR:
		return (const char *)bytes; /* libpq adds a NUL */
	default:
		CHECK(!"a text column");
		return NULL;
	}
}

int64_t
pgrows_time_ms(const struct pgrows *rows, int row, int column)
{
	int len;
	const uint8_t *bytes = cell(rows, row, column, &len);
	int type = (int)pgrows_type(rows, column);
	int64_t us, ms;

	CHECK(type == PGTYPE_TIMESTAMPTZ || type == TYPE_TIMESTAMP);
	if (bytes == NULL)
		return 0;
	CHECK(len == 8);
	us = take_int(bytes, len);
	if (us == INT64_MAX || us == INT64_MIN) /* infinity */
		return us;
	ms = us / 1000;
	if (us % 1000 < 0)
		ms--;
	return ms + EPOCH_MS;
}

const uint8_t *
pgrows_bytes(const struct pgrows *rows, int row, int column, int *out_len)
{
	int len;
	const uint8_t *bytes = cell(rows, row, column, &len);

	*out_len = bytes ? len : -1;
	return bytes;
}
