/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane's queue: which partitions it has, what is wrong with them, and the
 * hot path, which allocates nothing.
 */
#include "base/io/kqueue.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define KQUEUE_MAGIC      0x6b717565u
#define KQUEUE_CHUNK      512
#define KQUEUE_ERRORS_MAX 16
#define KQUEUE_SLOTS_MIN  16
#define KQUEUE_WAIT_MS    100 /* then a look at what the consumer has to say */

struct kqueue {
	uint32_t magic;
	struct kconsumer *consumer;
	rd_kafka_queue_t *rkqu;
	struct thread_lock lock;
	struct thread_signal signal;
	_Atomic int wanted; /* changes that wait for the poll to end */
	_Atomic int woken;
	/* open addressing by (rkt, partition); a power of two, half empty */
	struct assigned **slots;
	size_t slot_count;
	size_t used_count;
	struct assigned *last;
	struct kqueue_error errors[KQUEUE_ERRORS_MAX];
	int error_first;
	int error_count;
	unsigned int down_seen;
	rd_kafka_message_t *chunk[KQUEUE_CHUNK];
};

/* -- which partition a message is of -------------------------------------- */

static size_t
slot_of(const struct kqueue *queue, const rd_kafka_topic_t *rkt,
        int32_t partition)
{
	uint64_t hash = (uint64_t)(uintptr_t)rkt >> 4;

	hash = (hash + (uint32_t)partition) * 0x9e3779b97f4a7c15u;
	return (size_t)(hash >> 32) & (queue->slot_count - 1);
}

static void
slots_insert(struct kqueue *queue, struct assigned *assigned)
{
	size_t slot = slot_of(queue, assigned->rkt, assigned->partition);

	while (queue->slots[slot] != NULL)
		slot = (slot + 1) & (queue->slot_count - 1);
	queue->slots[slot] = assigned;
	queue->used_count++;
}

static void
slots_rebuild(struct kqueue *queue, size_t slot_count,
              const struct assigned *without)
{
	struct assigned **old = queue->slots;
	size_t old_count = queue->slot_count;

	queue->slots = memory_calloc(slot_count, sizeof(*queue->slots));
	queue->slot_count = slot_count;
	queue->used_count = 0;
	queue->last = NULL;
	for (size_t i = 0; i < old_count; i++)
		if (old[i] != NULL && old[i] != without)
			slots_insert(queue, old[i]);
	memory_free(&old);
}

static void
slots_add(struct kqueue *queue, struct assigned *assigned)
{
	if (queue->used_count * 2 >= queue->slot_count)
		slots_rebuild(queue, queue->slot_count * 2, NULL);
	slots_insert(queue, assigned);
}

static struct assigned *
slots_find(struct kqueue *queue, const rd_kafka_topic_t *rkt, int32_t partition)
{
	struct assigned *last = queue->last;
	size_t slot;

	if (last != NULL && last->rkt == rkt && last->partition == partition)
		return last;
	slot = slot_of(queue, rkt, partition);
	while ((last = queue->slots[slot]) != NULL) {
		if (last->rkt == rkt && last->partition == partition) {
			queue->last = last;
			return last;
		}
		slot = (slot + 1) & (queue->slot_count - 1);
	}
	return NULL;
}

/* -- errors in a queue ---------------------------------------------------- */

static void
error_add(struct kqueue *queue, enum err_code code,
          const struct assigned *assigned, const char *text)
{
	struct kqueue_error *error;

	/* Full: the oldest are still to be read, and say enough. */
	if (queue->error_count == KQUEUE_ERRORS_MAX)
		return;
	error = &queue->errors[(queue->error_first + queue->error_count) %
	                       KQUEUE_ERRORS_MAX];
	queue->error_count++;
	error->code = code;
	error->opaque = assigned != NULL ? assigned->opaque : NULL;
	error->partition = assigned != NULL ? assigned->partition : -1;
	snprintf(error->text, sizeof(error->text), "%s", text);
}

static bool
error_take(struct kqueue *queue, struct kqueue_error *out)
{
	out->code = ERR_OK;
	if (queue->error_count == 0)
		return false;
	*out = queue->errors[queue->error_first];
	queue->error_first = (queue->error_first + 1) % KQUEUE_ERRORS_MAX;
	queue->error_count--;
	return true;
}

/* Of the four that a caller can act on. */
static enum err_code
error_code(rd_kafka_resp_err_t error)
{
	enum err_code code = klib_code(error);

	if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return ERR_KAFKA_TOPIC;
	if (code == ERR_SOURCE_GAP || code == ERR_KAFKA_TOPIC ||
	    code == ERR_KAFKA_DOWN)
		return code;
	return ERR_KAFKA;
}

static void
error_met(struct kqueue *queue, struct assigned *assigned,
          const rd_kafka_message_t *message)
{
	char text[KQUEUE_ERROR_TEXT_MAX];
	const char *detail = rd_kafka_message_errstr(message);

	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		if (assigned != NULL)
			assigned->end = message->offset;
		return;
	}
	if (assigned == NULL)
		snprintf(text, sizeof(text), "%s (%s)", detail,
		         rd_kafka_err2name(message->err));
	else
		snprintf(text, sizeof(text),
		         "topic %s partition %d at offset %lld: %s (%s)",
		         assigned->topic, (int)assigned->partition,
		         (long long)assigned->position, detail,
		         rd_kafka_err2name(message->err));
	error_add(queue, error_code(message->err), assigned, text);
}

/* -- taking messages ------------------------------------------------------ */

/*
 * That a topic or partition does not exist comes as a general error, although
 * by the partition's queue; only the text tells which: "topic [3]: ...".
 */
static _Thread_local struct kqueue *polled;

/* True: *out is filled. Else the message is an error, or of a partition that
   was unassigned, or was handed out before a pause. */
static bool
hand_out(struct kqueue *queue, rd_kafka_message_t *message,
         struct kmessage *out)
{
	struct assigned *assigned = message->rkt != NULL
		? slots_find(queue, message->rkt, message->partition)
		: NULL;

	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (assigned != NULL || message->rkt == NULL)
			error_met(queue, assigned, message);
	} else if (assigned != NULL && !assigned->is_paused &&
	           message->offset >= assigned->position) {
		assigned->position = message->offset + 1;
		kmessage_fill(out, message);
		out->opaque = assigned->opaque;
		return true;
	}
	rd_kafka_message_destroy(message);
	return false;
}

static size_t
take(struct kqueue *queue, int64_t timeout_ms, struct kmessage *out, size_t max)
{
	size_t count = 0;

	polled = queue;
	while (count < max) {
		size_t want = max - count;
		ssize_t got;

		if (want > KQUEUE_CHUNK)
			want = KQUEUE_CHUNK;
		got = rd_kafka_consume_batch_queue(queue->rkqu,
		                                   klib_timeout(timeout_ms),
		                                   queue->chunk, want);
		for (ssize_t i = 0; i < got; i++)
			if (hand_out(queue, queue->chunk[i], &out[count]))
				count++;
		if (got < (ssize_t)want)
			break;
		timeout_ms = 0;
	}
	polled = NULL;
	return count;
}

static void
see_down(struct kqueue *queue)
{
	struct klib *klib = kconsumer_klib(queue->consumer);
	unsigned int count = atomic_load(&klib->down_count);

	if (queue->down_seen == count)
		return;
	queue->down_seen = count;
	error_add(queue, ERR_KAFKA_DOWN, NULL, "no broker can be reached");
}

static void
poll_begin(struct kqueue *queue)
{
	thread_lock(&queue->lock);
	while (atomic_load(&queue->wanted) > 0)
		(void)thread_signal_wait(&queue->signal, &queue->lock, -1);
}

/* -- for the consumer ----------------------------------------------------- */

void
kqueue_change_begin(struct kqueue *queue)
{
	atomic_fetch_add(&queue->wanted, 1);
	rd_kafka_queue_yield(queue->rkqu);
	thread_lock(&queue->lock);
}

void
kqueue_change_end(struct kqueue *queue)
{
	if (atomic_fetch_sub(&queue->wanted, 1) == 1)
		thread_signal_all(&queue->signal);
	thread_unlock(&queue->lock);
}

void
kqueue_add(struct kqueue *queue, struct assigned *assigned)
{
	slots_add(queue, assigned);
}

void
kqueue_remove(struct kqueue *queue, struct assigned *assigned)
{
	slots_rebuild(queue, queue->slot_count, assigned);
}

rd_kafka_queue_t *
kqueue_of_library(struct kqueue *queue)
{
	CHECK_MAGIC(queue, KQUEUE_MAGIC);
	return queue->rkqu;
}

void
kqueue_hear(struct klib *klib, rd_kafka_resp_err_t error, const char *reason)
{
	struct kqueue *queue = polled;
	char prefix[KQUEUE_ERROR_TEXT_MAX];

	if (queue == NULL || kconsumer_klib(queue->consumer) != klib ||
	    error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		return;
	for (size_t i = 0; i < queue->slot_count; i++) {
		const struct assigned *assigned = queue->slots[i];

		if (assigned == NULL)
			continue;
		snprintf(prefix, sizeof(prefix), "%s [%d]: ", assigned->topic,
		         (int)assigned->partition);
		if (strncmp(reason, prefix, strlen(prefix)) == 0)
			error_add(queue, error_code(error), assigned, reason);
	}
}

/* -- public --------------------------------------------------------------- */

struct kqueue *
kqueue_new(struct kconsumer *consumer)
{
	struct kqueue *queue = memory_calloc(1, sizeof(*queue));

	queue->magic = KQUEUE_MAGIC;
	queue->consumer = consumer;
	queue->rkqu = rd_kafka_queue_new(kconsumer_klib(consumer)->rk);
	queue->slot_count = KQUEUE_SLOTS_MIN;
	queue->slots = memory_calloc(queue->slot_count, sizeof(*queue->slots));
	thread_lock_init(&queue->lock, THREAD_RANK_QUEUE);
	thread_signal_init(&queue->signal);
	kconsumer_count_queues(consumer, 1);
	return queue;
}

void
kqueue_free(struct kqueue **out_queue)
{
	struct kqueue *queue = *out_queue;

	if (queue == NULL)
		return;
	CHECK_MAGIC(queue, KQUEUE_MAGIC);
	CHECK(queue->used_count == 0);
	rd_kafka_queue_destroy(queue->rkqu);
	kconsumer_count_queues(queue->consumer, -1);
	thread_signal_fini(&queue->signal);
	thread_lock_fini(&queue->lock);
	memory_free(&queue->slots);
	queue->magic = 0;
	memory_free(out_queue);
}

size_t
kqueue_poll(struct kqueue *queue, int64_t timeout_ms, struct kmessage *out,
            size_t max, struct kqueue_error *out_error)
{
	int64_t deadline_ms = 0;
	size_t count;

	CHECK_MAGIC(queue, KQUEUE_MAGIC);
	CHECK(max > 0);
	kconsumer_serve(queue->consumer);
	for (;;) {
		poll_begin(queue);
		see_down(queue);
		count = take(queue, 0, out, max);
		if (count == 0 && queue->error_count == 0 && timeout_ms > 0 &&
		    !atomic_load(&queue->woken)) {
			int64_t wait_ms = timeout_ms;

			if (deadline_ms == 0)
				deadline_ms = klib_deadline_ms(timeout_ms);
			if (wait_ms > KQUEUE_WAIT_MS)
				wait_ms = KQUEUE_WAIT_MS;
			/* A batch waits its whole timeout unless it is full:
			   one, then what is there. */
			count = take(queue, wait_ms, out, 1);
			if (count > 0 && max > 1)
				count += take(queue, 0, out + 1, max - 1);
			timeout_ms = klib_left_ms(deadline_ms);
		}
		if (error_take(queue, out_error) || count > 0 ||
		    timeout_ms <= 0 || atomic_load(&queue->woken)) {
			atomic_store(&queue->woken, 0);
			thread_unlock(&queue->lock);
			return count;
		}
		thread_unlock(&queue->lock);
		kconsumer_serve(queue->consumer);
	}
}

void
kqueue_wake(struct kqueue *queue)
{
	CHECK_MAGIC(queue, KQUEUE_MAGIC);
	atomic_store(&queue->woken, 1);
	/* Not lost where the poll does not wait yet. */
	rd_kafka_queue_yield(queue->rkqu);
}

void
kqueue_each_end(struct kqueue *queue,
                void (*each)(void *opaque, int64_t end, void *context),
                void *context)
{
	CHECK_MAGIC(queue, KQUEUE_MAGIC);
	thread_lock(&queue->lock);
	for (size_t i = 0; i < queue->slot_count; i++) {
		if (queue->slots[i] != NULL)
			each(queue->slots[i]->opaque, queue->slots[i]->end,
			     context);
	}
	thread_unlock(&queue->lock);
}
