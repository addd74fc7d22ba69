/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * waybill-broker: the embedded broker.  Kafka's protocol in one small process
 * that starts in milliseconds, by librdkafka's mock cluster, for the quick
 * start and for scripted faults.  Nothing survives it; see README.md for what
 * it cannot do.
 *
 * All signals are blocked before the first thread begins and taken one by one
 * by the main thread, so no handler runs beside librdkafka.
 */
#include "examples/broker/broker_options.h"

#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct running {
	const struct broker_cluster *asked;
	rd_kafka_t *handle; /* the mock cluster lives on a client handle */
	rd_kafka_mock_cluster_t *mock;
	bool down;
};

static const char HELP[] =
	"usage: waybill-broker [--cluster NAME] [--brokers N]\n"
	"         [--topic NAME:PARTITIONS]... [--topics-from FILE]\n"
	"         [--address-file FILE] [--with-parent]\n"
	"\n"
	"An embedded Kafka broker that keeps everything in memory. It prints\n"
	"its bootstrap address and runs until SIGTERM or SIGINT.\n"
	"\n"
	"  --cluster NAME       begin a cluster of its own (up to 4); the\n"
	"                       options that follow are about it, and each\n"
	"                       address is printed as 'NAME ADDRESS'\n"
	"  --brokers N          brokers of the cluster (default 1)\n"
	"  --topic NAME:N       create a topic of N partitions\n"
	"  --topics-from FILE   the same, one NAME:N a line\n"
	"  --address-file FILE  also write the addresses there, atomically\n"
	"  --with-parent        end when the parent process ends\n"
	"\n"
	"SIGUSR1 takes all brokers down, and up again the next time; SIGUSR2\n"
	"does so with the cluster named last.\n";

static bool
cluster_start(struct running *running, const struct broker_cluster *asked)
{
	char text[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	running->asked = asked;
	/* The handle itself talks to nobody: only errors are worth a line. */
	(void)rd_kafka_conf_set(conf, "log_level", "3", text, sizeof(text));
	running->handle =
		rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (running->handle == NULL) {
		fprintf(stderr, "waybill-broker: %s\n", text);
		rd_kafka_conf_destroy(conf);
		return false;
	}
	running->mock =
		rd_kafka_mock_cluster_new(running->handle, asked->brokers);
	if (running->mock == NULL) {
		fprintf(stderr, "waybill-broker: cannot start the brokers\n");
		return false;
	}
	for (size_t i = 0; i < asked->topics_count; i++) {
		const struct broker_topic *topic = &asked->topics[i];
		rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(
			running->mock, topic->name, topic->partitions,
			asked->brokers < 3 ? asked->brokers : 3);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
			fprintf(stderr, "waybill-broker: topic %s: %s\n",
			        topic->name, rd_kafka_err2str(code));
			return false;
		}
	}
	return true;
}

static void
cluster_stop(struct running *running)
{
	if (running->mock != NULL)
		rd_kafka_mock_cluster_destroy(running->mock);
	if (running->handle != NULL)
		rd_kafka_destroy(running->handle);
}

static void
cluster_toggle(struct running *running)
{
	running->down = !running->down;
	for (int broker = 1; broker <= running->asked->brokers; broker++) {
		rd_kafka_resp_err_t code = running->down
			? rd_kafka_mock_broker_set_down(running->mock, broker)
			: rd_kafka_mock_broker_set_up(running->mock, broker);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			fprintf(stderr, "waybill-broker: broker %d: %s\n",
			        broker, rd_kafka_err2str(code));
	}
	fprintf(stderr, "waybill-broker: %s%s%s\n", running->asked->name,
	        running->asked->name[0] != '\0' ? " is " : "",
	        running->down ? "down" : "up");
}

static bool
addresses_print(FILE *file, const struct running *running, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = running[i].asked->name;
		fprintf(file, "%s%s%s\n", name, name[0] != '\0' ? " " : "",
		        rd_kafka_mock_cluster_bootstraps(running[i].mock));
	}
	return fflush(file) == 0 && ferror(file) == 0;
}

/* Who waits for the file sees all of it or nothing: written aside, renamed. */
static bool
addresses_write(const char *path, const struct running *running, size_t count)
{
	char aside[4096];
	bool ok = false;
	int size = snprintf(aside, sizeof(aside), "%s.%d", path, (int)getpid());

	if (size < 0 || (size_t)size >= sizeof(aside)) {
		fprintf(stderr, "waybill-broker: --address-file: too long\n");
		return false;
	}
	FILE *file = fopen(aside, "we");
	if (file != NULL) {
		ok = addresses_print(file, running, count);
		ok = fclose(file) == 0 && ok;
		ok = ok && rename(aside, path) == 0;
	}
	if (!ok) {
		fprintf(stderr, "waybill-broker: --address-file %s: %s\n", path,
		        strerror(errno));
		(void)unlink(aside);
	}
	return ok;
}

static void
signals_serve(const sigset_t *signals, struct running *running, size_t count)
{
	for (;;) {
		int taken = 0;
		if (sigwait(signals, &taken) != 0)
			continue;
		if (taken == SIGUSR1) {
			for (size_t i = 0; i < count; i++)
				cluster_toggle(&running[i]);
		} else if (taken == SIGUSR2) {
			cluster_toggle(&running[count - 1]);
		} else {
			return;
		}
	}
}

int
main(int argc, char **argv)
{
	static struct broker_options options;
	struct running running[BROKER_CLUSTERS_MAX] = { 0 };
	char text[1024];
	sigset_t signals;
	size_t started = 0;
	pid_t parent = getppid();
	bool ok = true;

	if (!broker_options_parse(&options, argc, argv, text, sizeof(text))) {
		fprintf(stderr, "waybill-broker: %s\n", text);
		return 2;
	}
	if (options.help) {
		fputs(HELP, stdout);
		return 0;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (options.with_parent) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			return 0; /* it died before we asked */
	}
	for (; ok && started < options.clusters_count; started++)
		ok = cluster_start(&running[started],
		                   &options.clusters[started]);
	ok = ok && addresses_print(stdout, running, started);
	if (ok && options.address_file != NULL)
		ok = addresses_write(options.address_file, running, started);
	if (ok)
		signals_serve(&signals, running, started);
	for (size_t i = 0; i < started; i++)
		cluster_stop(&running[i]);
	if (ok && options.address_file != NULL)
		(void)unlink(options.address_file);
	return ok ? 0 : 1;
}
