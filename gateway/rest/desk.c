/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Three lists under one lock: who waits (few different waits, so nearly in the
 * order of deadlines: the front is looked at, and all of them now and then),
 * who is settled, who is polled. The thread is woken only where it sleeps.
 */
#include "gateway/rest/desk.h"

#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define DESK_POLL_US  5000
#define DESK_SLEEP_US 1000000

struct list {
	struct desk_entry *first, *last;
	size_t count;
};

struct desk {
	struct thread_lock lock; /* of the lists and the flags */
	struct thread_signal news;
	struct list waiting;
	struct list settled;
	struct list polled;
	bool sleeps;
	bool stops;
	int64_t wakes_us; /* by itself, while it sleeps */
	struct thread *thread;
};

/* -- lists ------------------------------------------------------------------- */

/* In the order of deadlines; nearly always it comes last. */
static void
list_add(struct list *list, struct desk_entry *entry)
{
	struct desk_entry *before = list->last;

	while (before != NULL && before->deadline_us > entry->deadline_us)
		before = before->previous;
	entry->previous = before;
	entry->next = before != NULL ? before->next : list->first;
	*(entry->next != NULL ? &entry->next->previous : &list->last) = entry;
	*(before != NULL ? &before->next : &list->first) = entry;
	list->count++;
}

static void
list_append(struct list *list, struct desk_entry *entry)
{
	entry->previous = list->last;
	entry->next = NULL;
	*(list->last != NULL ? &list->last->next : &list->first) = entry;
	list->last = entry;
	list->count++;
}

static void
list_remove(struct list *list, struct desk_entry *entry)
{
	*(entry->next != NULL ? &entry->next->previous : &list->last) =
		entry->previous;
	*(entry->previous != NULL ? &entry->previous->next : &list->first) =
		entry->next;
	entry->next = entry->previous = NULL;
	list->count--;
}

/* -- the thread ---------------------------------------------------------------- */

/* How long there is nothing to do, with the lock held. */
static int64_t
idle_us(const struct desk *desk, int64_t now_us)
{
	int64_t until = now_us + DESK_SLEEP_US;

	if (desk->settled.count > 0)
		return 0;
	if (desk->polled.count > 0)
		until = now_us + DESK_POLL_US;
	if (desk->waiting.first != NULL &&
	    desk->waiting.first->deadline_us < until)
		until = desk->waiting.first->deadline_us;
	return until > now_us ? until - now_us : 0;
}

static void
sleep_until_news(struct desk *desk)
{
	int64_t now_us = clock_now_us(), us = idle_us(desk, now_us);

	if (us == 0)
		return;
	desk->wakes_us = now_us + us;
	desk->sleeps = true;
	thread_signal_wait(&desk->news, &desk->lock, (us + 999) / 1000);
	desk->sleeps = false;
}

/* The next one to call back, taken out; NULL: none. The lock is held. */
static struct desk_entry *
take_settled(struct desk *desk)
{
	struct desk_entry *entry = desk->settled.first;

	if (entry == NULL)
		return NULL;
	list_remove(&desk->settled, entry);
	entry->state = DESK_NONE;
	return entry;
}

static struct desk_entry *
take_expired(struct desk *desk, int64_t now_us)
{
	struct desk_entry *entry = desk->waiting.first;

	if (entry == NULL || entry->deadline_us > now_us)
		return NULL;
	list_remove(&desk->waiting, entry);
	entry->state = DESK_EXPIRED;
	return entry;
}

static void
call_settled(struct desk *desk)
{
	struct desk_entry *entry;

	while ((entry = take_settled(desk)) != NULL) {
		thread_unlock(&desk->lock);
		entry->calls->settled(entry);
		thread_lock(&desk->lock);
	}
}

static void
call_expired(struct desk *desk, int64_t now_us)
{
	struct desk_entry *entry;

	while ((entry = take_expired(desk, now_us)) != NULL) {
		thread_unlock(&desk->lock);
		entry->calls->expired(entry);
		thread_lock(&desk->lock);
	}
}

/* Only this thread changes the list of those that are polled. */
static void
call_polled(struct desk *desk, int64_t now_us)
{
	/* Those that are to be polled again come behind the last. */
	for (size_t left = desk->polled.count; left > 0; left--) {
		struct desk_entry *entry = desk->polled.first;

		list_remove(&desk->polled, entry);
		entry->state = DESK_NONE;
		thread_unlock(&desk->lock);
		if (!entry->calls->poll(entry, entry->deadline_us <= now_us))
			desk_poll(desk, entry, entry->deadline_us);
		thread_lock(&desk->lock);
	}
}

static void
run(void *context)
{
	struct desk *desk = context;
	int64_t polled_us = 0;

	thread_lock(&desk->lock);
	while (!desk->stops) {
		int64_t now_us;

		sleep_until_news(desk);
		call_settled(desk);
		now_us = clock_now_us();
		call_expired(desk, now_us);
		if (now_us - polled_us >= DESK_POLL_US) {
			polled_us = now_us;
			call_polled(desk, now_us);
		}
	}
	thread_unlock(&desk->lock);
}

static void
wake(struct desk *desk)
{
	if (!desk->sleeps)
		return;
	desk->sleeps = false;
	thread_signal_all(&desk->news);
}

/* -- public ---------------------------------------------------------------- */

struct desk *
desk_new(void)
{
	struct desk *desk = memory_calloc(1, sizeof(*desk));

	thread_lock_init(&desk->lock, THREAD_RANK_QUEUE);
	thread_signal_init(&desk->news);
	desk->thread = thread_new("rest desk", run, desk);
	return desk;
}

void
desk_free(struct desk **handle)
{
	struct desk *desk = *handle;

	*handle = NULL;
	if (desk == NULL)
		return;
	thread_lock(&desk->lock);
	desk->stops = true;
	wake(desk);
	thread_unlock(&desk->lock);
	thread_join(&desk->thread);
	CHECK(desk->waiting.count + desk->settled.count + desk->polled.count ==
	      0);
	thread_signal_fini(&desk->news);
	thread_lock_fini(&desk->lock);
	memory_release(desk);
}

void
desk_wait(struct desk *desk, struct desk_entry *entry, int64_t deadline_us)
{
	thread_lock(&desk->lock);
	CHECK(entry->state == DESK_NONE);
	entry->state = DESK_WAITING;
	entry->deadline_us = deadline_us;
	list_add(&desk->waiting, entry);
	if (deadline_us < desk->wakes_us)
		wake(desk);
	thread_unlock(&desk->lock);
}

void
desk_settle(struct desk *desk, struct desk_entry *entry)
{
	thread_lock(&desk->lock);
	CHECK(entry->state == DESK_WAITING || entry->state == DESK_EXPIRED);
	if (entry->state == DESK_WAITING)
		list_remove(&desk->waiting, entry);
	entry->state = DESK_SETTLED;
	list_append(&desk->settled, entry);
	wake(desk);
	thread_unlock(&desk->lock);
}

void
desk_poll(struct desk *desk, struct desk_entry *entry, int64_t deadline_us)
{
	thread_lock(&desk->lock);
	CHECK(entry->state == DESK_NONE);
	entry->state = DESK_POLLED;
	entry->deadline_us = deadline_us;
	list_append(&desk->polled, entry);
	thread_unlock(&desk->lock);
}

size_t
desk_count(struct desk *desk)
{
	size_t count;

	thread_lock(&desk->lock);
	count = desk->waiting.count + desk->settled.count + desk->polled.count;
	thread_unlock(&desk->lock);
	return count;
}
