/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One connection by which bundles of a file travel, one after the other: the
 * next is sent when every record of the one before is recorded. So records of
 * a key, which all take the same strand, are recorded in the order of the file,
 * whatever is tried again in between. A thread of its own; the owner pushes.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "base/runtime/thread.h"
#include "gateway/file/reach.h"

struct filebundle;
struct filerejects;
struct filetally;
struct strand;

/* What the strands of a file share. The first failure ends all of them. */
struct strand_common {
	struct reach_options reach; /* its stop is the one below */
	const char *file;           /* its digest */
	int32_t contract;
	size_t bundle_bytes;
	struct filetally *tally;
	struct filerejects *rejects;
	atomic_bool stop;
	struct thread_lock lock;
	struct err failure; /* under the lock; ERR_OK: none */
};

/* Says why, unless it was said, and stops all. Any thread. */
void
strand_fail(struct strand_common *common, const struct err *err);

enum err_code
strand_open(struct strand_common *common, struct strand **out,
            struct err *err) ERR_MUST_CHECK;

/* An empty bundle to be filled; waits for one. NULL: stopped. */
struct filebundle *
strand_take(struct strand *strand);

/* A bundle that was taken, filled. */
void
strand_push(struct strand *strand, struct filebundle *bundle);

/* Waits until everything that was pushed is settled, or has failed. */
void
strand_close(struct strand **strand);
