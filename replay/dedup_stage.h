/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The stage "deduplicate": messages that their producer has given an id. One
 * that repeats another of the last 24 hours is a duplicate, one with the id
 * but not the content of another is a conflict; both say of which. Where
 * there is no room to remember one more id, the message is refused.
 *
 * The contract's own kinds (content, a producer's sequence) will say here what
 * a message's id is; what follows from it stays.
 */
#include <stdint.h>

#include "base/runtime/metric.h"

struct stage;

extern const struct stage dedup_stage;

extern const struct metric_def dedup_stage_metrics[];
extern const int dedup_stage_metric_count;

/* How many ids each lane remembers at most. Before the threads start. */
void
dedup_stage_setup(int64_t ids_max);
