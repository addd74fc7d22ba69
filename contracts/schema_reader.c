/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A recursive descent from the root. A struct reader carries the JSON pointer
 * of where it is, for the errors, and how deep that is.
 */
#include "contracts/schema_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/json.h"
#include "contracts/schema.h"
#include "contracts/schema_logical.h"

#define SCHEMA_POINTER_MAX 512

struct reader {
	struct schema *schema;
	struct err *err;
	int depth;
	size_t len;
	char pointer[SCHEMA_POINTER_MAX];
};

static enum err_code
read_node(struct reader *reader, const struct json *json, const char *space,
          const struct schema_node **out);

static enum err_code
fail(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static enum err_code
fail(struct reader *reader, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_set(reader->err, ERR_SCHEMA, "%s: %s",
	               reader->len > 0 ? reader->pointer : "(root)", text);
}

/* Goes down in the pointer; returns the length to go back to. */
static size_t
enter(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static size_t
enter(struct reader *reader, const char *format, ...)
{
	size_t before = reader->len;
	size_t room = sizeof(reader->pointer) - before;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(reader->pointer + before, room, format, args);
	va_end(args);
	reader->len += (size_t)len < room ? (size_t)len : room - 1;
	return before;
}

static void
leave(struct reader *reader, size_t before)
{
	reader->len = before;
	reader->pointer[before] = '\0';
}

/* A string member without NULs; NULL: not there, or not that. */
static const char *
string_of(const struct json *json)
{
	const char *string = json_string(json);

	if (string == NULL || strlen(string) != json_string_len(json))
		return NULL;
	return string;
}

static int
primitive_of(const char *name)
{
	for (int type = SCHEMA_NULL; type <= SCHEMA_STRING; type++)
		if (strcmp(schema_type_name((enum schema_type)type), name) == 0)
			return type;
	return -1;
}

/* Whether it is names joined by dots. */
static bool
is_full_name(const char *name)
{
	for (;;) {
		size_t len = strcspn(name, ".");

		if (!schema_is_name(name, len))
			return false;
		if (name[len] == '\0')
			return true;
		name += len + 1;
	}
}

static const char *
join_name(struct reader *reader, const char *space, const char *name)
{
	if (strchr(name, '.') != NULL || space[0] == '\0')
		return arena_strdup(&reader->schema->arena, name);
	return arena_printf(&reader->schema->arena, "%s.%s", space, name);
}

static struct schema_node *
find_named(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->node_count; i++) {
		struct schema_node *node = schema->nodes[i];

		if (node->name != NULL && strcmp(node->name, name) == 0)
			return node;
	}
	return NULL;
}

static enum err_code
new_node(struct reader *reader, enum schema_type type, struct schema_node **out)
{
	struct schema *schema = reader->schema;
	struct schema_node *node;

	if (schema->node_count == SCHEMA_NODES_MAX)
		return fail(reader, "more than %d types in one schema",
		            SCHEMA_NODES_MAX);
	node = arena_calloc(&schema->arena, 1, sizeof(*node));
	node->type = type;
	node->index = schema->node_count;
	node->use_count = 1;
	node->symbol_default = -1;
	schema->nodes[schema->node_count++] = node;
	*out = node;
	return ERR_OK;
}

static enum err_code
read_reference(struct reader *reader, const char *name, const char *space,
               const struct schema_node **out)
{
	struct schema_node *node;
	int primitive = primitive_of(name);
	const char *full;

	if (primitive >= 0) {
		if (new_node(reader, (enum schema_type)primitive, &node) !=
		    ERR_OK)
			return reader->err->code;
		*out = node;
		return ERR_OK;
	}
	full = join_name(reader, space, name);
	node = find_named(reader->schema, full);
	if (node == NULL)
		return fail(reader,
		            "\"%s\" is neither a type of Avro nor "
		            "defined before this place",
		            full);
	node->use_count++;
	*out = node;
	return ERR_OK;
}

/* -- names ------------------------------------------------------------------ */

static enum err_code
read_aliases(struct reader *reader, const struct json *json, const char *space,
             const char ***out, size_t *out_count)
{
	const struct json *aliases = json_get(json, "aliases");
	size_t count = json_count(aliases);
	const char **list;

	if (aliases == NULL)
		return ERR_OK;
	if (json_type(aliases) != JSON_ARRAY)
		return fail(reader, "aliases is not an array");
	list = arena_calloc(&reader->schema->arena, count, sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		const char *alias = string_of(json_at(aliases, i));
		bool valid = alias != NULL &&
			(space == NULL ? schema_is_name(alias, strlen(alias))
		                       : is_full_name(alias));

		if (!valid)
			return fail(reader, "aliases/%zu is not a name", i);
		list[i] = space == NULL
			? arena_strdup(&reader->schema->arena, alias)
			: join_name(reader, space, alias);
	}
	*out = list;
	*out_count = count;
	return ERR_OK;
}

/* Sets the full name and gives the namespace for what is inside. */
static enum err_code
read_name(struct reader *reader, struct schema_node *node,
          const struct json *json, const char *space, const char **out_space)
{
	const char *name = string_of(json_get(json, "name"));
	const struct json *own = json_get(json, "namespace");
	const char *dot, *full;

	if (name == NULL || !is_full_name(name))
		return fail(reader,
		            "a %s needs a name of letters, digits and "
		            "underscores",
		            schema_type_name(node->type));
	if (own != NULL) {
		space = string_of(own);
		if (space == NULL || (space[0] != '\0' && !is_full_name(space)))
			return fail(reader,
			            "namespace is not names joined by "
			            "dots");
	}
	full = join_name(reader, space, name);
	dot = strrchr(full, '.');
	if (strlen(full) > SCHEMA_NAME_MAX)
		return fail(reader, "a full name longer than %d bytes",
		            SCHEMA_NAME_MAX);
	if (primitive_of(full) >= 0)
		return fail(reader, "\"%s\" is a type of Avro", full);
	if (find_named(reader->schema, full) != NULL)
		return fail(reader, "\"%s\" is defined twice", full);
	*out_space = dot == NULL ? ""
				 : arena_printf(&reader->schema->arena, "%.*s",
	                                        (int)(dot - full), full);
	node->name = full;
	return read_aliases(reader, json, *out_space, &node->aliases,
	                    &node->alias_count);
}

/* -- fields ----------------------------------------------------------------- */

static enum err_code
read_field_annotation(struct reader *reader, struct schema_field *field,
                      const struct json *json)
{
	const struct json *annotation = json_get(json, "waybill");

	if (annotation == NULL)
		return ERR_OK;
	if (json_type(annotation) != JSON_OBJECT)
		return fail(reader, "waybill is not an object");
	for (size_t i = 0; i < json_count(annotation); i++) {
		const char *key = json_key_at(annotation, i);
		const struct json *value = json_value_at(annotation, i);

		if (strcmp(key, "sensitive") != 0)
			return fail(reader,
			            "waybill/%s: a field has no such "
			            "annotation (sensitive)",
			            key);
		if (json_type(value) != JSON_BOOLEAN)
			return fail(reader,
			            "waybill/sensitive is not true or "
			            "false");
		field->sensitive = json_boolean(value, false);
	}
	return ERR_OK;
}

static enum err_code
read_order(struct reader *reader, const struct json *json)
{
	const struct json *member = json_get(json, "order");
	const char *order = string_of(member);

	if (member == NULL)
		return ERR_OK;
	if (order == NULL ||
	    (strcmp(order, "ascending") != 0 &&
	     strcmp(order, "descending") != 0 && strcmp(order, "ignore") != 0))
		return fail(reader,
		            "order is not ascending, descending or "
		            "ignore");
	return ERR_OK;
}

static enum err_code
read_field(struct reader *reader, struct schema_node *record, size_t index,
           const struct json *json, const char *space)
{
	struct schema_field *field = &record->fields[index];
	const char *name = string_of(json_get(json, "name"));
	size_t before;
	enum err_code code;

	if (json_type(json) != JSON_OBJECT)
		return fail(reader, "a field is not an object");
	if (name == NULL || !schema_is_name(name, strlen(name)))
		return fail(reader,
		            "a field needs a name of letters, digits "
		            "and underscores");
	for (size_t i = 0; i < index; i++)
		if (strcmp(record->fields[i].name, name) == 0)
			return fail(reader, "field \"%s\" is there twice",
			            name);
	field->name = arena_strdup(&reader->schema->arena, name);
	field->pointer = arena_strdup(&reader->schema->arena, reader->pointer);
	field->otherwise = json_get(json, "default");
	if (read_aliases(reader, json, NULL, &field->aliases,
	                 &field->alias_count) != ERR_OK ||
	    read_order(reader, json) != ERR_OK ||
	    read_field_annotation(reader, field, json) != ERR_OK)
		return reader->err->code;
	if (json_get(json, "type") == NULL)
		return fail(reader, "field \"%s\" has no type", name);
	before = enter(reader, "/type");
	code = read_node(reader, json_get(json, "type"), space, &field->node);
	leave(reader, before);
	return code;
}

static enum err_code
read_record(struct reader *reader, struct schema_node *node,
            const struct json *json, const char *space)
{
	const struct json *fields = json_get(json, "fields");
	size_t count = json_count(fields);

	if (read_name(reader, node, json, space, &space) != ERR_OK)
		return reader->err->code;
	if (fields == NULL || json_type(fields) != JSON_ARRAY)
		return fail(reader, "a record needs an array of fields");
	node->fields = arena_calloc(&reader->schema->arena, count,
	                            sizeof(*node->fields));
	for (size_t i = 0; i < count; i++) {
		size_t before = enter(reader, "/fields/%zu", i);

		if (read_field(reader, node, i, json_at(fields, i), space) !=
		    ERR_OK)
			return reader->err->code;
		node->field_count = i + 1;
		leave(reader, before);
	}
	return ERR_OK;
}

/* -- the other complex types -------------------------------------------------- */

static enum err_code
read_enum(struct reader *reader, struct schema_node *node,
          const struct json *json, const char *space)
{
	const struct json *symbols = json_get(json, "symbols");
	const struct json *otherwise = json_get(json, "default");
	size_t count = json_count(symbols);

	if (read_name(reader, node, json, space, &space) != ERR_OK)
		return reader->err->code;
	if (symbols == NULL || json_type(symbols) != JSON_ARRAY)
		return fail(reader, "an enum needs an array of symbols");
	node->symbols = arena_calloc(&reader->schema->arena, count,
	                             sizeof(*node->symbols));
	for (size_t i = 0; i < count; i++) {
		const char *symbol = string_of(json_at(symbols, i));

		if (symbol == NULL || !schema_is_name(symbol, strlen(symbol)))
			return fail(reader, "symbols/%zu is not a name", i);
		for (size_t k = 0; k < i; k++)
			if (strcmp(node->symbols[k], symbol) == 0)
				return fail(reader,
				            "symbols/%zu: \"%s\" is "
				            "there twice",
				            i, symbol);
		node->symbols[i] = arena_strdup(&reader->schema->arena, symbol);
		if (json_string(otherwise) != NULL &&
		    strcmp(json_string(otherwise), symbol) == 0)
			node->symbol_default = (int)i;
	}
	node->symbol_count = count;
	if (otherwise != NULL && node->symbol_default < 0)
		return fail(reader, "the default is not one of the symbols");
	return ERR_OK;
}

static enum err_code
read_fixed(struct reader *reader, struct schema_node *node,
           const struct json *json, const char *space)
{
	const struct json *size = json_get(json, "size");
	int64_t bytes = json_integer(size, -1);

	if (read_name(reader, node, json, space, &space) != ERR_OK)
		return reader->err->code;
	if (size == NULL || json_type(size) != JSON_INTEGER || bytes < 0 ||
	    bytes > SCHEMA_FIXED_MAX)
		return fail(reader, "a fixed needs a size from 0 to %d bytes",
		            SCHEMA_FIXED_MAX);
	node->size = (uint32_t)bytes;
	return ERR_OK;
}

static enum err_code
read_elements(struct reader *reader, struct schema_node *node,
              const struct json *json, const char *space)
{
	const char *member = node->type == SCHEMA_ARRAY ? "items" : "values";
	const struct json *elements = json_get(json, member);
	size_t before;
	enum err_code code;

	if (elements == NULL)
		return fail(reader, "%s without %s",
		            node->type == SCHEMA_ARRAY ? "an array" : "a map",
		            member);
	node->children = arena_calloc(&reader->schema->arena, 1,
	                              sizeof(*node->children));
	before = enter(reader, "/%s", member);
	code = read_node(reader, elements, space, &node->children[0]);
	leave(reader, before);
	node->child_count = 1;
	return code;
}

static bool
is_same_branch(const struct schema_node *a, const struct schema_node *b)
{
	if (schema_is_named(a) || schema_is_named(b))
		return a == b;
	return a->type == b->type;
}

static enum err_code
read_union(struct reader *reader, const struct json *json, const char *space,
           const struct schema_node **out)
{
	size_t count = json_count(json);
	struct schema_node *node;

	if (new_node(reader, SCHEMA_UNION, &node) != ERR_OK)
		return reader->err->code;
	node->children = arena_calloc(&reader->schema->arena, count,
	                              sizeof(*node->children));
	for (size_t i = 0; i < count; i++) {
		size_t before = enter(reader, "/%zu", i);
		const struct schema_node *branch;

		if (read_node(reader, json_at(json, i), space, &branch) !=
		    ERR_OK)
			return reader->err->code;
		if (branch->type == SCHEMA_UNION)
			return fail(reader, "a union directly in a union");
		for (size_t k = 0; k < i; k++)
			if (is_same_branch(node->children[k], branch))
				return fail(reader,
				            "a second branch of type %s",
				            branch->name != NULL
				                    ? branch->name
				                    : schema_type_name(
							      branch->type));
		node->children[i] = branch;
		node->child_count = i + 1;
		leave(reader, before);
	}
	*out = node;
	return ERR_OK;
}

static const struct {
	const char *name;
	enum schema_type type;
	enum err_code (*read)(struct reader *reader, struct schema_node *node,
	                      const struct json *json, const char *space);
} schema_complex[] = {
	{ "record", SCHEMA_RECORD, read_record },
	{ "error", SCHEMA_RECORD, read_record },
	{ "enum", SCHEMA_ENUM, read_enum },
	{ "fixed", SCHEMA_FIXED, read_fixed },
	{ "array", SCHEMA_ARRAY, read_elements },
	{ "map", SCHEMA_MAP, read_elements },
};

static enum err_code
read_object(struct reader *reader, const struct json *json, const char *space,
            const struct schema_node **out)
{
	const char *type = string_of(json_get(json, "type"));
	struct schema_node *node = NULL;
	int primitive;

	if (type == NULL)
		return fail(reader, "type is missing or not a string");
	if (reader->len > 0 && json_get(json, "waybill") != NULL)
		return fail(reader,
		            "waybill: annotations belong to the whole "
		            "schema or to a field");
	for (size_t i = 0;
	     i < sizeof(schema_complex) / sizeof(schema_complex[0]); i++) {
		if (strcmp(schema_complex[i].name, type) != 0)
			continue;
		if (new_node(reader, schema_complex[i].type, &node) != ERR_OK ||
		    schema_complex[i].read(reader, node, json, space) != ERR_OK)
			return reader->err->code;
		break;
	}
	if (node == NULL) {
		primitive = primitive_of(type);
		if (primitive < 0)
			return read_reference(reader, type, space, out);
		if (new_node(reader, (enum schema_type)primitive, &node) !=
		    ERR_OK)
			return reader->err->code;
	}
	schema_logical_read(reader->schema, node, json);
	if (node->logical_ignored != NULL)
		node->pointer =
			arena_strdup(&reader->schema->arena, reader->pointer);
	*out = node;
	return ERR_OK;
}

static enum err_code
read_node(struct reader *reader, const struct json *json, const char *space,
          const struct schema_node **out)
{
	enum err_code code;

	if (reader->depth == SCHEMA_DEPTH_MAX)
		return fail(reader, "types nested deeper than %d",
		            SCHEMA_DEPTH_MAX);
	reader->depth++;
	switch (json_type(json)) {
	case JSON_STRING:
		if (string_of(json) == NULL)
			code = fail(reader, "a name with a NUL in it");
		else
			code = read_reference(reader, json_string(json), space,
			                      out);
		break;
	case JSON_ARRAY:
		code = read_union(reader, json, space, out);
		break;
	case JSON_OBJECT:
		code = read_object(reader, json, space, out);
		break;
	default:
		code = fail(reader,
		            "a schema is a string, an object or an "
		            "array");
	}
	reader->depth--;
	return code;
}

/* -- public ------------------------------------------------------------------- */

enum err_code
schema_reader_read(struct schema *schema, struct err *err)
{
	struct reader reader = { .schema = schema, .err = err };

	return read_node(&reader, schema->document, "", &schema->root);
}
