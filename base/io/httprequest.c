/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A request as it comes in: its deadlines, its share of what all bodies may
 * take, and why it is refused. Knows nothing of the server beneath.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/io/httplib.h"

static void
refuse_route(struct httpd_connection *connection, int status)
{
	const struct httpd *httpd = connection->httpd;
	struct text allowed;

	if (status == 404) {
		httprequest_refuse(connection, 404,
		                   "there is nothing at this path");
		return;
	}
	httprequest_refuse(connection, 405, "see the header Allow");
	text_init(&allowed, 1024);
	httproute_add_allowed(httpd->routes, connection->exchange.request.path,
	                      &allowed);
	http_response_header(&connection->exchange.response, "Allow",
	                     text_string(&allowed));
	text_fini(&allowed);
}

static void
refuse_size(struct httpd_connection *connection)
{
	char detail[80];

	snprintf(detail, sizeof(detail), "the body is larger than %zu bytes",
	         connection->in.body_bytes_max);
	httprequest_refuse(connection, 413, detail);
}

/* Where one body more is too many, it is let by and refused at its end. */
static void
keep_body(struct httpd_connection *connection, const char *bytes, size_t len)
{
	struct httpd *httpd = connection->httpd;
	size_t after = connection->body.len + len;

	if (after > connection->in.body_bytes_max) {
		refuse_size(connection);
	} else if (after > HTTPREQUEST_KEPT_MAX &&
	           after > connection->in.charged_bytes &&
	           atomic_load(&httpd->charged_bytes) + after -
	                           connection->in.charged_bytes >
	                   httpd->options.bodies_bytes_max) {
		httprequest_refuse(
			connection, 503,
			"the bodies of all requests are larger than this "
			"server takes at a time");
	} else {
		if (after > HTTPREQUEST_KEPT_MAX)
			httprequest_charge(connection, after);
		text_add_bytes(&connection->body, bytes, len);
		return;
	}
	connection->in.drained_bytes = connection->body.len;
	httprequest_discharge(connection);
	text_fini(&connection->body);
	text_init(&connection->body, httpd->options.body_bytes_max);
}

/* -- public -- */

void
httprequest_deadline(struct httpd_connection *connection, int64_t in_ms)
{
	int64_t now_ms = httpgate_now_ms(connection->httpd->gate);

	atomic_store_explicit(&connection->deadline_ms, now_ms + in_ms,
	                      memory_order_relaxed);
}

/* False: the gate has cut it. */
bool
httprequest_phase(struct httpd_connection *connection, int phase)
{
	int before = atomic_load(&connection->phase);

	while (before != PHASE_CUT)
		if (atomic_compare_exchange_weak(&connection->phase, &before,
		                                 phase))
			return true;
	return false;
}

void
httprequest_charge(struct httpd_connection *connection, size_t bytes)
{
	if (bytes <= connection->in.charged_bytes)
		return;
	atomic_fetch_add(&connection->httpd->charged_bytes,
	                 bytes - connection->in.charged_bytes);
	connection->in.charged_bytes = bytes;
}

void
httprequest_discharge(struct httpd_connection *connection)
{
	if (connection->in.charged_bytes == 0)
		return;
	atomic_fetch_sub(&connection->httpd->charged_bytes,
	                 connection->in.charged_bytes);
	connection->in.charged_bytes = 0;
}

void
httprequest_text(struct text *text, size_t size_max)
{
	if (text->size > HTTPREQUEST_KEPT_MAX)
		text_fini(text);
	if (text->bytes)
		text_reset(text);
	else
		text_init(text, size_max);
	text->size_max = size_max;
}

/* Of "/a?b=c", or of the absolute form "http://host/a?b=c". */
void
httprequest_target(struct httpd_connection *connection, char *target)
{
	char *path = target;
	char *query;

	if (strncasecmp(path, "http://", 7) == 0)
		path += 7 + strcspn(path + 7, "/?");
	else if (strncasecmp(path, "https://", 8) == 0)
		path += 8 + strcspn(path + 8, "/?");
	query = path + strcspn(path, "?");
	connection->exchange.request.query = *query ? query + 1 : "";
	connection->exchange.request.path =
		query == path && path != target ? "/" : path;
	*query = '\0';
}

/* The response is this problem, to be sent at once or behind the body. */
void
httprequest_refuse(struct httpd_connection *connection, int status,
                   const char *detail)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
		{ 400, "Bad Request" },         { 404, "Not Found" },
		{ 405, "Method Not Allowed" },  { 413, "Content Too Large" },
		{ 503, "Service Unavailable" },
	};
	struct http_response *response = &connection->exchange.response;
	const char *title = "Error";

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		if (titles[i].status == status)
			title = titles[i].title;
	http_response_reset(response);
	http_response_problem(response, status, title, detail);
	if (status == 503)
		response->retry_after_s = 1;
	connection->in.is_refused = true;
}

/* What is known of a request by its headers alone. */
void
httprequest_judge(struct httpd_connection *connection, int64_t length)
{
	const struct httpd *httpd = connection->httpd;
	struct http_exchange *exchange = &connection->exchange;
	const struct http_route *route;
	int status = httproute_find(httpd->routes, connection);

	connection->in.body_bytes_max = httpd->options.body_bytes_max;
	if (status != 0) {
		refuse_route(connection, status);
		return;
	}
	route = connection->in.route;
	if (route->body_bytes_max)
		connection->in.body_bytes_max = route->body_bytes_max;
	connection->body.size_max = connection->in.body_bytes_max;
	if (route->begin && atomic_load(&httpd->is_quiet))
		httprequest_refuse(connection, 503, "the server is stopping");
	else if (route->admit &&
	         !route->admit(&exchange->request, &exchange->response,
	                       httpd->options.context))
		connection->in.is_refused = true;
	else if (length > (int64_t)connection->in.body_bytes_max)
		refuse_size(connection);
}

bool
httprequest_body(struct httpd_connection *connection, const char *bytes,
                 size_t len)
{
	int64_t deadline_ms = atomic_load_explicit(&connection->deadline_ms,
	                                           memory_order_relaxed);

	atomic_store_explicit(
		&connection->deadline_ms,
		deadline_ms + (int64_t)(len * 1000 / HTTPREQUEST_BYTES_PER_S),
		memory_order_relaxed);
	if (!connection->in.is_refused) {
		keep_body(connection, bytes, len);
		return true;
	}
	/* Chunks without an end: there is no way left to answer. */
	connection->in.drained_bytes += len;
	return connection->in.drained_bytes <=
		HTTPREQUEST_DRAIN_MAX + connection->in.body_bytes_max;
}
