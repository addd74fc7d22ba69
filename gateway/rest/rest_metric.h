/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the REST endpoints count. No label names a tenant: how many messages
 * each has sent, the road's metrics say for all ways in. Any thread.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/metric.h"
#include "gateway/rest/endpoint.h"

struct receipt;

extern const struct metric_def rest_metric_table[];
extern const int rest_metric_count;

/* Takes the cells; before the first request. */
void
rest_metric_start(void);

/* took_us 0: it was refused before it was received. */
void
rest_metric_answered(enum endpoint endpoint, int status, int64_t took_us);

void
rest_metric_receipts(const struct receipt *receipts, size_t count);
