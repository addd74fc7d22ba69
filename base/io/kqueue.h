/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a consumer needs to know of its queues, and they of it. Private to
 * base/io/k*.c.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/io/kconsumer.h"
#include "base/io/klib.h"
#include "base/runtime/thread.h"

/* One assigned partition. Its queue's lock guards all but what never
   changes. */
struct assigned {
	struct assigned *next; /* of the consumer; the consumer's lock */
	rd_kafka_topic_t *rkt;
	char *topic;
	int32_t partition;
	void *opaque;
	struct kqueue *queue;
	int64_t position; /* of the next message to hand out */
	int64_t end;      /* where the partition's end was met last, or -1 */
	bool is_paused;
};

/* What is a queue's of its consumer. */
void
kconsumer_serve(struct kconsumer *consumer);
struct klib *
kconsumer_klib(struct kconsumer *consumer);
void
kconsumer_count_queues(struct kconsumer *consumer, int delta);

/*
 * A change of which partitions a queue has, and of their positions. consume
 * of a batch is not safe next to a stop: the poll is called back, and waits
 * until the change is done.
 */
void
kqueue_change_begin(struct kqueue *queue);
void
kqueue_change_end(struct kqueue *queue);

/* Within a change. */
void
kqueue_add(struct kqueue *queue, struct assigned *assigned);
void
kqueue_remove(struct kqueue *queue, struct assigned *assigned);
rd_kafka_queue_t *
kqueue_of_library(struct kqueue *queue);

/* klib's hear: an error that came by a queue of this client. */
void
kqueue_hear(struct klib *klib, rd_kafka_resp_err_t error, const char *reason);

/* The message as it is handed out; opaque is NULL. */
void
kmessage_fill(struct kmessage *out, rd_kafka_message_t *message);
