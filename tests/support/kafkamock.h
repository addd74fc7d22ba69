/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * librdkafka's mock cluster, for tests: it starts in milliseconds and fails on
 * demand. It cannot fence, ignores isolation, writes no markers, and has no
 * DescribeConfigs or CreateTopics: what needs these runs against the Kafka at
 * WAYBILL_TEST_KAFKA, and is skipped without.
 */
#include <stdint.h>

struct kafkamock;

struct kafkamock *
kafkamock_start(int brokers);
void
kafkamock_stop(struct kafkamock **mock);
const char *
kafkamock_bootstrap(const struct kafkamock *mock);
void
kafkamock_topic(struct kafkamock *mock, const char *topic, int partitions);

/* What the API answers next, count times; the protocol's numbers. */
#define KAFKAMOCK_PRODUCE          0
#define KAFKAMOCK_FETCH            1
#define KAFKAMOCK_FIND_COORDINATOR 10
#define KAFKAMOCK_INIT_PRODUCER_ID 22
#define KAFKAMOCK_END_TXN          26
void
kafkamock_fail(struct kafkamock *mock, int api, int error, int count);
void
kafkamock_down(struct kafkamock *mock, int broker);
void
kafkamock_up(struct kafkamock *mock, int broker);
/* Answers of a broker take this long. */
void
kafkamock_slow(struct kafkamock *mock, int broker, int round_trip_ms);
