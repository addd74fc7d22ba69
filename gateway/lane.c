/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder. States are a table; each is a function that returns the next
 * state. At most one batch is with Postgres while the next is gathered and
 * judged, so batches grow with the load and are small when there is little.
 */
#include "gateway/lane.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/batch_part.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/crash.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/door.h"
#include "gateway/gather.h"
#include "gateway/lane_note.h"
#include "gateway/lane_parts.h"
#include "gateway/lane_routes.h"
#include "gateway/lane_stages.h"
#include "gateway/road_metric.h"

#define LANE_MAGIC      0x4c414e45u
#define GATHER_WAIT_MS  50
#define ANSWER_WAIT_MS  2
#define VERDICT_WAIT_MS 20000
#define RETRY_MS        500
#define REASSIGN_US     (2 * 1000000)

struct lane {
	uint32_t magic;
	struct lane_options options;
	struct thread *thread;
	struct thread_flag *drain;
	atomic_int state;
	atomic_bool ended;

	/* the recorder's own */
	struct journal *journal;
	struct gather *gather;
	const struct deployment *deployment;
	struct lane_stages stages;
	struct lane_routes routes;
	struct batch *sent;   /* with Postgres */
	bool sent_has_failed; /* it surely is not recorded */
	struct batch *ready;  /* judged and grouped, not sent */
	int64_t sent_us;
	int64_t follow_us;
	bool follow_failed; /* the newest catalogue is not followed yet */
	struct lane_note note;
	bool fails_again;
	struct lane_metric *metric;
	atomic_llong epoch, next_seq;
};

static struct log_scope
scope_of(const struct lane *lane)
{
	struct log_scope scope = LOG_SCOPE("lane");

	scope.lane = lane->options.lane;
	return scope;
}

static bool
is_draining(const struct lane *lane)
{
	return thread_flag_is_set(lane->drain);
}

static void
set_door(struct lane *lane, enum door_state state)
{
	if (lane->options.door != NULL)
		door_set(lane->options.door, state);
}

static void
publish(struct lane *lane)
{
	const struct journal_lane *row = journal_lane(lane->journal);

	atomic_store(&lane->epoch, row->epoch);
	atomic_store(&lane->next_seq, row->next_seq);
	road_metric_state(lane->metric, row->epoch, row->next_seq,
	                  atomic_load(&lane->state) == LANE_RUNNING);
}

/* -- taking the lane --------------------------------------------------------- */

static enum err_code
claim(struct lane *lane, bool *out_timeline_changed, struct err *err)
{
	const struct daemon_config *config = lane->options.config;
	const struct journal_options options = {
		.conninfo = config->connection,
		.role = config->role[0] == '\0' ? NULL : config->role,
		.daemon = config->daemon,
		.lane = lane->options.lane,
		.timeout_ms = config->postgres_timeout_ms,
	};
	enum err_code code;

	if (journal_open(&options, &lane->journal, err) != ERR_OK)
		return err->code;
	code = journal_claim(lane->journal, err);
	*out_timeline_changed = code == ERR_POSTGRES_TIMELINE;
	return code == ERR_POSTGRES_TIMELINE ? ERR_OK : code;
}

static void
follow_routes(struct lane *lane)
{
	const struct forwarder_options options = {
		.config = lane->options.config,
		.catalogue = lane->options.catalogue,
		.lane = lane->options.lane,
	};

	lane_routes_follow(&lane->routes, &options, lane->deployment,
	                   journal_lane(lane->journal));
}

/* Divergence is looked for on every reachable cluster before the first write,
   however slow it is where Postgres has another history than the last owner
   knew; one that cannot be reached, or else takes too long (a cluster that is
   half alive), is looked at when it answers: it stops no recording.
   ERR_STOPPED: draining was faster. */
static enum err_code
wait_for_verdict(struct lane *lane, bool timeline_changed, struct err *err)
{
	int64_t deadline = clock_now_us() + VERDICT_WAIT_MS * 1000;
	enum forwarder_verdict verdict;

	while ((verdict = lane_routes_ask(&lane->routes)) == FORWARDER_WAIT &&
	       (timeline_changed || clock_now_us() < deadline)) {
		if (is_draining(lane))
			return err_set(err, ERR_STOPPED,
			               "while a cluster was recovering");
		thread_flag_wait(lane->drain, 20);
	}
	if (verdict == FORWARDER_LOST)
		return err_set(err, ERR_LANE_LOST, "found while recovering");
	if (verdict == FORWARDER_DIVERGED)
		return err_set(err, ERR_DIVERGED, "found while recovering");
	return ERR_OK;
}

static enum err_code
begin_to_gather(struct lane *lane, struct err *err)
{
	const struct gather_options options = {
		.input = lane->options.input,
		.door = lane->options.door,
		.lane = lane->options.lane,
		.batch_messages = (size_t)lane->options.config->batch_messages,
		.batch_bytes = (size_t)lane->options.config->batch_bytes,
		.headers_bytes = GATHER_HEADERS_BYTES_MAX,
	};

	lane->gather = gather_new(&options);
	if (journal_positions(lane->journal, gather_set_position, lane->gather,
	                      err) != ERR_OK)
		return err->code;
	lane->follow_us = clock_now_us();
	lane->follow_failed = false;
	return gather_follow(lane->gather, lane->deployment,
	                     journal_conn(lane->journal), err);
}

static enum err_code
take(struct lane *lane, struct err *err)
{
	struct log_scope scope = scope_of(lane);
	bool timeline_changed = false;

	lane->deployment = catalogue_take(lane->options.catalogue);
	if (claim(lane, &timeline_changed, err) != ERR_OK)
		return err->code;
	log_info(&scope, "lane taken at epoch %lld",
	         (long long)journal_lane(lane->journal)->epoch);
	if (journal_lane(lane->journal)->is_diverged)
		return err_set(err, ERR_DIVERGED, "marked so before");
	follow_routes(lane);
	if (wait_for_verdict(lane, timeline_changed, err) != ERR_OK)
		return err->code;
	if (timeline_changed) {
		if (journal_accept_timeline(lane->journal, err) != ERR_OK)
			return err->code;
		log_warn(&scope,
		         "Postgres has another timeline: a new "
		         "incarnation begins (%d)",
		         journal_lane(lane->journal)->incarnation);
		lane_routes_tell(&lane->routes, journal_lane(lane->journal));
	}
	/* What is tried again may fail again: people see why until then. An
	   earlier owner's reasons are not ours. */
	lane_note_write(&lane->note, lane->journal);
	if (lane_stages_load(&lane->stages, lane->journal, lane->deployment,
	                     err) != ERR_OK ||
	    begin_to_gather(lane, err) != ERR_OK)
		return err->code;
	crash_at(CRASH_LANE_RECOVERED);
	return ERR_OK;
}

/* Everything of one ownership ends; what was not recorded is read again, or
   waits at the door. */
static void
let_go(struct lane *lane)
{
	journal_close(&lane->journal);
	lane_parts_return(&lane->ready, lane->options.door);
	if (lane->sent_has_failed)
		lane_parts_return(&lane->sent, lane->options.door);
	lane_parts_forsake(&lane->sent);
	batch_unref(&lane->ready);
	lane_routes_stop(&lane->routes);
	gather_free(&lane->gather);
	deployment_unref(&lane->deployment);
}

/* -- the road ---------------------------------------------------------------- */

/* The batch is recorded: who waits for it hears so, the forwarders get it. */
static void
answer(struct lane *lane)
{
	lane->sent->recorded_ms = clock_wall_ms();
	lane_note_settle(&lane->note);
	batch_part_settle(lane->sent);
	lane_routes_offer(&lane->routes, lane->sent);
	road_metric_recorded(lane->metric, lane->sent,
	                     clock_now_us() - lane->sent_us);
	batch_unref(&lane->sent);
	publish(lane);
	crash_at(CRASH_ANSWERED);
}

static enum err_code
finish_sent(struct lane *lane, struct err *err)
{
	if (lane->sent == NULL)
		return ERR_OK;
	if (journal_wait(lane->journal, err) != ERR_OK) {
		/* Not recorded: it goes again, unless nobody knows. */
		lane->sent_has_failed = err->code != ERR_POSTGRES_UNKNOWN;
		if (err->code != ERR_POSTGRES_UNKNOWN && lane->ready == NULL) {
			lane->ready = lane->sent;
			lane->sent = NULL;
		}
		return err->code;
	}
	answer(lane);
	return ERR_OK;
}

static enum err_code
send_ready(struct lane *lane, struct err *err)
{
	CHECK(lane->sent == NULL);
	if (lane->ready == NULL)
		return ERR_OK;
	gather_positions(lane->gather, lane->ready,
	                 journal_wants_full(lane->journal));
	lane->sent_us = clock_now_us();
	if (journal_send(lane->journal, lane->ready, err) != ERR_OK)
		return err->code;
	lane->sent = lane->ready;
	lane->sent_has_failed = false;
	lane->ready = NULL;
	lane_stages_numbered(&lane->stages, lane->sent);
	return ERR_OK;
}

static bool
is_catalogue_new(const struct lane *lane)
{
	return lane->deployment->version !=
		catalogue_version(lane->options.catalogue);
}

static bool
wants_to_follow(const struct lane *lane)
{
	if (!lane->follow_failed && !gather_is_incomplete(lane->gather))
		return is_catalogue_new(lane);
	return clock_now_us() - lane->follow_us > REASSIGN_US;
}

static enum err_code
follow_catalogue(struct lane *lane, struct err *err)
{
	struct log_scope scope = scope_of(lane);
	const struct deployment *fresh;

	if (lane->sent != NULL || lane->ready != NULL || !wants_to_follow(lane))
		return ERR_OK;
	lane->follow_us = clock_now_us();
	fresh = is_catalogue_new(lane) ? catalogue_take(lane->options.catalogue)
				       : deployment_ref(lane->deployment);
	if (gather_follow(lane->gather, fresh, journal_conn(lane->journal),
	                  err) != ERR_OK) {
		deployment_unref(&fresh);
		if (pgconn_is_lost(journal_conn(lane->journal)))
			return err->code;
		/* What is new waits; what is old goes on. */
		log_warn(&scope, "the last catalogue stays in force (%s)",
		         err->text);
		*err = (struct err){ .code = ERR_OK };
		lane->follow_failed = true;
		return ERR_OK;
	}
	lane->follow_failed = false;
	deployment_unref(&lane->deployment);
	lane->deployment = fresh;
	follow_routes(lane);
	return ERR_OK;
}

static enum err_code
gather_ready(struct lane *lane, struct err *err)
{
	int64_t wait_ms = lane->sent == NULL ? GATHER_WAIT_MS : 0;

	/* The catalogue is followed between batches: under a load that never
	   ends there is no such moment, unless it is made. */
	if (lane->ready == NULL &&
	    (lane->sent == NULL || !wants_to_follow(lane)))
		lane->ready =
			gather_next(lane->gather, lane->deployment, wait_ms);
	/* Without blocks it is not judged yet: a stage has failed. */
	if (lane->ready == NULL || lane->ready->block_count > 0)
		return ERR_OK;
	return lane_stages_judge(&lane->stages, &lane->ready,
	                         lane->options.config, err);
}

static bool
is_overdue(const struct lane *lane)
{
	return clock_now_us() - lane->sent_us >
		lane->options.config->postgres_timeout_ms * 1000;
}

/* One turn: what is with Postgres is waited for only when there is something
   to send behind it, or nothing else to do. */
static enum err_code
turn(struct lane *lane, struct err *err)
{
	enum forwarder_verdict verdict = lane_routes_ask(&lane->routes);

	if (lane_routes_sweep(&lane->routes))
		follow_routes(lane);
	if (verdict == FORWARDER_DIVERGED)
		return err_set(err, ERR_DIVERGED, "a cluster came back");
	if (verdict == FORWARDER_LOST)
		return err_set(err, ERR_LANE_LOST, "a forwarder found it");
	if (follow_catalogue(lane, err) != ERR_OK ||
	    gather_ready(lane, err) != ERR_OK)
		return err->code;
	/* An answer that never comes is an unknown outcome, also when nothing
	   else is to be done: waiting for it tells. */
	if (lane->sent != NULL &&
	    (lane->ready != NULL || is_overdue(lane) ||
	     journal_has_answer(lane->journal, ANSWER_WAIT_MS)) &&
	    finish_sent(lane, err) != ERR_OK)
		return err->code;
	if (lane->sent == NULL) {
		gather_commit_offsets(lane->gather);
		if (gather_write_down(lane->gather, journal_conn(lane->journal),
		                      err) != ERR_OK)
			return err->code;
		lane_note_follow(&lane->note, lane->journal,
		                 gather_look(lane->gather),
		                 lane->ready != NULL);
		return send_ready(lane, err);
	}
	return ERR_OK;
}

/* -- states ------------------------------------------------------------------ */

static void
mark_diverged(struct lane *lane, const struct err *why)
{
	struct log_scope scope = scope_of(lane);
	struct err err = { .code = ERR_OK };
	char reason[ERR_TEXT_MAX];

	snprintf(reason, sizeof(reason), "%s", why->text);
	lane_routes_reason(&lane->routes, reason, sizeof(reason));
	log_error(&scope,
	          "the lane has diverged, it records nothing until it "
	          "is reconciled (%s)",
	          reason);
	if (lane->journal == NULL || journal_lane(lane->journal)->is_diverged)
		return; /* the row has the first reason, and since when */
	if (finish_sent(lane, &err) != ERR_OK ||
	    journal_mark_diverged(lane->journal, reason, &err) != ERR_OK)
		log_warn(&scope, "failed to write that down (%s)", err.text);
}

/* What an error of the road means for the lane. */
static enum lane_state
state_after(struct lane *lane, const struct err *err)
{
	struct log_scope scope = scope_of(lane);

	/* What was not sent waits at the door, where it is not for long. */
	if (err->code != ERR_POSTGRES_TIMELINE &&
	    err->code != ERR_POSTGRES_UNKNOWN)
		set_door(lane, DOOR_SHUT);
	lane_parts_return(&lane->ready, lane->options.door);
	switch (err->code) {
	case ERR_LANE_LOST:
		log_warn(&scope, "the lane is lost (%s)", err->text);
		return LANE_STOPPED;
	case ERR_DIVERGED:
		mark_diverged(lane, err);
		return LANE_DIVERGED;
	case ERR_POSTGRES_TIMELINE:
		log_warn(&scope, "taking the lane anew (%s)", err->text);
		return LANE_TAKING;
	case ERR_POSTGRES_UNKNOWN:
		log_warn(&scope,
		         "what became of a batch is unknown, finding "
		         "out (%s)",
		         err->text);
		lane->fails_again = lane_note_keep(&lane->note, err);
		return LANE_UNKNOWN;
	default:
		log_warn(&scope, "recording waits (%s)", err->text);
		lane->fails_again = lane_note_keep(&lane->note, err);
		return LANE_WAITING;
	}
}

static enum lane_state
do_taking(struct lane *lane)
{
	struct err err = { .code = ERR_OK };
	enum lane_state next;

	let_go(lane);
	if (take(lane, &err) == ERR_OK)
		return LANE_RUNNING;
	if (err.code == ERR_STOPPED && lane->journal != NULL)
		return LANE_DRAINING;
	next = state_after(lane, &err);
	if (next == LANE_DIVERGED || next == LANE_STOPPED)
		return next;
	thread_flag_wait(lane->drain, RETRY_MS);
	return LANE_TAKING;
}

static enum lane_state
do_running(struct lane *lane)
{
	struct err err = { .code = ERR_OK };

	publish(lane);
	set_door(lane, DOOR_OPEN);
	while (!is_draining(lane)) {
		if (turn(lane, &err) != ERR_OK)
			return state_after(lane, &err);
	}
	return LANE_DRAINING;
}

/* While nothing was fetched, a topic may have been made anew. */
static void
doubt_input(struct lane *lane)
{
	gather_doubt(lane->gather);
	lane->follow_us = 0; /* now, not in a while */
}

static enum lane_state
do_unknown(struct lane *lane)
{
	struct log_scope scope = scope_of(lane);
	struct err err = { .code = ERR_OK };
	bool recorded = false;

	if (is_draining(lane))
		return LANE_STOPPED;
	if (journal_resolve(lane->journal, &recorded, &err) != ERR_OK) {
		if (err.code == ERR_LANE_LOST ||
		    err.code == ERR_POSTGRES_TIMELINE)
			return state_after(lane, &err);
		log_warn(&scope, "still unknown (%s)", err.text);
		set_door(lane, DOOR_SHUT);
		thread_flag_wait(lane->drain, RETRY_MS);
		return LANE_UNKNOWN;
	}
	log_info(&scope, "the batch was %srecorded", recorded ? "" : "not ");
	lane_routes_tell(&lane->routes, journal_lane(lane->journal));
	if (recorded) {
		answer(lane);
		doubt_input(lane);
		return lane_stages_load(&lane->stages, lane->journal,
		                        lane->deployment, &err) == ERR_OK
			? LANE_RUNNING
			: state_after(lane, &err);
	}
	lane->sent_has_failed = true;
	/* It goes again, before what was gathered behind it: both are read
	   anew from their positions. A server that is full refuses again and
	   again, and each time costs an epoch and all transactions. */
	if (lane->fails_again)
		thread_flag_wait(lane->drain, RETRY_MS);
	return LANE_TAKING;
}

static enum lane_state
do_waiting(struct lane *lane)
{
	struct log_scope scope = scope_of(lane);
	struct err err = { .code = ERR_OK };

	if (is_draining(lane))
		return LANE_STOPPED;
	thread_flag_wait(lane->drain, RETRY_MS);
	if (lane->sent != NULL || lane->journal == NULL)
		return LANE_TAKING;
	if (journal_reconnect(lane->journal, &err) != ERR_OK ||
	    lane_stages_load(&lane->stages, lane->journal, lane->deployment,
	                     &err) != ERR_OK) {
		if (err.code == ERR_LANE_LOST ||
		    err.code == ERR_POSTGRES_TIMELINE)
			return state_after(lane, &err);
		log_warn(&scope, "Postgres does not answer yet (%s)", err.text);
		return LANE_WAITING;
	}
	lane_routes_tell(&lane->routes, journal_lane(lane->journal));
	lane_note_write(&lane->note, lane->journal);
	doubt_input(lane);
	log_info(&scope, "Postgres answers, recording is tried again");
	return LANE_RUNNING;
}

static enum lane_state
do_diverged(struct lane *lane)
{
	lane_parts_return(&lane->ready, lane->options.door);
	thread_flag_wait(lane->drain, -1);
	return LANE_STOPPED;
}

/* What is with Postgres is waited for, what was gathered is left; the
   forwarders get some time. */
static enum lane_state
do_draining(struct lane *lane)
{
	struct log_scope scope = scope_of(lane);
	struct err err = { .code = ERR_OK };
	int64_t deadline =
		clock_now_us() + lane->options.config->drain_ms * 1000;

	set_door(lane, DOOR_SHUT);
	lane_parts_return(&lane->ready, lane->options.door);
	if (finish_sent(lane, &err) != ERR_OK) {
		log_warn(&scope, "stopping with a batch under way (%s)",
		         err.text);
		return LANE_STOPPED;
	}
	while (!lane_routes_are_idle(&lane->routes) &&
	       clock_now_us() < deadline)
		clock_sleep_ms(10);
	lane_routes_stop(&lane->routes);
	lane_note_clear(&lane->note, lane->journal);
	if (journal_release(lane->journal, &err) != ERR_OK)
		log_warn(&scope, "failed to release the lane (%s)", err.text);
	else
		log_info(&scope, "lane released");
	return LANE_STOPPED;
}

static enum lane_state (*const states[])(struct lane *) = {
	[LANE_TAKING] = do_taking,     [LANE_RUNNING] = do_running,
	[LANE_UNKNOWN] = do_unknown,   [LANE_WAITING] = do_waiting,
	[LANE_DIVERGED] = do_diverged, [LANE_DRAINING] = do_draining,
};

static void
run(void *context)
{
	struct lane *lane = context;
	enum lane_state state = LANE_TAKING;

	CHECK_MAGIC(lane, LANE_MAGIC);
	while (state != LANE_STOPPED) {
		if (state == LANE_TAKING && is_draining(lane))
			break;
		atomic_store(&lane->state, (int)state);
		state = states[state](lane);
	}
	/* First: what is given back is not to wait. */
	set_door(lane, DOOR_AWAY);
	let_go(lane);
	road_metric_state(lane->metric, 0, 0, 0);
	atomic_store(&lane->state, LANE_STOPPED);
	atomic_store(&lane->ended, true);
}

/* -- public ---------------------------------------------------------------- */

struct lane *
lane_start(const struct lane_options *options)
{
	struct lane *lane = memory_calloc(1, sizeof(*lane));
	char name[16];

	lane->magic = LANE_MAGIC;
	lane->options = *options;
	lane->note.lane = options->lane;
	lane->drain = thread_flag_new();
	lane_routes_init(&lane->routes);
	lane->metric = road_metric_lane(options->lane);
	set_door(lane, DOOR_OPEN);
	lane_stages_init(&lane->stages, options->stages);
	snprintf(name, sizeof(name), "lane-%d", options->lane);
	lane->thread = thread_new(name, run, lane);
	return lane;
}

void
lane_drain(struct lane *lane)
{
	thread_flag_set(lane->drain);
}

bool
lane_has_ended(const struct lane *lane)
{
	return atomic_load(&lane->ended);
}

void
lane_stop(struct lane **handle)
{
	struct lane *lane = *handle;

	*handle = NULL;
	if (lane == NULL)
		return;
	CHECK_MAGIC(lane, LANE_MAGIC);
	thread_flag_set(lane->drain);
	thread_join(&lane->thread);
	lane_stages_fini(&lane->stages);
	thread_flag_free(&lane->drain);
	lane_routes_fini(&lane->routes);
	road_metric_lane_free(&lane->metric);
	memory_release(lane);
}

enum lane_state
lane_state(const struct lane *lane)
{
	return (enum lane_state)atomic_load(&lane->state);
}

bool
lane_progress(struct lane *lane, const char *cluster, const struct feed *feed,
              int *out_incarnation, int64_t *out_seq)
{
	return lane_routes_progress(&lane->routes, cluster, feed,
	                            out_incarnation, out_seq);
}

void
lane_print(struct lane *lane, struct text *out)
{
	text_addf(out,
	          "{\"lane\":%d,\"state\":\"%s\",\"epoch\":%lld,"
	          "\"next_seq\":%lld,\"routes\":[",
	          lane->options.lane, lane_state_name(lane_state(lane)),
	          (long long)atomic_load(&lane->epoch),
	          (long long)atomic_load(&lane->next_seq));
	lane_routes_print(&lane->routes, out);
	text_add(out, "]}");
}
