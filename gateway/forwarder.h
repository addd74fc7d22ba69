/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A thread that carries one lane's recorded batches to one cluster, exactly
 * once: it recovers how far the cluster is, then follows the recorder through
 * a ring bounded in bytes. Where the ring was full, or the forwarder starts
 * late, it reads the journal instead; it notices by a gap in seq. So a dead
 * cluster never stops recording.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/route.h"
#include "base/runtime/err.h"

struct batch;
struct catalogue;
struct daemon_config;
struct feed;
struct forwarder;
struct journal_lane;

struct forwarder_options {
	const struct daemon_config *config;
	struct catalogue *catalogue;
	const char *cluster; /* its name */
	int lane;
};

/* Starts the thread: it recovers at once. lane: the claimed row. */
struct forwarder *
forwarder_start(const struct forwarder_options *options,
                const struct journal_lane *lane);

/* Stops it; what it holds is left to the journal. */
void
forwarder_stop(struct forwarder **forwarder);

/* Its cluster is not in the catalogue any more: it ends by itself, soon, and
   forwarder_stop does not wait then. The lane's thread. */
void
forwarder_end(struct forwarder *forwarder);
bool
forwarder_is_ending(const struct forwarder *forwarder);
bool
forwarder_has_ended(const struct forwarder *forwarder);

/* What the lane asks of a forwarder before its first write. */
enum forwarder_verdict {
	FORWARDER_WAIT,     /* recovery is under way */
	FORWARDER_READY,    /* not diverged: recording may begin */
	FORWARDER_DOWN,     /* the cluster does not answer: cannot tell yet */
	FORWARDER_DIVERGED, /* the lane must not record */
	FORWARDER_LOST,     /* another daemon owns the lane */
};

/* Any thread. */
enum forwarder_verdict
forwarder_verdict(const struct forwarder *forwarder);

const char *
forwarder_cluster(const struct forwarder *forwarder);

enum route_state
forwarder_state(const struct forwarder *forwarder);

/* The reason of the last state, copied. Any thread. */
void
forwarder_reason(struct forwarder *forwarder, char *out, size_t size);

/* The recorder's thread: the batch is recorded. Takes a reference when the
   ring has room; never waits. */
void
forwarder_offer(struct forwarder *forwarder, struct batch *batch);

/* The recorder's thread: the lane goes on under a new epoch or incarnation. */
void
forwarder_tell_lane(struct forwarder *forwarder,
                    const struct journal_lane *lane);

/* The last seq that is on the cluster (of the newest incarnation); any
   thread. */
int64_t
forwarder_seq(const struct forwarder *forwarder);

/* How far a feed is: as forwarder_seq, or less where it is parked; any
   thread. */
void
forwarder_progress(struct forwarder *forwarder, const struct feed *feed,
                   int *out_incarnation, int64_t *out_seq);

/* True when everything recorded is on the cluster or parked. Any thread. */
bool
forwarder_is_idle(const struct forwarder *forwarder);
