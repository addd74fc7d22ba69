/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The feeds of one route that are held back: one poison message or a missing
 * topic must not stop a lane. The list travels in the progress record, so it
 * is exactly as true as seq; the table parked is what people see.
 * Owner's thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "gateway/progress.h"

struct feed;

enum parking_cause {
	PARKING_TOPIC,   /* mends itself when the topic is right again */
	PARKING_MESSAGE, /* waits for a person: waybill unpark */
};

struct parking_place {
	struct progress_parked parked;
	enum parking_cause cause;
	char reason[256];
	bool is_told; /* the table has it */
};

struct parking {
	struct parking_place places[PROGRESS_PARKED_MAX];
	size_t count;
};

/* NULL: the feed is not parked. */
struct parking_place *
parking_find(struct parking *parking, const struct feed *feed);

/* False: the list is full, the route must stall instead. seq: everything of
   the feed up to it is delivered. */
bool
parking_add(struct parking *parking, const struct feed *feed, int64_t seq,
            enum parking_cause cause, const char *reason);

void
parking_remove(struct parking *parking, struct parking_place *place);

void
parking_to_progress(const struct parking *parking, struct progress *out);

/* Restored from a record, a cause is not known: it is taken as PARKING_TOPIC,
   so that it is tried once. */
void
parking_from_progress(struct parking *parking, const struct progress *progress);
