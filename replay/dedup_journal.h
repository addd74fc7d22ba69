/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The dedup ids that the journal has of a lane: how an index is filled.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct digest;
struct lane_recent_gap;
struct recent;
struct stage_lane;

/* First messages only, in the order of seq; *out_count: how many. ERR_INVALID:
   the journal holds what nobody of us wrote. */
enum err_code
dedup_journal_read(const struct stage_lane *lane,
                   const struct lane_recent_gap *gap, struct digest *digest,
                   struct recent *into, int64_t *out_count,
                   struct err *err) ERR_MUST_CHECK;
