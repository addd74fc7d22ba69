/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The producer. Delivery reports come as events on the main queue, served by
 * the owner's thread: librdkafka's own flush, and with it commit and abort,
 * tick in steps of 10 ms where callbacks are used. In return nothing of
 * librdkafka may be waited for while reports are outstanding, since it would
 * wait for us.
 */
#include "base/io/kproducer.h"

#include <stdio.h>
#include <string.h>

#include "base/io/klib.h"
#include "base/runtime/check.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"

#define KPRODUCER_MAGIC    0x6b70726fu
#define KTOPIC_MAGIC       0x6b746f70u
#define KPRODUCER_SERVE    1024 /* sends between two looks at reports */
#define KPRODUCER_FULL_MS  100  /* a wait for room in the local queue */
#define KPRODUCER_SLICE_MS 20   /* of an abort with reports outstanding */

struct ktopic {
	uint32_t magic;
	struct ktopic *next;
	rd_kafka_topic_t *rkt;
	struct kproducer *producer;
};

struct kproducer {
	uint32_t magic;
	struct klib klib;
	rd_kafka_queue_t *events;
	struct ktopic *topics;
	bool is_transactional;
	bool in_transaction;
	/* of this transaction; reported = delivered + failed */
	int64_t sent_count;
	int64_t delivered_count;
	int64_t failed_count;
	struct kproducer_failure failure; /* the first */
};

/* -- errors --------------------------------------------------------------- */

/* A fatal error is the client's last: whether what it sent is there is not
   known, except that a fenced one has a successor who finds out. */
static bool
is_fatal(struct kproducer *producer, const char *what, struct err *err)
{
	char reason[256];
	rd_kafka_resp_err_t error =
		rd_kafka_fatal_error(producer->klib.rk, reason, sizeof(reason));

	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	(void)err_set(err,
	              klib_code(error) == ERR_KAFKA_FENCED ? ERR_KAFKA_FENCED
	                                                   : ERR_KAFKA_UNKNOWN,
	              "cluster %s: %s: %s", producer->klib.name, what, reason);
	return true;
}

/* Takes error. */
static enum err_code
set_error(struct kproducer *producer, enum err_code code, const char *what,
          rd_kafka_error_t *error, struct err *err)
{
	if (code == ERR_KAFKA_PERMANENT || !is_fatal(producer, what, err))
		(void)err_set(err, code, "cluster %s: %s: %s (%s)",
		              producer->klib.name, what,
		              rd_kafka_error_string(error),
		              rd_kafka_error_name(error));
	rd_kafka_error_destroy(error);
	return err->code;
}

/*
 * What a failed message means. In a transaction an outcome that is not known
 * is no harm: the abort decides it. Without one it is told.
 */
static enum err_code
failure_code(const struct kproducer *producer,
             const rd_kafka_message_t *message)
{
	enum err_code code = klib_code(message->err);

	if (code == ERR_KAFKA_PERMANENT || code == ERR_KAFKA_TOPIC ||
	    code == ERR_KAFKA_FENCED)
		return code;
	if (!producer->is_transactional &&
	    rd_kafka_message_status(message) !=
	            RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
		return ERR_KAFKA_UNKNOWN;
	return ERR_KAFKA;
}

/* The first says why; what follows from it (a purge, a state) does not. But
   a cause that stays outranks one that passes: else a transaction is tried
   over and over with a message that cannot be taken. */
static void
failure_note(struct kproducer *producer, const rd_kafka_message_t *message)
{
	struct kproducer_failure *failure = &producer->failure;
	enum err_code code = failure_code(producer, message);

	producer->failed_count++;
	if (failure->code != ERR_OK &&
	    (failure->code != ERR_KAFKA ||
	     (code != ERR_KAFKA_PERMANENT && code != ERR_KAFKA_TOPIC)))
		return;
	failure->code = code;
	failure->out_offset = message->_private;
	snprintf(failure->text, sizeof(failure->text),
	         "topic %s partition %d: %s (%s)",
	         message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "?",
	         (int)message->partition, rd_kafka_err2str(message->err),
	         rd_kafka_err2name(message->err));
}

/* -- events --------------------------------------------------------------- */

static void
report(struct kproducer *producer, const rd_kafka_message_t *message)
{
	int64_t *out_offset = message->_private;

	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		failure_note(producer, message);
		return;
	}
	producer->delivered_count++;
	/* A repeated sequence number is a success without an offset. */
	if (out_offset != NULL)
		*out_offset = message->offset >= 0 ? message->offset : -1;
}

/* False: nothing came within the time. */
static bool
serve(struct kproducer *producer, int64_t timeout_ms)
{
	rd_kafka_event_t *event =
		rd_kafka_queue_poll(producer->events, klib_timeout(timeout_ms));
	const rd_kafka_message_t *message;

	if (event == NULL)
		return false;
	switch (rd_kafka_event_type(event)) {
	case RD_KAFKA_EVENT_DR:
		while ((message = rd_kafka_event_message_next(event)) != NULL)
			report(producer, message);
		break;
	case RD_KAFKA_EVENT_ERROR:
		klib_heard(&producer->klib, rd_kafka_event_error(event),
		           rd_kafka_event_error_string(event));
		break;
	default:
		break;
	}
	rd_kafka_event_destroy(event);
	return true;
}

static void
serve_all(struct kproducer *producer)
{
	while (serve(producer, 0))
		;
}

static bool
all_reported(const struct kproducer *producer)
{
	CHECK(producer->delivered_count + producer->failed_count <=
	      producer->sent_count);
	return producer->delivered_count + producer->failed_count ==
		producer->sent_count;
}

static void
counts_reset(struct kproducer *producer)
{
	producer->sent_count = 0;
	producer->delivered_count = 0;
	producer->failed_count = 0;
	memset(&producer->failure, 0, sizeof(producer->failure));
}

/* -- sending -------------------------------------------------------------- */

static rd_kafka_headers_t *
headers_of(const struct ksend *send)
{
	rd_kafka_headers_t *headers;

	if (send->header_count == 0)
		return NULL;
	headers = rd_kafka_headers_new(send->header_count);
	for (size_t i = 0; i < send->header_count; i++) {
		const struct kheader *header = &send->headers[i];

		CHECK(rd_kafka_header_add(
			      headers, header->name, -1, header->value,
			      header->value != NULL ? header->value_len : -1) ==
		      RD_KAFKA_RESP_ERR_NO_ERROR);
	}
	return headers;
}

/* On success librdkafka owns the headers. */
static rd_kafka_resp_err_t
produce(struct kproducer *producer, const struct ksend *send,
        rd_kafka_headers_t *headers)
{
	size_t body_len = send->body != NULL ? (size_t)send->body_len : 0;
	size_t key_len = send->key != NULL ? (size_t)send->key_len : 0;

	return rd_kafka_producev(
		producer->klib.rk, RD_KAFKA_V_RKT(send->topic->rkt),
		RD_KAFKA_V_PARTITION(send->partition),
		RD_KAFKA_V_MSGFLAGS(send->copy ? RD_KAFKA_MSG_F_COPY : 0),
		RD_KAFKA_V_VALUE((void *)send->body, body_len),
		RD_KAFKA_V_KEY(send->key, key_len),
		RD_KAFKA_V_TIMESTAMP(send->time_ms),
		RD_KAFKA_V_OPAQUE(send->out_offset),
		RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
}

/* Why a message was not even enqueued. */
static enum err_code
send_failed(struct kproducer *producer, const struct ksend *send,
            rd_kafka_resp_err_t error, struct err *err)
{
	enum err_code code = klib_code(error);

	serve_all(producer);
	if (is_fatal(producer, "failed to send", err))
		return err->code;
	/* After a failed message the transaction takes no more: the cause is
	   that message. */
	if (producer->failure.code != ERR_OK &&
	    error == RD_KAFKA_RESP_ERR__STATE)
		return err_set(err, producer->failure.code,
		               "cluster %s: an earlier message failed: %s",
		               producer->klib.name, producer->failure.text);
	if (code != ERR_KAFKA_PERMANENT && code != ERR_KAFKA_TOPIC &&
	    code != ERR_KAFKA_FENCED)
		code = ERR_KAFKA;
	return err_set(
		err, code,
		"cluster %s: failed to send to topic %s partition %d: %s (%s)",
		producer->klib.name, rd_kafka_topic_name(send->topic->rkt),
		(int)send->partition, rd_kafka_err2str(error),
		rd_kafka_err2name(error));
}

/* -- the end of a transaction --------------------------------------------- */

/*
 * An abortable error of a commit is one that the broker has told, so that the
 * transaction is not committed, and the abort that follows fails where it was.
 * Except where the broker does not know the producer any more: its abort is a
 * new start, which proves nothing.
 */
static enum err_code
commit_code(const rd_kafka_error_t *error)
{
	switch (rd_kafka_error_code(error)) {
	case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
	case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
		return ERR_KAFKA_UNKNOWN;
	default:
		if (klib_code(rd_kafka_error_code(error)) == ERR_KAFKA_FENCED)
			return ERR_KAFKA_FENCED;
		return rd_kafka_error_txn_requires_abort(error)
			? ERR_KAFKA
			: ERR_KAFKA_UNKNOWN;
	}
}

static enum err_code
init_code(struct kproducer *producer, const rd_kafka_error_t *error)
{
	enum err_code code = klib_code(rd_kafka_error_code(error));

	if (code == ERR_KAFKA_FENCED || code == ERR_KAFKA_PERMANENT)
		return code;
	if (!rd_kafka_error_is_retriable(error))
		return ERR_KAFKA;
	return atomic_load(&producer->klib.is_down) ? ERR_KAFKA_DOWN
						    : ERR_TIMEOUT;
}

/* -- public --------------------------------------------------------------- */

enum err_code
kproducer_open(const struct kcluster_options *options,
               const char *transactional_id, struct kproducer **out,
               struct err *err)
{
	const struct kproperty own[] = {
		{ "transactional.id", transactional_id },
	};
	struct kproducer *producer = memory_calloc(1, sizeof(*producer));

	producer->magic = KPRODUCER_MAGIC;
	producer->is_transactional = transactional_id != NULL;
	if (klib_open(&producer->klib, KLIB_PRODUCER, options, own,
	              transactional_id != NULL ? 1 : 0,
	              RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR,
	              err) != ERR_OK) {
		memory_free(&producer);
		return err->code;
	}
	producer->events = rd_kafka_queue_get_main(producer->klib.rk);
	*out = producer;
	return ERR_OK;
}

void
kproducer_close(struct kproducer **out_producer)
{
	struct kproducer *producer = *out_producer;

	if (producer == NULL)
		return;
	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	/* What is in flight is given up: its outcome is the recovery's. */
	(void)rd_kafka_purge(producer->klib.rk,
	                     RD_KAFKA_PURGE_F_QUEUE |
	                             RD_KAFKA_PURGE_F_INFLIGHT |
	                             RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_queue_destroy(producer->events);
	while (producer->topics != NULL) {
		struct ktopic *topic = producer->topics;

		producer->topics = topic->next;
		rd_kafka_topic_destroy(topic->rkt);
		topic->magic = 0;
		memory_free(&topic);
	}
	klib_close(&producer->klib);
	producer->magic = 0;
	memory_free(out_producer);
}

enum err_code
kproducer_init_transactions(struct kproducer *producer, int64_t timeout_ms,
                            struct err *err)
{
	int64_t deadline_ms = klib_deadline_ms(timeout_ms);
	rd_kafka_error_t *error;
	enum err_code code;

	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	CHECK(producer->is_transactional && !producer->in_transaction);
	for (;;) {
		int64_t left_ms = klib_left_ms(deadline_ms);

		error = rd_kafka_init_transactions(producer->klib.rk,
		                                   klib_timeout(left_ms));
		serve_all(producer);
		if (error == NULL) {
			atomic_store(&producer->klib.is_down, false);
			return ERR_OK;
		}
		code = init_code(producer, error);
		if (!rd_kafka_error_is_retriable(error) ||
		    klib_left_ms(deadline_ms) == 0)
			return set_error(producer, code,
			                 "failed to init transactions", error,
			                 err);
		rd_kafka_error_destroy(error);
		(void)serve(producer, KPRODUCER_SLICE_MS);
	}
}

struct ktopic *
kproducer_topic(struct kproducer *producer, const char *name)
{
	struct ktopic *topic;

	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	for (topic = producer->topics; topic != NULL; topic = topic->next)
		if (strcmp(rd_kafka_topic_name(topic->rkt), name) == 0)
			return topic;
	topic = memory_calloc(1, sizeof(*topic));
	topic->magic = KTOPIC_MAGIC;
	topic->producer = producer;
	topic->rkt = rd_kafka_topic_new(producer->klib.rk, name, NULL);
	CHECK(topic->rkt != NULL);
	topic->next = producer->topics;
	producer->topics = topic;
	return topic;
}

enum err_code
kproducer_begin(struct kproducer *producer, struct err *err)
{
	rd_kafka_error_t *error;

	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	CHECK(producer->is_transactional && !producer->in_transaction);
	serve_all(producer);
	counts_reset(producer);
	error = rd_kafka_begin_transaction(producer->klib.rk);
	if (error != NULL)
		return set_error(producer, ERR_KAFKA_UNKNOWN,
		                 "failed to begin a transaction", error, err);
	producer->in_transaction = true;
	return ERR_OK;
}

enum err_code
kproducer_send(struct kproducer *producer, const struct ksend *send,
               struct err *err)
{
	rd_kafka_headers_t *headers;
	rd_kafka_resp_err_t error;

	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	CHECK_MAGIC(send->topic, KTOPIC_MAGIC);
	CHECK(send->topic->producer == producer && send->partition >= 0);
	CHECK(producer->in_transaction == producer->is_transactional);
	headers = headers_of(send);
	while ((error = produce(producer, send, headers)) ==
	       RD_KAFKA_RESP_ERR__QUEUE_FULL)
		(void)serve(producer, KPRODUCER_FULL_MS);
	if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (headers != NULL)
			rd_kafka_headers_destroy(headers);
		return send_failed(producer, send, error, err);
	}
	if (++producer->sent_count % KPRODUCER_SERVE == 0)
		serve_all(producer);
	return ERR_OK;
}

enum err_code
kproducer_flush(struct kproducer *producer, int64_t timeout_ms,
                struct kproducer_failure *out_failure, struct err *err)
{
	int64_t deadline_ms = klib_deadline_ms(timeout_ms);

	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	serve_all(producer);
	/* After a failure a transaction sends no more: nothing to wait for. */
	while (!all_reported(producer) &&
	       (producer->failed_count == 0 || !producer->is_transactional)) {
		int64_t left_ms = klib_left_ms(deadline_ms);

		if (left_ms == 0)
			return err_set(
				err, ERR_TIMEOUT,
				"cluster %s: %lld of %lld messages have no "
				"delivery report",
				producer->klib.name,
				(long long)(producer->sent_count -
			                    producer->delivered_count -
			                    producer->failed_count),
				(long long)producer->sent_count);
		(void)serve(producer, left_ms);
	}
	serve_all(producer);
	if (producer->failed_count == 0)
		return ERR_OK;
	*out_failure = producer->failure;
	if (is_fatal(producer, "failed to send", err)) {
		out_failure->code = err->code;
		return err->code;
	}
	return err_set(
		err, producer->failure.code,
		"cluster %s: %lld of %lld messages failed, one of them with %s",
		producer->klib.name, (long long)producer->failed_count,
		(long long)producer->sent_count, producer->failure.text);
}

enum err_code
kproducer_commit(struct kproducer *producer, int64_t timeout_ms,
                 struct err *err)
{
	int64_t deadline_ms = klib_deadline_ms(timeout_ms);
	rd_kafka_error_t *error;

	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	CHECK(producer->in_transaction);
	CHECK(producer->failed_count == 0);
	CHECK(producer->delivered_count == producer->sent_count);
	for (;;) {
		error = rd_kafka_commit_transaction(
			producer->klib.rk,
			klib_timeout(klib_left_ms(deadline_ms)));
		if (error == NULL) {
			producer->in_transaction = false;
			return ERR_OK;
		}
		serve_all(producer);
		if (!rd_kafka_error_is_retriable(error) ||
		    klib_left_ms(deadline_ms) == 0)
			return set_error(producer, commit_code(error),
			                 "failed to commit", error, err);
		rd_kafka_error_destroy(error);
	}
}

enum err_code
kproducer_abort(struct kproducer *producer, int64_t timeout_ms, struct err *err)
{
	int64_t deadline_ms = klib_deadline_ms(timeout_ms);
	rd_kafka_error_t *error;

	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	CHECK(producer->in_transaction);
	serve_all(producer);
	for (;;) {
		int64_t left_ms = klib_left_ms(deadline_ms);

		/* librdkafka waits for reports that we have to serve. */
		if (!all_reported(producer) && left_ms > KPRODUCER_SLICE_MS)
			left_ms = KPRODUCER_SLICE_MS;
		error = rd_kafka_abort_transaction(producer->klib.rk,
		                                   klib_timeout(left_ms));
		serve_all(producer);
		if (error == NULL) {
			CHECK(all_reported(producer));
			producer->in_transaction = false;
			return ERR_OK;
		}
		if (!rd_kafka_error_is_retriable(error) ||
		    klib_left_ms(deadline_ms) == 0)
			return set_error(producer, ERR_KAFKA_UNKNOWN,
			                 "failed to abort", error, err);
		rd_kafka_error_destroy(error);
	}
}

int64_t
kproducer_sent_count(const struct kproducer *producer)
{
	CHECK_MAGIC(producer, KPRODUCER_MAGIC);
	return producer->sent_count;
}
