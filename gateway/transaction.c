/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka transaction. Whatever goes wrong before the commit is sent ends in
 * an abort; if that fails too, in closing the producer, which the caller does.
 */
#include "gateway/transaction.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kproducer.h"
#include "base/model/batch.h"
#include "base/model/delivery.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/crash.h"
#include "base/runtime/memory.h"
#include "gateway/parcel.h"

#define FLUSH_TIMEOUT_MS  12000 /* below transaction.timeout.ms of 15 s */
#define COMMIT_TIMEOUT_MS 30000
#define ABORT_TIMEOUT_MS  10000
#define RECORD_BYTES_MAX  (256 * 1024)

static bool
is_left_out(const struct transaction *t, const struct batch *batch,
            const struct feed *feed)
{
	if (!deployment_goes_to(batch->deployment, feed, t->cluster))
		return true;
	if (t->only != NULL)
		return strcmp(t->only->name, feed->name) != 0 ||
			strcmp(t->only->tenant, feed->tenant) != 0;
	return parking_find(t->parking, feed) != NULL;
}

static enum err_code
send_block(struct transaction *t, size_t batch_index, const struct block *block,
           struct transaction_fault *out_fault, struct err *err)
{
	const struct batch *batch = t->batches[batch_index];
	struct ktopic *output =
		kproducer_topic(t->producer, block->feed->output_topic);
	struct ktopic *dead =
		kproducer_topic(t->producer, block->feed->dead_letter_topic);
	struct ksend send;

	for (size_t i = 0; i < block->count; i++) {
		size_t at = block->first + i;
		const struct message *m = &batch->messages[at];

		if (!message_leaves(m))
			continue;
		parcel_fill(t->parcel, batch, m,
		            m->verdict == VERDICT_ACCEPTED ? output : dead,
		            &send);
		send.out_offset = &t->offsets[batch_index][at];
		if (kproducer_send(t->producer, &send, err) != ERR_OK) {
			*out_fault =
				(struct transaction_fault){ .feed = block->feed,
				                            .seq = m->seq };
			return err->code;
		}
		t->sent_count++;
		if ((size_t)t->sent_count == t->message_count / 2)
			crash_at(CRASH_FORWARD_PRODUCED_SOME);
	}
	return ERR_OK;
}

static enum err_code
send_batches(struct transaction *t, struct transaction_fault *out_fault,
             struct err *err)
{
	for (size_t b = 0; b < t->batch_count; b++) {
		const struct batch *batch = t->batches[b];

		for (size_t i = 0; i < batch->block_count; i++) {
			if (is_left_out(t, batch, batch->blocks[i].feed))
				continue;
			if (send_block(t, b, &batch->blocks[i], out_fault,
			               err) != ERR_OK)
				return err->code;
		}
	}
	return ERR_OK;
}

static enum err_code
send_progress(struct transaction *t, const struct progress *progress,
              struct err *err)
{
	char topic[PROGRESS_TOPIC_MAX], key[16];
	struct text record;
	struct ksend send;
	enum err_code code;

	progress_topic(t->deployment, topic);
	snprintf(key, sizeof(key), "%d", progress->lane);
	text_init(&record, RECORD_BYTES_MAX);
	progress_print(progress, t->deployment, &record);
	CHECK(!text_is_cut(&record));
	send = (struct ksend){
		.topic = kproducer_topic(t->producer, topic),
		.partition = progress->lane,
		.key = key,
		.key_len = (int32_t)strlen(key),
		.body = record.bytes,
		.body_len = (int32_t)record.len,
		.out_offset = &t->progress_offset,
		.copy = true,
	};
	code = kproducer_send(t->producer, &send, err);
	text_fini(&record);
	return code;
}

/* Which message the failed delivery report was about. */
static void
find_fault(const struct transaction *t, const struct kproducer_failure *failure,
           struct transaction_fault *out)
{
	for (size_t b = 0; b < t->batch_count; b++) {
		const struct batch *batch = t->batches[b];

		if (failure->out_offset < t->offsets[b] ||
		    failure->out_offset >= t->offsets[b] + batch->count)
			continue;

		size_t index = (size_t)(failure->out_offset - t->offsets[b]);

		out->feed = batch->messages[index].feed;
		out->seq = batch->messages[index].seq;
	}
}

static enum err_code
produce(struct transaction *t, const struct progress *progress,
        struct transaction_fault *out_fault, struct err *err)
{
	struct kproducer_failure failure = { .code = ERR_OK };

	crash_at(CRASH_FORWARD_BEGUN);
	if (send_batches(t, out_fault, err) != ERR_OK) {
		struct err e = { .code = ERR_OK };

		/* An earlier message may be to blame: its report tells. */
		if (kproducer_flush(t->producer, FLUSH_TIMEOUT_MS, &failure,
		                    &e) != ERR_OK &&
		    failure.out_offset != NULL) {
			*err = e;
			find_fault(t, &failure, out_fault);
		}
		return err->code;
	}
	crash_at(CRASH_FORWARD_PRODUCED);
	if (send_progress(t, progress, err) != ERR_OK)
		return err->code;
	if (kproducer_flush(t->producer, FLUSH_TIMEOUT_MS, &failure, err) !=
	    ERR_OK) {
		if (failure.out_offset != NULL)
			find_fault(t, &failure, out_fault);
		return err->code;
	}
	crash_at(CRASH_FORWARD_PROGRESS);
	return ERR_OK;
}

/* Keeps the reason, unless the abort makes things worse. */
static enum err_code
abort_for(struct transaction *t, struct err *err)
{
	struct err e = { .code = ERR_OK };

	if (err->code == ERR_KAFKA_FENCED || err->code == ERR_KAFKA_UNKNOWN)
		return err->code;
	if (kproducer_abort(t->producer, ABORT_TIMEOUT_MS, &e) != ERR_OK) {
		*err = e;
		if (e.code != ERR_KAFKA_FENCED)
			err->code = ERR_KAFKA_UNKNOWN;
		return err_context(err, "aborting");
	}
	if (err->code == ERR_TIMEOUT)
		err->code = ERR_KAFKA;
	return err->code;
}

/* -- public ---------------------------------------------------------------- */

void
transaction_init(struct transaction *t)
{
	memset(t, 0, sizeof(*t));
}

void
transaction_reset(struct transaction *t)
{
	for (size_t i = 0; i < t->batch_count; i++)
		memory_free(&t->offsets[i]);
	t->batch_count = 0;
	t->message_count = 0;
	t->bytes = 0;
	t->sent_count = 0;
}

void
transaction_add(struct transaction *t, struct batch *batch)
{
	CHECK(t->batch_count < TRANSACTION_BATCHES_MAX);
	t->batches[t->batch_count] = batch;
	t->offsets[t->batch_count] =
		memory_alloc(batch->count * sizeof(int64_t));
	t->batch_count++;
	t->message_count += batch->count;
	t->bytes += batch->bytes;
}

enum err_code
transaction_run(struct transaction *t, const struct progress *progress,
                struct transaction_fault *out_fault, struct err *err)
{
	enum err_code code;

	*out_fault = (struct transaction_fault){ .feed = NULL };
	t->sent_count = 0;
	for (size_t b = 0; b < t->batch_count; b++) {
		for (size_t i = 0; i < t->batches[b]->count; i++)
			t->offsets[b][i] = DELIVERY_NONE;
	}
	if (kproducer_begin(t->producer, err) != ERR_OK)
		return err_context(err, "beginning a transaction");
	if (produce(t, progress, out_fault, err) != ERR_OK)
		return abort_for(t, err);
	crash_at(CRASH_FORWARD_COMMIT_SENT);
	code = kproducer_commit(t->producer, COMMIT_TIMEOUT_MS, err);
	if (code == ERR_KAFKA)
		return abort_for(t, err);
	if (code != ERR_OK)
		return code;
	crash_at(CRASH_FORWARD_COMMITTED);
	return ERR_OK;
}
