/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The list of what was not accepted of a file, a line of JSON each, beside the
 * file: record, line, verdict, violations, original. The list is made with its
 * first line. Any thread.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct filerejects;
struct json;
struct violation;

struct filerejects_entry {
	int64_t record;
	int64_t line; /* 0: none */
	const char *verdict;
	const char *id; /* in the journal; NULL: not known */
	const char *of; /* of a conflict: the message that came first; or NULL */
	/* one of both; NULL: neither */
	const struct violation *violations;
	size_t violation_count;
	const struct json *told; /* by the gateway: an array */
	const uint8_t *original; /* NULL: not known */
	size_t original_len;
};

/* path NULL: nowhere. What is there from before goes. ERR_IO. */
enum err_code
filerejects_open(const char *path, struct filerejects **out,
                 struct err *err) ERR_MUST_CHECK;

/* ERR_IO: it is not complete, or was not before. */
enum err_code
filerejects_close(struct filerejects **rejects, struct err *err) ERR_MUST_CHECK;

void
filerejects_add(struct filerejects *rejects,
                const struct filerejects_entry *entry);

int64_t
filerejects_count(struct filerejects *rejects);
