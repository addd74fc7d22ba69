/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Postgres' clock is asked when the lane is taken; from then on this process'
 * monotonic clock goes on from there, so that no wall clock that is set makes
 * the window shorter.
 */
#include "replay/lane_recent.h"

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/stage.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "replay/recent.h"

static const struct pgstatement read_time = {
	.name = "lane_recent_read_time",
	.sql = "select now()",
};

static int64_t
now_ms(const struct lane_recent *r)
{
	return clock_now_us() / 1000 + r->ahead_ms;
}

static enum err_code
follow_clock(struct lane_recent *r, struct pgconn *conn, struct err *err)
{
	struct pgrows *rows = NULL;

	if (pgconn_query(conn, &read_time, NULL, &rows, err) != ERR_OK)
		return err->code;
	r->ahead_ms = pgrows_time_ms(rows, 0, 0) - clock_now_us() / 1000;
	pgrows_free(&rows);
	recent_advance(r->recent, now_ms(r) / 60000);
	return ERR_OK;
}

/* Whether what is remembered is of the history that the lane is in. Below a
   batch that was followed by another one everything was known to be recorded:
   where it is not, this is an older Postgres. */
static bool
is_same_history(const struct lane_recent *r, const struct stage_lane *lane)
{
	return r->is_loaded && r->lane == lane->lane &&
		r->incarnation == lane->incarnation &&
		r->sent <= lane->next_seq;
}

/* -- public ---------------------------------------------------------------- */

void
lane_recent_init(struct lane_recent *r, size_t count_max,
                 int64_t window_minutes)
{
	*r = (struct lane_recent){ .window_ms = window_minutes * 60000 };
	r->recent = recent_new(count_max, window_minutes);
}

void
lane_recent_fini(struct lane_recent *r)
{
	recent_free(&r->recent);
	memory_free(&r->seqs);
}

enum err_code
lane_recent_follow(struct lane_recent *r, const struct stage_lane *lane,
                   struct lane_recent_gap *out, struct err *err)
{
	r->judged_batch = NULL;
	r->sent_batch = NULL;
	if (follow_clock(r, lane->conn, err) != ERR_OK)
		return err->code;
	*out = (struct lane_recent_gap){
		.since_ms = now_ms(r) - r->window_ms,
		.is_open = true,
	};
	if (!is_same_history(r, lane)) {
		recent_clear(r->recent);
		r->is_loaded = false; /* until all is read */
		return ERR_OK;
	}
	recent_forget(r->recent, lane->next_seq);
	out->incarnation = lane->incarnation;
	out->seq = r->covered;
	out->is_open = r->covered < lane->next_seq;
	r->is_loaded = !out->is_open;
	return ERR_OK;
}

void
lane_recent_loaded(struct lane_recent *r, const struct stage_lane *lane)
{
	r->lane = lane->lane;
	r->incarnation = lane->incarnation;
	r->covered = lane->next_seq;
	r->sent = lane->next_seq;
	r->is_loaded = true;
}

void
lane_recent_begin(struct lane_recent *r, const struct batch *batch)
{
	CHECK(r->is_loaded);
	r->judged_batch = batch;
	recent_advance(r->recent, now_ms(r) / 60000);
	recent_begin(r->recent);
}

bool
lane_recent_has_judged(const struct lane_recent *r, const struct batch *batch)
{
	return batch == r->judged_batch || batch == r->sent_batch;
}

void
lane_recent_number(struct lane_recent *r, const struct batch *batch)
{
	CHECK(r->is_loaded && r->incarnation == batch->incarnation);
	CHECK(lane_recent_has_judged(r, batch));
	r->sent_batch = batch;
	r->covered = batch->last_seq + 1;
	r->sent = batch->first_seq;
	if (!recent_is_pending(r->recent))
		return;
	if (batch->count > r->seq_size) {
		r->seq_size = batch->count;
		r->seqs =
			memory_realloc(r->seqs, r->seq_size * sizeof(*r->seqs));
	}
	for (size_t i = 0; i < batch->count; i++) {
		CHECK(batch->messages[i].tag < batch->count);
		r->seqs[batch->messages[i].tag] = batch->messages[i].seq;
	}
	recent_number(r->recent, batch->incarnation, batch->first_seq, r->seqs,
	              batch->count);
}
