/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where messages come from, as the journal numbers it (table source): an
 * input partition of Kafka now; a REST principal, a file, a plan later.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct feed;
struct pgconn;

#define SOURCE_TOPIC_MAX 256

struct source {
	int32_t id; /* in table source */
	int32_t partition;
	int64_t next; /* the next offset to read; -1: nothing was read yet */
	char topic[SOURCE_TOPIC_MAX];
};

/* The id of an input partition, made on first sight. cluster_id is Kafka's
   own id of the cluster, "" when it cannot be asked. */
enum err_code
source_take(struct pgconn *conn, const struct feed *feed,
            const char *cluster_id, int partition, int32_t *out_id,
            struct err *err) ERR_MUST_CHECK;

/* Kafka no longer has wanted, but only what is from low on (-1: it did not
   say); the partition waits for a person. */
enum err_code
source_record_gap(struct pgconn *conn, int32_t source_id, int lane,
                  int64_t wanted, int64_t low, const char *reason,
                  struct err *err) ERR_MUST_CHECK;
