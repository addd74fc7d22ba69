/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where requests wait for what others do: one thread calls back when one is
 * settled, when its time is up, and while it asks to be looked at. So whoever
 * settles (a lane that has recorded) only hands over, and everything that
 * waits has a timer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct desk;
struct desk_entry;

/* All on the desk's thread. */
struct desk_calls {
	/* Once for each desk_settle; it is the desk's no more. */
	void (*settled)(struct desk_entry *entry);
	/* The deadline has passed and nobody has settled it: whoever is asked
	   must see to it that it is settled soon, or settles it itself. */
	void (*expired)(struct desk_entry *entry);
	/* Each few milliseconds behind desk_poll, until it answers true; it is
	   then the desk's no more. late: the deadline has passed; the answer
	   must be true. */
	bool (*poll)(struct desk_entry *entry, bool late);
};

enum desk_state {
	DESK_NONE,
	DESK_WAITING,
	DESK_EXPIRED,
	DESK_SETTLED,
	DESK_POLLED,
};

/* Embedded in what waits. */
struct desk_entry {
	const struct desk_calls *calls;
	struct desk_entry *next, *previous;
	int64_t deadline_us;
	enum desk_state state;
};

struct desk *
desk_new(void);

/* Nobody waits any more. */
void
desk_free(struct desk **desk);

/* From now on it may be settled, or expire. Any thread. */
void
desk_wait(struct desk *desk, struct desk_entry *entry, int64_t deadline_us);

/* Once for each desk_wait. Any thread, also the desk's own; does not wait. */
void
desk_settle(struct desk *desk, struct desk_entry *entry);

/* To be looked at until the deadline. The desk's thread. */
void
desk_poll(struct desk *desk, struct desk_entry *entry, int64_t deadline_us);

size_t
desk_count(struct desk *desk);
