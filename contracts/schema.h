/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An Avro schema as a tree of nodes, read from its JSON and found valid. A
 * named type is one node however often it is used, so the tree may have
 * cycles. Immutable once parsed; any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/arena.h"
#include "base/runtime/err.h"

struct json;

#define SCHEMA_BYTES_MAX  (1024 * 1024)
#define SCHEMA_NODES_MAX  16384
#define SCHEMA_DEPTH_MAX  64
#define SCHEMA_NAME_MAX   512
#define SCHEMA_FIXED_MAX  (64 * 1024 * 1024)
#define SCHEMA_WIDTH_MANY 65536 /* where width_min stops growing */

enum schema_type {
	SCHEMA_NULL,
	SCHEMA_BOOLEAN,
	SCHEMA_INT,
	SCHEMA_LONG,
	SCHEMA_FLOAT,
	SCHEMA_DOUBLE,
	SCHEMA_BYTES,
	SCHEMA_STRING,
	SCHEMA_RECORD,
	SCHEMA_ENUM,
	SCHEMA_ARRAY,
	SCHEMA_MAP,
	SCHEMA_UNION,
	SCHEMA_FIXED,
	SCHEMA_TYPE_COUNT,
};

enum schema_logical {
	SCHEMA_PLAIN, /* none, or one that the specification says to ignore */
	SCHEMA_DECIMAL,
	SCHEMA_BIG_DECIMAL,
	SCHEMA_UUID,
	SCHEMA_DATE,
	SCHEMA_TIME_MILLIS,
	SCHEMA_TIME_MICROS,
	SCHEMA_TIMESTAMP_MILLIS,
	SCHEMA_TIMESTAMP_MICROS,
	SCHEMA_TIMESTAMP_NANOS,
	SCHEMA_LOCAL_MILLIS,
	SCHEMA_LOCAL_MICROS,
	SCHEMA_LOCAL_NANOS,
	SCHEMA_DURATION,
};

struct schema_field {
	const char *name;
	const struct schema_node *node;
	const struct json *otherwise; /* the default; NULL: none */
	const char *pointer;          /* where it is in the JSON */
	const char **aliases;
	size_t alias_count;
	bool sensitive; /* its value must not be shown */
};

struct schema_node {
	enum schema_type type;
	enum schema_logical logical;
	const char *logical_ignored; /* NULL: none; why: unknown, or invalid */
	const char *pointer; /* where it is, if a logical type is ignored */
	int precision;       /* of a decimal */
	int scale;
	size_t index;       /* in the schema's nodes */
	size_t use_count;   /* places that use it; a named type may have many */
	uint32_t width_min; /* bytes of any value, at least; 0: all have none */
	bool finite;        /* true once parsed */

	const char *name; /* full name of record, enum, fixed; else NULL */
	const char **aliases;
	size_t alias_count;
	struct schema_field *fields; /* of a record */
	size_t field_count;
	const char **symbols; /* of an enum */
	size_t symbol_count;
	int symbol_default;                  /* -1: none */
	const struct schema_node **children; /* items, values, branches */
	size_t child_count;
	uint32_t size; /* of a fixed */
};

struct schema {
	struct arena arena;
	struct json *document; /* defaults and annotations live in it */
	const struct schema_node *root;
	struct schema_node **nodes; /* parents before their children */
	size_t node_count;
};

/* ERR_SCHEMA: the text begins with the JSON pointer of what is wrong. */
enum err_code
schema_parse(const char *avsc, struct schema **out,
             struct err *err) ERR_MUST_CHECK;

void
schema_free(struct schema **schema);

const char *
schema_type_name(enum schema_type type);

/* Whether a node has a name of its own: record, enum, fixed. */
bool
schema_is_named(const struct schema_node *node);

/* The field at a path of names joined by dots, through records only; NULL:
   there is none. */
const struct schema_field *
schema_find(const struct schema *schema, const char *path);

/* Whether a field that is there, or one above it on its path, is sensitive. */
bool
schema_is_sensitive(const struct schema *schema, const char *path);

/* Whether the text is a name of the specification: letter or underscore, then
   letters, digits, underscores. */
bool
schema_is_name(const char *name, size_t len);
