/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "contracts/measure.h"

#include <stdbool.h>

#include "contracts/checker.h"
#include "contracts/schema.h"
#include "contracts/varint.h"

/* Values within values, unions and records that are used once too. */
#define MEASURE_DEPTH_MAX 4096

struct measure {
	const uint8_t *at;
	const uint8_t *end;
	int64_t empties;
	int depth;
};

static bool
skip_node(struct measure *measure, const struct schema_node *node);

static inline bool
take_long(struct measure *measure, int64_t *out)
{
	int len = varint_read(measure->at, measure->end, out);

	if (len <= 0)
		return false;
	measure->at += len;
	return true;
}

static bool
skip_bytes(struct measure *measure, int64_t len)
{
	if (len < 0 || len > measure->end - measure->at)
		return false;
	measure->at += len;
	return true;
}

static bool
skip_blob(struct measure *measure)
{
	int64_t len;

	return take_long(measure, &len) && skip_bytes(measure, len);
}

static bool
skip_block(struct measure *measure, const struct schema_node *node,
           int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		if (node->type == SCHEMA_MAP) {
			if (!skip_blob(measure))
				return false;
		} else if (node->children[0]->width_min == 0 &&
		           ++measure->empties > CHECKER_EMPTIES_MAX) {
			return false;
		}
		if (!skip_node(measure, node->children[0]))
			return false;
	}
	return true;
}

static bool
skip_elements(struct measure *measure, const struct schema_node *node)
{
	int64_t count, size;

	do {
		if (!take_long(measure, &count))
			return false;
		if (count < 0) {
			if (count == INT64_MIN || !take_long(measure, &size))
				return false;
			count = -count;
		}
		if (!skip_block(measure, node, count))
			return false;
	} while (count > 0);
	return true;
}

static bool
skip_value(struct measure *measure, const struct schema_node *node)
{
	int64_t number;

	switch (node->type) {
	case SCHEMA_NULL:
		return true;
	case SCHEMA_BOOLEAN:
		return skip_bytes(measure, 1);
	case SCHEMA_FLOAT:
		return skip_bytes(measure, 4);
	case SCHEMA_DOUBLE:
		return skip_bytes(measure, 8);
	case SCHEMA_FIXED:
		return skip_bytes(measure, node->size);
	case SCHEMA_BYTES:
	case SCHEMA_STRING:
		return skip_blob(measure);
	case SCHEMA_RECORD:
		for (size_t i = 0; i < node->field_count; i++)
			if (!skip_node(measure, node->fields[i].node))
				return false;
		return true;
	case SCHEMA_ARRAY:
	case SCHEMA_MAP:
		return skip_elements(measure, node);
	case SCHEMA_UNION:
		return take_long(measure, &number) && number >= 0 &&
			number < (int64_t)node->child_count &&
			skip_node(measure, node->children[number]);
	default:
		return take_long(measure, &number);
	}
}

static bool
skip_node(struct measure *measure, const struct schema_node *node)
{
	bool good;

	if (node->width_min == 0)
		return true;
	if (measure->depth == MEASURE_DEPTH_MAX)
		return false;
	measure->depth++;
	good = skip_value(measure, node);
	measure->depth--;
	return good;
}

/* -- public -------------------------------------------------------------- */

int64_t
measure_run(const struct schema *schema, const uint8_t *bytes, size_t len)
{
	struct measure measure = { .at = bytes, .end = bytes + len };

	return skip_node(&measure, schema->root) ? measure.at - bytes : -1;
}
