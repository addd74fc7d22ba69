/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/io/kproducer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/kconsumer.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"

#include "tests/support/kafkamock.h"
#include "tests/unit.h"

#define WAIT_MS 20000

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

static struct kproducer *
open_producer(const char *bootstrap, const char *transactional_id)
{
	struct kcluster_options options = options_of(bootstrap);
	struct kproducer *producer = NULL;

	assert_ok(kproducer_open(&options, transactional_id, &producer, &err));
	return producer;
}

static struct kproducer *
open_initialized(const char *bootstrap, const char *transactional_id)
{
	struct kproducer *producer = open_producer(bootstrap, transactional_id);

	if (kproducer_init_transactions(producer, WAIT_MS, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return producer;
}

static enum err_code
send_body(struct kproducer *producer, const char *topic, int partition,
          const char *body, int64_t *out_offset)
{
	const struct ksend send = {
		.topic = kproducer_topic(producer, topic),
		.partition = partition,
		.key = "k",
		.key_len = 1,
		.body = body,
		.body_len = body != NULL ? (int32_t)strlen(body) : 0,
		.out_offset = out_offset,
		.copy = true,
	};

	return kproducer_send(producer, &send, &err);
}

/* -- with the mock cluster ------------------------------------------------ */

static void
test_kproducer_transaction_delivers_and_tells_offsets(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;
	struct kproducer_failure failure;
	int64_t offsets[100];

	kafkamock_topic(mock, "t", 4);
	producer = open_initialized(kafkamock_bootstrap(mock), "lane-0");
	for (int round = 0; round < 3; round++) {
		assert_ok(kproducer_begin(producer, &err));
		for (int i = 0; i < 100; i++) {
			offsets[i] = -9;
			assert_ok(send_body(producer, "t", i % 4, "body",
			                    &offsets[i]));
		}
		assert_int_equal(100, kproducer_sent_count(producer));
		assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
		assert_ok(kproducer_commit(producer, WAIT_MS, &err));
		for (int i = 0; i < 100; i++)
			assert_int_equal(round * 25 + i / 4, offsets[i]);
	}
	kproducer_close(&producer);
	assert_null(producer);
	kproducer_close(&producer);
	kafkamock_stop(&mock);
}

static void
test_kproducer_flush_does_not_tick(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;
	struct kproducer_failure failure;
	int64_t begin_us, elapsed_us;

	kafkamock_topic(mock, "t", 1);
	producer = open_producer(kafkamock_bootstrap(mock), NULL);
	assert_ok(send_body(producer, "t", 0, "first", NULL));
	assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
	begin_us = clock_now_us();
	for (int i = 0; i < 50; i++) {
		assert_ok(send_body(producer, "t", 0, "x", NULL));
		assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
	}
	elapsed_us = clock_now_us() - begin_us;
	print_message("a send and its flush: %lld us\n",
	              (long long)elapsed_us / 50);
	assert_int_equal(51, kproducer_sent_count(producer));
	kproducer_close(&producer);
	kafkamock_stop(&mock);
}

static void
test_kproducer_permanent_failure_names_the_message(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;
	struct kproducer_failure failure;
	int64_t offset = -9;

	kafkamock_topic(mock, "t", 1);
	producer = open_initialized(kafkamock_bootstrap(mock), "lane-0");
	assert_ok(kproducer_begin(producer, &err));
	/* MSG_SIZE_TOO_LARGE */
	kafkamock_fail(mock, KAFKAMOCK_PRODUCE, 10, 1);
	assert_ok(send_body(producer, "t", 0, "large", &offset));
	assert_int_equal(ERR_KAFKA_PERMANENT,
	                 kproducer_flush(producer, WAIT_MS, &failure, &err));
	assert_int_equal(ERR_KAFKA_PERMANENT, failure.code);
	assert_ptr_equal(&offset, failure.out_offset);
	assert_non_null(strstr(failure.text, "topic t partition 0"));
	assert_int_equal(-9, offset);
	if (kproducer_abort(producer, WAIT_MS, &err) != ERR_OK)
		fail_msg("%s", err.text);

	/* And it goes on, if at the second try: see kproducer_abort. */
	for (int tries = 0; offset < 0; tries++) {
		assert_true(tries < 2);
		assert_ok(kproducer_begin(producer, &err));
		assert_int_equal(0, kproducer_sent_count(producer));
		assert_ok(send_body(producer, "t", 0, "small", &offset));
		if (kproducer_flush(producer, WAIT_MS, &failure, &err) ==
		    ERR_OK)
			assert_ok(kproducer_commit(producer, WAIT_MS, &err));
		else
			assert_ok(kproducer_abort(producer, WAIT_MS, &err));
	}
	kproducer_close(&producer);
	kafkamock_stop(&mock);
}

static void
test_kproducer_abort_with_messages_outstanding(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;

	kafkamock_topic(mock, "t", 4);
	producer = open_initialized(kafkamock_bootstrap(mock), "lane-0");
	for (int round = 0; round < 3; round++) {
		assert_ok(kproducer_begin(producer, &err));
		for (int i = 0; i < 5000; i++)
			assert_ok(
				send_body(producer, "t", i % 4, "body", NULL));
		if (kproducer_abort(producer, WAIT_MS, &err) != ERR_OK)
			fail_msg("%s", err.text);
	}
	kproducer_close(&producer);
	kafkamock_stop(&mock);
}

static void
test_kproducer_missing_topic_and_partition(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;
	struct kproducer_failure failure;

	kafkamock_topic(mock, "t", 1);
	producer = open_producer(kafkamock_bootstrap(mock), NULL);
	assert_ok(send_body(producer, "t", 7, "x", NULL));
	assert_int_equal(ERR_KAFKA_TOPIC,
	                 kproducer_flush(producer, WAIT_MS, &failure, &err));
	/* Now the partition count is known: it fails at once. */
	assert_int_equal(ERR_KAFKA_TOPIC,
	                 send_body(producer, "t", 7, "x", NULL));
	kproducer_close(&producer);
	kafkamock_stop(&mock);
}

static void
test_kproducer_down_is_told_and_close_is_quick(void **state)
{
	struct kproducer *producer =
		open_producer("127.0.0.1:1,127.0.0.1:2", "lane-0");
	int64_t begin_us = clock_now_us();
	enum err_code code = kproducer_init_transactions(producer, 1500, &err);

	assert_int_equal(ERR_KAFKA_DOWN, code);
	assert_true(clock_now_us() - begin_us < 4000000);
	begin_us = clock_now_us();
	kproducer_close(&producer);
	assert_true(clock_now_us() - begin_us < 3000000);
}

static void
test_kproducer_broker_dies_with_messages_in_flight(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;
	struct kproducer_failure failure;
	int64_t begin_us;

	kafkamock_topic(mock, "t", 1);
	producer = open_initialized(kafkamock_bootstrap(mock), "lane-0");
	assert_ok(kproducer_begin(producer, &err));
	assert_ok(send_body(producer, "t", 0, "x", NULL));
	assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
	kafkamock_down(mock, 1);
	for (int i = 0; i < 1000; i++)
		assert_ok(send_body(producer, "t", 0, "x", NULL));
	assert_int_equal(ERR_TIMEOUT,
	                 kproducer_flush(producer, 300, &failure, &err));
	begin_us = clock_now_us();
	kproducer_close(&producer);
	assert_true(clock_now_us() - begin_us < 3000000);
	kafkamock_stop(&mock);
}

static void
test_kproducer_commit_without_an_answer_is_unknown(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;
	struct kproducer_failure failure;

	kafkamock_topic(mock, "t", 1);
	producer = open_initialized(kafkamock_bootstrap(mock), "lane-0");
	assert_ok(kproducer_begin(producer, &err));
	assert_ok(send_body(producer, "t", 0, "x", NULL));
	assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
	kafkamock_down(mock, 1);
	assert_int_equal(ERR_KAFKA_UNKNOWN,
	                 kproducer_commit(producer, 500, &err));
	kproducer_close(&producer);
	kafkamock_stop(&mock);
}

static void
test_kproducer_commit_survives_what_passes(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;
	struct kproducer_failure failure;

	kafkamock_topic(mock, "t", 1);
	producer = open_initialized(kafkamock_bootstrap(mock), "lane-0");
	assert_ok(kproducer_begin(producer, &err));
	assert_ok(send_body(producer, "t", 0, "x", NULL));
	assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
	/* COORDINATOR_LOAD_IN_PROGRESS */
	kafkamock_fail(mock, KAFKAMOCK_END_TXN, 14, 3);
	assert_ok(kproducer_commit(producer, WAIT_MS, &err));

	/* PRODUCER_FENCED, as librdkafka tells it of an old epoch. */
	assert_ok(kproducer_begin(producer, &err));
	assert_ok(send_body(producer, "t", 0, "x", NULL));
	assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
	kafkamock_fail(mock, KAFKAMOCK_END_TXN, 90, 1);
	assert_int_equal(ERR_KAFKA_FENCED,
	                 kproducer_commit(producer, WAIT_MS, &err));
	kproducer_close(&producer);
	kafkamock_stop(&mock);
}

static void
test_kproducer_empty_transaction(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kproducer *producer;
	struct kproducer_failure failure;

	producer = open_initialized(kafkamock_bootstrap(mock), "lane-0");
	assert_ok(kproducer_begin(producer, &err));
	assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
	assert_ok(kproducer_commit(producer, WAIT_MS, &err));
	kproducer_close(&producer);
	kafkamock_stop(&mock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_kproducer_transaction_delivers_and_tells_offsets),
		cmocka_unit_test(test_kproducer_flush_does_not_tick),
		cmocka_unit_test(
			test_kproducer_permanent_failure_names_the_message),
		cmocka_unit_test(
			test_kproducer_abort_with_messages_outstanding),
		cmocka_unit_test(test_kproducer_missing_topic_and_partition),
		cmocka_unit_test(
			test_kproducer_down_is_told_and_close_is_quick),
		cmocka_unit_test(
			test_kproducer_broker_dies_with_messages_in_flight),
		cmocka_unit_test(
			test_kproducer_commit_without_an_answer_is_unknown),
		cmocka_unit_test(test_kproducer_commit_survives_what_passes),
		cmocka_unit_test(test_kproducer_empty_transaction),
	};

	unit_alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
