/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a producer gets back: a receipt for each message, as JSON, and how many
 * there are of each kind. A receipt's level says how far the message is known
 * to be: "recorded" (durable), "forwarded" (on every cluster that should have
 * it), "refused" (surely not recorded), "unknown".
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct submission;
struct text;
struct violation;

enum receipt_kind {
	RECEIPT_ACCEPTED,
	RECEIPT_REJECTED,
	RECEIPT_DUPLICATE,
	RECEIPT_CONFLICT,
	RECEIPT_REFUSED,
	RECEIPT_UNKNOWN,
	RECEIPT_KIND_COUNT
};

const char *
receipt_kind_name(enum receipt_kind kind);

/* Of one message of a request. */
struct receipt {
	enum receipt_kind kind;
	bool of_rejected; /* a duplicate of what was rejected: no success */
	bool is_stale; /* refused, since the contract has changed meanwhile */
	/* where it was recorded */
	int lane, incarnation;
	int64_t seq;
	int of_lane, of_incarnation; /* of_seq 0: it repeats none */
	int64_t of_seq;
	int32_t partition;
	uint16_t violation_count;
	const struct violation *violations; /* the submission's */
};

struct receipt_counts {
	size_t of[RECEIPT_KIND_COUNT];
	size_t of_rejected; /* duplicates of what was rejected */
};

/* Once the submission is done: into receipts[indexes[i]] for the i-th message
   (indexes NULL: receipts[i]). How many are stale. */
size_t
receipt_take(const struct submission *submission, const uint32_t *indexes,
             struct receipt *receipts);

void
receipt_count(const struct receipt *receipts, size_t count,
              struct receipt_counts *out);

struct receipt_options {
	bool forwarded; /* the level of what is accepted */
	bool only_bad;  /* receipts of what is neither accepted nor a duplicate,
	                   with their index; and the ids of what is, as ranges */
};

/* "receipts":[...],"counts":{...} and, where only_bad, "recorded":[...]:
   members of an object without its braces. */
void
receipt_print_all(const struct receipt *receipts, size_t count,
                  const struct receipt_counts *counts,
                  const struct receipt_options *options, struct text *out);

/* [...]: also where something else knows the receipt. */
void
receipt_print_violations(const struct violation *violations, size_t count,
                         struct text *out);
