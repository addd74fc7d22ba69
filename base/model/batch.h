/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What one turn of the road carries: messages of one lane, first in the order
 * of arrival, after batch_group ordered by feed and origin (arrival order kept
 * within each) and cut into blocks. A batch is made by the recorder, or read back
 * from the journal; forwarders share it and the last one frees it.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/message.h"
#include "base/runtime/arena.h"
#include "base/runtime/digest.h"

struct deployment;
struct pgrows;
struct submission_part;

/* One row of the journal: messages of one feed and origin, consecutive in the
   batch. */
struct block {
	const struct feed *feed;
	int16_t origin;
	size_t first; /* index of its first message in the batch */
	size_t count;
	int64_t first_seq;
	uint8_t salt[32];
	uint8_t *hashes; /* count * DIGEST_SHA256_LEN, in the batch's arena */
	int32_t day;     /* since 1970-01-01, once recorded; else 0 */
};

/* Where reading a source goes on once the batch is recorded. */
struct position {
	int32_t source_id;
	int64_t next;
};

struct batch {
	atomic_int references;
	struct arena arena;
	const struct deployment *deployment; /* referenced: feeds live in it */
	struct message *messages;
	size_t count;
	size_t count_max;
	size_t bytes;          /* of keys, bodies and headers */
	struct kmessage *held; /* Kafka messages to release at the end */
	size_t held_count;
	struct submission_part **parts; /* see batch_part.h */
	size_t part_count;
	size_t part_size;
	struct pgrows **rows; /* rows of the journal to free at the end */
	size_t row_count;
	struct block *blocks;
	size_t block_count;
	struct position *positions; /* in the arena */
	size_t position_count;
	bool positions_full; /* of all sources of the lane, not only changed */

	/* The journal commit, once the lane has assigned it. */
	int lane;
	int incarnation;
	int64_t commit_no;
	int64_t first_seq;
	int64_t last_seq;
	uint8_t chain[DIGEST_SHA256_LEN]; /* behind this batch */
	int64_t recorded_ms; /* wall clock; the record time of what leaves */
};

/* One reference, the caller's. */
struct batch *
batch_new(const struct deployment *deployment, size_t count_max);

struct batch *
batch_ref(struct batch *batch);

/* Any thread; clears the pointer; the last one frees. */
void
batch_unref(struct batch **batch);

/* Takes over the Kafka message; returns the new, zeroed message. */
struct message *
batch_add(struct batch *batch, const struct kmessage *held);

/* Orders by feed and origin, cuts into blocks of at most block_messages_max and
   block_bytes_max (one larger message is a block of its own). */
void
batch_group(struct batch *batch, size_t block_messages_max,
            size_t block_bytes_max);

/* Assigns seq from first_seq on, over the blocks, also to what references by
   tag mean; then hashes and chain as docs/journal-format.md says. chain: of
   the commit before. Again where the batch was not recorded. */
void
batch_seal(struct batch *batch, int lane, int incarnation, int64_t commit_no,
           int64_t first_seq, const uint8_t chain[DIGEST_SHA256_LEN],
           struct digest *digest);

/* The block that holds a message of this batch. */
const struct block *
batch_block_of(const struct batch *batch, size_t message_index);
