/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A message to be produced, good or spoiled, and the ten ways to spoil one.
 * Each way can be seen by a check of size, framing, structure, text and key
 * alone; a misrouted message is not spoiled: it is sound, on a partition that
 * its key does not say.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "examples/orange-juice/oj_feed.h"
#include "examples/orange-juice/oj_random.h"

enum oj_kind {
	OJ_KIND_GOOD,
	OJ_KIND_TOMBSTONE, /* good, too: the item leaves the store */
	OJ_KIND_MISROUTED,
	OJ_KIND_TRUNCATED, /* the first of the spoiled */
	OJ_KIND_OVERSIZED,
	OJ_KIND_WRONG_SCHEMA,
	OJ_KIND_WRONG_TENANT,
	OJ_KIND_WRONG_KEY,
	OJ_KIND_GARBAGE,
	OJ_KIND_INVALID_UTF8,
	OJ_KIND_BAD_INDEX,
	OJ_KIND_TRAILING_BYTES,
	OJ_KIND_FORBIDDEN_TOMBSTONE,
	OJ_KINDS,
	OJ_KINDS_SPOILED = OJ_KINDS - OJ_KIND_TRUNCATED,
};

struct oj_message {
	enum oj_feed_id feed;
	enum oj_kind kind;
	bool body_null;
	int32_t partition_shift; /* added to the key's partition */
	size_t key_size;
	uint8_t key[OJ_FEED_KEY_BYTES_MAX];
	struct oj_avro body;
};

/* As it is written in ledgers and summaries: "wrong-key". */
const char *
oj_message_kind_name(enum oj_kind kind);

void
oj_message_good(struct oj_message *message, enum oj_feed_id feed,
                const struct oj_week *week);
void
oj_message_tombstone(struct oj_message *message, enum oj_feed_id feed,
                     const struct oj_week *week);

/* Whether a message of this feed can be spoiled in this way. */
bool
oj_message_can_spoil(enum oj_feed_id feed, enum oj_kind kind);

/* A message of the feed, spoiled in this way. */
void
oj_message_spoiled(struct oj_message *message, enum oj_feed_id feed,
                   enum oj_kind kind, const struct oj_week *week,
                   struct oj_random *random);
