/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints straight from the tree: it keeps full names only, and none of what
 * the form strips.
 */
#include "contracts/canonical.h"

#include <stdbool.h>

#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "contracts/schema.h"

static void
print_node(const struct schema_node *node, bool *seen, struct text *out);

static void
print_record(const struct schema_node *node, bool *seen, struct text *out)
{
	text_add(out, ",\"fields\":[");
	for (size_t i = 0; i < node->field_count; i++) {
		text_addf(out, "%s{\"name\":\"%s\",\"type\":", i > 0 ? "," : "",
		          node->fields[i].name);
		print_node(node->fields[i].node, seen, out);
		text_add(out, "}");
	}
	text_add(out, "]");
}

static void
print_named(const struct schema_node *node, bool *seen, struct text *out)
{
	if (seen[node->index]) {
		text_addf(out, "\"%s\"", node->name);
		return;
	}
	seen[node->index] = true;
	text_addf(out, "{\"name\":\"%s\",\"type\":\"%s\"", node->name,
	          schema_type_name(node->type));
	if (node->type == SCHEMA_RECORD)
		print_record(node, seen, out);
	if (node->type == SCHEMA_FIXED)
		text_addf(out, ",\"size\":%u", node->size);
	if (node->type == SCHEMA_ENUM) {
		text_add(out, ",\"symbols\":[");
		for (size_t i = 0; i < node->symbol_count; i++)
			text_addf(out, "%s\"%s\"", i > 0 ? "," : "",
			          node->symbols[i]);
		text_add(out, "]");
	}
	text_add(out, "}");
}

static void
print_node(const struct schema_node *node, bool *seen, struct text *out)
{
	if (schema_is_named(node)) {
		print_named(node, seen, out);
	} else if (node->type == SCHEMA_ARRAY || node->type == SCHEMA_MAP) {
		text_add(out,
		         node->type == SCHEMA_ARRAY
		                 ? "{\"type\":\"array\",\"items\":"
		                 : "{\"type\":\"map\",\"values\":");
		print_node(node->children[0], seen, out);
		text_add(out, "}");
	} else if (node->type == SCHEMA_UNION) {
		text_add(out, "[");
		for (size_t i = 0; i < node->child_count; i++) {
			if (i > 0)
				text_add(out, ",");
			print_node(node->children[i], seen, out);
		}
		text_add(out, "]");
	} else {
		text_addf(out, "\"%s\"", schema_type_name(node->type));
	}
}

/* -- public -------------------------------------------------------------- */

void
canonical_print(const struct schema *schema, struct text *out)
{
	bool *seen = memory_calloc(schema->node_count, sizeof(*seen));

	print_node(schema->root, seen, out);
	memory_free(&seen);
}

uint64_t
canonical_fingerprint(const struct schema *schema)
{
	struct text text;
	uint64_t fingerprint;

	text_init(&text, CANONICAL_BYTES_MAX);
	canonical_print(schema, &text);
	CHECK(!text_is_cut(&text));
	fingerprint = digest_crc64_avro(text.bytes, text.len);
	text_fini(&text);
	return fingerprint;
}
