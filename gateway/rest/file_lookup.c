/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact at any size: an answer is about a span of numbers, of bounded cost, and
 * who wants to know more asks on.
 */
#include "gateway/rest/file_lookup.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "gateway/catalogue.h"
#include "gateway/rest/admission.h"
#include "gateway/rest/argument.h"
#include "gateway/rest/inquiry.h"
#include "gateway/rest/media.h"
#include "gateway/rest/origin.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/rest_context.h"

struct file_lookup {
	struct inquiry inquiry; /* first: found by a cast */
	const char *feed;
	const char *file;
	int64_t from;
};

static const struct pgstatement find_records = {
	.name = "file_lookup_records",
	.sql = "select range_first, range_last"
	       " from waybill.file_recorded($1, $2, $3, $4, $5)",
	.param_count = 5,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT8,
	           PGTYPE_INT8 },
};

static const struct pgstatement find_last = {
	.name = "file_lookup_last",
	.sql = "select waybill.file_last($1, $2, $3)",
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT },
};

static void
add_ranges(struct text *out, const struct pgrows *rows)
{
	text_add(out, ",\"recorded\":[");
	for (int row = 0; row < pgrows_count(rows); row++)
		text_addf(out, "%s[%" PRId64 ",%" PRId64 "]",
		          row > 0 ? "," : "", pgrows_int(rows, row, 0),
		          pgrows_int(rows, row, 1));
	text_add(out, "]}\n");
}

static enum err_code
answer(struct inquiry *inquiry, struct look *look,
       struct http_response *response, struct err *err)
{
	struct file_lookup *lookup = (struct file_lookup *)(void *)inquiry;
	struct pgnumber rooms[2];
	const struct pgvalue values[5] = {
		pgvalue_text(inquiry->tenant),
		pgvalue_text(lookup->feed),
		pgvalue_text(lookup->file),
		pgvalue_int8(lookup->from, &rooms[0]),
		pgvalue_int8(FILE_LOOKUP_SPAN, &rooms[1]),
	};
	struct pgrows *last = NULL, *records = NULL;
	enum err_code code =
		pgconn_query(look->conn, &find_last, values, &last, err);

	if (code == ERR_OK)
		code = pgconn_query(look->conn, &find_records, values, &records,
		                    err);
	if (code == ERR_OK) {
		text_addf(response->body,
		          "{\"from\":%" PRId64 ",\"until\":%" PRId64
		          ",\"last\":",
		          lookup->from, lookup->from + FILE_LOOKUP_SPAN);
		if (pgrows_is_null(last, 0, 0))
			text_add(response->body, "null");
		else
			text_addf(response->body, "%" PRId64,
			          pgrows_int(last, 0, 0));
		add_ranges(response->body, records);
	}
	pgrows_free(&last);
	pgrows_free(&records);
	return code;
}

static enum err_code
read_question(struct file_lookup *lookup, const struct http_request *request,
              struct arena *arena, struct err *err)
{
	static const char *const names[] = { "from" };
	const char *from = NULL;

	lookup->feed = http_request_path_value(request, "feed");
	lookup->file = http_request_path_value(request, "file");
	if (strlen(lookup->file) != ORIGIN_FILE_LEN ||
	    strspn(lookup->file, "0123456789abcdef") != ORIGIN_FILE_LEN)
		return err_set(err, ERR_USAGE,
		               "the file must be a SHA-256 in lower-case "
		               "hexadecimal");
	if (request->query[0] == '\0')
		return ERR_OK;
	if (argument_read(request->query, names, 1, arena, &from, err) !=
	    ERR_OK)
		return err->code;
	return from == NULL ? ERR_OK
			    : argument_integer("from", from, 0, INT64_MAX / 2,
	                                       &lookup->from, err);
}

/* -- public ---------------------------------------------------------------- */

void
file_lookup_begin(struct http_exchange *exchange, void *context)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct rest *rest = context;
	const struct deployment *deployment = catalogue_take(rest->catalogue);
	struct arena *arena = http_exchange_arena(exchange);
	struct file_lookup *lookup = arena_calloc(arena, 1, sizeof(*lookup));
	struct admission admission;
	struct err err = { .text = "" };
	enum problem problem;

	CHECK_MAGIC(rest, REST_MAGIC);
	lookup->inquiry.rest = rest;
	lookup->inquiry.exchange = exchange;
	lookup->inquiry.endpoint = ENDPOINT_FILE;
	lookup->inquiry.began_us = clock_now_us();
	lookup->inquiry.answer = answer;
	problem = admission_check(rest->auth, deployment, request, AUTH_PUBLISH,
	                          &admission);
	deployment_unref(&deployment);
	if (problem == PROBLEM_COUNT &&
	    !media_accepts_json(http_request_header(request, "Accept")))
		problem = PROBLEM_NOT_ACCEPTABLE;
	if (problem == PROBLEM_COUNT &&
	    read_question(lookup, request, arena, &err) != ERR_OK)
		problem = PROBLEM_BAD_REQUEST;
	if (problem != PROBLEM_COUNT) {
		inquiry_refuse(&lookup->inquiry, (int)problem,
		               err.text[0] ? err.text : NULL);
		return;
	}
	strcpy(lookup->inquiry.tenant, admission.principal.tenant);
	inquiry_ask(&lookup->inquiry);
}
