/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a stage remembers of its lane (recent.h), and how far that goes: what
 * must be read from the journal before anything is judged, Postgres' time,
 * and the seqs of a batch that is sent. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct batch;
struct recent;
struct stage_lane;

struct lane_recent {
	struct recent *recent;
	int64_t window_ms;
	int64_t ahead_ms; /* of Postgres' clock, before the monotonic one */
	int lane;
	int incarnation;
	bool is_loaded;
	int64_t covered; /* every seq of the incarnation below it is known */
	int64_t sent;    /* first seq of the last batch; below it: recorded */
	const struct batch *judged_batch, *sent_batch; /* never followed */
	int64_t *seqs;
	size_t seq_size;
};

/* Where the journal is to be read from. */
struct lane_recent_gap {
	bool is_open;     /* false: nothing is missing */
	int incarnation;  /* 0: of all incarnations */
	int64_t seq;      /* from it on */
	int64_t since_ms; /* what was recorded earlier is too old */
};

void
lane_recent_init(struct lane_recent *lane_recent, size_t count_max,
                 int64_t window_minutes);
void
lane_recent_fini(struct lane_recent *lane_recent);

/* The lane is taken: forgets what was not recorded, or everything where it is
   another history. What fills the gap then says lane_recent_loaded. */
enum err_code
lane_recent_follow(struct lane_recent *lane_recent,
                   const struct stage_lane *lane, struct lane_recent_gap *out,
                   struct err *err) ERR_MUST_CHECK;
void
lane_recent_loaded(struct lane_recent *lane_recent,
                   const struct stage_lane *lane);

/* A batch is to be judged. */
void
lane_recent_begin(struct lane_recent *lane_recent, const struct batch *batch);

/* False: what was put for it has been forgotten since, because the lane was
   taken anew, and is to be put again, behind another lane_recent_begin. */
bool
lane_recent_has_judged(const struct lane_recent *lane_recent,
                       const struct batch *batch);

/* It has its seqs, and was sent. */
void
lane_recent_number(struct lane_recent *lane_recent, const struct batch *batch);
