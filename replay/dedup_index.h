/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The dedup ids that a lane has recorded in its window: exact, never
 * guessing. Says of each message with an id whether it is the first, repeats
 * one, contradicts one, or cannot be told because there is no room.
 *
 * It knows nothing of contracts: what an id is made of (a producer's word
 * today, a field, a content, a producer's sequence) is decided before, and
 * arrives here as a hash. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/recent.h"

struct digest;

enum dedup_answer {
	DEDUP_FIRST, /* remembered from now on */
	DEDUP_DUPLICATE,
	DEDUP_CONFLICT,
	DEDUP_FULL, /* it may be new or not: not to be recorded */
};

/* The message that had the id before. */
struct dedup_first {
	int32_t incarnation; /* 0: seq is the tag of one of the same batch */
	int64_t seq;
	bool is_rejected;
};

struct dedup_message {
	struct recent_hash id;
	uint64_t content;
	bool is_rejected;
	uint32_t tag;
};

/* Lengths are -1 for nothing, as in struct message. */
struct dedup_content {
	const uint8_t *key, *headers, *body;
	int32_t key_len, headers_len, body_len;
};
uint64_t
dedup_index_hash_content(struct digest *digest,
                         const struct dedup_content *content);

/* As the journal has it in front of an id: 8 bytes. */
uint64_t
dedup_index_read_content(const uint8_t *bytes);

/*
 * The entries are recent's: its time, batches, seqs and bounds (see there).
 * *out_first is set for a duplicate and for a conflict. A first one that was
 * rejected stands in nobody's way: what is not rejected, or has another
 * content, takes its place.
 */
enum dedup_answer
dedup_index_judge(struct recent *index, const struct dedup_message *message,
                  struct dedup_first *out_first);

/* One that the journal has, in the order of seq. Duplicates and conflicts are
   no firsts: they are not loaded. */
void
dedup_index_load(struct recent *index, const struct dedup_message *message,
                 const struct dedup_first *itself, int64_t minute);
