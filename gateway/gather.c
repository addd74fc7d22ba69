/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources are kept until the end, also those that are no longer read: the
 * messages of batches point to them.
 */
#include "gateway/gather.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kconsumer.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "gateway/boarding.h"
#include "gateway/door.h"
#include "gateway/inlet.h"
#include "gateway/input.h"
#include "gateway/input_watch.h"

#define POLL_MAX        2000
#define COMMIT_EVERY_US 1000000
#define LOOK_EVERY_US   1000000
/* While each cluster is opened anew, its old queue is there too. */
#define QUEUES_MAX (2 * CLUSTERS_MAX)

struct known_position {
	int32_t source_id;
	int64_t next;
};

/* A queue for each consumer; there are few. */
struct inlet_queue {
	struct kconsumer *consumer;
	struct kqueue *queue;
};

struct gather {
	struct gather_options options;
	struct inlet **inlets;
	size_t count;
	struct known_position *known;
	size_t known_count;
	struct inlet_queue queues[QUEUES_MAX];
	size_t queue_count;
	size_t turn; /* the queue that is asked first */
	struct kmessage *polled;
	struct text headers;
	struct digest *digest;
	size_t message_bytes; /* a moving average, to poll no more than fits */
	bool is_incomplete;
	int64_t committed_us;
	int64_t heard_us;
	struct input_watch *watch;
};

/* -- following the catalogue ------------------------------------------------- */

static struct inlet *
find_inlet(struct gather *g, const struct feed *feed, int partition)
{
	for (size_t i = 0; i < g->count; i++) {
		struct inlet *in = g->inlets[i];

		if (in->source.partition == partition &&
		    strcmp(in->source.topic, feed->input_topic) == 0 &&
		    strcmp(in->cluster, feed->input_cluster->name) == 0 &&
		    strcmp(in->name, feed->name) == 0 &&
		    strcmp(in->tenant, feed->tenant) == 0)
			return in;
	}
	return NULL;
}

static int64_t
position_of(const struct gather *g, int32_t source_id)
{
	for (size_t i = 0; i < g->known_count; i++) {
		if (g->known[i].source_id == source_id)
			return g->known[i].next;
	}
	return -1;
}

static enum err_code
add_inlet(struct gather *g, const struct feed *feed, int partition,
          struct pgconn *conn, struct err *err)
{
	struct inlet *in;
	int32_t id = 0;

	if (source_take(conn, feed, "", partition, &id, err) != ERR_OK)
		return err->code;
	in = memory_calloc(1, sizeof(*in));
	in->lane = g->options.lane;
	in->source.id = id;
	in->source.partition = partition;
	in->source.next = position_of(g, id);
	in->end = -1;
	snprintf(in->source.topic, sizeof(in->source.topic), "%s",
	         feed->input_topic);
	snprintf(in->cluster, sizeof(in->cluster), "%s",
	         feed->input_cluster->name);
	snprintf(in->tenant, sizeof(in->tenant), "%s", feed->tenant);
	snprintf(in->name, sizeof(in->name), "%s", feed->name);
	g->inlets =
		memory_realloc(g->inlets, (g->count + 1) * sizeof(*g->inlets));
	g->inlets[g->count++] = in;
	return ERR_OK;
}

static struct kqueue *
queue_of(struct gather *g, struct kconsumer *consumer)
{
	for (size_t i = 0; i < g->queue_count; i++) {
		if (g->queues[i].consumer == consumer)
			return g->queues[i].queue;
	}
	CHECK(g->queue_count < QUEUES_MAX);
	g->queues[g->queue_count] =
		(struct inlet_queue){ .consumer = consumer,
		                      .queue = kqueue_new(consumer) };
	return g->queues[g->queue_count++].queue;
}

/* A cluster that is opened anew is read on where the old consumer was left. */
static enum err_code
start(struct gather *g, const struct deployment *deployment, struct inlet *in,
      struct err *err)
{
	struct kconsumer *consumer = NULL;

	if (input_consumer(g->options.input, in->feed->input_cluster,
	                   deployment->name, &consumer, err) != ERR_OK)
		return err->code;
	if (!inlet_wants_standing(in))
		return ERR_OK;
	return inlet_start(in, consumer, queue_of(g, consumer), err);
}

static void
follow_partition(struct gather *g, const struct deployment *deployment,
                 const struct feed *feed, int partition)
{
	struct inlet *in = find_inlet(g, feed, partition);
	struct err err = { .code = ERR_OK };
	struct log_scope scope;

	CHECK(in != NULL);
	in->feed = feed;
	if (in->state == INLET_GAP || start(g, deployment, in, &err) == ERR_OK)
		return;
	/* Its cluster's trouble is not the others'. */
	scope = inlet_scope(in);
	log_warn(&scope, "failed to read the input, trying again (%s)",
	         err.text);
	(void)inlet_trouble(in, err.text);
	g->is_incomplete = true;
}

/* Those of consumers that nothing is read from any more. */
static void
drop_unused_queues(struct gather *g)
{
	for (size_t i = g->queue_count; i > 0; i--) {
		bool is_used = false;

		for (size_t k = 0; k < g->count && !is_used; k++)
			is_used = g->inlets[k]->consumer ==
				g->queues[i - 1].consumer;
		if (is_used)
			continue;
		kqueue_free(&g->queues[i - 1].queue);
		g->queues[i - 1] = g->queues[--g->queue_count];
	}
}

static bool
is_ours(const struct gather *g, const struct deployment *deployment,
        const struct feed *feed, int partition)
{
	return feed->input_topic != NULL && feed->contract != NULL &&
		deployment_lane(deployment, feed, partition) == g->options.lane;
}

/* Stops reading what no feed of the snapshot wants any more. */
static void
drop_unwanted(struct gather *g, const struct deployment *deployment)
{
	for (size_t i = 0; i < g->count; i++)
		g->inlets[i]->is_wanted = false;
	for (size_t f = 0; f < deployment->feed_count; f++) {
		const struct feed *feed = &deployment->feeds[f];

		for (int p = 0; p < feed->partitions; p++) {
			struct inlet *in = is_ours(g, deployment, feed, p)
				? find_inlet(g, feed, p)
				: NULL;

			if (in != NULL)
				in->is_wanted = true;
		}
	}
	for (size_t i = 0; i < g->count; i++) {
		if (g->inlets[i]->is_wanted)
			continue;
		inlet_stop(g->inlets[i]);
		g->inlets[i]->trouble[0] = '\0';
	}
}

/* Numbers the partitions that are new. Nothing points into the snapshot yet:
   this may fail, and then the one before stays in force. */
static enum err_code
number_new(struct gather *g, const struct deployment *deployment,
           struct pgconn *conn, struct err *err)
{
	for (size_t f = 0; f < deployment->feed_count; f++) {
		const struct feed *feed = &deployment->feeds[f];

		for (int p = 0; p < feed->partitions; p++) {
			if (is_ours(g, deployment, feed, p) &&
			    find_inlet(g, feed, p) == NULL &&
			    add_inlet(g, feed, p, conn, err) != ERR_OK)
				return err->code;
		}
	}
	return ERR_OK;
}

/* Whose cluster is to be opened anew: maybe it is another one now. */
static void
find_moved(struct gather *g, const struct deployment *deployment)
{
	for (size_t f = 0; f < deployment->feed_count; f++) {
		const struct feed *feed = &deployment->feeds[f];

		for (int p = 0; p < feed->partitions; p++) {
			struct inlet *in = is_ours(g, deployment, feed, p)
				? find_inlet(g, feed, p)
				: NULL;
			struct kconsumer *consumer = NULL;
			struct err ignored = { .code = ERR_OK };

			if (in == NULL || in->consumer == NULL)
				continue;
			in->is_moved =
				input_consumer(g->options.input,
			                       feed->input_cluster,
			                       deployment->name, &consumer,
			                       &ignored) == ERR_OK &&
				consumer != in->consumer;
		}
	}
}

static bool
starts(const struct inlet *in)
{
	return inlet_wants_standing(in) || in->is_moved;
}

/* What the journal knows of the partitions that are about to be started, in
   one question. Those that move are in doubt from here on. */
static enum err_code
recall(struct gather *g, struct pgconn *conn, struct err *err)
{
	struct source_standing *standings =
		memory_calloc(g->count + 1, sizeof(*standings));
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++) {
		const struct inlet *in = g->inlets[i];

		if (starts(in))
			standings[count++] = (struct source_standing){
				.source_id = in->source.id,
				.offset = in->source.next - 1,
			};
	}
	if (source_recall(conn, standings, count, err) == ERR_OK) {
		count = 0;
		for (size_t i = 0; i < g->count; i++) {
			struct inlet *in = g->inlets[i];

			if (!starts(in))
				continue;
			in->standing = standings[count++];
			if (in->is_moved)
				inlet_doubt(in);
			in->is_moved = false;
		}
	}
	memory_release(standings);
	return err->code;
}

/* -- gathering --------------------------------------------------------------- */

/* The headers borrow from the gather until the next message is filled. */
static void
fill_message(struct gather *g, const struct kmessage *polled, struct message *m)
{
	const struct inlet *in = polled->opaque;

	m->feed = in->feed;
	m->source = &in->source;
	m->source_id = in->source.id;
	m->source_offset = polled->offset;
	m->partition = polled->partition;
	m->event_time_ms = polled->time_ms;
	m->key = polled->key;
	m->key_len = polled->key == NULL ? -1 : polled->key_len;
	m->body = polled->body;
	m->body_len = polled->body == NULL ? -1 : polled->body_len;
	m->headers_len = -1;
	if (!polled->has_headers)
		return;
	text_reset(&g->headers);
	kmessage_headers(polled, &g->headers);
	if (text_is_cut(&g->headers))
		return;
	m->headers = (const uint8_t *)g->headers.bytes;
	m->headers_len = (int32_t)g->headers.len;
}

static bool
admits(struct gather *g, struct inlet *in, const struct kmessage *polled)
{
	struct message message = { .seq = 0 };

	/* Else the hot path. */
	if (in->state == INLET_TRUSTED && in->source.next >= 0)
		return true;
	fill_message(g, polled, &message);
	return inlet_admits(in, &message, g->digest);
}

static void
take_message(struct gather *g, struct batch *batch, struct kmessage *polled)
{
	struct inlet *in = polled->opaque;
	struct message *m;

	if (!admits(g, in, polled)) {
		kmessage_release(polled);
		return;
	}
	m = batch_add(batch, polled);
	fill_message(g, polled, m);
	if (polled->has_headers && m->headers_len < 0)
		inlet_refuse_headers(batch, m, g->options.headers_bytes);
	if (m->headers_len >= 0)
		m->headers = arena_copy(&batch->arena, m->headers,
		                        (size_t)m->headers_len);
	in->source.next = polled->offset + 1;
	in->touched = true;
	in->moved = true;
	batch->bytes += (m->key_len > 0 ? (size_t)m->key_len : 0) +
		(m->body_len > 0 ? (size_t)m->body_len : 0) +
		(m->headers_len > 0 ? (size_t)m->headers_len : 0);
}

/* While a cluster or a topic is away, another one may take its place. */
static void
doubt(struct gather *g, const struct kqueue *queue, const char *why)
{
	for (size_t i = 0; i < g->count; i++) {
		struct inlet *in = g->inlets[i];

		if (in->queue != queue || in->consumer == NULL)
			continue;
		inlet_doubt(in);
		if (in->state != INLET_GAP)
			(void)inlet_trouble(in, why);
	}
	g->is_incomplete = true;
}

static void
note_error(struct gather *g, const struct kqueue *queue,
           const struct kqueue_error *error)
{
	struct inlet *in = error->opaque;
	struct log_scope scope = LOG_SCOPE("gather");
	bool is_new = true;

	scope.lane = g->options.lane;
	if (in != NULL)
		scope = inlet_scope(in);
	if (error->code == ERR_SOURCE_GAP && in != NULL) {
		inlet_out_of_range(in, error->text);
		g->is_incomplete |= inlet_wants_standing(in);
		return;
	}
	if (error->code == ERR_KAFKA_DOWN && in == NULL)
		doubt(g, queue, error->text);
	if (error->code == ERR_KAFKA_TOPIC && in != NULL) {
		/* It is told again each time that it is tried again. */
		is_new = inlet_trouble(in, error->text);
		inlet_doubt(in);
		g->is_incomplete = true;
	}
	if (is_new)
		log_warn(&scope, "reading input: %s (%s)",
		         err_text(error->code), error->text);
}

/* How many messages may be polled so that the batch stays within bytes. */
static size_t
poll_limit(const struct gather *g, const struct batch *batch,
           const struct boarding_share *share)
{
	size_t room =
		share->bytes > batch->bytes ? share->bytes - batch->bytes : 0;
	size_t limit = room / g->message_bytes + 1;
	size_t left = share->messages - batch->count;

	if (limit > POLL_MAX)
		limit = POLL_MAX;
	return limit < left ? limit : left;
}

static size_t
poll_queue(struct gather *g, struct kqueue *queue, struct batch *batch,
           const struct boarding_share *share, int64_t timeout_ms)
{
	struct kqueue_error error = { .code = ERR_OK };
	size_t bytes = batch->bytes;
	size_t n = kqueue_poll(queue, timeout_ms, g->polled,
	                       poll_limit(g, batch, share), &error);

	/* First, since it may have been another cluster that sent these. */
	if (error.code == ERR_KAFKA_DOWN)
		note_error(g, queue, &error);
	for (size_t i = 0; i < n; i++)
		take_message(g, batch, &g->polled[i]);
	if (n > 0)
		g->message_bytes =
			(g->message_bytes * 3 + (batch->bytes - bytes) / n) /
				4 +
			1;
	if (error.code != ERR_OK && error.code != ERR_KAFKA_DOWN)
		note_error(g, queue, &error);
	return n;
}

/* One pass over the queues; only the first one may wait. */
static size_t
poll_queues(struct gather *g, struct batch *batch,
            const struct boarding_share *share, int64_t timeout_ms)
{
	size_t polled = 0;

	g->turn++;
	for (size_t i = 0; i < g->queue_count; i++) {
		if (boarding_is_full(batch, share))
			break;
		polled += poll_queue(
			g, g->queues[(g->turn + i) % g->queue_count].queue,
			batch, share,
			i == 0 && batch->count == 0 ? timeout_ms : 0);
	}
	return polled;
}

static void
wake_queue(void *context)
{
	kqueue_wake(context);
}

/* What Kafka has, up to a share of the batch. Whoever comes to the door ends
   the wait. */
static void
poll_kafka(struct gather *g, struct batch *batch,
           const struct boarding_share *share, int64_t timeout_ms)
{
	bool sleeps = timeout_ms > 0 && g->options.door != NULL;

	if (g->queue_count == 0) {
		if (sleeps)
			door_wait(g->options.door, timeout_ms);
		else if (timeout_ms > 0)
			clock_sleep_ms(timeout_ms);
		return;
	}
	/* poll_queues asks the next one first. */
	if (sleeps &&
	    !door_sleep(g->options.door, wake_queue,
	                g->queues[(g->turn + 1) % g->queue_count].queue))
		timeout_ms = 0;
	while (poll_queues(g, batch, share, timeout_ms) > 0 &&
	       !boarding_is_full(batch, share))
		timeout_ms = 0;
	if (sleeps)
		door_wake(g->options.door);
}

/* -- public ---------------------------------------------------------------- */

struct gather *
gather_new(const struct gather_options *options)
{
	struct gather *g = memory_calloc(1, sizeof(*g));

	g->options = *options;
	g->polled = memory_alloc(POLL_MAX * sizeof(*g->polled));
	g->message_bytes = 1024;
	text_init(&g->headers, g->options.headers_bytes);
	g->digest = digest_new();
	g->watch = input_watch_new(options->lane);
	return g;
}

void
gather_free(struct gather **handle)
{
	struct gather *g = *handle;

	*handle = NULL;
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->count; i++)
		inlet_stop(g->inlets[i]);
	for (size_t i = 0; i < g->queue_count; i++)
		kqueue_free(&g->queues[i].queue);
	for (size_t i = 0; i < g->count; i++)
		memory_release(g->inlets[i]);
	memory_release(g->inlets);
	memory_release(g->known);
	memory_release(g->polled);
	text_fini(&g->headers);
	digest_free(&g->digest);
	input_watch_free(&g->watch);
	memory_release(g);
}

void
gather_set_position(int32_t source_id, int64_t next, void *context)
{
	struct gather *g = context;

	g->known = memory_realloc(g->known,
	                          (g->known_count + 1) * sizeof(*g->known));
	g->known[g->known_count++] = (struct known_position){ source_id, next };
}

enum err_code
gather_follow(struct gather *g, const struct deployment *deployment,
              struct pgconn *conn, struct err *err)
{
	if (number_new(g, deployment, conn, err) != ERR_OK)
		return err->code;
	find_moved(g, deployment);
	if (recall(g, conn, err) != ERR_OK)
		return err->code;
	g->is_incomplete = false;
	/* First what goes: a topic may have passed to another feed. */
	drop_unwanted(g, deployment);
	for (size_t f = 0; f < deployment->feed_count; f++) {
		const struct feed *feed = &deployment->feeds[f];

		for (int p = 0; p < feed->partitions; p++) {
			if (is_ours(g, deployment, feed, p))
				follow_partition(g, deployment, feed, p);
		}
	}
	drop_unused_queues(g);
	return ERR_OK;
}

bool
gather_is_incomplete(const struct gather *g)
{
	return g->is_incomplete;
}

struct batch *
gather_next(struct gather *g, const struct deployment *deployment,
            int64_t timeout_ms)
{
	const struct boarding_share all = { g->options.batch_messages,
		                            g->options.batch_bytes };
	const struct boarding_share half = { (all.messages + 1) / 2,
		                             all.bytes / 2 };
	struct door *door = g->options.door;
	size_t waiting = door == NULL ? 0 : door_bytes(door);
	bool is_boarding =
		waiting > 0 && (timeout_ms > 0 || waiting >= all.bytes / 4);
	struct batch *batch = batch_new(deployment, all.messages);

	if (is_boarding)
		boarding_fill(door, batch, &half);
	poll_kafka(g, batch, waiting > 0 && !is_boarding ? &half : &all,
	           batch->count > 0 ? 0 : timeout_ms);
	if (door != NULL && (batch->count > 0 || timeout_ms > 0))
		boarding_fill(door, batch, &all);
	if (batch->count == 0)
		batch_unref(&batch);
	return batch;
}

void
gather_positions(struct gather *g, struct batch *batch, bool full)
{
	if (batch->position_count > 0)
		return; /* it goes once more */
	batch->positions = arena_alloc(
		&batch->arena,
		(g->count + g->known_count) * sizeof(*batch->positions));
	batch->positions_full = full;
	for (size_t i = 0; i < g->count; i++) {
		struct inlet *in = g->inlets[i];

		if (in->touched || (full && in->source.next >= 0))
			batch->positions[batch->position_count++] =
				(struct position){ in->source.id,
				                   in->source.next };
		in->touched = false;
	}
	if (!full)
		return;
	/* Sources of the past that no feed has now keep their position. */
	for (size_t i = 0; i < g->known_count; i++) {
		bool is_here = false;

		for (size_t k = 0; k < g->count && !is_here; k++)
			is_here = g->inlets[k]->source.id ==
				g->known[i].source_id;
		if (!is_here)
			batch->positions[batch->position_count++] =
				(struct position){ g->known[i].source_id,
				                   g->known[i].next };
	}
}

enum err_code
gather_write_down(struct gather *g, struct pgconn *conn, struct err *err)
{
	for (size_t i = 0; i < g->count; i++) {
		if (inlet_write_down(g->inlets[i], conn, err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

void
gather_commit_offsets(struct gather *g)
{
	if (clock_now_us() - g->committed_us < COMMIT_EVERY_US)
		return;
	g->committed_us = clock_now_us();
	for (size_t i = 0; i < g->count; i++) {
		struct inlet *in = g->inlets[i];

		if (in->moved && in->consumer != NULL)
			kconsumer_commit(in->consumer, in->source.topic,
			                 in->source.partition, in->source.next);
		in->moved = false;
	}
}

const char *
gather_look(struct gather *g)
{
	if (clock_now_us() - g->heard_us >= LOOK_EVERY_US) {
		g->heard_us = clock_now_us();
		for (size_t i = 0; i < g->queue_count; i++)
			kqueue_each_end(g->queues[i].queue, inlet_hear_end,
			                NULL);
		input_watch_look(g->watch, g->inlets, g->count);
	}
	return input_watch_reason(g->watch);
}

void
gather_doubt(struct gather *g)
{
	for (size_t i = 0; i < g->count; i++)
		inlet_doubt(g->inlets[i]);
	g->is_incomplete = true;
}
