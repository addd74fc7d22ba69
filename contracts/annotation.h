/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a contract says beyond Avro: the member "waybill" of its schema. Every
 * key is known and every value is checked against the schema. (What a field
 * says for itself, "sensitive", is in the schema's fields.)
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "contracts/contract.h"

struct schema;
struct text;

#define ANNOTATION_KEYS_MAX 8

struct annotation {
	enum contract_partitioner partitioner;
	enum contract_framing framing;
	bool has_partitioner;
	bool has_schema_id;
	bool key_optional;
	bool tombstones;
	int32_t schema_id;
	int64_t body_bytes_max; /* INT64_MAX: the feed's limit alone */
	const char *keys[ANNOTATION_KEYS_MAX]; /* paths, in the document */
	size_t key_count;
	const char *version; /* path, in the document; NULL: none */
	bool marks_late;     /* an older version than a recorded one */
};

/* ERR_SCHEMA with the JSON pointer. */
enum err_code
annotation_read(const struct schema *schema, struct annotation *out,
                struct err *err) ERR_MUST_CHECK;

/* The table of all annotations, as Markdown. */
void
annotation_print_reference(struct text *out);
