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

/* application/x-www-form-urlencoded. False where it has a NUL or a "%" that
   begins no byte: such a parameter is not there. */
static bool
decode(const char *text, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '+')
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

const char *
http_request_header(const struct http_request *request, const char *name)
{
	const struct httpd_connection *connection = request->connection;

	if (connection == NULL)
		return NULL;
	CHECK_MAGIC(connection, HTTPD_CONNECTION_MAGIC);
	for (size_t i = 0; i < connection->header_count; i++)
		if (strcasecmp(connection->headers[i].name, name) == 0)
			return connection->headers[i].value;
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
		char *decoded =
			arena_alloc(&request->connection->arena, len + 1);

		if (decode(at, name_len, decoded) &&
		    strcmp(decoded, name) == 0 &&
		    decode(equals ? equals + 1 : "", value_len, decoded))
			return decoded;
		at += len + (at[len] == '&');
	}
	return NULL;
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
