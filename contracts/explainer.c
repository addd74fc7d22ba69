/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Every function returns whether the walk can go on; where it cannot, the
 * violation is there. Steps of the path live on the stack.
 */
#include "contracts/explainer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/text.h"
#include "contracts/checker.h"
#include "contracts/contract.h"
#include "contracts/contract_finding.h"
#include "contracts/contract_path.h"
#include "contracts/schema.h"
#include "contracts/schema_logical.h"
#include "contracts/varint.h"

/* Room that logical types leave for what may come behind them. */
#define EXPLAINER_LOGICAL_MAX (VIOLATIONS_MAX - 4)
#define EXPLAINER_CHOICE_MAX  128 /* of the names of symbols or branches */

struct explainer {
	const uint8_t *body;
	const uint8_t *at;
	const uint8_t *end;
	struct arena *arena;
	struct contract_result *result;
	int64_t empties;
	int found;
	int found_logical;
};

static bool
explain_node(struct explainer *explainer, const struct schema_node *node,
             const struct contract_step *step);

/* -- what is told ------------------------------------------------------------- */

/* Always false, so that "return tell(...)" ends the walk. */
static bool
tell(struct explainer *explainer, const struct contract_step *step,
     enum contract_rule rule, const char *expected, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static bool
tell(struct explainer *explainer, const struct contract_step *step,
     enum contract_rule rule, const char *expected, const char *format, ...)
{
	char path[CONTRACT_FINDING_PATH_MAX] = "";
	char value[CONTRACT_FINDING_VALUE_MAX];
	struct contract_finding finding = {
		.rule = rule,
		.path = path,
		.expected = expected,
		.value = value,
		.offset = (int32_t)(explainer->at - explainer->body),
	};
	va_list args;

	contract_path_print(path, sizeof(path), step);
	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	if (step->sensitive)
		finding.value = "(redacted)";
	contract_finding_add(explainer->result, explainer->arena, &finding);
	explainer->found++;
	return false;
}

static void
tell_logical(struct explainer *explainer, const struct contract_step *step,
             enum contract_rule rule, const char *expected, const char *value)
{
	if (explainer->found_logical == EXPLAINER_LOGICAL_MAX)
		return;
	explainer->found_logical++;
	tell(explainer, step, rule, expected, "%s", value);
}

/* -- numbers and bytes --------------------------------------------------------- */

static size_t
left(const struct explainer *explainer)
{
	return (size_t)(explainer->end - explainer->at);
}

static bool
take_varint(struct explainer *explainer, const struct contract_step *step,
            int len_max, int64_t *out)
{
	int len = varint_read(explainer->at, explainer->end, out);

	if (len == VARINT_TRUNCATED && left(explainer) < (size_t)len_max)
		return tell(explainer, step, CONTRACT_RULE_TRUNCATED,
		            len_max == 5 ? "an int" : "a long",
		            "%zu bytes left", left(explainer));
	if (len <= 0 || len > len_max ||
	    (len_max == 5 && (*out < INT32_MIN || *out > INT32_MAX)))
		return tell(explainer, step, CONTRACT_RULE_VARINT,
		            len_max == 5
		                    ? "an int of at most 5 bytes, 32 bits"
		                    : "a long of at most 10 bytes, 64 bits",
		            "a longer one");
	explainer->at += len;
	return true;
}

static bool
take_bytes(struct explainer *explainer, const struct contract_step *step,
           uint64_t count)
{
	char expected[64];

	if (count > left(explainer)) {
		snprintf(expected, sizeof(expected), "%" PRIu64 " bytes",
		         count);
		return tell(explainer, step, CONTRACT_RULE_TRUNCATED, expected,
		            "%zu bytes left", left(explainer));
	}
	explainer->at += count;
	return true;
}

static bool
take_blob(struct explainer *explainer, const struct contract_step *step,
          const uint8_t **out_bytes, uint32_t *out_len)
{
	const uint8_t *start = explainer->at;
	int64_t len;

	if (!take_varint(explainer, step, 10, &len))
		return false;
	if (len < 0) {
		explainer->at = start;
		return tell(explainer, step, CONTRACT_RULE_LENGTH,
		            "a length of 0 or more", "%" PRId64, len);
	}
	*out_bytes = explainer->at;
	if (!take_bytes(explainer, step, (uint64_t)len))
		return false;
	*out_len = (uint32_t)len;
	return true;
}

static bool
take_string(struct explainer *explainer, const struct contract_step *step,
            const uint8_t **out_bytes, uint32_t *out_len)
{
	char value[CONTRACT_FINDING_VALUE_MAX] = "";

	if (!take_blob(explainer, step, out_bytes, out_len))
		return false;
	if (text_is_utf8(*out_bytes, *out_len))
		return true;
	explainer->at = *out_bytes;
	contract_finding_print(value, sizeof(value), *out_bytes, *out_len);
	return tell(explainer, step, CONTRACT_RULE_UTF8, "valid UTF-8", "%s",
	            value);
}

/* -- types ---------------------------------------------------------------------- */

static bool
explain_boolean(struct explainer *explainer, const struct contract_step *step)
{
	if (left(explainer) == 0)
		return tell(explainer, step, CONTRACT_RULE_TRUNCATED,
		            "a boolean", "0 bytes left");
	if (*explainer->at > 1)
		return tell(explainer, step, CONTRACT_RULE_BOOLEAN, "0 or 1",
		            "%u", *explainer->at);
	explainer->at++;
	return true;
}

static bool
explain_integer(struct explainer *explainer, const struct schema_node *node,
                const struct contract_step *step)
{
	const uint8_t *start = explainer->at;
	const uint8_t *behind;
	int64_t number;
	char value[32];

	if (!take_varint(explainer, step, node->type == SCHEMA_INT ? 5 : 10,
	                 &number))
		return false;
	if ((node->logical != SCHEMA_TIME_MILLIS &&
	     node->logical != SCHEMA_TIME_MICROS) ||
	    schema_logical_time_fits(node->logical, number))
		return true;
	behind = explainer->at;
	explainer->at = start;
	snprintf(value, sizeof(value), "%" PRId64, number);
	tell_logical(explainer, step, CONTRACT_RULE_TIME,
	             "a time of day, less than 24 hours", value);
	explainer->at = behind;
	return true;
}

static bool
explain_text(struct explainer *explainer, const struct schema_node *node,
             const struct contract_step *step)
{
	char value[CONTRACT_FINDING_VALUE_MAX] = "";
	const uint8_t *bytes, *behind;
	uint32_t len;

	if (!take_string(explainer, step, &bytes, &len))
		return false;
	if (node->logical != SCHEMA_UUID || schema_logical_is_uuid(bytes, len))
		return true;
	behind = explainer->at;
	explainer->at = bytes;
	contract_finding_print(value, sizeof(value), bytes, len);
	tell_logical(explainer, step, CONTRACT_RULE_UUID, "a uuid", value);
	explainer->at = behind;
	return true;
}

static bool
explain_bytes(struct explainer *explainer, const struct schema_node *node,
              const struct contract_step *step)
{
	const uint8_t *bytes = explainer->at, *behind;
	uint32_t len = node->size;
	char expected[64], value[64];

	if (node->type == SCHEMA_FIXED) {
		if (!take_bytes(explainer, step, len))
			return false;
	} else if (!take_blob(explainer, step, &bytes, &len)) {
		return false;
	}
	if (node->logical != SCHEMA_DECIMAL ||
	    schema_logical_decimal_fits(bytes, len, node->precision))
		return true;
	behind = explainer->at;
	explainer->at = bytes;
	snprintf(expected, sizeof(expected), "a decimal of at most %d digits",
	         node->precision);
	snprintf(value, sizeof(value),
	         len == 0 ? "%u bytes" : "more digits, in %u bytes", len);
	tell_logical(explainer, step, CONTRACT_RULE_DECIMAL, expected, value);
	explainer->at = behind;
	return true;
}

/* "one of 3 symbols: A, B, C", cut where it gets long. */
static void
print_choice(char out[EXPLAINER_CHOICE_MAX], const struct schema_node *node,
             size_t count)
{
	bool is_enum = node->type == SCHEMA_ENUM;
	size_t len =
		(size_t)snprintf(out, EXPLAINER_CHOICE_MAX, "one of %zu %s",
	                         count, is_enum ? "symbols" : "branches");

	for (size_t i = 0; i < count; i++) {
		const struct schema_node *child =
			is_enum ? NULL : node->children[i];
		const char *name = is_enum    ? node->symbols[i]
			: child->name != NULL ? child->name
					      : schema_type_name(child->type);

		if (len + strlen(name) + 8 > EXPLAINER_CHOICE_MAX) {
			snprintf(out + len, EXPLAINER_CHOICE_MAX - len,
			         ", ...");
			return;
		}
		len += (size_t)snprintf(out + len, EXPLAINER_CHOICE_MAX - len,
		                        "%s%s", i == 0 ? ": " : ", ", name);
	}
}

/* An enum's symbol or a union's branch. */
static bool
take_index(struct explainer *explainer, const struct schema_node *node,
           const struct contract_step *step, size_t *out)
{
	bool is_enum = node->type == SCHEMA_ENUM;
	size_t count = is_enum ? node->symbol_count : node->child_count;
	const uint8_t *start = explainer->at;
	char expected[EXPLAINER_CHOICE_MAX];
	int64_t index;

	if (!take_varint(explainer, step, is_enum ? 5 : 10, &index))
		return false;
	if (index < 0 || (uint64_t)index >= count) {
		explainer->at = start;
		print_choice(expected, node, count);
		return tell(explainer, step,
		            is_enum ? CONTRACT_RULE_ENUM : CONTRACT_RULE_UNION,
		            expected, "%" PRId64, index);
	}
	*out = (size_t)index;
	return true;
}

static bool
explain_record(struct explainer *explainer, const struct schema_node *node,
               const struct contract_step *step)
{
	int depth = step->depth + (node->use_count > 1);

	if (depth > CHECKER_DEPTH_MAX)
		return tell(explainer, step, CONTRACT_RULE_DEPTH,
		            "at most 64 levels", "more");
	for (size_t i = 0; i < node->field_count; i++) {
		const struct schema_field *field = &node->fields[i];
		struct contract_step inside = {
			.up = step,
			.name = field->name,
			.depth = depth,
			.sensitive = step->sensitive || field->sensitive,
		};

		if (!explain_node(explainer, field->node, &inside))
			return false;
	}
	return true;
}

/* -- arrays and maps -------------------------------------------------------------- */

struct block {
	int64_t count;
	const uint8_t *start; /* of its first element */
	const uint8_t *end;   /* NULL: its size is not said */
};

static bool
tell_block_size(struct explainer *explainer, const struct contract_step *step,
                const struct block *block)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "a block of %td bytes",
	         block->end - block->start);
	return tell(explainer, step, CONTRACT_RULE_BLOCK_SIZE, expected,
	            "%td bytes", explainer->at - block->start);
}

static bool
take_block(struct explainer *explainer, const struct contract_step *step,
           uint32_t width, struct block *out)
{
	const uint8_t *start = explainer->at;
	size_t room;
	int64_t size;

	out->start = NULL;
	out->end = NULL;
	if (!take_varint(explainer, step, 10, &out->count))
		return false;
	room = left(explainer);
	if (out->count < 0) {
		if (out->count == INT64_MIN) {
			explainer->at = start;
			return tell(explainer, step, CONTRACT_RULE_COUNT,
			            "a number of elements", "%" PRId64,
			            INT64_MIN);
		}
		out->count = -out->count;
		start = explainer->at;
		if (!take_varint(explainer, step, 10, &size))
			return false;
		if (size < 0 || (uint64_t)size > left(explainer)) {
			room = left(explainer);
			explainer->at = start;
			return tell(explainer, step, CONTRACT_RULE_BLOCK_SIZE,
			            "a size of the block that fits",
			            "%" PRId64 ", with %zu bytes left", size,
			            room);
		}
		room = (size_t)size;
		out->start = explainer->at;
		out->end = explainer->at + size;
	}
	if (width == 0) {
		explainer->empties += out->count <= CHECKER_EMPTIES_MAX
			? out->count
			: CHECKER_EMPTIES_MAX + 1;
		if (explainer->empties <= CHECKER_EMPTIES_MAX)
			return true;
	} else if ((uint64_t)out->count <= room / width) {
		return true;
	}
	explainer->at = start;
	return tell(explainer, step, CONTRACT_RULE_COUNT,
	            width > 0 ? "no more elements than the bytes can hold"
	                      : "at most 65536 elements without bytes",
	            "%" PRId64, out->count);
}

static bool
explain_element(struct explainer *explainer, const struct schema_node *node,
                const struct contract_step *step, int64_t index)
{
	struct contract_step inside = {
		.up = step,
		.index = index,
		.depth = step->depth + 1,
		.sensitive = step->sensitive,
	};

	if (node->type == SCHEMA_MAP &&
	    !take_string(explainer, step, &inside.key, &inside.key_len))
		return false;
	return explain_node(explainer, node->children[0], &inside);
}

static bool
explain_elements(struct explainer *explainer, const struct schema_node *node,
                 const struct contract_step *step)
{
	uint32_t width =
		node->children[0]->width_min + (node->type == SCHEMA_MAP);
	int64_t index = 0;

	for (;;) {
		struct block block;

		if (!take_block(explainer, step, width, &block))
			return false;
		if (block.count == 0)
			return true;
		if (step->depth + 1 > CHECKER_DEPTH_MAX && width > 0)
			return tell(explainer, step, CONTRACT_RULE_DEPTH,
			            "at most 64 levels", "more");
		for (int64_t i = 0; i < block.count && width > 0; i++)
			if (!explain_element(explainer, node, step, index++))
				return false;
		if (block.end != NULL && explainer->at != block.end)
			return tell_block_size(explainer, step, &block);
	}
}

static bool
explain_node(struct explainer *explainer, const struct schema_node *node,
             const struct contract_step *step)
{
	size_t index;

	if (node->width_min == 0)
		return true;
	switch (node->type) {
	case SCHEMA_BOOLEAN:
		return explain_boolean(explainer, step);
	case SCHEMA_INT:
	case SCHEMA_LONG:
		return explain_integer(explainer, node, step);
	case SCHEMA_FLOAT:
		return take_bytes(explainer, step, 4);
	case SCHEMA_DOUBLE:
		return take_bytes(explainer, step, 8);
	case SCHEMA_BYTES:
	case SCHEMA_FIXED:
		return explain_bytes(explainer, node, step);
	case SCHEMA_STRING:
		return explain_text(explainer, node, step);
	case SCHEMA_RECORD:
		return explain_record(explainer, node, step);
	case SCHEMA_ENUM:
		return take_index(explainer, node, step, &index);
	case SCHEMA_ARRAY:
	case SCHEMA_MAP:
		return explain_elements(explainer, node, step);
	case SCHEMA_UNION:
		return take_index(explainer, node, step, &index) &&
			explain_node(explainer, node->children[index], step);
	default:
		return true;
	}
}

/* -- public -------------------------------------------------------------- */

int
explainer_run(const struct schema *schema, const uint8_t *body,
              int32_t body_len, int32_t from, struct arena *arena,
              struct contract_result *result)
{
	struct explainer explainer = {
		.body = body,
		.at = body + from,
		.end = body + body_len,
		.arena = arena,
		.result = result,
	};
	const struct contract_step root = { .up = NULL };

	if (explain_node(&explainer, schema->root, &root) &&
	    explainer.at != explainer.end)
		tell(&explainer, &root, CONTRACT_RULE_TRAILING,
		     "the end of the body", "%zu bytes more", left(&explainer));
	return explainer.found;
}
