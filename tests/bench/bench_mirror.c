/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick: a copy from topic to topic with librdkafka, well tuned, same
 * partitions, acks=all, no compression.
 *   bench-mirror plain|transactional BROKERS FROM TO PARTITIONS SECONDS
 * plain: idempotent, large batches. transactional: 10,000 messages and their
 * offsets a transaction. A partition that is at its end is read again from
 * its beginning. Prints seconds, from the first message to the last delivery
 * report or commit, and messages a second.
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define CHUNK       10000
#define TRANSACTION 10000

struct mirror {
	int is_transactional, partitions;
	rd_kafka_t *consumer, *producer;
	rd_kafka_queue_t *in, *out;
	rd_kafka_topic_t *topic;
	rd_kafka_topic_partition_list_t *offsets;
	int64_t sent, in_transaction;
	double begun; /* with the first message; 0: none yet */
};

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
		{ "log_level", "3" },
		{ "group.id", "bench-mirror" },
		{ "enable.auto.commit", "false" },
		{ "auto.offset.reset", "earliest" },
		{ "queued.min.messages", "1000000" },
		{ "queued.max.messages.kbytes", "262144" },
		{ "fetch.message.max.bytes", "1000000" },
		{ "check.crcs", "true" },
		{ "enable.partition.eof", "true" },
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
		{ "log_level", "3" },
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
commit(struct mirror *mirror)
{
	rd_kafka_consumer_group_metadata_t *group =
		rd_kafka_consumer_group_metadata(mirror->consumer);

	while (delivered < mirror->sent)
		serve(mirror->out, 100);
	must(rd_kafka_send_offsets_to_transaction(
		mirror->producer, mirror->offsets, group, 10000));
	must(rd_kafka_commit_transaction(mirror->producer, 10000));
	rd_kafka_consumer_group_metadata_destroy(group);
	mirror->in_transaction = 0;
}

static void
open_mirror(struct mirror *mirror, char **argv)
{
	mirror->is_transactional = strcmp(argv[1], "transactional") == 0;
	mirror->partitions = atoi(argv[5]);
	mirror->producer = open_producer(argv[2], mirror->is_transactional);
	mirror->topic = rd_kafka_topic_new(mirror->producer, argv[4], NULL);
	mirror->out = rd_kafka_queue_get_main(mirror->producer);
	if (mirror->is_transactional)
		must(rd_kafka_init_transactions(mirror->producer, 30000));
	mirror->consumer = open_consumer(argv[2], argv[3], mirror->partitions);
	mirror->in = rd_kafka_queue_get_consumer(mirror->consumer);
	mirror->offsets = rd_kafka_topic_partition_list_new(mirror->partitions);
	for (int i = 0; i < mirror->partitions; i++)
		rd_kafka_topic_partition_list_add(mirror->offsets, argv[3], i);
}

static void
close_mirror(struct mirror *mirror)
{
	rd_kafka_topic_partition_list_destroy(mirror->offsets);
	rd_kafka_queue_destroy(mirror->in);
	rd_kafka_queue_destroy(mirror->out);
	rd_kafka_consumer_close(mirror->consumer);
	rd_kafka_destroy(mirror->consumer);
	rd_kafka_topic_destroy(mirror->topic);
	rd_kafka_destroy(mirror->producer);
}

static void
pass(struct mirror *mirror, rd_kafka_message_t *m)
{
	if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			rd_kafka_seek(m->rkt, m->partition, 0, 0);
		rd_kafka_message_destroy(m);
		return;
	}
	if (mirror->is_transactional && mirror->in_transaction == 0)
		must(rd_kafka_begin_transaction(mirror->producer));
	mirror->offsets->elems[m->partition].offset = m->offset + 1;
	while (rd_kafka_produce(mirror->topic, m->partition, 0, m->payload,
	                        m->len, m->key, m->key_len, m) != 0)
		serve(mirror->out, 10);
	mirror->sent++;
	mirror->in_transaction++;
}

/* What is there, up to a chunk. */
static void
turn(struct mirror *mirror)
{
	static rd_kafka_message_t *polled[CHUNK];
	ssize_t n = rd_kafka_consume_batch_queue(mirror->in, 100, polled, 1);

	if (n == 1)
		n += rd_kafka_consume_batch_queue(mirror->in, 0, polled + 1,
		                                  CHUNK - 1);
	if (n > 0 && mirror->begun == 0)
		mirror->begun = now();
	for (ssize_t i = 0; i < n; i++)
		pass(mirror, polled[i]);
	serve(mirror->out, 0);
	if (mirror->is_transactional && mirror->in_transaction >= TRANSACTION)
		commit(mirror);
}

static double
cpu_us(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

int
main(int argc, char **argv)
{
	struct mirror mirror = { .begun = 0 };
	double seconds;

	if (argc != 7) {
		fprintf(stderr,
		        "Usage: bench-mirror plain|transactional "
		        "BROKERS FROM TO PARTITIONS SECONDS\n");
		return 2;
	}
	seconds = atof(argv[6]);
	open_mirror(&mirror, argv);
	while (mirror.begun == 0 || now() - mirror.begun < seconds)
		turn(&mirror);
	if (mirror.is_transactional && mirror.in_transaction > 0)
		commit(&mirror);
	while (delivered < mirror.sent)
		serve(mirror.out, 100);
	seconds = now() - mirror.begun;
	printf("{\"messages\": %" PRId64 ", \"failed\": %" PRId64
	       ", \"seconds\": %.3f, \"rate\": %.0f, \"own_us\": %.3f}\n",
	       delivered, failed, seconds, (double)delivered / seconds,
	       cpu_us() / (double)delivered);
	close_mirror(&mirror);
	return failed == 0 ? 0 : 1;
}
