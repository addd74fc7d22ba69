/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keeps the daemon's heartbeat and its fair share of the lanes: a thread that
 * renews the lease, takes lanes that are free, and gives lanes back when
 * other daemons have fewer.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/model/lease.h"
#include "base/model/submission.h"
#include "base/runtime/err.h"

struct catalogue;
struct daemon_config;
struct feed;
struct input;
struct keeper;
struct stage;
struct text;

struct keeper_options {
	const struct daemon_config *config;
	struct catalogue *catalogue;
	struct input *input;
	const struct stage *const *stages; /* NULL-terminated */
};

/* The first heartbeat is made before it returns. */
enum err_code
keeper_start(const struct keeper_options *options, struct keeper **out,
             struct err *err) ERR_MUST_CHECK;

/* Drains all lanes, leaves, ends. */
void
keeper_stop(struct keeper **keeper);

/* Whether the heartbeat holds and no lane of this daemon is stuck: what
   /readyz says. Appends why not. Any thread. */
bool
keeper_is_ready(struct keeper *keeper, struct text *why);

/* For submission_send, as long as the keeper lives: lanes that are here take
   their parts, others refuse. Any thread. */
struct submission_lanes
keeper_lanes(struct keeper *keeper);

/* Whether a lane is not with this daemon at all. Any thread. */
bool
keeper_is_away(const struct keeper *keeper, int lane);

/* Where the daemon that has a lane is reached, as of the last heartbeat; false:
   nobody else has it, or it does not say. Any thread. */
bool
keeper_owner(struct keeper *keeper, int lane, char out_url[LEASE_URL_MAX]);

/* How far a feed is on a cluster, in a lane of this daemon: everything of it
   up to seq is there. False: not known here. Any thread. */
bool
keeper_progress(struct keeper *keeper, int lane, const char *cluster,
                const struct feed *feed, int *out_incarnation,
                int64_t *out_seq);

/* A JSON array of lanes. Any thread. */
void
keeper_print(struct keeper *keeper, struct text *out);
