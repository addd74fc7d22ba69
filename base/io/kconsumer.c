/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The consumer and its queues. Partitions are started with
 * rd_kafka_consume_start_queue, which binds a partition to its queue in one
 * step (an assignment with a forwarded partition queue loses the forwarding
 * where a stop that is still under way clears it), and stopped with
 * rd_kafka_consume_stop, which waits until the stop is done.
 *
 * A pause is a stop and a start at the position behind the last message that
 * was handed out: librdkafka's own pause, next to a running consume_batch,
 * may lose or repeat messages.
 */
#include "base/io/kconsumer.h"

#include <stdio.h>
#include <string.h>

#include "base/io/klib.h"
#include "base/io/kqueue.h"
#include "base/io/kreader.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define KCONSUMER_MAGIC     0x6b636f6eu
#define KCONSUMER_SERVE_MS  100  /* events, and what the log has to say */
#define KCONSUMER_COMMIT_MS 1000 /* offsets for lag tools */
#define KCONSUMER_LAST_MS   500  /* what close waits for the last of them */

/* A topic handle, kept until close: messages point at it. */
struct ktopic_of {
	struct ktopic_of *next;
	rd_kafka_topic_t *rkt;
};

struct kconsumer {
	uint32_t magic;
	struct klib klib;
	struct thread_lock lock; /* the members below; never held with a
	                            queue's */
	struct assigned *assigned;
	struct ktopic_of *topics;
	rd_kafka_topic_partition_list_t *commits;
	int64_t committed_ms;
	int queue_count;
	_Atomic int64_t served_ms;
};

/* -- offsets for lag tools ------------------------------------------------ */

/* The consumer's lock is held. The answers are not waited for. */
static void
commits_send(struct kconsumer *consumer)
{
	consumer->committed_ms = clock_now_us() / 1000;
	if (consumer->commits->cnt == 0)
		return;
	(void)rd_kafka_commit(consumer->klib.rk, consumer->commits, 1);
	rd_kafka_topic_partition_list_destroy(consumer->commits);
	consumer->commits = rd_kafka_topic_partition_list_new(0);
}

static void
commits_send_last(struct kconsumer *consumer)
{
	rd_kafka_queue_t *answers;

	if (consumer->commits->cnt == 0)
		return;
	answers = rd_kafka_queue_new(consumer->klib.rk);
	if (rd_kafka_commit_queue(consumer->klib.rk, consumer->commits, answers,
	                          NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		rd_kafka_event_t *event =
			rd_kafka_queue_poll(answers, KCONSUMER_LAST_MS);

		if (event != NULL)
			rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(answers);
}

/* -- the consumer's own --------------------------------------------------- */

/* The consumer's lock is held. */
static rd_kafka_topic_t *
topic_take(struct kconsumer *consumer, const char *name)
{
	struct ktopic_of *topic;

	for (topic = consumer->topics; topic != NULL; topic = topic->next)
		if (strcmp(rd_kafka_topic_name(topic->rkt), name) == 0)
			return topic->rkt;
	topic = memory_calloc(1, sizeof(*topic));
	topic->rkt = rd_kafka_topic_new(consumer->klib.rk, name, NULL);
	if (topic->rkt == NULL) {
		memory_free(&topic);
		return NULL;
	}
	topic->next = consumer->topics;
	consumer->topics = topic;
	return topic->rkt;
}

/* The consumer's lock is held. The place that points to it, or to NULL. */
static struct assigned **
find(struct kconsumer *consumer, const char *topic, int32_t partition)
{
	struct assigned **place = &consumer->assigned;

	while (*place != NULL &&
	       ((*place)->partition != partition ||
	        strcmp((*place)->topic, topic) != 0))
		place = &(*place)->next;
	return place;
}

static struct assigned *
find_locked(struct kconsumer *consumer, const char *topic, int32_t partition)
{
	struct assigned *assigned;

	thread_lock(&consumer->lock);
	assigned = *find(consumer, topic, partition);
	thread_unlock(&consumer->lock);
	return assigned;
}

static enum err_code
start(struct assigned *assigned, struct err *err)
{
	int64_t offset = assigned->position == KCONSUMER_EARLIEST
		? RD_KAFKA_OFFSET_BEGINNING
		: assigned->position;

	if (rd_kafka_consume_start_queue(
		    assigned->rkt, assigned->partition, offset,
		    kqueue_of_library(assigned->queue)) == 0)
		return ERR_OK;
	return klib_err(err, rd_kafka_last_error(),
	                "failed to read topic %s partition %d", assigned->topic,
	                (int)assigned->partition);
}

static enum err_code
stop(struct assigned *assigned, struct err *err)
{
	if (rd_kafka_consume_stop(assigned->rkt, assigned->partition) == 0)
		return ERR_OK;
	return klib_err(err, rd_kafka_last_error(),
	                "failed to stop reading topic %s partition %d",
	                assigned->topic, (int)assigned->partition);
}

static void
assigned_free(struct assigned *assigned)
{
	memory_free(&assigned->topic);
	memory_free(&assigned);
}

/* A group is only what offsets for lag tools are stored under. */
static const char *
group_of(const struct kcluster_options *options, char *out, size_t size)
{
	for (size_t i = 0; i < options->property_count; i++)
		if (strcmp(options->properties[i].name, "group.id") == 0)
			return options->properties[i].value;
	snprintf(out, size, "waybill.%s",
	         options->client_id != NULL ? options->client_id : "consumer");
	return out;
}

/* The group's errors would pile up in a queue that nobody reads. */
static void
forward_group_errors(rd_kafka_t *rk)
{
	rd_kafka_queue_t *main = rd_kafka_queue_get_main(rk);
	rd_kafka_queue_t *group = rd_kafka_queue_get_consumer(rk);

	if (group != NULL) {
		rd_kafka_queue_forward(group, main);
		rd_kafka_queue_destroy(group);
	}
	rd_kafka_queue_destroy(main);
}

/* -- for the queues -------------------------------------------------------- */

void
kconsumer_serve(struct kconsumer *consumer)
{
	int64_t now_ms = clock_now_us() / 1000;
	int64_t served_ms = atomic_load(&consumer->served_ms);

	if (now_ms - served_ms < KCONSUMER_SERVE_MS ||
	    !atomic_compare_exchange_strong(&consumer->served_ms, &served_ms,
	                                    now_ms))
		return;
	rd_kafka_poll(consumer->klib.rk, 0);
	thread_lock(&consumer->lock);
	if (now_ms - consumer->committed_ms >= KCONSUMER_COMMIT_MS)
		commits_send(consumer);
	thread_unlock(&consumer->lock);
}

struct klib *
kconsumer_klib(struct kconsumer *consumer)
{
	CHECK_MAGIC(consumer, KCONSUMER_MAGIC);
	return &consumer->klib;
}

void
kconsumer_count_queues(struct kconsumer *consumer, int delta)
{
	thread_lock(&consumer->lock);
	consumer->queue_count += delta;
	thread_unlock(&consumer->lock);
}

/* -- public --------------------------------------------------------------- */

enum err_code
kconsumer_open(const struct kcluster_options *options, bool read_committed,
               struct kconsumer **out, struct err *err)
{
	char group[256];
	const struct kproperty own[] = {
		{ "group.id", group_of(options, group, sizeof(group)) },
		{ "isolation.level",
		  read_committed ? "read_committed" : "read_uncommitted" },
	};
	struct kconsumer *consumer = memory_calloc(1, sizeof(*consumer));

	consumer->magic = KCONSUMER_MAGIC;
	consumer->klib.hear = kqueue_hear;
	if (klib_open(&consumer->klib, KLIB_CONSUMER, options, own,
	              sizeof(own) / sizeof(own[0]), 0, err) != ERR_OK) {
		memory_free(&consumer);
		return err->code;
	}
	forward_group_errors(consumer->klib.rk);
	thread_lock_init(&consumer->lock, THREAD_RANK_QUEUE);
	consumer->commits = rd_kafka_topic_partition_list_new(0);
	*out = consumer;
	return ERR_OK;
}

void
kconsumer_close(struct kconsumer **out_consumer)
{
	struct kconsumer *consumer = *out_consumer;

	if (consumer == NULL)
		return;
	CHECK_MAGIC(consumer, KCONSUMER_MAGIC);
	CHECK(consumer->queue_count == 0);
	commits_send_last(consumer);
	rd_kafka_topic_partition_list_destroy(consumer->commits);
	while (consumer->topics != NULL) {
		struct ktopic_of *topic = consumer->topics;

		consumer->topics = topic->next;
		rd_kafka_topic_destroy(topic->rkt);
		memory_free(&topic);
	}
	klib_close(&consumer->klib);
	thread_lock_fini(&consumer->lock);
	consumer->magic = 0;
	memory_free(out_consumer);
}

enum err_code
kconsumer_assign(struct kconsumer *consumer, const char *topic,
                 int32_t partition, int64_t offset, void *opaque,
                 struct kqueue *queue, struct err *err)
{
	struct assigned *assigned;
	enum err_code code;
	bool is_taken;

	CHECK_MAGIC(consumer, KCONSUMER_MAGIC);
	CHECK(partition >= 0 && (offset >= 0 || offset == KCONSUMER_EARLIEST));
	assigned = memory_calloc(1, sizeof(*assigned));
	assigned->topic = memory_strdup(topic);
	assigned->partition = partition;
	assigned->opaque = opaque;
	assigned->queue = queue;
	assigned->position = offset;
	assigned->end = -1;

	thread_lock(&consumer->lock);
	is_taken = *find(consumer, topic, partition) != NULL;
	if (!is_taken)
		assigned->rkt = topic_take(consumer, topic);
	thread_unlock(&consumer->lock);
	if (is_taken) {
		assigned_free(assigned);
		return err_set(err, ERR_CONFLICT,
		               "topic %s partition %d is being read already",
		               topic, (int)partition);
	}
	if (assigned->rkt == NULL) {
		assigned_free(assigned);
		return klib_err(err, rd_kafka_last_error(), "topic %s", topic);
	}

	kqueue_change_begin(queue);
	code = start(assigned, err);
	if (code == ERR_OK)
		kqueue_add(queue, assigned);
	kqueue_change_end(queue);
	if (code != ERR_OK) {
		assigned_free(assigned);
		return code;
	}
	thread_lock(&consumer->lock);
	assigned->next = consumer->assigned;
	consumer->assigned = assigned;
	thread_unlock(&consumer->lock);
	return ERR_OK;
}

enum err_code
kconsumer_unassign(struct kconsumer *consumer, const char *topic,
                   int32_t partition, struct err *err)
{
	struct assigned **place;
	struct assigned *assigned;
	struct kqueue *queue;
	enum err_code code = ERR_OK;

	CHECK_MAGIC(consumer, KCONSUMER_MAGIC);
	thread_lock(&consumer->lock);
	place = find(consumer, topic, partition);
	assigned = *place;
	if (assigned != NULL)
		*place = assigned->next;
	thread_unlock(&consumer->lock);
	if (assigned == NULL)
		return err_set(err, ERR_NOT_FOUND,
		               "topic %s partition %d is not assigned", topic,
		               (int)partition);

	queue = assigned->queue;
	kqueue_change_begin(queue);
	if (!assigned->is_paused)
		code = stop(assigned, err);
	kqueue_remove(queue, assigned);
	kqueue_change_end(queue);
	assigned_free(assigned);
	return code;
}

enum err_code
kconsumer_pause(struct kconsumer *consumer, const char *topic,
                int32_t partition, bool pause, struct err *err)
{
	struct assigned *assigned;
	enum err_code code = ERR_OK;

	CHECK_MAGIC(consumer, KCONSUMER_MAGIC);
	assigned = find_locked(consumer, topic, partition);
	if (assigned == NULL)
		return err_set(err, ERR_NOT_FOUND,
		               "topic %s partition %d is not assigned", topic,
		               (int)partition);
	kqueue_change_begin(assigned->queue);
	if (assigned->is_paused != pause) {
		code = pause ? stop(assigned, err) : start(assigned, err);
		if (code == ERR_OK)
			assigned->is_paused = pause;
	}
	kqueue_change_end(assigned->queue);
	return code;
}

void
kconsumer_cluster_id(struct kconsumer *consumer, char *out, size_t size)
{
	rd_kafka_t *rk = consumer->klib.rk;
	char *id;

	CHECK_MAGIC(consumer, KCONSUMER_MAGIC);
	id = rd_kafka_clusterid(rk, 0);
	snprintf(out, size, "%s", id == NULL ? "" : id);
	if (id != NULL)
		rd_kafka_mem_free(rk, id);
}

enum err_code
kconsumer_watermarks(struct kconsumer *consumer, const char *topic,
                     int32_t partition, int64_t timeout_ms, int64_t *out_low,
                     int64_t *out_high, struct err *err)
{
	int64_t low = RD_KAFKA_OFFSET_INVALID, high = RD_KAFKA_OFFSET_INVALID;

	CHECK_MAGIC(consumer, KCONSUMER_MAGIC);
	if (timeout_ms > 0)
		return kreader_watermarks(&consumer->klib, topic, partition,
		                          timeout_ms, out_low, out_high, err);
	(void)rd_kafka_get_watermark_offsets(consumer->klib.rk, topic,
	                                     partition, &low, &high);
	if (high < 0)
		return err_set(err, ERR_NOT_FOUND,
		               "topic %s partition %d: nothing was heard of it",
		               topic, (int)partition);
	*out_low = low < 0 ? 0 : low;
	*out_high = high;
	return ERR_OK;
}

void
kconsumer_commit(struct kconsumer *consumer, const char *topic,
                 int32_t partition, int64_t next_offset)
{
	rd_kafka_topic_partition_t *entry;

	CHECK_MAGIC(consumer, KCONSUMER_MAGIC);
	CHECK(next_offset >= 0);
	thread_lock(&consumer->lock);
	entry = rd_kafka_topic_partition_list_find(consumer->commits, topic,
	                                           partition);
	if (entry == NULL)
		entry = rd_kafka_topic_partition_list_add(consumer->commits,
		                                          topic, partition);
	entry->offset = next_offset;
	if (klib_left_ms(consumer->committed_ms + KCONSUMER_COMMIT_MS) == 0)
		commits_send(consumer);
	thread_unlock(&consumer->lock);
}
