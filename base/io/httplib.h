/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the files of httpd share, without the vendor: one request as it is
 * being received. Private to base/io/http*.c; belongs to the thread of the
 * pool that serves its connection.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/httpd.h"
#include "base/runtime/arena.h"
#include "base/runtime/text.h"

#define HTTPD_CONNECTION_MAGIC 0x68747063u
#define HTTPD_HEADERS_MAX      100

struct httpd_header {
	const char *name; /* NUL-terminated, in the server's buffer */
	const char *value;
	size_t name_len;
	size_t value_len;
};

struct httpd_connection {
	uint32_t magic;
	bool is_begun; /* the header section was judged */
	bool has_bad_target;
	bool has_many_headers;
	int refused_status; /* answered behind the body; 0: to be handled */
	size_t drained_bytes;
	char *target; /* as received */
	char *path;   /* of the target, and what is behind its "?" */
	const char *query;
	size_t header_count;
	struct httpd_header headers[HTTPD_HEADERS_MAX];
	const struct http_route *route;
	struct text body;
	struct arena arena; /* decoded query parameters */
};

/* -- httpframing.c: what must not reach a route ----------------------- */

/*
 * Why the header section is refused (400, then close), or NULL. What two
 * servers in a row could read in two ways is refused, since that is how
 * requests are smuggled.
 */
const char *
httpframing_fault(const struct httpd_connection *connection,
                  const char *version);

/*
 * libmicrohttpd 0.9.75 leaves the lines where they were received, each end
 * of line as two NULs; other distances tell of a NUL in a line, a bare line
 * feed or a folded line, which its API does not show. NULL: no such thing.
 */
const char *
httpframing_layout_fault(const struct httpd_connection *connection,
                         const char *method, const char *target,
                         const char *version);

/* -1: no such header; -2: not a number of bytes. */
int64_t
httpframing_content_length(const struct httpd_connection *connection);
