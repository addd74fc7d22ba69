/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening recovers; carrying is a transaction and, behind it, the delivery
 * rows, whose answers are read before the next use of the connection.
 */
#include "gateway/carrier.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kcluster.h"
#include "base/io/kproducer.h"
#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/delivery.h"
#include "base/model/deployment.h"
#include "base/model/journal_reader.h"
#include "base/model/route.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "gateway/daemon_config.h"
#include "gateway/doubt.h"
#include "gateway/parcel.h"
#include "gateway/recovery.h"
#include "gateway/topic_check.h"

#define OPEN_TIMEOUT_MS 10000
#define INIT_TIMEOUT_MS 20000
#define UNPARK_EVERY_US (2 * 1000000)
#define PROBE_EVERY_US  (5 * 1000000)
#define UNPARK_SLICE_US (500 * 1000) /* then the others have their turn */

struct carrier {
	struct carrier_options options;
	char deployment[PROGRESS_NAME_MAX];
	int lanes;
	struct pgconn *conn;
	struct kcluster *cluster;
	struct kproducer *producer;
	struct delivery *delivery;
	struct journal_reader *reader;
	struct topic_check *topics;
	struct parcel parcel;
	struct transaction transaction;
	struct parking parking;
	int incarnation;
	int64_t seq;
	uint8_t chain[DIGEST_SHA256_LEN];
	int reader_incarnation;
	int64_t reader_seq;
	bool ever_delivered;
	int64_t unpark_us;
	int64_t probe_us;
	bool is_unparking;      /* the last call left some for the next one */
	char begins[128];       /* where, if not at the first message */
	struct batch *unparked; /* librdkafka may still send from its memory */
};

static struct log_scope
scope_of(const struct carrier *c)
{
	struct log_scope scope = LOG_SCOPE("forward");

	scope.cluster = c->options.cluster;
	scope.lane = c->options.lane;
	return scope;
}

/* -- opening ----------------------------------------------------------------- */

static enum err_code
open_postgres(struct carrier *c, struct err *err)
{
	/* Delivery rows are filled in again after a crash: no wait for disk. */
	static const char *const settings[] = { "synchronous_commit=off",
		                                NULL };
	const struct daemon_config *config = c->options.config;
	const struct pgconn_options options = {
		.conninfo = config->connection,
		.application = "waybill forward",
		.role = config->role[0] == '\0' ? NULL : config->role,
		.timeout_ms = config->postgres_timeout_ms,
		.settings = settings,
	};

	if (pgconn_open(&options, &c->conn, err) != ERR_OK)
		return err->code;
	c->delivery = delivery_new(c->conn, c->options.cluster);
	return ERR_OK;
}

static enum err_code
open_kafka(struct carrier *c, const struct deployment *deployment,
           const struct recovery *recovery, struct err *err)
{
	const struct cluster *cluster =
		deployment_cluster(deployment, c->options.cluster);
	char id[PROGRESS_TOPIC_MAX];

	if (cluster == NULL)
		return err_set(err, ERR_NOT_FOUND,
		               "cluster %s is not in the catalogue",
		               c->options.cluster);

	const struct kcluster_options options = {
		.name = cluster->name,
		.bootstrap = cluster->bootstrap,
		.client_id = "waybill",
		.properties = cluster->properties,
		.property_count = cluster->property_count,
	};

	if (kcluster_open(&options, &c->cluster, err) != ERR_OK ||
	    topic_check_progress(c->cluster, deployment, err) != ERR_OK)
		return err->code;
	c->topics = topic_check_new(c->cluster);
	/* The lease before init_transactions, which fences whoever has the
	   id: or two owners fence each other for ever. */
	if (recovery_check_owner(recovery, err) != ERR_OK)
		return err->code;
	progress_transactional_id(deployment->name, c->options.lane, id);
	if (kproducer_open(&options, id, &c->producer, err) != ERR_OK ||
	    kproducer_init_transactions(c->producer, INIT_TIMEOUT_MS, err) !=
	            ERR_OK)
		return err->code;
	return ERR_OK;
}

static enum err_code
fill_doubt(struct carrier *c, const struct deployment *deployment,
           struct err *err)
{
	struct log_scope scope = scope_of(c);
	int64_t filled = 0, left = 0;
	const struct doubt doubt = {
		.cluster = c->cluster,
		.conn = c->conn,
		.delivery = c->delivery,
		.deployment = deployment,
		.cluster_name = c->options.cluster,
		.parking = &c->parking,
		.lane = c->options.lane,
		.incarnation = c->incarnation,
		.seq = c->seq,
		.timeout_ms = OPEN_TIMEOUT_MS,
	};

	if (c->seq == 0 || !c->ever_delivered)
		return ERR_OK;
	if (doubt_fill(&doubt, &filled, err) != ERR_OK ||
	    doubt_fill_parked(&doubt, &left, err) != ERR_OK)
		return err_context(err, "finding delivered messages");
	filled += left;
	if (filled > 0)
		log_info(&scope,
		         "found where %lld messages are that were "
		         "delivered before the last stop",
		         (long long)filled);
	return ERR_OK;
}

static enum err_code
tell_parked(struct carrier *c, struct err *err)
{
	for (size_t i = 0; i < c->parking.count; i++) {
		struct parking_place *place = &c->parking.places[i];
		const struct route_parked row = {
			.lane = c->options.lane,
			.cluster = c->options.cluster,
			.tenant = place->parked.tenant,
			.feed = place->parked.feed,
			.seq = place->parked.seq,
			.reason = place->reason,
		};

		if (place->is_told)
			continue;
		if (route_park(c->conn, &row, err) != ERR_OK)
			return err->code;
		place->is_told = true;
	}
	return ERR_OK;
}

/* Nothing was ever delivered: what the journal no longer has is not owed. */
static enum err_code
begin_at_oldest(struct carrier *c, struct err *err)
{
	struct log_scope scope = scope_of(c);
	int64_t oldest = 0;

	if (journal_reader_oldest(c->conn, c->options.lane, &c->incarnation,
	                          &oldest, err) != ERR_OK)
		return err->code;
	c->seq = oldest - 1;
	if (c->seq == 0 && c->incarnation == 1)
		return ERR_OK;
	snprintf(c->begins, sizeof(c->begins),
	         "the cluster gets nothing before %d-%d-%lld: it was new, and "
	         "the journal had dropped the days before",
	         c->options.lane, c->incarnation, (long long)oldest);
	log_warn(&scope, "%s", c->begins);
	return ERR_OK;
}

static enum err_code
recover(struct carrier *c, const struct deployment *deployment,
        struct recovery *recovery, struct err *err)
{
	struct progress *progress = memory_calloc(1, sizeof(*progress));
	struct log_scope scope = scope_of(c);
	bool found = false;
	enum err_code code;

	recovery->cluster = c->cluster;
	code = recovery_find_progress(recovery, progress, &found, err);
	if (code == ERR_OK) {
		c->incarnation = progress->incarnation;
		c->seq = progress->seq;
		memcpy(c->chain, progress->chain, sizeof(c->chain));
		c->ever_delivered = found;
		if (!found)
			code = begin_at_oldest(c, err);
	}
	if (code == ERR_OK) {
		parking_from_progress(&c->parking, progress);
		log_info(&scope, "cluster is at %d-%d-%lld, %zu feeds parked",
		         c->options.lane, c->incarnation, (long long)c->seq,
		         c->parking.count);
		code = fill_doubt(c, deployment, err);
	}
	/* Before more is sent: the table says how far the rows are. */
	if (code == ERR_OK)
		code = tell_parked(c, err);
	if (code == ERR_OK && found)
		code = route_mark_delivered(c->conn, c->options.lane,
		                            c->options.cluster, err);
	memory_release(progress);
	return code;
}

/* -- carrying ---------------------------------------------------------------- */

static enum err_code
park(struct carrier *c, const struct feed *feed, enum parking_cause cause,
     struct err *err)
{
	struct log_scope scope = scope_of(c);

	scope.tenant = feed->tenant;
	scope.feed = feed->name;
	if (!parking_add(&c->parking, feed, c->seq, cause, err->text)) {
		err->code = ERR_KAFKA;
		return err_context(err, "too many feeds are parked");
	}
	log_warn(&scope,
	         "parked the feed, its messages wait in the journal; "
	         "%s (%s)",
	         cause == PARKING_TOPIC ? "it goes on when the topic is right"
	                                : "waybill unpark sends them again",
	         err->text);
	*err = (struct err){ .code = ERR_OK };
	return ERR_OK;
}

/* Parks feeds whose topics are wrong; ERR_KAFKA: the route stalls. */
static enum err_code
check_topics(struct carrier *c, struct batch *const *batches, size_t count,
             struct err *err)
{
	const struct feed *last = NULL;

	for (size_t b = 0; b < count; b++) {
		for (size_t i = 0; i < batches[b]->block_count; i++) {
			const struct feed *feed = batches[b]->blocks[i].feed;

			if (feed == last ||
			    !deployment_goes_to(batches[b]->deployment, feed,
			                        c->options.cluster) ||
			    parking_find(&c->parking, feed) != NULL)
				continue;
			last = feed;
			switch (topic_check_feed(c->topics, feed, batches,
			                         count, err)) {
			case ERR_OK:
				break;
			case ERR_KAFKA_TOPIC:
				if (park(c, feed, PARKING_TOPIC, err) != ERR_OK)
					return err->code;
				break;
			default:
				return err->code;
			}
		}
	}
	return ERR_OK;
}

static void
build_progress(const struct carrier *c, const struct carrier_lane *lane,
               int64_t seq, const uint8_t *chain, struct progress *out)
{
	memset(out, 0, sizeof(*out));
	out->lane = c->options.lane;
	out->incarnation = c->incarnation;
	out->epoch = lane->epoch;
	out->seq = seq;
	out->system_id = lane->system_id;
	out->timeline = lane->timeline;
	memcpy(out->chain, chain, sizeof(out->chain));
	parking_to_progress(&c->parking, out);
}

/* Runs the transaction until it commits, parking whom the cluster refuses. */
static enum err_code
run(struct carrier *c, const struct carrier_lane *lane, int64_t seq,
    const uint8_t *chain, struct err *err)
{
	struct progress *progress = memory_alloc(sizeof(*progress));
	struct transaction_fault fault;
	enum err_code code;

	for (;;) {
		build_progress(c, lane, seq, chain, progress);
		code = transaction_run(&c->transaction, progress, &fault, err);
		if (code != ERR_KAFKA_PERMANENT && code != ERR_KAFKA_TOPIC)
			break;
		if (fault.feed == NULL || c->transaction.only != NULL)
			break;
		if (park(c, fault.feed,
		         code == ERR_KAFKA_TOPIC ? PARKING_TOPIC
		                                 : PARKING_MESSAGE,
		         err) != ERR_OK) {
			code = err->code;
			break;
		}
	}
	memory_release(progress);
	return code;
}

/* Behind a committed transaction. */
static enum err_code
settle(struct carrier *c, struct err *err)
{
	struct transaction *t = &c->transaction;
	bool sent = t->sent_count > 0;

	if (!c->ever_delivered) {
		if (route_mark_delivered(c->conn, c->options.lane,
		                         c->options.cluster, err) != ERR_OK)
			return err->code;
		c->ever_delivered = true;
	}
	if (tell_parked(c, err) != ERR_OK)
		return err->code;
	if (sent &&
	    delivery_send(c->delivery, t->batches, t->offsets, t->batch_count,
	                  err) != ERR_OK)
		return err->code;
	transaction_reset(t);
	return ERR_OK;
}

static void
load(struct carrier *c, struct batch *const *batches, size_t count,
     const struct feed *only)
{
	struct transaction *t = &c->transaction;

	transaction_reset(t);
	t->producer = c->producer;
	t->parcel = &c->parcel;
	t->deployment = c->deployment;
	t->parking = &c->parking;
	t->cluster = c->options.cluster;
	t->only = only;
	for (size_t i = 0; i < count; i++)
		transaction_add(t, batches[i]);
}

/* -- unparking --------------------------------------------------------------- */

static enum err_code
may_leave(struct carrier *c, const struct parking_place *place,
          const struct feed *feed, bool *out, struct err *err)
{
	const struct route_parked row = {
		.lane = c->options.lane,
		.cluster = c->options.cluster,
		.tenant = place->parked.tenant,
		.feed = place->parked.feed,
	};
	struct err topic = { .code = ERR_OK };

	*out = false;
	if (route_release_wanted(c->conn, &row, out, err) != ERR_OK)
		return err->code;
	if (place->cause == PARKING_TOPIC)
		*out = topic_check_ask(c->topics, feed->output_topic,
		                       feed->partitions, UINT64_MAX, true,
		                       &topic) == ERR_OK &&
			topic_check_ask(c->topics, feed->dead_letter_topic,
		                        feed->dead_letter_partitions,
		                        UINT64_MAX, true, &topic) == ERR_OK;
	return ERR_OK;
}

/* The place leaves the list, in memory and in the table. */
static enum err_code
leave(struct carrier *c, struct parking_place *place, struct err *err)
{
	struct log_scope scope = scope_of(c);
	const struct route_parked row = {
		.lane = c->options.lane,
		.cluster = c->options.cluster,
		.tenant = place->parked.tenant,
		.feed = place->parked.feed,
	};

	scope.tenant = place->parked.tenant;
	scope.feed = place->parked.feed;
	if (route_unpark(c->conn, &row, err) != ERR_OK)
		return err->code;
	log_info(&scope, "the feed is no longer parked");
	parking_remove(&c->parking, place);
	return ERR_OK;
}

/* So that little is in doubt if the daemon dies before the feed has left. */
static enum err_code
move_place(struct carrier *c, const struct parking_place *place,
           struct err *err)
{
	const struct route_parked row = {
		.lane = c->options.lane,
		.cluster = c->options.cluster,
		.tenant = place->parked.tenant,
		.feed = place->parked.feed,
		.seq = place->parked.seq,
	};

	return route_move_parked(c->conn, &row, err);
}

/* One transaction with the feed's part of the next batch. *out_done: the
   feed has caught up. */
static enum err_code
unpark_step(struct carrier *c, const struct deployment *deployment,
            struct parking_place *place, const struct feed *feed,
            const struct carrier_lane *lane, bool *out_done, struct err *err)
{
	struct batch *batch = NULL;
	int64_t before = place->parked.seq;
	enum err_code code;

	if (carrier_read(c, deployment, c->incarnation, before, &batch, err) !=
	    ERR_OK)
		return err->code;
	CHECK(batch != NULL && batch->last_seq <= c->seq);
	batch_unref(&c->unparked);
	c->unparked = batch;
	load(c, &batch, 1, feed);
	place->parked.seq = batch->last_seq;
	code = run(c, lane, c->seq, c->chain, err);
	if (code == ERR_OK)
		code = settle(c, err);
	else
		place->parked.seq = before;
	*out_done = code == ERR_OK && place->parked.seq == c->seq;
	transaction_reset(&c->transaction);
	if (code == ERR_OK)
		code = delivery_wait(c->delivery, err);
	if (code == ERR_OK && !*out_done)
		code = move_place(c, place, err);
	return code;
}

static enum err_code
unpark_place(struct carrier *c, const struct deployment *deployment,
             struct parking_place *place, const struct carrier_lane *lane,
             struct err *err)
{
	const struct feed *feed = deployment_feed(
		deployment, place->parked.tenant, place->parked.feed);
	int64_t deadline_us = clock_now_us() + UNPARK_SLICE_US;
	bool may = false, done = place->parked.seq == c->seq;
	enum err_code code = ERR_OK;

	if (feed == NULL)
		return ERR_OK;
	if (may_leave(c, place, feed, &may, err) != ERR_OK || !may)
		return err->code;
	while (!done && code == ERR_OK && clock_now_us() < deadline_us)
		code = unpark_step(c, deployment, place, feed, lane, &done,
		                   err);
	if (code == ERR_KAFKA_PERMANENT || code == ERR_KAFKA_TOPIC) {
		/* Refused again: it stays where it is. */
		place->cause = code == ERR_KAFKA_TOPIC ? PARKING_TOPIC
						       : PARKING_MESSAGE;
		place->is_told = false;
		snprintf(place->reason, sizeof(place->reason), "%.255s",
		         err->text);
		*err = (struct err){ .code = ERR_OK };
		return tell_parked(c, err);
	}
	if (code != ERR_OK)
		return code;
	c->is_unparking |= !done;
	return done ? leave(c, place, err) : ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
carrier_open(const struct carrier_options *options,
             const struct deployment *deployment, struct carrier **out,
             struct err *err)
{
	struct carrier *c = memory_calloc(1, sizeof(*c));
	struct recovery recovery = {
		.cluster_name = options->cluster,
		.deployment = deployment->name,
		.lane = options->lane,
		.daemon = options->config->daemon,
		.timeout_ms = OPEN_TIMEOUT_MS,
	};

	c->options = *options;
	snprintf(c->deployment, sizeof(c->deployment), "%s", deployment->name);
	c->lanes = deployment->lanes;
	parcel_init(&c->parcel);
	transaction_init(&c->transaction);
	if (open_postgres(c, err) != ERR_OK)
		goto out;
	recovery.conn = c->conn;
	if (open_kafka(c, deployment, &recovery, err) != ERR_OK ||
	    recover(c, deployment, &recovery, err) != ERR_OK)
		goto out;
	*out = c;
	return ERR_OK;
out:
	carrier_close(&c);
	return err->code;
}

void
carrier_close(struct carrier **handle)
{
	struct carrier *c = *handle;

	*handle = NULL;
	if (c == NULL)
		return;
	kproducer_close(&c->producer); /* first: it sends from what is below */
	transaction_reset(&c->transaction);
	batch_unref(&c->unparked);
	topic_check_free(&c->topics);
	kcluster_close(&c->cluster);
	journal_reader_free(&c->reader);
	delivery_free(&c->delivery);
	pgconn_close(&c->conn);
	parcel_fini(&c->parcel);
	memory_release(c);
}

int
carrier_incarnation(const struct carrier *c)
{
	return c->incarnation;
}

int64_t
carrier_seq(const struct carrier *c)
{
	return c->seq;
}

const struct parking *
carrier_parking(const struct carrier *c)
{
	return &c->parking;
}

enum err_code
carrier_carry(struct carrier *c, struct batch *const *batches, size_t count,
              const struct carrier_lane *lane, struct err *err)
{
	const struct batch *last = batches[count - 1];
	enum err_code code;

	CHECK(batches[0]->first_seq == c->seq + 1);
	CHECK(batches[0]->incarnation == c->incarnation);
	if (check_topics(c, batches, count, err) != ERR_OK)
		return err->code;
	load(c, batches, count, NULL);
	code = run(c, lane, last->last_seq, last->chain, err);
	if (code != ERR_OK)
		return code;
	c->seq = last->last_seq;
	memcpy(c->chain, last->chain, sizeof(c->chain));
	if (delivery_wait(c->delivery, err) != ERR_OK ||
	    settle(c, err) != ERR_OK)
		/* It was carried: no code that says otherwise. */
		return err->code = ERR_POSTGRES_LOST;
	return ERR_OK;
}

enum err_code
carrier_unpark(struct carrier *c, const struct deployment *deployment,
               const struct carrier_lane *lane, struct err *err)
{
	if (c->parking.count == 0 ||
	    (clock_now_us() - c->unpark_us < UNPARK_EVERY_US &&
	     !c->is_unparking))
		return ERR_OK;
	c->is_unparking = false;
	c->unpark_us = clock_now_us();
	if (delivery_wait(c->delivery, err) != ERR_OK)
		return err->code;
	for (size_t i = c->parking.count; i > 0; i--) {
		if (unpark_place(c, deployment, &c->parking.places[i - 1], lane,
		                 err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

enum err_code
carrier_probe(struct carrier *c, struct err *err)
{
	char topic[PROGRESS_TOPIC_MAX];

	if (clock_now_us() - c->probe_us < PROBE_EVERY_US)
		return ERR_OK;
	c->probe_us = clock_now_us();
	progress_topic(c->deployment, topic);
	return topic_check_ask(c->topics, topic, c->lanes,
	                       1ull << c->options.lane % 64, true, err);
}

enum err_code
carrier_read(struct carrier *c, const struct deployment *deployment,
             int incarnation, int64_t seq, struct batch **out, struct err *err)
{
	if (delivery_wait(c->delivery, err) != ERR_OK)
		return err->code;
	if (c->reader == NULL || c->reader_incarnation != incarnation) {
		journal_reader_free(&c->reader);
		c->reader = journal_reader_new(c->conn, c->options.lane,
		                               incarnation);
		c->reader_incarnation = incarnation;
		c->reader_seq = -1;
	}
	if (c->reader_seq != seq)
		journal_reader_seek(c->reader, seq);
	c->reader_seq = -1;
	if (journal_reader_next(c->reader, deployment, out, err) != ERR_OK)
		return err->code;
	c->reader_seq = *out == NULL ? seq : (*out)->last_seq;
	return ERR_OK;
}

enum err_code
carrier_next_incarnation(struct carrier *c, struct err *err)
{
	if (c->parking.count > 0)
		return err_set(err, ERR_KAFKA,
		               "a new incarnation waits for %zu parked feeds",
		               c->parking.count);
	c->incarnation++;
	c->seq = 0;
	return ERR_OK;
}

enum err_code
carrier_mark(struct carrier *c, int state, const char *reason, struct err *err)
{
	const struct route_row row = {
		.lane = c->options.lane,
		.cluster = c->options.cluster,
		.incarnation = c->incarnation,
		.seq = c->seq,
		.state = (enum route_state)state,
		.reason = reason[0] == '\0' ? c->begins : reason,
	};

	if (delivery_wait(c->delivery, err) != ERR_OK)
		return err->code;
	return route_mark(c->conn, &row, err);
}
