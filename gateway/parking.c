/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A short list; linear search is the fast way.
 */
#include "gateway/parking.h"

#include <stdio.h>
#include <string.h>

#include "base/model/deployment.h"
#include "base/runtime/check.h"

/* -- public ---------------------------------------------------------------- */

struct parking_place *
parking_find(struct parking *parking, const struct feed *feed)
{
	for (size_t i = 0; i < parking->count; i++) {
		struct progress_parked *p = &parking->places[i].parked;

		if (strcmp(p->feed, feed->name) == 0 &&
		    strcmp(p->tenant, feed->tenant) == 0)
			return &parking->places[i];
	}
	return NULL;
}

bool
parking_add(struct parking *parking, const struct feed *feed, int64_t seq,
            enum parking_cause cause, const char *reason)
{
	struct parking_place *place;

	CHECK(parking_find(parking, feed) == NULL);
	if (parking->count == PROGRESS_PARKED_MAX)
		return false;
	place = &parking->places[parking->count++];
	memset(place, 0, sizeof(*place));
	snprintf(place->parked.tenant, PROGRESS_NAME_MAX, "%s", feed->tenant);
	snprintf(place->parked.feed, PROGRESS_NAME_MAX, "%s", feed->name);
	place->parked.seq = seq;
	place->cause = cause;
	snprintf(place->reason, sizeof(place->reason), "%s", reason);
	return true;
}

void
parking_remove(struct parking *parking, struct parking_place *place)
{
	size_t index = (size_t)(place - parking->places);

	CHECK(index < parking->count);
	memmove(place, place + 1,
	        (parking->count - index - 1) * sizeof(*place));
	parking->count--;
}

void
parking_to_progress(const struct parking *parking, struct progress *out)
{
	for (size_t i = 0; i < parking->count; i++)
		out->parked[i] = parking->places[i].parked;
	out->parked_count = parking->count;
}

void
parking_from_progress(struct parking *parking, const struct progress *progress)
{
	memset(parking, 0, sizeof(*parking));
	for (size_t i = 0; i < progress->parked_count; i++) {
		parking->places[i].parked = progress->parked[i];
		parking->places[i].cause = PARKING_TOPIC;
		snprintf(parking->places[i].reason,
		         sizeof(parking->places[i].reason),
		         "parked before the last restart");
	}
	parking->count = progress->parked_count;
}
