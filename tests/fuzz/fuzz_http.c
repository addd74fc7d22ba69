/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes on a connection to the HTTP server. What reaches a route must be
 * what a strict reader of the same bytes finds there: the same method, path
 * and body, request after request; so nothing is smuggled. Bytes from 0x80 on
 * stand for pieces of HTTP, so that requests come about quickly.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io/httpd.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"

#define BODY_BYTES_MAX 2000
#define SENT_MAX       16384
#define SEEN_MAX       64
#define WAIT_MS        5
#define END_MS         3000

int
LLVMFuzzerInitialize(int *argc, char ***argv);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a route saw. */
struct seen {
	char method[16];
	char path[300];
	uint8_t body[BODY_BYTES_MAX];
	size_t body_len;
};

static const char *const pieces[] = {
	"POST /echo HTTP/1.1\r\nHost: a\r\n",
	"GET /echo HTTP/1.1\r\nHost: a\r\n",
	"POST /later/x HTTP/1.1\r\nHost: a\r\n",
	"GET /echo HTTP/1.0\r\n",
	"Content-Length: 3\r\n\r\nabc",
	"Transfer-Encoding: chunked\r\n\r\n",
	"3\r\nabc\r\n",
	"0\r\n\r\n",
	"\r\n",
	"\r\n\r\n",
	"Content-Length: ",
	"Content-Length:",
	"Transfer-Encoding: ",
	"chunked",
	"Host: a\r\n",
	"X: y\r\n",
	"POST /",
	"GET /",
	" HTTP/1.1\r\n",
	"/later/%41%2f",
	"Expect: 100-continue\r\n",
	"Connection: close\r\n",
	"Connection: keep-alive\r\n",
	"http://a/echo?x=%41",
	"0x",
	"+1",
	"00000000000000000003",
	"\r",
	"\n",
	"\t",
	" ",
	":",
};
#define PIECE_COUNT (sizeof(pieces) / sizeof(pieces[0]))

static struct httpd *httpd;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct http_exchange *held;
static struct seen seen[SEEN_MAX];
static size_t seen_count;

/* -- routes ---------------------------------------------------------------- */

static void
see(const struct http_request *request)
{
	struct seen *at;

	http_request_header(request, "Content-Length");
	http_request_query(request, "x");
	pthread_mutex_lock(&lock);
	if (seen_count < SEEN_MAX) {
		at = &seen[seen_count++];
		CHECK(request->body_len <= sizeof(at->body));
		snprintf(at->method, sizeof(at->method), "%s", request->method);
		snprintf(at->path, sizeof(at->path), "%s", request->path);
		memcpy(at->body, request->body, request->body_len);
		at->body_len = request->body_len;
	}
	pthread_mutex_unlock(&lock);
}

static void
echo(const struct http_request *request, struct http_response *response,
     void *context)
{
	see(request);
	text_add_bytes(response->body, request->body, request->body_len);
}

static void
later(struct http_exchange *exchange, void *context)
{
	const struct http_request *request = http_exchange_request(exchange);

	CHECK(http_request_path_value(request, "name") != NULL);
	see(request);
	pthread_mutex_lock(&lock);
	held = exchange;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static void *
answer(void *context)
{
	for (;;) {
		struct http_exchange *exchange;

		pthread_mutex_lock(&lock);
		while (held == NULL)
			pthread_cond_wait(&changed, &lock);
		exchange = held;
		held = NULL;
		pthread_mutex_unlock(&lock);
		http_response_header(http_exchange_response(exchange), "X",
		                     http_exchange_request(exchange)->path);
		http_exchange_answer(exchange);
	}
	return NULL;
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
static const struct http_route route_later = {
	.method = "POST",
	.path = "/later/{name}",
	.begin = later,
};
static const struct http_route *const routes[] = { &route_get, &route_post,
	                                           &route_later, NULL };

/* -- a strict reader ------------------------------------------------------- */

struct reader {
	const char *at, *end;
};

/* A line that ends in CR LF, without it; false: there is none. */
static bool
read_line(struct reader *reader, char *out, size_t size)
{
	const char *end = memmem(reader->at, (size_t)(reader->end - reader->at),
	                         "\r\n", 2);
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - reader->at);
	if (len >= size || memchr(reader->at, '\0', len) ||
	    memchr(reader->at, '\r', len) || memchr(reader->at, '\n', len))
		return false;
	memcpy(out, reader->at, len);
	out[len] = '\0';
	reader->at = end + 2;
	return true;
}

/* Empty lines in front of a request are to be skipped; libmicrohttpd takes one
   that begins with a NUL for such a line. */
static void
skip_empty_lines(struct reader *reader)
{
	while (reader->at < reader->end) {
		if (*reader->at == '\0')
			while (reader->at < reader->end && *reader->at != '\n')
				reader->at++;
		else if (*reader->at != '\r' && *reader->at != '\n')
			return;
		else
			reader->at++;
	}
}

/* The header section; false: it is none. */
static bool
read_head(struct reader *reader, char *method, char *target, long *length,
          bool *chunked)
{
	char line[SENT_MAX], *space, *second;

	skip_empty_lines(reader);
	if (!read_line(reader, line, sizeof(line)))
		return false;
	space = strchr(line, ' ');
	second = space ? strchr(space + 1, ' ') : NULL;
	if (second == NULL || strncmp(second, " HTTP/1.", 8) != 0)
		return false;
	*space = *second = '\0';
	snprintf(method, SENT_MAX, "%s", line);
	snprintf(target, SENT_MAX, "%s", space + 1);
	*length = 0;
	*chunked = false;
	while (read_line(reader, line, sizeof(line))) {
		if (line[0] == '\0')
			return true;
		if (line[0] == ' ' || line[0] == '\t')
			return false;
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			*length = strtol(line + 15, NULL, 10);
		if (strncasecmp(line, "Transfer-Encoding:", 18) == 0)
			*chunked = true;
	}
	return false;
}

/* Once libmicrohttpd has put NULs over the ends of lines, a NUL that stood next
   to one cannot be told from it: README.md of base/io. */
static bool
has_nul_at_line_end(const char *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		char one = bytes[i], two = bytes[i + 1];

		if ((one == '\0' && (two == '\r' || two == '\n')) ||
		    (two == '\0' && (one == '\r' || one == '\n')))
			return true;
	}
	return false;
}

/* Each request that a route saw, in their order, among those that are there;
   what no route takes (404, 405, 413) comes in between. Behind a chunked body
   nothing is compared. */
static void
compare(const char *bytes, size_t len)
{
	struct reader reader = { bytes, bytes + len };
	static char method[SENT_MAX], target[SENT_MAX];
	size_t index = 0;
	bool chunked;
	long length;

	if (has_nul_at_line_end(bytes, len))
		return;
	while (index < seen_count) {
		const struct seen *at = &seen[index];

		CHECK(read_head(&reader, method, target, &length, &chunked));
		if (chunked)
			return;
		CHECK(length >= 0);
		if (strcmp(method, at->method) == 0 &&
		    strstr(target, at->path) != NULL &&
		    (size_t)length == at->body_len &&
		    reader.end - reader.at >= length &&
		    memcmp(reader.at, at->body, at->body_len) == 0)
			index++;
		CHECK(reader.end - reader.at >= length);
		reader.at += length;
	}
}

/* -- a client -------------------------------------------------------------- */

static size_t
expand(const uint8_t *data, size_t size, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < size && len + 64 < SENT_MAX; i++) {
		if (data[i] >= 0x80 && data[i] - 0x80u < PIECE_COUNT) {
			const char *piece = pieces[data[i] - 0x80];

			memcpy(out + len, piece, strlen(piece));
			len += strlen(piece);
		} else {
			out[len++] = (char)data[i];
		}
	}
	return len;
}

static bool
drain(int fd, int wait_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char bytes[8192];

	while (poll(&poll_fd, 1, wait_ms) > 0)
		if (recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return true;
	return false;
}

static void
send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		len -= (size_t)sent;
	}
}

/* In one piece or two, so that the server's buffer ends anywhere. */
static void
talk(const char *bytes, size_t len, size_t cut)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)httpd_port(httpd)),
	};
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 &&
	      connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (cut > 0 && cut < len) {
		send_all(fd, bytes, cut);
		drain(fd, 1);
		bytes += cut;
		len -= cut;
	}
	send_all(fd, bytes, len);
	if (!drain(fd, WAIT_MS)) {
		shutdown(fd, SHUT_WR);
		drain(fd, END_MS);
	}
	close(fd);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct httpd_options options = {
		.listen = "127.0.0.1:0",
		.routes = routes,
		.threads = 1,
		.body_bytes_max = BODY_BYTES_MAX,
		.connections_max = 1000,
		.idle_timeout_s = 1,
		.receive_timeout_s = 1,
		.send_timeout_s = 1,
	};
	pthread_t thread;
	struct err err;

	CHECK(httpd_open(&options, &httpd, &err) == ERR_OK);
	CHECK(pthread_create(&thread, NULL, answer, NULL) == 0);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char bytes[SENT_MAX];
	size_t len, cut;

	if (size < 1)
		return 0;
	len = expand(data + 1, size - 1, bytes);
	cut = data[0] & 0x80 ? len * (data[0] & 0x7f) / 0x80 : 0;
	seen_count = 0;
	talk(bytes, len, cut);
	pthread_mutex_lock(&lock);
	compare(bytes, len);
	pthread_mutex_unlock(&lock);
	return 0;
}
