/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What a route does with its request and its response; declared in httpd.h.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/io/httplib.h"
#include "base/runtime/check.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "Too Many Requests" -> "too-many-requests" */
static void
add_slug(struct text *out, const char *title)
{
	for (; *title; title++) {
		char c = (char)tolower((unsigned char)*title);

		text_add_bytes(out, isalnum((unsigned char)c) ? &c : "-", 1);
	}
}

/* -- public -- */

bool
http_decode(const char *text, size_t len, bool plus, char *out)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '+' && plus)
			c = ' ';
		if (c == '%') {
			int high, low;

			if (len - i < 3 ||
			    (high = hex_value(text[i + 1])) < 0 ||
			    (low = hex_value(text[i + 2])) < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return false;
		*out++ = c;
	}
	*out = '\0';
	return true;
}

void
http_response_reset(struct http_response *response)
{
	struct text *body = response->body;
	struct arena *arena = response->arena;

	text_reset(body);
	*response = (struct http_response){
		.status = 200,
		.content_type = "application/json",
		.body = body,
		.arena = arena,
	};
}

const char *
http_request_header(const struct http_request *request, const char *name)
{
	const struct httpd_connection *connection = request->connection;

	if (connection == NULL)
		return NULL;
	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	for (size_t i = 0; i < connection->in.header_count; i++)
		if (strcasecmp(connection->in.headers[i].name, name) == 0)
			return connection->in.headers[i].value;
	return NULL;
}

const char *
http_request_query(const struct http_request *request, const char *name)
{
	const char *at = request->query;

	if (request->connection == NULL || at == NULL)
		return NULL;
	CHECK_MAGIC(request->connection, HTTPD_CONNECTION_MAGIC);
	while (*at) {
		size_t len = strcspn(at, "&");
		const char *equals = memchr(at, '=', len);
		size_t name_len = equals ? (size_t)(equals - at) : len;
		size_t value_len = equals ? len - name_len - 1 : 0;
		char *decoded = arena_alloc(
			&request->connection->exchange.arena, len + 1);

		if (http_decode(at, name_len, true, decoded) &&
		    strcmp(decoded, name) == 0 &&
		    http_decode(equals ? equals + 1 : "", value_len, true,
		                decoded))
			return decoded;
		at += len + (at[len] == '&');
	}
	return NULL;
}

const char *
http_request_path_value(const struct http_request *request, const char *name)
{
	const struct httpd_connection *connection = request->connection;
	size_t len = strlen(name);

	if (connection == NULL)
		return NULL;
	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	for (size_t i = 0; i < connection->in.value_count; i++) {
		const struct httpd_value *at = &connection->in.values[i];

		if (at->name_len == len && memcmp(at->name, name, len) == 0)
			return at->value;
	}
	return NULL;
}

void
http_response_header(struct http_response *response, const char *name,
                     const char *value)
{
	struct http_header *header =
		arena_alloc(response->arena, sizeof(*header));
	char *copy = arena_strdup(response->arena, value);

	for (char *at = copy; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = ' ';
	*header = (struct http_header){
		.next = response->headers,
		.name = arena_strdup(response->arena, name),
		.value = copy,
	};
	response->headers = header;
}

void
http_response_problem(struct http_response *response, int status,
                      const char *title, const char *detail)
{
	response->status = status;
	response->content_type = "application/problem+json";
	text_reset(response->body);
	text_add(response->body, "{\"type\":\"/docs/problems/");
	add_slug(response->body, title);
	text_add(response->body, "\",\"title\":");
	text_add_json(response->body, title, strlen(title));
	text_addf(response->body, ",\"status\":%d", status);
	if (detail) {
		text_add(response->body, ",\"detail\":");
		text_add_json(response->body, detail, strlen(detail));
	}
	text_add(response->body, "}\n");
}

/* -- exchange -- */

const struct http_request *
http_exchange_request(const struct http_exchange *exchange)
{
	return &exchange->request;
}

struct http_response *
http_exchange_response(struct http_exchange *exchange)
{
	return &exchange->response;
}

struct arena *
http_exchange_arena(struct http_exchange *exchange)
{
	return &exchange->arena;
}

void
http_exchange_answer(struct http_exchange *exchange)
{
	struct httpd_connection *connection = exchange->request.connection;
	struct httpd *httpd;
	int before;

	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	httpd = connection->httpd;
	before = atomic_exchange(&exchange->state, EXCHANGE_ANSWERED);
	CHECK(before == EXCHANGE_RUNNING || before == EXCHANGE_SUSPENDED);
	/* From here on the exchange is not ours. */
	if (before == EXCHANGE_SUSPENDED)
		httpworker_answered(connection->worker, connection);
	atomic_fetch_sub(&httpd->held, 1);
}
