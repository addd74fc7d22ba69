/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The stage "late": accepted messages of contracts that say `late: mark`. One
 * whose version is older than the newest that was recorded of its key stays
 * accepted, and refers to the newer one. Whatever way the two came: a message
 * that Kafka held during an outage is late when REST was faster.
 *
 * A mark is told, not promised: what cannot be remembered or read in time is
 * not marked, and counted.
 */
#include <stdint.h>

#include "base/runtime/metric.h"

struct stage;

extern const struct stage late_stage;

extern const struct metric_def late_stage_metrics[];
extern const int late_stage_metric_count;

/* How many keys each lane remembers at most. Before the threads start. */
void
late_stage_setup(int64_t keys_max);
