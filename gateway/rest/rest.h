/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The REST endpoints of a daemon, on a listener of their own: producers need
 * not reach what is for operators, where metrics name all tenants.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/model/submission.h"
#include "base/runtime/err.h"

struct auth;
struct catalogue;
struct daemon_config;
struct feed;
struct http_route;
struct quota;
struct rest;
struct text;

/* How far a feed is on a cluster, in a lane of this daemon: everything of it up
   to seq is there. False: not known here. Any thread. */
struct rest_progress {
	bool (*look)(void *context, int lane, const char *cluster,
	             const struct feed *feed, int *out_incarnation,
	             int64_t *out_seq);
	/* Whether the lane is another daemon's: nothing is known of it here. */
	bool (*is_away)(void *context, int lane);
	bool (*is_ready)(void *context); /* what /readyz says */
	void *context;
};

struct rest_options {
	const struct daemon_config *config;
	struct catalogue *catalogue;
	struct auth *auth;
	struct submission_lanes lanes;
	struct rest_progress progress; /* members may be NULL */
};

/* Nothing where the configuration has no rest.listen: *out is NULL then. */
enum err_code
rest_open(const struct rest_options *options, struct rest **out,
          struct err *err) ERR_MUST_CHECK;

/* Answers what is under way, then ends. */
void
rest_close(struct rest **rest);

/* From now on new requests are refused. */
void
rest_quiesce(struct rest *rest);

int
rest_port(const struct rest *rest);

/* As httpd_reload_tls; NULL: nothing to do. */
enum err_code
rest_reload_tls(struct rest *rest, struct err *err) ERR_MUST_CHECK;

/* NULL-terminated; for the reference page. */
extern const struct http_route *const rest_routes[];
