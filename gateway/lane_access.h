/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The lanes as those see them who bring messages by HTTP or in files: wherever
 * they are. What belongs to a lane of this daemon goes to its door, the rest is
 * passed on to the daemon that has the lane.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "base/model/submission.h"
#include "gateway/rest/rest.h"

struct catalogue;
struct daemon_config;
struct keeper;
struct lane_access;
struct reception;

struct lane_access_options {
	const struct daemon_config *config;
	struct catalogue *catalogue;
	_Atomic(struct keeper *) *keeper; /* NULL in it: no lanes, not yet or
	                                     no more */
	const uint8_t *secret;            /* LEASE_SECRET_LEN */
};

struct lane_access *
lane_access_new(const struct lane_access_options *options);

/* Nobody offers anything more, nothing is received; the keeper lives. */
void
lane_access_free(struct lane_access **access);

/* All lanes of the deployment. Any thread. */
struct submission_lanes
lane_access_lanes(struct lane_access *access);

struct rest_progress
lane_access_progress(struct lane_access *access);

/* What other daemons pass on for lanes of this one. */
struct reception *
lane_access_reception(struct lane_access *access);
