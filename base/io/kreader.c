/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads up to a given offset. The offset itself need not hold a message:
 * transaction markers and aborted messages are never shown, so the end is
 * known by a message behind it or by librdkafka's end-of-partition.
 */
#include "base/io/kreader.h"

#include "base/io/kconsumer.h"
#include "base/io/klib.h"
#include "base/io/kqueue.h"
#include "base/runtime/check.h"

#define KREADER_CHUNK   512
#define KREADER_WAIT_MS 100 /* then a look at what the client has to say */

/* What one message, or what stands for one, means for the read. */
enum step { STEP_ON, STEP_END, STEP_FAILED };

static enum step
step_error(const struct kreader_range *range, const rd_kafka_message_t *message,
           struct err *err)
{
	/* Its offset is the end: of what is committed, where only that is
	   read. More may still come. */
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		return message->offset >= range->to ? STEP_END : STEP_ON;
	/* These pass, or the time runs out. */
	switch (klib_code(message->err)) {
	case ERR_KAFKA:
	case ERR_KAFKA_DOWN:
	case ERR_TIMEOUT:
		return STEP_ON;
	default:
		(void)err_set(err, klib_code(message->err),
		              "topic %s partition %d from offset %lld: %s (%s)",
		              range->topic, range->partition,
		              (long long)range->from,
		              rd_kafka_message_errstr(message),
		              rd_kafka_err2name(message->err));
		return STEP_FAILED;
	}
}

static enum step
step(const struct kreader_range *range, rd_kafka_message_t *message,
     struct err *err)
{
	struct kmessage out;

	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return step_error(range, message, err);
	if (message->offset >= range->to)
		return STEP_END;
	kmessage_fill(&out, message);
	if (!range->each(&out, range->context) ||
	    message->offset == range->to - 1)
		return STEP_END;
	return STEP_ON;
}

static enum err_code
read_started(struct klib *klib, rd_kafka_queue_t *queue,
             const struct kreader_range *range, int64_t deadline_ms,
             struct err *err)
{
	rd_kafka_message_t *chunk[KREADER_CHUNK];
	enum step at = STEP_ON;
	int64_t left_ms;

	while (at == STEP_ON && (left_ms = klib_left_ms(deadline_ms)) > 0) {
		ssize_t count;

		if (left_ms > KREADER_WAIT_MS)
			left_ms = KREADER_WAIT_MS;
		/* It waits for a full batch: one, then what is there. */
		count = rd_kafka_consume_batch_queue(
			queue, klib_timeout(left_ms), chunk, 1);
		if (count > 0)
			count += rd_kafka_consume_batch_queue(
				queue, 0, chunk + 1, KREADER_CHUNK - 1);
		for (ssize_t i = 0; i < count; i++) {
			if (at == STEP_ON)
				at = step(range, chunk[i], err);
			rd_kafka_message_destroy(chunk[i]);
		}
		rd_kafka_poll(klib->rk, 0);
	}
	if (at == STEP_FAILED)
		return err->code;
	if (at == STEP_ON)
		return err_set(
			err, ERR_TIMEOUT,
			"topic %s partition %d cannot be read up to offset "
			"%lld in time",
			range->topic, range->partition, (long long)range->to);
	return ERR_OK;
}

/* -- public --------------------------------------------------------------- */

enum err_code
kreader_watermarks(struct klib *klib, const char *topic, int partition,
                   int64_t timeout_ms, int64_t *out_low, int64_t *out_high,
                   struct err *err)
{
	int64_t low;
	int64_t high;
	rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
		klib->rk, topic, partition, &low, &high,
		klib_timeout(timeout_ms));

	if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
		return klib_err(err, error, "topic %s partition %d: watermarks",
		                topic, partition);
	CHECK(low >= 0 && high >= low);
	*out_low = low;
	*out_high = high;
	return ERR_OK;
}

enum err_code
kreader_read(struct klib *klib, const struct kreader_range *range,
             int64_t timeout_ms, struct err *err)
{
	int64_t deadline_ms = klib_deadline_ms(timeout_ms);
	rd_kafka_topic_t *rkt;
	rd_kafka_queue_t *queue;
	enum err_code code;

	CHECK(range->from >= 0 && range->partition >= 0);
	if (range->from >= range->to)
		return ERR_OK;
	rkt = rd_kafka_topic_new(klib->rk, range->topic, NULL);
	if (rkt == NULL)
		return klib_err(err, rd_kafka_last_error(), "topic %s",
		                range->topic);
	queue = rd_kafka_queue_new(klib->rk);
	if (rd_kafka_consume_start_queue(rkt, range->partition, range->from,
	                                 queue) == 0) {
		code = read_started(klib, queue, range, deadline_ms, err);
		CHECK(rd_kafka_consume_stop(rkt, range->partition) == 0);
	} else {
		code = klib_err(err, rd_kafka_last_error(),
		                "topic %s partition %d", range->topic,
		                range->partition);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_topic_destroy(rkt);
	return code;
}
