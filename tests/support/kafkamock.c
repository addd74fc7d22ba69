/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/kafkamock.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#ifdef __SANITIZE_THREAD__
/* librdkafka makes its threads by C11's functions, which TSan does not know: a
   thread that it has not seen begin ends the program. It is given these. */
#include <pthread.h>
#include <threads.h>

struct start {
	thrd_start_t run;
	void *context;
};

static void *
run_started(void *context)
{
	struct start start = *(struct start *)context;

	memory_release(context);
	return (void *)(intptr_t)start.run(start.context);
}

int
thrd_create(thrd_t *thread, thrd_start_t run, void *context)
{
	struct start *start = memory_alloc(sizeof(*start));

	*start = (struct start){ run, context };
	if (pthread_create(thread, NULL, run_started, start) == 0)
		return thrd_success;
	memory_release(start);
	return thrd_error;
}

int
thrd_join(thrd_t thread, int *out)
{
	void *result = NULL;

	if (pthread_join(thread, &result) != 0)
		return thrd_error;
	if (out != NULL)
		*out = (int)(intptr_t)result;
	return thrd_success;
}

int
thrd_detach(thrd_t thread)
{
	return pthread_detach(thread) == 0 ? thrd_success : thrd_error;
}
#endif

struct kafkamock {
	rd_kafka_t *handle;
	rd_kafka_mock_cluster_t *cluster;
};

static void
silent(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
}

struct kafkamock *
kafkamock_start(int brokers)
{
	struct kafkamock *mock = memory_calloc(1, sizeof(*mock));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char reason[256];

	rd_kafka_conf_set_log_cb(conf, silent);
	mock->handle =
		rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
	CHECK(mock->handle != NULL);
	mock->cluster = rd_kafka_mock_cluster_new(mock->handle, brokers);
	CHECK(mock->cluster != NULL);
	return mock;
}

void
kafkamock_stop(struct kafkamock **mock)
{
	if (*mock == NULL)
		return;
	rd_kafka_mock_cluster_destroy((*mock)->cluster);
	rd_kafka_destroy((*mock)->handle);
	memory_free(mock);
}

const char *
kafkamock_bootstrap(const struct kafkamock *mock)
{
	return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

void
kafkamock_topic(struct kafkamock *mock, const char *topic, int partitions)
{
	CHECK(rd_kafka_mock_topic_create(mock->cluster, topic, partitions, 1) ==
	      RD_KAFKA_RESP_ERR_NO_ERROR);
}

void
kafkamock_fail(struct kafkamock *mock, int api, int error, int count)
{
	rd_kafka_resp_err_t errors[64];

	CHECK(count <= 64);
	for (int i = 0; i < count; i++)
		errors[i] = (rd_kafka_resp_err_t)error;
	rd_kafka_mock_push_request_errors_array(mock->cluster, (int16_t)api,
	                                        (size_t)count, errors);
}

void
kafkamock_down(struct kafkamock *mock, int broker)
{
	CHECK(rd_kafka_mock_broker_set_down(mock->cluster, broker) ==
	      RD_KAFKA_RESP_ERR_NO_ERROR);
}

void
kafkamock_up(struct kafkamock *mock, int broker)
{
	CHECK(rd_kafka_mock_broker_set_up(mock->cluster, broker) ==
	      RD_KAFKA_RESP_ERR_NO_ERROR);
}

void
kafkamock_slow(struct kafkamock *mock, int broker, int round_trip_ms)
{
	CHECK(rd_kafka_mock_broker_set_rtt(mock->cluster, broker,
	                                   round_trip_ms) ==
	      RD_KAFKA_RESP_ERR_NO_ERROR);
}
