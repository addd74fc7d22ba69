/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fills in where messages ended up that were delivered just before a death:
 * the progress record says that they are on the cluster, but the rows of
 * table delivery were not written any more. Read back from the tails of the
 * topics, by the header waybill-id.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct delivery;
struct deployment;
struct kcluster;
struct parking;
struct pgconn;

struct doubt {
	struct kcluster *cluster;
	struct pgconn *conn;
	struct delivery *delivery;
	const struct deployment *deployment;
	const char *cluster_name;
	struct parking *parking; /* as the progress record has it */
	int lane;
	int incarnation;
	int64_t seq; /* delivered up to here, says the progress record */
	int64_t timeout_ms;
};

/* Nothing to do where the rows are complete. *out_filled: messages whose
   offsets were found. */
enum err_code
doubt_fill(const struct doubt *doubt, int64_t *out_filled,
           struct err *err) ERR_MUST_CHECK;

/* The same for what was sent while feeds left their parking place; the rows of
   those that are no longer parked go away. */
enum err_code
doubt_fill_parked(const struct doubt *doubt, int64_t *out_filled,
                  struct err *err) ERR_MUST_CHECK;
