/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded broker, from outside: a transactional producer and a
 * read_committed consumer work against it, two clusters know nothing of each
 * other, an outage is played, and it ends by SIGTERM and leaves nothing.
 */
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit.h"

enum { MESSAGES = 1000, PARTITIONS = 3 };

struct fixture {
	pid_t pid;
	char folder[64];
	char address_file[96];
	char first[256]; /* bootstrap address of cluster "first" */
	char second[256];
};

static void
sleep_ms(long ms)
{
	const struct timespec pause = { ms / 1000, (ms % 1000) * 1000000 };

	(void)nanosleep(&pause, NULL);
}

static void
program_path(char *path, size_t size)
{
	const char *build = getenv("WAYBILL_BUILD");

	(void)snprintf(path, size, "%s/examples/broker/waybill-broker",
	               build != NULL ? build : ".");
}

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *temporary = getenv("TMPDIR");
	char program[4096];

	assert_non_null(fixture);
	program_path(program, sizeof(program));
	(void)snprintf(fixture->folder, sizeof(fixture->folder),
	               "%.40s/broker-XXXXXX",
	               temporary != NULL ? temporary : "/tmp");
	assert_non_null(mkdtemp(fixture->folder));
	(void)snprintf(fixture->address_file, sizeof(fixture->address_file),
	               "%s/address", fixture->folder);
	fixture->pid = fork();
	if (fixture->pid == 0) {
		execl(program, program, "--with-parent", "--address-file",
		      fixture->address_file, "--cluster", "first", "--topic",
		      "sales:3", "--cluster", "second", "--brokers", "3",
		      "--topic", "other:1", (char *)NULL);
		_exit(127);
	}
	assert_true(fixture->pid > 0);
	for (int i = 0; i < 500; i++) {
		FILE *file = fopen(fixture->address_file, "re");
		if (file != NULL) {
			assert_int_equal(
				2,
				fscanf(file, "first %255s second %255s",
			               fixture->first, fixture->second));
			assert_int_equal(0, fclose(file));
			*state = fixture;
			return 0;
		}
		sleep_ms(10);
	}
	fail_msg("no address file: is %s built?", program);
	return -1;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;
	int status = 0;

	assert_int_equal(0, kill(fixture->pid, SIGTERM));
	assert_int_equal(fixture->pid, waitpid(fixture->pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
	assert_int_not_equal(0, access(fixture->address_file, F_OK));
	assert_int_equal(0, rmdir(fixture->folder));
	free(fixture);
	return 0;
}

static rd_kafka_t *
client_new(rd_kafka_type_t type, const char *const *pairs)
{
	char text[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	for (; pairs[0] != NULL; pairs += 2) {
		assert_int_equal(RD_KAFKA_CONF_OK,
		                 rd_kafka_conf_set(conf, pairs[0], pairs[1],
		                                   text, sizeof(text)));
	}
	rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof(text));
	assert_non_null(client);
	return client;
}

static void
must(rd_kafka_error_t *error)
{
	if (error != NULL)
		fail_msg("%s", rd_kafka_error_string(error));
}

static void
test_transactions_are_read_by_a_committed_reader(void **state)
{
	struct fixture *fixture = *state;
	const char *const producing[] = { "bootstrap.servers",
		                          fixture->first,
		                          "transactional.id",
		                          "test-0",
		                          "log_level",
		                          "3",
		                          NULL };
	const char *const consuming[] = { "bootstrap.servers",
		                          fixture->first,
		                          "group.id",
		                          "test",
		                          "isolation.level",
		                          "read_committed",
		                          "enable.auto.commit",
		                          "false",
		                          "log_level",
		                          "3",
		                          NULL };
	bool seen[MESSAGES] = { false };
	int next[PARTITIONS] = { 0 };

	rd_kafka_t *producer = client_new(RD_KAFKA_PRODUCER, producing);
	must(rd_kafka_init_transactions(producer, 10000));
	for (int i = 0; i < MESSAGES; i++) {
		if (i % 100 == 0)
			must(rd_kafka_begin_transaction(producer));
		assert_int_equal(
			0,
			rd_kafka_producev(
				producer, RD_KAFKA_V_TOPIC("sales"),
				RD_KAFKA_V_PARTITION(i % PARTITIONS),
				RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
				RD_KAFKA_V_VALUE(&i, sizeof(i)),
				RD_KAFKA_V_HEADER("waybill-id", "0-1-1", 5),
				RD_KAFKA_V_END));
		if (i % 100 == 99)
			must(rd_kafka_commit_transaction(producer, 10000));
	}
	rd_kafka_destroy(producer);

	rd_kafka_t *consumer = client_new(RD_KAFKA_CONSUMER, consuming);
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(PARTITIONS);
	for (int i = 0; i < PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(list, "sales", i)->offset = 0;
	assert_int_equal(0, rd_kafka_assign(consumer, list));
	rd_kafka_topic_partition_list_destroy(list);
	for (int count = 0; count < MESSAGES;) {
		int number = -1;
		rd_kafka_message_t *message =
			rd_kafka_consumer_poll(consumer, 10000);
		assert_non_null(message);
		assert_int_equal(0, message->err);
		assert_int_equal(sizeof(number), message->len);
		memcpy(&number, message->payload, sizeof(number));
		assert_in_range(number, 0, MESSAGES - 1);
		assert_false(seen[number]);
		seen[number] = true;
		assert_int_equal(number % PARTITIONS, message->partition);
		assert_true(number >= next[message->partition]);
		next[message->partition] = number;
		rd_kafka_message_destroy(message);
		count++;
	}
	assert_null(rd_kafka_consumer_poll(consumer, 200));
	(void)rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
}

static void
delivery_report(rd_kafka_t *client, const rd_kafka_message_t *message,
                void *opaque)
{
	*(int *)message->_private = message->err == 0 ? 1 : -1;
}

static rd_kafka_t *
producer_new(const char *address)
{
	char text[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	assert_int_equal(0,
	                 rd_kafka_conf_set(conf, "bootstrap.servers", address,
	                                   text, sizeof(text)));
	assert_int_equal(
		0,
		rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text)));
	assert_int_equal(0,
	                 rd_kafka_conf_set(conf, "reconnect.backoff.max.ms",
	                                   "200", text, sizeof(text)));
	rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
	rd_kafka_t *producer =
		rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	assert_non_null(producer);
	return producer;
}

static void
send_one(rd_kafka_t *producer, const char *topic, int *out_outcome)
{
	char body[] = "x";

	assert_int_equal(
		0,
		rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic),
	                          RD_KAFKA_V_PARTITION(0),
	                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
	                          RD_KAFKA_V_VALUE(body, 1),
	                          RD_KAFKA_V_OPAQUE(out_outcome),
	                          RD_KAFKA_V_END));
}

/* SIGUSR2 is about the cluster named last; the first goes on. */
static void
test_an_outage_holds_one_cluster_until_it_is_back(void **state)
{
	struct fixture *fixture = *state;
	int first = 0, second = 0;
	rd_kafka_t *to_first = producer_new(fixture->first);
	rd_kafka_t *to_second = producer_new(fixture->second);

	send_one(to_second, "other", &second);
	assert_int_equal(0, rd_kafka_flush(to_second, 10000));
	assert_int_equal(1, second);
	second = 0;
	assert_int_equal(0, kill(fixture->pid, SIGUSR2));
	sleep_ms(200);
	send_one(to_first, "sales", &first);
	send_one(to_second, "other", &second);
	assert_int_equal(0, rd_kafka_flush(to_first, 10000));
	assert_int_equal(1, first);
	assert_int_not_equal(0, rd_kafka_flush(to_second, 500));
	assert_int_equal(0, second);
	assert_int_equal(0, kill(fixture->pid, SIGUSR2));
	assert_int_equal(0, rd_kafka_flush(to_second, 10000));
	assert_int_equal(1, second);
	rd_kafka_destroy(to_first);
	rd_kafka_destroy(to_second);
}

static void
test_a_wrong_command_line_is_refused(void **state)
{
	static const char *const WRONG[] = { "--topic sales",
		                             "--topic sales:0",
		                             "--topic sales:1001",
		                             "--topic a/b:1",
		                             "--brokers 0",
		                             "--topic a:1 --topic a:2",
		                             "--topic a:1 --cluster late",
		                             "--cluster a --cluster a",
		                             "--topics-from /nonexistent",
		                             "extra",
		                             "--nonsense" };
	char program[4096], command[8192];

	program_path(program, sizeof(program));
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		(void)snprintf(command, sizeof(command), "%s %s 2>&1", program,
		               WRONG[i]);
		int status = system(command);
		assert_true(WIFEXITED(status));
		assert_int_equal(2, WEXITSTATUS(status));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_transactions_are_read_by_a_committed_reader, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_an_outage_holds_one_cluster_until_it_is_back,
			setup, teardown),
		cmocka_unit_test(test_a_wrong_command_line_is_refused),
	};

	unit_alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
