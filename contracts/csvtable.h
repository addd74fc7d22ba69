/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A CSV with a header as records of a schema: columns are found by their names
 * once, then each row is one record.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "contracts/csvrows.h"

struct arena;
struct contract_result;
struct jsonplan;
struct text;

struct csvtable {
	const struct jsonplan *plan; /* borrowed */
	struct csvrows rows;
	size_t *columns; /* by field: of the row; CSVTABLE_ABSENT: none */
	size_t column_count;
	struct text *value; /* one with doubled quotes */
};

#define CSVTABLE_ABSENT SIZE_MAX

/* Reads the header. ERR_INVALID: line and column of what is wrong. */
enum err_code
csvtable_init(struct csvtable *table, const struct jsonplan *plan,
              struct window *window, size_t row_bytes_max,
              struct err *err) ERR_MUST_CHECK;

void
csvtable_fini(struct csvtable *table);

/* The next row, its Avro appended to body, and what is wrong with it. */
enum err_code
csvtable_next(struct csvtable *table, struct arena *arena, struct text *body,
              struct csvrows_row *out, struct contract_result *result,
              struct err *err) ERR_MUST_CHECK;
