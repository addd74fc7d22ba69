/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat does not wait for a standby (the function daemon_beat sees to
 * it), so a recorder that does keeps its lease. A lost heartbeat ends nothing
 * here: the epoch in Postgres and the transactional id in Kafka decide who
 * may write.
 */
#include "gateway/keeper.h"

#include <stdatomic.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/lease.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/crash.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "gateway/daemon_config.h"
#include "gateway/door.h"
#include "gateway/lane.h"

#define KEEPER_MAGIC  0x4b455052u
#define DAYS_EVERY_US (3600 * 1000000ll)

static const struct pgstatement create_days = {
	.name = "keeper_create_days",
	.sql = "select waybill.journal_create_days($1)",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};

struct keeper {
	uint32_t magic;
	struct keeper_options options;
	struct pgconn_options postgres;
	struct pgconn *conn;
	struct thread *thread;
	struct thread_flag *stop;
	struct thread_lock lock; /* of lanes */
	struct lane *lanes[LEASE_LANES_MAX];
	struct door *doors[LEASE_LANES_MAX]; /* never change */
	bool is_leaving[LEASE_LANES_MAX];
	atomic_llong beat_us;
	int64_t days_us;
	atomic_int lanes_wanted;
	char urls[LEASE_LANES_MAX][LEASE_URL_MAX]; /* the lock's */
};

static enum err_code
beat(struct keeper *k, struct err *err)
{
	const struct daemon_config *config = k->options.config;

	if (k->conn == NULL &&
	    pgconn_open(&k->postgres, &k->conn, err) != ERR_OK)
		return err->code;
	if (lease_beat(k->conn, config->daemon, config->url, config->lease_ms,
	               err) != ERR_OK) {
		pgconn_close(&k->conn);
		return err->code;
	}
	atomic_store(&k->beat_us, clock_now_us());
	crash_at(CRASH_LEASE_RENEWED);
	return ERR_OK;
}

/* Days are made a week ahead, long before they are needed. */
static enum err_code
make_days(struct keeper *k, struct err *err)
{
	struct pgnumber room;
	const struct pgvalue values[] = { pgvalue_int4(7, &room) };

	if (k->days_us != 0 && clock_now_us() - k->days_us < DAYS_EVERY_US)
		return ERR_OK;
	if (pgconn_query(k->conn, &create_days, values, NULL, err) != ERR_OK)
		return err_context(err, "making the journal's days");
	k->days_us = clock_now_us();
	return ERR_OK;
}

static int
count_mine(const struct keeper *k)
{
	int count = 0;

	for (int i = 0; i < LEASE_LANES_MAX; i++)
		count += k->lanes[i] != NULL && !k->is_leaving[i];
	return count;
}

static void
start_lane(struct keeper *k, int number)
{
	const struct lane_options options = {
		.config = k->options.config,
		.catalogue = k->options.catalogue,
		.input = k->options.input,
		.door = k->doors[number],
		.stages = k->options.stages,
		.lane = number,
	};

	k->is_leaving[number] = false;
	k->lanes[number] = lane_start(&options);
}

/* Lanes whose thread has ended are freed; they may be taken again. */
static void
sweep(struct keeper *k)
{
	for (int i = 0; i < LEASE_LANES_MAX; i++) {
		if (k->lanes[i] != NULL && lane_has_ended(k->lanes[i])) {
			lane_stop(&k->lanes[i]);
			k->is_leaving[i] = false;
		}
	}
}

/* The fair share is rounded up, so that no lane stays without an owner. */
static void
balance(struct keeper *k, const struct lease_view *view)
{
	int daemons = view->daemons > 0 ? view->daemons : 1;
	int share = (view->lanes + daemons - 1) / daemons;
	int mine = count_mine(k);

	if (share > (int)k->options.config->lanes_max)
		share = (int)k->options.config->lanes_max;
	atomic_store(&k->lanes_wanted, share);
	for (int i = 0; i < view->lanes && mine < share; i++) {
		if (k->lanes[i] == NULL && (view->free[i] || view->mine[i])) {
			start_lane(k, i);
			mine++;
		}
	}
	for (int i = view->lanes - 1; i >= 0 && mine > share; i--) {
		if (k->lanes[i] != NULL && !k->is_leaving[i]) {
			k->is_leaving[i] = true;
			lane_drain(k->lanes[i]);
			mine--;
		}
	}
}

/* A lane that ended while it could not release itself (Postgres away, a batch
   in doubt, diverged) is still this daemon's: without this nobody would run
   it, since its owner lives. An old transaction of it may still commit; who
   claims the lane waits for that. */
static enum err_code
give_back(struct keeper *k, const struct lease_view *view, struct err *err)
{
	for (int i = 0; i < view->lanes; i++) {
		if (view->mine[i] && k->lanes[i] == NULL &&
		    lease_give_back(k->conn, i, view->epoch[i],
		                    k->options.config->daemon, err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

static enum err_code
keep(struct keeper *k, struct err *err)
{
	struct lease_view view;
	enum err_code code;

	if (beat(k, err) != ERR_OK || make_days(k, err) != ERR_OK)
		return err->code;
	code = lease_look(k->conn, k->options.config->daemon, &view, err);
	if (code != ERR_OK)
		return code;
	thread_lock(&k->lock);
	sweep(k);
	balance(k, &view);
	memcpy(k->urls, view.url, sizeof(k->urls));
	thread_unlock(&k->lock);
	return give_back(k, &view, err); /* this thread alone writes lanes */
}

static void
run(void *context)
{
	struct keeper *k = context;
	struct log_scope scope = LOG_SCOPE("lease");
	bool is_failing = false;

	CHECK_MAGIC(k, KEEPER_MAGIC);
	do {
		struct err err = { .code = ERR_OK };

		if (keep(k, &err) != ERR_OK) {
			log_warn(&scope, "failed to keep the lease (%s)",
			         err.text);
			is_failing = true;
			if (k->conn != NULL && pgconn_is_lost(k->conn))
				pgconn_close(&k->conn);
		} else if (is_failing) {
			log_info(&scope, "the lease is kept again");
			is_failing = false;
		}
	} while (!thread_flag_wait(k->stop, k->options.config->lease_ms / 5));
}

/* Heartbeats go on while lanes drain, or others would take them. */
static void
drain_all(struct keeper *k)
{
	bool all_ended = false;
	struct err ignored = { .code = ERR_OK };
	int64_t next_beat_us = 0;

	for (int i = 0; i < LEASE_LANES_MAX; i++) {
		if (k->lanes[i] != NULL)
			lane_drain(k->lanes[i]);
	}
	while (!all_ended) {
		all_ended = true;
		for (int i = 0; i < LEASE_LANES_MAX; i++)
			all_ended &= k->lanes[i] == NULL ||
				lane_has_ended(k->lanes[i]);
		if (clock_now_us() > next_beat_us) {
			/* When it fails others take over: that is safe. */
			if (beat(k, &ignored) != ERR_OK)
				ignored = (struct err){ .code = ERR_OK };
			next_beat_us = clock_now_us() +
				k->options.config->lease_ms * 200;
		}
		if (!all_ended)
			clock_sleep_ms(10);
	}
	for (int i = 0; i < LEASE_LANES_MAX; i++)
		lane_stop(&k->lanes[i]);
}

static enum submission_outcome
offer(void *keeper, struct submission_part *part)
{
	struct keeper *k = keeper;

	CHECK_MAGIC(k, KEEPER_MAGIC);
	CHECK(part->lane >= 0 && part->lane < LEASE_LANES_MAX);
	return door_offer(k->doors[part->lane], part);
}

/* -- public ---------------------------------------------------------------- */

enum err_code
keeper_start(const struct keeper_options *options, struct keeper **out,
             struct err *err)
{
	struct keeper *k = memory_calloc(1, sizeof(*k));
	const struct daemon_config *config = options->config;

	k->magic = KEEPER_MAGIC;
	k->options = *options;
	k->postgres = (struct pgconn_options){
		.conninfo = config->connection,
		.application = "waybill lease",
		.role = config->role[0] == '\0' ? NULL : config->role,
		.timeout_ms = config->lease_ms,
	};
	k->stop = thread_flag_new();
	thread_lock_init(&k->lock, THREAD_RANK_CATALOGUE);
	for (int i = 0; i < LEASE_LANES_MAX; i++)
		k->doors[i] = door_new((size_t)config->door_bytes);
	if (beat(k, err) != ERR_OK || make_days(k, err) != ERR_OK) {
		keeper_stop(&k);
		return err->code;
	}
	k->thread = thread_new("keeper", run, k);
	*out = k;
	return ERR_OK;
}

void
keeper_stop(struct keeper **handle)
{
	struct keeper *k = *handle;
	struct err ignored = { .code = ERR_OK };

	*handle = NULL;
	if (k == NULL)
		return;
	CHECK_MAGIC(k, KEEPER_MAGIC);
	thread_flag_set(k->stop);
	thread_join(&k->thread);
	drain_all(k);
	/* Where this fails the deadline passes by itself. */
	if (k->conn != NULL &&
	    lease_leave(k->conn, k->options.config->daemon, &ignored) != ERR_OK)
		ignored = (struct err){ .code = ERR_OK };
	pgconn_close(&k->conn);
	for (int i = 0; i < LEASE_LANES_MAX; i++)
		door_free(&k->doors[i]);
	thread_flag_free(&k->stop);
	thread_lock_fini(&k->lock);
	memory_release(k);
}

bool
keeper_is_ready(struct keeper *k, struct text *why)
{
	int64_t age_us = clock_now_us() - atomic_load(&k->beat_us);
	bool ready = true;
	int owned = 0;

	if (age_us > k->options.config->lease_ms * 1000) {
		text_add(why, "the heartbeat in Postgres is overdue\n");
		ready = false;
	}
	thread_lock(&k->lock);
	for (int i = 0; i < LEASE_LANES_MAX; i++) {
		enum lane_state state;

		if (k->lanes[i] == NULL)
			continue;
		owned++;
		state = lane_state(k->lanes[i]);
		if (state == LANE_RUNNING || state == LANE_DRAINING)
			continue;
		text_addf(why, "lane %d is %s\n", i, lane_state_name(state));
		ready = false;
	}
	thread_unlock(&k->lock);
	if (owned == 0 && atomic_load(&k->lanes_wanted) > 0)
		text_add(why, "no lane is owned yet\n");
	return ready && (owned > 0 || atomic_load(&k->lanes_wanted) == 0);
}

struct submission_lanes
keeper_lanes(struct keeper *k)
{
	return (struct submission_lanes){ .offer = offer, .context = k };
}

bool
keeper_is_away(const struct keeper *k, int lane)
{
	CHECK(lane >= 0 && lane < LEASE_LANES_MAX);
	return door_state(k->doors[lane]) == DOOR_AWAY;
}

bool
keeper_owner(struct keeper *k, int lane, char out_url[LEASE_URL_MAX])
{
	bool is_known;

	CHECK(lane >= 0 && lane < LEASE_LANES_MAX);
	thread_lock(&k->lock);
	is_known = k->urls[lane][0] != '\0';
	if (is_known)
		memcpy(out_url, k->urls[lane], LEASE_URL_MAX);
	thread_unlock(&k->lock);
	return is_known;
}

bool
keeper_progress(struct keeper *k, int lane, const char *cluster,
                const struct feed *feed, int *out_incarnation, int64_t *out_seq)
{
	bool is_known = false;

	CHECK(lane >= 0 && lane < LEASE_LANES_MAX);
	thread_lock(&k->lock);
	if (k->lanes[lane] != NULL)
		is_known = lane_progress(k->lanes[lane], cluster, feed,
		                         out_incarnation, out_seq);
	thread_unlock(&k->lock);
	return is_known;
}

void
keeper_print(struct keeper *k, struct text *out)
{
	bool first = true;

	text_add(out, "[");
	thread_lock(&k->lock);
	for (int i = 0; i < LEASE_LANES_MAX; i++) {
		if (k->lanes[i] == NULL)
			continue;
		if (!first)
			text_add(out, ",");
		first = false;
		lane_print(k->lanes[i], out);
	}
	thread_unlock(&k->lock);
	text_add(out, "]");
}
