/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are answered later and from other threads, and what a route
 * is told of its request: the values in its path, who may send a body at all,
 * and how large it may be.
 */
#include "base/io/httpd.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/runtime/arena.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "tests/support/rawhttp.h"
#include "tests/unit.h"

#define HELD_MAX       256
#define BODIES_MAX     1000000
#define BODY_BYTES_MAX 600000
#define HOST           " HTTP/1.1\r\nHost: a\r\n"

static struct httpd *httpd;
static atomic_int begun;

/* -- routes -- */

/* Exchanges that somebody else is to answer. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct http_exchange *held[HELD_MAX];
static size_t held_count;
static bool stops;

static void
fill(struct http_exchange *exchange)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct http_response *response = http_exchange_response(exchange);
	const char *tenant = http_request_path_value(request, "tenant");
	const char *feed = http_request_path_value(request, "feed");
	char *note = arena_printf(http_exchange_arena(exchange), "%s of %s",
	                          feed ? feed : "-", tenant ? tenant : "-");

	assert_null(http_request_path_value(request, "tenan"));
	assert_null(http_request_path_value(request, "tenants"));
	response->status = 202;
	http_response_header(response, "X-Note", note);
	text_addf(response->body, "%s %s %zu:", request->method, note,
	          request->body_len);
	text_add_bytes(response->body, request->body,
	               request->body_len < 100 ? request->body_len : 100);
}

static void
hold(struct http_exchange *exchange, void *context)
{
	atomic_fetch_add(&begun, 1);
	pthread_mutex_lock(&lock);
	assert_true(held_count < HELD_MAX);
	held[held_count++] = exchange;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static void
at_once(struct http_exchange *exchange, void *context)
{
	fill(exchange);
	http_exchange_answer(exchange);
}

static struct http_exchange *
take_held(void)
{
	struct http_exchange *exchange = NULL;

	pthread_mutex_lock(&lock);
	while (held_count == 0 && !stops)
		pthread_cond_wait(&changed, &lock);
	if (held_count > 0)
		exchange = held[--held_count];
	pthread_mutex_unlock(&lock);
	return exchange;
}

static void *
answerer(void *context)
{
	struct http_exchange *exchange;

	while ((exchange = take_held()) != NULL) {
		fill(exchange);
		http_exchange_answer(exchange);
	}
	return NULL;
}

static pthread_t
start_answerer(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, answerer, NULL);
	return thread;
}

static void
stop_answerers(pthread_t *threads, int count)
{
	pthread_mutex_lock(&lock);
	stops = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	stops = false;
}

static bool
admit(const struct http_request *request, struct http_response *response,
      void *context)
{
	assert_int_equal(request->body_len, 0);
	if (http_request_header(request, "Authorization"))
		return true;
	http_response_problem(response, 401, "Unauthorized", NULL);
	http_response_header(response, "WWW-Authenticate", "Bearer");
	return false;
}

static void
live(const struct http_request *request, struct http_response *response,
     void *context)
{
	http_response_header(response, "X-One", "1");
	http_response_header(response, "X-Two", "a\r\nX-Three: b");
	response->content_type = NULL;
}

static const struct http_route route_messages = {
	.method = "POST",
	.path = "/v1/tenants/{tenant}/feeds/{feed}/messages",
	.begin = hold,
};
static const struct http_route route_history = {
	.method = "GET",
	.path = "/v1/tenants/{tenant}/feeds/{feed}/messages",
	.begin = at_once,
};
static const struct http_route route_all = {
	.method = "GET",
	.path = "/v1/tenants/all",
	.begin = at_once,
};
static const struct http_route route_tenant = {
	.method = "GET",
	.path = "/v1/tenants/{tenant}",
	.begin = at_once,
};
static const struct http_route route_small = {
	.method = "POST",
	.path = "/small",
	.begin = at_once,
	.admit = admit,
	.body_bytes_max = 10,
};
static const struct http_route route_live = {
	.method = "GET",
	.path = "/live",
	.handle = live,
};
static const struct http_route *const routes[] = {
	&route_messages, &route_history, &route_all, &route_tenant,
	&route_small,    &route_live,    NULL,
};

/* -- a client -- */

static int
dial(void)
{
	return rawhttp_dial(httpd_port(httpd));
}

static void
put(int fd, const char *text)
{
	rawhttp_put(fd, text, strlen(text));
}

static int
get(const char *path, char *answer, size_t size)
{
	char request[2048];
	bool closed;
	int len =
		snprintf(request, sizeof(request), "GET %s" HOST "\r\n", path);

	return rawhttp_ask(httpd_port(httpd), request, (size_t)len, answer,
	                   size, &closed);
}

static void
wait_for_held(size_t count)
{
	for (;;) {
		size_t now;

		pthread_mutex_lock(&lock);
		now = held_count;
		pthread_mutex_unlock(&lock);
		if (now >= count)
			return;
		clock_sleep_ms(1);
	}
}

#define POST_MESSAGE                                                           \
	"POST /v1/tenants/us/feeds/inventory/messages" HOST                    \
	"Content-Length: 2\r\n\r\nab"

/* -- tests -- */

static void
test_values_in_the_path(void **state)
{
	char path[1200], answer[8192];

	assert_int_equal(get("/v1/tenants/us/feeds/a%20b%2Fc+%c3%bc/messages",
	                     answer, sizeof(answer)),
	                 202);
	assert_non_null(strstr(answer, "X-Note: a b/c+\xc3\xbc of us\r\n"));
	assert_int_equal(get("/v1/tenants/us", answer, sizeof(answer)), 202);
	assert_non_null(strstr(answer, "X-Note: - of us\r\n"));
	/* the first one that fits */
	assert_int_equal(get("/v1/tenants/all", answer, sizeof(answer)), 202);
	assert_non_null(strstr(answer, "X-Note: - of -\r\n"));

	/* nothing that a name could be */
	assert_int_equal(get("/v1/tenants/", answer, sizeof(answer)), 404);
	assert_int_equal(
		get("/v1/tenants//feeds/x/messages", answer, sizeof(answer)),
		404);
	assert_int_equal(get("/v1/tenants/a%00b", answer, sizeof(answer)), 404);
	assert_int_equal(get("/v1/tenants/a%0ab", answer, sizeof(answer)), 404);
	assert_int_equal(get("/v1/tenants/a%4", answer, sizeof(answer)), 404);
	assert_int_equal(get("/v1/tenants/%ff", answer, sizeof(answer)), 404);
	assert_int_equal(get("/v1/tenants/us/", answer, sizeof(answer)), 404);
	assert_int_equal(get("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s", answer,
	                     sizeof(answer)),
	                 404);
	snprintf(path, sizeof(path), "/v1/tenants/%0255d", 1);
	assert_int_equal(get(path, answer, sizeof(answer)), 202);
	snprintf(path, sizeof(path), "/v1/tenants/%0256d", 1);
	assert_int_equal(get(path, answer, sizeof(answer)), 404);
}

static void
test_headers_of_a_response(void **state)
{
	char answer[8192];

	assert_int_equal(get("/live", answer, sizeof(answer)), 200);
	assert_non_null(strstr(answer, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(answer, "\r\nX-Two: a  X-Three: b\r\n"));
	assert_null(strstr(answer, "\r\nContent-Type:"));
}

static void
test_who_is_not_admitted(void **state)
{
	static const char with_body[] =
		"POST /small" HOST "Content-Length: 4\r\n\r\nabcd";
	static const char expects[] =
		"POST /small" HOST
		"Content-Length: 4\r\nExpect: 100-continue\r\n\r\n";
	char answer[8192];
	int fd = dial();

	/* the connection goes on */
	put(fd, with_body);
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 401);
	assert_non_null(strstr(answer, "\r\nWWW-Authenticate: Bearer\r\n"));
	put(fd,
	    "POST /small" HOST
	    "Authorization: x\r\nContent-Length: 4\r\n\r\nabcd");
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 202);
	assert_non_null(strstr(answer, "POST - of - 4:abcd"));
	put(fd,
	    "POST /small" HOST
	    "Authorization: x\r\nContent-Length: 11\r\n\r\n12345678901");
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 413);
	assert_non_null(strstr(answer, "larger than 10 bytes"));
	put(fd,
	    "POST /small" HOST "Authorization: x\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n");
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 413);
	put(fd, expects);
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 401);
	close(fd);
}

static void
test_answered_by_another_thread(void **state)
{
	pthread_t thread = start_answerer();
	char answer[8192];
	int fd = dial();

	for (int i = 0; i < 100; i++) {
		put(fd, POST_MESSAGE);
		assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)),
		                 202);
		assert_non_null(strstr(answer, "POST inventory of us 2:ab"));
	}
	close(fd);
	stop_answerers(&thread, 1);
}

/* One after the other, in the order in which they were sent. */
static void
test_requests_that_do_not_wait(void **state)
{
	pthread_t thread = start_answerer();
	char answer[8192];
	int fd = dial();

	for (int i = 0; i < 20; i++) {
		put(fd, POST_MESSAGE);
		put(fd, "GET /v1/tenants/all" HOST "\r\n");
	}
	for (int i = 0; i < 20; i++) {
		assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)),
		                 202);
		assert_non_null(strstr(answer, "POST inventory"));
		assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)),
		                 202);
		assert_non_null(strstr(answer, "GET - of -"));
	}
	close(fd);
	stop_answerers(&thread, 1);
}

static void *
many_requests(void *context)
{
	char answer[8192];
	int fd = dial();

	for (int i = 0; i < 200; i++) {
		put(fd, POST_MESSAGE);
		if (rawhttp_take_one(fd, answer, sizeof(answer)) != 202)
			atomic_fetch_add((atomic_int *)context, 1);
	}
	close(fd);
	return NULL;
}

static void
test_many_at_once(void **state)
{
	pthread_t clients[16], answerers[3];
	atomic_int failures = 0;

	for (int i = 0; i < 3; i++)
		answerers[i] = start_answerer();
	for (int i = 0; i < 16; i++)
		pthread_create(&clients[i], NULL, many_requests, &failures);
	for (int i = 0; i < 16; i++)
		pthread_join(clients[i], NULL);
	stop_answerers(answerers, 3);
	assert_int_equal(atomic_load(&failures), 0);
}

/* By a close or a reset, before its answer is there; who only shuts his side
   may be taken to be gone too. */
static void
test_client_that_goes_away(void **state)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	char answer[8192];
	pthread_t thread;
	int half, status;

	for (int i = 0; i < 40; i++) {
		int fd = dial();

		put(fd, POST_MESSAGE);
		if (i % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
			           sizeof(reset));
		wait_for_held((size_t)i + 1);
		close(fd);
	}
	half = dial();
	put(half, POST_MESSAGE);
	shutdown(half, SHUT_WR);
	wait_for_held(41);
	clock_sleep_ms(20);
	thread = start_answerer();
	status = rawhttp_take_one(half, answer, sizeof(answer));
	assert_true(status == 0 || status == 202);
	close(half);
	assert_int_equal(get("/live", answer, sizeof(answer)), 200);
	stop_answerers(&thread, 1);
}

static void *
answer_later(void *context)
{
	struct http_exchange *exchange = take_held();

	clock_sleep_ms(100);
	fill(exchange);
	http_exchange_answer(exchange);
	return NULL;
}

static struct httpd_options
options_of_test(void)
{
	return (struct httpd_options){
		.listen = "127.0.0.1:0",
		.routes = routes,
		.threads = 2,
		.body_bytes_max = BODY_BYTES_MAX,
		.bodies_bytes_max = BODIES_MAX,
		.connections_max = 100,
		.idle_timeout_s = 10,
	};
}

static void
test_close_waits_for_answers(void **state)
{
	struct httpd_options options = options_of_test();
	struct httpd *kept = httpd;
	char answer[8192];
	pthread_t thread;
	struct err err;
	int fd, idle;

	assert_int_equal(httpd_open(&options, &httpd, &err), ERR_OK);
	fd = dial();
	idle = dial();
	put(fd, POST_MESSAGE);
	wait_for_held(1);
	httpd_quiesce(httpd);
	put(idle, "GET /v1/tenants/all" HOST "\r\n");
	assert_int_equal(rawhttp_take_one(idle, answer, sizeof(answer)), 503);
	assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
	assert_int_equal(get("/live", answer, sizeof(answer)), 200);
	pthread_create(&thread, NULL, answer_later, NULL);
	httpd_close(&httpd);
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 202);
	pthread_join(thread, NULL);
	close(fd);
	close(idle);
	httpd = kept;
}

static int
post_large(size_t len)
{
	char head[200];
	char *body = calloc(1, len);
	int fd = dial();

	snprintf(head, sizeof(head),
	         "POST /v1/tenants/us/feeds/inventory/messages" HOST
	         "Content-Length: %zu\r\n\r\n",
	         len);
	put(fd, head);
	rawhttp_put(fd, body, len);
	free(body);
	return fd;
}

/* The third one does not fit; small ones still do. */
static void
test_bodies_of_all_requests(void **state)
{
	char answer[8192];
	pthread_t thread;
	int fds[4];

	fds[0] = post_large(500000);
	fds[1] = post_large(450000);
	wait_for_held(2);
	fds[2] = post_large(400000);
	assert_int_equal(rawhttp_take_one(fds[2], answer, sizeof(answer)), 503);
	assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
	fds[3] = post_large(1000);
	wait_for_held(3);
	thread = start_answerer();
	for (int i = 0; i < 4; i++) {
		if (i != 2)
			assert_int_equal(rawhttp_take_one(fds[i], answer,
			                                  sizeof(answer)),
			                 202);
		close(fds[i]);
	}
	/* and what was taken is given back, once an answer is sent */
	for (int i = 0; i < 5; i++) {
		clock_sleep_ms(50);
		fds[0] = post_large(600000);
		assert_int_equal(
			rawhttp_take_one(fds[0], answer, sizeof(answer)), 202);
		close(fds[0]);
	}
	stop_answerers(&thread, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_in_the_path),
		cmocka_unit_test(test_headers_of_a_response),
		cmocka_unit_test(test_who_is_not_admitted),
		cmocka_unit_test(test_answered_by_another_thread),
		cmocka_unit_test(test_requests_that_do_not_wait),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_client_that_goes_away),
		cmocka_unit_test(test_close_waits_for_answers),
		cmocka_unit_test(test_bodies_of_all_requests),
	};
	struct httpd_options options = options_of_test();
	struct err err;
	int code;

	unit_alarm(120);
	if (httpd_open(&options, &httpd, &err) != ERR_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	code = cmocka_run_group_tests(tests, NULL, NULL);
	httpd_close(&httpd);
	return code;
}
