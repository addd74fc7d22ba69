/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How a lane finds out, on any machine and after any death, how far it is on
 * a cluster: the seven steps of the design, of which the first (taking the
 * lane) and the second (init_transactions) are done before this is called.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "gateway/progress.h"

struct journal_reader;
struct kcluster;
struct pgconn;

struct recovery {
	struct kcluster *cluster;
	const char *cluster_name;
	const char *deployment;
	struct pgconn *conn; /* of the forwarder */
	int lane;
	int incarnation;
	const char *daemon; /* whose lane it must be */
	int64_t timeout_ms;
};

/* Before init_transactions: ERR_LANE_LOST where the lane has another owner, or
   two owners would fence each other for ever. */
enum err_code
recovery_check_owner(const struct recovery *recovery,
                     struct err *err) ERR_MUST_CHECK;

/*
 * *out is the last committed progress record; *out_found is false where
 * nothing was ever delivered (then seq is 0 and incarnation 1). Errors:
 * ERR_PROGRESS_BLOCKED, ERR_DIVERGED, ERR_LANE_LOST (a newer owner exists:
 * stop), ERR_KAFKA_DOWN, ERR_KAFKA_TOPIC (no progress topic), others.
 */
enum err_code
recovery_find_progress(const struct recovery *recovery, struct progress *out,
                       bool *out_found, struct err *err) ERR_MUST_CHECK;
