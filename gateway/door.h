/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where parts of submissions wait for a lane of this daemon: bounded in
 * bytes, so that nothing piles up. The keeper has one for each lane there
 * may be; whether the lane is here, and can take something, the lane says.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/submission.h"

struct door;

enum door_state {
	DOOR_AWAY, /* the lane is not here */
	DOOR_OPEN,
	DOOR_SHUT, /* the lane is here, but cannot record now */
};

struct door *
door_new(size_t bytes_max);

void
door_free(struct door **door);

/* Takes a part in, with its reference: SUBMISSION_WAITING. Or SUBMISSION_
   REFUSED: full, or not open. Any thread; never waits. */
enum submission_outcome
door_offer(struct door *door, struct submission_part *part);

/* Any thread. */
enum door_state
door_state(const struct door *door);
size_t
door_bytes(const struct door *door);

/* -- the lane's thread ------------------------------------------------------- */

/* Not open: everything that waits is refused. */
void
door_set(struct door *door, enum door_state state);

enum door_answer {
	DOOR_TAKEN, /* it is the taker's now, with its reference */
	DOOR_STALE, /* the door settles it so */
	DOOR_LATER, /* it waits on; the next one, please */
	DOOR_FULL,  /* it waits on, and so do all behind it */
};

/* Asks take for each part that waits, in order, but for those that were given
   up. take calls submission_take itself. */
void
door_drain(struct door *door,
           enum door_answer (*take)(void *context,
                                    struct submission_part *part),
           void *context);

/* Before all others, with its reference; was taken, and surely is not
   recorded. Refused where the door is not open. */
void
door_put_back(struct door *door, struct submission_part *part);

/*
 * Sleeping at a door. From door_sleep on, the next part that comes in calls
 * wake, once, until door_wake. False: something waits already, do not sleep;
 * then door_wake need not be called. wake is called under the door's lock.
 */
bool
door_sleep(struct door *door, void (*wake)(void *context), void *context);
void
door_wake(struct door *door);

/* The same for somebody who waits for nothing else. */
void
door_wait(struct door *door, int64_t timeout_ms);
