/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One Kafka transaction: all of it or nothing, and whose fault it was.
 */
#include "gateway/transaction.h"

#include <stdio.h>
#include <string.h>

#include "base/io/kproducer.h"
#include "base/model/batch.h"
#include "base/model/delivery.h"
#include "base/model/deployment.h"
#include "gateway/parcel.h"
#include "tests/support/kafkamock.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

/* Of the protocol. */
#define UNKNOWN_TOPIC       3
#define MESSAGE_TOO_LARGE   10
#define INVALID_EPOCH       47
#define INVALID_TXN_STATE   48
#define TXN_ID_UNAUTHORIZED 53

static struct kafkamock *mock;
static struct kproducer *producer;
static struct recorder *recorder;
static const struct deployment *deployment;
static struct transaction transaction;
static struct parcel parcel;
static struct parking parking;
static struct progress progress;
static struct transaction_fault fault;
static struct batch *batch;
static struct err err;

static int
begin(void **state)
{
	struct kcluster_options options = { .name = "main",
		                            .client_id = "test" };

	roadbase_begin(state);
	mock = kafkamock_start(1);
	kafkamock_topic(mock, "waybill.test.progress", 2);
	kafkamock_topic(mock, "us.sales", 4);
	kafkamock_topic(mock, "us.sales.dead", 2);
	kafkamock_topic(mock, "ca.sales", 4);
	options.bootstrap = kafkamock_bootstrap(mock);
	assert_ok(kproducer_open(&options, "waybill.test.0", &producer, &err));
	assert_ok(kproducer_init_transactions(producer, 20000, &err));
	deployment = roadbase_load();
	recorder = recorder_new("test-1", 0);
	parcel_init(&parcel);
	memset(&parking, 0, sizeof(parking));
	transaction_init(&transaction);
	transaction.producer = producer;
	transaction.parcel = &parcel;
	transaction.deployment = "test";
	transaction.parking = &parking;
	transaction.cluster = "main";
	progress = (struct progress){ .incarnation = 1, .epoch = 1 };
	return 0;
}

static int
end(void **state)
{
	kproducer_close(&producer);
	transaction_reset(&transaction);
	batch_unref(&batch);
	parcel_fini(&parcel);
	recorder_free(&recorder);
	deployment_unref(&deployment);
	kafkamock_stop(&mock);
	return roadbase_end(state);
}

static enum err_code
run(const char *words)
{
	if (words != NULL) {
		transaction_reset(&transaction);
		batch_unref(&batch);
		batch = recorder_record(recorder, deployment, words);
		transaction_add(&transaction, batch);
	}
	progress.seq = batch->last_seq;
	err = (struct err){ .code = ERR_OK };
	return transaction_run(&transaction, &progress, &fault, &err);
}

static void
all_of_it_is_committed(void **state)
{
	if (run("us/sales:0*3 us/sales:1!*2 ca/sales:2") != ERR_OK)
		fail_msg("%s", err.text);
	assert_int_equal(transaction.sent_count, 6);
	assert_null(fault.feed);
	for (int i = 0; i < 3; i++)
		assert_int_equal(transaction.offsets[0][i], i);
	for (int i = 3; i < 5; i++)
		assert_int_equal(transaction.offsets[0][i], i - 3);
	assert_int_equal(transaction.offsets[0][5], 0);
	assert_int_equal(transaction.progress_offset, 0);
}

static void
feeds_that_are_parked_or_go_elsewhere_are_left_out(void **state)
{
	const struct feed *sales = deployment_feed(deployment, "us", "sales");
	const struct feed *canada = deployment_feed(deployment, "ca", "sales");

	assert_true(parking_add(&parking, sales, 0, PARKING_TOPIC, ""));
	if (run("us/sales:0*3 ca/sales:2*2") != ERR_OK)
		fail_msg("%s", err.text);
	assert_int_equal(transaction.sent_count, 2);
	assert_int_equal(transaction.offsets[0][0], DELIVERY_NONE);
	assert_int_equal(transaction.offsets[0][3], 0);
	/* unparking: only that one */
	transaction.only = sales;
	assert_int_equal(run(NULL), ERR_OK);
	assert_int_equal(transaction.sent_count, 3);
	assert_int_equal(transaction.offsets[0][3], DELIVERY_NONE);
	transaction.only = canada;
	transaction.cluster = "other";
	assert_int_equal(run(NULL), ERR_OK);
	assert_int_equal(transaction.sent_count, 0);
}

/* A cause that stays, told by the broker: aborted, with the feed. */
static void
a_refused_message_is_its_feeds_fault(void **state)
{
	const char *words = "us/sales:0*3";

	/* The request that is refused may be the progress record's, which is
	   nobody's fault, and the one behind a failure fails once more. */
	err.code = ERR_KAFKA_PERMANENT;
	for (int i = 0; i < 20 && fault.feed == NULL; i++, words = NULL) {
		if (err.code == ERR_KAFKA_PERMANENT)
			kafkamock_fail(mock, KAFKAMOCK_PRODUCE,
			               MESSAGE_TOO_LARGE, 1);
		if (run(words) != ERR_KAFKA_PERMANENT)
			assert_int_equal(err.code, ERR_KAFKA);
	}
	assert_non_null(fault.feed);
	assert_string_equal(fault.feed->name, "sales");
	assert_string_equal(fault.feed->tenant, "us");
	assert_true(fault.seq >= 1 && fault.seq <= 3);
	/* the producer goes on, at the second attempt at the latest */
	if (run(NULL) != ERR_OK) {
		assert_int_equal(err.code, ERR_KAFKA);
		assert_int_equal(run(NULL), ERR_OK);
	}
	assert_int_equal(transaction.sent_count, 3);
}

static void
a_commit_that_the_broker_refuses_is_aborted(void **state)
{
	kafkamock_fail(mock, KAFKAMOCK_END_TXN, TXN_ID_UNAUTHORIZED, 1);
	assert_int_not_equal(run("us/sales:0*3"), ERR_OK);
	assert_null(fault.feed);
	assert_int_not_equal(err.code, ERR_KAFKA_PERMANENT);
}

static void
a_fenced_commit_is_told(void **state)
{
	kafkamock_fail(mock, KAFKAMOCK_END_TXN, INVALID_EPOCH, 1);
	assert_int_equal(run("us/sales:0*3"), ERR_KAFKA_FENCED);
	assert_null(fault.feed);
}

/* The coordinator is away: passes by itself, within the timeout. */
static void
a_passing_trouble_passes(void **state)
{
	kafkamock_fail(mock, KAFKAMOCK_END_TXN, 14, 2); /* loading */
	assert_int_equal(run("us/sales:0*3"), ERR_OK);
	assert_int_equal(transaction.sent_count, 3);
}

static void
many_batches_at_once(void **state)
{
	struct batch *batches[TRANSACTION_BATCHES_MAX];

	for (int i = 0; i < TRANSACTION_BATCHES_MAX; i++) {
		batches[i] = recorder_record(recorder, deployment,
		                             "us/sales:0*50 us/sales:3!*2");
		transaction_add(&transaction, batches[i]);
	}
	assert_int_equal(transaction.message_count,
	                 52 * TRANSACTION_BATCHES_MAX);
	progress.seq = 1;
	assert_ok(transaction_run(&transaction, &progress, &fault, &err));
	assert_int_equal(transaction.sent_count, 52 * TRANSACTION_BATCHES_MAX);
	for (int i = 0; i < TRANSACTION_BATCHES_MAX; i++) {
		assert_int_equal(transaction.offsets[i][0], i * 50);
		assert_int_equal(transaction.offsets[i][51], i * 2 + 1);
		batch_unref(&batches[i]);
	}
	transaction_reset(&transaction);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(all_of_it_is_committed),
		TEST(feeds_that_are_parked_or_go_elsewhere_are_left_out),
		TEST(a_refused_message_is_its_feeds_fault),
		TEST(a_commit_that_the_broker_refuses_is_aborted),
		TEST(a_fenced_commit_is_told),
		TEST(a_passing_trouble_passes),
		TEST(many_batches_at_once),
	};

	return roadbase_main(240, tests, sizeof(tests) / sizeof(tests[0]));
}
