/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A file of many records, read to its end twice: from memory, and through a
 * pipe where that is asked for; both must give the same. Good records keep the
 * schema, the others have violations that can be shown.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/err.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "contracts/records.h"

#define FUZZ_RECORD_MAX 500

/* What a run has given, in short. */
struct fuzz_sum {
	uint64_t hash;
	int64_t count;
	bool failed;
};

static inline void
fuzz_record(const struct contract *contract, const struct record *record,
            struct arena *arena, struct fuzz_sum *sum)
{
	static struct contract_result result;
	struct contract_input input = {
		.key_len = -1,
		.headers_len = -1,
		.body = record->body,
		.body_len = record->body_len,
		.body_bytes_max = 1 << 24,
	};

	CHECK(record->number == sum->count++);
	CHECK(record->original_len <= FUZZ_RECORD_MAX || record->line == 0);
	CHECK((record->body == NULL) == (record->violation_count > 0));
	for (size_t i = 0; i < record->original_len; i++)
		sum->hash = (sum->hash ^ record->original[i]) * 1099511628211u;
	for (size_t i = 0; i < record->violation_count; i++) {
		const struct violation *violation = &record->violations[i];

		CHECK(text_is_utf8(violation->path, strlen(violation->path)));
		CHECK(text_is_utf8(violation->value, strlen(violation->value)));
		CHECK(violation->byte_offset <= (int32_t)record->original_len);
	}
	if (record->body == NULL)
		return;
	for (int32_t i = 0; i < record->body_len; i++)
		sum->hash = (sum->hash ^ record->body[i]) * 1099511628211u;
	CHECK(contract_measure(contract, record->body,
	                       (size_t)record->body_len) == record->body_len);
	contract_check(contract, &input, arena, &result);
	for (size_t i = 0; i < result.violation_count; i++)
		CHECK(record->line == 0 ||
		      strncmp(result.violations[i].rule, "avro.", 5) != 0);
}

static inline struct fuzz_sum
fuzz_run(const struct contract *contract, const struct records_options *options)
{
	struct fuzz_sum sum = { .hash = 14695981039346656037u };
	struct records *records = NULL;
	struct record record;
	struct arena arena;
	struct err err;

	arena_init(&arena, 4096);
	sum.failed = records_open(contract, options, &records, &err) != ERR_OK;
	while (!sum.failed) {
		sum.failed =
			records_next(records, &arena, &record, &err) != ERR_OK;
		if (sum.failed || record.is_end)
			break;
		fuzz_record(contract, &record, &arena, &sum);
		arena_reset(&arena);
	}
	if (sum.failed)
		CHECK(err.text[0] != '\0' &&
		      text_is_utf8(err.text, strlen(err.text)));
	records_close(&records);
	arena_fini(&arena);
	return sum;
}

/* A pipe holds so many bytes without a reader. */
#define FUZZ_PIPE_BYTES 60000

static inline void
fuzz_records(const struct contract *contract, enum records_format format,
             const uint8_t *data, size_t size, bool with_pipe)
{
	struct records_options options = {
		.format = format,
		.len = size,
		.record_bytes_max = FUZZ_RECORD_MAX,
	};
	uint8_t *copy = malloc(size > 0 ? size : 1);
	struct fuzz_sum first, second;
	int ends[2];

	memcpy(copy, data, size);
	options.bytes = copy;
	first = fuzz_run(contract, &options);
	free(copy);
	if (!with_pipe || size > FUZZ_PIPE_BYTES)
		return;
	CHECK(pipe(ends) == 0);
	CHECK(write(ends[1], data, size) == (ssize_t)size);
	close(ends[1]);
	options.bytes = NULL;
	options.fd = ends[0];
	second = fuzz_run(contract, &options);
	close(ends[0]);
	CHECK(first.count == second.count && first.hash == second.hash &&
	      first.failed == second.failed);
}
