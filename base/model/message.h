/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A message on the road. Its bytes are borrowed from whoever holds them (a
 * Kafka message, a row of the journal, an arena) until its batch is freed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/io/kconsumer.h"
#include "base/runtime/digest.h"

struct feed;
struct source;
struct submission_item;
struct violation;

enum verdict {
	VERDICT_ACCEPTED,
	VERDICT_REJECTED,
	VERDICT_DUPLICATE,
	VERDICT_CONFLICT,
};

const char *
message_verdict_name(enum verdict verdict);

/* How it came; as block.origin. */
enum message_origin {
	MESSAGE_ORIGIN_KAFKA,
	MESSAGE_ORIGIN_REST,
	MESSAGE_ORIGIN_FILE,
	MESSAGE_ORIGIN_PLAN,
	MESSAGE_ORIGIN_RECOVERED,
};

/* To which other message one refers, and why. */
enum message_reference_kind {
	MESSAGE_DUPLICATE, /* it repeats that one */
	MESSAGE_CONFLICT,  /* its id is that one's, its content is not */
	MESSAGE_LATE,      /* that one, newer by its version, came before */
};

struct message_reference {
	enum message_reference_kind kind;
	bool by_tag; /* of the message with this tag in the same batch; the
	                rest is known when the batch is sealed */
	uint32_t tag;
	int lane, incarnation;
	int64_t seq;
	bool to_rejected; /* duplicate: that one was rejected */
};

#define MESSAGE_VERSION_NONE INT64_MIN

struct message {
	const struct feed *feed;
	const struct source *source;
	const uint8_t *key;     /* NULL: null key */
	const uint8_t *body;    /* NULL: tombstone */
	const uint8_t *headers; /* in the journal's form; NULL: none */
	int32_t key_len;        /* -1: null key */
	int32_t body_len;       /* -1: tombstone */
	int32_t headers_len;    /* -1: none */
	int32_t partition;      /* of the input, and so of the output */
	int64_t source_offset;
	int64_t event_time_ms;
	int64_t seq;       /* 0: not yet assigned */
	int32_t contract;  /* id of the contract that judged it; 0: none */
	int32_t source_id; /* of table source; 0: none */
	enum verdict verdict;
	uint16_t violation_count;
	int16_t origin;  /* enum message_origin */
	bool misrouted;  /* its partition contradicts its key */
	bool is_refused; /* a stage has no room for it; only with item */
	const struct violation *violations;
	/* Kept with it in the journal. */
	const uint8_t *dedup_id; /* what the producer says identifies it */
	int32_t dedup_id_len;    /* 0: none */
	uint32_t tag;            /* its index in the batch before grouping */
	uint64_t content_hash;   /* of a message with dedup_id */
	int64_t version;         /* in order of the producer's changes to the
	                            key; MESSAGE_VERSION_NONE: not said */
	struct message_reference *reference; /* NULL: none; in the arena */
	struct submission_item *item;        /* NULL: not submitted */
};

#define MESSAGE_SALT_BYTES 16

/* The hash of docs/journal-format.md: of the message as it is, seq and verdict
   included. */
void
message_hash(struct digest *digest, const uint8_t salt[MESSAGE_SALT_BYTES],
             int lane, int incarnation, const struct message *message,
             uint8_t out[DIGEST_SHA256_LEN]);

/* "duplicate", "conflict", "late". */
const char *
message_reference_name(enum message_reference_kind kind);

/* Whether it goes to some topic: duplicates do not. */
static inline bool
message_leaves(const struct message *message)
{
	return message->verdict != VERDICT_DUPLICATE;
}

/* The written form of an id: "lane-incarnation-seq". */
#define MESSAGE_ID_MAX 48
int
message_id_print(char out[MESSAGE_ID_MAX], int lane, int incarnation,
                 int64_t seq);
bool
message_id_parse(const char *text, int *out_lane, int *out_incarnation,
                 int64_t *out_seq);
