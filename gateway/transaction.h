/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One Kafka transaction of a route: whole recorded batches and the progress
 * record that counts them, all or nothing. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "gateway/parking.h"

struct batch;
struct feed;
struct kproducer;
struct parcel;

#define TRANSACTION_BATCHES_MAX 64

struct transaction {
	struct kproducer *producer;
	struct parcel *parcel;
	const char *deployment;
	struct parking *parking; /* feeds that are left out */
	const struct feed *only; /* the only feed sent (unparking); or NULL */
	const char *cluster;     /* feeds that do not go there are left out */
	struct batch *batches[TRANSACTION_BATCHES_MAX]; /* borrowed */
	int64_t *offsets[TRANSACTION_BATCHES_MAX];      /* owned; per message */
	size_t batch_count;
	size_t message_count; /* of the batches */
	size_t bytes;
	int64_t sent_count; /* messages that left, without the progress */
	int64_t progress_offset;
};

void
transaction_init(struct transaction *transaction);

/* Forgets the batches; frees the offsets. */
void
transaction_reset(struct transaction *transaction);

void
transaction_add(struct transaction *transaction, struct batch *batch);

/* What made a transaction fail for good: the message at fault. */
struct transaction_fault {
	const struct feed *feed; /* NULL: not one message's fault */
	int64_t seq;
};

/*
 * begin, the messages, the progress record, flush, commit. ERR_OK: committed;
 * offsets[b][m] is set, or DELIVERY_NONE. ERR_KAFKA_PERMANENT or
 * ERR_KAFKA_TOPIC with out_fault->feed: aborted; park the feed. ERR_KAFKA:
 * aborted, the same may work later. Other codes: the outcome is unknown, or
 * somebody else is the owner: close the producer, recover.
 */
enum err_code
transaction_run(struct transaction *transaction,
                const struct progress *progress,
                struct transaction_fault *out_fault,
                struct err *err) ERR_MUST_CHECK;
