/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The HTTP server (libmicrohttpd underneath, included in httpd.c only): a
 * table of routes, one thread pool, limits and deadlines on everything, TLS,
 * and the framing checks on top of libmicrohttpd's that
 * reference/http-and-security asks for (both Content-Length and
 * Transfer-Encoding, two of either, no or two Hosts, NUL, space before a
 * colon, unknown encodings: 400 and close).
 *
 * A route either answers at once (handle: in a thread of the pool, so it must
 * not wait) or takes the exchange and answers it later from any thread
 * (begin). Requests of one connection are served one after another.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct arena;
struct text;
struct httpd;
struct http_exchange;

/* -- request --------------------------------------------------------------- */

struct http_request {
	const char *method; /* as sent; HEAD reaches the route of GET */
	const char *path;   /* as received, not decoded */
	const char *query;  /* raw, behind the "?", or "" */
	const uint8_t *body;
	size_t body_len;
	struct httpd_connection *connection; /* for the functions below */
};

/* A header's value; NULL: absent. Case does not matter. Borrowed. */
const char *
http_request_header(const struct http_request *request, const char *name);
/* A query parameter, decoded; NULL: absent. Borrowed. */
const char *
http_request_query(const struct http_request *request, const char *name);
/* What stands in the path at "{name}" of the route's pattern, decoded: at
   least one byte, at most HTTP_PATH_VALUE_MAX, without control characters (a
   path that has anything else there is not found: 404). NULL: the pattern has
   no such name. Borrowed. */
#define HTTP_PATH_VALUE_MAX 255
const char *
http_request_path_value(const struct http_request *request, const char *name);

/* -- response -------------------------------------------------------------- */

struct http_response {
	int status;               /* 200 unless set */
	const char *content_type; /* constant text; "application/json" unless
	                             set; NULL: no such header */
	struct text *body;        /* appended to by the route; 64 MB at most */
	int64_t retry_after_s;    /* 0: no header */
	struct http_header *headers; /* by http_response_header only */
	struct arena *arena;         /* of the request: ends with the answer */
};

/* One more header; both are copied. A control character in the value becomes
   a space. Content-Length, Connection and Date are the server's. */
void
http_response_header(struct http_response *response, const char *name,
                     const char *value);

/* An RFC 9457 problem as the response. type: a path below docs/problems. */
void
http_response_problem(struct http_response *response, int status,
                      const char *title, const char *detail);

/* -- exchange: a request that is answered later ----------------------------- */

/*
 * Belongs to the route from begin until http_exchange_answer, and to one
 * thread at a time in between. What it holds (request, response, arena) stays
 * where it is until then. The one who took it must answer it, exactly once
 * and with a deadline of his own: httpd_close waits for it. A client that
 * went away meanwhile is noticed by nobody: the answer is dropped.
 */
const struct http_request *
http_exchange_request(const struct http_exchange *exchange);
/* status 200, application/json, an empty body: to be filled in. */
struct http_response *
http_exchange_response(struct http_exchange *exchange);
/* For whatever the route needs until it answers. */
struct arena *
http_exchange_arena(struct http_exchange *exchange);
/* Sends the response. Any thread, also within begin; does not wait. The
   exchange must not be touched afterwards. */
void
http_exchange_answer(struct http_exchange *exchange);

/* -- routes and server ------------------------------------------------------ */

struct http_route {
	const char *method;
	const char *path; /* "/v1/receipts/{id}": a segment is literal or one
	                     name; the first route that fits is taken */
	/* One of handle and begin. */
	void (*handle)(const struct http_request *request,
	               struct http_response *response, void *context);
	const char *help; /* for the reference page */
	void (*begin)(struct http_exchange *exchange, void *context);
	/* Or NULL. Once the headers are there and before any of the body is
	   kept: false where the response (a 401, say) is to be sent instead.
	   The request has no body yet. */
	bool (*admit)(const struct http_request *request,
	              struct http_response *response, void *context);
	size_t body_bytes_max; /* 0: the server's */
};

struct httpd_options {
	const char *listen; /* "127.0.0.1:8080", "[::1]:0": port 0: any */
	const struct http_route *const *routes; /* NULL-terminated array of
	                                           pointers to routes */
	void *context;                          /* handed to each route */
	int threads;
	size_t body_bytes_max;
	int connections_max; /* one more: 503 and closed */
	int idle_timeout_s;  /* of a connection between two requests */

	/* 0: a standard value */
	size_t bodies_bytes_max; /* of all requests that are being received or
	                            answered: one more gets a 503 */
	int receive_timeout_s;   /* of a header section in all, and of a body in
	                          all; a body gets a second more for each 64 kB
	                          that came: 408 */
	int send_timeout_s;      /* of an answer in all, likewise: closed. Both
	                          also end by idle_timeout_s without a byte */

	/* PEM files, both or neither (NULL: plain HTTP). TLS 1.2 or later. They
	   are looked at again every second or so, and taken over together once
	   they fit each other; connections stay. */
	const char *tls_certificate; /* the chain, the server's first */
	const char *tls_key;
};

/* ERR_CONFIG: listen, or the certificate and its key, are wrong. */
enum err_code
httpd_open(const struct httpd_options *options, struct httpd **out,
           struct err *err) ERR_MUST_CHECK;
/* Takes no connections any more, waits until each exchange is answered. */
void
httpd_close(struct httpd **httpd);
int
httpd_port(const struct httpd *httpd);

/* From now on new requests get 503 and Connection: close; what is under way is
   answered. For the time between "stop" and httpd_close. */
void
httpd_quiesce(struct httpd *httpd);

/* Reads certificate and key anew, also unchanged ones. ERR_CONFIG: they are
   wrong, the old ones stay in force. Without TLS: nothing to do. */
enum err_code
httpd_reload_tls(struct httpd *httpd, struct err *err) ERR_MUST_CHECK;
