/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills a topic with messages of item_location.avsc, of about 300 bytes each,
 * as fast as it can: bench-flood BROKERS TOPIC PARTITIONS COUNT
 * Partition by Java's murmur2 of the key, which is the location.
 * Or prints the same messages as rows (partition int4, key bytea, body bytea)
 * for COPY ... (FORMAT binary): bench-flood --copy PARTITIONS COUNT
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCATIONS 400

static int64_t failed;
static uint64_t random_state = 88172645463325252ull;

static uint64_t
next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint8_t *
put_long(uint8_t *at, int64_t value)
{
	uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);

	while (rest > 127) {
		*at++ = (uint8_t)(rest | 128);
		rest >>= 7;
	}
	*at++ = (uint8_t)rest;
	return at;
}

static uint8_t *
put_text(uint8_t *at, const char *text)
{
	size_t len = strlen(text);

	at = put_long(at, (int64_t)len);
	memcpy(at, text, len);
	return at + len;
}

static uint8_t *
put_raw(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static uint32_t
murmur2(const uint8_t *data, size_t len)
{
	const uint32_t m = 0x5bd1e995;
	uint32_t h = 0x9747b28cu ^ (uint32_t)len;

	for (; len >= 4; data += 4, len -= 4) {
		uint32_t k;

		memcpy(&k, data, 4);
		k *= m;
		k ^= k >> 24;
		k *= m;
		h = (h * m) ^ k;
	}
	if (len > 2)
		h ^= (uint32_t)data[2] << 16;
	if (len > 1)
		h ^= (uint32_t)data[1] << 8;
	if (len > 0)
		h = (h ^ data[0]) * m;
	h ^= h >> 13;
	h *= m;
	return h ^ h >> 15;
}

static size_t
make_body(uint8_t *out, const char *location, int64_t number)
{
	static const char note[] = "counted at night, checked by the "
				   "department, next count on Thursday";
	uint8_t *at = out;
	char text[64];
	double service = 0.9 + (double)(next_random() % 100) / 1000;
	float cube = (float)(next_random() % 1000) / 10;

	at = put_text(at, location);
	snprintf(text, sizeof(text), "item-%09" PRIu64,
	         next_random() % 200000000);
	at = put_text(at, text);
	snprintf(text, sizeof(text),
	         "orange juice, %" PRIu64 " oz, carton %" PRIu64,
	         next_random() % 90 + 6, next_random() % 1000);
	at = put_text(at, text);
	snprintf(text, sizeof(text), "supplier-%05" PRIu64,
	         next_random() % 90000);
	at = put_text(at, text);
	at = put_long(at, (int64_t)(next_random() % 4));
	at = put_long(at, (int64_t)(next_random() % 3));
	for (int i = 0; i < 6; i++)
		at = put_long(at, (int64_t)(next_random() % 5000));
	at = put_raw(at, &service, sizeof(service));
	at = put_raw(at, &cube, sizeof(cube));
	at = put_raw(at, &cube, sizeof(cube));
	at = put_long(at, (int64_t)(next_random() % 100000));
	at = put_long(at, (int64_t)(next_random() % 1000));
	at = put_long(at, 4);
	for (int i = 0; i < 4; i++)
		at = put_long(at, (int64_t)(next_random() % 10000));
	at = put_long(at, 0);
	at = put_long(at, 28);
	for (int i = 0; i < 28; i++)
		at = put_long(at, (int64_t)(next_random() % 300));
	at = put_long(at, 0);
	at = put_long(at, 1);
	at = put_long(at, (int64_t)(next_random() % 400));
	at = put_long(at, 0);
	*at++ = (uint8_t)(next_random() & 1);
	at = put_long(at, 1790000000000 + number);
	at = put_long(at, number);
	at = put_text(at, note);
	return (size_t)(at - out);
}

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		failed++;
}

static rd_kafka_t *
open_producer(const char *brokers)
{
	static const char *const properties[][2] = {
		{ "enable.idempotence", "true" },
		{ "linger.ms", "50" },
		{ "batch.num.messages", "10000" },
		{ "queue.buffering.max.messages", "400000" },
		{ "log_level", "3" },
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char why[512];

	rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why));
	for (size_t i = 0; i < sizeof(properties) / sizeof(*properties); i++)
		rd_kafka_conf_set(conf, properties[i][0], properties[i][1], why,
		                  sizeof(why));
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (rk == NULL) {
		fprintf(stderr, "bench-flood: %s\n", why);
		exit(1);
	}
	return rk;
}

struct item {
	char key[32];
	uint8_t body[1024];
	size_t key_len, body_len;
	int partition;
};

static void
make_item(struct item *item, int64_t number, int partitions)
{
	item->key_len =
		(size_t)snprintf(item->key, sizeof(item->key), "store-%04d",
	                         (int)(next_random() % LOCATIONS));
	item->body_len = make_body(item->body, item->key, number);
	item->partition = (int)((murmur2((uint8_t *)item->key, item->key_len) &
	                         0x7fffffff) %
	                        (uint32_t)partitions);
}

static void
put_field(const void *bytes, size_t len)
{
	uint32_t big = htonl((uint32_t)len);

	fwrite(&big, sizeof(big), 1, stdout);
	fwrite(bytes, len, 1, stdout);
}

static int
print_copy(int partitions, int64_t count)
{
	static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
	struct item item;

	fwrite(head, sizeof(head), 1, stdout); /* 11 and 8 bytes */
	for (int64_t i = 0; i < count; i++) {
		uint32_t partition;

		make_item(&item, i, partitions);
		partition = htonl((uint32_t)item.partition);
		fwrite("\0\3", 2, 1, stdout);
		put_field(&partition, sizeof(partition));
		put_field(item.key, item.key_len);
		put_field(item.body, item.body_len);
	}
	fwrite("\377\377", 2, 1, stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}

static int
flood(const char *brokers, const char *name, int partitions, int64_t count)
{
	rd_kafka_t *rk = open_producer(brokers);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	struct item item;
	int64_t bytes = 0;

	for (int64_t i = 0; i < count; i++) {
		make_item(&item, i, partitions);
		while (rd_kafka_produce(topic, item.partition,
		                        RD_KAFKA_MSG_F_COPY, item.body,
		                        item.body_len, item.key, item.key_len,
		                        NULL) != 0)
			rd_kafka_poll(rk, 10);
		bytes += (int64_t)(item.body_len + item.key_len);
		if (i % 1000 == 0)
			rd_kafka_poll(rk, 0);
	}
	rd_kafka_flush(rk, 120000);
	printf("{\"messages\": %" PRId64 ", \"bytes\": %.1f, "
	       "\"failed\": %" PRId64 "}\n",
	       count, (double)bytes / (double)count, failed);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return failed == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--copy") == 0)
		return print_copy(atoi(argv[2]), atoll(argv[3]));
	if (argc == 5)
		return flood(argv[1], argv[2], atoi(argv[3]), atoll(argv[4]));
	fprintf(stderr,
	        "Usage: bench-flood BROKERS TOPIC PARTITIONS COUNT\n"
	        "       bench-flood --copy PARTITIONS COUNT\n");
	return 2;
}
