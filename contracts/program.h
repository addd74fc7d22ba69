/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A schema as a flat array of operations, for the checker. Runs of fields of
 * the same kind are one operation, and so are neighbours of fixed size;
 * records that are used in one place are written out there, others are
 * subroutines. Immutable; any thread.
 */
#include <stddef.h>
#include <stdint.h>

struct schema;
struct schema_node;

#define PROGRAM_KEYS_MAX 9 /* the key fields, and the version */

enum program_code {
	PROGRAM_END,
	PROGRAM_SKIP,     /* count bytes of whatever value */
	PROGRAM_BOOLEANS, /* count of them, as the next four */
	PROGRAM_INTS,
	PROGRAM_LONGS,
	PROGRAM_BYTES,
	PROGRAM_STRINGS,
	PROGRAM_ENUM,     /* of count symbols */
	PROGRAM_NULLABLE, /* branch number count is null: go to target */
	PROGRAM_UNION,    /* count branches; see targets[target] ff. */
	PROGRAM_JUMP,     /* to target */
	PROGRAM_ARRAY,    /* element of count bytes or more; none: target */
	PROGRAM_NEXT,     /* the same; the element begins at target */
	PROGRAM_EMPTIES,  /* an array whose elements have no bytes */
	PROGRAM_CALL,     /* target, until RETURN */
	PROGRAM_RETURN,
	PROGRAM_DECIMAL,       /* in bytes; count digits */
	PROGRAM_DECIMAL_FIXED, /* in target bytes; count digits */
	PROGRAM_UUID,          /* in a string */
	PROGRAM_TIME_MILLIS,
	PROGRAM_TIME_MICROS,
	PROGRAM_KEY_STRING, /* remembered in slot; target: its logical type */
	PROGRAM_KEY_INT,
	PROGRAM_KEY_LONG,
	PROGRAM_KEY_ENUM, /* of count symbols */
	PROGRAM_CODE_COUNT,
};

struct program_op {
	uint16_t code;
	uint16_t slot;
	uint32_t count;
	uint32_t target;
};

struct program {
	struct program_op *ops;
	size_t op_count;
	uint32_t *targets; /* of unions */
	size_t target_count;
	const struct schema_node *keys[PROGRAM_KEYS_MAX]; /* their types */
	size_t key_count;
};

/* keys: paths of fields that exist and are string, int, long or enum. */
void
program_compile(const struct schema *schema, const char *const *keys,
                size_t key_count, struct program *out);

void
program_fini(struct program *program);
