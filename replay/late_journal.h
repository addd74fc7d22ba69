/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The versions that the journal has of a lane: how an index is filled.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct digest;
struct lane_recent_gap;
struct recent;
struct stage_lane;

struct late_journal_answer {
	int64_t count;
	int64_t since_ms; /* everything from then on was read */
};

/* The newest first, for about that long: a takeover is not to wait for a
   whole day of a large feed. ERR_INVALID: the journal holds what nobody of us
   wrote. */
enum err_code
late_journal_read(const struct stage_lane *lane,
                  const struct lane_recent_gap *gap, int64_t for_ms,
                  struct digest *digest, struct recent *into,
                  struct late_journal_answer *out,
                  struct err *err) ERR_MUST_CHECK;
