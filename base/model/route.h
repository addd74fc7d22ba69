/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A lane's way to a cluster, as people see it (tables route and parked). The
 * truth about how far it is stands in the cluster itself, in the progress
 * record; only ever_delivered is relied upon: without it, a cluster that has
 * no progress record would look like a new one.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct pgconn;

enum route_state {
	ROUTE_RECOVERING,
	ROUTE_RUNNING,
	ROUTE_CATCHING_UP,
	ROUTE_DOWN,    /* the cluster does not answer */
	ROUTE_STALLED, /* a partition has no leader, or the like */
	ROUTE_BLOCKED, /* ERR_PROGRESS_BLOCKED */
	ROUTE_DIVERGED,
	ROUTE_STOPPED,
};

const char *
route_state_name(enum route_state state);

struct route_row {
	int lane;
	const char *cluster;
	int incarnation;
	int64_t seq;
	enum route_state state;
	const char *reason; /* "" while running, but for what is worth saying */
};

/* On the connection that writes delivery rows, behind those up to seq: where
   the mark is, they are (route_marked_seq). */
enum err_code
route_mark(struct pgconn *conn, const struct route_row *row,
           struct err *err) ERR_MUST_CHECK;

/* The same from any connection: seq stays as it was marked last. */
enum err_code
route_mark_state(struct pgconn *conn, int lane, const char *cluster,
                 enum route_state state, const char *reason,
                 struct err *err) ERR_MUST_CHECK;

/* Durable when it returns. */
enum err_code
route_mark_delivered(struct pgconn *conn, int lane, const char *cluster,
                     struct err *err) ERR_MUST_CHECK;

enum err_code
route_ever_delivered(struct pgconn *conn, int lane, const char *cluster,
                     bool *out, struct err *err) ERR_MUST_CHECK;

/* As route_mark wrote it last for this incarnation; 0: never. */
enum err_code
route_marked_seq(struct pgconn *conn, int lane, const char *cluster,
                 int incarnation, int64_t *out, struct err *err) ERR_MUST_CHECK;

struct route_parked {
	int lane;
	const char *cluster;
	const char *tenant;
	const char *feed;
	int64_t seq; /* delivered up to here */
	const char *reason;
};

enum err_code
route_park(struct pgconn *conn, const struct route_parked *parked,
           struct err *err) ERR_MUST_CHECK;

enum err_code
route_unpark(struct pgconn *conn, const struct route_parked *parked,
             struct err *err) ERR_MUST_CHECK;

/* Whether a person has asked to send it again. */
enum err_code
route_release_wanted(struct pgconn *conn, const struct route_parked *parked,
                     bool *out, struct err *err) ERR_MUST_CHECK;

/* Rows as they were told last; calls until one fails. */
enum err_code
route_each_parked(struct pgconn *conn, int lane, const char *cluster,
                  enum err_code (*each)(const struct route_parked *parked,
                                        void *context, struct err *err),
                  void *context, struct err *err) ERR_MUST_CHECK;

/* More of a feed that leaves its place is delivered: up to parked->seq. */
enum err_code
route_move_parked(struct pgconn *conn, const struct route_parked *parked,
                  struct err *err) ERR_MUST_CHECK;
