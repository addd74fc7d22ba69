/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Messages that do not come from Kafka, on their way into the lanes: one
 * request, or one piece of a file. Whoever makes a submission fills its
 * items, judged by the feed's contract, and sends it; it is split into parts
 * by lane, each lane takes its part whole into one batch, and when the outcome
 * of every part is known, done is called, once. A timer of the maker's bounds
 * the wait: submission_give_up.
 *
 * Thread: the maker's until submission_send, then nobody's until done is
 * called: the lanes write the results, and borrow the bytes as long as they
 * hold a reference. submission_give_up, _ref, _unref: any thread.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/message.h"
#include "base/runtime/arena.h"

struct deployment;
struct feed;
struct violation;

/* A lane takes a part whole into one batch: more is for the maker to cut. */
#define SUBMISSION_ITEMS_MAX 10000
#define SUBMISSION_BYTES_MAX (16 * 1024 * 1024)

enum submission_outcome {
	SUBMISSION_WAITING,  /* offered, not yet taken */
	SUBMISSION_TAKEN,    /* in a batch: it can no longer be taken back */
	SUBMISSION_SETTLING, /* a lane is writing down its outcome */
	SUBMISSION_RECORDED, /* durable: verdict and seq are set */
	SUBMISSION_REFUSED,  /* surely not recorded: try again */
	SUBMISSION_STALE,    /* judged by a contract that is not in force, or
	                        the feed has changed: prepare it again */
	SUBMISSION_UNKNOWN,  /* nobody knows yet: retry with the same id */
};

/* One message; all zero but for the lengths, which are -1 for nothing, as in
   struct message. */
struct submission_item {
	/* by the maker; bytes live in the submission's arena, or longer */
	const uint8_t *key, *body, *headers, *dedup_id;
	int32_t key_len, body_len, headers_len;
	int32_t dedup_id_len; /* 0: none */
	int32_t partition;
	int32_t contract; /* id of the contract that judged it */
	int64_t event_time_ms;
	int64_t source_offset; /* file: number of the record; else 0 */
	int64_t version;       /* as in struct message; or
	                          MESSAGE_VERSION_NONE */
	const struct violation *violations;
	uint16_t violation_count;
	uint8_t verdict; /* enum verdict: accepted or rejected */

	/* by the lane, where the outcome is SUBMISSION_RECORDED; verdict may
	   then also say duplicate or conflict */
	int lane, incarnation;
	int64_t seq;
	int of_lane, of_incarnation; /* of which message; of_seq 0: of none */
	int64_t of_seq;
	bool of_rejected; /* duplicate: of a message that was rejected */

	struct submission_part *part; /* by submission_send */
};

/* What of a submission goes to one lane. */
struct submission_part {
	struct submission *submission;
	struct submission_part *next; /* for whoever holds it */
	const uint32_t *items;        /* indexes, in the maker's order */
	size_t count;
	size_t bytes; /* of keys, bodies and headers */
	int lane;
	atomic_int outcome; /* enum submission_outcome */
};

struct submission {
	atomic_int references;
	struct arena arena;
	const struct deployment *deployment; /* referenced; feed lives in it */
	const struct feed *feed;
	int16_t origin;    /* MESSAGE_ORIGIN_REST or _FILE */
	int32_t principal; /* who sends it; 0: nobody is known */
	int32_t source_id; /* of table source: source_take_own */
	const char *file;  /* its digest in hexadecimal; NULL: no file */
	struct submission_item *items;
	size_t count;
	/* Once, on any thread, also within submission_send; must not block. */
	void (*done)(struct submission *submission, void *context);
	void *context;

	/* by submission_send */
	struct submission_part *parts;
	size_t part_count;
	atomic_int unsettled;
};

/* Who takes in parts. offer: SUBMISSION_WAITING, and the reference on the
   submission that comes with the part is the taker's; any other outcome: the
   part is not taken, and that is its outcome. Any thread; never blocks. */
struct submission_lanes {
	enum submission_outcome (*offer)(void *context,
	                                 struct submission_part *part);
	void *context;
};

/* One reference, the caller's; items are zeroed, lengths 0. */
struct submission *
submission_new(const struct deployment *deployment, const struct feed *feed,
               size_t count);

struct submission *
submission_ref(struct submission *submission);

/* Clears the pointer; the last one frees. */
void
submission_unref(struct submission **submission);

/* Of keys, bodies and headers. */
size_t
submission_bytes(const struct submission *submission);

/* Splits by lane and offers each part. Once. */
void
submission_send(struct submission *submission,
                const struct submission_lanes *lanes);

/* The deadline has passed: parts that still wait are refused, those that were
   taken are unknown; done is called, unless it was, or a lane is writing the
   last outcome down just now and calls it at once. The caller has a reference
   of its own. */
void
submission_give_up(struct submission *submission);

/* Of an item; final once done was called. */
enum submission_outcome
submission_outcome(const struct submission *submission, size_t index);

/* -- for those who take parts in --------------------------------------------- */

/* waiting -> taken. False: it was given up; drop it. */
bool
submission_take(struct submission_part *part);

/* taken -> waiting: it surely was not recorded and may be taken again. False:
   it was given up; drop it. */
bool
submission_put_back(struct submission_part *part);

/* taken -> settling: the results may be written into the items, then
   submission_settle. False: it was given up. */
bool
submission_begin_settling(struct submission_part *part);

/* taken or settling -> outcome, where it was not given up. */
void
submission_settle(struct submission_part *part,
                  enum submission_outcome outcome);

/* waiting -> outcome, where it was not given up. */
void
submission_refuse(struct submission_part *part,
                  enum submission_outcome outcome);
