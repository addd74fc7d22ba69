/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The forwarders of one lane, one for each output cluster of the catalogue.
 * All calls are the recorder's, but for lane_routes_print and _progress: any
 * thread.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/model/deployment.h"
#include "base/runtime/thread.h"
#include "gateway/forwarder.h"

struct journal_lane;
struct text;

#define LANE_ROUTES_MAX (2 * CLUSTERS_MAX) /* some of them end */

struct lane_routes {
	struct thread_lock lock; /* of the list, for other threads */
	struct forwarder *forwarders[LANE_ROUTES_MAX];
	size_t count;
};

void
lane_routes_init(struct lane_routes *routes);
void
lane_routes_fini(struct lane_routes *routes);

/* Starts those that are missing in the snapshot of options->catalogue that is
   given; ends those whose cluster is no output any more, without waiting. */
void
lane_routes_follow(struct lane_routes *routes,
                   const struct forwarder_options *options,
                   const struct deployment *deployment,
                   const struct journal_lane *row);

/* Frees those that have ended; true where lane_routes_follow has to be called
   again, since a cluster may have come back meanwhile. */
bool
lane_routes_sweep(struct lane_routes *routes);

/* The worst verdict; FORWARDER_WAIT while one recovers. */
enum forwarder_verdict
lane_routes_ask(const struct lane_routes *routes);

/* The reason of one that has diverged; out stays as it is where none has. */
void
lane_routes_reason(struct lane_routes *routes, char *out, size_t size);

void
lane_routes_offer(struct lane_routes *routes, struct batch *batch);

void
lane_routes_tell(struct lane_routes *routes, const struct journal_lane *row);

/* Everything recorded is on each cluster, or it is down. */
bool
lane_routes_are_idle(const struct lane_routes *routes);

/* All at once, not one by one; waits for the last. */
void
lane_routes_stop(struct lane_routes *routes);

/* How far a feed is on a cluster; false: there is no such route. */
bool
lane_routes_progress(struct lane_routes *routes, const char *cluster,
                     const struct feed *feed, int *out_incarnation,
                     int64_t *out_seq);

/* The members of a JSON array. */
void
lane_routes_print(struct lane_routes *routes, struct text *out);
