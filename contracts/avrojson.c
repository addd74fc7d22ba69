/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk along the tree of the schema. The bytes may be anything: what is
 * wrong ends the walk, and the caller is told where.
 */
#include "contracts/avrojson.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/text.h"
#include "contracts/checker.h"
#include "contracts/schema.h"
#include "contracts/varint.h"

/* Nested values; more than the checker lets pass. */
#define AVROJSON_DEPTH_MAX 4096

struct printer {
	const uint8_t *at;
	const uint8_t *end;
	struct text *out;
	int64_t empties;
	int depth;
};

static bool
print_node(struct printer *printer, const struct schema_node *node);

static bool
take_long(struct printer *printer, int64_t *out)
{
	int len = varint_read(printer->at, printer->end, out);

	if (len <= 0)
		return false;
	printer->at += len;
	return true;
}

static bool
take_bytes(struct printer *printer, uint64_t len, const uint8_t **out)
{
	if (len > (uint64_t)(printer->end - printer->at))
		return false;
	*out = printer->at;
	printer->at += len;
	return true;
}

static bool
take_blob(struct printer *printer, const uint8_t **out, uint32_t *out_len)
{
	int64_t len;

	if (!take_long(printer, &len) || len < 0 ||
	    !take_bytes(printer, (uint64_t)len, out))
		return false;
	*out_len = (uint32_t)len;
	return true;
}

/* -- numbers and times ---------------------------------------------------------- */

static void
print_double(struct printer *printer, double value, int digits)
{
	if (isnan(value))
		text_add(printer->out, "\"NaN\"");
	else if (isinf(value))
		text_add(printer->out,
		         value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	else
		text_addf(printer->out, "%.*g", digits, value);
}

static bool
print_real(struct printer *printer, const struct schema_node *node)
{
	const uint8_t *bytes;
	float single;
	double twice;

	if (node->type == SCHEMA_FLOAT) {
		if (!take_bytes(printer, sizeof(single), &bytes))
			return false;
		memcpy(&single, bytes, sizeof(single));
		print_double(printer, (double)single, 9);
		return true;
	}
	if (!take_bytes(printer, sizeof(twice), &bytes))
		return false;
	memcpy(&twice, bytes, sizeof(twice));
	print_double(printer, twice, 17);
	return true;
}

/* Days since 1970-01-01 to a date of the Gregorian calendar; false: the year
   has not four digits. */
static bool
date_of(int64_t days, int *out_year, int *out_month, int *out_day)
{
	int64_t era, day, year;
	int month;

	if (days < -719528 || days > 2932896)
		return false;
	days += 719468; /* since 0000-03-01 */
	era = (days >= 0 ? days : days - 146096) / 146097;
	day = days - era * 146097;
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (int)((5 * day + 2) / 153);
	*out_day = (int)(day - (153 * month + 2) / 5 + 1);
	*out_month = month < 10 ? month + 3 : month - 9;
	*out_year = (int)(year + era * 400 + (*out_month <= 2));
	return true;
}

/* unit: how many of them are a second. */
static bool
print_timestamp(struct printer *printer, int64_t value, int64_t unit,
                int digits, bool local)
{
	int64_t second = value / unit, rest = value % unit, days;
	int year, month, day, of_day;

	if (rest < 0) {
		rest += unit;
		second--;
	}
	days = second / 86400;
	of_day = (int)(second % 86400);
	if (of_day < 0) {
		of_day += 86400;
		days--;
	}
	if (!date_of(days, &year, &month, &day))
		return false;
	text_addf(printer->out,
	          "\"%04d-%02d-%02dT%02d:%02d:%02d.%0*" PRId64 "%s\"", year,
	          month, day, of_day / 3600, of_day / 60 % 60, of_day % 60,
	          digits, rest, local ? "" : "Z");
	return true;
}

static bool
print_time(struct printer *printer, int64_t value, int64_t unit, int digits)
{
	int64_t second = value / unit;

	if (value < 0 || second >= 86400)
		return false;
	text_addf(printer->out, "\"%02d:%02d:%02d.%0*" PRId64 "\"",
	          (int)(second / 3600), (int)(second / 60 % 60),
	          (int)(second % 60), digits, value % unit);
	return true;
}

/* Whether it was printed; what does not fit is printed as a number. */
static bool
print_logical_integer(struct printer *printer, enum schema_logical logical,
                      int64_t value)
{
	int year, month, day;

	switch (logical) {
	case SCHEMA_DATE:
		if (!date_of(value, &year, &month, &day))
			return false;
		text_addf(printer->out, "\"%04d-%02d-%02d\"", year, month, day);
		return true;
	case SCHEMA_TIME_MILLIS:
		return print_time(printer, value, 1000, 3);
	case SCHEMA_TIME_MICROS:
		return print_time(printer, value, 1000000, 6);
	case SCHEMA_TIMESTAMP_MILLIS:
	case SCHEMA_LOCAL_MILLIS:
		return print_timestamp(printer, value, 1000, 3,
		                       logical == SCHEMA_LOCAL_MILLIS);
	case SCHEMA_TIMESTAMP_MICROS:
	case SCHEMA_LOCAL_MICROS:
		return print_timestamp(printer, value, 1000000, 6,
		                       logical == SCHEMA_LOCAL_MICROS);
	case SCHEMA_TIMESTAMP_NANOS:
	case SCHEMA_LOCAL_NANOS:
		return print_timestamp(printer, value, 1000000000, 9,
		                       logical == SCHEMA_LOCAL_NANOS);
	default:
		return false;
	}
}

static bool
print_integer(struct printer *printer, const struct schema_node *node)
{
	int64_t value;

	if (!take_long(printer, &value))
		return false;
	if (!print_logical_integer(printer, node->logical, value))
		text_addf(printer->out, "%" PRId64, value);
	return true;
}

/* -- bytes ---------------------------------------------------------------------- */

/* Up to 38 digits; false: longer, and then it is printed as bytes. */
static bool
print_decimal(struct printer *printer, const struct schema_node *node,
              const uint8_t *bytes, uint32_t len)
{
	unsigned __int128 number = 0;
	char digits[48];
	int at = sizeof(digits), count = 0;
	bool negative;

	if (len == 0 || len > 16 || node->scale > 38)
		return false;
	negative = bytes[0] >= 0x80;
	for (uint32_t i = 0; i < len; i++)
		number = number << 8 |
			(uint8_t)(negative ? ~bytes[i] : bytes[i]);
	number += negative;
	digits[--at] = '\0';
	while (number > 0 || count <= node->scale) {
		if (count == node->scale && count > 0)
			digits[--at] = '.';
		digits[--at] = (char)('0' + (int)(number % 10));
		number /= 10;
		count++;
	}
	text_addf(printer->out, "\"%s%s\"", negative ? "-" : "", digits + at);
	return true;
}

static void
print_hex(struct printer *printer, const uint8_t *bytes, uint32_t len)
{
	text_add(printer->out, "\"");
	text_add_hex(printer->out, bytes, len);
	text_add(printer->out, "\"");
}

static void
print_uuid(struct printer *printer, const uint8_t *bytes)
{
	static const int parts[] = { 4, 2, 2, 2, 6 };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		text_add(printer->out, i == 0 ? "\"" : "-");
		text_add_hex(printer->out, bytes, (size_t)parts[i]);
		bytes += parts[i];
	}
	text_add(printer->out, "\"");
}

static uint32_t
little(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
		(uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool
print_bytes(struct printer *printer, const struct schema_node *node)
{
	uint32_t len = node->size;
	const uint8_t *bytes;

	if (node->type == SCHEMA_FIXED) {
		if (!take_bytes(printer, len, &bytes))
			return false;
	} else if (!take_blob(printer, &bytes, &len)) {
		return false;
	}
	if (node->logical == SCHEMA_DECIMAL &&
	    print_decimal(printer, node, bytes, len))
		return true;
	if (node->logical == SCHEMA_UUID)
		print_uuid(printer, bytes);
	else if (node->logical == SCHEMA_DURATION)
		text_addf(printer->out,
		          "{\"months\":%u,\"days\":%u,\"millis\":%u}",
		          little(bytes), little(bytes + 4), little(bytes + 8));
	else
		print_hex(printer, bytes, len);
	return true;
}

static bool
print_string(struct printer *printer)
{
	const uint8_t *bytes;
	uint32_t len;

	if (!take_blob(printer, &bytes, &len))
		return false;
	text_add_json(printer->out, (const char *)bytes, len);
	return true;
}

/* -- what holds others ------------------------------------------------------------ */

/* A value that is read and not shown. */
static bool
print_redacted(struct printer *printer, const struct schema_node *node)
{
	struct text *out = printer->out;
	struct text hidden;
	bool good;

	text_init(&hidden, 1);
	printer->out = &hidden;
	good = print_node(printer, node);
	printer->out = out;
	text_fini(&hidden);
	if (good)
		text_add(out, "\"(redacted)\"");
	return good;
}

static bool
print_record(struct printer *printer, const struct schema_node *node)
{
	text_add(printer->out, "{");
	for (size_t i = 0; i < node->field_count; i++) {
		const struct schema_field *field = &node->fields[i];

		text_addf(printer->out, "%s\"%s\":", i > 0 ? "," : "",
		          field->name);
		if (!(field->sensitive ? print_redacted(printer, field->node)
		                       : print_node(printer, field->node)))
			return false;
	}
	text_add(printer->out, "}");
	return true;
}

static bool
take_block(struct printer *printer, int64_t *out_count)
{
	int64_t size;

	if (!take_long(printer, out_count))
		return false;
	if (*out_count >= 0)
		return true;
	if (*out_count == INT64_MIN || !take_long(printer, &size))
		return false;
	*out_count = -*out_count;
	return true;
}

static bool
print_elements(struct printer *printer, const struct schema_node *node)
{
	bool is_map = node->type == SCHEMA_MAP;
	bool is_first = true;
	int64_t count;

	text_add(printer->out, is_map ? "{" : "[");
	for (;;) {
		if (!take_block(printer, &count))
			return false;
		if (count == 0)
			break;
		for (int64_t i = 0; i < count; i++) {
			if (node->children[0]->width_min == 0 && !is_map &&
			    ++printer->empties > CHECKER_EMPTIES_MAX)
				return false;
			if (!is_first)
				text_add(printer->out, ",");
			is_first = false;
			if (is_map && !print_string(printer))
				return false;
			if (is_map)
				text_add(printer->out, ":");
			if (!print_node(printer, node->children[0]))
				return false;
		}
	}
	text_add(printer->out, is_map ? "}" : "]");
	return true;
}

static bool
print_index(struct printer *printer, const struct schema_node *node)
{
	int64_t index;

	if (!take_long(printer, &index) || index < 0)
		return false;
	if (node->type == SCHEMA_UNION)
		return (uint64_t)index < node->child_count &&
			print_node(printer, node->children[index]);
	if ((uint64_t)index >= node->symbol_count)
		return false;
	text_addf(printer->out, "\"%s\"", node->symbols[index]);
	return true;
}

static bool
print_boolean(struct printer *printer)
{
	const uint8_t *byte;

	if (!take_bytes(printer, 1, &byte) || *byte > 1)
		return false;
	text_add(printer->out, *byte == 1 ? "true" : "false");
	return true;
}

static bool
print_value(struct printer *printer, const struct schema_node *node)
{
	switch (node->type) {
	case SCHEMA_NULL:
		text_add(printer->out, "null");
		return true;
	case SCHEMA_BOOLEAN:
		return print_boolean(printer);
	case SCHEMA_INT:
	case SCHEMA_LONG:
		return print_integer(printer, node);
	case SCHEMA_FLOAT:
	case SCHEMA_DOUBLE:
		return print_real(printer, node);
	case SCHEMA_BYTES:
	case SCHEMA_FIXED:
		return print_bytes(printer, node);
	case SCHEMA_STRING:
		return print_string(printer);
	case SCHEMA_RECORD:
		return print_record(printer, node);
	case SCHEMA_ARRAY:
	case SCHEMA_MAP:
		return print_elements(printer, node);
	default:
		return print_index(printer, node);
	}
}

static bool
print_node(struct printer *printer, const struct schema_node *node)
{
	bool good;

	if (printer->depth == AVROJSON_DEPTH_MAX)
		return false;
	printer->depth++;
	good = print_value(printer, node);
	printer->depth--;
	return good;
}

/* -- public -------------------------------------------------------------- */

enum err_code
avrojson_print(const struct schema *schema, const uint8_t *bytes, size_t len,
               struct text *out, struct err *err)
{
	struct printer printer = {
		.at = bytes,
		.end = bytes + len,
		.out = out,
	};

	if (print_node(&printer, schema->root) && printer.at == printer.end)
		return ERR_OK;
	return err_set(err, ERR_INVALID,
	               "the bytes are no value of the schema (at byte %td)",
	               printer.at - bytes);
}
