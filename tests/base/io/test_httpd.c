/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The server as a client on a raw socket sees it: each row of what must be
 * refused, each of what must not, and many clients at once.
 */
#include "base/io/httpd.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "tests/support/rawhttp.h"
#include "tests/unit.h"

#define BODY_BYTES_MAX 100000

static struct httpd *httpd;
static atomic_int echo_count;

/* -- routes -- */

static void
echo(const struct http_request *request, struct http_response *response,
     void *context)
{
	const char *name = http_request_query(request, "name");
	const char *header = http_request_header(request, "x-ECHO");

	atomic_fetch_add((atomic_int *)context, 1);
	text_addf(response->body,
	          "%s %s?%s name=%s header=%s body=%zu:", request->method,
	          request->path, request->query, name ? name : "(none)",
	          header ? header : "(none)", request->body_len);
	text_add_bytes(response->body, request->body,
	               request->body_len < 100 ? request->body_len : 100);
	response->content_type = "text/plain";
}

static void
busy(const struct http_request *request, struct http_response *response,
     void *context)
{
	http_response_problem(response, 429, "Too Many Requests",
	                      "wait for \"us\"");
	response->retry_after_s = 7;
}

static void
nothing(const struct http_request *request, struct http_response *response,
        void *context)
{
	response->status = 204;
}

static const struct http_route route_get = {
	.method = "GET",
	.path = "/echo",
	.handle = echo,
};
static const struct http_route route_post = {
	.method = "POST",
	.path = "/echo",
	.handle = echo,
};
static const struct http_route route_busy = {
	.method = "GET",
	.path = "/busy",
	.handle = busy,
};
static const struct http_route route_nothing = {
	.method = "GET",
	.path = "/nothing",
	.handle = nothing,
};
static const struct http_route *const routes[] = { &route_get, &route_post,
	                                           &route_busy, &route_nothing,
	                                           NULL };

/* -- a client -- */

static int
dial(void)
{
	return rawhttp_dial(httpd_port(httpd));
}

static int
ask(const char *bytes, size_t len, char *answer, size_t size, bool *out_closed)
{
	return rawhttp_ask(httpd_port(httpd), bytes, len, answer, size,
	                   out_closed);
}

/* -- tests -- */

struct row {
	const char *name;
	const char *bytes;
	size_t len;
};

#define ROW(name, bytes)                                                       \
	{                                                                      \
		name, bytes, sizeof(bytes) - 1                                 \
	}
#define POST "POST /echo HTTP/1.1\r\nHost: a\r\n"

static const struct row refused[] = {
	ROW("both lengths",
	    POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
	         "0\r\n\r\n"),
	ROW("both lengths, the other way",
	    POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
	         "0\r\n\r\n"),
	ROW("two lengths that differ",
	    POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
	ROW("two lengths that agree",
	    POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
	ROW("two encodings",
	    POST "Transfer-Encoding: chunked\r\n"
	         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	ROW("length with a sign", POST "Content-Length: +3\r\n\r\nabc"),
	ROW("negative length", POST "Content-Length: -3\r\n\r\nabc"),
	ROW("length in hexadecimal", POST "Content-Length: 0x3\r\n\r\nabc"),
	ROW("list of lengths", POST "Content-Length: 2, 2\r\n\r\nab"),
	ROW("empty length", POST "Content-Length:\r\n\r\nab"),
	ROW("unknown encoding", POST "Transfer-Encoding: gzip\r\n\r\nab"),
	ROW("encoding behind another",
	    POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	ROW("encoding identity", POST "Transfer-Encoding: identity\r\n\r\nab"),
	ROW("encoding misspelt",
	    POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
	ROW("encoding with a space in its name",
	    POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
	ROW("space before the colon", POST "Content-Length : 2\r\n\r\nab"),
	ROW("tab before the colon", POST "Content-Length\t: 2\r\n\r\nab"),
	ROW("space before the first header",
	    "GET /echo HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n"),
	ROW("header without a name", POST ": x\r\nContent-Length: 0\r\n\r\n"),
	ROW("header without a colon", POST "x\r\nContent-Length: 0\r\n\r\n"),
	ROW("name that is no token",
	    POST "X(y): x\r\nContent-Length: 0\r\n\r\n"),
	ROW("bare CR in a value",
	    POST "X: a\rContent-Length: 2\r\nContent-Length: 0\r\n\r\n"),
	ROW("bare CR hides an encoding",
	    POST "X:\rTransfer-Encoding: chunked\r\n"
	         "Content-Length: 0\r\n\r\n"),
	ROW("control character in a value",
	    POST "X: a\001b\r\nContent-Length: 0\r\n\r\n"),
	ROW("NUL in a value", POST "X: a\0b\r\nContent-Length: 0\r\n\r\n"),
	ROW("NUL in the last value",
	    POST "Content-Length: 0\r\nX: a\0b\r\n\r\n"),
	ROW("NULs in the last value",
	    POST "Content-Length: 0\r\nX: a\0\0\0\0b\r\n\r\n"),
	ROW("NULs behind the last value",
	    POST "Content-Length: 0\r\nX: a\0\0\0\0\r\n\r\n"),
	ROW("NUL in place of the empty line",
	    POST "Content-Length: 0\r\n\0\0\0\0\r\n"),
	ROW("NULs and a line in its place",
	    POST "Content-Length: 0\r\n\0\0X: a\r\n"),
	ROW("NUL in place of the headers",
	    "POST /echo HTTP/1.0\r\n\0\0\0\0\r\n\r\n"),
	ROW("NUL in a name", POST "X\0Y: a\r\nContent-Length: 0\r\n\r\n"),
	ROW("NUL in the target", "GET /echo\0x HTTP/1.1\r\nHost: a\r\n\r\n"),
	ROW("NUL in the method", "GET\0 /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
	ROW("bare CR in the method",
	    "X\rGET /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
	ROW("tab behind the method", "GET\t/echo HTTP/1.1\r\nHost: a\r\n\r\n"),
	ROW("two spaces in the request line",
	    "GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
	ROW("NUL behind the version",
	    "GET /echo HTTP/1.1\0x\r\nHost: a\r\n\r\n"),
	ROW("bare LF behind the request line",
	    "GET /echo HTTP/1.1\nHost: a\r\n\r\n"),
	ROW("folded line", POST "X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
	ROW("folded last line",
	    POST "Content-Length: 0\r\nX: a\r\n\tb\r\n\r\n"),
	ROW("bare LF behind a header", POST "X: a\nContent-Length: 0\r\n\r\n"),
	ROW("bare LF behind the headers", POST "Content-Length: 0\n\r\n"),
	ROW("no host", "GET /echo HTTP/1.1\r\n\r\n"),
	ROW("two hosts", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
	ROW("host with a slash", "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n"),
	ROW("host that is a list", "GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n"),
	ROW("encoding in HTTP/1.0",
	    "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "0\r\n\r\n"),
	ROW("chunk size with a prefix",
	    POST "Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n"
	         "0\r\n\r\n"),
	ROW("chunk size with a sign",
	    POST "Transfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n"
	         "0\r\n\r\n"),
};

static void
test_framing_that_is_refused(void **state)
{
	static const char next[] = "GET /echo?smuggled HTTP/1.1\r\n"
				   "Host: a\r\n\r\n";
	int wrong = 0;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct row *row = &refused[i];
		char bytes[1024], answer[8192];
		int count = atomic_load(&echo_count);
		bool closed;
		int status;

		memcpy(bytes, row->bytes, row->len);
		memcpy(bytes + row->len, next, sizeof(next) - 1);
		status = ask(bytes, row->len + sizeof(next) - 1, answer,
		             sizeof(answer), &closed);
		if (status != 400 || !closed ||
		    atomic_load(&echo_count) != count) {
			wrong++;
			print_message("%s: status %d, closed %d, "
			              "handled %d\n%s\n",
			              row->name, status, closed,
			              atomic_load(&echo_count) - count, answer);
		}
	}
	assert_int_equal(wrong, 0);
}

static const struct row taken[] = {
	ROW("length", POST "Content-Length: 2\r\n\r\nab"),
	ROW("chunks",
	    POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
	         "1;x=y\r\nb\r\n0\r\n\r\n"),
	ROW("chunks in capitals",
	    POST "Transfer-Encoding: CHUNKED\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
	ROW("chunks with a trailer",
	    POST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
	         "X: y\r\n\r\n"),
	ROW("no space behind the colon", POST "Content-Length:2\r\n\r\nab"),
	ROW("spaces around a value",
	    POST "X:   y  \r\nContent-Length: 2\r\n\r\nab"),
	ROW("tab in a value", POST "X: a\tb\r\nContent-Length: 2\r\n\r\nab"),
	ROW("empty values",
	    POST "X:\r\nY: \r\nContent-Length: 2\r\nZ:\r\n\r\nab"),
	ROW("cookies",
	    POST "Cookie: a=b; c=\"d\"\r\nContent-Length: 2\r\n"
	         "Cookie: e=f\r\n\r\nab"),
	ROW("a header twice",
	    POST "X: a\r\nX: b\r\nContent-Length: 2\r\n\r\nab"),
	ROW("bytes beyond ASCII",
	    POST "X: \xc3\xbc\r\nContent-Length: 2\r\n\r\nab"),
	ROW("host with a port",
	    "POST /echo HTTP/1.1\r\nHost: [::1]:80\r\n"
	    "Content-Length: 2\r\n\r\nab"),
	ROW("HTTP/1.0 without a host",
	    "POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nab"),
	ROW("HTTP/1.0 without a header",
	    "GET /echo?body=2:ab HTTP/1.0\r\n\r\n"),
	/* what no check of ours can see: README.md */
	ROW("chunk lines that end in a bare LF",
	    POST "Transfer-Encoding: chunked\r\n\r\n2\nab\n0\n\r\n"),
	ROW("absolute target",
	    "POST http://a/echo HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 2\r\n\r\nab"),
};

static void
test_framing_that_is_taken(void **state)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		char answer[8192];
		bool closed;
		int status = ask(taken[i].bytes, taken[i].len, answer,
		                 sizeof(answer), &closed);

		if (status != 200 || strstr(answer, "body=2:ab") == NULL)
			fail_msg("%s: status %d\n%s", taken[i].name, status,
			         answer);
	}
}

/* A long header section that comes in pieces: the server's buffer grows. */
static void
test_headers_in_pieces(void **state)
{
	char *bytes = malloc(30000);
	char answer[8192];
	size_t len;
	int fd = dial();

	len = (size_t)snprintf(bytes, 30000, POST);
	for (int i = 0; i < 50; i++)
		len += (size_t)snprintf(bytes + len, 30000 - len,
		                        "X-Piece-%d: %0200d\r\n", i, i);
	len += (size_t)snprintf(bytes + len, 30000 - len,
	                        "X-Echo: here\r\nContent-Length: 2\r\n\r\nab");
	for (size_t at = 0; at < len; at += 997) {
		rawhttp_put(fd, bytes + at, len - at < 997 ? len - at : 997);
		clock_sleep_ms(2);
	}
	rawhttp_take(fd, answer, sizeof(answer));
	assert_int_equal(rawhttp_status(answer), 200);
	assert_non_null(strstr(answer, "header=here body=2:ab"));
	close(fd);
	free(bytes);
}

static void
test_too_many_headers(void **state)
{
	char *bytes = malloc(60000);
	char answer[8192];
	size_t len;
	bool closed;

	len = (size_t)snprintf(bytes, 60000, POST);
	for (int i = 0; i < 120; i++)
		len += (size_t)snprintf(bytes + len, 60000 - len, "X-%d: y\r\n",
		                        i);
	len += (size_t)snprintf(bytes + len, 60000 - len, "\r\n");
	assert_int_equal(ask(bytes, len, answer, sizeof(answer), &closed), 400);
	assert_true(closed);
	memset(bytes, 'a', 60000); /* and one line without an end */
	memcpy(bytes, POST, sizeof(POST) - 1);
	assert_int_equal(ask(bytes, 60000, answer, sizeof(answer), &closed),
	                 431);
	assert_true(closed);
	free(bytes);
}

#define ASK(bytes) ask(bytes, strlen(bytes), answer, sizeof(answer), &closed)

static void
test_request_and_response(void **state)
{
	char answer[8192];
	bool closed;

	assert_int_equal(ASK("GET /echo?a=b&na%6De=%41+%c3%bc&name=2&x "
	                     "HTTP/1.1\r\nHost: a\r\nX-Echo: v\r\n\r\n"),
	                 200);
	assert_false(closed); /* kept alive */
	assert_non_null(strstr(answer,
	                       "GET /echo?a=b&na%6De=%41+%c3%bc&name=2&x "
	                       "name=A \xc3\xbc header=v body=0:"));
	assert_non_null(strstr(answer, "\r\nContent-Type: text/plain\r\n"));
	assert_non_null(strstr(answer, "nosniff"));
	assert_int_equal(
		ASK("GET /echo?name=%00&name=%4 HTTP/1.1\r\nHost: a\r\n\r\n"),
		200);
	assert_non_null(strstr(answer, "name=(none)"));
	assert_int_equal(ASK("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"), 204);
	assert_int_equal(ASK("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n"), 429);
	assert_non_null(strstr(answer, "\r\nRetry-After: 7\r\n"));
	assert_non_null(strstr(
		answer, "\r\nContent-Type: application/problem+json\r\n"));
	assert_non_null(strstr(answer,
	                       "{\"type\":\"/docs/problems/too-many-requests\","
	                       "\"title\":\"Too Many Requests\",\"status\":429,"
	                       "\"detail\":\"wait for \\\"us\\\"\"}"));
}

static void
test_head_is_get_without_a_body(void **state)
{
	char answer[8192];
	bool closed;

	assert_int_equal(ASK("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	assert_null(strstr(answer, "body="));
	assert_non_null(strstr(answer, "\r\nContent-Length: "));
	assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void
test_unknown_paths_and_methods(void **state)
{
	char answer[8192];
	bool closed;

	assert_int_equal(ASK("GET /echo/ HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
	assert_non_null(strstr(answer, "application/problem+json"));
	assert_non_null(strstr(answer, "\"status\":404"));
	assert_int_equal(ASK("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
	assert_int_equal(
		ASK("GET http://a?x=/echo HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
	assert_int_equal(ASK("GET /%65cho HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
	assert_int_equal(ASK("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
	assert_int_equal(ASK("DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
	assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD, POST\r\n"));
	/* What is refused may have a body; the connection goes on. */
	assert_int_equal(ASK("PUT /echo HTTP/1.1\r\nHost: a\r\n"
	                     "Content-Length: 2\r\n\r\nab"
	                     "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
	                 405);
	assert_non_null(strstr(answer, "GET /echo? name="));
	assert_false(closed);
}

static int
post_body(size_t len, bool chunked, char *answer, size_t size)
{
	char *body = calloc(1, len + 1);
	char head[256];
	int fd = dial();

	if (chunked)
		snprintf(head, sizeof(head),
		         POST "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
	else
		snprintf(head, sizeof(head), POST "Content-Length: %zu\r\n\r\n",
		         len);
	rawhttp_put(fd, head, strlen(head));
	rawhttp_put(fd, body, len);
	if (chunked)
		rawhttp_put(fd, "\r\n0\r\n\r\n", 7);
	rawhttp_take(fd, answer, size);
	close(fd);
	free(body);
	return rawhttp_status(answer);
}

static void
test_body_limit(void **state)
{
	char answer[8192];
	bool closed;

	for (int chunked = 0; chunked < 2; chunked++) {
		assert_int_equal(post_body(BODY_BYTES_MAX, chunked, answer,
		                           sizeof(answer)),
		                 200);
		assert_non_null(strstr(answer, "body=100000:"));
		assert_int_equal(post_body(BODY_BYTES_MAX + 1, chunked, answer,
		                           sizeof(answer)),
		                 413);
		assert_non_null(strstr(answer, "\"status\":413"));
		assert_int_equal(
			post_body(5000000, chunked, answer, sizeof(answer)),
			413);
	}
	/* Far beyond: said at once, and not read. */
	assert_int_equal(ASK(POST "Content-Length: 99999999999\r\n\r\nab"),
	                 413);
	assert_true(closed);
	assert_int_equal(
		ASK(POST "Content-Length: 99999999999999999999\r\n\r\nab"),
		413);
	assert_true(closed);
	assert_int_equal(ASK(POST
	                     "Content-Length: 200000\r\nExpect: 100-continue"
	                     "\r\n\r\n"),
	                 413);
	assert_int_equal(ASK(POST "Content-Length: 2\r\n"
	                          "Expect: 100-continue\r\n\r\n"),
	                 100);
	assert_non_null(strstr(answer, "HTTP/1.1 100 "));
}

static void *
client(void *context)
{
	for (int i = 0; i < 10; i++) {
		char answer[8192];
		bool closed;

		if (ask(taken[i % 2].bytes, taken[i % 2].len, answer,
		        sizeof(answer), &closed) != 200)
			atomic_fetch_add((atomic_int *)context, 1);
	}
	return NULL;
}

static void
test_many_clients(void **state)
{
	pthread_t threads[8];
	atomic_int failures = 0;
	int before = atomic_load(&echo_count);

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, client, &failures);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failures), 0);
	assert_int_equal(atomic_load(&echo_count) - before, 80);
}

/* Requests that end in the middle leave nothing behind. */
static void
test_cut_requests(void **state)
{
	static const char bytes[] = POST "Content-Length: 10\r\n\r\nabc";

	for (size_t len = 0; len < sizeof(bytes); len++) {
		int fd = dial();

		rawhttp_put(fd, bytes, len);
		close(fd);
	}
}

static void
test_closed_with_a_request_under_way(void **state)
{
	static const char bytes[] = POST "Content-Length: 10\r\n\r\nabc";
	struct httpd_options options = {
		.listen = "127.0.0.1:0",
		.routes = routes,
		.context = &echo_count,
		.threads = 1,
		.body_bytes_max = 100,
		.connections_max = 2,
		.idle_timeout_s = 10,
	};
	struct httpd *kept = httpd;
	struct err err;
	int fd;

	assert_int_equal(httpd_open(&options, &httpd, &err), ERR_OK);
	fd = dial();
	rawhttp_put(fd, bytes, sizeof(bytes) - 1);
	clock_sleep_ms(50);
	httpd_close(&httpd);
	assert_null(httpd);
	close(fd);
	httpd = kept;
}

static void
test_open_says_why_not(void **state)
{
	struct httpd_options options = {
		.routes = routes,
		.threads = 2,
		.body_bytes_max = 100,
		.connections_max = 10,
		.idle_timeout_s = 10,
	};
	struct httpd *other = NULL;
	char listen[64];
	struct err err;

	snprintf(listen, sizeof(listen), "127.0.0.1:%d", httpd_port(httpd));
	options.listen = listen;
	assert_int_equal(httpd_open(&options, &other, &err), ERR_SYSTEM);
	assert_non_null(strstr(err.text, listen));
	assert_non_null(strstr(err.text, "in use"));
	options.listen = "8080";
	assert_int_equal(httpd_open(&options, &other, &err), ERR_CONFIG);
	options.listen = "no.such.host.invalid:80";
	assert_int_equal(httpd_open(&options, &other, &err), ERR_CONFIG);
	assert_null(other);
	httpd_close(&other);
	options.listen = "[::1]:0";
	if (httpd_open(&options, &other, &err) == ERR_OK) {
		assert_true(httpd_port(other) > 0);
		httpd_close(&other);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing_that_is_refused),
		cmocka_unit_test(test_framing_that_is_taken),
		cmocka_unit_test(test_headers_in_pieces),
		cmocka_unit_test(test_too_many_headers),
		cmocka_unit_test(test_request_and_response),
		cmocka_unit_test(test_head_is_get_without_a_body),
		cmocka_unit_test(test_unknown_paths_and_methods),
		cmocka_unit_test(test_body_limit),
		cmocka_unit_test(test_many_clients),
		cmocka_unit_test(test_cut_requests),
		cmocka_unit_test(test_closed_with_a_request_under_way),
		cmocka_unit_test(test_open_says_why_not),
	};
	struct httpd_options options = {
		.listen = "127.0.0.1:0",
		.routes = routes,
		.context = &echo_count,
		.threads = 2,
		.body_bytes_max = BODY_BYTES_MAX,
		.connections_max = 100,
		.idle_timeout_s = 10,
	};
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
