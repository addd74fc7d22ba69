/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The catalogue in Postgres compared with a manifest, and brought to what the
 * manifest says, in one transaction. Deployment, clusters, tenants, contracts
 * and feeds are compared as lists of texts, one for each field that a person
 * knows; what differs is printed as it will be written.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/arena.h"
#include "base/runtime/err.h"

struct manifest;
struct pgconn;
struct text;

#define REVISION_FIELDS_MAX 8

enum revision_kind {
	REVISION_DEPLOYMENT,
	REVISION_CLUSTER,
	REVISION_TENANT,
	REVISION_CONTRACT,
	REVISION_FEED,
	REVISION_KIND_COUNT,
};

enum revision_op {
	REVISION_KEEP, /* not in the files, and not pruned */
	REVISION_SAME,
	REVISION_ADD,
	REVISION_CHANGE,
	REVISION_REMOVE,
};

/* Texts are never NULL. */
struct revision_item {
	enum revision_kind kind;
	enum revision_op op;
	const char *name;                      /* of a feed: "tenant/feed" */
	const char *from[REVISION_FIELDS_MAX]; /* in Postgres */
	const char *to[REVISION_FIELDS_MAX];   /* in the files */
	size_t index; /* in the manifest's list of the kind */
	/* Of a contract, and of a feed's contract. */
	const char *tenant;
	const char *contract;
	int version;
};

struct revision {
	struct arena arena;
	struct revision_item *items; /* by kind, each before its users */
	size_t count;
};

/*
 * What has to be done. prune: what is not in the files is removed.
 * ERR_CONFLICT: something that stays was changed, or something that is used
 * would be removed; one "FILE:LINE: KEY: text" a line.
 */
enum err_code
revision_compare(struct pgconn *conn, const struct manifest *manifest,
                 bool prune, struct revision **out,
                 struct err *err) ERR_MUST_CHECK;

void
revision_free(struct revision **diff);

/* How many items have an op. */
size_t
revision_count(const struct revision *diff, enum revision_op op);

bool
revision_is_empty(const struct revision *diff);

/* Lines with +, ~ and -; a list of objects for programs. */
void
revision_print(const struct revision *diff, struct text *out);
void
revision_print_json(const struct revision *diff, struct text *out);

/* One transaction; out_version: of the catalogue behind it. */
enum err_code
revision_write(struct pgconn *conn, const struct manifest *manifest,
               const struct revision *diff, int64_t *out_version,
               struct err *err) ERR_MUST_CHECK;

/* The names of a kind's fields; NULL behind the last. */
const char *const *
revision_fields(enum revision_kind kind);

const char *
revision_kind_name(enum revision_kind kind);
