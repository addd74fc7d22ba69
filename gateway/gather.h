/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The first step of the road: a lane's input partitions, where to read on in
 * each, and batches out of what has arrived. Owner's thread only (the lane's
 * recorder).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct batch;
struct deployment;
struct door;
struct gather;
struct input;
struct pgconn;

struct gather_options {
	struct input *input;
	struct door *door; /* what does not come by Kafka; or NULL */
	int lane;
	size_t batch_messages;
	size_t batch_bytes;
	size_t headers_bytes; /* of one message; with more it is rejected */
};

#define GATHER_HEADERS_BYTES_MAX (64 * 1024 * 1024)

struct gather *
gather_new(const struct gather_options *options);

/* After the last batch that it gave has been freed. */
void
gather_free(struct gather **gather);

/* Where a source goes on, from the journal; before the first gather_follow. */
void
gather_set_position(int32_t source_id, int64_t next, void *gather);

/*
 * Follows a snapshot: starts to read new partitions of this lane, stops with
 * those that are gone, goes over to a new consumer where a cluster's address or
 * properties have changed, starts anew those whose cluster or topic was away
 * (see inlet.h). What was given before is recorded, or was let go. conn: to
 * number sources that are new. What cannot be assigned now (its cluster is
 * down) is tried again at the next call. The snapshot must live until the next
 * one is followed; on failure the one before is still followed.
 */
enum err_code
gather_follow(struct gather *gather, const struct deployment *deployment,
              struct pgconn *conn, struct err *err) ERR_MUST_CHECK;

/* Whether gather_follow left something to be tried again. */
bool
gather_is_incomplete(const struct gather *gather);

/* The next batch; NULL where nothing arrived within timeout_ms. Kafka and the
   door each get half of it where both have that much. timeout_ms 0 says that
   the batch before is still being recorded: then a few messages at the door
   alone do not make one, they are fewer and larger a moment later. */
struct batch *
gather_next(struct gather *gather, const struct deployment *deployment,
            int64_t timeout_ms);

/* Puts the positions behind the newest batch into it, before it is recorded;
   full: of all sources. */
void
gather_positions(struct gather *gather, struct batch *batch, bool full);

/* Writes to the journal what was found about partitions since the last call:
   those that wait for a person now, and those that are the same again. Between
   batches. */
enum err_code
gather_write_down(struct gather *gather, struct pgconn *conn,
                  struct err *err) ERR_MUST_CHECK;

/* Tells Kafka the recorded offsets, for lag tools only. */
void
gather_commit_offsets(struct gather *gather);

/*
 * Once a second it sets the gauges of the input, else it only returns why some
 * of it cannot be read, for a person ("": all can). Asks nobody.
 */
const char *
gather_look(struct gather *gather);

/* Nothing was gathered for a while: each topic is compared again before more of
   it is taken, at the next gather_follow. */
void
gather_doubt(struct gather *gather);
