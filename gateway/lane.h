/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A lane that this daemon owns, or tries to: its recorder thread takes the
 * lane, starts a forwarder for each output cluster, waits for their verdict,
 * and then runs the road: gather, stages, record, hand over.
 */
#include <stdbool.h>
#include <stdint.h>

#include "gateway/lane_state.h"

struct catalogue;
struct daemon_config;
struct door;
struct feed;
struct input;
struct lane;
struct stage;
struct text;

struct lane_options {
	const struct daemon_config *config;
	struct catalogue *catalogue;
	struct input *input;
	struct door *door;                 /* of this lane; or NULL */
	const struct stage *const *stages; /* NULL-terminated */
	int lane;
};

struct lane *
lane_start(const struct lane_options *options);

/* Begins to drain: nothing new is gathered. Any thread. */
void
lane_drain(struct lane *lane);

/* True when the thread has ended (drained, or the lane was lost). */
bool
lane_has_ended(const struct lane *lane);

/* Drains, waits for the end, frees. */
void
lane_stop(struct lane **lane);

enum lane_state
lane_state(const struct lane *lane);

/* How far a feed is on a cluster: everything of it up to seq is there. False:
   there is no such route. Any thread. */
bool
lane_progress(struct lane *lane, const char *cluster, const struct feed *feed,
              int *out_incarnation, int64_t *out_seq);

/* One JSON object: state, epoch, seq, routes. Any thread. */
void
lane_print(struct lane *lane, struct text *out);
