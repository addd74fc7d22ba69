/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The catalogue that a daemon follows: a thread of its own LISTENs, loads a
 * new snapshot when the catalogue has changed, and swaps it in. Lanes take
 * it between batches. A change that cannot be loaded leaves the old one in
 * force and says so.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct catalogue;
struct deployment;

struct catalogue_options {
	const char *conninfo;
	const char *role;
	int64_t timeout_ms;
};

/* Loads the first snapshot before it returns. */
enum err_code
catalogue_open(const struct catalogue_options *options, struct catalogue **out,
               struct err *err) ERR_MUST_CHECK;

void
catalogue_close(struct catalogue **catalogue);

/* A reference, the caller's. Any thread. */
const struct deployment *
catalogue_take(struct catalogue *catalogue);

/* The newest version, without a lock. Any thread. */
int64_t
catalogue_version(const struct catalogue *catalogue);
