/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that take their time, never read, send too much, or come in
 * thousands: each is told or cut in time, and nobody else notices.
 */
#include "base/io/httpd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "tests/support/rawhttp.h"
#include "tests/unit.h"

#define RECEIVE_S       1
#define IDLE_S          2
#define CONNECTIONS_MAX 20
#define LARGE_BYTES     (24 * 1024 * 1024)
#define MANY            10000
#define HOST            " HTTP/1.1\r\nHost: a\r\n"
#define GET             "GET /" HOST "\r\n"
#define POST            "POST /" HOST

static struct httpd *httpd;

static void
reply(const struct http_request *request, struct http_response *response,
      void *context)
{
	text_addf(response->body, "got %zu", request->body_len);
}

static void
reply_much(const struct http_request *request, struct http_response *response,
           void *context)
{
	char *bytes = memory_calloc(1, LARGE_BYTES);

	text_add_bytes(response->body, bytes, LARGE_BYTES);
	memory_free(&bytes);
}

static const struct http_route route_get = {
	.method = "GET",
	.path = "/",
	.handle = reply,
};
static const struct http_route route_post = {
	.method = "POST",
	.path = "/",
	.handle = reply,
};
static const struct http_route route_much = {
	.method = "GET",
	.path = "/much",
	.handle = reply_much,
};
static const struct http_route *const routes[] = { &route_get, &route_post,
	                                           &route_much, NULL };

static struct httpd_options
options_of_test(void)
{
	return (struct httpd_options){
		.listen = "127.0.0.1:0",
		.routes = routes,
		.threads = 2,
		.body_bytes_max = 100000,
		.connections_max = CONNECTIONS_MAX,
		.idle_timeout_s = IDLE_S,
		.receive_timeout_s = RECEIVE_S,
		.send_timeout_s = 1,
	};
}

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

/* Sends begin and then one byte every 50 ms, until the server answers or
   closes; its status, and in *out_ms how long that took. */
static int
dribble(const char *begin, char byte, char *answer, size_t size,
        int64_t *out_ms)
{
	struct pollfd poll_fd = { .fd = dial(), .events = POLLIN };
	int64_t since_us = clock_now_us();
	int status = 0;

	put(poll_fd.fd, begin);
	while (poll(&poll_fd, 1, 50) == 0 &&
	       clock_now_us() - since_us < 20000000)
		rawhttp_put(poll_fd.fd, &byte, 1);
	rawhttp_take(poll_fd.fd, answer, size);
	status = rawhttp_status(answer);
	*out_ms = (clock_now_us() - since_us) / 1000;
	close(poll_fd.fd);
	return status;
}

/* -- tests -- */

#define LATE_MS (RECEIVE_S * 1000 + IDLE_S * 1000 + 4000)

static void
test_slow_header(void **state)
{
	char answer[8192];
	int64_t ms;

	assert_int_equal(
		dribble(POST "X-Slow: ", 'a', answer, sizeof(answer), &ms),
		408);
	assert_true(ms >= 700 && ms < LATE_MS);
	assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(answer, "\"status\":408"));
	/* before there is a request line there is nothing to answer */
	assert_int_equal(dribble("POST /", 'a', answer, sizeof(answer), &ms),
	                 0);
	assert_true(ms >= 700 && ms < LATE_MS);
}

static void
test_slow_body(void **state)
{
	char answer[8192];
	int64_t ms;

	assert_int_equal(dribble(POST "Content-Length: 5000\r\n\r\n", 'a',
	                         answer, sizeof(answer), &ms),
	                 408);
	assert_true(ms >= 700 && ms < LATE_MS);
	assert_int_equal(dribble(POST "Transfer-Encoding: chunked\r\n\r\n"
	                              "1388\r\n",
	                         'a', answer, sizeof(answer), &ms),
	                 408);
	/* what is refused is not read for ever either */
	assert_int_equal(dribble("PUT /" HOST "Content-Length: 5000\r\n\r\n",
	                         'a', answer, sizeof(answer), &ms),
	                 408);
	assert_true(ms >= 700 && ms < LATE_MS);
}

/* Slow is not wrong: as long as it is complete in time. */
static void
test_not_too_slow(void **state)
{
	static const char bytes[] = POST "Content-Length: 4\r\n\r\nabcd";
	char answer[8192];
	int fd = dial();

	for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
		rawhttp_put(fd, bytes + i, 1);
		clock_sleep_ms(5);
	}
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 200);
	/* and a connection may rest between two requests */
	clock_sleep_ms(RECEIVE_S * 1000 + 300);
	put(fd, GET);
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 200);
	close(fd);
}

static void
test_length_that_is_wrong(void **state)
{
	char answer[8192];
	int status, fd = dial();

	/* more than there is */
	put(fd, POST "Content-Length: 10\r\n\r\nabc");
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 408);
	close(fd);
	fd = dial();
	put(fd, POST "Content-Length: 10\r\n\r\nabc");
	shutdown(fd, SHUT_WR);
	/* seen at once, or where it came with the last bytes, at the deadline */
	status = rawhttp_take_one(fd, answer, sizeof(answer));
	assert_true(status == 0 || status == 408);
	close(fd);
	/* less: the rest is no request */
	fd = dial();
	put(fd, POST "Content-Length: 2\r\n\r\nabc\r\n\r\n");
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 200);
	assert_non_null(strstr(answer, "got 2"));
	assert_true(rawhttp_take(fd, answer, sizeof(answer)));
	assert_int_not_equal(rawhttp_status(answer), 200);
	close(fd);
}

static void
test_client_that_never_reads(void **state)
{
	int small = 4096, reason = 0;
	socklen_t len = sizeof(reason);
	int64_t since_us;
	char answer[8192];
	int fd = dial();

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	put(fd, "GET /much" HOST "\r\n");
	since_us = clock_now_us();
	/* Its answer does not fit into the buffers between us; once the server
	   has given up, sending fails. */
	while (clock_now_us() - since_us < 20000000 &&
	       send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		clock_sleep_ms(50);
	assert_true(clock_now_us() - since_us < 15000000);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len);
	close(fd);
	fd = dial();
	put(fd, GET);
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 200);
	close(fd);
}

/* 100 MB in chunks: nobody can say so before they come. */
static void
test_body_without_an_end(void **state)
{
	static char chunk[65536 + 16];
	size_t head = (size_t)sprintf(chunk, "10000\r\n"), sent = 0;
	char answer[8192];
	int fd = dial();

	memset(chunk + head, 'a', 65536);
	memcpy(chunk + head + 65536, "\r\n", 2);
	put(fd, POST "Transfer-Encoding: chunked\r\n\r\n");
	while (sent < 100 * 1024 * 1024) {
		ssize_t len = send(fd, chunk, head + 65536 + 2, MSG_NOSIGNAL);

		if (len != (ssize_t)(head + 65536 + 2))
			break;
		sent += (size_t)len;
	}
	assert_true(sent < 50 * 1024 * 1024);
	close(fd);
	fd = dial();
	put(fd, GET);
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 200);
	close(fd);
}

static void
test_one_connection_too_many(void **state)
{
	int fds[CONNECTIONS_MAX], fd;
	char answer[8192];

	clock_sleep_ms(100); /* until those before are gone */
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		fds[i] = dial();
		put(fds[i], GET);
		assert_int_equal(
			rawhttp_take_one(fds[i], answer, sizeof(answer)), 200);
	}
	for (int i = 0; i < 100; i++) {
		fd = dial();
		put(fd, GET);
		assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)),
		                 503);
		close(fd);
	}
	assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
	assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(answer, "too many connections"));
	/* the others go on, and there is room once one has left */
	put(fds[3], GET);
	assert_int_equal(rawhttp_take_one(fds[3], answer, sizeof(answer)), 200);
	close(fds[0]);
	clock_sleep_ms(100);
	fd = dial();
	put(fd, GET);
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 200);
	close(fd);
	for (int i = 1; i < CONNECTIONS_MAX; i++)
		close(fds[i]);
}

/* As many as the machine lets us: both ends are in this process. */
static int
many(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur > 2 * MANY + 200)
		limit.rlim_cur = 2 * MANY + 200;
	setrlimit(RLIMIT_NOFILE, &limit);
	getrlimit(RLIMIT_NOFILE, &limit);
	return (int)(limit.rlim_cur / 2) - 100;
}

static void
test_ten_thousand_idle_connections(void **state)
{
	struct httpd_options options = options_of_test();
	struct httpd *kept = httpd;
	int count = many(), first, fd;
	int *fds = calloc((size_t)count, sizeof(*fds));
	char answer[8192];
	struct err err;

	options.connections_max = count;
	options.idle_timeout_s = options.receive_timeout_s = 60;
	assert_int_equal(httpd_open(&options, &httpd, &err), ERR_OK);
	first = dial();
	put(first, GET);
	assert_int_equal(rawhttp_take_one(first, answer, sizeof(answer)), 200);
	for (int i = 1; i < count; i++)
		fds[i] = dial();
	fd = dial();
	put(fd, GET);
	assert_int_equal(rawhttp_take_one(fd, answer, sizeof(answer)), 503);
	close(fd);
	put(first, GET);
	assert_int_equal(rawhttp_take_one(first, answer, sizeof(answer)), 200);
	for (int i = 1; i < count; i++)
		close(fds[i]);
	close(first);
	httpd_close(&httpd);
	httpd = kept;
	free(fds);
}

/* Without a descriptor left: told, and not for ever. */
static void
test_no_descriptor_left(void **state)
{
	struct rlimit before, limit;
	int first = dial(), fds[8];
	int taken[64], count = 0;
	char answer[8192];

	put(first, GET);
	assert_int_equal(rawhttp_take_one(first, answer, sizeof(answer)), 200);
	getrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < 8; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	limit = before;
	limit.rlim_cur = (rlim_t)fds[7] + 2;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (count < 64 && (taken[count] = dup(0)) >= 0)
		count++;
	for (int i = 0; i < 8; i++) {
		struct sockaddr_in address = {
			.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
			.sin_port = htons((uint16_t)httpd_port(httpd)),
		};

		assert_int_equal(connect(fds[i], (struct sockaddr *)&address,
		                         sizeof(address)),
		                 0);
		assert_int_equal(
			rawhttp_take_one(fds[i], answer, sizeof(answer)), 503);
	}
	put(first, GET);
	assert_int_equal(rawhttp_take_one(first, answer, sizeof(answer)), 200);
	while (count > 0)
		close(taken[--count]);
	setrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	close(first);
	first = dial();
	put(first, GET);
	assert_int_equal(rawhttp_take_one(first, answer, sizeof(answer)), 200);
	close(first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_header),
		cmocka_unit_test(test_slow_body),
		cmocka_unit_test(test_not_too_slow),
		cmocka_unit_test(test_length_that_is_wrong),
		cmocka_unit_test(test_client_that_never_reads),
		cmocka_unit_test(test_body_without_an_end),
		cmocka_unit_test(test_one_connection_too_many),
		cmocka_unit_test(test_no_descriptor_left),
		cmocka_unit_test(test_ten_thousand_idle_connections),
	};
	struct httpd_options options = options_of_test();
	struct err err;
	int code;

	unit_alarm(180);
	if (httpd_open(&options, &httpd, &err) != ERR_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	code = cmocka_run_group_tests(tests, NULL, NULL);
	httpd_close(&httpd);
	return code;
}
