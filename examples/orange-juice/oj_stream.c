/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream.  What is to be spoiled and misrouted is drawn beforehand, as a
 * plan ordered by row; the stream then walks rows and plan together.
 */
#include "examples/orange-juice/oj_stream.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_SALES, STEP_INVENTORY, STEP_TOMBSTONE, STEP_SPOILED };

struct planned {
	size_t row;
	size_t order; /* breaks ties, so that the sort is the same everywhere */
	enum oj_kind kind;
	bool inventory;
};

struct oj_stream {
	const struct oj_weeks *weeks;
	struct oj_stream_options options;
	struct oj_random random;
	struct planned *plan;
	size_t plan_count;
	size_t plan_next;
	size_t rows; /* over all passes */
	size_t row;
	int step;
	size_t sent;
	struct oj_week week;     /* the row's, moved to its pass */
	bool misrouted[2];       /* the row's sales, the row's inventory */
	int32_t rest_store_last; /* stores up to it send by REST */
};

/* The number of the store that is the count-th in their order. */
static int32_t
store_at(const struct oj_weeks *weeks, size_t count)
{
	int32_t last = 0;

	for (; count > 0; count--) {
		int32_t next = INT32_MAX;
		for (size_t i = 0; i < weeks->count; i++) {
			int32_t store = weeks->weeks[i].store;
			if (store > last && store < next)
				next = store;
		}
		last = next;
	}
	return last;
}

/* Whether the message is of the part that is sent.  A partition is nothing
 * that a producer by REST could get wrong. */
static bool
is_wanted(const struct oj_stream *stream, const struct oj_message *message)
{
	const struct oj_stream_options *options = &stream->options;
	int32_t week = stream->week.week;
	bool by_rest = stream->week.store <= stream->rest_store_last &&
		message->kind != OJ_KIND_MISROUTED;

	return by_rest == options->by_rest &&
		(options->week_first == 0 || week >= options->week_first) &&
		(options->week_last == 0 || week <= options->week_last);
}

static int
compare_planned(const void *a, const void *b)
{
	const struct planned *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void
plan_make(struct oj_stream *stream)
{
	const struct oj_stream_options *options = &stream->options;

	stream->plan_count = options->spoiled + options->misrouted;
	stream->plan = calloc(stream->plan_count + 1, sizeof(*stream->plan));
	if (stream->plan == NULL)
		abort();
	for (size_t i = 0; i < stream->plan_count; i++) {
		struct planned *planned = &stream->plan[i];
		planned->row = oj_random_below(&stream->random, stream->rows);
		planned->order = i;
		planned->inventory = oj_random_below(&stream->random, 2) == 1;
		planned->kind = i >= options->spoiled
			? OJ_KIND_MISROUTED
			: (enum oj_kind)(OJ_KIND_TRUNCATED +
		                         i % OJ_KINDS_SPOILED);
	}
	qsort(stream->plan, stream->plan_count, sizeof(*stream->plan),
	      compare_planned);
}

/* Loads the row's week and sees which of its messages are misrouted. */
static void
row_enter(struct oj_stream *stream)
{
	size_t pass = stream->row / stream->weeks->count;

	stream->step = STEP_SALES;
	stream->misrouted[0] = stream->misrouted[1] = false;
	if (stream->row == stream->rows)
		return;
	stream->week = stream->weeks->weeks[stream->row % stream->weeks->count];
	stream->week.week += (int32_t)pass * OJ_WEEK_SPAN;
	for (size_t i = stream->plan_next;
	     i < stream->plan_count && stream->plan[i].row == stream->row;
	     i++) {
		if (stream->plan[i].kind == OJ_KIND_MISROUTED)
			stream->misrouted[stream->plan[i].inventory] = true;
	}
}

static void
make_sound(struct oj_stream *stream, bool inventory, struct oj_message *message)
{
	oj_message_good(message,
	                oj_feed_of_tenant(stream->week.tenant, inventory),
	                &stream->week);
	if (stream->misrouted[inventory]) {
		message->kind = OJ_KIND_MISROUTED;
		message->partition_shift = 1;
	}
}

/* The tombstone of an item that the store gives up, where there is one. */
static bool
make_tombstone(struct oj_stream *stream, struct oj_message *message)
{
	enum oj_feed_id feed = oj_feed_of_tenant(stream->week.tenant, true);

	if (!stream->week.last || !oj_feed_get(feed)->tombstones)
		return false;
	oj_message_tombstone(message, feed, &stream->week);
	return true;
}

/* The next spoiled message of this row, where there is one. */
static bool
make_spoiled(struct oj_stream *stream, struct oj_message *message)
{
	while (stream->plan_next < stream->plan_count &&
	       stream->plan[stream->plan_next].row == stream->row) {
		const struct planned *planned =
			&stream->plan[stream->plan_next++];
		if (planned->kind == OJ_KIND_MISROUTED)
			continue;
		enum oj_feed_id feed = oj_feed_of_tenant(stream->week.tenant,
		                                         planned->inventory);
		if (!oj_message_can_spoil(feed, planned->kind))
			feed = oj_feed_of_tenant(stream->week.tenant,
			                         !planned->inventory);
		oj_message_spoiled(message, feed, planned->kind, &stream->week,
		                   &stream->random);
		return true;
	}
	return false;
}

static bool
make_next(struct oj_stream *stream, struct oj_message *message)
{
	while (stream->row < stream->rows) {
		switch (stream->step) {
		case STEP_SALES:
		case STEP_INVENTORY:
			make_sound(stream, stream->step++ == STEP_INVENTORY,
			           message);
			return true;
		case STEP_TOMBSTONE:
			stream->step++;
			if (make_tombstone(stream, message))
				return true;
			break;
		default:
			if (make_spoiled(stream, message))
				return true;
			stream->row++;
			row_enter(stream);
		}
	}
	return false;
}

/* -- public -------------------------------------------------------------- */

struct oj_stream *
oj_stream_new(const struct oj_weeks *weeks,
              const struct oj_stream_options *options)
{
	struct oj_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		abort();
	stream->weeks = weeks;
	stream->options = *options;
	stream->random.state = options->seed;
	stream->rest_store_last = store_at(weeks, options->rest_stores);
	stream->rows = weeks->count * options->passes;
	/* What is spoiled must lie within the messages that are sent. */
	if (options->limit > 0 && options->limit / 2 + 1 < stream->rows)
		stream->rows = options->limit / 2 + 1;
	plan_make(stream);
	row_enter(stream);
	return stream;
}

size_t
oj_stream_count_max(const struct oj_stream *stream)
{
	size_t count = 3 * stream->rows + stream->options.spoiled;
	size_t limit = stream->options.limit;

	return limit > 0 && limit < count ? limit : count;
}

bool
oj_stream_next(struct oj_stream *stream, struct oj_message *message)
{
	size_t limit = stream->options.limit;

	do {
		if ((limit > 0 && stream->sent == limit) ||
		    !make_next(stream, message))
			return false;
	} while (!is_wanted(stream, message));
	stream->sent++;
	return true;
}

void
oj_stream_free(struct oj_stream **stream)
{
	if (*stream == NULL)
		return;
	free((*stream)->plan);
	free(*stream);
	*stream = NULL;
}
