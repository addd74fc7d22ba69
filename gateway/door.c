/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Two lists: what came in, under the lock, and what the lane has taken over
 * from it, which is the lane's alone. So a batch costs the lock once.
 */
#include "gateway/door.h"

#include <stdatomic.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define DOOR_MAGIC 0x444f4f52u
/* What a part holds in memory besides its bytes, roughly. */
#define PART_BYTES 1024

struct door {
	uint32_t magic;
	size_t bytes_max;
	atomic_size_t bytes; /* of both lists */
	atomic_int state;
	struct thread_lock lock;
	struct thread_signal signal;
	/* the lock's */
	struct submission_part *first, **last; /* what came in */
	void (*wake)(void *context);           /* somebody sleeps */
	void *context;
	/* the lane's */
	struct submission_part *waiting;
};

static size_t
cost_of(const struct submission_part *part)
{
	return part->bytes + PART_BYTES;
}

static void
let_go(struct submission_part *part)
{
	struct submission *submission = part->submission;

	submission_unref(&submission);
}

/* Everything that came in, behind the last that waits. */
static void
take_over(struct door *door, struct submission_part **last)
{
	CHECK(*last == NULL);
	thread_lock(&door->lock);
	*last = door->first;
	door->first = NULL;
	door->last = &door->first;
	thread_unlock(&door->lock);
}

static void
remove_part(struct door *door, struct submission_part **link)
{
	struct submission_part *part = *link;

	*link = part->next;
	part->next = NULL;
	atomic_fetch_sub(&door->bytes, cost_of(part));
}

static enum door_answer
refuse(void *context, struct submission_part *part)
{
	submission_refuse(part, SUBMISSION_REFUSED);
	return DOOR_STALE;
}

static void
signal_wake(void *context)
{
	thread_signal_all(context);
}

/* -- public ---------------------------------------------------------------- */

struct door *
door_new(size_t bytes_max)
{
	struct door *door = memory_calloc(1, sizeof(*door));

	door->magic = DOOR_MAGIC;
	door->bytes_max = bytes_max;
	door->last = &door->first;
	thread_lock_init(&door->lock, THREAD_RANK_QUEUE);
	thread_signal_init(&door->signal);
	return door;
}

void
door_free(struct door **handle)
{
	struct door *door = *handle;

	*handle = NULL;
	if (door == NULL)
		return;
	CHECK_MAGIC(door, DOOR_MAGIC);
	door_set(door, DOOR_AWAY);
	thread_signal_fini(&door->signal);
	thread_lock_fini(&door->lock);
	memory_release(door);
}

enum submission_outcome
door_offer(struct door *door, struct submission_part *part)
{
	size_t cost = cost_of(part);
	bool is_in = false;

	thread_lock(&door->lock);
	/* One that is larger than all is taken in where nothing else is. */
	if (atomic_load(&door->state) == DOOR_OPEN &&
	    (atomic_load(&door->bytes) == 0 ||
	     atomic_load(&door->bytes) + cost <= door->bytes_max)) {
		part->next = NULL;
		*door->last = part;
		door->last = &part->next;
		atomic_fetch_add(&door->bytes, cost);
		is_in = true;
		if (door->wake != NULL)
			door->wake(door->context);
		door->wake = NULL;
	}
	thread_unlock(&door->lock);
	return is_in ? SUBMISSION_WAITING : SUBMISSION_REFUSED;
}

enum door_state
door_state(const struct door *door)
{
	return (enum door_state)atomic_load(&door->state);
}

size_t
door_bytes(const struct door *door)
{
	return atomic_load(&door->bytes);
}

void
door_set(struct door *door, enum door_state state)
{
	if (door_state(door) == state)
		return;
	thread_lock(&door->lock);
	atomic_store(&door->state, (int)state);
	thread_unlock(&door->lock);
	if (state != DOOR_OPEN)
		door_drain(door, refuse, NULL);
}

void
door_drain(struct door *door,
           enum door_answer (*take)(void *context,
                                    struct submission_part *part),
           void *context)
{
	struct submission_part **link = &door->waiting;
	bool is_all = false;

	if (atomic_load(&door->bytes) == 0)
		return;
	for (;;) {
		struct submission_part *part = *link;
		enum door_answer answer = DOOR_STALE;

		if (part == NULL) {
			if (is_all)
				return;
			take_over(door, link);
			is_all = true;
			continue;
		}
		if (atomic_load(&part->outcome) == SUBMISSION_WAITING)
			answer = take(context, part);
		if (answer == DOOR_FULL)
			return;
		if (answer == DOOR_LATER) {
			link = &part->next;
			continue;
		}
		remove_part(door, link);
		if (answer == DOOR_TAKEN)
			continue;
		submission_refuse(part, SUBMISSION_STALE);
		let_go(part);
	}
}

void
door_put_back(struct door *door, struct submission_part *part)
{
	if (!submission_put_back(part)) {
		let_go(part);
		return;
	}
	if (atomic_load(&door->state) != DOOR_OPEN) {
		submission_refuse(part, SUBMISSION_REFUSED);
		let_go(part);
		return;
	}
	part->next = door->waiting;
	door->waiting = part;
	atomic_fetch_add(&door->bytes, cost_of(part));
}

bool
door_sleep(struct door *door, void (*wake)(void *context), void *context)
{
	bool sleeps;

	thread_lock(&door->lock);
	sleeps = door->first == NULL;
	if (sleeps) {
		door->wake = wake;
		door->context = context;
	}
	thread_unlock(&door->lock);
	return sleeps;
}

void
door_wake(struct door *door)
{
	thread_lock(&door->lock);
	door->wake = NULL;
	thread_unlock(&door->lock);
}

void
door_wait(struct door *door, int64_t timeout_ms)
{
	thread_lock(&door->lock);
	if (door->first == NULL) {
		door->wake = signal_wake;
		door->context = &door->signal;
		(void)thread_signal_wait(&door->signal, &door->lock,
		                         timeout_ms);
		door->wake = NULL;
	}
	thread_unlock(&door->lock);
}
