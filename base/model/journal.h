/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The only writer of the journal: one open journal is one lane's connection
 * for recording. A batch is sent (sealed, inserted, COMMIT under way) and
 * then waited for, so that the next one can be gathered meanwhile. At most
 * one is under way.
 *
 * The compare-and-set of the lane row is the first statement of each
 * transaction and raises where another daemon has the lane: nothing that
 * follows it in the pipeline can commit then. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/batch.h"
#include "base/runtime/err.h"

struct journal;

struct journal_options {
	const char *conninfo;
	const char *role; /* or NULL */
	const char *daemon;
	int lane;
	int64_t timeout_ms;
};

/* The lane row, as this owner knows it. */
struct journal_lane {
	int lane;
	int incarnation;
	int64_t epoch;
	int64_t next_seq;
	int64_t commit_no; /* of the last commit */
	int64_t system_id;
	int timeline;
	int32_t day; /* of the last commit when the row was read; 0: none */
	bool is_diverged; /* waits for reconcile: nothing may be recorded */
	uint8_t chain[DIGEST_SHA256_LEN];
};

enum err_code
journal_open(const struct journal_options *options, struct journal **out,
             struct err *err) ERR_MUST_CHECK;

void
journal_close(struct journal **journal);

struct pgconn;
/* Its connection, for what else the lane's owner asks between batches. */
struct pgconn *
journal_conn(struct journal *journal);

/*
 * Takes the lane when it is free or its owner's heartbeat is over: the epoch
 * grows by one. ERR_LANE_LOST: somebody else has it. Passes a barrier, so
 * that all that was committed before is durable on the standby too, and
 * compares system id and timeline. ERR_POSTGRES_TIMELINE: they changed since
 * the last owner (the lane is claimed all the same: check for divergence).
 */
enum err_code
journal_claim(struct journal *journal, struct err *err) ERR_MUST_CHECK;

const struct journal_lane *
journal_lane(const struct journal *journal);

/* Takes the Postgres of now as the lane's own. Where it was another before,
   a new incarnation begins: seq starts at 1 again, so that no id is given
   twice even if commits were lost. */
enum err_code
journal_accept_timeline(struct journal *journal,
                        struct err *err) ERR_MUST_CHECK;

/* Gives the lane back; the journal is closed next. */
enum err_code
journal_release(struct journal *journal, struct err *err) ERR_MUST_CHECK;

/* Writes down that the lane has diverged, and why. */
enum err_code
journal_mark_diverged(struct journal *journal, const char *reason,
                      struct err *err) ERR_MUST_CHECK;

/* Writes down why the lane records nothing just now, or not all; "": no reason.
   Its next commit takes that away. */
enum err_code
journal_note(struct journal *journal, const char *reason,
             struct err *err) ERR_MUST_CHECK;

/* Positions of all sources that the lane has read; called with each. */
enum err_code
journal_positions(struct journal *journal,
                  void (*each)(int32_t source_id, int64_t next, void *context),
                  void *context, struct err *err) ERR_MUST_CHECK;

/* Whether the next commit must carry the positions of all sources. */
bool
journal_wants_full(const struct journal *journal);

/*
 * Numbers, hashes and sends a grouped batch, COMMIT included; does not wait.
 * The batch is borrowed until journal_wait. An error here means that COMMIT
 * was not sent: nothing is recorded, the connection may be lost.
 */
enum err_code
journal_send(struct journal *journal, struct batch *batch,
             struct err *err) ERR_MUST_CHECK;

bool
journal_is_waiting(const struct journal *journal);

/* True when the answer to the batch under way can be read at once. */
bool
journal_has_answer(struct journal *journal, int64_t timeout_ms);

/*
 * ERR_OK: recorded, durably; the lane has moved on. ERR_LANE_LOST: not
 * recorded, and never will be by us. ERR_POSTGRES_UNKNOWN: the connection
 * broke, or there was a warning during COMMIT: journal_resolve. Other codes:
 * not recorded, rolled back.
 */
enum err_code
journal_wait(struct journal *journal, struct err *err) ERR_MUST_CHECK;

/* After an error of journal_send that lost the connection: like
   journal_resolve, with nothing under way. */
enum err_code
journal_reconnect(struct journal *journal, struct err *err) ERR_MUST_CHECK;

/*
 * After ERR_POSTGRES_UNKNOWN: connects anew, takes the lane again under the
 * next epoch (so that the old connection can commit nothing any more), and
 * passes a barrier without a warning on the same timeline. *out_recorded
 * tells what became of the batch; the lane has moved on if so. Any error:
 * still unknown, call again, but for ERR_LANE_LOST and
 * ERR_POSTGRES_TIMELINE: give the lane up, what was sent is read anew.
 */
enum err_code
journal_resolve(struct journal *journal, bool *out_recorded,
                struct err *err) ERR_MUST_CHECK;
