/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * With the mock cluster what it can do; with the Kafka at WAYBILL_TEST_KAFKA
 * what only a real one has: markers, isolation, fencing, administration.
 */
#include "base/io/kcluster.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/io/kconsumer.h"
#include "base/io/kproducer.h"
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

static struct kcluster *
open_cluster(const char *bootstrap)
{
	struct kcluster_options options = options_of(bootstrap);
	struct kcluster *cluster = NULL;

	assert_ok(kcluster_open(&options, &cluster, &err));
	return cluster;
}

static struct kproducer *
open_producer(const char *bootstrap, const char *transactional_id)
{
	struct kcluster_options options = options_of(bootstrap);
	struct kproducer *producer = NULL;

	assert_ok(kproducer_open(&options, transactional_id, &producer, &err));
	if (transactional_id != NULL)
		assert_ok(kproducer_init_transactions(producer, WAIT_MS, &err));
	return producer;
}

static void
send_one(struct kproducer *producer, const char *topic, int64_t *out_offset)
{
	static const struct kheader header = { "id", "7", 1 };
	struct kproducer_failure failure;
	const struct ksend send = {
		.topic = kproducer_topic(producer, topic),
		.key = "k", /* a compacted topic wants one */
		.key_len = 1,
		.body = "body",
		.body_len = 4,
		.headers = &header,
		.header_count = 1,
		.out_offset = out_offset,
	};

	assert_ok(kproducer_send(producer, &send, &err));
	assert_ok(kproducer_flush(producer, WAIT_MS, &failure, &err));
}

struct seen {
	int count;
	int stop_at; /* 0: never */
	int64_t last_offset;
};

static bool
see(const struct kmessage *message, void *context)
{
	struct seen *seen = context;
	struct text text;

	assert_int_equal(4, message->body_len);
	assert_memory_equal("body", message->body, 4);
	text_init(&text, 100);
	kmessage_headers(message, &text);
	assert_int_equal(4 + 2 + 4 + 1, text.len);
	text_fini(&text);
	seen->count++;
	seen->last_offset = message->offset;
	return seen->count != seen->stop_at;
}

/* -- options -------------------------------------------------------------- */

static void
test_kcluster_refuses_what_promises_rest_on(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		const char *says;
	} wrong[] = {
		{ "acks", "1", "acks" },
		{ "isolation.level", "read_committed", "isolation.level" },
		{ "enable.idempotence", "false", "enable.idempotence" },
		{ "transactional.id", "x", "transactional.id" },
		{ "auto.offset.reset", "latest", "auto.offset.reset" },
		{ "plugin.library.paths", "/x", "plugin.library.paths" },
		{ "no.such.thing", "1", "no.such.thing is not known" },
		{ "linger.ms", "much", "linger.ms" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct kproperty property = { wrong[i].name,
			                            wrong[i].value };
		struct kcluster_options options = options_of("127.0.0.1:1");
		struct kcluster *cluster = NULL;

		options.properties = &property;
		options.property_count = 1;
		assert_int_equal(ERR_CONFIG,
		                 kcluster_open(&options, &cluster, &err));
		assert_null(cluster);
		if (strstr(err.text, wrong[i].says) == NULL)
			fail_msg("%s", err.text);
	}
}

static void
test_kcluster_takes_other_properties(void **state)
{
	const struct kproperty properties[] = {
		{ "acks", "all" },
		{ "compression.type", "lz4" },
		{ "group.id", "mine" },
		{ "linger.ms", "5" },
	};
	struct kcluster_options options = options_of("127.0.0.1:1");
	struct kcluster *cluster = NULL;

	options.properties = properties;
	options.property_count = 4;
	assert_ok(kcluster_open(&options, &cluster, &err));
	kcluster_close(&cluster);
	kcluster_close(&cluster);
}

static void
test_kcluster_reference_is_a_table(void **state)
{
	struct text text;

	text_init(&text, 100000);
	kcluster_print_reference(&text);
	assert_false(text_is_cut(&text));
	assert_non_null(
		strstr(text_string(&text),
	               "| `queued.min.messages` | consumer | `1000000` |"));
	assert_non_null(strstr(text_string(&text), "| `acks` | `all`, `-1` |"));
	text_fini(&text);
}

/* -- with the mock cluster ------------------------------------------------ */

static void
test_kcluster_down_is_told_in_time(void **state)
{
	struct kcluster *cluster = open_cluster("127.0.0.1:1");
	struct kcluster_topic topic;
	const char *id;
	int64_t low, high;
	int64_t begin_us = clock_now_us();
	struct seen seen = { 0 };

	assert_int_equal(ERR_KAFKA_DOWN, kcluster_id(cluster, 300, &id, &err));
	assert_int_equal(
		ERR_KAFKA_DOWN,
		kcluster_describe_topic(cluster, "t", 300, &topic, &err));
	assert_int_not_equal(ERR_OK,
	                     kcluster_watermarks(cluster, "t", 0, true, 300,
	                                         &low, &high, &err));
	assert_int_equal(ERR_TIMEOUT,
	                 kcluster_read(cluster, "t", 0, 0, 1, true, 300, see,
	                               &seen, &err));
	kcluster_close(&cluster);
	assert_true(clock_now_us() - begin_us < 6000000);
}

static void
test_kcluster_describes_and_reads_topics(void **state)
{
	struct kafkamock *mock = kafkamock_start(3);
	const char *bootstrap = kafkamock_bootstrap(mock);
	struct kcluster *cluster = open_cluster(bootstrap);
	struct kproducer *producer = open_producer(bootstrap, NULL);
	struct kcluster_topic topic;
	struct seen seen = { 0 };
	const char *id;
	int64_t low, high;

	kafkamock_topic(mock, "t", 5);
	assert_ok(kcluster_id(cluster, WAIT_MS, &id, &err));
	assert_true(strlen(id) > 0);
	assert_ok(kcluster_describe_topic(cluster, "t", WAIT_MS, &topic, &err));
	assert_int_equal(5, topic.partition_count);
	assert_int_equal(0, topic.leaderless_count);
	assert_true(topic.replication_factor >= 1);

	for (int i = 0; i < 20; i++)
		send_one(producer, "t", NULL);
	assert_ok(kcluster_watermarks(cluster, "t", 0, false, WAIT_MS, &low,
	                              &high, &err));
	assert_int_equal(0, low);
	assert_int_equal(20, high);
	assert_ok(kcluster_read(cluster, "t", 0, 5, 20, false, WAIT_MS, see,
	                        &seen, &err));
	assert_int_equal(15, seen.count);
	/* Again, with the other client, and stopped. */
	seen = (struct seen){ .stop_at = 3 };
	assert_ok(kcluster_read(cluster, "t", 0, 0, 20, true, WAIT_MS, see,
	                        &seen, &err));
	assert_int_equal(3, seen.count);
	assert_int_equal(2, seen.last_offset);
	seen = (struct seen){ 0 };
	assert_ok(kcluster_read(cluster, "t", 0, 20, 20, true, WAIT_MS, see,
	                        &seen, &err));
	assert_int_equal(0, seen.count);
	/* More than there is, and what is not there. */
	assert_int_equal(ERR_TIMEOUT,
	                 kcluster_read(cluster, "t", 0, 10, 21, false, 300, see,
	                               &seen, &err));
	assert_int_equal(10, seen.count);
	assert_int_equal(ERR_SOURCE_GAP,
	                 kcluster_read(cluster, "t", 0, 100, 200, false,
	                               WAIT_MS, see, &seen, &err));
	kproducer_close(&producer);
	kcluster_close(&cluster);
	kafkamock_stop(&mock);
}

static void
test_kcluster_embedded_broker_has_no_administration(void **state)
{
	struct kafkamock *mock = kafkamock_start(1);
	struct kcluster *cluster = open_cluster(kafkamock_bootstrap(mock));
	const struct kcluster_new_topic new_topic = {
		.topic = "n",
		.partition_count = 1,
		.replication_factor = 1,
	};
	char value[64];

	kafkamock_topic(mock, "t", 1);
	assert_int_equal(ERR_KAFKA,
	                 kcluster_topic_config(cluster, "t", "cleanup.policy",
	                                       1500, value, sizeof(value),
	                                       &err));
	assert_int_equal(
		ERR_KAFKA,
		kcluster_create_topic(cluster, &new_topic, 1500, &err));
	kcluster_close(&cluster);
	kafkamock_stop(&mock);
}

/* -- with a real Kafka ---------------------------------------------------- */

static const char *
real_kafka(void)
{
	const char *bootstrap = getenv("WAYBILL_TEST_KAFKA");

	if (bootstrap == NULL || bootstrap[0] == '\0')
		skip();
	return bootstrap;
}

static char topic_name[64];

static void
make_topic(struct kcluster *cluster, const char *what)
{
	const struct kproperty config = { "cleanup.policy", "compact" };
	const struct kcluster_new_topic topic = {
		.topic = topic_name,
		.partition_count = 2,
		.replication_factor = -1,
		.config = &config,
		.config_count = 1,
	};

	snprintf(topic_name, sizeof(topic_name), "%s-%d-%" PRId64, what,
	         (int)getpid(), clock_wall_ms());
	assert_ok(kcluster_create_topic(cluster, &topic, WAIT_MS, &err));
	assert_int_equal(ERR_CONFLICT,
	                 kcluster_create_topic(cluster, &topic, WAIT_MS, &err));
}

static void
test_kcluster_real_administration(void **state)
{
	struct kcluster *cluster = open_cluster(real_kafka());
	struct kcluster_topic topic;
	char value[64];

	make_topic(cluster, "admin");
	assert_ok(kcluster_describe_topic(cluster, topic_name, WAIT_MS, &topic,
	                                  &err));
	assert_int_equal(2, topic.partition_count);
	assert_ok(kcluster_topic_config(cluster, topic_name, "cleanup.policy",
	                                WAIT_MS, value, sizeof(value), &err));
	assert_string_equal("compact", value);
	assert_ok(kcluster_topic_config(cluster, topic_name, "no.such", WAIT_MS,
	                                value, sizeof(value), &err));
	assert_string_equal("", value);
	assert_int_equal(ERR_KAFKA_TOPIC,
	                 kcluster_describe_topic(cluster, "not-there", WAIT_MS,
	                                         &topic, &err));
	/* Asking did not create it. */
	assert_int_equal(ERR_KAFKA_TOPIC,
	                 kcluster_describe_topic(cluster, "not-there", WAIT_MS,
	                                         &topic, &err));
	kcluster_close(&cluster);
}

/* Offsets: 0 committed, 1 marker, 2 aborted, 3 marker, 4 open. */
static void
test_kcluster_real_isolation_and_markers(void **state)
{
	const char *bootstrap = real_kafka();
	struct kcluster *cluster = open_cluster(bootstrap);
	struct kproducer *producer;
	struct seen seen = { 0 };
	int64_t low, high, offset = -9;

	make_topic(cluster, "isolation");
	producer = open_producer(bootstrap, topic_name);
	assert_ok(kproducer_begin(producer, &err));
	send_one(producer, topic_name, &offset);
	assert_int_equal(0, offset);
	assert_ok(kproducer_commit(producer, WAIT_MS, &err));
	assert_ok(kproducer_begin(producer, &err));
	send_one(producer, topic_name, &offset);
	assert_int_equal(2, offset);
	assert_ok(kproducer_abort(producer, WAIT_MS, &err));
	/* Ends with an aborted message and a marker. */
	assert_ok(kcluster_watermarks(cluster, topic_name, 0, true, WAIT_MS,
	                              &low, &high, &err));
	assert_int_equal(4, high);
	assert_ok(kcluster_read(cluster, topic_name, 0, 0, 4, true, WAIT_MS,
	                        see, &seen, &err));
	assert_int_equal(1, seen.count);
	seen.count = 0;
	assert_ok(kcluster_read(cluster, topic_name, 0, 1, 4, true, WAIT_MS,
	                        see, &seen, &err));
	assert_int_equal(0, seen.count);
	assert_ok(kcluster_read(cluster, topic_name, 0, 0, 4, false, WAIT_MS,
	                        see, &seen, &err));
	assert_int_equal(2, seen.count);

	/* An open transaction holds the last stable offset. */
	assert_ok(kproducer_begin(producer, &err));
	send_one(producer, topic_name, &offset);
	assert_int_equal(4, offset);
	assert_ok(kcluster_watermarks(cluster, topic_name, 0, true, WAIT_MS,
	                              &low, &high, &err));
	assert_int_equal(4, high);
	assert_ok(kcluster_watermarks(cluster, topic_name, 0, false, WAIT_MS,
	                              &low, &high, &err));
	assert_int_equal(5, high);
	assert_int_equal(ERR_TIMEOUT,
	                 kcluster_read(cluster, topic_name, 0, 4, 5, true, 500,
	                               see, &seen, &err));
	kproducer_close(&producer);

	/* Its successor aborts it. */
	producer = open_producer(bootstrap, topic_name);
	for (int i = 0; i < 100; i++) {
		assert_ok(kcluster_watermarks(cluster, topic_name, 0, true,
		                              WAIT_MS, &low, &high, &err));
		if (high == 6)
			break;
		clock_sleep_ms(50);
	}
	assert_int_equal(6, high);
	seen.count = 0;
	assert_ok(kcluster_read(cluster, topic_name, 0, 4, 6, true, WAIT_MS,
	                        see, &seen, &err));
	assert_int_equal(0, seen.count);
	kproducer_close(&producer);
	kcluster_close(&cluster);
}

static void
test_kcluster_real_fencing(void **state)
{
	const char *bootstrap = real_kafka();
	struct kcluster *cluster = open_cluster(bootstrap);
	struct kproducer *old, *new;
	struct kproducer_failure failure;
	struct ksend send = { .key = "k", .key_len = 1 };
	enum err_code code;

	make_topic(cluster, "fencing");
	/* Found at the commit. */
	old = open_producer(bootstrap, topic_name);
	assert_ok(kproducer_begin(old, &err));
	send_one(old, topic_name, NULL);
	new = open_producer(bootstrap, topic_name);
	assert_int_equal(ERR_KAFKA_FENCED,
	                 kproducer_commit(old, WAIT_MS, &err));
	assert_int_equal(ERR_KAFKA_FENCED, kproducer_abort(old, WAIT_MS, &err));
	kproducer_close(&old);
	/* Found at a send. */
	old = new;
	assert_ok(kproducer_begin(old, &err));
	send_one(old, topic_name, NULL);
	new = open_producer(bootstrap, topic_name);
	send.topic = kproducer_topic(old, topic_name);
	code = kproducer_send(old, &send, &err);
	if (code == ERR_OK)
		code = kproducer_flush(old, WAIT_MS, &failure, &err);
	if (code != ERR_KAFKA_FENCED)
		fail_msg("%s: %s", err_name(code), err.text);
	kproducer_close(&old);
	/* And the new one works. */
	assert_ok(kproducer_begin(new, &err));
	send_one(new, topic_name, NULL);
	assert_ok(kproducer_commit(new, WAIT_MS, &err));
	kproducer_close(&new);
	kcluster_close(&cluster);
}

/* A process that is killed within a transaction. */
static void
test_kcluster_real_killed_producer(void **state)
{
	const char *bootstrap = real_kafka();
	struct kcluster *cluster = open_cluster(bootstrap);
	struct kproducer *producer;
	struct seen seen = { 0 };
	int64_t low, high, begin_us;
	int status;
	pid_t child;

	make_topic(cluster, "killed");
	child = fork();
	if (child == 0) {
		producer = open_producer(bootstrap, topic_name);
		assert_ok(kproducer_begin(producer, &err));
		send_one(producer, topic_name, NULL);
		(void)raise(SIGKILL);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFSIGNALED(status));
	begin_us = clock_now_us();
	producer = open_producer(bootstrap, topic_name);
	print_message("init after a kill: %" PRId64 " ms\n",
	              (clock_now_us() - begin_us) / 1000);
	assert_ok(kproducer_begin(producer, &err));
	send_one(producer, topic_name, NULL);
	assert_ok(kproducer_commit(producer, WAIT_MS, &err));
	/* 0 aborted, 1 marker, 2 committed, 3 marker */
	assert_ok(kcluster_watermarks(cluster, topic_name, 0, true, WAIT_MS,
	                              &low, &high, &err));
	assert_int_equal(4, high);
	assert_ok(kcluster_read(cluster, topic_name, 0, 0, high, true, WAIT_MS,
	                        see, &seen, &err));
	assert_int_equal(1, seen.count);
	assert_int_equal(2, seen.last_offset);
	kproducer_close(&producer);
	kcluster_close(&cluster);
}

static void
test_kcluster_real_missing_topics(void **state)
{
	const char *bootstrap = real_kafka();
	struct kcluster_options options = options_of(bootstrap);
	struct kproducer *producer = open_producer(bootstrap, NULL);
	struct kproducer_failure failure;
	struct kconsumer *consumer = NULL;
	struct kqueue *queue;
	struct kmessage message;
	struct kqueue_error error;
	const struct ksend send = {
		.topic = kproducer_topic(producer, "not-there"),
	};
	int opaque;

	assert_ok(kproducer_send(producer, &send, &err));
	assert_int_equal(ERR_KAFKA_TOPIC,
	                 kproducer_flush(producer, WAIT_MS, &failure, &err));
	kproducer_close(&producer);

	assert_ok(kconsumer_open(&options, true, &consumer, &err));
	queue = kqueue_new(consumer);
	assert_ok(kconsumer_assign(consumer, "not-there", 0, 0, &opaque, queue,
	                           &err));
	assert_int_equal(0, kqueue_poll(queue, WAIT_MS, &message, 1, &error));
	assert_int_equal(ERR_KAFKA_TOPIC, error.code);
	assert_ptr_equal(&opaque, error.opaque);
	assert_ok(kconsumer_unassign(consumer, "not-there", 0, &err));
	kqueue_free(&queue);
	kconsumer_close(&consumer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kcluster_refuses_what_promises_rest_on),
		cmocka_unit_test(test_kcluster_takes_other_properties),
		cmocka_unit_test(test_kcluster_reference_is_a_table),
		cmocka_unit_test(test_kcluster_down_is_told_in_time),
		cmocka_unit_test(test_kcluster_describes_and_reads_topics),
		cmocka_unit_test(
			test_kcluster_embedded_broker_has_no_administration),
		cmocka_unit_test(test_kcluster_real_administration),
		cmocka_unit_test(test_kcluster_real_isolation_and_markers),
		cmocka_unit_test(test_kcluster_real_fencing),
		cmocka_unit_test(test_kcluster_real_killed_producer),
		cmocka_unit_test(test_kcluster_real_missing_topics),
	};

	unit_alarm(180);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
