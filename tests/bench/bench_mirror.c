/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick: a copy from topic to topic with librdkafka, well tuned, same
 * partitions, acks=all, no compression.
 *   bench-mirror plain|transactional BROKERS FROM TO PARTITIONS COUNT
 * plain: idempotent, large batches. transactional: 10,000 messages and their
 * offsets a transaction. Prints seconds and messages a second.
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK       10000
#define TRANSACTION 10000

static int64_t delivered, failed;

static void
die(const char *what)
{
	fprintf(stderr, "bench-mirror: %s\n", what);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static rd_kafka_conf_t *
make_conf(const char *const (*properties)[2], size_t count)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];

	for (size_t i = 0; i < count; i++) {
		if (rd_kafka_conf_set(conf, properties[i][0], properties[i][1],
		                      why, sizeof(why)) != RD_KAFKA_CONF_OK)
			die(why);
	}
	return conf;
}

static rd_kafka_t *
open_consumer(const char *brokers, const char *topic, int partitions)
{
	const char *const properties[][2] = {
		{ "bootstrap.servers", brokers },
		{ "group.id", "bench-mirror" },
		{ "enable.auto.commit", "false" },
		{ "auto.offset.reset", "earliest" },
		{ "queued.min.messages", "1000000" },
		{ "queued.max.messages.kbytes", "262144" },
		{ "fetch.message.max.bytes", "1000000" },
		{ "check.crcs", "true" },
	};
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(partitions);
	char why[512];
	rd_kafka_t *rk = rd_kafka_new(
		RD_KAFKA_CONSUMER,
		make_conf(properties, sizeof(properties) / sizeof(*properties)),
		why, sizeof(why));

	if (rk == NULL)
		die(why);
	rd_kafka_poll_set_consumer(rk);
	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(list, topic, i)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return rk;
}

static rd_kafka_t *
open_producer(const char *brokers, int transactional)
{
	const char *const properties[][2] = {
		{ "bootstrap.servers", brokers },
		{ "enable.idempotence", "true" },
		{ "linger.ms", transactional ? "0" : "5" },
		{ "batch.num.messages", "10000" },
		{ "batch.size", "1000000" },
		{ "queue.buffering.max.messages", "1000000" },
		{ "queue.buffering.max.kbytes", "1048576" },
		{ transactional ? "transactional.id" : "client.id",
		  "bench-mirror" },
	};
	rd_kafka_conf_t *conf =
		make_conf(properties, sizeof(properties) / sizeof(*properties));
	char why[512];
	rd_kafka_t *rk;

	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (rk == NULL)
		die(why);
	return rk;
}

static void
serve(rd_kafka_queue_t *queue, int timeout_ms)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
	const rd_kafka_message_t *m;

	if (event == NULL)
		return;
	while ((m = rd_kafka_event_message_next(event)) != NULL) {
		delivered++;
		failed += m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
		rd_kafka_message_destroy(m->_private);
	}
	rd_kafka_event_destroy(event);
}

static void
must(rd_kafka_error_t *error)
{
	if (error != NULL)
		die(rd_kafka_error_string(error));
}

static void
commit(rd_kafka_t *producer, rd_kafka_t *consumer, rd_kafka_queue_t *queue,
       rd_kafka_topic_partition_list_t *offsets, int64_t sent)
{
	rd_kafka_consumer_group_metadata_t *group =
		rd_kafka_consumer_group_metadata(consumer);

	while (delivered < sent)
		serve(queue, 100);
	must(rd_kafka_send_offsets_to_transaction(producer, offsets, group,
	                                          10000));
	must(rd_kafka_commit_transaction(producer, 10000));
	rd_kafka_consumer_group_metadata_destroy(group);
}

int
main(int argc, char **argv)
{
	rd_kafka_t *consumer, *producer;
	rd_kafka_queue_t *in, *out;
	rd_kafka_topic_t *topic;
	rd_kafka_topic_partition_list_t *offsets;
	static rd_kafka_message_t *polled[CHUNK];
	int64_t count, sent = 0, in_transaction = 0;
	int transactional, partitions;
	double begun;

	if (argc != 7) {
		fprintf(stderr,
		        "Usage: bench-mirror plain|transactional "
		        "BROKERS FROM TO PARTITIONS COUNT\n");
		return 2;
	}
	transactional = strcmp(argv[1], "transactional") == 0;
	partitions = atoi(argv[5]);
	count = atoll(argv[6]);
	producer = open_producer(argv[2], transactional);
	topic = rd_kafka_topic_new(producer, argv[4], NULL);
	out = rd_kafka_queue_get_main(producer);
	if (transactional)
		must(rd_kafka_init_transactions(producer, 30000));
	begun = now();
	consumer = open_consumer(argv[2], argv[3], partitions);
	in = rd_kafka_queue_get_consumer(consumer);
	offsets = rd_kafka_topic_partition_list_new(partitions);
	for (int i = 0; i < partitions; i++)
		rd_kafka_topic_partition_list_add(offsets, argv[3], i);
	while (sent < count) {
		ssize_t n = rd_kafka_consume_batch_queue(in, 100, polled, 1);

		if (n == 1)
			n += rd_kafka_consume_batch_queue(in, 0, polled + 1,
			                                  CHUNK - 1);
		if (n > 0 && transactional && in_transaction == 0)
			must(rd_kafka_begin_transaction(producer));
		for (ssize_t i = 0; i < n; i++) {
			rd_kafka_message_t *m = polled[i];

			if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
				rd_kafka_message_destroy(m);
				continue;
			}
			offsets->elems[m->partition].offset = m->offset + 1;
			while (rd_kafka_produce(topic, m->partition, 0,
			                        m->payload, m->len, m->key,
			                        m->key_len, m) != 0)
				serve(out, 10);
			sent++;
			in_transaction++;
		}
		serve(out, 0);
		if (transactional && in_transaction >= TRANSACTION) {
			commit(producer, consumer, out, offsets, sent);
			in_transaction = 0;
		}
	}
	if (transactional && in_transaction > 0)
		commit(producer, consumer, out, offsets, sent);
	while (delivered < sent)
		serve(out, 100);
	begun = now() - begun;
	printf("{\"messages\": %" PRId64 ", \"failed\": %" PRId64
	       ", \"seconds\": %.3f, \"rate\": %.0f}\n",
	       delivered, failed, begun, (double)delivered / begun);
	rd_kafka_topic_partition_list_destroy(offsets);
	rd_kafka_queue_destroy(in);
	rd_kafka_queue_destroy(out);
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(producer);
	return failed == 0 ? 0 : 1;
}
