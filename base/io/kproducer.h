/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A transactional, idempotent producer with explicit partitions. Every
 * delivery report is counted: a transaction in which any message failed must
 * be aborted, since an ignored produce error commits without its message.
 * Any unclear result leaves one way: kproducer_close, then recovery.
 * Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/kcluster.h"
#include "base/runtime/err.h"

struct kproducer;
struct ktopic; /* a topic of one producer */

/* transactional_id NULL: idempotent only (tests, tools). Defaults: acks=all,
   enable.idempotence, linger.ms 0, large batches; see the reference page. */
enum err_code
kproducer_open(const struct kcluster_options *options,
               const char *transactional_id, struct kproducer **out,
               struct err *err) ERR_MUST_CHECK;

/* Does not wait for what is in flight: its outcome is unknown. */
void
kproducer_close(struct kproducer **producer);

/* Fences earlier owners of the transactional id, aborts what dangled.
   ERR_KAFKA_DOWN, ERR_TIMEOUT (call again), ERR_KAFKA_FENCED. */
enum err_code
kproducer_init_transactions(struct kproducer *producer, int64_t timeout_ms,
                            struct err *err) ERR_MUST_CHECK;

/* Lives as long as the producer. */
struct ktopic *
kproducer_topic(struct kproducer *producer, const char *topic);

/* -- a transaction -------------------------------------------------------- */

enum err_code
kproducer_begin(struct kproducer *producer, struct err *err) ERR_MUST_CHECK;

struct kheader {
	const char *name;
	const void *value; /* NULL: null */
	int32_t value_len;
};

struct ksend {
	struct ktopic *topic;
	int32_t partition;
	const void *key;  /* NULL: null key */
	const void *body; /* NULL: tombstone */
	int32_t key_len;
	int32_t body_len;
	int64_t time_ms; /* 0: now */
	const struct kheader *headers;
	size_t header_count;
	/* Where the delivery report puts the offset: it must live until the
	   transaction ends. -1: delivered, offset not told. NULL: not wanted. */
	int64_t *out_offset;
	bool copy; /* key and body are copied; else they must live until the
	              transaction ends */
};

/* Waits while the local queue is full. ERR_KAFKA_PERMANENT (too large, not
   authorized ...), ERR_KAFKA_TOPIC (it or its partition is not there),
   ERR_KAFKA_FENCED, ERR_KAFKA. Which message is to blame, an earlier one maybe,
   is what kproducer_flush tells. */
enum err_code
kproducer_send(struct kproducer *producer, const struct ksend *send,
               struct err *err) ERR_MUST_CHECK;

/* What the first failed message failed with. */
struct kproducer_failure {
	enum err_code code;
	const int64_t *out_offset; /* of its ksend: tells which message */
	char text[256];
};

/*
 * Waits until each message has its delivery report. ERR_OK: sent = delivered.
 * A failed message: its code, and *out_failure; in a transaction at once, with
 * reports outstanding. ERR_TIMEOUT: unknown.
 */
enum err_code
kproducer_flush(struct kproducer *producer, int64_t timeout_ms,
                struct kproducer_failure *out_failure,
                struct err *err) ERR_MUST_CHECK;

/* CHECKs that all sends of the transaction were delivered. ERR_KAFKA_UNKNOWN:
   close and recover. ERR_KAFKA_FENCED. ERR_KAFKA: abort it. */
enum err_code
kproducer_commit(struct kproducer *producer, int64_t timeout_ms,
                 struct err *err) ERR_MUST_CHECK;

/* Gives up what is in flight. ERR_KAFKA_UNKNOWN, ERR_KAFKA_FENCED: close and
   recover. After a failed message the next transaction may fail once more,
   with ERR_KAFKA: librdkafka finds the gap in its numbers only then. */
enum err_code
kproducer_abort(struct kproducer *producer, int64_t timeout_ms,
                struct err *err) ERR_MUST_CHECK;

/* Without a transaction (transactional_id NULL): sends, then flush. */

int64_t
kproducer_sent_count(const struct kproducer *producer); /* of this one */
