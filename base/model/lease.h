/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The heartbeat of a daemon and who has which lane (tables daemon and lane).
 * The clock of Postgres alone decides who is alive.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct pgconn;

#define LEASE_LANES_MAX  64
#define LEASE_URL_MAX    256 /* with its NUL */
#define LEASE_SECRET_LEN 32

struct lease_view {
	int daemons; /* alive, this one included */
	int lanes;   /* of the deployment */
	bool mine[LEASE_LANES_MAX];
	bool free[LEASE_LANES_MAX]; /* no owner, or a dead one */
	int64_t epoch[LEASE_LANES_MAX];
	/* Where another daemon that has it is reached; "": none, or it does not
	   say. */
	char url[LEASE_LANES_MAX][LEASE_URL_MAX];
};

/* Renews this daemon's heartbeat for ttl_ms. */
enum err_code
lease_beat(struct pgconn *conn, const char *daemon, const char *url,
           int64_t ttl_ms, struct err *err) ERR_MUST_CHECK;

/* The daemon is gone from now on. */
enum err_code
lease_leave(struct pgconn *conn, const char *daemon,
            struct err *err) ERR_MUST_CHECK;

/* Gives back a lane that the daemon has at this epoch but does not run. */
enum err_code
lease_give_back(struct pgconn *conn, int lane, int64_t epoch,
                const char *daemon, struct err *err) ERR_MUST_CHECK;

enum err_code
lease_look(struct pgconn *conn, const char *daemon, struct lease_view *out,
           struct err *err) ERR_MUST_CHECK;

/* What the daemons of a deployment show each other. */
enum err_code
lease_secret(struct pgconn *conn, uint8_t out[LEASE_SECRET_LEN],
             struct err *err) ERR_MUST_CHECK;
