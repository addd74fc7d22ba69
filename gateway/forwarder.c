/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The forwarder's thread. What it carries next is decided by seq alone: the
 * ring's batch if it is the next one, the journal's otherwise.
 */
#include "gateway/forwarder.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/queue.h"
#include "base/runtime/thread.h"
#include "gateway/carrier.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/road_metric.h"

#define FORWARDER_MAGIC 0x46574452u
#define RING_ITEMS_MAX  4096
#define IDLE_WAIT_MS    100
#define RETRY_MS        500
#define RETRY_MAX_MS    5000
#define MARK_EVERY_US   1000000
#define MARK_TIMEOUT_MS 2000

/* The lane as its recorder last told. */
struct told {
	int incarnation;
	int64_t seq; /* the last recorded one */
	struct carrier_lane lane;
};

struct forwarder {
	uint32_t magic;
	struct forwarder_options options;
	char *cluster;
	struct thread *thread;
	struct thread_flag *stop;
	struct queue *ring;
	struct thread_lock lock; /* of told, reason and parked */
	struct told told;
	char reason[ERR_TEXT_MAX];
	struct progress_parked *parked; /* as of seq */
	size_t parked_count;
	atomic_int state;
	atomic_int verdict;
	atomic_bool ended;
	atomic_llong seq;
	atomic_int incarnation;

	/* the thread's own */
	struct carrier *carrier;
	const struct deployment *deployment;
	struct batch *ahead; /* out of the ring, not yet its turn */
	struct batch *held[TRANSACTION_BATCHES_MAX];
	size_t held_count;
	int64_t cursor; /* last seq that is held, or carried */
	int64_t marked_us;
	bool read_journal;
	bool is_outdated; /* the catalogue opens the cluster otherwise */
	uint8_t cluster_digest[DIGEST_SHA256_LEN]; /* as it was opened */
	struct route_metric *metric;
};

static struct log_scope
scope_of(const struct forwarder *f)
{
	struct log_scope scope = LOG_SCOPE("forward");

	scope.cluster = f->cluster;
	scope.lane = f->options.lane;
	return scope;
}

static struct told
told_of(struct forwarder *f)
{
	struct told told;

	thread_lock(&f->lock);
	told = f->told;
	thread_unlock(&f->lock);
	return told;
}

static void
set_state(struct forwarder *f, enum route_state state, const char *reason)
{
	thread_lock(&f->lock);
	snprintf(f->reason, sizeof(f->reason), "%s", reason);
	thread_unlock(&f->lock);
	if (atomic_exchange(&f->state, (int)state) != (int)state)
		f->marked_us = 0;
}

static void
drop_held(struct forwarder *f)
{
	for (size_t i = 0; i < f->held_count; i++)
		batch_unref(&f->held[i]);
	f->held_count = 0;
	if (f->carrier != NULL)
		f->cursor = carrier_seq(f->carrier);
}

static void
take_catalogue(struct forwarder *f)
{
	if (f->deployment != NULL &&
	    f->deployment->version == catalogue_version(f->options.catalogue))
		return;
	deployment_unref(&f->deployment);
	f->deployment = catalogue_take(f->options.catalogue);
}

static void
note_progress(struct forwarder *f)
{
	const struct parking *parking = carrier_parking(f->carrier);

	thread_lock(&f->lock);
	atomic_store(&f->incarnation, carrier_incarnation(f->carrier));
	atomic_store(&f->seq, carrier_seq(f->carrier));
	if (parking->count > f->parked_count)
		f->parked = memory_realloc(f->parked,
		                           parking->count * sizeof(*f->parked));
	f->parked_count = parking->count;
	for (size_t i = 0; i < parking->count; i++)
		f->parked[i] = parking->places[i].parked;
	thread_unlock(&f->lock);
}

/* -- what comes next --------------------------------------------------------- */

static bool
is_past(const struct forwarder *f, const struct batch *batch)
{
	int incarnation = carrier_incarnation(f->carrier);

	return batch->incarnation < incarnation ||
		(batch->incarnation == incarnation &&
	         batch->last_seq <= f->cursor);
}

/* The ring's next batch stays in ahead until its turn. */
static void
look_into_ring(struct forwarder *f, int64_t wait_ms)
{
	while (f->ahead == NULL || is_past(f, f->ahead)) {
		batch_unref(&f->ahead);
		f->ahead = queue_pop(f->ring, wait_ms);
		if (f->ahead == NULL)
			return;
	}
}

static bool
is_behind(struct forwarder *f)
{
	struct told told = told_of(f);
	int incarnation = carrier_incarnation(f->carrier);

	return told.incarnation > incarnation || told.seq > f->cursor;
}

static enum err_code
next_from_journal(struct forwarder *f, struct batch **out, struct err *err)
{
	int incarnation = carrier_incarnation(f->carrier);

	f->read_journal = true;
	if (carrier_read(f->carrier, f->deployment, incarnation, f->cursor, out,
	                 err) != ERR_OK)
		return err->code;
	if (*out != NULL || told_of(f).incarnation == incarnation ||
	    f->held_count > 0)
		return ERR_OK;
	/* The end of an older incarnation, and all of it is carried. */
	if (carrier_next_incarnation(f->carrier, err) != ERR_OK)
		return err->code;
	f->cursor = 0;
	note_progress(f);
	return ERR_OK;
}

/* *out NULL: nothing is there now. */
static enum err_code
next_batch(struct forwarder *f, int64_t wait_ms, struct batch **out,
           struct err *err)
{
	*out = NULL;
	look_into_ring(f, wait_ms);
	if (f->ahead != NULL &&
	    f->ahead->incarnation == carrier_incarnation(f->carrier) &&
	    f->ahead->first_seq == f->cursor + 1) {
		*out = f->ahead;
		f->ahead = NULL;
	} else if (f->ahead != NULL || is_behind(f)) {
		if (next_from_journal(f, out, err) != ERR_OK)
			return err->code;
	}
	if (*out != NULL)
		f->cursor = (*out)->last_seq;
	return ERR_OK;
}

/* Whole batches up to the limits of a transaction; waits for the first. */
static enum err_code
collect(struct forwarder *f, struct err *err)
{
	const struct daemon_config *config = f->options.config;
	size_t messages = 0, bytes = 0;

	f->read_journal = false;
	for (size_t i = 0; i < f->held_count; i++) {
		messages += f->held[i]->count;
		bytes += f->held[i]->bytes;
	}
	while (f->held_count < TRANSACTION_BATCHES_MAX) {
		struct batch *batch = NULL;

		if (messages > 0 &&
		    (messages + (size_t)config->batch_messages >
		             (size_t)config->transaction_messages ||
		     bytes >= (size_t)config->transaction_bytes))
			break;
		if (next_batch(f, f->held_count == 0 ? IDLE_WAIT_MS : 0, &batch,
		               err) != ERR_OK)
			return err->code;
		if (batch == NULL)
			break;
		messages += batch->count;
		bytes += batch->bytes;
		f->held[f->held_count++] = batch;
	}
	return ERR_OK;
}

/* -- the states of the thread ------------------------------------------------ */

static enum err_code
carry(struct forwarder *f, struct err *err)
{
	struct told told = told_of(f);
	int64_t begun_us = clock_now_us();

	if (f->held_count == 0)
		return carrier_probe(f->carrier, err) != ERR_OK
			? err->code
			: carrier_unpark(f->carrier, f->deployment, &told.lane,
		                         err);
	if (carrier_carry(f->carrier, f->held, f->held_count, &told.lane,
	                  err) != ERR_OK)
		return err->code;
	for (size_t i = 0; i < f->held_count; i++)
		road_metric_forwarded(f->metric, f->held[i]->count,
		                      f->held[i]->bytes);
	road_metric_transaction(f->metric, clock_now_us() - begun_us);
	drop_held(f);
	note_progress(f);
	if (carrier_parking(f->carrier)->count > 0)
		return carrier_unpark(f->carrier, f->deployment, &told.lane,
		                      err);
	return ERR_OK;
}

static enum err_code
mark(struct forwarder *f, struct err *err)
{
	char reason[ERR_TEXT_MAX];

	if (clock_now_us() - f->marked_us < MARK_EVERY_US)
		return ERR_OK;
	f->marked_us = clock_now_us();
	forwarder_reason(f, reason, sizeof(reason));
	road_metric_lag(f->metric, told_of(f).seq - carrier_seq(f->carrier),
	                carrier_parking(f->carrier)->count);
	return carrier_mark(f->carrier, atomic_load(&f->state), reason, err);
}

/* A new incarnation waits for parked feeds: they are tried meanwhile. */
static enum err_code
wait_for_parked(struct forwarder *f, struct err *err)
{
	struct told told = told_of(f);
	struct err e = { .code = ERR_OK };

	if (f->held_count == 0 &&
	    carrier_unpark(f->carrier, f->deployment, &told.lane, &e) != ERR_OK)
		*err = e;
	return err->code;
}

static enum err_code
turn(struct forwarder *f, struct err *err)
{
	const struct cluster *cluster;

	take_catalogue(f);
	cluster = deployment_cluster(f->deployment, f->cluster);
	if (cluster == NULL)
		return err_set(err, ERR_NOT_FOUND,
		               "cluster %s is not in the catalogue",
		               f->cluster);
	f->is_outdated = memcmp(cluster->digest, f->cluster_digest,
	                        sizeof(f->cluster_digest)) != 0;
	if (f->is_outdated)
		return err_set(err, ERR_CONFIG,
		               "the catalogue has another address or other "
		               "properties for cluster %s",
		               f->cluster);
	if (collect(f, err) != ERR_OK)
		return err->code == ERR_KAFKA ? wait_for_parked(f, err)
					      : err->code;
	if (carry(f, err) != ERR_OK)
		return err->code;
	set_state(f, f->read_journal ? ROUTE_CATCHING_UP : ROUTE_RUNNING, "");
	return mark(f, err);
}

/* Follows the recorder until the carrier has to be opened anew. */
static void
follow(struct forwarder *f, struct err *err)
{
	struct log_scope scope = scope_of(f);
	struct err ignored = { .code = ERR_OK };

	while (!thread_flag_is_set(f->stop)) {
		*err = (struct err){ .code = ERR_OK };
		if (turn(f, err) == ERR_OK)
			continue;
		if (err->code != ERR_KAFKA && err->code != ERR_NOT_FOUND)
			return;
		/* Nothing was carried; what is held stays held. */
		if (atomic_load(&f->state) != ROUTE_STALLED)
			log_warn(&scope, "stalled, trying again (%s)",
			         err->text);
		set_state(f, ROUTE_STALLED, err->text);
		if (mark(f, &ignored) != ERR_OK)
			return;
		thread_flag_wait(f->stop, RETRY_MS);
	}
}

struct ending {
	enum err_code code;
	enum route_state state;
	enum forwarder_verdict verdict;
	bool is_final; /* until the lane is taken again */
	const char *advice;
};

/* What an error while opening or following means; the last one is for all
   others. */
static const struct ending endings[] = {
	{ ERR_DIVERGED, ROUTE_DIVERGED, FORWARDER_DIVERGED, true,
	  "the lane must not record before it is reconciled" },
	{ ERR_LANE_LOST, ROUTE_STOPPED, FORWARDER_LOST, true,
	  "another daemon has the lane" },
	{ ERR_PROGRESS_BLOCKED, ROUTE_BLOCKED, FORWARDER_DOWN, false,
	  "a transaction of a dead owner dangles: it ends with its timeout, or "
	  "when its partition has a leader" },
	{ ERR_KAFKA_DOWN, ROUTE_DOWN, FORWARDER_DOWN, false,
	  "recording goes on" },
	{ ERR_TIMEOUT, ROUTE_DOWN, FORWARDER_DOWN, false, "recording goes on" },
	{ ERR_KAFKA_TOPIC, ROUTE_STALLED, FORWARDER_DOWN, false,
	  "recording goes on" },
	{ ERR_OK, ROUTE_DOWN, FORWARDER_DOWN, false, "recovering" },
};

static const struct ending *
ending_of(enum err_code code)
{
	size_t i = 0;

	while (endings[i].code != ERR_OK && endings[i].code != code)
		i++;
	return &endings[i];
}

/* The carrier's connection may be what failed: a short one of its own tells
   people what state the route is in. Not how far it is: the rows that would
   say where the last messages are may have failed with that connection. */
static void
mark_ending(struct forwarder *f, const struct ending *ending,
            const struct err *why)
{
	const struct daemon_config *config = f->options.config;
	const struct pgconn_options options = {
		.conninfo = config->connection,
		.application = "waybill forward",
		.role = config->role[0] == '\0' ? NULL : config->role,
		.timeout_ms = MARK_TIMEOUT_MS,
	};
	struct pgconn *conn = NULL;
	struct err err = { .code = ERR_OK };
	struct log_scope scope = scope_of(f);

	if (pgconn_open(&options, &conn, &err) != ERR_OK ||
	    route_mark_state(conn, f->options.lane, f->cluster, ending->state,
	                     why->text, &err) != ERR_OK)
		log_debug(&scope, "failed to mark the route (%s)", err.text);
	pgconn_close(&conn);
}

static void
end_carrier(struct forwarder *f, const struct err *err)
{
	const struct ending *ending = ending_of(err->code);
	struct log_scope scope = scope_of(f);

	if (atomic_load(&f->state) != (int)ending->state)
		log_warn(&scope, "%s: %s (%s)", route_state_name(ending->state),
		         ending->advice, err->text);
	set_state(f, ending->state, err->text);
	atomic_store(&f->verdict, (int)ending->verdict);
	carrier_close(&f->carrier); /* it may send from what is held */
	drop_held(f);
	if (err->code != ERR_LANE_LOST) /* the route is another's to mark */
		mark_ending(f, ending, err);
}

/* What was carried stays known: opening recovers it. */
static void
leave_carrier(struct forwarder *f, const struct err *why)
{
	struct log_scope scope = scope_of(f);
	struct err err = { .code = ERR_OK };

	log_info(&scope, "opening the cluster anew (%s)", why->text);
	set_state(f, ROUTE_RECOVERING, why->text);
	if (carrier_mark(f->carrier, ROUTE_RECOVERING, why->text, &err) !=
	    ERR_OK)
		log_debug(&scope, "failed to mark the route (%s)", err.text);
	carrier_close(&f->carrier); /* it may send from what is held */
	drop_held(f);
	f->is_outdated = false;
}

static enum err_code
open_carrier(struct forwarder *f, struct err *err)
{
	const struct carrier_options options = {
		.config = f->options.config,
		.cluster = f->cluster,
		.lane = f->options.lane,
	};
	struct log_scope scope = scope_of(f);
	const struct cluster *cluster;

	take_catalogue(f);
	cluster = deployment_cluster(f->deployment, f->cluster);
	if (cluster != NULL)
		memcpy(f->cluster_digest, cluster->digest,
		       sizeof(f->cluster_digest));
	if (carrier_open(&options, f->deployment, &f->carrier, err) != ERR_OK)
		return err->code;
	f->cursor = carrier_seq(f->carrier);
	note_progress(f);
	set_state(f, ROUTE_RUNNING, "");
	atomic_store(&f->verdict, FORWARDER_READY);
	log_info(&scope, "forwarding from seq %lld on",
	         (long long)f->cursor + 1);
	return ERR_OK;
}

static void
run(void *context)
{
	struct forwarder *f = context;
	int64_t wait_ms = RETRY_MS;

	CHECK_MAGIC(f, FORWARDER_MAGIC);
	while (!thread_flag_is_set(f->stop)) {
		struct err err = { .code = ERR_OK };

		if (open_carrier(f, &err) == ERR_OK) {
			wait_ms = RETRY_MS;
			follow(f, &err);
		}
		if (thread_flag_is_set(f->stop))
			break;
		if (f->is_outdated) {
			leave_carrier(f, &err);
			continue;
		}
		end_carrier(f, &err);
		if (ending_of(err.code)->is_final) {
			thread_flag_wait(f->stop, -1);
			break;
		}
		thread_flag_wait(f->stop, wait_ms);
		wait_ms =
			wait_ms * 2 < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
	}
	carrier_close(&f->carrier);
	drop_held(f);
	batch_unref(&f->ahead);
	deployment_unref(&f->deployment);
	atomic_store(&f->ended, true);
}

/* -- public ---------------------------------------------------------------- */

struct forwarder *
forwarder_start(const struct forwarder_options *options,
                const struct journal_lane *lane)
{
	struct forwarder *f = memory_calloc(1, sizeof(*f));
	char name[16];

	f->magic = FORWARDER_MAGIC;
	f->options = *options;
	f->cluster = memory_strdup(options->cluster);
	f->stop = thread_flag_new();
	f->ring =
		queue_new(RING_ITEMS_MAX, (size_t)options->config->ring_bytes);
	thread_lock_init(&f->lock, THREAD_RANK_ROUTE);
	atomic_init(&f->state, ROUTE_RECOVERING);
	atomic_init(&f->verdict, FORWARDER_WAIT);
	f->metric = road_metric_route(options->lane, f->cluster);
	forwarder_tell_lane(f, lane);
	snprintf(name, sizeof(name), "fwd-%d-%.8s", options->lane, f->cluster);
	f->thread = thread_new(name, run, f);
	return f;
}

void
forwarder_stop(struct forwarder **handle)
{
	struct forwarder *f = *handle;
	struct batch *batch;

	*handle = NULL;
	if (f == NULL)
		return;
	CHECK_MAGIC(f, FORWARDER_MAGIC);
	thread_flag_set(f->stop);
	thread_join(&f->thread);
	while ((batch = queue_pop(f->ring, 0)) != NULL)
		batch_unref(&batch);
	queue_free(&f->ring);
	thread_flag_free(&f->stop);
	thread_lock_fini(&f->lock);
	road_metric_route_free(&f->metric);
	memory_release(f->cluster);
	memory_release(f->parked);
	memory_release(f);
}

void
forwarder_end(struct forwarder *f)
{
	thread_flag_set(f->stop);
}

bool
forwarder_is_ending(const struct forwarder *f)
{
	return thread_flag_is_set(f->stop);
}

bool
forwarder_has_ended(const struct forwarder *f)
{
	return atomic_load(&f->ended);
}

enum forwarder_verdict
forwarder_verdict(const struct forwarder *f)
{
	return (enum forwarder_verdict)atomic_load(&f->verdict);
}

const char *
forwarder_cluster(const struct forwarder *f)
{
	return f->cluster;
}

enum route_state
forwarder_state(const struct forwarder *f)
{
	return (enum route_state)atomic_load(&f->state);
}

void
forwarder_reason(struct forwarder *f, char *out, size_t size)
{
	thread_lock(&f->lock);
	snprintf(out, size, "%s", f->reason);
	thread_unlock(&f->lock);
}

void
forwarder_offer(struct forwarder *f, struct batch *batch)
{
	struct batch *mine = batch_ref(batch);

	if (!queue_push(f->ring, mine, batch->bytes, 0))
		batch_unref(&mine);
	thread_lock(&f->lock);
	f->told.incarnation = batch->incarnation;
	f->told.seq = batch->last_seq;
	thread_unlock(&f->lock);
}

void
forwarder_tell_lane(struct forwarder *f, const struct journal_lane *lane)
{
	thread_lock(&f->lock);
	f->told = (struct told){
		.incarnation = lane->incarnation,
		.seq = lane->next_seq - 1,
		.lane = { .epoch = lane->epoch,
		          .system_id = lane->system_id,
		          .timeline = lane->timeline },
	};
	thread_unlock(&f->lock);
}

int64_t
forwarder_seq(const struct forwarder *f)
{
	return atomic_load(&f->seq);
}

void
forwarder_progress(struct forwarder *f, const struct feed *feed,
                   int *out_incarnation, int64_t *out_seq)
{
	thread_lock(&f->lock);
	*out_incarnation = atomic_load(&f->incarnation);
	*out_seq = atomic_load(&f->seq);
	for (size_t i = 0; i < f->parked_count; i++) {
		const struct progress_parked *parked = &f->parked[i];

		if (strcmp(parked->feed, feed->name) == 0 &&
		    strcmp(parked->tenant, feed->tenant) == 0)
			*out_seq = parked->seq;
	}
	thread_unlock(&f->lock);
}

bool
forwarder_is_idle(const struct forwarder *f)
{
	struct told told = told_of((struct forwarder *)(uintptr_t)f);

	return atomic_load(&f->incarnation) == told.incarnation &&
		atomic_load(&f->seq) == told.seq;
}
