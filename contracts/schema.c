/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree itself: its life, its names, and the least width of each type. What
 * makes a tree of JSON is in schema_reader.c.
 */
#include "contracts/schema.h"

#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/json.h"
#include "base/runtime/memory.h"
#include "contracts/schema_default.h"
#include "contracts/schema_reader.h"

static const char *const schema_type_names[SCHEMA_TYPE_COUNT] = {
	[SCHEMA_NULL] = "null",     [SCHEMA_BOOLEAN] = "boolean",
	[SCHEMA_INT] = "int",       [SCHEMA_LONG] = "long",
	[SCHEMA_FLOAT] = "float",   [SCHEMA_DOUBLE] = "double",
	[SCHEMA_BYTES] = "bytes",   [SCHEMA_STRING] = "string",
	[SCHEMA_RECORD] = "record", [SCHEMA_ENUM] = "enum",
	[SCHEMA_ARRAY] = "array",   [SCHEMA_MAP] = "map",
	[SCHEMA_UNION] = "union",   [SCHEMA_FIXED] = "fixed",
};

/* -- widths ------------------------------------------------------------------- */

static uint32_t
node_width(const struct schema_node *node)
{
	uint64_t width = 0;

	switch (node->type) {
	case SCHEMA_NULL:
		return 0;
	case SCHEMA_FLOAT:
		return 4;
	case SCHEMA_DOUBLE:
		return 8;
	case SCHEMA_FIXED:
		width = node->size;
		break;
	case SCHEMA_RECORD:
		for (size_t i = 0; i < node->field_count; i++)
			width += node->fields[i].node->width_min;
		break;
	case SCHEMA_UNION:
		width = node->child_count > 0 ? SCHEMA_WIDTH_MANY : 0;
		for (size_t i = 0; i < node->child_count; i++)
			if (node->children[i]->width_min < width)
				width = node->children[i]->width_min;
		width += 1;
		break;
	default:
		return 1;
	}
	return width < SCHEMA_WIDTH_MANY ? (uint32_t)width : SCHEMA_WIDTH_MANY;
}

/* Whether a value can end; what is behind a union, array or map, may. */
static bool
node_is_finite(const struct schema_node *node)
{
	for (size_t i = 0; i < node->field_count; i++)
		if (!node->fields[i].node->finite)
			return false;
	return true;
}

static bool
measure_node(struct schema_node *node, bool is_exact)
{
	bool finite = node_is_finite(node);
	uint32_t width = node_width(node);

	if (finite == node->finite && width == node->width_min)
		return false;
	if (finite == node->finite && node->width_min > 0 && !is_exact)
		return false;
	node->finite = finite;
	node->width_min = width;
	return true;
}

/* From zero up until nothing changes, in both directions by turns. Widths are
   lower bounds in every round, so only whether they are zero must be exact;
   those of recursive types would grow for long. */
static enum err_code
measure(struct schema *schema, struct err *err)
{
	bool changed = true;

	for (size_t round = 0; changed; round++) {
		changed = false;
		for (size_t i = 0; i < schema->node_count; i++) {
			size_t k =
				round % 2 == 0 ? schema->node_count - 1 - i : i;

			if (measure_node(schema->nodes[k],
			                 round < SCHEMA_DEPTH_MAX))
				changed = true;
		}
	}
	for (size_t i = 0; i < schema->node_count; i++)
		if (!schema->nodes[i]->finite)
			return err_set(err, ERR_SCHEMA,
			               "record %s contains "
			               "itself without end",
			               schema->nodes[i]->name);
	return ERR_OK;
}

/* Along a path; NULL: it leads nowhere. */
static const struct schema_field *
walk(const struct schema *schema, const char *path, bool *out_sensitive)
{
	const struct schema_node *node = schema->root;

	*out_sensitive = false;
	for (;;) {
		const struct schema_field *found = NULL;
		size_t len = strcspn(path, ".");

		for (size_t i = 0; i < node->field_count; i++)
			if (strlen(node->fields[i].name) == len &&
			    memcmp(node->fields[i].name, path, len) == 0)
				found = &node->fields[i];
		if (found == NULL)
			return NULL;
		*out_sensitive = *out_sensitive || found->sensitive;
		if (path[len] == '\0')
			return found;
		node = found->node;
		path += len + 1;
	}
}

/* -- public ------------------------------------------------------------------- */

enum err_code
schema_parse(const char *avsc, struct schema **out, struct err *err)
{
	size_t len = strlen(avsc);
	struct schema *schema = NULL;
	struct json *document = NULL;
	enum err_code code;

	if (len > SCHEMA_BYTES_MAX)
		return err_set(err, ERR_SCHEMA,
		               "the schema is longer than %d "
		               "bytes",
		               SCHEMA_BYTES_MAX);
	code = json_parse(avsc, len, &document, err);
	if (code != ERR_OK) {
		err->code = ERR_SCHEMA;
		return ERR_SCHEMA;
	}
	schema = memory_calloc(1, sizeof(*schema));
	arena_init(&schema->arena, 16 * 1024);
	schema->document = document;
	schema->nodes = memory_calloc(SCHEMA_NODES_MAX, sizeof(*schema->nodes));
	code = schema_reader_read(schema, err);
	if (code == ERR_OK)
		code = measure(schema, err);
	if (code == ERR_OK)
		code = schema_default_check(schema, err);
	if (code != ERR_OK) {
		schema_free(&schema);
		return code;
	}
	schema->nodes = memory_realloc(
		schema->nodes, schema->node_count * sizeof(*schema->nodes));
	*out = schema;
	return ERR_OK;
}

void
schema_free(struct schema **schema)
{
	if (*schema == NULL)
		return;
	arena_fini(&(*schema)->arena);
	json_free(&(*schema)->document);
	memory_free(&(*schema)->nodes);
	memory_free(schema);
}

const char *
schema_type_name(enum schema_type type)
{
	CHECK((unsigned)type < SCHEMA_TYPE_COUNT);
	return schema_type_names[type];
}

bool
schema_is_named(const struct schema_node *node)
{
	return node->type == SCHEMA_RECORD || node->type == SCHEMA_ENUM ||
		node->type == SCHEMA_FIXED;
}

const struct schema_field *
schema_find(const struct schema *schema, const char *path)
{
	bool sensitive;

	return walk(schema, path, &sensitive);
}

bool
schema_is_sensitive(const struct schema *schema, const char *path)
{
	bool sensitive;

	CHECK(walk(schema, path, &sensitive) != NULL);
	return sensitive;
}

bool
schema_is_name(const char *name, size_t len)
{
	if (len == 0 || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') ||
		      (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
			return false;
	return true;
}
