/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A lane that this daemon owns, or tries to: its recorder thread takes the
 * lane, starts a forwarder for each output cluster, waits for their verdict,
 * and then runs the road: gather, stages, record, hand over.
 */
#include <stdbool.h>
#include <stdint.h>

struct catalogue;
struct daemon_config;
struct input;
struct lane;
struct stage;
struct text;

struct lane_options {
	const struct daemon_config *config;
	struct catalogue *catalogue;
	struct input *input;
	const struct stage *const *stages; /* NULL-terminated */
	int lane;
};

enum lane_state {
	LANE_TAKING, /* claiming, recovering */
	LANE_RUNNING,
	LANE_UNKNOWN,  /* finding out what became of a batch */
	LANE_WAITING,  /* Postgres does not answer */
	LANE_DIVERGED, /* waits for reconcile: nothing is recorded */
	LANE_DRAINING,
	LANE_STOPPED, /* the thread has ended: lane_stop it */
};

const char *
lane_state_name(enum lane_state state);

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

/* One JSON object: state, epoch, seq, routes. Any thread. */
void
lane_print(struct lane *lane, struct text *out);
