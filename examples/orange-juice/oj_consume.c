/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * orange-juice consume: what a downstream system gets, read_committed: counts
 * of each topic, and the first messages decoded, with the gateway's headers.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "examples/orange-juice/oj_client.h"
#include "examples/orange-juice/oj_commands.h"
#include "examples/orange-juice/oj_decode.h"
#include "examples/orange-juice/oj_feed.h"
#include "examples/orange-juice/oj_receipt.h"

enum { TOPICS_MAX = 32, METADATA_MS = 10000 };

static const char HELP[] =
	"usage: orange-juice consume --brokers ADDRESS --topic TOPIC...\n"
	"\n"
	"Reads topics from their beginning to their end, committed messages\n"
	"only, and prints how many there are and the first of each.\n"
	"\n"
	"  --topic NAME    may be repeated\n"
	"  --show N        messages of each topic to print (default 2)\n"
	"  --count N       go on until N messages are there, beyond the end\n"
	"  --timeout N     but give up after N seconds (default 30)\n"
	"  --deploy DIR    where the contracts are (us/sales.avsc, ...), so\n"
	"                  that bodies can be decoded\n"
	"  --ledger FILE   write a line for each message: topic, partition,\n"
	"                  offset, SHA-256 of key and body, waybill-id,\n"
	"                  waybill-source; separated by tabs\n"
	"  --json          print JSON only\n"
	"  -X NAME=VALUE   a property of librdkafka\n"
	"\n"
	"Exit code: 0 done, 1 a failure or fewer than --count, 2 wrong usage.\n";

struct topic {
	const char *name;
	const struct oj_feed *feed; /* null: one that we do not know */
	json_t *schema;             /* null: without --deploy */
	int32_t partitions;
	int32_t ended; /* partitions whose end was seen */
	size_t messages;
	size_t tombstones;
	size_t undecodable;
	size_t bytes;
	json_t *shown;
};

struct consuming {
	const char *deploy;
	const char *ledger_path;
	struct oj_receipts *receipts; /* null: without --ledger */
	size_t show;
	size_t count;
	long long timeout_s;
	bool json;
	bool help;
	size_t topics_count;
	struct topic topics[TOPICS_MAX];
	struct oj_client_properties properties;
	rd_kafka_t *client;
	size_t messages;
};

static const struct option OPTIONS[] = {
	{ "brokers", required_argument, NULL, 'b' },
	{ "topic", required_argument, NULL, 't' },
	{ "show", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'c' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "deploy", required_argument, NULL, 'd' },
	{ "ledger", required_argument, NULL, 'l' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *const DEFAULTS[][2] = {
	{ "client.id", "orange-juice" },
	{ "group.id", "orange-juice" },
	{ "isolation.level", "read_committed" },
	{ "enable.auto.commit", "false" },
	{ "enable.partition.eof", "true" },
	{ "auto.offset.reset", "error" },
	{ "queued.min.messages", "1000000" },
	{ "fetch.wait.max.ms", "50" },
	{ "log_level", "4" },
};

static bool
number_take(size_t *out, const char *name, const char *text, struct oj_err *err)
{
	long long number = oj_commands_number_parse(text, INT32_MAX);

	if (number < 0)
		return oj_err_set(err, "--%s %s: not a number", name, text);
	*out = (size_t)number;
	return true;
}

static bool
topic_take(struct consuming *consuming, const char *name, struct oj_err *err)
{
	if (consuming->topics_count == TOPICS_MAX)
		return oj_err_set(err, "more than %d topics", TOPICS_MAX);
	for (size_t i = 0; i < consuming->topics_count; i++) {
		if (strcmp(consuming->topics[i].name, name) == 0)
			return oj_err_set(err, "topic %s is given twice", name);
	}
	struct topic *topic = &consuming->topics[consuming->topics_count++];
	topic->name = name;
	topic->feed = oj_feed_of_topic(name);
	topic->shown = json_array();
	return true;
}

static bool
option_take(struct consuming *consuming, int letter, char *value,
            struct oj_err *err)
{
	size_t number = 0;

	switch (letter) {
	case 'b':
		return oj_client_properties_add(&consuming->properties,
		                                "bootstrap.servers", value,
		                                err);
	case 't':
		return topic_take(consuming, value, err);
	case 's':
		return number_take(&consuming->show, "show", value, err);
	case 'c':
		return number_take(&consuming->count, "count", value, err);
	case 'T':
		if (!number_take(&number, "timeout", value, err))
			return false;
		consuming->timeout_s = (long long)number;
		return true;
	case 'd':
		consuming->deploy = value;
		return true;
	case 'l':
		consuming->ledger_path = value;
		return true;
	case 'j':
		return consuming->json = true;
	case 'h':
		return consuming->help = true;
	case 'X':
		return oj_client_properties_add_text(&consuming->properties,
		                                     value, err);
	default:
		return oj_err_set(err, "try orange-juice consume --help");
	}
}

static bool
options_parse(struct consuming *consuming, int argc, char **argv,
              struct oj_err *err)
{
	bool has_brokers = false;
	int letter;

	consuming->show = 2;
	consuming->timeout_s = 30;
	for (size_t i = 0; i < sizeof(DEFAULTS) / sizeof(DEFAULTS[0]); i++) {
		if (!oj_client_properties_add(&consuming->properties,
		                              DEFAULTS[i][0], DEFAULTS[i][1],
		                              err))
			return false;
	}
	while ((letter = getopt_long(argc, argv, "X:", OPTIONS, NULL)) != -1) {
		has_brokers = has_brokers || letter == 'b';
		if (!option_take(consuming, letter, optarg, err))
			return false;
	}
	if (optind < argc)
		return oj_err_set(err, "what is '%s'?", argv[optind]);
	if (!consuming->help && (!has_brokers || consuming->topics_count == 0))
		return oj_err_set(err, "--brokers and --topic are needed");
	return true;
}

static bool
schemas_load(struct consuming *consuming, struct oj_err *err)
{
	for (size_t i = 0; i < consuming->topics_count; i++) {
		struct topic *topic = &consuming->topics[i];
		json_error_t error;
		char path[4096];
		if (consuming->deploy == NULL || topic->feed == NULL)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", consuming->deploy,
		               topic->feed->schema);
		topic->schema = json_load_file(path, 0, &error);
		if (topic->schema == NULL)
			return oj_err_set(err, "%.200s: %s", path, error.text);
	}
	return true;
}

static bool
assign(struct consuming *consuming, struct oj_err *err)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(64);
	bool ok = true;

	for (size_t i = 0; ok && i < consuming->topics_count; i++) {
		struct topic *topic = &consuming->topics[i];
		ok = oj_client_partitions(consuming->client, topic->name,
		                          METADATA_MS, &topic->partitions, err);
		for (int32_t j = 0; ok && j < topic->partitions; j++)
			rd_kafka_topic_partition_list_add(list, topic->name, j)
				->offset = RD_KAFKA_OFFSET_BEGINNING;
	}
	if (ok) {
		rd_kafka_resp_err_t code =
			rd_kafka_assign(consuming->client, list);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			ok = oj_err_set(err, "%s", rd_kafka_err2str(code));
	}
	rd_kafka_topic_partition_list_destroy(list);
	return ok;
}

static struct topic *
topic_of(struct consuming *consuming, const rd_kafka_message_t *message)
{
	const char *name = rd_kafka_topic_name(message->rkt);

	for (size_t i = 0; i < consuming->topics_count; i++) {
		if (strcmp(consuming->topics[i].name, name) == 0)
			return &consuming->topics[i];
	}
	abort(); /* only what was assigned comes */
}

/* Text where it is text; keys of several fields are shown joined by "/". */
static json_t *
text_json(const void *bytes, size_t size)
{
	char text[512];

	if (bytes == NULL)
		return json_null();
	size = size < sizeof(text) ? size : sizeof(text);
	memcpy(text, bytes, size);
	for (size_t i = 0; i < size; i++)
		text[i] = text[i] == '\x1F' ? '/' : text[i];
	json_t *json = json_stringn(text, size);
	return json != NULL ? json : json_string("(not UTF-8)");
}

static json_t *
headers_json(const rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers = NULL;
	json_t *json = json_object();
	const char *name;
	const void *value;
	size_t size;

	if (rd_kafka_message_headers(message, &headers) !=
	    RD_KAFKA_RESP_ERR_NO_ERROR)
		return json;
	for (size_t i = 0;
	     rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
	     RD_KAFKA_RESP_ERR_NO_ERROR;
	     i++)
		(void)json_object_set_new(json, name, text_json(value, size));
	return json;
}

static json_t *
body_json(struct topic *topic, const rd_kafka_message_t *message)
{
	size_t frame = oj_feed_frame_size(topic->feed);
	struct oj_err err;
	json_t *json = NULL;

	if (message->len < frame)
		return json_string("(too short)");
	if (oj_decode(topic->schema, (const uint8_t *)message->payload + frame,
	              message->len - frame, &json, &err))
		return json;
	topic->undecodable++;
	return json_sprintf("(cannot be decoded: %s)", err.text);
}

static void
message_show(struct topic *topic, const rd_kafka_message_t *message)
{
	json_t *body = json_null();

	if (message->payload != NULL && topic->schema != NULL)
		body = body_json(topic, message);
	else if (message->payload != NULL)
		body = json_sprintf("(%zu bytes)", message->len);
	(void)json_array_append_new(
		topic->shown,
		json_pack("{s:i, s:I, s:o, s:o, s:o}", "partition",
	                  (int)message->partition, "offset",
	                  (json_int_t)message->offset, "key",
	                  text_json(message->key, message->key_len), "headers",
	                  headers_json(message), "body", body));
}

static bool
message_take(struct consuming *consuming, const rd_kafka_message_t *message,
             struct oj_err *err)
{
	struct topic *topic;

	if (message->rkt == NULL ||
	    (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
	     message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF))
		return oj_err_set(err, "%s", rd_kafka_message_errstr(message));
	topic = topic_of(consuming, message);
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		topic->ended++;
		return true;
	}
	consuming->messages++;
	topic->messages++;
	topic->bytes += message->len + message->key_len;
	topic->tombstones += message->payload == NULL;
	if (consuming->receipts != NULL)
		oj_receipt_add(consuming->receipts, message);
	if (json_array_size(topic->shown) < consuming->show)
		message_show(topic, message);
	return true;
}

static bool
at_end(const struct consuming *consuming)
{
	if (consuming->count > 0)
		return consuming->messages >= consuming->count;
	for (size_t i = 0; i < consuming->topics_count; i++) {
		if (consuming->topics[i].ended <
		    consuming->topics[i].partitions)
			return false;
	}
	return true;
}

static bool
consume(struct consuming *consuming, struct oj_err *err)
{
	time_t deadline = time(NULL) + consuming->timeout_s;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool ok = true;

	consuming->client = oj_client_new(RD_KAFKA_CONSUMER, conf,
	                                  &consuming->properties, err);
	if (consuming->client == NULL)
		return false;
	(void)rd_kafka_poll_set_consumer(consuming->client);
	ok = assign(consuming, err);
	while (ok && !at_end(consuming)) {
		rd_kafka_message_t *message =
			rd_kafka_consumer_poll(consuming->client, 100);
		if (message != NULL) {
			ok = message_take(consuming, message, err);
			rd_kafka_message_destroy(message);
		} else if (time(NULL) > deadline) {
			ok = oj_err_set(err, "only %zu messages in %lld s",
			                consuming->messages,
			                consuming->timeout_s);
		}
	}
	(void)rd_kafka_consumer_close(consuming->client);
	rd_kafka_destroy(consuming->client);
	return ok;
}

static bool
consume_all(struct consuming *consuming, struct oj_err *err)
{
	struct oj_err inner;
	bool ok;

	if (consuming->ledger_path != NULL) {
		consuming->receipts =
			oj_receipt_open(consuming->ledger_path, err);
		if (consuming->receipts == NULL)
			return false;
	}
	ok = consume(consuming, err);
	if (!oj_receipt_close(&consuming->receipts, &inner)) {
		if (ok)
			*err = inner;
		ok = false;
	}
	return ok;
}

static void
print_field(const char *label, const json_t *value, size_t flags)
{
	(void)printf("    %-15s ", label);
	if (json_is_string(value))
		(void)fputs(json_string_value(value), stdout);
	else
		(void)json_dumpf(value, stdout,
		                 JSON_ENCODE_ANY | JSON_REAL_PRECISION(7) |
		                         flags);
	(void)putchar('\n');
}

static void
print_message(json_t *shown)
{
	const char *name;
	json_t *value;

	(void)printf("  partition %" JSON_INTEGER_FORMAT
	             ", offset %" JSON_INTEGER_FORMAT "\n",
	             json_integer_value(json_object_get(shown, "partition")),
	             json_integer_value(json_object_get(shown, "offset")));
	print_field("key", json_object_get(shown, "key"), 0);
	json_object_foreach(json_object_get(shown, "headers"), name, value)
	{
		print_field(name, value, 0);
	}
	print_field("body", json_object_get(shown, "body"), 0);
}

static void
print_people(const struct consuming *consuming)
{
	size_t i;
	json_t *shown;

	for (size_t t = 0; t < consuming->topics_count; t++) {
		const struct topic *topic = &consuming->topics[t];
		printf("%s: %zu messages (%zu of them tombstones), %zu bytes\n",
		       topic->name, topic->messages, topic->tombstones,
		       topic->bytes);
		json_array_foreach(topic->shown, i, shown)
		{
			print_message(shown);
		}
	}
}

static void
print_json(const struct consuming *consuming)
{
	json_t *topics = json_object();

	for (size_t t = 0; t < consuming->topics_count; t++) {
		const struct topic *topic = &consuming->topics[t];
		(void)json_object_set_new(
			topics, topic->name,
			json_pack("{s:I, s:I, s:I, s:O}", "messages",
		                  (json_int_t)topic->messages, "tombstones",
		                  (json_int_t)topic->tombstones, "bytes",
		                  (json_int_t)topic->bytes, "first",
		                  topic->shown));
	}
	json_t *root =
		json_pack("{s:I, s:o}", "messages",
	                  (json_int_t)consuming->messages, "topics", topics);
	(void)json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(7));
	(void)putchar('\n');
	json_decref(root);
}

static void
topics_fini(struct consuming *consuming)
{
	for (size_t i = 0; i < consuming->topics_count; i++) {
		json_decref(consuming->topics[i].schema);
		json_decref(consuming->topics[i].shown);
	}
}

/* -- public -------------------------------------------------------------- */

int
oj_consume_main(int argc, char **argv)
{
	static struct consuming consuming;
	struct oj_err err;

	if (!options_parse(&consuming, argc, argv, &err)) {
		fprintf(stderr, "orange-juice: %s\n", err.text);
		return OJ_EXIT_USAGE;
	}
	if (consuming.help) {
		fputs(HELP, stdout);
		return OJ_EXIT_OK;
	}
	bool ok =
		schemas_load(&consuming, &err) && consume_all(&consuming, &err);
	if (!ok)
		fprintf(stderr, "orange-juice: %s\n", err.text);
	if (consuming.messages > 0 || ok) {
		if (consuming.json)
			print_json(&consuming);
		else
			print_people(&consuming);
	}
	topics_fini(&consuming);
	return fflush(stdout) == 0 && ok ? OJ_EXIT_OK : OJ_EXIT_FAILED;
}
