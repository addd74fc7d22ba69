/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What reading a schema's values from text needs, found once: the names of
 * fields, symbols and branches, and each default as its Avro binary. Immutable;
 * any thread. The schema is borrowed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/arena.h"
#include "base/runtime/err.h"
#include "contracts/schema.h"

#define JSONPLAN_DEFAULT_BYTES_MAX (1024 * 1024) /* of all of a schema */
#define JSONPLAN_NO_NAME           SIZE_MAX

struct jsonplan_name {
	const char *text;
	size_t len;
};

struct jsonplan_default {
	const uint8_t *bytes; /* NULL: there is none */
	size_t len;
};

struct jsonplan_node {
	const struct schema_node *schema;
	struct jsonplan_name *names; /* of fields, symbols, branches */
	size_t name_count;
	uint32_t *slots; /* by hash: number of the name + 1; NULL: few */
	uint32_t slot_mask;
	struct jsonplan_default *defaults;     /* of a record's fields */
	const struct jsonplan_node **children; /* of fields too */
	size_t null_branch; /* of a union; JSONPLAN_NO_NAME: none */
};

struct jsonplan {
	struct arena arena;
	struct jsonplan_node *nodes; /* by the schema's index */
	const struct jsonplan_node *root;
};

/* ERR_SCHEMA: the defaults take too many bytes. */
enum err_code
jsonplan_init(struct jsonplan *plan, const struct schema *schema,
              struct err *err) ERR_MUST_CHECK;

void
jsonplan_fini(struct jsonplan *plan);

/* The number of a name; JSONPLAN_NO_NAME: there is none. */
size_t
jsonplan_find(const struct jsonplan_node *node, const void *name, size_t len);
