/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The command waybill apply, callable: makes the catalogue in Postgres what
 * the files say.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "base/runtime/text.h"

struct pgconn;

struct apply_options {
	const char *path; /* a folder, or one file */
	bool dry_run;
	bool prune;
	bool create_topics;
	bool skip_topics; /* do not ask Kafka */
};

struct apply_result {
	bool is_applied; /* false: nothing to change, or a dry run */
	int64_t version; /* of the catalogue, now */
	size_t added, changed, removed;
	struct text lines;    /* the difference, for people */
	struct text json;     /* the same as a JSON list */
	struct text topics;   /* that were made, a line each */
	struct text warnings; /* a line each */
};

void
apply_result_init(struct apply_result *result);
void
apply_result_fini(struct apply_result *result);

/* ERR_CONFIG, ERR_CONFLICT, ERR_KAFKA_TOPIC: what is wrong in the files, one
   "FILE:LINE: ..." a line; nothing is written then. */
enum err_code
apply_run(struct pgconn *conn, const struct apply_options *options,
          struct apply_result *result, struct err *err) ERR_MUST_CHECK;
