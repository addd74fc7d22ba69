/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a lane's row says to people: why nothing is recorded, or why some input
 * is not read, as long as that lasts. Embedded in the lane; its thread only,
 * and only while nothing is with Postgres.
 */
#include <stdbool.h>
#include <stdint.h>

struct err;
struct journal;

struct lane_note {
	int lane;
	char why[256]; /* nothing is recorded since; empty: all is well */
	int64_t why_us;
	char noted[512]; /* what the row says */
	int64_t noted_us;
};

/* What failed is tried again, and may fail again. True: it has failed before,
   and nothing was recorded since. */
bool
lane_note_keep(struct lane_note *note, const struct err *err);

/* Recorded: the commit has taken the reason away. */
void
lane_note_settle(struct lane_note *note);

/* Writes what failed last, or that nothing did: whatever an earlier owner, or
   another connection, has written. */
void
lane_note_write(struct lane_note *note, struct journal *journal);

/*
 * Writes the reason that holds now, where it is another one: what failed, else
 * input ("": all is read). has_ready: something waits to be recorded. Seldom,
 * since the road waits for the answer.
 */
void
lane_note_follow(struct lane_note *note, struct journal *journal,
                 const char *input, bool has_ready);

/* The lane is given back: the next owner finds out by itself. */
void
lane_note_clear(struct lane_note *note, struct journal *journal);
