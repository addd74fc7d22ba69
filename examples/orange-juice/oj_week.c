/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Store-weeks out of the data frame "yx": columns store, brand, week, logmove
 * (the logarithm of the ounces sold), price1 to price11 (dollars an ounce, of
 * all items), deal, feat and profit.
 */
#include "examples/orange-juice/oj_week.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/orange-juice/oj_rdata.h"
#include "examples/orange-juice/oj_stock.h"
#include "examples/orange-juice/oj_unpack.h"

enum { ROWS_MAX = 10 * 1000 * 1000, STORE_MAX = 9999, WEEK_MAX = 9999 };

static const struct oj_item ITEMS[OJ_WEEK_ITEMS] = {
	{ "Tropicana Premium 64 oz", "Tropicana Premium 1,89 L", 64 },
	{ "Tropicana Premium 96 oz", "Tropicana Premium 2,84 L", 96 },
	{ "Florida's Natural 64 oz", "Florida's Natural 1,89 L", 64 },
	{ "Tropicana 64 oz", "Tropicana 1,89 L", 64 },
	{ "Minute Maid 64 oz", "Minute Maid 1,89 L", 64 },
	{ "Minute Maid 96 oz", "Minute Maid 2,84 L", 96 },
	{ "Citrus Hill 64 oz", "Citrus Hill 1,89 L", 64 },
	{ "Tree Fresh 64 oz", "Tree Fresh 1,89 L", 64 },
	{ "Florida Gold 64 oz", "Florida Gold 1,89 L", 64 },
	{ "Dominick's 64 oz", "Dominick's 1,89 L", 64 },
	{ "Dominick's 128 oz", "Dominick's 3,79 L", 128 },
};

struct columns {
	const int32_t *store, *item, *week, *deal;
	const double *log_ounces, *feature, *margin;
	const double *prices[OJ_WEEK_ITEMS];
	size_t count;
};

static bool
column_find(const struct oj_rdata *frame, const char *name,
            enum oj_rdata_type type, size_t count, const struct oj_rdata **out,
            struct oj_err *err)
{
	const struct oj_rdata *column = oj_rdata_get(frame, name);

	if (column == NULL)
		return oj_err_set(err, "the table has no column %s", name);
	if (column->type != type)
		return oj_err_set(err, "column %s is not of its type", name);
	if (column->count != count)
		return oj_err_set(err, "column %s has %zu rows instead of %zu",
		                  name, column->count, count);
	*out = column;
	return true;
}

static bool
integers_find(const struct oj_rdata *frame, const char *name, size_t count,
              const int32_t **out, struct oj_err *err)
{
	const struct oj_rdata *column = NULL;

	if (!column_find(frame, name, OJ_RDATA_INTEGERS, count, &column, err))
		return false;
	*out = column->integers;
	return true;
}

static bool
doubles_find(const struct oj_rdata *frame, const char *name, size_t count,
             const double **out, struct oj_err *err)
{
	const struct oj_rdata *column = NULL;

	if (!column_find(frame, name, OJ_RDATA_DOUBLES, count, &column, err))
		return false;
	*out = column->doubles;
	return true;
}

static bool
columns_find(const struct oj_rdata *root, struct columns *columns,
             struct oj_err *err)
{
	const struct oj_rdata *frame =
		oj_rdata_get(oj_rdata_get(root, "orangeJuice"), "yx");
	const struct oj_rdata *store = oj_rdata_get(frame, "store");

	if (store == NULL)
		return oj_err_set(err, "it has no table orangeJuice$yx");
	size_t count = columns->count = store->count;
	if (count == 0 || count > ROWS_MAX)
		return oj_err_set(err, "%zu rows: not 1 to %d", count,
		                  ROWS_MAX);
	for (int i = 0; i < OJ_WEEK_ITEMS; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "price%d", i + 1);
		if (!doubles_find(frame, name, count, &columns->prices[i], err))
			return false;
	}
	return integers_find(frame, "store", count, &columns->store, err) &&
		integers_find(frame, "brand", count, &columns->item, err) &&
		integers_find(frame, "week", count, &columns->week, err) &&
		integers_find(frame, "deal", count, &columns->deal, err) &&
		doubles_find(frame, "logmove", count, &columns->log_ounces,
	                     err) &&
		doubles_find(frame, "feat", count, &columns->feature, err) &&
		doubles_find(frame, "profit", count, &columns->margin, err);
}

static bool
row_read(const struct columns *columns, size_t row, struct oj_week *week,
         struct oj_err *err)
{
	week->store = columns->store[row];
	week->item = columns->item[row];
	week->week = columns->week[row];
	if (week->store < 1 || week->store > STORE_MAX || week->item < 1 ||
	    week->item > OJ_WEEK_ITEMS || week->week < 1 ||
	    week->week > WEEK_MAX)
		return oj_err_set(err, "row %zu: store %d, brand %d, week %d",
		                  row + 1, week->store, week->item, week->week);
	double ounces = ITEMS[week->item - 1].ounces;
	double units = exp(columns->log_ounces[row]) / ounces;
	double cents = columns->prices[week->item - 1][row] * ounces * 100;
	/* The logarithm has ten decimals: an integer to within 1e-9 of it. */
	if (!(units > 0.5 && units < 1e8) ||
	    fabs(units - round(units)) > 1e-8 * units)
		return oj_err_set(err, "row %zu: %f units: not an integer",
		                  row + 1, units);
	if (!(cents >= 1 && cents < 1e6))
		return oj_err_set(err, "row %zu: a price of %f cents", row + 1,
		                  cents);
	if (!(columns->feature[row] >= 0 && columns->feature[row] <= 1) ||
	    !isfinite(columns->margin[row]))
		return oj_err_set(err, "row %zu: feature %f, profit %f",
		                  row + 1, columns->feature[row],
		                  columns->margin[row]);
	week->units = (int32_t)lround(units);
	week->price_cents = (int32_t)lround(cents);
	week->deal = columns->deal[row] == 1;
	week->feature = (float)columns->feature[row];
	week->margin = (float)columns->margin[row];
	return true;
}

static int
compare(int32_t a, int32_t b)
{
	return (a > b) - (a < b);
}

static int
compare_series(const void *a, const void *b)
{
	const struct oj_week *x = a, *y = b;
	int order = compare(x->store, y->store);

	if (order == 0)
		order = compare(x->item, y->item);
	return order != 0 ? order : compare(x->week, y->week);
}

static int
compare_stream(const void *a, const void *b)
{
	const struct oj_week *x = a, *y = b;
	int order = compare(x->week, y->week);

	return order != 0 ? order : compare_series(a, b);
}

static bool
same_series(const struct oj_week *a, const struct oj_week *b)
{
	return a->store == b->store && a->item == b->item;
}

/* Expects the order of compare_series. */
static bool
series_check(struct oj_weeks *weeks, struct oj_err *err)
{
	struct oj_week *at = weeks->weeks;
	int32_t week_last = 0;

	for (size_t i = 0; i < weeks->count; i++)
		week_last = at[i].week > week_last ? at[i].week : week_last;
	for (size_t i = 0; i < weeks->count; i++) {
		if (i == 0 || at[i].store != at[i - 1].store)
			weeks->stores_count++;
		at[i].tenant = (weeks->stores_count - 1) % OJ_WEEK_TENANTS;
		weeks->units += at[i].units;
		bool ends = i + 1 == weeks->count ||
			!same_series(&at[i], &at[i + 1]);
		at[i].last = ends && at[i].week < week_last;
		if (!ends && at[i].week == at[i + 1].week)
			return oj_err_set(
				err, "store %d, brand %d, week %d comes twice",
				at[i].store, at[i].item, at[i].week);
	}
	return true;
}

static bool
weeks_make(const struct oj_rdata *root, struct oj_weeks *weeks,
           struct oj_err *err)
{
	struct columns columns;

	if (!columns_find(root, &columns, err))
		return false;
	weeks->weeks = calloc(columns.count, sizeof(*weeks->weeks));
	if (weeks->weeks == NULL)
		return oj_err_set(err, "out of memory");
	for (; weeks->count < columns.count; weeks->count++) {
		if (!row_read(&columns, weeks->count,
		              &weeks->weeks[weeks->count], err))
			return false;
	}
	qsort(weeks->weeks, weeks->count, sizeof(*weeks->weeks),
	      compare_series);
	if (!series_check(weeks, err))
		return false;
	for (size_t i = 0, next; i < weeks->count; i = next) {
		for (next = i + 1; next < weeks->count &&
		     same_series(&weeks->weeks[i], &weeks->weeks[next]);)
			next++;
		oj_stock_simulate(weeks->weeks + i, next - i);
	}
	qsort(weeks->weeks, weeks->count, sizeof(*weeks->weeks),
	      compare_stream);
	return true;
}

/* -- public -------------------------------------------------------------- */

const struct oj_item *
oj_week_item(int32_t item)
{
	return &ITEMS[item - 1];
}

int32_t
oj_week_ending(int32_t week)
{
	return OJ_WEEK_FIRST_ENDING + 7 * (week - 1);
}

bool
oj_week_table_read(const char *path, struct oj_weeks *out_weeks,
                   struct oj_err *err)
{
	struct oj_weeks weeks = { 0 };
	struct oj_rdata_file *file = NULL;
	struct oj_err inner;
	uint8_t *bytes = NULL;
	size_t size = 0;

	if (!oj_unpack_file(path, &bytes, &size, err))
		return false;
	bool ok = oj_rdata_parse(bytes, size, &file, &inner) &&
		weeks_make(oj_rdata_root(file), &weeks, &inner);
	oj_rdata_free(&file);
	free(bytes);
	if (!ok) {
		oj_week_table_fini(&weeks);
		return oj_err_set(err, "%s: %.400s", path, inner.text);
	}
	*out_weeks = weeks;
	return true;
}

void
oj_week_table_fini(struct oj_weeks *weeks)
{
	free(weeks->weeks);
	memset(weeks, 0, sizeof(*weeks));
}
