/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Inventory out of sales: a deterministic order-up-to simulation of one series
 * (one item in one store), week by week.
 *
 *   level    = 2 x the mean units of the last four weeks (fewer at the start),
 *              rounded up to whole cases of 12;
 *   begin    = the first week's level on hand, nothing on order;
 *   week     receives what was ordered the week before; then the units that
 *            were really sold leave; where the stock did not suffice, an
 *            expedited delivery of whole cases makes up for it;
 *   order    = whole cases, up to the level less on_hand; arrives next week.
 *
 * A week without a row (the store did not report) is no week of the series.
 */
#pragma once

#include <stddef.h>

#include "examples/orange-juice/oj_week.h"

enum { OJ_STOCK_CASE_UNITS = 12, OJ_STOCK_WEEKS = 4 };

/* Fills the stock of count weeks of one series, in order of time. */
void
oj_stock_simulate(struct oj_week *series, size_t count);
