/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry is a list sorted by name; each metric has its cells sorted by
 * their label values. Both only grow, under one lock; the numbers in a cell
 * are atomics, and never wait for it.
 */
#include "base/runtime/metric.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"

#define METRIC_MAX       1000
#define METRIC_VALUE_MAX 128
#define METRIC_OTHER     "other"

struct metric_cell {
	const struct metric_def *def;
	char *values[METRIC_LABELS_MAX];
	_Atomic int64_t count;  /* of a counter */
	_Atomic double number;  /* of a gauge; the sum of a histogram */
	_Atomic uint64_t *hits; /* a histogram's buckets, and one beyond */
};

struct metric {
	const struct metric_def *def;
	struct metric_cell **cells;
	int cell_count;
	struct metric_cell *other;
};

static pthread_once_t metric_once = PTHREAD_ONCE_INIT;
static struct thread_lock metric_lock;
static struct metric metrics[METRIC_MAX];
static int metric_count;

static const char *const metric_type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

static void
metric_prepare(void)
{
	thread_lock_init(&metric_lock, THREAD_RANK_METRIC);
}

static void
metric_take_lock(void)
{
	pthread_once(&metric_once, metric_prepare);
	thread_lock(&metric_lock);
}

static int
metric_label_count(const struct metric_def *def)
{
	int count = 0;

	while (count < METRIC_LABELS_MAX && def->labels[count] != NULL)
		count++;
	return count;
}

static bool
metric_is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && !(name[0] >= '0' && name[0] <= '9') &&
		strspn(name,
	               "abcdefghijklmnopqrstuvwxyz"
	               "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == len;
}

static bool
metric_ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

/* A table is code: what is wrong with it is a bug. */
static void
metric_check(const struct metric_def *def)
{
	int labels = metric_label_count(def);

	CHECK(def->name != NULL && metric_is_name(def->name));
	CHECK(def->help != NULL && def->help[0] != '\0');
	CHECK((unsigned int)def->type <= METRIC_HISTOGRAM);
	CHECK((def->type == METRIC_COUNTER) ==
	      metric_ends_with(def->name, "_total"));
	for (int i = 0; i < labels; i++) {
		CHECK(metric_is_name(def->labels[i]));
		CHECK(strncmp(def->labels[i], "__", 2) != 0);
		CHECK(strcmp(def->labels[i], "le") != 0);
	}
	CHECK((def->type == METRIC_HISTOGRAM) == (def->bucket_count > 0));
	for (int i = 0; i < def->bucket_count; i++)
		CHECK(isfinite(def->buckets[i]) &&
		      (i == 0 || def->buckets[i - 1] < def->buckets[i]));
}

/* Bounded in length, and UTF-8 as the format demands. */
static char *
metric_value_copy(const char *value)
{
	size_t len = strlen(value);
	bool utf8;
	char *copy;

	if (len > METRIC_VALUE_MAX)
		for (len = METRIC_VALUE_MAX;
		     len > 0 && ((unsigned char)value[len] & 0xc0) == 0x80;)
			len--;
	copy = memory_strndup(value, len);
	utf8 = text_is_utf8(copy, len);
	for (size_t i = 0; i < len && !utf8; i++)
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	return copy;
}

static struct metric_cell *
metric_cell_new(const struct metric_def *def, char *const *values)
{
	struct metric_cell *cell = memory_calloc(1, sizeof(*cell));
	int labels = metric_label_count(def);

	cell->def = def;
	for (int i = 0; i < labels; i++)
		cell->values[i] = memory_strdup(values[i]);
	if (def->type == METRIC_HISTOGRAM)
		cell->hits = memory_calloc((size_t)def->bucket_count + 1,
		                           sizeof(*cell->hits));
	return cell;
}

static void
metric_cell_free(struct metric_cell **cell)
{
	for (int i = 0; i < METRIC_LABELS_MAX; i++)
		memory_free(&(*cell)->values[i]);
	memory_free(&(*cell)->hits);
	memory_free(cell);
}

/* Where the cell is (out_found), or where it would have to stand. */
static int
metric_cell_find(const struct metric *metric, char *const *values,
                 bool *out_found)
{
	int labels = metric_label_count(metric->def);
	int low = 0, high = metric->cell_count;

	*out_found = false;
	while (low < high) {
		int middle = low + (high - low) / 2;
		int order = 0;

		for (int i = 0; i < labels && order == 0; i++)
			order = strcmp(metric->cells[middle]->values[i],
			               values[i]);
		if (order == 0) {
			*out_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct metric_cell *
metric_cell_take(struct metric *metric, char *const *values)
{
	bool found;
	int at = metric_cell_find(metric, values, &found);

	if (found)
		return metric->cells[at];
	if (metric->cells == NULL)
		metric->cells = memory_calloc(METRIC_CELLS_MAX,
		                              sizeof(struct metric_cell *));
	CHECK(metric->cell_count < METRIC_CELLS_MAX);
	memmove(&metric->cells[at + 1], &metric->cells[at],
	        (size_t)(metric->cell_count - at) *
	                sizeof(struct metric_cell *));
	metric->cells[at] = metric_cell_new(metric->def, values);
	metric->cell_count++;
	return metric->cells[at];
}

/* The last place is kept for "other". */
static struct metric_cell *
metric_cell_take_bounded(struct metric *metric, char *const *values)
{
	char other[] = METRIC_OTHER;
	char *others[METRIC_LABELS_MAX] = { other, other, other, other };
	bool found;

	metric_cell_find(metric, values, &found);
	if (found || metric->cell_count < METRIC_CELLS_MAX - 1)
		return metric_cell_take(metric, values);
	if (metric->other == NULL)
		metric->other = metric_cell_take(metric, others);
	return metric->other;
}

static struct metric *
metric_find(const struct metric_def *def)
{
	for (int i = 0; i < metric_count; i++)
		if (metrics[i].def == def)
			return &metrics[i];
	return NULL;
}

/* Each unlabelled metric is there from the first, with its zero. */
static void
metric_register_one(const struct metric_def *def)
{
	int at = 0;

	metric_check(def);
	CHECK(metric_count < METRIC_MAX);
	while (at < metric_count &&
	       strcmp(metrics[at].def->name, def->name) < 0)
		at++;
	CHECK(at == metric_count ||
	      strcmp(metrics[at].def->name, def->name) != 0);
	memmove(&metrics[at + 1], &metrics[at],
	        (size_t)(metric_count - at) * sizeof(metrics[0]));
	metrics[at] = (struct metric){ .def = def };
	metric_count++;
	if (metric_label_count(def) == 0)
		metric_cell_take(&metrics[at], NULL);
}

static void
metric_add_number(_Atomic double *number, double delta)
{
	double before = atomic_load_explicit(number, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(
		number, &before, before + delta, memory_order_relaxed,
		memory_order_relaxed))
		continue;
}

/* A short text that reads back as the same number. */
static void
metric_print_number(double number, struct text *out)
{
	char text[32];

	if (isnan(number)) {
		text_add(out, "NaN");
		return;
	}
	if (isinf(number)) {
		text_add(out, number > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	text_add(out, text);
}

static void
metric_print_escaped(const char *value, bool quotes, struct text *out)
{
	for (; *value != '\0'; value++)
		if (*value == '\\')
			text_add(out, "\\\\");
		else if (*value == '\n')
			text_add(out, "\\n");
		else if (*value == '"' && quotes)
			text_add(out, "\\\"");
		else
			text_add_bytes(out, value, 1);
}

/* name{label="value",le="bound"}: bound NULL, where there is none. */
static void
metric_print_name(const struct metric_cell *cell, const char *suffix,
                  const double *bound, struct text *out)
{
	int labels = metric_label_count(cell->def);

	text_addf(out, "%s%s", cell->def->name, suffix);
	for (int i = 0; i < labels; i++) {
		text_addf(out, "%s%s=\"", i == 0 ? "{" : ",",
		          cell->def->labels[i]);
		metric_print_escaped(cell->values[i], true, out);
		text_add(out, "\"");
	}
	if (bound != NULL) {
		text_add(out, labels == 0 ? "{le=\"" : ",le=\"");
		metric_print_number(*bound, out);
		text_add(out, "\"");
	}
	text_add(out, labels > 0 || bound != NULL ? "} " : " ");
}

/* The count is the sum of the buckets, so that they never contradict. */
static void
metric_print_histogram(const struct metric_cell *cell, struct text *out)
{
	const struct metric_def *def = cell->def;
	uint64_t count = 0;

	for (int i = 0; i <= def->bucket_count; i++) {
		double bound = i < def->bucket_count ? def->buckets[i]
						     : (double)INFINITY;

		count += atomic_load_explicit(&cell->hits[i],
		                              memory_order_relaxed);
		metric_print_name(cell, "_bucket", &bound, out);
		text_addf(out, "%llu\n", (unsigned long long)count);
	}
	metric_print_name(cell, "_sum", NULL, out);
	metric_print_number(metric_value(cell), out);
	text_add(out, "\n");
	metric_print_name(cell, "_count", NULL, out);
	text_addf(out, "%llu\n", (unsigned long long)count);
}

static void
metric_print_cell(const struct metric_cell *cell, struct text *out)
{
	if (cell->def->type == METRIC_HISTOGRAM) {
		metric_print_histogram(cell, out);
		return;
	}
	metric_print_name(cell, "", NULL, out);
	if (cell->def->type == METRIC_COUNTER)
		text_addf(out, "%lld",
		          (long long)atomic_load_explicit(
				  &cell->count, memory_order_relaxed));
	else
		metric_print_number(metric_value(cell), out);
	text_add(out, "\n");
}

/* -- public -------------------------------------------------------------- */

void
metric_register(const struct metric_def *table, int count)
{
	CHECK(count >= 0);
	metric_take_lock();
	for (int i = 0; i < count; i++)
		metric_register_one(&table[i]);
	thread_unlock(&metric_lock);
}

struct metric_cell *
metric_cell(const struct metric_def *def, const char *const *values)
{
	char *copies[METRIC_LABELS_MAX] = { NULL };
	int labels = metric_label_count(def);
	struct metric_cell *cell;
	struct metric *metric;

	for (int i = 0; i < labels; i++) {
		CHECK(values != NULL && values[i] != NULL);
		copies[i] = metric_value_copy(values[i]);
	}
	metric_take_lock();
	metric = metric_find(def);
	CHECK(metric != NULL);
	cell = metric_cell_take_bounded(metric, copies);
	thread_unlock(&metric_lock);
	for (int i = 0; i < labels; i++)
		memory_free(&copies[i]);
	return cell;
}

void
metric_add(struct metric_cell *cell, int64_t delta)
{
	CHECK(cell->def->type != METRIC_HISTOGRAM);
	if (cell->def->type == METRIC_GAUGE) {
		metric_add_number(&cell->number, (double)delta);
		return;
	}
	CHECK(delta >= 0);
	atomic_fetch_add_explicit(&cell->count, delta, memory_order_relaxed);
}

void
metric_set(struct metric_cell *cell, double value)
{
	CHECK(cell->def->type == METRIC_GAUGE);
	atomic_store_explicit(&cell->number, value, memory_order_relaxed);
}

void
metric_observe(struct metric_cell *cell, double value)
{
	const struct metric_def *def = cell->def;
	int low = 0, high = def->bucket_count;

	CHECK(def->type == METRIC_HISTOGRAM);
	if (isnan(value)) /* it would spoil the sum for ever */
		return;
	while (low < high) {
		int middle = low + (high - low) / 2;

		if (value <= def->buckets[middle])
			high = middle;
		else
			low = middle + 1;
	}
	atomic_fetch_add_explicit(&cell->hits[low], 1, memory_order_relaxed);
	metric_add_number(&cell->number, value);
}

double
metric_value(const struct metric_cell *cell)
{
	if (cell->def->type == METRIC_COUNTER)
		return (double)atomic_load_explicit(&cell->count,
		                                    memory_order_relaxed);
	return atomic_load_explicit(&cell->number, memory_order_relaxed);
}

void
metric_print(struct text *out)
{
	metric_take_lock();
	for (int i = 0; i < metric_count; i++) {
		const struct metric *metric = &metrics[i];

		text_addf(out, "# HELP %s ", metric->def->name);
		metric_print_escaped(metric->def->help, false, out);
		text_addf(out, "\n# TYPE %s %s\n", metric->def->name,
		          metric_type_names[metric->def->type]);
		for (int c = 0; c < metric->cell_count; c++)
			metric_print_cell(metric->cells[c], out);
	}
	thread_unlock(&metric_lock);
}

void
metric_print_reference(struct text *out)
{
	text_add(out,
	         "| metric | type | labels | meaning |\n"
	         "|---|---|---|---|\n");
	metric_take_lock();
	for (int i = 0; i < metric_count; i++) {
		const struct metric_def *def = metrics[i].def;

		text_addf(out, "| `%s` | %s | ", def->name,
		          metric_type_names[def->type]);
		for (int l = 0; l < metric_label_count(def); l++)
			text_addf(out, "%s`%s`", l == 0 ? "" : ", ",
			          def->labels[l]);
		text_add(out, metric_label_count(def) == 0 ? "| " : " | ");
		for (const char *at = def->help; *at != '\0'; at++)
			if (*at == '|')
				text_add(out, "\\|");
			else
				text_add_bytes(out, *at == '\n' ? " " : at, 1);
		text_add(out, " |\n");
	}
	thread_unlock(&metric_lock);
}

void
metric_forget_all(void)
{
	metric_take_lock();
	for (int i = 0; i < metric_count; i++) {
		for (int c = 0; c < metrics[i].cell_count; c++)
			metric_cell_free(&metrics[i].cells[c]);
		memory_free(&metrics[i].cells);
	}
	metric_count = 0;
	thread_unlock(&metric_lock);
}
