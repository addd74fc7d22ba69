/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Many records in a file, a pipe or memory, one after the other, as bodies of
 * a contract's messages: CSV with a header (RFC 4180), JSON one value a line,
 * an Avro object container file. Memory is constant, whatever comes. One
 * thread; the contract is borrowed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/violation.h"
#include "base/runtime/err.h"

struct arena;
struct contract;
struct records;

#define RECORDS_BYTES_MAX (64 * 1024 * 1024)

enum records_format {
	RECORDS_CSV,
	RECORDS_NDJSON, /* lines of nothing but spaces are no records */
	RECORDS_CONTAINER,
};

struct records_options {
	enum records_format format;
	int fd;            /* where bytes is NULL; stays the caller's */
	const void *bytes; /* stay where they are until records_close */
	size_t len;
	size_t record_bytes_max; /* a line, a row, a body; 0: the largest */
};

struct record {
	bool is_end;    /* there are no more; nothing else is set */
	int64_t number; /* from 0; those that are rejected count */
	int64_t line;   /* where it begins, from 1; 0: no text */
	/* As it is in the file, without its line end: what is kept where it is
	   rejected. Until the next call. */
	const uint8_t *original;
	size_t original_len;
	/* Framing included; NULL: there are violations. Until the next call. */
	const uint8_t *body;
	int32_t body_len;
	size_t violation_count;
	const struct violation *violations; /* in the arena */
};

/* ERR_INVALID: the header of a CSV has a column that the contract has not, or
   twice, or lacks one without default; the contract is no record of what CSV
   can hold; no container file. ERR_SCHEMA: the container's records are of
   another schema. ERR_IO. */
enum err_code
records_open(const struct contract *contract,
             const struct records_options *options, struct records **out,
             struct err *err) ERR_MUST_CHECK;

void
records_close(struct records **records);

/*
 * The next record, good or rejected. What has passed keeps the schema; logical
 * types, size and key are contract_check's to judge. ERR_INVALID: from here on
 * it cannot be told where a record begins (an open quote, a container cut
 * off); the text says where. What was given before stays good.
 */
enum err_code
records_next(struct records *records, struct arena *arena, struct record *out,
             struct err *err) ERR_MUST_CHECK;
