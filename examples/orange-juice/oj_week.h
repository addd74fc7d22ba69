/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The sales of one item in one store in one week, as Dominick's recorded
 * them, and the stock that a simple simulation makes of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "examples/orange-juice/oj_err.h"

enum {
	OJ_WEEK_ITEMS = 11,
	OJ_WEEK_SPAN = 121,          /* weeks 40 to 160: one pass of the data */
	OJ_WEEK_FIRST_ENDING = 7202, /* days since 1970: week 1, 1989-09-20 */
	OJ_WEEK_TENANTS = 2,
};

/*
 * At the end of the week.  Always holds, within a series (store, item):
 * on_hand = on_hand of the week before + received - units.
 */
struct oj_stock {
	int32_t on_hand;
	int32_t on_order;    /* arrives next week */
	int32_t received;    /* regular and expedited together */
	int32_t expedited;   /* what had to come by extra delivery */
	int32_t order_up_to; /* the level that the order fills up to */
};

struct oj_week {
	int32_t store;
	int32_t item; /* 1 to OJ_WEEK_ITEMS */
	int32_t week;
	int32_t units;
	int32_t price_cents; /* of one unit */
	float feature;       /* share of the chain that featured it, 0 to 1 */
	float margin;        /* gross margin in percent; 0: not known */
	bool deal;
	bool last;      /* its series ends before the data do */
	uint8_t tenant; /* stores in order, alternately */
	struct oj_stock stock;
};

struct oj_weeks {
	struct oj_week *weeks; /* ordered by week, store, item */
	size_t count;
	size_t stores_count;
	int64_t units; /* in all */
};

struct oj_item {
	const char *name_en;
	const char *name_fr;
	int32_t ounces; /* US fluid ounces of one unit */
};

/* item: 1 to OJ_WEEK_ITEMS */
const struct oj_item *
oj_week_item(int32_t item);

/* Days since 1970 of the week's last day, a Wednesday. */
int32_t
oj_week_ending(int32_t week);

/*
 * Reads orangeJuice.rda, of any number of rows.  Each row must make sense, in
 * particular its units must be an integer; the error names the row.
 */
bool
oj_week_table_read(const char *path, struct oj_weeks *out_weeks,
                   struct oj_err *err);
void
oj_week_table_fini(struct oj_weeks *weeks);
