/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A submission's feed lives in the snapshot that its maker had; a batch's in
 * the lane's. They are mostly the same one.
 */
#include "gateway/boarding.h"

#include "base/model/batch.h"
#include "base/model/batch_part.h"
#include "base/model/deployment.h"
#include "base/model/submission.h"
#include "gateway/door.h"

struct boarding {
	struct batch *batch;
	const struct boarding_share *share;
	/* of the last part that was taken: its snapshot lives */
	const struct feed *theirs, *ours;
};

static bool
has_room(const struct boarding *b, const struct submission_part *part)
{
	const struct batch *batch = b->batch;

	return batch->count == 0 ||
		(batch->count + part->count <= b->share->messages &&
	         batch->bytes + part->bytes <= b->share->bytes);
}

static const struct feed *
find_feed(const struct boarding *b, const struct submission *submission)
{
	if (submission->deployment == b->batch->deployment)
		return submission->feed;
	if (submission->feed == b->theirs)
		return b->ours;
	return deployment_feed(b->batch->deployment, submission->feed->tenant,
	                       submission->feed->name);
}

/* Whether the items were judged and split as the feed says now. */
static bool
is_in_force(const struct feed *feed, const struct submission_part *part)
{
	const struct submission *submission = part->submission;

	if (feed == NULL || feed->is_removed ||
	    feed->partitions != submission->feed->partitions)
		return false;
	for (size_t i = 0; i < part->count; i++) {
		int32_t contract = submission->items[part->items[i]].contract;

		if (contract != 0 && contract != feed->contract_id)
			return false;
	}
	return true;
}

static enum door_answer
take(void *context, struct submission_part *part)
{
	struct boarding *b = context;
	const struct submission *submission = part->submission;
	const struct feed *feed;

	if (!has_room(b, part))
		return DOOR_FULL;
	feed = find_feed(b, submission);
	if (!is_in_force(feed, part))
		return submission->deployment->version >
				b->batch->deployment->version
			? DOOR_LATER
			: DOOR_STALE;
	if (!submission_take(part))
		return DOOR_STALE;
	batch_part_add(b->batch, part, feed);
	b->theirs = submission->feed;
	b->ours = feed;
	return DOOR_TAKEN;
}

/* -- public ---------------------------------------------------------------- */

bool
boarding_is_full(const struct batch *batch, const struct boarding_share *share)
{
	return batch->count >= share->messages || batch->bytes >= share->bytes;
}

void
boarding_fill(struct door *door, struct batch *batch,
              const struct boarding_share *share)
{
	struct boarding boarding = { .batch = batch, .share = share };

	door_drain(door, take, &boarding);
}
