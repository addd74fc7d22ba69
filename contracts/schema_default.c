/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks JSON and type side by side. A record's default may leave out fields
 * that have defaults themselves, so the walk may be longer than the JSON is
 * deep: it is bounded by SCHEMA_DEPTH_MAX.
 */
#include "contracts/schema_default.h"

#include <string.h>

#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "contracts/schema.h"

/* Records that leave out fields may double what they stand for at each level. */
#define SCHEMA_DEFAULT_VALUES_MAX 1000000 /* in all defaults of a schema */

struct walk {
	int depth;
	int64_t left; /* values that may still be looked at */
};

static bool
fits(const struct schema_node *node, const struct json *json,
     struct walk *walk);

/* Characters U+0000 to U+00FF, one for each byte; -1: it has others. */
static int64_t
byte_count(const struct json *json)
{
	const uint8_t *string = (const uint8_t *)json_string(json);
	size_t len = json_string_len(json);
	int64_t count = 0;

	if (string == NULL)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (string[i] >= 0xc4)
			return -1;
		if ((string[i] & 0xc0) != 0x80)
			count++;
	}
	return count;
}

static bool
record_fits(const struct schema_node *node, const struct json *json,
            struct walk *walk)
{
	if (json_type(json) != JSON_OBJECT)
		return false;
	for (size_t i = 0; i < node->field_count; i++) {
		const struct schema_field *field = &node->fields[i];
		const struct json *value = json_get(json, field->name);

		if (value == NULL)
			value = field->otherwise;
		if (value == NULL || !fits(field->node, value, walk))
			return false;
	}
	return true;
}

static bool
elements_fit(const struct schema_node *node, const struct json *json,
             struct walk *walk)
{
	bool is_array = node->type == SCHEMA_ARRAY;

	if (json_type(json) != (is_array ? JSON_ARRAY : JSON_OBJECT))
		return false;
	for (size_t i = 0; i < json_count(json); i++)
		if (!fits(node->children[0],
		          is_array ? json_at(json, i) : json_value_at(json, i),
		          walk))
			return false;
	return true;
}

static bool
enum_fits(const struct schema_node *node, const struct json *json)
{
	for (size_t i = 0; i < node->symbol_count; i++)
		if (json_string(json) != NULL &&
		    strcmp(node->symbols[i], json_string(json)) == 0)
			return true;
	return false;
}

static bool
union_fits(const struct schema_node *node, const struct json *json,
           struct walk *walk)
{
	for (size_t i = 0; i < node->child_count; i++)
		if (fits(node->children[i], json, walk))
			return true;
	return false;
}

static bool
integer_fits(const struct json *json, int64_t min, int64_t max)
{
	return json_type(json) == JSON_INTEGER &&
		json_integer(json, 0) >= min && json_integer(json, 0) <= max;
}

static bool
fits_type(const struct schema_node *node, const struct json *json,
          struct walk *walk)
{
	switch (node->type) {
	case SCHEMA_NULL:
		return json_type(json) == JSON_NULL;
	case SCHEMA_BOOLEAN:
		return json_type(json) == JSON_BOOLEAN;
	case SCHEMA_INT:
		return integer_fits(json, INT32_MIN, INT32_MAX);
	case SCHEMA_LONG:
		return integer_fits(json, INT64_MIN, INT64_MAX);
	case SCHEMA_FLOAT:
	case SCHEMA_DOUBLE:
		return json_type(json) == JSON_REAL ||
			json_type(json) == JSON_INTEGER;
	case SCHEMA_BYTES:
		return byte_count(json) >= 0;
	case SCHEMA_FIXED:
		return byte_count(json) == (int64_t)node->size;
	case SCHEMA_STRING:
		return json_type(json) == JSON_STRING;
	case SCHEMA_RECORD:
		return record_fits(node, json, walk);
	case SCHEMA_ENUM:
		return enum_fits(node, json);
	case SCHEMA_ARRAY:
	case SCHEMA_MAP:
		return elements_fit(node, json, walk);
	case SCHEMA_UNION:
		return union_fits(node, json, walk);
	default:
		return false;
	}
}

static bool
fits(const struct schema_node *node, const struct json *json, struct walk *walk)
{
	bool good;

	if (walk->depth == SCHEMA_DEPTH_MAX || walk->left == 0)
		return false;
	walk->depth++;
	walk->left--;
	good = fits_type(node, json, walk);
	walk->depth--;
	return good;
}

static enum err_code
refuse(const struct schema_field *field, struct err *err)
{
	struct text text;

	text_init(&text, 200);
	json_print(field->otherwise, &text);
	err_set(err, ERR_SCHEMA, "%s/default: %s is not a value of type %s",
	        field->pointer, text_string(&text),
	        field->node->name != NULL
	                ? field->node->name
	                : schema_type_name(field->node->type));
	text_fini(&text);
	return ERR_SCHEMA;
}

/* -- public -------------------------------------------------------------- */

enum err_code
schema_default_check(const struct schema *schema, struct err *err)
{
	struct walk walk = { .left = SCHEMA_DEFAULT_VALUES_MAX };

	for (size_t i = 0; i < schema->node_count; i++) {
		const struct schema_node *node = schema->nodes[i];

		for (size_t k = 0; k < node->field_count; k++) {
			const struct schema_field *field = &node->fields[k];

			if (field->otherwise == NULL ||
			    fits(field->node, field->otherwise, &walk))
				continue;
			if (walk.left == 0)
				return err_set(err, ERR_SCHEMA,
				               "%s/default: all defaults "
				               "together hold more than %d "
				               "values",
				               field->pointer,
				               SCHEMA_DEFAULT_VALUES_MAX);
			return refuse(field, err);
		}
	}
	return ERR_OK;
}
