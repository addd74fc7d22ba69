/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of formats: how one is opened, and how the next record is taken.
 */
#include "contracts/records.h"

#include <stdio.h>
#include <string.h>

#include "base/io/container.h"
#include "base/io/lines.h"
#include "base/io/window.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "contracts/contract_finding.h"
#include "contracts/contract_plan.h"
#include "contracts/csvtable.h"
#include "contracts/jsonreader.h"

#define RECORDS_SLACK 64 /* framing, ends of lines, markers */

struct records {
	const struct contract *contract;
	const struct records_way *way;
	struct window window;
	size_t record_bytes_max;
	int64_t number; /* of the next one */
	struct text body;
	struct contract_result result;
	struct lines lines;
	struct csvtable table;
	struct container *container;
	struct container_block block;
	size_t block_at; /* what of the block was given */
};

struct records_way {
	enum err_code (*open)(struct records *records, struct err *err);
	void (*close)(struct records *records);
	/* Sets is_end, line and original, and body or violations. */
	enum err_code (*next)(struct records *records, struct arena *arena,
	                      struct record *out, struct err *err);
};

static void
tell_size(struct records *records, struct arena *arena, int64_t line)
{
	char expected[64];
	struct contract_finding finding = {
		.rule = CONTRACT_RULE_SIZE_EXCEEDED,
		.expected = expected,
		.value = "more",
		.offset = -1,
	};

	if (line > 0)
		snprintf(expected, sizeof(expected),
		         "at most %zu bytes (line %lld)",
		         records->record_bytes_max, (long long)line);
	else
		snprintf(expected, sizeof(expected), "at most %zu bytes",
		         records->record_bytes_max);
	contract_finding_add(&records->result, arena, &finding);
}

/* The text of body, where there are no violations. */
static void
give_body(struct records *records, struct arena *arena, struct record *out)
{
	if (text_is_cut(&records->body) && records->result.violation_count == 0)
		tell_size(records, arena, out->line);
	if (records->result.violation_count > 0)
		return;
	out->body = (const uint8_t *)records->body.bytes;
	out->body_len = (int32_t)records->body.len;
}

/* -- JSON ------------------------------------------------------------------- */

static enum err_code
ndjson_open(struct records *records, struct err *err)
{
	lines_init(&records->lines, &records->window,
	           records->record_bytes_max);
	return ERR_OK;
}

static bool
is_blank(const struct line *line)
{
	for (size_t i = 0; i < line->len; i++)
		if (strchr(" \t\r", line->bytes[i]) == NULL ||
		    line->bytes[i] == '\0')
			return false;
	return true;
}

static enum err_code
ndjson_next(struct records *records, struct arena *arena, struct record *out,
            struct err *err)
{
	struct line line;

	do {
		if (lines_next(&records->lines, &line, err) != ERR_OK)
			return err->code;
	} while (!line.is_end && is_blank(&line));
	out->is_end = line.is_end;
	out->line = line.number;
	out->original = (const uint8_t *)line.bytes;
	out->original_len = line.len;
	if (line.is_end)
		return ERR_OK;
	if (line.is_too_long) {
		tell_size(records, arena, line.number);
		return ERR_OK;
	}
	jsonreader_run(contract_plan(records->contract),
	               &(struct jsonreader_source){ .json = line.bytes,
	                                            .len = line.len,
	                                            .line = line.number },
	               arena, &records->body, &records->result);
	give_body(records, arena, out);
	return ERR_OK;
}

/* -- CSV -------------------------------------------------------------------- */

static enum err_code
csv_open(struct records *records, struct err *err)
{
	return csvtable_init(&records->table, contract_plan(records->contract),
	                     &records->window, records->record_bytes_max, err);
}

static void
csv_close(struct records *records)
{
	csvtable_fini(&records->table);
}

static enum err_code
csv_next(struct records *records, struct arena *arena, struct record *out,
         struct err *err)
{
	struct csvrows_row row;

	if (csvtable_next(&records->table, arena, &records->body, &row,
	                  &records->result, err) != ERR_OK)
		return err->code;
	out->is_end = row.is_end;
	out->line = row.line;
	out->original = row.bytes;
	out->original_len = row.len;
	if (!row.is_end)
		give_body(records, arena, out);
	return ERR_OK;
}

/* -- containers ------------------------------------------------------------- */

static enum err_code
container_begin(struct records *records, struct err *err)
{
	enum err_code code;

	code = container_open(&records->window, CONTAINER_BLOCK_BYTES_MAX,
	                      &records->container, err);
	if (code == ERR_OK)
		code = contract_match_schema(
			records->contract, container_schema(records->container),
			err);
	if (code != ERR_OK)
		container_close(&records->container);
	return code;
}

static void
container_end(struct records *records)
{
	container_close(&records->container);
}

/* The next block that has records. */
static enum err_code
take_block(struct records *records, struct err *err)
{
	struct container_block *block = &records->block;

	while (block->count == 0 && !block->is_end) {
		if (records->block_at < block->len)
			return err_set(err, ERR_INVALID,
			               "the block at byte %lld goes on behind "
			               "its last record, %lld",
			               (long long)block->offset,
			               (long long)records->number - 1);
		if (container_next(records->container, block, err) != ERR_OK)
			return err->code;
		records->block_at = 0;
	}
	return ERR_OK;
}

static enum err_code
container_take(struct records *records, struct arena *arena, struct record *out,
               struct err *err)
{
	struct container_block *block = &records->block;
	int64_t len;

	if (take_block(records, err) != ERR_OK)
		return err->code;
	out->is_end = block->is_end;
	if (block->is_end)
		return ERR_OK;
	out->original = block->bytes + records->block_at;
	len = contract_measure(records->contract, out->original,
	                       block->len - records->block_at);
	if (len < 0)
		return err_set(err, ERR_INVALID,
		               "record %lld, in the block at byte %lld, is no "
		               "value of the schema; it cannot be told where "
		               "the next one begins",
		               (long long)records->number,
		               (long long)block->offset);
	out->original_len = (size_t)len;
	records->block_at += (size_t)len;
	block->count--;
	if ((size_t)len > records->record_bytes_max) {
		tell_size(records, arena, 0);
		return ERR_OK;
	}
	text_add_bytes(&records->body, out->original, (size_t)len);
	give_body(records, arena, out);
	return ERR_OK;
}

static const struct records_way records_ways[] = {
	[RECORDS_CSV] = { csv_open, csv_close, csv_next },
	[RECORDS_NDJSON] = { ndjson_open, NULL, ndjson_next },
	[RECORDS_CONTAINER] = { container_begin, container_end,
	                        container_take },
};

/* -- public -------------------------------------------------------------- */

enum err_code
records_open(const struct contract *contract,
             const struct records_options *options, struct records **out,
             struct err *err)
{
	struct records *records = memory_calloc(1, sizeof(*records));
	size_t max = options->record_bytes_max;
	enum err_code code;

	CHECK((size_t)options->format <
	      sizeof(records_ways) / sizeof(records_ways[0]));
	if (max == 0 || max > RECORDS_BYTES_MAX)
		max = RECORDS_BYTES_MAX;
	records->contract = contract;
	records->way = &records_ways[options->format];
	records->record_bytes_max = max;
	text_init(&records->body, max + RECORDS_SLACK);
	if (options->bytes != NULL)
		window_init_bytes(&records->window, options->bytes,
		                  options->len);
	else
		window_init_fd(&records->window, options->fd,
		               RECORDS_BYTES_MAX + RECORDS_SLACK);
	code = records->way->open(records, err);
	if (code == ERR_OK) {
		*out = records;
		return ERR_OK;
	}
	records->way = NULL;
	records_close(&records);
	return code;
}

void
records_close(struct records **records)
{
	if (*records == NULL)
		return;
	if ((*records)->way != NULL && (*records)->way->close != NULL)
		(*records)->way->close(*records);
	window_fini(&(*records)->window);
	text_fini(&(*records)->body);
	memory_free(records);
}

enum err_code
records_next(struct records *records, struct arena *arena, struct record *out,
             struct err *err)
{
	struct contract_result *result = &records->result;
	enum err_code code;

	memset(out, 0, sizeof(*out));
	text_reset(&records->body);
	contract_add_framing(records->contract, &records->body);
	result->violation_count = 0;
	code = records->way->next(records, arena, out, err);
	if (code != ERR_OK || out->is_end)
		return code;
	out->number = records->number++;
	CHECK((out->body == NULL) == (result->violation_count > 0));
	out->violation_count = result->violation_count;
	if (out->violation_count > 0)
		out->violations = arena_copy(
			arena, result->violations,
			result->violation_count * sizeof(struct violation));
	return ERR_OK;
}
