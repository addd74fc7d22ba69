/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reads recorded batches back, commit by commit, for a forwarder that starts,
 * or has fallen behind what memory holds. Owner's thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/digest.h"
#include "base/runtime/err.h"

struct batch;
struct deployment;
struct journal_reader;
struct pgconn;

/* conn is borrowed and outlives the reader; it is used outside a pipeline. */
struct journal_reader *
journal_reader_new(struct pgconn *conn, int lane, int incarnation);

/* After all batches that it gave have been freed. */
void
journal_reader_free(struct journal_reader **reader);

/* The next batch is the one behind seq (0: the first of the incarnation). */
void
journal_reader_seek(struct journal_reader *reader, int64_t seq);

/*
 * *out is NULL where nothing more is recorded. Messages borrow from the rows
 * that the batch holds. ERR_NOT_FOUND: a feed of it is not in the deployment
 * (any more). ERR_INVALID: a row is not what this program writes.
 */
enum err_code
journal_reader_next(struct journal_reader *reader,
                    const struct deployment *deployment, struct batch **out,
                    struct err *err) ERR_MUST_CHECK;

/* The first message that the journal still has of a lane, in whatever
   incarnation; the next one that will be recorded where it has none. Not 1-1
   where days were dropped. */
enum err_code
journal_reader_oldest(struct pgconn *conn, int lane, int *out_incarnation,
                      int64_t *out_seq, struct err *err) ERR_MUST_CHECK;

/* The chain behind seq, the last one of a commit. ERR_NOT_FOUND: no commit
   of this incarnation ends there. */
enum err_code
journal_reader_chain(struct journal_reader *reader, int64_t seq,
                     uint8_t out_chain[DIGEST_SHA256_LEN],
                     struct err *err) ERR_MUST_CHECK;
