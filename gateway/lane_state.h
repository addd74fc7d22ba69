/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a lane is doing.
 */

enum lane_state {
	LANE_TAKING, /* claiming, recovering */
	LANE_RUNNING,
	LANE_UNKNOWN,  /* finding out what became of a batch */
	LANE_WAITING,  /* Postgres does not answer */
	LANE_DIVERGED, /* waits for reconcile: nothing is recorded */
	LANE_DRAINING,
	LANE_STOPPED, /* the thread has ended: lane_stop it */
};

const char *
lane_state_name(enum lane_state state);
