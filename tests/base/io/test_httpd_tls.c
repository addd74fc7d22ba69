/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS, and a certificate that is replaced while clients are connected.
 */
#include "base/io/httpd.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io/httpc.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "tests/support/rawhttp.h"
#include "tests/unit.h"

#define PATH_MAX_LEN 100

static struct httpd *httpd;
static char folder[] = "/tmp/waybill-https-XXXXXX";
static char certificate[PATH_MAX_LEN], key[PATH_MAX_LEN];

static void
reply(const struct http_request *request, struct http_response *response,
      void *context)
{
	text_addf(response->body, "got %zu", request->body_len);
}

static void
begin(struct http_exchange *exchange, void *context)
{
	reply(http_exchange_request(exchange), http_exchange_response(exchange),
	      context);
	http_exchange_answer(exchange);
}

static const struct http_route route_get = {
	.method = "GET",
	.path = "/",
	.handle = reply,
};
static const struct http_route route_post = {
	.method = "POST",
	.path = "/",
	.begin = begin,
};
static const struct http_route *const routes[] = { &route_get, &route_post,
	                                           NULL };

/* -- files -- */

static void
path_of(char *out, const char *name)
{
	snprintf(out, PATH_MAX_LEN, "%s/%s", folder, name);
}

/* NAME.crt and NAME.key, self-signed for localhost. */
static void
make_pair(const char *name)
{
	char crt[PATH_MAX_LEN], pem[PATH_MAX_LEN], file[40];
	char command[1024];

	snprintf(file, sizeof(file), "%s.crt", name);
	path_of(crt, file);
	snprintf(file, sizeof(file), "%s.key", name);
	path_of(pem, file);
	snprintf(command, sizeof(command),
	         "openssl req -x509 -newkey ec -pkeyopt "
	         "ec_paramgen_curve:prime256v1 -nodes -days 2 "
	         "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
	         "-keyout %s -out %s >/dev/null 2>&1",
	         pem, crt);
	assert_int_equal(system(command), 0);
}

/* As a person or a tool does it: one after the other, each by a rename. */
static void
install(const char *from, const char *to)
{
	char path[PATH_MAX_LEN], beside[PATH_MAX_LEN + 8];
	char command[1024];

	path_of(path, from);
	snprintf(beside, sizeof(beside), "%s.new", to);
	snprintf(command, sizeof(command), "cp %s %s", path, beside);
	assert_int_equal(system(command), 0);
	assert_int_equal(rename(beside, to), 0);
}

/* -- a client -- */

/* The status, or 0 where there was no answer. */
static int
ask(struct httpc *client, const char *trusted, struct err *err)
{
	char url[64], ca[PATH_MAX_LEN];
	struct httpc_request request = {
		.method = "POST",
		.url = url,
		.body = "abc",
		.body_len = 3,
		.timeout_ms = 10000,
		.answer_bytes_max = 1000,
		.tls_ca_file = ca,
	};
	struct text body;
	int status = 0;

	text_init(&body, 1000);
	path_of(ca, trusted);
	snprintf(url, sizeof(url), "https://localhost:%d/", httpd_port(httpd));
	if (httpc_do(client, &request, &status, &body, err) == ERR_OK)
		assert_string_equal(text_string(&body), "got 3");
	text_fini(&body);
	return status;
}

static int
ask_once(const char *trusted)
{
	struct httpc *client = httpc_new();
	struct err err;
	int status = ask(client, trusted, &err);

	httpc_free(&client);
	return status;
}

static bool
becomes(const char *trusted)
{
	for (int i = 0; i < 100; i++) {
		if (ask_once(trusted) == 200)
			return true;
		clock_sleep_ms(100);
	}
	return false;
}

/* -- tests -- */

static void
test_requests(void **state)
{
	struct httpc *client = httpc_new();
	struct err err;

	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(client, "a.crt", &err), 200);
	httpc_free(&client);
	assert_int_equal(ask_once("b.crt"), 0);
}

/* A hello that asks for a version: 2 for TLS 1.1. Whether the server goes on
   with one of its own. */
static bool
is_greeted(int version)
{
	unsigned char hello[52] = { 0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3 };
	char answer[8192];
	int fd = rawhttp_dial(httpd_port(httpd));

	hello[10] = (unsigned char)version;
	memset(hello + 11, 7, 32); /* random */
	hello[45] = 4; /* two suites: ECDHE_ECDSA_AES_128, CBC_SHA and GCM */
	memcpy(hello + 46, (unsigned char[]){ 0xc0, 9, 0xc0, 0x2b, 1, 0 }, 6);
	rawhttp_put(fd, (char *)hello, sizeof(hello));
	memset(answer, 0, sizeof(answer));
	rawhttp_take(fd, answer, sizeof(answer));
	close(fd);
	return answer[0] == 0x16;
}

static void
test_old_versions_are_refused(void **state)
{
	assert_false(is_greeted(1));
	assert_false(is_greeted(2));
	assert_true(is_greeted(3));
}

/* Plain HTTP on the port, or a hello that never ends, harms nobody. */
static void
test_what_is_no_tls(void **state)
{
	char answer[8192];
	int64_t since_us = clock_now_us();
	bool closed;
	int slow = rawhttp_dial(httpd_port(httpd));

	rawhttp_put(slow, "\x16\x03\x01\x02", 4);
	rawhttp_ask(httpd_port(httpd), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27,
	            answer, sizeof(answer), &closed);
	assert_true(closed);
	assert_int_equal(rawhttp_status(answer), 0);
	assert_int_equal(ask_once("a.crt"), 200);
	assert_true(rawhttp_take(slow, answer, sizeof(answer)));
	assert_true(clock_now_us() - since_us < 8000000);
	close(slow);
}

static void
test_replaced_while_connected(void **state)
{
	struct httpc *client = httpc_new();
	struct err err;

	assert_int_equal(ask(client, "a.crt", &err), 200);
	install("b.crt", certificate);
	/* does not fit the key that is there: the old one stays */
	clock_sleep_ms(2500);
	assert_int_equal(ask_once("a.crt"), 200);
	install("b.key", key);
	assert_true(becomes("b.crt"));
	assert_int_equal(ask_once("a.crt"), 0);
	/* a new connection of this client would not trust it */
	assert_int_equal(ask(client, "a.crt", &err), 200);
	httpc_free(&client);
}

static void
test_reload_by_hand(void **state)
{
	struct err err;

	install("a.crt", certificate);
	assert_int_equal(httpd_reload_tls(httpd, &err), ERR_CONFIG);
	assert_non_null(strstr(err.text, key));
	assert_int_equal(ask_once("b.crt"), 200);
	install("a.key", key);
	assert_int_equal(httpd_reload_tls(httpd, &err), ERR_OK);
	assert_int_equal(ask_once("a.crt"), 200);
	for (int i = 0; i < 5; i++)
		assert_int_equal(httpd_reload_tls(httpd, &err), ERR_OK);
	install("empty", certificate);
	assert_int_equal(httpd_reload_tls(httpd, &err), ERR_CONFIG);
	assert_non_null(strstr(err.text, certificate));
	assert_int_equal(unlink(certificate), 0);
	assert_int_equal(httpd_reload_tls(httpd, &err), ERR_CONFIG);
	assert_int_equal(ask_once("a.crt"), 200);
	install("a.crt", certificate);
}

static struct httpd_options
options_of_test(void)
{
	return (struct httpd_options){
		.listen = "127.0.0.1:0",
		.routes = routes,
		.threads = 2,
		.body_bytes_max = 100000,
		.connections_max = 100,
		.idle_timeout_s = 20,
		.receive_timeout_s = 2,
		.tls_certificate = certificate,
		.tls_key = key,
	};
}

static void
test_open_says_why_not(void **state)
{
	struct httpd_options options = options_of_test();
	char wrong[PATH_MAX_LEN];
	struct httpd *other = NULL;
	struct err err;

	path_of(wrong, "a.key");
	options.tls_key = wrong;
	assert_int_equal(httpd_open(&options, &other, &err), ERR_CONFIG);
	assert_non_null(strstr(err.text, "is not that of"));
	path_of(wrong, "none.key");
	assert_int_equal(httpd_open(&options, &other, &err), ERR_CONFIG);
	assert_non_null(strstr(err.text, "none.key"));
	options.tls_certificate = folder;
	assert_int_equal(httpd_open(&options, &other, &err), ERR_CONFIG);
	assert_null(other);
}

static int
set_up(void **state)
{
	char empty[PATH_MAX_LEN];

	assert_non_null(mkdtemp(folder));
	path_of(certificate, "server.crt");
	path_of(key, "server.key");
	path_of(empty, "empty");
	make_pair("a");
	make_pair("b");
	fclose(fopen(empty, "w"));
	install("a.crt", certificate);
	install("a.key", key);
	return 0;
}

static int
tear_down(void **state)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static int
open_server(void **state)
{
	struct httpd_options options = options_of_test();
	struct err err;

	return httpd_open(&options, &httpd, &err) == ERR_OK ? 0 : -1;
}

static int
close_server(void **state)
{
	httpd_close(&httpd);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_requests, open_server,
		                                close_server),
		cmocka_unit_test_setup_teardown(test_old_versions_are_refused,
		                                open_server, close_server),
		cmocka_unit_test_setup_teardown(test_what_is_no_tls,
		                                open_server, close_server),
		cmocka_unit_test_setup_teardown(test_replaced_while_connected,
		                                open_server, close_server),
		cmocka_unit_test(test_open_says_why_not),
		cmocka_unit_test_setup_teardown(test_reload_by_hand,
		                                open_server, close_server),
	};

	unit_alarm(120);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
