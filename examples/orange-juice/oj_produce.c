/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * orange-juice produce: the stream of messages to Kafka, idempotent and with
 * acks from all, on partitions chosen as Java's clients choose them.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "examples/orange-juice/oj_client.h"
#include "examples/orange-juice/oj_commands.h"
#include "examples/orange-juice/oj_ledger.h"
#include "examples/orange-juice/oj_murmur2.h"
#include "examples/orange-juice/oj_stream.h"
#include "examples/orange-juice/oj_summary.h"

enum { METADATA_MS = 15000, FLUSH_STEP_MS = 500 };

static const char HELP[] =
	"usage: orange-juice produce --brokers ADDRESS --rda FILE [options]\n"
	"\n"
	"Sends Dominick's orange juice sales as the sales and inventory messages\n"
	"of two country tenants, and some spoiled ones of ten kinds.\n"
	"\n"
	"  --seed N       of what is spoiled, and where (default 1)\n"
	"  --spoiled N    spoiled messages, in equal parts (default 300)\n"
	"  --misrouted N  sound messages on a wrong partition (default 30)\n"
	"  --passes N     send the data N times, each time later (default 1)\n"
	"  --limit N      stop after N messages\n"
	"  --weeks A-B    only those of these weeks\n"
	"  --rest-stores N  without what the first N stores send, which goes by\n"
	"                 REST (orange-juice post)\n"
	"  --rate N       at most N messages a second\n"
	"  --ledger FILE  write what was sent where: topic, partition, offset,\n"
	"                 sha256 of key and body, kind\n"
	"  --json         print the summary as JSON\n"
	"  -X NAME=VALUE  a property of librdkafka\n"
	"\n"
	"Exit code: 0 all delivered, 1 not all, 2 wrong usage.\n";

struct producing {
	const char *rda;
	const char *ledger_path;
	bool json;
	bool help;
	long long rate;
	unsigned long long seed;
	struct oj_stream_options stream;
	struct oj_client_properties properties;

	rd_kafka_t *client;
	rd_kafka_topic_t *topics[OJ_FEEDS];
	int32_t partitions[OJ_FEEDS];
	struct oj_ledger *ledger;
	size_t sent;
	size_t complained;
};

static const struct option OPTIONS[] = {
	{ "brokers", required_argument, NULL, 'b' },
	{ "rda", required_argument, NULL, 'f' },
	{ "seed", required_argument, NULL, 's' },
	{ "spoiled", required_argument, NULL, 'S' },
	{ "misrouted", required_argument, NULL, 'm' },
	{ "passes", required_argument, NULL, 'p' },
	{ "limit", required_argument, NULL, 'l' },
	{ "rate", required_argument, NULL, 'r' },
	{ "weeks", required_argument, NULL, 'w' },
	{ "rest-stores", required_argument, NULL, 'R' },
	{ "ledger", required_argument, NULL, 'L' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Defaults of the producer; -X may say otherwise. */
static const char *const DEFAULTS[][2] = {
	{ "client.id", "orange-juice" },
	{ "enable.idempotence", "true" },
	{ "acks", "all" },
	{ "linger.ms", "50" },
	{ "batch.num.messages", "10000" },
	{ "queue.buffering.max.messages", "500000" },
	{ "queue.buffering.max.kbytes", "262144" },
	{ "reconnect.backoff.max.ms", "500" },
	{ "log_level", "4" },
};

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool
number_take(size_t *out, const char *name, const char *text, long long max,
            struct oj_err *err)
{
	long long number = oj_commands_number_parse(text, max);

	if (number < 0)
		return oj_err_set(err, "--%s %s: not a number from 0 to %lld",
		                  name, text, max);
	*out = (size_t)number;
	return true;
}

static bool
option_take(struct producing *producing, int letter, char *value,
            struct oj_err *err)
{
	size_t number = 0;

	switch (letter) {
	case 'b':
		return oj_client_properties_add(&producing->properties,
		                                "bootstrap.servers", value,
		                                err);
	case 'f':
		producing->rda = value;
		return true;
	case 's':
		if (!number_take(&number, "seed", value, INT64_MAX, err))
			return false;
		producing->seed = number;
		return true;
	case 'S':
		return number_take(&producing->stream.spoiled, "spoiled", value,
		                   10000000, err);
	case 'm':
		return number_take(&producing->stream.misrouted, "misrouted",
		                   value, 10000000, err);
	case 'p':
		return number_take(&producing->stream.passes, "passes", value,
		                   1000, err) &&
			(producing->stream.passes > 0 ||
		         oj_err_set(err, "--passes 0: nothing to do"));
	case 'l':
		return number_take(&producing->stream.limit, "limit", value,
		                   INT64_MAX, err);
	case 'r':
		if (!number_take(&number, "rate", value, 100000000, err))
			return false;
		producing->rate = (long long)number;
		return true;
	case 'w':
		return oj_commands_weeks_parse(value,
		                               &producing->stream.week_first,
		                               &producing->stream.week_last) ||
			oj_err_set(err, "--weeks %s: not FIRST-LAST", value);
	case 'R':
		return number_take(&producing->stream.rest_stores,
		                   "rest-stores", value, 100, err);
	case 'L':
		producing->ledger_path = value;
		return true;
	case 'j':
		return producing->json = true;
	case 'h':
		return producing->help = true;
	case 'X':
		return oj_client_properties_add_text(&producing->properties,
		                                     value, err);
	default:
		return oj_err_set(err, "try orange-juice produce --help");
	}
}

static bool
options_parse(struct producing *producing, int argc, char **argv,
              struct oj_err *err)
{
	bool has_brokers = false;
	int letter;

	producing->seed = 1;
	producing->stream.spoiled = 300;
	producing->stream.misrouted = 30;
	producing->stream.passes = 1;
	for (size_t i = 0; i < sizeof(DEFAULTS) / sizeof(DEFAULTS[0]); i++) {
		if (!oj_client_properties_add(&producing->properties,
		                              DEFAULTS[i][0], DEFAULTS[i][1],
		                              err))
			return false;
	}
	while ((letter = getopt_long(argc, argv, "X:", OPTIONS, NULL)) != -1) {
		has_brokers = has_brokers || letter == 'b';
		if (!option_take(producing, letter, optarg, err))
			return false;
	}
	producing->stream.seed = producing->seed;
	if (optind < argc)
		return oj_err_set(err, "what is '%s'?", argv[optind]);
	if (!producing->help && (!has_brokers || producing->rda == NULL))
		return oj_err_set(err, "--brokers and --rda are needed");
	return true;
}

/* Runs in the sending thread, within rd_kafka_poll and rd_kafka_flush. */
static void
delivery_report(rd_kafka_t *client, const rd_kafka_message_t *message,
                void *opaque)
{
	struct oj_ledger_entry *entry = message->_private;
	struct producing *producing = opaque;

	(void)client;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		entry->delivered = true;
		entry->offset = message->offset;
	} else if (producing->complained++ == 0) {
		fprintf(stderr, "orange-juice: not delivered to %s: %s\n",
		        oj_feed_get((enum oj_feed_id)entry->feed)->topic_in,
		        rd_kafka_err2str(message->err));
	}
}

static bool
connect_kafka(struct producing *producing, struct oj_err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
	rd_kafka_conf_set_opaque(conf, producing);
	producing->client = oj_client_new(RD_KAFKA_PRODUCER, conf,
	                                  &producing->properties, err);
	if (producing->client == NULL)
		return false;
	for (int i = 0; i < OJ_FEEDS; i++) {
		const char *topic = oj_feed_get((enum oj_feed_id)i)->topic_in;
		if (!oj_client_partitions(producing->client, topic, METADATA_MS,
		                          &producing->partitions[i], err))
			return false;
		producing->topics[i] =
			rd_kafka_topic_new(producing->client, topic, NULL);
		if (producing->topics[i] == NULL)
			return oj_err_set(
				err, "topic %s: %s", topic,
				rd_kafka_err2str(rd_kafka_last_error()));
	}
	return true;
}

static int32_t
partition_of(const struct producing *producing,
             const struct oj_message *message)
{
	int32_t count = producing->partitions[message->feed];
	int32_t own =
		oj_murmur2_partition(message->key, message->key_size, count);

	return (own + message->partition_shift) % count;
}

/* Sends one message, waiting while the queue is full. */
static bool
send_one(struct producing *producing, struct oj_message *message,
         struct oj_err *err)
{
	int32_t partition = partition_of(producing, message);
	struct oj_ledger_entry *entry =
		oj_ledger_add(producing->ledger, message, partition);
	void *body = message->body_null ? NULL : message->body.bytes;

	producing->sent++;
	while (rd_kafka_produce(producing->topics[message->feed], partition,
	                        RD_KAFKA_MSG_F_COPY, body, message->body.size,
	                        message->key, message->key_size, entry) != 0) {
		rd_kafka_resp_err_t code = rd_kafka_last_error();
		if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return oj_err_set(err, "cannot send to %s: %s",
			                  oj_feed_get(message->feed)->topic_in,
			                  rd_kafka_err2str(code));
		(void)rd_kafka_poll(producing->client, 10);
	}
	if (producing->sent % 256 == 0)
		(void)rd_kafka_poll(producing->client, 0);
	return true;
}

/* Keeps to the rate: waits where more was sent than the time allows. */
static void
pace(const struct producing *producing, double begin)
{
	if (producing->rate == 0 || producing->sent % 16 != 0)
		return;
	for (;;) {
		double due = begin +
			(double)producing->sent / (double)producing->rate;
		double wait = due - now();
		if (wait < 0.001)
			return;
		(void)rd_kafka_poll(producing->client,
		                    wait > 0.1 ? 100 : (int)(wait * 1000));
	}
}

static bool
send_all(struct producing *producing, struct oj_stream *stream,
         struct oj_err *err)
{
	static struct oj_message message;
	double begin = now();
	bool ok = true;

	while (ok && oj_stream_next(stream, &message)) {
		ok = send_one(producing, &message, err);
		pace(producing, begin);
	}
	/* Each message ends in a report: delivered, or failed at its timeout. */
	while (rd_kafka_outq_len(producing->client) > 0)
		(void)rd_kafka_flush(producing->client, FLUSH_STEP_MS);
	return ok;
}

static void
disconnect(struct producing *producing)
{
	for (int i = 0; i < OJ_FEEDS; i++) {
		if (producing->topics[i] != NULL)
			rd_kafka_topic_destroy(producing->topics[i]);
	}
	if (producing->client != NULL)
		rd_kafka_destroy(producing->client);
}

static bool
produce(struct producing *producing, const struct oj_weeks *weeks,
        struct oj_summary *summary, struct oj_err *err)
{
	struct oj_stream *stream = oj_stream_new(weeks, &producing->stream);

	producing->ledger = oj_ledger_new(oj_stream_count_max(stream));
	bool ok = connect_kafka(producing, err);
	double begin = now();
	if (ok)
		ok = send_all(producing, stream, err);
	summary->seconds = now() - begin;
	summary->seed = producing->seed;
	disconnect(producing);
	oj_stream_free(&stream);
	oj_summary_count(summary, producing->ledger);
	if (producing->ledger_path != NULL && producing->sent > 0) {
		struct oj_err inner;
		if (!oj_ledger_write(producing->ledger, producing->ledger_path,
		                     &inner)) {
			if (ok)
				*err = inner;
			ok = false;
		}
	}
	oj_ledger_free(&producing->ledger);
	return ok;
}

/* -- public -------------------------------------------------------------- */

int
oj_produce_main(int argc, char **argv)
{
	static struct producing producing;
	struct oj_summary summary = { 0 };
	struct oj_weeks weeks;
	struct oj_err err;

	if (!options_parse(&producing, argc, argv, &err)) {
		fprintf(stderr, "orange-juice: %s\n", err.text);
		return OJ_EXIT_USAGE;
	}
	if (producing.help) {
		fputs(HELP, stdout);
		return OJ_EXIT_OK;
	}
	if (!oj_week_table_read(producing.rda, &weeks, &err)) {
		fprintf(stderr, "orange-juice: %s\n", err.text);
		return OJ_EXIT_FAILED;
	}
	bool ok = produce(&producing, &weeks, &summary, &err);
	oj_week_table_fini(&weeks);
	if (!ok)
		fprintf(stderr, "orange-juice: %s\n", err.text);
	if (producing.sent > 0 && producing.json)
		oj_summary_print_json(&summary);
	else if (producing.sent > 0)
		oj_summary_print(&summary);
	ok = fflush(stdout) == 0 && ok;
	return ok && summary.failed == 0 ? OJ_EXIT_OK : OJ_EXIT_FAILED;
}
