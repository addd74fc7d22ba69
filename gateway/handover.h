/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a daemon writes to another that owns a lane, and what comes back: parts
 * of submissions, judged already, and the outcome of each. All numbers in
 * network order; bytes and text have their length before them, -1: null.
 *
 *   request  uint32 HANDOVER_REQUEST, int32 ms to wait, int32 count, parts
 *   part     int32 length of what follows, text tenant, text feed, int32 its
 *            partitions, int32 origin, int32 principal, int32 source, text
 *            file, int32 count, items
 *   item     bytes key, body, headers, dedup id, int32 partition, int32
 *            contract, int64 event time, int64 source's offset, int64 version,
 *            int32 verdict, int32 count, violations
 *   answer   uint32 HANDOVER_ANSWER, int32 count, outcomes
 *   outcome  int32 enum submission_outcome, where recorded: int32 count, items
 *            (int32 verdict, int32 incarnation, int64 seq, int32 of_lane, int32
 *            of_incarnation, int64 of_seq, int32 of_rejected)
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/submission.h"

struct deployment;
struct text;

#define HANDOVER_REQUEST     0x57425031u
#define HANDOVER_ANSWER      0x57424131u
#define HANDOVER_PARTS_MAX   1000
#define HANDOVER_BYTES_MAX   (64 * 1024 * 1024)
#define HANDOVER_WAIT_MS_MAX 60000

/* Reads forward; once it has failed it stays so. */
struct handover_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool has_failed;
};

void
handover_write_request(struct text *out, int64_t wait_ms, size_t count);
void
handover_write_part(struct text *out, const struct submission_part *part);

/* False: it is none, or not within the limits above. */
bool
handover_read_request(struct handover_reader *reader, int64_t *out_wait_ms,
                      size_t *out_count);

/* A part as a submission of its own, which borrows nothing: SUBMISSION_WAITING,
   and *out is to be sent, with its one lane. SUBMISSION_STALE: this deployment
   would judge or split it otherwise. A part that cannot be read: the reader has
   failed. */
enum submission_outcome
handover_read_part(struct handover_reader *reader,
                   const struct deployment *deployment, int lane,
                   struct submission **out);

void
handover_write_answer(struct text *out, size_t count);
/* submission NULL: nothing but the outcome. */
void
handover_write_outcome(struct text *out, enum submission_outcome outcome,
                       const struct submission *submission);

bool
handover_read_answer(struct handover_reader *reader, size_t count);

/* Of the next part; results of what is recorded are written into its items by
   handover_take_results only, since they are others' until it is settled.
   SUBMISSION_UNKNOWN: it cannot be read. */
enum submission_outcome
handover_read_outcome(struct handover_reader *reader,
                      const struct submission_part *part,
                      struct handover_reader *out_results);
void
handover_take_results(struct handover_reader *results,
                      const struct submission_part *part);
