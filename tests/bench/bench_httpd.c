/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server alone, for bench_http: POST /message is answered by another
 * thread, many at a time, as a lane's recorder does. Prints its port; ends
 * with its standard input, and then tells what a request cost.
 *
 *   bench_httpd [THREADS]
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/io/httpd.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"

#define HELD_MAX  65536
#define COMMIT_MS 1

static struct thread_lock lock;
static struct http_exchange *held[HELD_MAX];
static size_t held_count;
static atomic_bool stops;
static uint64_t answered;

static void
hold(struct http_exchange *exchange, void *context)
{
	thread_lock(&lock);
	held[held_count++] = exchange;
	thread_unlock(&lock);
}

static size_t
take(struct http_exchange **out)
{
	size_t count;

	/* as long as a commit takes */
	clock_sleep_ms(COMMIT_MS);
	thread_lock(&lock);
	count = held_count;
	for (size_t i = 0; i < count; i++)
		out[i] = held[i];
	held_count = 0;
	thread_unlock(&lock);
	return count;
}

static void
answer_all(void *context)
{
	static struct http_exchange *taken[HELD_MAX];

	while (!stops) {
		size_t count = take(taken);

		for (size_t i = 0; i < count; i++) {
			struct http_response *response =
				http_exchange_response(taken[i]);

			response->status = 202;
			text_add(response->body,
			         "{\"receipts\":[{\"id\":\"0-1-123456\","
			         "\"verdict\":\"accepted\","
			         "\"level\":\"recorded\",\"partition\":3}]}\n");
			http_exchange_answer(taken[i]);
		}
		answered += count;
	}
}

static const struct http_route route = {
	.method = "POST",
	.path = "/v1/tenants/{tenant}/feeds/{feed}/messages",
	.begin = hold,
};
static const struct http_route *const routes[] = { &route, NULL };

int
main(int argc, char **argv)
{
	struct httpd_options options = {
		.listen = "127.0.0.1:0",
		.routes = routes,
		.threads = argc > 1 ? atoi(argv[1]) : 1,
		.body_bytes_max = 1024 * 1024,
		.connections_max = 20000,
		.idle_timeout_s = 60,
	};
	struct httpd *httpd = NULL;
	struct rusage usage;
	struct thread *thread;
	struct err err;
	char byte;

	thread_lock_init(&lock, THREAD_RANK_QUEUE);
	if (httpd_open(&options, &httpd, &err) != ERR_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	thread = thread_new("answerer", answer_all, NULL);
	printf("%d\n", httpd_port(httpd));
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	httpd_close(&httpd);
	stops = true;
	thread_join(&thread);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"answered\": %llu, \"us_per_request\": %.2f}\n",
	       (unsigned long long)answered,
	       ((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)) /
	               (double)(answered ? answered : 1));
	return 0;
}
