/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The framing of requests (RFC 9112, read strictly). Pure: it judges a list
 * of headers, and knows nothing of the server beneath.
 */
#include <string.h>
#include <strings.h>

#include "base/io/httplib.h"

static bool
is_token(const char *text, size_t len)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= 'a' && c <= 'z') &&
		    (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return len > 0;
}

/* A tab, a space or what is seen; bytes beyond ASCII are let through. */
static bool
is_value(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool
is_host(const char *text, size_t len)
{
	static const char others[] = "-._~%!$&'()*+;=:[]";

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= 'a' && c <= 'z') &&
		    (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return true;
}

/* How many there are; the last one in *out. */
static int
count_of(const struct httpd_connection *connection, const char *name,
         const struct httpd_header **out)
{
	int count = 0;

	for (size_t i = 0; i < connection->in.header_count; i++)
		if (strcasecmp(connection->in.headers[i].name, name) == 0) {
			*out = &connection->in.headers[i];
			count++;
		}
	return count;
}

/* -- public -- */

const char *
httpframing_fault(const struct httpd_connection *connection, const char *method,
                  const char *version)
{
	const struct httpd_header *length = NULL, *encoding = NULL;
	const struct httpd_header *host = NULL;
	int lengths, encodings, hosts;

	if (!is_token(method, strlen(method)))
		return "the method has a character that is not allowed";
	if (connection->in.has_many_headers)
		return "too many headers";
	for (size_t i = 0; i < connection->in.header_count; i++) {
		const struct httpd_header *at = &connection->in.headers[i];

		if (!is_token(at->name, at->name_len))
			return "a header's name has a space or another "
			       "character that is not allowed";
		if (!is_value(at->value, at->value_len))
			return "a header's value has a control character";
	}
	lengths = count_of(connection, "Content-Length", &length);
	encodings = count_of(connection, "Transfer-Encoding", &encoding);
	hosts = count_of(connection, "Host", &host);
	if (lengths > 1)
		return "more than one Content-Length";
	if (encodings > 1)
		return "more than one Transfer-Encoding";
	if (lengths && encodings)
		return "both Content-Length and Transfer-Encoding";
	if (lengths && httpframing_content_length(connection) < 0)
		return "Content-Length is not a number of bytes";
	if (encodings && strcasecmp(encoding->value, "chunked") != 0)
		return "the only Transfer-Encoding is chunked";
	if (strcmp(version, "HTTP/1.0") == 0) {
		if (encodings)
			return "HTTP/1.0 has no Transfer-Encoding";
	} else if (hosts == 0) {
		return "no Host";
	}
	if (hosts > 1)
		return "more than one Host";
	if (hosts && !is_host(host->value, host->value_len))
		return "Host is not a host";
	if (connection->in.has_bad_target)
		return "the target has a NUL or a control character";
	return NULL;
}

const char *
httpframing_layout_fault(const struct httpd_connection *connection,
                         const char *method, const char *target,
                         const char *version, size_t section_size)
{
	const struct httpd_header *at = connection->in.headers;
	const char *end = version + strlen(version) + 2;

	if (method + strlen(method) + 1 != target)
		return "the request line has a NUL or two spaces";
	for (size_t i = 0; i < connection->in.header_count; i++, at++) {
		if (at->name != end || (i > 0 && end[-1] != '\0'))
			return i == 0
				? "the request line has a NUL or does "
				  "not end in CR LF"
				: "a header line has a NUL, is folded, or "
				  "does not end in CR LF";
		end = at->value + at->value_len + 2;
	}
	/* The empty line. */
	if (end + 2 != method + section_size || end[0] != '\0' ||
	    end[1] != '\0')
		return "the last header line has a NUL, is folded, or does not "
		       "end in CR LF";
	return NULL;
}

int64_t
httpframing_content_length(const struct httpd_connection *connection)
{
	const struct httpd_header *length = NULL;
	int64_t value = 0;

	if (count_of(connection, "Content-Length", &length) == 0)
		return -1;
	if (length->value_len == 0 || length->value_len > 18)
		return -2;
	for (size_t i = 0; i < length->value_len; i++) {
		if (length->value[i] < '0' || length->value[i] > '9')
			return -2;
		value = value * 10 + (length->value[i] - '0');
	}
	return value;
}

bool
httpframing_is_chunked(const struct httpd_connection *connection)
{
	const struct httpd_header *encoding = NULL;

	return count_of(connection, "Transfer-Encoding", &encoding) > 0;
}
