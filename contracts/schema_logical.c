/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The table says which types a logical type may annotate; what else makes
 * one invalid is in logical_refusal.
 */
#include "contracts/schema_logical.h"

#include <math.h>
#include <string.h>

#include "base/runtime/json.h"

#define ON(type) (1u << (type))

static const struct {
	const char *name;
	enum schema_logical logical;
	unsigned types;
} schema_logicals[] = {
	{ "decimal", SCHEMA_DECIMAL, ON(SCHEMA_BYTES) | ON(SCHEMA_FIXED) },
	{ "big-decimal", SCHEMA_BIG_DECIMAL, ON(SCHEMA_BYTES) },
	{ "uuid", SCHEMA_UUID, ON(SCHEMA_STRING) | ON(SCHEMA_FIXED) },
	{ "date", SCHEMA_DATE, ON(SCHEMA_INT) },
	{ "time-millis", SCHEMA_TIME_MILLIS, ON(SCHEMA_INT) },
	{ "time-micros", SCHEMA_TIME_MICROS, ON(SCHEMA_LONG) },
	{ "timestamp-millis", SCHEMA_TIMESTAMP_MILLIS, ON(SCHEMA_LONG) },
	{ "timestamp-micros", SCHEMA_TIMESTAMP_MICROS, ON(SCHEMA_LONG) },
	{ "timestamp-nanos", SCHEMA_TIMESTAMP_NANOS, ON(SCHEMA_LONG) },
	{ "local-timestamp-millis", SCHEMA_LOCAL_MILLIS, ON(SCHEMA_LONG) },
	{ "local-timestamp-micros", SCHEMA_LOCAL_MICROS, ON(SCHEMA_LONG) },
	{ "local-timestamp-nanos", SCHEMA_LOCAL_NANOS, ON(SCHEMA_LONG) },
	{ "duration", SCHEMA_DURATION, ON(SCHEMA_FIXED) },
};

#define SCHEMA_LOGICAL_COUNT                                                   \
	(sizeof(schema_logicals) / sizeof(schema_logicals[0]))

/* The most decimal digits that every number of so many bytes can have. */
static double
digits_max(uint32_t bytes)
{
	return floor((8.0 * bytes - 1) * log10(2));
}

/* Why it is to be ignored; NULL: it is valid. */
static const char *
logical_refusal(struct schema_node *node, enum schema_logical logical,
                const struct json *json)
{
	int64_t precision = json_integer(json_get(json, "precision"), 0);
	int64_t scale = json_integer(json_get(json, "scale"), 0);

	if (logical == SCHEMA_UUID && node->type == SCHEMA_FIXED &&
	    node->size != 16)
		return "a uuid has 16 bytes";
	if (logical == SCHEMA_DURATION && node->size != 12)
		return "a duration has 12 bytes";
	if (logical != SCHEMA_DECIMAL)
		return NULL;
	if (json_get(json, "scale") != NULL &&
	    json_type(json_get(json, "scale")) != JSON_INTEGER)
		return "the scale is not an integer";
	if (precision < 1 || precision > SCHEMA_FIXED_MAX)
		return "the precision is not a positive integer";
	if (scale < 0 || scale > precision)
		return "the scale is not from 0 to the precision";
	if (node->type == SCHEMA_FIXED &&
	    (node->size == 0 || (double)precision > digits_max(node->size)))
		return "the precision does not fit into the fixed";
	node->precision = (int)precision;
	node->scale = (int)scale;
	return NULL;
}

static const int64_t schema_powers[19] = {
	INT64_C(1),
	INT64_C(10),
	INT64_C(100),
	INT64_C(1000),
	INT64_C(10000),
	INT64_C(100000),
	INT64_C(1000000),
	INT64_C(10000000),
	INT64_C(100000000),
	INT64_C(1000000000),
	INT64_C(10000000000),
	INT64_C(100000000000),
	INT64_C(1000000000000),
	INT64_C(10000000000000),
	INT64_C(100000000000000),
	INT64_C(1000000000000000),
	INT64_C(10000000000000000),
	INT64_C(100000000000000000),
	INT64_C(1000000000000000000),
};

static bool
long_decimal_fits(const uint8_t *bytes, uint32_t len, int precision)
{
	unsigned __int128 number = 0, limit = 1;
	bool negative = bytes[0] >= 0x80;
	uint8_t fill = negative ? 0xff : 0;

	while (len > 1 && bytes[0] == fill && (bytes[1] >= 0x80) == negative) {
		bytes++;
		len--;
	}
	if (precision > 38)
		return 8.0 * (len - 1) <= ceil(precision / log10(2));
	if (len > 16)
		return false;
	for (uint32_t i = 0; i < len; i++)
		number = number << 8 | (uint8_t)(bytes[i] ^ fill);
	number += negative; /* the magnitude, at most 2^127 */
	for (int i = 0; i < precision; i++)
		limit *= 10;
	return number < limit;
}

/* -- public -------------------------------------------------------------- */

void
schema_logical_read(struct schema *schema, struct schema_node *node,
                    const struct json *json)
{
	const char *name = json_string(json_get(json, "logicalType"));
	const char *refusal = "unknown";

	if (name == NULL)
		return;
	for (size_t i = 0; i < SCHEMA_LOGICAL_COUNT; i++) {
		if (strcmp(schema_logicals[i].name, name) != 0)
			continue;
		if ((schema_logicals[i].types & ON(node->type)) == 0)
			refusal = "not for this type";
		else
			refusal = logical_refusal(
				node, schema_logicals[i].logical, json);
		if (refusal == NULL)
			node->logical = schema_logicals[i].logical;
		break;
	}
	if (refusal != NULL)
		node->logical_ignored = arena_printf(
			&schema->arena, "%.64s: %s", name, refusal);
}

bool
schema_logical_decimal_fits(const uint8_t *bytes, uint32_t len, int precision)
{
	int64_t number, limit;

	if (len == 0)
		return false;
	if (len > 8 || precision > 18)
		return long_decimal_fits(bytes, len, precision);
	number = (int8_t)bytes[0];
	for (uint32_t i = 1; i < len; i++)
		number = (int64_t)((uint64_t)number << 8 | bytes[i]);
	limit = schema_powers[precision];
	return number < limit && number > -limit;
}

bool
schema_logical_is_uuid(const uint8_t *bytes, uint32_t len)
{
	if (len != 36)
		return false;
	for (uint32_t i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		uint8_t lower = bytes[i] | 0x20;
		bool hex = (bytes[i] >= '0' && bytes[i] <= '9') ||
			(lower >= 'a' && lower <= 'f');

		if (dash ? bytes[i] != '-' : !hex)
			return false;
	}
	return true;
}

bool
schema_logical_time_fits(enum schema_logical logical, int64_t value)
{
	int64_t day = INT64_C(86400000);

	if (logical == SCHEMA_TIME_MICROS)
		day *= 1000;
	return value >= 0 && value < day;
}

const char *
schema_logical_name(enum schema_logical logical)
{
	for (size_t i = 0; i < SCHEMA_LOGICAL_COUNT; i++)
		if (schema_logicals[i].logical == logical)
			return schema_logicals[i].name;
	return "";
}
