/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where messages come from, as the journal numbers it (table source): an
 * input partition of Kafka now; a REST principal, a file, a plan later.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/message.h"
#include "base/runtime/digest.h"
#include "base/runtime/err.h"

struct feed;
struct pgconn;

#define SOURCE_TOPIC_MAX      256
#define SOURCE_CLUSTER_ID_MAX 128

struct source {
	int32_t id; /* in table source */
	int32_t partition;
	int64_t next; /* the next offset to read; -1: nothing was read yet */
	char topic[SOURCE_TOPIC_MAX];
};

/* The number of an input partition, made on first sight. cluster_id is Kafka's
   own id of the cluster, "" when it is not known yet. It does not change the
   number: whether the topic is still the same is told by source_recall. */
enum err_code
source_take(struct pgconn *conn, const struct feed *feed,
            const char *cluster_id, int partition, int32_t *out_id,
            struct err *err) ERR_MUST_CHECK;

/*
 * What the journal knows of a source, and of the message that it has of one
 * offset of it: enough to tell whether a record of Kafka is that message.
 */
struct source_standing {
	int32_t source_id;
	int64_t offset;                         /* -1: none is asked for */
	char cluster_id[SOURCE_CLUSTER_ID_MAX]; /* "": was never known */
	bool has_gap;
	bool has_record; /* the journal still has that message: as follows */
	int lane;
	int incarnation;
	int64_t seq;
	int32_t contract;
	enum verdict verdict;
	uint8_t salt[MESSAGE_SALT_BYTES];
	uint8_t hash[DIGEST_SHA256_LEN];
};

/* Fills what is behind source_id and offset, of all of them at once. */
enum err_code
source_recall(struct pgconn *conn, struct source_standing *standings,
              size_t count, struct err *err) ERR_MUST_CHECK;

/* Whether message, as it came from Kafka, is the one that was recorded: its
   hash is that of the journal. Sets what the journal assigned to it. */
bool
source_is_recorded(const struct source_standing *standing,
                   struct message *message, struct digest *digest);

/* Kafka's records are those that were recorded: cluster_id ("": not known) is
   the source's from now on, and it has no gap any more. */
enum err_code
source_confirm(struct pgconn *conn, int32_t source_id, const char *cluster_id,
               struct err *err) ERR_MUST_CHECK;

/* The id of what has no topic: a file by its digest in hexadecimal, or name
   NULL: REST. kind is of enum message_origin. */
enum err_code
source_take_own(struct pgconn *conn, int kind, const char *name,
                const struct feed *feed, int32_t *out_id,
                struct err *err) ERR_MUST_CHECK;

/* Kafka no longer has wanted, but only what is from low on (-1: it did not
   say); the partition waits for a person. */
enum err_code
source_record_gap(struct pgconn *conn, int32_t source_id, int lane,
                  int64_t wanted, int64_t low, const char *reason,
                  struct err *err) ERR_MUST_CHECK;
