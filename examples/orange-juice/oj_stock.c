/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* The order-up-to simulation; integers only. */
#include "examples/orange-juice/oj_stock.h"

static int32_t
whole_cases(int64_t units)
{
	int64_t cases = (units + OJ_STOCK_CASE_UNITS - 1) / OJ_STOCK_CASE_UNITS;

	return units > 0 ? (int32_t)(cases * OJ_STOCK_CASE_UNITS) : 0;
}

static int32_t
level(const struct oj_week *series, size_t now)
{
	size_t first = now + 1 < OJ_STOCK_WEEKS ? 0 : now + 1 - OJ_STOCK_WEEKS;
	int64_t weeks = (int64_t)(now + 1 - first);
	int64_t units = 0;

	for (size_t i = first; i <= now; i++)
		units += series[i].units;
	return whole_cases((2 * units + weeks - 1) / weeks);
}

/* -- public -------------------------------------------------------------- */

void
oj_stock_simulate(struct oj_week *series, size_t count)
{
	int32_t on_hand = count > 0 ? level(series, 0) : 0;
	int32_t on_order = 0;

	for (size_t i = 0; i < count; i++) {
		struct oj_stock *stock = &series[i].stock;
		on_hand += on_order;
		stock->expedited = whole_cases(series[i].units - on_hand);
		stock->received = on_order + stock->expedited;
		on_hand += stock->expedited - series[i].units;
		stock->order_up_to = level(series, i);
		on_order = whole_cases(stock->order_up_to - on_hand);
		stock->on_hand = on_hand;
		stock->on_order = on_order;
	}
}
