/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reads input partitions at positions that the journal knows: manual
 * assignment, no group rebalance, auto-commit off, auto.offset.reset=error
 * (a position that Kafka no longer has is an error, never a jump). One
 * consumer a daemon and cluster; its partitions are forwarded to kqueues, of
 * which each belongs to one lane and is read by that lane's thread only.
 *
 * assign, unassign, pause: any one thread at a time (locked inside).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/kcluster.h"
#include "base/runtime/err.h"

struct kconsumer;
struct kqueue;
struct text;

/* A message that librdkafka holds until kmessage_release. Bytes borrowed. */
struct kmessage {
	void *handle;        /* to release; NULL in kcluster_read */
	void *opaque;        /* as given to kconsumer_assign */
	const uint8_t *key;  /* NULL: null key */
	const uint8_t *body; /* NULL: tombstone */
	int32_t key_len;
	int32_t body_len;
	int32_t partition;
	int64_t offset;
	int64_t time_ms;  /* -1: none */
	bool has_headers; /* then kmessage_headers */
};

#define KQUEUE_ERROR_TEXT_MAX 256

/* What is wrong with one partition, or with all. */
struct kqueue_error {
	enum err_code code; /* ERR_SOURCE_GAP, ERR_KAFKA_TOPIC,
	                       ERR_KAFKA_DOWN, ERR_KAFKA */
	void *opaque;       /* NULL: not about one partition */
	int32_t partition;
	char text[KQUEUE_ERROR_TEXT_MAX];
};

enum err_code
kconsumer_open(const struct kcluster_options *options, bool read_committed,
               struct kconsumer **out, struct err *err) ERR_MUST_CHECK;

/* All kqueues are freed and all messages released before. */
void
kconsumer_close(struct kconsumer **consumer);

struct kqueue *
kqueue_new(struct kconsumer *consumer);

/* Its partitions are unassigned before; messages still in it are dropped. */
void
kqueue_free(struct kqueue **queue);

#define KCONSUMER_EARLIEST (-2)

/* Starts to read at offset. opaque comes back in each message of it.
   ERR_CONFLICT: it is assigned already; unassign it first. */
enum err_code
kconsumer_assign(struct kconsumer *consumer, const char *topic,
                 int32_t partition, int64_t offset, void *opaque,
                 struct kqueue *queue, struct err *err) ERR_MUST_CHECK;

enum err_code
kconsumer_unassign(struct kconsumer *consumer, const char *topic,
                   int32_t partition, struct err *err) ERR_MUST_CHECK;

/* Pausing discards what was prefetched: pause for a second or more. */
enum err_code
kconsumer_pause(struct kconsumer *consumer, const char *topic,
                int32_t partition, bool pause, struct err *err) ERR_MUST_CHECK;

/* Kafka's own id of the cluster as it was heard last, cut to size; "" while
   nothing was heard. Does not wait. */
void
kconsumer_cluster_id(struct kconsumer *consumer, char *out, size_t size);

/* The first offset that is still there and the one behind the last. timeout_ms
   0: as was heard last from fetching, without asking; ERR_NOT_FOUND: nothing
   was. ERR_KAFKA_TOPIC. ERR_KAFKA_DOWN, ERR_TIMEOUT, ERR_KAFKA. */
enum err_code
kconsumer_watermarks(struct kconsumer *consumer, const char *topic,
                     int32_t partition, int64_t timeout_ms, int64_t *out_low,
                     int64_t *out_high, struct err *err) ERR_MUST_CHECK;

/* Offsets for lag tools, under options' group.id; not waited for, and never
   read back by this project. */
void
kconsumer_commit(struct kconsumer *consumer, const char *topic,
                 int32_t partition, int64_t next_offset);

/*
 * Waits up to timeout_ms for the first message, then drains what is there,
 * up to max. Returns the number of messages. Where *out_error has a code other
 * than ERR_OK, an error was met behind those messages.
 */
size_t
kqueue_poll(struct kqueue *queue, int64_t timeout_ms, struct kmessage *out,
            size_t max, struct kqueue_error *out_error);

/*
 * Calls each for the partitions of the queue, with where the end of each was
 * met last by reading; -1: not since it was assigned. While that is -1, and
 * there are no messages, nothing was heard of the partition. each must not
 * call the queue or its consumer.
 */
void
kqueue_each_end(struct kqueue *queue,
                void (*each)(void *opaque, int64_t end, void *context),
                void *context);

/* A poll that waits, or the next one, returns at once. Any thread. */
void
kqueue_wake(struct kqueue *queue);

/* Any thread; in the order taken is fastest. */
void
kmessage_release(struct kmessage *message);

/*
 * Appends the headers in the journal's form: for each, int32 length of the
 * name, the name, int32 length of the value (-1: null), the value; network
 * order; in the order of the message. Nothing where there are none.
 */
void
kmessage_headers(const struct kmessage *message, struct text *out);
