/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A part is never lost: it is in a batch, at the door, or settled.
 */
#include "gateway/lane_parts.h"

#include "base/model/batch.h"
#include "base/model/batch_part.h"
#include "base/model/submission.h"
#include "gateway/door.h"

static void
put_back(void *door, struct submission_part *part)
{
	struct submission *submission = part->submission;

	if (door != NULL) {
		door_put_back(door, part);
		return;
	}
	submission_settle(part, SUBMISSION_REFUSED);
	submission_unref(&submission);
}

/* -- public ---------------------------------------------------------------- */

void
lane_parts_return(struct batch **batch, struct door *door)
{
	if (*batch == NULL)
		return;
	if (batch_part_remove(*batch, true, put_back, door) &&
	    (*batch)->count == 0)
		batch_unref(batch);
}

bool
lane_parts_refuse(struct batch *batch)
{
	return batch_part_remove(batch, false, put_back, NULL);
}

void
lane_parts_forsake(struct batch **batch)
{
	if (*batch == NULL)
		return;
	batch_part_forsake(*batch);
	batch_unref(batch);
}
