/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring that grows up to items_max, under one lock. Writers that have to
 * wait stand in a line, first come first served, and nobody passes them: a
 * large item would otherwise starve behind a stream of small ones.
 */
#include "base/runtime/queue.h"

#include <stdatomic.h>
#include <time.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define QUEUE_MAGIC      0x71756575u
#define QUEUE_SIZE_FIRST 16
#define QUEUE_ITEMS_MAX  ((size_t)1 << 30)

struct queue_item {
	void *item;
	size_t bytes;
};

/* A writer that waits; it lives on that writer's stack. */
struct queue_writer {
	struct queue_writer *next;
};

struct queue {
	uint32_t magic;
	struct thread_lock lock;
	struct thread_signal room;  /* or a new first writer, or closed */
	struct thread_signal items; /* or closed */
	struct queue_item *ring;
	size_t size; /* of the ring */
	size_t head;
	size_t items_max;
	size_t bytes_max;
	struct queue_writer *writers;
	size_t readers; /* that wait */
	bool closed;
	/* written under the lock, read without */
	atomic_size_t count;
	atomic_size_t bytes;
};

static size_t
queue_load(const atomic_size_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

static void
queue_account(struct queue *queue, size_t count, size_t bytes)
{
	atomic_store_explicit(&queue->count, count, memory_order_relaxed);
	atomic_store_explicit(&queue->bytes, bytes, memory_order_relaxed);
}

static bool
queue_has_room(const struct queue *queue, size_t bytes)
{
	size_t count = queue_load(&queue->count);
	size_t used = queue_load(&queue->bytes);

	if (count == 0)
		return true;
	return count < queue->items_max && used <= queue->bytes_max &&
		bytes <= queue->bytes_max - used;
}

static void
queue_grow(struct queue *queue)
{
	size_t size = queue->size > 0 ? queue->size * 2 : QUEUE_SIZE_FIRST;
	size_t count = queue_load(&queue->count);
	struct queue_item *ring = memory_calloc(size, sizeof(*ring));

	for (size_t i = 0; i < count; i++)
		ring[i] = queue->ring[(queue->head + i) % queue->size];
	memory_free(&queue->ring);
	queue->ring = ring;
	queue->size = size;
	queue->head = 0;
}

static void
queue_put(struct queue *queue, void *item, size_t bytes)
{
	size_t count = queue_load(&queue->count);
	size_t total;

	CHECK(!__builtin_add_overflow(queue_load(&queue->bytes), bytes,
	                              &total));
	if (count == queue->size)
		queue_grow(queue);
	queue->ring[(queue->head + count) % queue->size] =
		(struct queue_item){ item, bytes };
	queue_account(queue, count + 1, total);
	if (queue->readers > 0)
		thread_signal_all(&queue->items);
}

static void *
queue_take(struct queue *queue)
{
	size_t count = queue_load(&queue->count);
	struct queue_item taken = queue->ring[queue->head];

	CHECK(count > 0 && queue_load(&queue->bytes) >= taken.bytes);
	queue->head = (queue->head + 1) % queue->size;
	queue_account(queue, count - 1,
	              queue_load(&queue->bytes) - taken.bytes);
	if (queue->writers != NULL)
		thread_signal_all(&queue->room);
	return taken.item;
}

/* The clock of the system: see thread_signal_wait. */
static int64_t
queue_now_ms(void)
{
	struct timespec now;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
queue_deadline_ms(int64_t timeout_ms)
{
	int64_t now_ms = queue_now_ms();

	if (timeout_ms < 0 || timeout_ms > INT64_MAX - now_ms)
		return INT64_MAX;
	return now_ms + timeout_ms;
}

/* Waits once; false: the deadline has passed. */
static bool
queue_wait(struct queue *queue, struct thread_signal *signal,
           int64_t deadline_ms)
{
	int64_t now_ms;

	if (deadline_ms == INT64_MAX)
		return thread_signal_wait(signal, &queue->lock, -1);
	now_ms = queue_now_ms();
	if (now_ms >= deadline_ms)
		return false;
	thread_signal_wait(signal, &queue->lock, deadline_ms - now_ms);
	return true;
}

static void
queue_leave_line(struct queue *queue, const struct queue_writer *writer)
{
	struct queue_writer **link = &queue->writers;

	while (*link != writer)
		link = &(*link)->next;
	*link = writer->next;
	if (queue->writers != NULL) /* the next one may have room */
		thread_signal_all(&queue->room);
}

/* Stands in line until it is the first and has room; false: it has not. */
static bool
queue_wait_for_room(struct queue *queue, size_t bytes, int64_t timeout_ms)
{
	struct queue_writer self = { NULL };
	struct queue_writer **link = &queue->writers;
	int64_t deadline_ms = queue_deadline_ms(timeout_ms);
	bool room;

	while (*link != NULL)
		link = &(*link)->next;
	*link = &self;
	for (;;) {
		room = !queue->closed && queue->writers == &self &&
			queue_has_room(queue, bytes);
		if (room || queue->closed ||
		    !queue_wait(queue, &queue->room, deadline_ms))
			break;
	}
	queue_leave_line(queue, &self);
	return room;
}

/* -- public -------------------------------------------------------------- */

struct queue *
queue_new(size_t items_max, size_t bytes_max)
{
	struct queue *queue = memory_calloc(1, sizeof(*queue));

	CHECK(items_max > 0 && items_max <= QUEUE_ITEMS_MAX && bytes_max > 0);
	queue->magic = QUEUE_MAGIC;
	queue->items_max = items_max;
	queue->bytes_max = bytes_max;
	thread_lock_init(&queue->lock, THREAD_RANK_QUEUE);
	thread_signal_init(&queue->room);
	thread_signal_init(&queue->items);
	return queue;
}

void
queue_free(struct queue **queue)
{
	if (*queue == NULL)
		return;
	CHECK_MAGIC(*queue, QUEUE_MAGIC);
	CHECK((*queue)->writers == NULL && (*queue)->readers == 0);
	CHECK(queue_count(*queue) == 0);
	(*queue)->magic = 0;
	thread_signal_fini(&(*queue)->items);
	thread_signal_fini(&(*queue)->room);
	thread_lock_fini(&(*queue)->lock);
	memory_free(&(*queue)->ring);
	memory_free(queue);
}

bool
queue_push(struct queue *queue, void *item, size_t bytes, int64_t timeout_ms)
{
	bool room;

	CHECK_MAGIC(queue, QUEUE_MAGIC);
	CHECK(item != NULL);
	thread_lock(&queue->lock);
	room = !queue->closed && queue->writers == NULL &&
		queue_has_room(queue, bytes);
	if (!room && !queue->closed && timeout_ms != 0)
		room = queue_wait_for_room(queue, bytes, timeout_ms);
	if (room)
		queue_put(queue, item, bytes);
	thread_unlock(&queue->lock);
	return room;
}

void *
queue_pop(struct queue *queue, int64_t timeout_ms)
{
	int64_t deadline_ms;
	void *item = NULL;

	CHECK_MAGIC(queue, QUEUE_MAGIC);
	thread_lock(&queue->lock);
	if (queue_load(&queue->count) == 0 && !queue->closed &&
	    timeout_ms != 0) {
		deadline_ms = queue_deadline_ms(timeout_ms);
		queue->readers++;
		while (queue_load(&queue->count) == 0 && !queue->closed &&
		       queue_wait(queue, &queue->items, deadline_ms))
			continue;
		queue->readers--;
	}
	if (queue_load(&queue->count) > 0)
		item = queue_take(queue);
	thread_unlock(&queue->lock);
	return item;
}

void
queue_close(struct queue *queue)
{
	CHECK_MAGIC(queue, QUEUE_MAGIC);
	thread_lock(&queue->lock);
	queue->closed = true;
	thread_signal_all(&queue->room);
	thread_signal_all(&queue->items);
	thread_unlock(&queue->lock);
}

void
queue_reopen(struct queue *queue)
{
	CHECK_MAGIC(queue, QUEUE_MAGIC);
	thread_lock(&queue->lock);
	queue->closed = false;
	thread_unlock(&queue->lock);
}

size_t
queue_bytes(const struct queue *queue)
{
	CHECK_MAGIC(queue, QUEUE_MAGIC);
	return queue_load(&queue->bytes);
}

size_t
queue_count(const struct queue *queue)
{
	CHECK_MAGIC(queue, QUEUE_MAGIC);
	return queue_load(&queue->count);
}
