/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The words for it.
 */
#include "gateway/lane_state.h"

#include <stddef.h>

#include "base/runtime/check.h"

static const char *const state_names[] = {
	[LANE_TAKING] = "taking",     [LANE_RUNNING] = "running",
	[LANE_UNKNOWN] = "unknown",   [LANE_WAITING] = "waiting",
	[LANE_DIVERGED] = "diverged", [LANE_DRAINING] = "draining",
	[LANE_STOPPED] = "stopped",
};

/* -- public ---------------------------------------------------------------- */

const char *
lane_state_name(enum lane_state state)
{
	CHECK((size_t)state < sizeof(state_names) / sizeof(char *));
	return state_names[state];
}
