/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The HTTP server (libmicrohttpd underneath, included in httpd.c only): a
 * table of routes, one thread pool, limits on everything, and the framing
 * checks on top of libmicrohttpd's that reference/http-and-security asks for
 * (both Content-Length and Transfer-Encoding, two of either, no or two Hosts,
 * NUL, space before a colon, unknown encodings: 400 and close).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct text;
struct httpd;

struct http_request {
	const char *method;
	const char *path;
	const char *query; /* raw, behind the "?", or "" */
	const uint8_t *body;
	size_t body_len;
	struct httpd_connection *connection; /* for http_request_header */
};

/* A header's value; NULL: absent. Case does not matter. Borrowed. */
const char *
http_request_header(const struct http_request *request, const char *name);
/* A query parameter, decoded; NULL: absent. Borrowed. */
const char *
http_request_query(const struct http_request *request, const char *name);

struct http_response {
	int status;               /* 200 unless set */
	const char *content_type; /* constant text */
	struct text *body;
	int64_t retry_after_s; /* 0: no header */
};

struct http_route {
	const char *method;
	const char *path; /* exact */
	void (*handle)(const struct http_request *request,
	               struct http_response *response, void *context);
	const char *help; /* for the reference page */
};

struct httpd_options {
	const char *listen; /* "127.0.0.1:8080", "[::1]:0": port 0: any */
	const struct http_route *const *routes; /* NULL-terminated array of
	                                           pointers to routes */
	void *context;                          /* handed to each route */
	int threads;
	size_t body_bytes_max;
	int connections_max;
	int idle_timeout_s;
};

enum err_code
httpd_open(const struct httpd_options *options, struct httpd **out,
           struct err *err) ERR_MUST_CHECK;
void
httpd_close(struct httpd **httpd);
int
httpd_port(const struct httpd *httpd);

/* An RFC 9457 problem as the response. type: a path below docs/problems. */
void
http_response_problem(struct http_response *response, int status,
                      const char *title, const char *detail);
