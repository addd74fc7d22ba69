/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One recursive walk over schema and bytes.  The schema is trusted (it is a
 * file of ours), the bytes are not: every length is checked against what is
 * left, and the depth is bounded.
 */
#include "examples/orange-juice/oj_decode.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DEPTH_MAX = 64, ITEMS_MAX = 100000 };

struct reader {
	const json_t *root;
	const uint8_t *bytes;
	size_t size;
	size_t position;
	int depth;
	struct oj_err *err;
};

static json_t *
value_read(struct reader *reader, const json_t *schema);

static json_t *
wrong(struct reader *reader, const char *what)
{
	(void)oj_err_set(reader->err, "%s at byte %zu", what, reader->position);
	return NULL;
}

static bool
bytes_read(struct reader *reader, size_t size, const uint8_t **out)
{
	if (size > reader->size - reader->position) {
		(void)wrong(reader, "the body ends too early");
		return false;
	}
	*out = reader->bytes + reader->position;
	reader->position += size;
	return true;
}

static bool
long_read(struct reader *reader, int64_t *out)
{
	uint64_t zigzag = 0;
	const uint8_t *byte;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		if (!bytes_read(reader, 1, &byte))
			return false;
		zigzag |= (uint64_t)(*byte & 0x7F) << shift;
		if ((*byte & 0x80) == 0) {
			*out = (int64_t)(zigzag >> 1 ^ -(zigzag & 1));
			return true;
		}
	}
	(void)wrong(reader, "a number is too long");
	return false;
}

static bool
length_read(struct reader *reader, const uint8_t **out, size_t *out_size)
{
	int64_t size;

	if (!long_read(reader, &size))
		return false;
	if (size < 0 || (uint64_t)size > reader->size) {
		(void)wrong(reader, "a length is out of range");
		return false;
	}
	*out_size = (size_t)size;
	return bytes_read(reader, *out_size, out);
}

/* Finds a named type by walking the schema: ours are small. */
static const json_t *
name_find(const json_t *schema, const char *name)
{
	const json_t *found = NULL;
	const char *own = json_string_value(json_object_get(schema, "name"));
	const char *key;
	json_t *child;
	size_t i;

	if (own != NULL && strcmp(own, name) == 0 &&
	    json_object_get(schema, "type") != NULL &&
	    (json_object_get(schema, "fields") != NULL ||
	     json_object_get(schema, "symbols") != NULL))
		return schema;
	if (json_is_array(schema)) {
		json_array_foreach(schema, i, child)
		{
			if (found == NULL)
				found = name_find(child, name);
		}
	} else if (json_is_object(schema)) {
		json_object_foreach((json_t *)schema, key, child)
		{
			if (found == NULL)
				found = name_find(child, name);
		}
	}
	return found;
}

static json_t *
time_show(int64_t seconds, bool is_date)
{
	time_t time = (time_t)seconds;
	struct tm parts;
	char text[64];

	if (gmtime_r(&time, &parts) == NULL)
		return json_integer(seconds);
	size_t size = is_date
		? strftime(text, sizeof(text), "%Y-%m-%d", &parts)
		: strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return size > 0 ? json_string(text) : json_integer(seconds);
}

static json_t *
integer_read(struct reader *reader, const char *logical, bool is_int)
{
	int64_t number;

	if (!long_read(reader, &number))
		return NULL;
	if (is_int && (number < INT32_MIN || number > INT32_MAX))
		return wrong(reader, "an int is out of range");
	if (is_int && strcmp(logical, "date") == 0)
		return time_show(number * 86400, true);
	if (strcmp(logical, "timestamp-millis") == 0)
		return time_show(number / 1000, false);
	return json_integer(number);
}

static json_t *
float_read(struct reader *reader, size_t size)
{
	const uint8_t *bytes;
	uint64_t bits = 0;
	double number;
	float narrow;

	if (!bytes_read(reader, size, &bytes))
		return NULL;
	for (size_t i = 0; i < size; i++)
		bits |= (uint64_t)bytes[i] << (8 * i);
	if (size == 4) {
		uint32_t word = (uint32_t)bits;
		memcpy(&narrow, &word, sizeof(narrow));
		number = (double)narrow;
	} else {
		memcpy(&number, &bits, sizeof(number));
	}
	json_t *json = json_real(number); /* null: an infinity or a NaN */
	return json != NULL ? json : json_null();
}

static json_t *
boolean_read(struct reader *reader)
{
	const uint8_t *byte;

	if (!bytes_read(reader, 1, &byte))
		return NULL;
	if (*byte > 1)
		return wrong(reader, "a boolean is neither 0 nor 1");
	return json_boolean(*byte);
}

static json_t *
string_read(struct reader *reader)
{
	const uint8_t *bytes;
	size_t size;

	if (!length_read(reader, &bytes, &size))
		return NULL;
	json_t *json = json_stringn((const char *)bytes, size);
	return json != NULL ? json : wrong(reader, "a text is not UTF-8");
}

static json_t *
decimal_show(const uint8_t *bytes, size_t size, int scale)
{
	uint64_t bits = size > 0 && bytes[0] >= 0x80 ? UINT64_MAX : 0;
	int64_t power = 1;
	char text[64];

	for (size_t i = 0; i < size; i++)
		bits = bits << 8 | bytes[i];
	for (int i = 0; i < scale; i++)
		power *= 10;
	int64_t number = (int64_t)bits;
	uint64_t magnitude = number < 0 ? -bits : bits;
	(void)snprintf(text, sizeof(text), "%s%llu%s%0*llu",
	               number < 0 ? "-" : "",
	               (unsigned long long)(magnitude / (uint64_t)power),
	               scale > 0 ? "." : "", scale,
	               (unsigned long long)(magnitude % (uint64_t)power));
	return json_string(text);
}

static json_t *
binary_read(struct reader *reader, const json_t *schema, const char *logical)
{
	json_int_t scale = json_integer_value(json_object_get(schema, "scale"));
	const uint8_t *bytes;
	char hex[129];
	size_t size;

	if (!length_read(reader, &bytes, &size))
		return NULL;
	if (strcmp(logical, "decimal") == 0 && size <= 8 && scale >= 1 &&
	    scale <= 9)
		return decimal_show(bytes, size, (int)scale);
	hex[0] = '\0';
	for (size_t i = 0; i < size && i < 64; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return json_string(hex);
}

static json_t *
record_read(struct reader *reader, const json_t *schema)
{
	json_t *record = json_object();
	json_t *field;
	size_t i;

	json_array_foreach(json_object_get(schema, "fields"), i, field)
	{
		json_t *value =
			value_read(reader, json_object_get(field, "type"));
		if (value == NULL) {
			json_decref(record);
			return NULL;
		}
		(void)json_object_set_new(
			record,
			json_string_value(json_object_get(field, "name")),
			value);
	}
	return record;
}

static json_t *
enum_read(struct reader *reader, const json_t *schema)
{
	const json_t *symbols = json_object_get(schema, "symbols");
	int64_t index;

	if (!long_read(reader, &index))
		return NULL;
	if (index < 0 || (uint64_t)index >= json_array_size(symbols))
		return wrong(reader, "an enum's index is out of range");
	return json_incref(json_array_get(symbols, (size_t)index));
}

static json_t *
union_read(struct reader *reader, const json_t *schema)
{
	int64_t index;

	if (!long_read(reader, &index))
		return NULL;
	if (index < 0 || (uint64_t)index >= json_array_size(schema))
		return wrong(reader, "a union's index is out of range");
	return value_read(reader, json_array_get(schema, (size_t)index));
}

static bool
item_read(struct reader *reader, const json_t *schema, json_t *items)
{
	json_t *key = NULL, *value = NULL;
	bool ok = false;

	if (json_is_array(items)) {
		value = value_read(reader, json_object_get(schema, "items"));
		return value != NULL &&
			json_array_append_new(items, value) == 0;
	}
	key = string_read(reader);
	if (key != NULL)
		value = value_read(reader, json_object_get(schema, "values"));
	if (value != NULL)
		ok = json_object_set_new(items, json_string_value(key),
		                         value) == 0;
	json_decref(key);
	return ok;
}

/* The blocks of an array or a map, into items. */
static json_t *
blocks_read(struct reader *reader, const json_t *schema, json_t *items)
{
	int64_t count = 0, bytes, total = 0;

	do {
		bool ok = long_read(reader, &count);
		if (ok && (count < -ITEMS_MAX || count > ITEMS_MAX))
			ok = wrong(reader, "too many items") != NULL;
		if (ok && count < 0) {
			ok = long_read(reader, &bytes);
			count = -count;
		}
		if (ok && (total += count) > ITEMS_MAX)
			ok = wrong(reader, "too many items") != NULL;
		for (int64_t i = 0; ok && i < count; i++)
			ok = item_read(reader, schema, items);
		if (!ok) {
			json_decref(items);
			return NULL;
		}
	} while (count != 0);
	return items;
}

static json_t *
typed_read(struct reader *reader, const json_t *schema, const char *type)
{
	const char *logical =
		json_string_value(json_object_get(schema, "logicalType"));

	if (logical == NULL)
		logical = "";
	if (strcmp(type, "null") == 0)
		return json_null();
	if (strcmp(type, "boolean") == 0)
		return boolean_read(reader);
	if (strcmp(type, "int") == 0 || strcmp(type, "long") == 0)
		return integer_read(reader, logical, type[0] == 'i');
	if (strcmp(type, "float") == 0 || strcmp(type, "double") == 0)
		return float_read(reader, type[0] == 'f' ? 4 : 8);
	if (strcmp(type, "bytes") == 0)
		return binary_read(reader, schema, logical);
	if (strcmp(type, "string") == 0)
		return string_read(reader);
	if (strcmp(type, "record") == 0)
		return record_read(reader, schema);
	if (strcmp(type, "enum") == 0)
		return enum_read(reader, schema);
	if (strcmp(type, "array") == 0)
		return blocks_read(reader, schema, json_array());
	if (strcmp(type, "map") == 0)
		return blocks_read(reader, schema, json_object());
	const json_t *named = name_find(reader->root, type);
	return named != NULL ? value_read(reader, named)
			     : wrong(reader, "a type is not known");
}

static json_t *
value_read(struct reader *reader, const json_t *schema)
{
	const json_t *type = json_is_object(schema)
		? json_object_get(schema, "type")
		: schema;
	json_t *json = NULL;

	if (reader->depth == DEPTH_MAX)
		return wrong(reader, "too deep");
	reader->depth++;
	if (json_is_array(type))
		json = union_read(reader, type);
	else if (json_is_object(type))
		json = value_read(reader, type);
	else if (json_is_string(type))
		json = typed_read(reader, schema, json_string_value(type));
	else
		json = wrong(reader, "the schema is not one");
	reader->depth--;
	return json;
}

/* -- public -------------------------------------------------------------- */

bool
oj_decode(const json_t *schema, const uint8_t *bytes, size_t size,
          json_t **out_json, struct oj_err *err)
{
	struct reader reader = {
		.root = schema, .bytes = bytes, .size = size, .err = err
	};
	json_t *json = value_read(&reader, schema);

	if (json != NULL && reader.position != size) {
		json_decref(json);
		json = wrong(&reader, "bytes are left over");
	}
	if (json == NULL)
		return false;
	*out_json = json;
	return true;
}
