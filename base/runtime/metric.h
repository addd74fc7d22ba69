/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Prometheus metrics. Each is declared once, in a const table, with type,
 * unit (in the name), labels and help; the table also prints the reference
 * page. A cell (one set of label values) is taken once and then updated
 * without a lock, from any thread. At most METRIC_CELLS_MAX cells a metric:
 * further sets share the cell "other".
 */
#include <stdint.h>

struct text;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABELS_MAX 4
#define METRIC_CELLS_MAX  1024

struct metric_def {
	const char *name; /* "waybill_recorded_messages_total" */
	enum metric_type type;
	const char *help;
	const char *labels[METRIC_LABELS_MAX]; /* names; NULL: no more */
	const double *buckets;                 /* histogram: upper bounds */
	int bucket_count;
};

struct metric_cell;

/* Registers a table; once a process and table; before the threads start. */
void
metric_register(const struct metric_def *table, int count);

/* values: as many as labels. The cell lives as long as the process. */
struct metric_cell *
metric_cell(const struct metric_def *metric, const char *const *values);

void
metric_add(struct metric_cell *cell, int64_t delta);

void
metric_set(struct metric_cell *cell, double value);

void
metric_observe(struct metric_cell *cell, double value); /* histogram */

double
metric_value(const struct metric_cell *cell); /* histogram: the sum */

/* Text exposition format 0.0.4, sorted by name. */
void
metric_print(struct text *out);

/* The reference page (Markdown table) of all registered metrics. */
void
metric_print_reference(struct text *out);

/* For tests. */
void
metric_forget_all(void);
