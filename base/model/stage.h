/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A step of the road that other folders plug in (decode, validate,
 * deduplicate): it sets verdicts, it never drops a message.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct batch;
struct deployment;
struct pgconn;

/* The lane that judges; borrowed for the call. */
struct stage_lane {
	struct pgconn *conn;
	int lane;
	int incarnation;
	int64_t next_seq;
	const struct deployment *deployment;
};

struct stage {
	const char *name;
	/*
	 * May be called again with a batch, after a failure of this stage or
	 * a later one, or when messages were taken out of it: then verdicts
	 * duplicate and conflict, and references, are taken back before. A
	 * submitted message (message.item) may be refused instead of judged:
	 * message.is_refused; its whole part then leaves the batch.
	 */
	enum err_code (*run)(struct batch *batch, void *context,
	                     struct err *err);
	/* One context a lane; may be NULL. */
	void *(*context_new)(void);
	void (*context_free)(void *context);
	/*
	 * The lane is taken, or goes on after a failure: nothing is judged
	 * before. What the stage knows of messages from lane->next_seq on was
	 * not recorded: it forgets that; what was recorded since, and it does
	 * not know, it reads. May be NULL.
	 */
	enum err_code (*load)(void *context, const struct stage_lane *lane,
	                      struct err *err);
	/* The batch has its seqs and was sent; whether it is recorded is not
	   known yet. Again with other seqs where it goes once more. May be
	   NULL. */
	void (*numbered)(void *context, const struct batch *batch);
};
