/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where on a cluster each message of a batch ended up (tables delivery and
 * delivery_range). Written behind the Kafka transaction, without waiting for
 * the disk: what is lost with a crash is a suffix, and is filled in again
 * from the headers of the topics' tails. Owner's thread only.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct batch;
struct delivery;
struct pgconn;

/* An offset that is not one. */
#define DELIVERY_NONE    (-2) /* this message did not go there */
#define DELIVERY_UNKNOWN (-1) /* delivered, its offset was not told */

/* conn is borrowed; between send and wait it is in a pipeline. */
struct delivery *
delivery_new(struct pgconn *conn, const char *cluster);

void
delivery_free(struct delivery **delivery);

/* Sends the rows of batches, of which each has offsets[i][message]. */
enum err_code
delivery_send(struct delivery *delivery, struct batch *const *batches,
              int64_t *const *offsets, size_t count,
              struct err *err) ERR_MUST_CHECK;

/* Reads the answers to what was sent; ERR_OK where nothing was. */
enum err_code
delivery_wait(struct delivery *delivery, struct err *err) ERR_MUST_CHECK;

/* The end of the last commit of the lane that has delivery rows for this
   cluster; 0: none. */
enum err_code
delivery_last_seq(struct delivery *delivery, int lane, int incarnation,
                  int64_t *out_seq, struct err *err) ERR_MUST_CHECK;

/* The last offset known of what a lane delivered to a partition (a dead-letter
   partition has messages of many lanes); -1: none. */
enum err_code
delivery_last_offset(struct delivery *delivery, int lane, const char *topic,
                     int partition, int64_t *out_offset,
                     struct err *err) ERR_MUST_CHECK;
