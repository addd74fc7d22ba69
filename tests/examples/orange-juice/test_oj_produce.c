/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The program from outside, against the embedded broker: each line of the
 * ledger is a message that stands in its topic, at that offset, with those
 * bytes, on the partition of its key; and there is no message besides.
 */
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#include "examples/orange-juice/oj_feed.h"
#include "examples/orange-juice/oj_murmur2.h"
#include "tests/examples/orange-juice/juice_rdx.h"
#include "tests/unit.h"

enum { ROWS = 400, PARTITIONS = 3, MESSAGES_MAX = 4096 };

struct line {
	char topic[64];
	int partition;
	long long offset;
	char digest[65];
	char kind[32];
	bool seen;
};

static struct {
	char folder[128];
	char address[256];
	pid_t broker;
	struct line lines[MESSAGES_MAX];
	int lines_count;
} world;

static void
path_of(char *path, size_t size, const char *name)
{
	(void)snprintf(path, size, "%s/%s", world.folder, name);
}

static void
program_of(char *path, size_t size, const char *name)
{
	const char *build = getenv("WAYBILL_BUILD");

	(void)snprintf(path, size, "%s/examples/%s",
	               build != NULL ? build : ".", name);
}

static void
rda_write(void)
{
	static struct juice_rdx rdx;
	static struct juice_rdx_row rows[ROWS];
	char path[256];

	for (int i = 0; i < ROWS; i++) {
		rows[i] = (struct juice_rdx_row){ .store = 1 + i / 40,
			                          .item = 1 + i / 10 % 4,
			                          .week = 40 + i % 10,
			                          .log_ounces = 0,
			                          .price = 0.06,
			                          .feature = 0.5,
			                          .margin = 20 };
		const double ounces[] = { 64, 96, 64, 64 };
		rows[i].log_ounces = log(ounces[i / 10 % 4] * (1 + i));
	}
	juice_rdx_make(&rdx, rows, ROWS);
	path_of(path, sizeof(path), "few.rda");
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(rdx.size, fwrite(rdx.bytes, 1, rdx.size, file));
	assert_int_equal(0, fclose(file));
}

static void
broker_start(void)
{
	const struct timespec pause = { 0, 10000000 };
	char program[4096], topics[256], address[256];

	program_of(program, sizeof(program), "broker/waybill-broker");
	path_of(topics, sizeof(topics), "topics");
	path_of(address, sizeof(address), "address");
	FILE *file = fopen(topics, "we");
	assert_non_null(file);
	for (int id = 0; id < OJ_FEEDS; id++)
		fprintf(file, "%s:%d\n",
		        oj_feed_get((enum oj_feed_id)id)->topic_in, PARTITIONS);
	assert_int_equal(0, fclose(file));
	world.broker = fork();
	if (world.broker == 0) {
		execl(program, program, "--with-parent", "--topics-from",
		      topics, "--address-file", address, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		file = fopen(address, "re");
		if (file != NULL) {
			assert_int_equal(1,
			                 fscanf(file, "%255s", world.address));
			assert_int_equal(0, fclose(file));
			return;
		}
		(void)nanosleep(&pause, NULL);
	}
	fail_msg("%s does not start", program);
}

static int
setup(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)snprintf(world.folder, sizeof(world.folder), "%.90s/juice-XXXXXX",
	               temporary != NULL ? temporary : "/tmp");
	assert_non_null(mkdtemp(world.folder));
	rda_write();
	broker_start();
	return 0;
}

static int
teardown(void **state)
{
	static const char *const NAMES[] = { "few.rda", "topics", "ledger",
		                             "out" };
	char path[256];
	int status = 0;

	assert_int_equal(0, kill(world.broker, SIGTERM));
	assert_int_equal(world.broker, waitpid(world.broker, &status, 0));
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		path_of(path, sizeof(path), NAMES[i]);
		(void)unlink(path);
	}
	return rmdir(world.folder);
}

static int
run(const char *arguments)
{
	char program[4096], command[8192];

	program_of(program, sizeof(program), "orange-juice/orange-juice");
	(void)snprintf(command, sizeof(command), "cd '%s' && '%s' %s >out 2>&1",
	               world.folder, program, arguments);
	int status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
ledger_read(void)
{
	char path[256], text[512];

	path_of(path, sizeof(path), "ledger");
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(text, sizeof(text), file) != NULL) {
		struct line *line = &world.lines[world.lines_count++];
		assert_true(world.lines_count <= MESSAGES_MAX);
		assert_int_equal(5,
		                 sscanf(text, "%63s %d %lld %64s %31s",
		                        line->topic, &line->partition,
		                        &line->offset, line->digest,
		                        line->kind));
	}
	assert_int_equal(0, fclose(file));
}

static void
digest_of(const rd_kafka_message_t *message, char hex[65])
{
	uint8_t bytes[4096], digest[32];
	unsigned int size = 0;

	assert_true(message->key_len + message->len <= sizeof(bytes));
	memcpy(bytes, message->key, message->key_len);
	if (message->payload != NULL)
		memcpy(bytes + message->key_len, message->payload,
		       message->len);
	assert_int_equal(1,
	                 EVP_Digest(bytes, message->key_len + message->len,
	                            digest, &size, EVP_sha256(), NULL));
	for (int i = 0; i < 32; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static void
message_check(const rd_kafka_message_t *message)
{
	const char *topic = rd_kafka_topic_name(message->rkt);
	int32_t of_key = oj_murmur2_partition(message->key, message->key_len,
	                                      PARTITIONS);
	char digest[65];

	digest_of(message, digest);
	for (int i = 0; i < world.lines_count; i++) {
		struct line *line = &world.lines[i];
		if (line->offset != message->offset ||
		    line->partition != message->partition ||
		    strcmp(line->topic, topic) != 0)
			continue;
		assert_false(line->seen);
		line->seen = true;
		assert_string_equal(line->digest, digest);
		if (strcmp(line->kind, "misrouted") == 0)
			assert_int_not_equal(of_key, message->partition);
		else
			assert_int_equal(of_key, message->partition);
		assert_int_equal(
			message->payload == NULL,
			strcmp(line->kind, "tombstone") == 0 ||
				strcmp(line->kind, "forbidden-tombstone") == 0);
		return;
	}
	fail_msg("%s %d@%lld is not in the ledger", topic, message->partition,
	         (long long)message->offset);
}

static void
topics_read(void)
{
	char text[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	assert_int_equal(0,
	                 rd_kafka_conf_set(conf, "bootstrap.servers",
	                                   world.address, text, sizeof(text)));
	assert_int_equal(
		0,
		rd_kafka_conf_set(conf, "group.id", "t", text, sizeof(text)));
	rd_kafka_t *client =
		rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	assert_non_null(client);
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(OJ_FEEDS * PARTITIONS);
	for (int i = 0; i < OJ_FEEDS * PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(
			list,
			oj_feed_get((enum oj_feed_id)(i / PARTITIONS))->topic_in,
			i % PARTITIONS)
			->offset = 0;
	assert_int_equal(0, rd_kafka_assign(client, list));
	rd_kafka_topic_partition_list_destroy(list);
	for (int i = 0; i < world.lines_count; i++) {
		rd_kafka_message_t *message =
			rd_kafka_consumer_poll(client, 10000);
		assert_non_null(message);
		assert_int_equal(0, message->err);
		message_check(message);
		rd_kafka_message_destroy(message);
	}
	assert_null(rd_kafka_consumer_poll(client, 300));
	(void)rd_kafka_consumer_close(client);
	rd_kafka_destroy(client);
}

static void
test_the_ledger_is_what_stands_in_the_topics(void **state)
{
	char arguments[1024];

	(void)snprintf(
		arguments, sizeof(arguments),
		"produce --brokers %s --rda few.rda --ledger ledger --seed 3 "
		"--spoiled 50 --misrouted 5 --json",
		world.address);
	assert_int_equal(0, run(arguments));
	ledger_read();
	assert_true(world.lines_count >= 2 * ROWS + 50);
	topics_read();
	for (int i = 0; i < world.lines_count; i++)
		assert_true(world.lines[i].seen);
}

static void
test_a_consumer_gets_it_and_says_when_it_does_not(void **state)
{
	char arguments[1024];

	(void)snprintf(
		arguments, sizeof(arguments),
		"consume --brokers %s --topic us.sales.in --topic ca.sales.in",
		world.address);
	assert_int_equal(0, run(arguments));
	(void)snprintf(
		arguments, sizeof(arguments),
		"consume --brokers %s --topic us.sales.in --count 100000 "
		"--timeout 1",
		world.address);
	assert_int_equal(1, run(arguments));
}

static void
test_what_cannot_be_delivered_is_counted_and_failed(void **state)
{
	char arguments[1024];

	assert_int_equal(0, kill(world.broker, SIGUSR1));
	(void)snprintf(arguments, sizeof(arguments),
	               "produce --brokers %s --rda few.rda -X log_level=0",
	               world.address);
	assert_int_equal(1, run(arguments)); /* no metadata */
	assert_int_equal(0, kill(world.broker, SIGUSR1));
	(void)snprintf(
		arguments, sizeof(arguments),
		"produce --brokers %s --rda few.rda -X message.max.bytes=1000 "
		"-X message.timeout.ms=1 -X linger.ms=0",
		world.address);
	assert_int_equal(1, run(arguments));
	assert_int_equal(2, run("produce --rda few.rda"));
	assert_int_equal(2, run("produce --brokers x --rda y --limit -1"));
	assert_int_equal(2, run("consume --brokers x"));
	assert_int_equal(2, run("squeeze"));
	assert_int_equal(1, run("read /nonexistent"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ledger_is_what_stands_in_the_topics),
		cmocka_unit_test(
			test_a_consumer_gets_it_and_says_when_it_does_not),
		cmocka_unit_test(
			test_what_cannot_be_delivered_is_counted_and_failed),
	};

	unit_alarm(120);
	return cmocka_run_group_tests(tests, setup, teardown);
}
