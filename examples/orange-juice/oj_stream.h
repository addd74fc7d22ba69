/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of the whole example in the order in which they are sent: by
 * week, then store, then item, sales before inventory; the tombstone of an
 * item that leaves; and, spread over it by a seed, the spoiled ones, each
 * next to the good message it was made from, and the misrouted ones, each
 * in the place of a good one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "examples/orange-juice/oj_message.h"
#include "examples/orange-juice/oj_week.h"

struct oj_stream_options {
	uint64_t seed;
	size_t spoiled;   /* in all; the ten kinds in equal parts */
	size_t misrouted; /* at most, in all */
	size_t passes;    /* how often the data are sent, each time later */
	size_t limit;     /* messages; 0: all */
	/* The part of all this that is sent; what is left out of it is made
	 * all the same, so that parts with one seed fit together. */
	int32_t week_first, week_last; /* 0: all */
	size_t rest_stores; /* what the first N stores send goes by REST */
	bool by_rest;       /* the messages by REST, or all others */
};

struct oj_stream;

/* The weeks are borrowed. */
struct oj_stream *
oj_stream_new(const struct oj_weeks *weeks,
              const struct oj_stream_options *options);

/* How many messages there are at most. */
size_t
oj_stream_count_max(const struct oj_stream *stream);

/* Fills the next message; false at the end. */
bool
oj_stream_next(struct oj_stream *stream, struct oj_message *message);

void
oj_stream_free(struct oj_stream **stream);
