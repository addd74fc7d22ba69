/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against the project's own server.
 */
#include "base/io/httpc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io/httpd.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "tests/unit.h"

static struct httpd *httpd;
static struct httpc *client;

/* -- routes -- */

static void
echo(const struct http_request *request, struct http_response *response,
     void *context)
{
	const char *header = http_request_header(request, "X-Test");
	const char *expect = http_request_header(request, "Expect");

	text_addf(response->body, "%s %s %s:", request->method,
	          header ? header : "-", expect ? expect : "-");
	text_add_bytes(response->body, request->body, request->body_len);
}

static void
moved(const struct http_request *request, struct http_response *response,
      void *context)
{
	response->status = 302;
	text_add(response->body, "not followed");
}

static void
large(const struct http_request *request, struct http_response *response,
      void *context)
{
	for (int i = 0; i < 1000; i++)
		text_add(response->body, "0123456789");
}

static void
slow(const struct http_request *request, struct http_response *response,
     void *context)
{
	clock_sleep_ms(600);
}

static const struct http_route routes_body[] = {
	{ .method = "GET", .path = "/echo", .handle = echo },
	{ .method = "POST", .path = "/echo", .handle = echo },
	{ .method = "PUT", .path = "/echo", .handle = echo },
	{ .method = "DELETE", .path = "/echo", .handle = echo },
	{ .method = "GET", .path = "/moved", .handle = moved },
	{ .method = "GET", .path = "/large", .handle = large },
	{ .method = "GET", .path = "/slow", .handle = slow },
};
static const struct http_route *const routes[] = {
	&routes_body[0], &routes_body[1], &routes_body[2], &routes_body[3],
	&routes_body[4], &routes_body[5], &routes_body[6], NULL
};

/* -- a request -- */

static enum err_code
ask(const char *method, const char *path, const char *body, int *out_status,
    struct text *out, struct err *err)
{
	static const char *const headers[] = { "X-Test: yes", NULL };
	char url[256];
	struct httpc_request request = {
		.method = method,
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout_ms = 300,
		.answer_bytes_max = 5000,
	};

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", httpd_port(httpd),
	         path);
	return httpc_do(client, &request, out_status, out, err);
}

static void
assert_answer(const char *method, const char *path, const char *body,
              int status, const char *expected)
{
	struct text out;
	struct err err;
	int got = 0;

	text_init(&out, 10000);
	if (ask(method, path, body, &got, &out, &err) != ERR_OK)
		fail_msg("%s", err.text);
	assert_int_equal(got, status);
	assert_string_equal(text_string(&out), expected);
	text_fini(&out);
}

/* -- tests -- */

static void
test_methods(void **state)
{
	assert_answer("GET", "/echo", NULL, 200, "GET yes -:");
	assert_answer("POST", "/echo", "body", 200, "POST yes -:body");
	assert_answer("POST", "/echo", NULL, 200, "POST yes -:");
	assert_answer("PUT", "/echo", "body", 200, "PUT yes -:body");
	assert_answer("DELETE", "/echo", NULL, 200, "DELETE yes -:");
	assert_answer("HEAD", "/echo", NULL, 200, "");
	/* Nothing of the one before is left. */
	assert_answer("GET", "/echo", NULL, 200, "GET yes -:");
}

static void
test_any_status_is_an_answer(void **state)
{
	struct text out;
	struct err err;
	int status = 0;

	text_init(&out, 10000);
	assert_int_equal(ask("GET", "/nowhere", NULL, &status, &out, &err),
	                 ERR_OK);
	assert_int_equal(status, 404);
	text_fini(&out);
	assert_answer("GET", "/moved", NULL, 302, "not followed");
}

static void
test_answer_is_bounded(void **state)
{
	struct text out;
	struct err err;
	int status = -1;

	text_init(&out, 10000);
	text_add(&out, "before");
	assert_int_equal(ask("GET", "/large", NULL, &status, &out, &err),
	                 ERR_HTTP);
	assert_non_null(strstr(err.text, "larger than 5000 bytes"));
	assert_int_equal(status, -1);
	assert_string_equal(text_string(&out), "before");
	text_fini(&out);
	assert_answer("GET", "/echo", NULL, 200, "GET yes -:");
}

static void
test_time_is_bounded(void **state)
{
	int64_t begin_us = clock_now_us();
	struct text out;
	struct err err;
	int status;

	text_init(&out, 10000);
	assert_int_equal(ask("GET", "/slow", NULL, &status, &out, &err),
	                 ERR_HTTP);
	assert_true(clock_now_us() - begin_us < 550000);
	text_fini(&out);
}

static void
test_what_is_no_http_is_refused(void **state)
{
	static const char *const urls[] = {
		"file:///etc/passwd",
		"ftp://127.0.0.1/",
		"gopher://127.0.0.1/",
		"nonsense://127.0.0.1/",
		"",
		"http://127.0.0.1:1/?token=secret",
		("http://user:"
		 "secret@127.0.0.1:1/"),
	};

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct httpc_request request = {
			.method = "GET",
			.url = urls[i],
			.timeout_ms = 2000,
			.answer_bytes_max = 1000,
		};
		struct text out;
		struct err err = { 0 };
		int status;

		text_init(&out, 1000);
		assert_int_equal(
			httpc_do(client, &request, &status, &out, &err),
			ERR_HTTP);
		assert_true(err.text[0] != '\0');
		assert_null(strstr(err.text, "secret"));
		text_fini(&out);
	}
}

/* -- a server that takes the second request and says nothing -- */

static struct {
	int fd;
	int port;
	atomic_int requests;
} silent;

/* Each request of this test ends so. */
static bool
take_request(int fd)
{
	char bytes[2000];
	size_t len = 0;

	while (len < sizeof(bytes) - 1) {
		ssize_t got = read(fd, bytes + len, sizeof(bytes) - 1 - len);

		if (got <= 0)
			return false;
		len += (size_t)got;
		bytes[len] = '\0';
		if (strstr(bytes, "the body") != NULL)
			return true;
	}
	return false;
}

static void
run_silent(void *context)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n"
				     "Content-Length: 2\r\n\r\nok";
	int fd;

	while ((fd = accept(silent.fd, NULL, NULL)) >= 0) {
		while (take_request(fd)) {
			if (atomic_fetch_add(&silent.requests, 1) > 0)
				break;
			assert_true(write(fd, answer, sizeof(answer) - 1) > 0);
		}
		close(fd);
	}
}

static enum err_code
post_once(struct err *err)
{
	char url[100];
	const struct httpc_request request = {
		.method = "POST",
		.url = url,
		.body = "the body",
		.body_len = 8,
		.timeout_ms = 2000,
		.answer_bytes_max = 100,
		.is_once = true,
	};
	struct text out;
	enum err_code code;
	int status;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", silent.port);
	text_init(&out, 100);
	code = httpc_do(client, &request, &status, &out, err);
	text_fini(&out);
	return code;
}

/* libcurl by itself would send it again on a new connection. */
static void
test_once_is_once(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	struct thread *thread;
	struct err err = { .code = ERR_OK };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	silent.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(silent.fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(
		getsockname(silent.fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(listen(silent.fd, 10), 0);
	silent.port = ntohs(address.sin_port);
	thread = thread_new("silent", run_silent, NULL);
	assert_int_equal(post_once(&err), ERR_OK);
	assert_true(httpc_was_sent(client));
	assert_int_equal(post_once(&err), ERR_HTTP);
	assert_true(httpc_was_sent(client));
	assert_int_equal(atomic_load(&silent.requests), 2);
	/* Nobody is there any more: nothing has left. */
	shutdown(silent.fd, SHUT_RDWR);
	thread_join(&thread);
	close(silent.fd);
	assert_int_equal(post_once(&err), ERR_HTTP);
	assert_false(httpc_was_sent(client));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_any_status_is_an_answer),
		cmocka_unit_test(test_answer_is_bounded),
		cmocka_unit_test(test_time_is_bounded),
		cmocka_unit_test(test_what_is_no_http_is_refused),
		cmocka_unit_test(test_once_is_once),
	};
	struct httpd_options options = {
		.listen = "127.0.0.1:0",
		.routes = routes,
		.threads = 2,
		.body_bytes_max = 1000,
		.connections_max = 10,
		.idle_timeout_s = 10,
	};
	struct err err;
	int code;

	unit_alarm(60);
	if (httpd_open(&options, &httpd, &err) != ERR_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	client = httpc_new();
	code = cmocka_run_group_tests(tests, NULL, NULL);
	httpc_free(&client);
	httpd_close(&httpd);
	return code;
}
