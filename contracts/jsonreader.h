/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Strict Avro JSON to Avro binary in one pass over the text. What has errors
 * is read on behind them as long as the text is JSON, so that all of them are
 * told at once.
 */
#include <stddef.h>
#include <stdint.h>

struct arena;
struct contract_result;
struct jsonplan;
struct text;

struct jsonreader_source {
	const char *json;
	size_t len;
	int64_t line; /* the number of its first line: 1, or in a file */
};

/* Appends to out and adds to the result what is wrong; out is as it was if
   anything is. Counts violations from what is there already. */
void
jsonreader_run(const struct jsonplan *plan,
               const struct jsonreader_source *source, struct arena *arena,
               struct text *out, struct contract_result *result);
