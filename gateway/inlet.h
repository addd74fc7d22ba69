/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An input partition of a lane: where it is read on, and whether what Kafka
 * has there still is what was recorded. Owner's thread only (the lane's
 * recorder).
 *
 * A topic that was deleted and made anew, and another cluster behind the same
 * name, have offsets that mean nothing here. So a partition that was read
 * before is not trusted, when it is started and whenever its cluster or its
 * topic was away meanwhile: reading begins one record early, at the last one
 * that was recorded, and that is compared with the journal, by hash.
 *
 *	same        the cluster is the one it was, whatever id it has now
 *	other       a source gap: nothing more is taken
 *	not there   (retention or compaction took it, or the journal's day was
 *	            dropped) trusted all the same, unless the cluster has
 *	            another id than before or the source has a gap already:
 *	            then a source gap
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/io/kconsumer.h"
#include "base/model/source.h"
#include "base/runtime/err.h"
#include "base/runtime/log.h"

struct digest;
struct feed;
struct message;

#define INLET_NAME_MAX 128

enum inlet_state {
	INLET_STOPPED,   /* not read */
	INLET_COMPARING, /* what comes first tells whether it is the same */
	INLET_TRUSTED,   /* what comes is taken */
	INLET_DOUBTED,   /* nothing is taken until it was started again */
	INLET_GAP,       /* waits for a person */
};

struct inlet {
	struct source source;
	const struct feed *feed; /* of the snapshot that is followed */
	char cluster[INLET_NAME_MAX], tenant[INLET_NAME_MAX],
		name[INLET_NAME_MAX];
	int lane;
	enum inlet_state state;
	struct kconsumer *consumer; /* NULL: not assigned */
	struct kqueue *queue;
	struct source_standing standing; /* of the record before source.next */
	bool is_wanted;
	bool is_moved;      /* its cluster is to be opened anew */
	bool touched;       /* in the batch under way */
	bool moved;         /* since the last commit of offsets */
	bool wants_confirm; /* source_confirm is to be called */
	bool gap_recorded;
	bool gap_is_known; /* gap_text says all: Kafka need not be asked */
	char gap_text[KQUEUE_ERROR_TEXT_MAX];
	char trouble[KQUEUE_ERROR_TEXT_MAX]; /* "": it can be read */
	int64_t trouble_us;                  /* since when */
	int64_t end; /* where its end was met last; -1: not yet */
};

struct log_scope
inlet_scope(const struct inlet *inlet);

/* Whether standing is to be filled anew before inlet_start. */
bool
inlet_wants_standing(const struct inlet *inlet);

/* Starts it, if it is stopped or doubted. */
enum err_code
inlet_start(struct inlet *inlet, struct kconsumer *consumer,
            struct kqueue *queue, struct err *err) ERR_MUST_CHECK;

/* NULL consumer: nothing. */
void
inlet_stop(struct inlet *inlet);

/* Its cluster or its topic was away. */
void
inlet_doubt(struct inlet *inlet);

/* It cannot be read now, for this reason, until it is heard. True: that is
   new. */
bool
inlet_trouble(struct inlet *inlet, const char *why);

/* As its queue tells it (kqueue_each_end). */
void
inlet_hear_end(void *inlet, int64_t end, void *context);

struct batch;
/* Headers beyond the limit are not recorded, nor is the message accepted. */
void
inlet_refuse_headers(struct batch *batch, struct message *message,
                     size_t bytes_max);

/*
 * Whether a message, filled from what Kafka gave, is to be taken; else it is
 * to be dropped. To be called in the order of arrival; where it is not trusted
 * the message is changed.
 */
bool
inlet_admits(struct inlet *inlet, struct message *message,
             struct digest *digest);

/* Kafka does not have the offset that was asked for. */
void
inlet_out_of_range(struct inlet *inlet, const char *text);

struct pgconn;
/* Writes to the journal what was found since: gap or confirmation. */
enum err_code
inlet_write_down(struct inlet *inlet, struct pgconn *conn,
                 struct err *err) ERR_MUST_CHECK;
