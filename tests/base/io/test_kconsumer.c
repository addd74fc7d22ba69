/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/io/kconsumer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/kproducer.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"

#include "tests/support/kafkamock.h"
#include "tests/unit.h"

#define WAIT_MS   20000
#define BATCH_MAX 1000

static struct err err;

static struct kcluster_options
options_of(const char *bootstrap)
{
	return (struct kcluster_options){
		.name = "test",
		.bootstrap = bootstrap,
		.client_id = "test",
	};
}

static struct kconsumer *
open_consumer(struct kafkamock *mock)
{
	struct kcluster_options options = options_of(kafkamock_bootstrap(mock));
	struct kconsumer *consumer = NULL;

	assert_ok(kconsumer_open(&options, true, &consumer, &err));
	return consumer;
}

/* Bodies are "partition.index". */
static void
fill_topic(struct kafkamock *mock, const char *topic, int partitions, int count)
{
	static const struct kheader headers[] = {
		{ "a", "1", 1 },
		{ "none", NULL, 0 },
	};
	struct kcluster_options options = options_of(kafkamock_bootstrap(mock));
	struct kproducer *producer = NULL;
	struct kproducer_failure failure;
	char body[32];

	assert_ok(kproducer_open(&options, NULL, &producer, &err));
	for (int i = 0; i < count; i++) {
		for (int p = 0; p < partitions; p++) {
			snprintf(body, sizeof(body), "%d.%d", p, i);
			const struct ksend send = {
				.topic = kproducer_topic(producer, topic),
				.partition = p,
				.key = i % 2 == 0 ? "key" : NULL,
				.key_len = i % 2 == 0 ? 3 : 0,
				.body = i == 1 ? NULL : body,
				.body_len = i == 1 ? 0 : (int32_t)strlen(body),
				.time_ms = 1700000000000 + i,
				.headers = headers,
				.header_count = i % 2 == 0 ? 2 : 0,
				.copy = true,
			};
			assert_ok(kproducer_send(producer, &send, &err));
		}
	}
	assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
	kproducer_close(&producer);
}

/* Polls until count messages came, each of which must be the next of its
   partition: next[opaque]. */
static void
expect(struct kqueue *queue, size_t count, int64_t *next)
{
	struct kmessage messages[BATCH_MAX];
	struct kqueue_error error;
	size_t seen = 0;

	while (seen < count) {
		size_t got = kqueue_poll(queue, WAIT_MS, messages, BATCH_MAX,
		                         &error);

		if (error.code != ERR_OK)
			fail_msg("%s", error.text);
		assert_true(got > 0);
		for (size_t i = 0; i < got; i++) {
			int64_t *at = messages[i].opaque;

			assert_ptr_equal(&next[messages[i].partition], at);
			assert_int_equal(*at, messages[i].offset);
			*at += 1;
			kmessage_release(&messages[i]);
		}
		seen += got;
	}
	assert_int_equal(count, seen);
}

static void
expect_nothing(struct kqueue *queue, int64_t wait_ms)
{
	struct kmessage message;
	struct kqueue_error error;

	assert_int_equal(0, kqueue_poll(queue, wait_ms, &message, 1, &error));
	assert_int_equal(ERR_OK, error.code);
}

/* -- tests ---------------------------------------------------------------- */

static void
test_kconsumer_reads_each_partition_into_its_queue(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct kqueue *queues[2];
	int64_t next[8] = { 0 };

	kafkamock_topic(mock, "t", 8);
	fill_topic(mock, "t", 8, 500);
	consumer = open_consumer(mock);
	queues[0] = kqueue_new(consumer);
	queues[1] = kqueue_new(consumer);
	for (int p = 0; p < 8; p++) {
		next[p] = p < 4 ? 100 : 0;
		assert_ok(kconsumer_assign(consumer, "t", p,
		                           p < 4 ? 100 : KCONSUMER_EARLIEST,
		                           &next[p], queues[p % 2], &err));
	}
	expect(queues[0], 2 * 400 + 2 * 500, next);
	expect(queues[1], 2 * 400 + 2 * 500, next);
	expect_nothing(queues[0], 50);
	fill_topic(mock, "t", 8, 10);
	expect(queues[1], 40, next);
	expect(queues[0], 40, next);
	for (int p = 0; p < 8; p++)
		assert_ok(kconsumer_unassign(consumer, "t", p, &err));
	kqueue_free(&queues[0]);
	kqueue_free(&queues[1]);
	kconsumer_close(&consumer);
	kafkamock_stop(&mock);
}

static void
test_kconsumer_gives_messages_as_they_were(void **state)
{
	static const char expected[] = "\0\0\0\1a\0\0\0\0011"
				       "\0\0\0\4none\377\377\377\377";
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct kqueue *queue;
	struct kmessage messages[3];
	struct kqueue_error error;
	struct text text;
	size_t count = 0;

	kafkamock_topic(mock, "t", 1);
	fill_topic(mock, "t", 1, 3);
	consumer = open_consumer(mock);
	queue = kqueue_new(consumer);
	assert_ok(kconsumer_assign(consumer, "t", 0, KCONSUMER_EARLIEST, NULL,
	                           queue, &err));
	while (count < 3)
		count += kqueue_poll(queue, WAIT_MS, &messages[count],
		                     3 - count, &error);
	assert_int_equal(3, messages[0].key_len);
	assert_memory_equal("key", messages[0].key, 3);
	assert_int_equal(3, messages[0].body_len);
	assert_memory_equal("0.0", messages[0].body, 3);
	assert_int_equal(1700000000000, messages[0].time_ms);
	assert_true(messages[0].has_headers);
	text_init(&text, 1000);
	kmessage_headers(&messages[0], &text);
	assert_int_equal(sizeof(expected) - 1, text.len);
	assert_memory_equal(expected, text.bytes, text.len);
	text_reset(&text);
	assert_null(messages[1].key);
	assert_null(messages[1].body);
	assert_false(messages[1].has_headers);
	kmessage_headers(&messages[1], &text);
	assert_int_equal(0, text.len);
	text_fini(&text);
	for (int i = 0; i < 3; i++)
		kmessage_release(&messages[i]);
	assert_ok(kconsumer_unassign(consumer, "t", 0, &err));
	kqueue_free(&queue);
	kconsumer_close(&consumer);
	kafkamock_stop(&mock);
}

static void
test_kconsumer_position_that_is_gone_is_a_gap(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct kqueue *queue;
	struct kmessage message;
	struct kqueue_error error = { 0 };
	int64_t next[2] = { 0 };

	kafkamock_topic(mock, "t", 2);
	fill_topic(mock, "t", 2, 10);
	consumer = open_consumer(mock);
	queue = kqueue_new(consumer);
	assert_ok(kconsumer_assign(consumer, "t", 0, 1000, &next[0], queue,
	                           &err));
	assert_int_equal(0, kqueue_poll(queue, WAIT_MS, &message, 1, &error));
	assert_int_equal(ERR_SOURCE_GAP, error.code);
	assert_ptr_equal(&next[0], error.opaque);
	assert_int_equal(0, error.partition);
	assert_non_null(strstr(error.text, "topic t partition 0"));
	/* The other partition is not held up. */
	assert_ok(kconsumer_assign(consumer, "t", 1, 0, &next[1], queue, &err));
	expect(queue, 10, next);
	assert_ok(kconsumer_unassign(consumer, "t", 0, &err));
	assert_ok(kconsumer_unassign(consumer, "t", 1, &err));
	kqueue_free(&queue);
	kconsumer_close(&consumer);
	kafkamock_stop(&mock);
}

static void
test_kconsumer_missing_topic_is_told(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct kqueue *queue;
	struct kmessage message;
	struct kqueue_error error = { 0 };
	int64_t next[8] = { 0 };

	kafkamock_topic(mock, "t", 1);
	consumer = open_consumer(mock);
	queue = kqueue_new(consumer);
	assert_ok(kconsumer_assign(consumer, "t", 7, 0, &next[7], queue, &err));
	assert_int_equal(0, kqueue_poll(queue, WAIT_MS, &message, 1, &error));
	assert_int_equal(ERR_KAFKA_TOPIC, error.code);
	assert_ptr_equal(&next[7], error.opaque);
	assert_ok(kconsumer_unassign(consumer, "t", 7, &err));
	kqueue_free(&queue);
	kconsumer_close(&consumer);
	kafkamock_stop(&mock);
}

static void
test_kconsumer_down_is_told_once(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct kqueue *queue;
	struct kmessage message;
	struct kqueue_error error = { 0 };
	int64_t next[1] = { 0 };
	int64_t begin_us;

	kafkamock_topic(mock, "t", 1);
	fill_topic(mock, "t", 1, 10);
	consumer = open_consumer(mock);
	queue = kqueue_new(consumer);
	assert_ok(kconsumer_assign(consumer, "t", 0, 0, &next[0], queue, &err));
	expect(queue, 10, next);
	kafkamock_down(mock, 1);
	assert_int_equal(0, kqueue_poll(queue, WAIT_MS, &message, 1, &error));
	assert_int_equal(ERR_KAFKA_DOWN, error.code);
	assert_null(error.opaque);
	kafkamock_up(mock, 1);
	fill_topic(mock, "t", 1, 5);
	begin_us = clock_now_us();
	while (next[0] < 15) {
		if (kqueue_poll(queue, 1000, &message, 1, &error) == 1) {
			assert_int_equal(next[0]++, message.offset);
			kmessage_release(&message);
		}
		assert_true(clock_now_us() - begin_us < 10000000);
	}
	assert_ok(kconsumer_unassign(consumer, "t", 0, &err));
	kqueue_free(&queue);
	kconsumer_close(&consumer);
	kafkamock_stop(&mock);
}

/* Offsets for lag tools are worth no minute. */
static void
test_kconsumer_closes_soon_while_kafka_is_down(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct kqueue *queue;
	struct kmessage message;
	struct kqueue_error error = { 0 };
	int64_t next[1] = { 0 };
	int64_t begin_us;

	kafkamock_topic(mock, "t", 1);
	fill_topic(mock, "t", 1, 10);
	consumer = open_consumer(mock);
	queue = kqueue_new(consumer);
	assert_ok(kconsumer_assign(consumer, "t", 0, 0, &next[0], queue, &err));
	expect(queue, 10, next);
	kafkamock_down(mock, 1);
	assert_int_equal(0, kqueue_poll(queue, WAIT_MS, &message, 1, &error));
	assert_int_equal(ERR_KAFKA_DOWN, error.code);
	kconsumer_commit(consumer, "t", 0, 10);
	assert_ok(kconsumer_unassign(consumer, "t", 0, &err));
	kqueue_free(&queue);
	begin_us = clock_now_us();
	kconsumer_close(&consumer);
	assert_true(clock_now_us() - begin_us < 8000000);
	kafkamock_stop(&mock);
}

/* -- a change next to a poll ---------------------------------------------- */

struct reader {
	struct kqueue *queue;
	struct thread_flag *stop;
	int64_t next[4];
	int64_t count;
};

static void
read_all(void *context)
{
	struct reader *reader = context;
	struct kmessage messages[BATCH_MAX];
	struct kqueue_error error;

	while (!thread_flag_is_set(reader->stop)) {
		size_t got = kqueue_poll(reader->queue, 100, messages,
		                         BATCH_MAX, &error);

		for (size_t i = 0; i < got; i++) {
			int64_t *at = messages[i].opaque;

			/* Neither lost nor repeated. */
			assert_int_equal(*at, messages[i].offset);
			*at += 1;
			kmessage_release(&messages[i]);
		}
		__atomic_add_fetch(&reader->count, (int64_t)got,
		                   __ATOMIC_SEQ_CST);
	}
}

static void
test_kconsumer_pause_next_to_poll_loses_nothing(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct reader reader = { 0 };
	struct thread *thread;
	int64_t begin_us = clock_now_us();

	kafkamock_topic(mock, "t", 4);
	fill_topic(mock, "t", 4, 20000);
	consumer = open_consumer(mock);
	reader.queue = kqueue_new(consumer);
	reader.stop = thread_flag_new();
	thread = thread_new("reader", read_all, &reader);
	for (int p = 0; p < 4; p++)
		assert_ok(kconsumer_assign(consumer, "t", p, KCONSUMER_EARLIEST,
		                           &reader.next[p], reader.queue,
		                           &err));
	for (int i = 0; i < 40; i++) {
		assert_ok(kconsumer_pause(consumer, "t", i % 4, true, &err));
		clock_sleep_ms(i % 3);
		assert_ok(kconsumer_pause(consumer, "t", i % 4, false, &err));
		clock_sleep_ms(i % 7);
	}
	while (__atomic_load_n(&reader.count, __ATOMIC_SEQ_CST) < 80000) {
		clock_sleep_ms(10);
		assert_true(clock_now_us() - begin_us < 60000000);
	}
	thread_flag_set(reader.stop);
	thread_join(&thread);
	thread_flag_free(&reader.stop);
	for (int p = 0; p < 4; p++) {
		assert_int_equal(20000, reader.next[p]);
		assert_ok(kconsumer_unassign(consumer, "t", p, &err));
	}
	kqueue_free(&reader.queue);
	kconsumer_close(&consumer);
	kafkamock_stop(&mock);
}

static void
test_kconsumer_can_assign_again_at_once(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct kqueue *queues[2];
	int64_t next[1];

	kafkamock_topic(mock, "t", 1);
	fill_topic(mock, "t", 1, 1000);
	consumer = open_consumer(mock);
	queues[0] = kqueue_new(consumer);
	queues[1] = kqueue_new(consumer);
	for (int i = 0; i < 20; i++) {
		next[0] = 10 * i;
		assert_ok(kconsumer_assign(consumer, "t", 0, next[0], &next[0],
		                           queues[i % 2], &err));
		expect(queues[i % 2], 1000 - 10 * (size_t)i, next);
		assert_ok(kconsumer_unassign(consumer, "t", 0, &err));
	}
	assert_int_equal(ERR_NOT_FOUND,
	                 kconsumer_unassign(consumer, "t", 0, &err));
	kqueue_free(&queues[0]);
	kqueue_free(&queues[1]);
	kconsumer_close(&consumer);
	kafkamock_stop(&mock);
}

/* A topic that passes from one feed to another is asked for by its new reader
   before the old one lets go: an error to try again, no reason to die. */
static void
test_kconsumer_refuses_a_second_reader(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kconsumer *consumer;
	struct kqueue *queue;
	int64_t next[1] = { 0 };

	kafkamock_topic(mock, "t", 1);
	fill_topic(mock, "t", 1, 100);
	consumer = open_consumer(mock);
	queue = kqueue_new(consumer);
	assert_ok(kconsumer_assign(consumer, "t", 0, 0, &next[0], queue, &err));
	assert_int_equal(
		ERR_CONFLICT,
		kconsumer_assign(consumer, "t", 0, 0, &next[0], queue, &err));
	expect(queue, 100, next);
	assert_ok(kconsumer_unassign(consumer, "t", 0, &err));
	assert_ok(
		kconsumer_assign(consumer, "t", 0, 50, &next[0], queue, &err));
	assert_ok(kconsumer_unassign(consumer, "t", 0, &err));
	kqueue_free(&queue);
	kconsumer_close(&consumer);
	kafkamock_stop(&mock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_kconsumer_reads_each_partition_into_its_queue),
		cmocka_unit_test(test_kconsumer_gives_messages_as_they_were),
		cmocka_unit_test(test_kconsumer_position_that_is_gone_is_a_gap),
		cmocka_unit_test(test_kconsumer_missing_topic_is_told),
		cmocka_unit_test(test_kconsumer_down_is_told_once),
		cmocka_unit_test(
			test_kconsumer_closes_soon_while_kafka_is_down),
		cmocka_unit_test(
			test_kconsumer_pause_next_to_poll_loses_nothing),
		cmocka_unit_test(test_kconsumer_can_assign_again_at_once),
		cmocka_unit_test(test_kconsumer_refuses_a_second_reader),
	};

	unit_alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
