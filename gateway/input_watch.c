/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A row for each cluster that was ever read from: few, so a list.
 */
#include "gateway/input_watch.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kconsumer.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "gateway/inlet.h"
#include "gateway/road_metric.h"

/* A connection that is lost and found again is no news. */
#define TELL_AFTER_US 3000000

struct row {
	char cluster[INLET_NAME_MAX];
	struct input_metric *metric;
	struct road_input now;
};

struct input_watch {
	int lane;
	struct row *rows;
	size_t count;
	char reason[KQUEUE_ERROR_TEXT_MAX + INLET_NAME_MAX + 64];
};

static struct row *
row_of(struct input_watch *watch, const char *cluster)
{
	struct row *row;

	for (size_t i = 0; i < watch->count; i++) {
		if (strcmp(watch->rows[i].cluster, cluster) == 0)
			return &watch->rows[i];
	}
	watch->rows =
		memory_realloc(watch->rows, (watch->count + 1) * sizeof(*row));
	row = &watch->rows[watch->count++];
	memset(row, 0, sizeof(*row));
	snprintf(row->cluster, sizeof(row->cluster), "%s", cluster);
	row->metric = road_metric_input(watch->lane, cluster);
	return row;
}

/* As the last fetches told. Where the end was met, what is behind it can only
   be a transaction's markers, unless there is more by now. */
static int64_t
lag_of(const struct inlet *in)
{
	struct err ignored = { .code = ERR_OK };
	int64_t low = 0, high = 0, next = in->source.next;

	if (in->consumer == NULL ||
	    kconsumer_watermarks(in->consumer, in->source.topic,
	                         in->source.partition, 0, &low, &high,
	                         &ignored) != ERR_OK)
		return 0;
	if (next < low)
		next = low;
	return high <= next || high <= in->end ? 0 : high - next;
}

/* The reason is the first one's; the others are most often of the same kind. */
static void
tell(struct input_watch *watch, const struct inlet *first, size_t count)
{
	int len;

	watch->reason[0] = '\0';
	if (first == NULL)
		return;
	len = snprintf(watch->reason, sizeof(watch->reason),
	               "input cluster %s: %s", first->cluster, first->trouble);
	if (count > 1 && len > 0 && (size_t)len < sizeof(watch->reason))
		snprintf(watch->reason + len,
		         sizeof(watch->reason) - (size_t)len,
		         " (%zu input partitions wait)", count);
}

/* -- public ---------------------------------------------------------------- */

struct input_watch *
input_watch_new(int lane)
{
	struct input_watch *watch = memory_calloc(1, sizeof(*watch));

	watch->lane = lane;
	return watch;
}

void
input_watch_free(struct input_watch **handle)
{
	struct input_watch *watch = *handle;
	const struct road_input none = { .lag = 0 };

	*handle = NULL;
	if (watch == NULL)
		return;
	for (size_t i = 0; i < watch->count; i++) {
		road_metric_input_set(watch->rows[i].metric, &none);
		road_metric_input_free(&watch->rows[i].metric);
	}
	memory_release(watch->rows);
	memory_release(watch);
}

void
input_watch_look(struct input_watch *watch, struct inlet *const *inlets,
                 size_t count)
{
	const struct inlet *first = NULL;
	int64_t now_us = clock_now_us();
	size_t waiting = 0;

	for (size_t i = 0; i < watch->count; i++)
		watch->rows[i].now = (struct road_input){ .lag = 0 };
	for (size_t i = 0; i < count; i++) {
		const struct inlet *in = inlets[i];
		struct row *row;

		if (!in->is_wanted)
			continue;
		row = row_of(watch, in->cluster);
		row->now.lag += lag_of(in);
		row->now.gaps += in->state == INLET_GAP;
		if (in->trouble[0] == '\0')
			continue;
		row->now.waiting++;
		if (now_us - in->trouble_us < TELL_AFTER_US)
			continue;
		waiting++;
		if (first == NULL)
			first = in;
	}
	for (size_t i = 0; i < watch->count; i++)
		road_metric_input_set(watch->rows[i].metric,
		                      &watch->rows[i].now);
	tell(watch, first, waiting);
}

const char *
input_watch_reason(const struct input_watch *watch)
{
	return watch->reason;
}
