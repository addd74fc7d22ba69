/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to a few names are compared one by one, more are found by a hash: who
 * sends the texts does not choose what is in the table.
 */
#include "contracts/jsonplan.h"

#include <endian.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "contracts/varint.h"

#define JSONPLAN_SCAN_MAX 8

static bool
encode(const struct schema_node *node, const struct json *json, int depth,
       struct text *out);

/* -- names ------------------------------------------------------------------ */

static uint32_t
hash_name(const void *name, size_t len)
{
	const uint8_t *bytes = name;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static void
fill_slots(struct arena *arena, struct jsonplan_node *node)
{
	uint32_t size = 16;

	if (node->name_count <= JSONPLAN_SCAN_MAX)
		return;
	while (size < 2 * node->name_count)
		size *= 2;
	node->slots = arena_calloc(arena, size, sizeof(*node->slots));
	node->slot_mask = size - 1;
	for (size_t i = 0; i < node->name_count; i++) {
		uint32_t at =
			hash_name(node->names[i].text, node->names[i].len);

		while (node->slots[at & node->slot_mask] != 0)
			at++;
		node->slots[at & node->slot_mask] = (uint32_t)i + 1;
	}
}

/* A union's branch is named by its type's name, or by its type. */
static const char *
name_of(const struct schema_node *node, size_t i)
{
	const struct schema_node *branch;

	if (node->type == SCHEMA_RECORD)
		return node->fields[i].name;
	if (node->type == SCHEMA_ENUM)
		return node->symbols[i];
	branch = node->children[i];
	return branch->name != NULL ? branch->name
				    : schema_type_name(branch->type);
}

static size_t
count_names(const struct schema_node *node)
{
	switch (node->type) {
	case SCHEMA_RECORD:
		return node->field_count;
	case SCHEMA_ENUM:
		return node->symbol_count;
	case SCHEMA_UNION:
		return node->child_count;
	default:
		return 0;
	}
}

/* -- defaults as bytes -------------------------------------------------------- */

static void
add_long(struct text *out, int64_t value)
{
	uint8_t bytes[VARINT_BYTES_MAX];

	text_add_bytes(out, bytes, (size_t)varint_write(bytes, value));
}

/* Characters up to U+00FF, a byte each. */
static bool
encode_bytes(const struct schema_node *node, const struct json *json,
             struct text *out)
{
	const uint8_t *string = (const uint8_t *)json_string(json);
	size_t len = json_string_len(json), count = 0;
	uint8_t byte;

	if (string == NULL)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (string[i] >= 0xc4)
			return false;
		count += (string[i] & 0xc0) != 0x80;
	}
	if (node->type == SCHEMA_FIXED && count != node->size)
		return false;
	if (node->type == SCHEMA_BYTES)
		add_long(out, (int64_t)count);
	for (size_t i = 0; i < len; i++) {
		byte = string[i];
		if (byte >= 0x80) {
			byte = (uint8_t)(byte << 6 | (string[i + 1] & 0x3f));
			i++;
		}
		text_add_bytes(out, &byte, 1);
	}
	return true;
}

static bool
encode_record(const struct schema_node *node, const struct json *json,
              int depth, struct text *out)
{
	if (json_type(json) != JSON_OBJECT)
		return false;
	for (size_t i = 0; i < node->field_count; i++) {
		const struct schema_field *field = &node->fields[i];
		const struct json *value = json_get(json, field->name);

		if (value == NULL)
			value = field->otherwise;
		if (value == NULL || !encode(field->node, value, depth, out))
			return false;
	}
	return true;
}

static bool
encode_elements(const struct schema_node *node, const struct json *json,
                int depth, struct text *out)
{
	bool is_map = node->type == SCHEMA_MAP;
	size_t count = json_count(json);

	if (json_type(json) != (is_map ? JSON_OBJECT : JSON_ARRAY))
		return false;
	if (count > 0)
		add_long(out, (int64_t)count);
	for (size_t i = 0; i < count; i++) {
		if (is_map) {
			const char *key = json_key_at(json, i);

			add_long(out, (int64_t)strlen(key));
			text_add(out, key);
		}
		if (!encode(node->children[0],
		            is_map ? json_value_at(json, i) : json_at(json, i),
		            depth, out))
			return false;
	}
	add_long(out, 0);
	return true;
}

/* The first branch that it fits, as the check of defaults has it. */
static bool
encode_union(const struct schema_node *node, const struct json *json, int depth,
             struct text *out)
{
	size_t len = out->len;

	for (size_t i = 0; i < node->child_count; i++) {
		add_long(out, (int64_t)i);
		if (encode(node->children[i], json, depth, out))
			return true;
		out->len = len;
	}
	return false;
}

static bool
encode_string(const struct schema_node *node, const struct json *json,
              struct text *out)
{
	const char *string = json_string(json);

	if (string == NULL)
		return false;
	if (node->type == SCHEMA_STRING) {
		add_long(out, (int64_t)json_string_len(json));
		text_add_bytes(out, string, json_string_len(json));
		return true;
	}
	for (size_t i = 0; i < node->symbol_count; i++) {
		if (strcmp(node->symbols[i], string) == 0) {
			add_long(out, (int64_t)i);
			return true;
		}
	}
	return false;
}

static bool
encode_number(const struct schema_node *node, const struct json *json,
              struct text *out)
{
	int64_t integer = json_integer(json, 0);
	double twice = json_real(json, 0);
	float single = (float)twice;
	bool is_integer = json_type(json) == JSON_INTEGER;

	if (!is_integer && json_type(json) != JSON_REAL)
		return false;
	if (node->type == SCHEMA_FLOAT)
		text_add_bytes(out, &single, sizeof(single));
	else if (node->type == SCHEMA_DOUBLE)
		text_add_bytes(out, &twice, sizeof(twice));
	else if (!is_integer ||
	         (node->type == SCHEMA_INT &&
	          (integer < INT32_MIN || integer > INT32_MAX)))
		return false;
	else
		add_long(out, integer);
	return true;
}

static bool
encode_value(const struct schema_node *node, const struct json *json, int depth,
             struct text *out)
{
	uint8_t truth = json_boolean(json, false);

	switch (node->type) {
	case SCHEMA_NULL:
		return json_type(json) == JSON_NULL;
	case SCHEMA_BOOLEAN:
		text_add_bytes(out, &truth, 1);
		return json_type(json) == JSON_BOOLEAN;
	case SCHEMA_INT:
	case SCHEMA_LONG:
	case SCHEMA_FLOAT:
	case SCHEMA_DOUBLE:
		return encode_number(node, json, out);
	case SCHEMA_BYTES:
	case SCHEMA_FIXED:
		return encode_bytes(node, json, out);
	case SCHEMA_STRING:
	case SCHEMA_ENUM:
		return encode_string(node, json, out);
	case SCHEMA_RECORD:
		return encode_record(node, json, depth + 1, out);
	case SCHEMA_ARRAY:
	case SCHEMA_MAP:
		return encode_elements(node, json, depth + 1, out);
	default:
		return encode_union(node, json, depth + 1, out);
	}
}

/* A text that is full ends it. */
static bool
encode(const struct schema_node *node, const struct json *json, int depth,
       struct text *out)
{
	return depth < SCHEMA_DEPTH_MAX && !text_is_cut(out) &&
		encode_value(node, json, depth, out) && !text_is_cut(out);
}

/* -- nodes ------------------------------------------------------------------ */

static enum err_code
fill_defaults(struct jsonplan *plan, struct jsonplan_node *node,
              struct text *bytes, struct err *err)
{
	const struct schema_node *schema = node->schema;

	node->defaults = arena_calloc(&plan->arena, schema->field_count,
	                              sizeof(*node->defaults));
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct schema_field *field = &schema->fields[i];
		size_t from = bytes->len;

		if (field->otherwise == NULL)
			continue;
		if (!encode(field->node, field->otherwise, 0, bytes))
			return err_set(err, ERR_SCHEMA,
			               "%s/default: all defaults together "
			               "take more than %d bytes",
			               field->pointer,
			               JSONPLAN_DEFAULT_BYTES_MAX);
		node->defaults[i].len = bytes->len - from;
		node->defaults[i].bytes =
			arena_copy(&plan->arena, bytes->bytes + from,
		                   node->defaults[i].len);
	}
	return ERR_OK;
}

static void
fill_children(struct jsonplan *plan, struct jsonplan_node *node)
{
	const struct schema_node *schema = node->schema;
	bool is_record = schema->type == SCHEMA_RECORD;
	size_t count = is_record ? schema->field_count : schema->child_count;

	node->children =
		arena_alloc(&plan->arena, count * sizeof(*node->children));
	node->null_branch = JSONPLAN_NO_NAME;
	for (size_t i = 0; i < count; i++) {
		const struct schema_node *child = is_record
			? schema->fields[i].node
			: schema->children[i];

		node->children[i] = &plan->nodes[child->index];
		if (schema->type == SCHEMA_UNION && child->type == SCHEMA_NULL)
			node->null_branch = i;
	}
}

static void
fill_names(struct jsonplan *plan, struct jsonplan_node *node)
{
	node->name_count = count_names(node->schema);
	node->names = arena_alloc(&plan->arena,
	                          node->name_count * sizeof(*node->names));
	for (size_t i = 0; i < node->name_count; i++) {
		node->names[i].text = name_of(node->schema, i);
		node->names[i].len = strlen(node->names[i].text);
	}
	fill_slots(&plan->arena, node);
}

/* -- public -------------------------------------------------------------- */

enum err_code
jsonplan_init(struct jsonplan *plan, const struct schema *schema,
              struct err *err)
{
	enum err_code code = ERR_OK;
	struct text bytes;

	arena_init(&plan->arena, 4096);
	plan->nodes = arena_calloc(&plan->arena, schema->node_count,
	                           sizeof(*plan->nodes));
	plan->root = &plan->nodes[schema->root->index];
	text_init(&bytes, JSONPLAN_DEFAULT_BYTES_MAX);
	text_add_bytes(&bytes, "", 1); /* there are bytes, if only none */
	for (size_t i = 0; i < schema->node_count && code == ERR_OK; i++) {
		struct jsonplan_node *node = &plan->nodes[i];

		CHECK(schema->nodes[i]->index == i);
		node->schema = schema->nodes[i];
		fill_names(plan, node);
		fill_children(plan, node);
		code = fill_defaults(plan, node, &bytes, err);
	}
	text_fini(&bytes);
	if (code != ERR_OK)
		jsonplan_fini(plan);
	return code;
}

void
jsonplan_fini(struct jsonplan *plan)
{
	arena_fini(&plan->arena);
	plan->nodes = NULL;
	plan->root = NULL;
}

size_t
jsonplan_find(const struct jsonplan_node *node, const void *name, size_t len)
{
	uint32_t at, number;

	if (node->slots == NULL) {
		for (size_t i = 0; i < node->name_count; i++)
			if (node->names[i].len == len &&
			    memcmp(node->names[i].text, name, len) == 0)
				return i;
		return JSONPLAN_NO_NAME;
	}
	for (at = hash_name(name, len);; at++) {
		number = node->slots[at & node->slot_mask];
		if (number == 0)
			return JSONPLAN_NO_NAME;
		if (node->names[number - 1].len == len &&
		    memcmp(node->names[number - 1].text, name, len) == 0)
			return number - 1;
	}
}
