/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The same members as in the answer to publishing, and what is known by now:
 * where the message is.
 */
#include "gateway/rest/receipt_lookup.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/io/pgconn.h"
#include "base/model/message.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "gateway/rest/admission.h"
#include "gateway/rest/inquiry.h"
#include "gateway/rest/media.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/rest_context.h"

struct receipt_lookup {
	struct inquiry inquiry; /* first: found by a cast */
	int lane, incarnation;
	int64_t seq;
};

#define ID_PARAMETERS                                                          \
	.param_count = 3, .types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8 }

static const struct pgstatement find_message = {
	.name = "receipt_lookup_message",
	.sql = "select m.tenant, m.feed, m.verdict, m.partition, m.recorded_at,"
	       " (select r.of_id from waybill.reference_of($1, $2, $3) r"
	       " where r.kind in ('duplicate', 'conflict') limit 1),"
	       " m.verdict in ('accepted', 'rejected') and not exists (select"
	       " from waybill.feed_output o where o.tenant = m.tenant"
	       " and o.feed = m.feed and not exists (select"
	       " from waybill.delivery_of($1, $2, $3) d"
	       " where d.cluster = o.cluster and d.kind <> 'replay'))"
	       " from waybill.message_by_id($1, $2, $3) m",
	ID_PARAMETERS,
};

static const struct pgstatement find_deliveries = {
	.name = "receipt_lookup_deliveries",
	.sql = "select d.cluster, d.kind, d.topic, d.partition, d.\"offset\""
	       " from waybill.delivery_of($1, $2, $3) d",
	ID_PARAMETERS,
};

static const struct pgstatement find_violations = {
	.name = "receipt_lookup_violations",
	.sql = "select v.rule, v.path, v.expected, v.value, v.byte_offset"
	       " from waybill.violation_of($1, $2, $3) v order by v.ordinal",
	ID_PARAMETERS,
};

static void
add_string(struct text *out, const char *name, const char *value)
{
	text_addf(out, "\"%s\":", name);
	text_add_json(out, value, strlen(value));
}

static void
add_message(struct text *out, const struct receipt_lookup *lookup,
            const struct pgrows *rows)
{
	char id[MESSAGE_ID_MAX], time[CLOCK_TEXT_MAX];
	bool is_forwarded = pgrows_bool(rows, 0, 6);

	message_id_print(id, lookup->lane, lookup->incarnation, lookup->seq);
	text_addf(out, "{\"id\":\"%s\",", id);
	add_string(out, "tenant", pgrows_text(rows, 0, 0));
	text_add(out, ",");
	add_string(out, "feed", pgrows_text(rows, 0, 1));
	text_addf(out,
	          ",\"verdict\":\"%s\",\"level\":\"%s\",\"partition\":%" PRId64
	          ",\"recorded_at\":\"%s\"",
	          pgrows_text(rows, 0, 2),
	          is_forwarded ? "forwarded" : "recorded",
	          pgrows_int(rows, 0, 3),
	          clock_format_ms(pgrows_time_ms(rows, 0, 4), time));
	if (!pgrows_is_null(rows, 0, 5))
		text_addf(out, ",\"of\":\"%s\"", pgrows_text(rows, 0, 5));
}

static void
add_deliveries(struct text *out, const struct pgrows *rows)
{
	text_add(out, ",\"deliveries\":[");
	for (int row = 0; row < pgrows_count(rows); row++) {
		text_add(out, row > 0 ? ",{" : "{");
		add_string(out, "cluster", pgrows_text(rows, row, 0));
		text_add(out, ",");
		add_string(out, "kind", pgrows_text(rows, row, 1));
		text_add(out, ",");
		add_string(out, "topic", pgrows_text(rows, row, 2));
		text_addf(out, ",\"partition\":%" PRId64,
		          pgrows_int(rows, row, 3));
		/* It is there; where will be written down soon. */
		if (pgrows_int(rows, row, 4) >= 0)
			text_addf(out, ",\"offset\":%" PRId64,
			          pgrows_int(rows, row, 4));
		text_add(out, "}");
	}
	text_add(out, "]");
}

static void
add_violations(struct text *out, const struct pgrows *rows)
{
	static const char *const names[] = { "rule", "path", "expected",
		                             "value" };

	text_add(out, ",\"violations\":[");
	for (int row = 0; row < pgrows_count(rows); row++) {
		text_add(out, row > 0 ? ",{" : "{");
		for (int i = 0; i < 4; i++) {
			const char *value = pgrows_text(rows, row, i);

			text_add(out, i > 0 ? "," : "");
			add_string(out, names[i], value != NULL ? value : "");
		}
		text_addf(out, ",\"offset\":%" PRId64 "}",
		          pgrows_int(rows, row, 4));
	}
	text_add(out, "]");
}

static enum err_code
answer(struct inquiry *inquiry, struct look *look,
       struct http_response *response, struct err *err)
{
	struct receipt_lookup *lookup =
		(struct receipt_lookup *)(void *)inquiry;
	struct pgnumber rooms[3];
	const struct pgvalue id[3] = {
		pgvalue_int4(lookup->lane, &rooms[0]),
		pgvalue_int4(lookup->incarnation, &rooms[1]),
		pgvalue_int8(lookup->seq, &rooms[2]),
	};
	struct pgrows *message = NULL, *delivered = NULL, *violated = NULL;
	enum err_code code =
		pgconn_query(look->conn, &find_message, id, &message, err);

	if (code == ERR_OK && pgrows_count(message) == 0)
		code = err_set(err, ERR_NOT_FOUND, "there is no such message");
	if (code == ERR_OK)
		code = pgconn_query(look->conn, &find_deliveries, id,
		                    &delivered, err);
	if (code == ERR_OK)
		code = pgconn_query(look->conn, &find_violations, id, &violated,
		                    err);
	if (code == ERR_OK) {
		add_message(response->body, lookup, message);
		add_deliveries(response->body, delivered);
		add_violations(response->body, violated);
		text_add(response->body, "}\n");
	}
	pgrows_free(&message);
	pgrows_free(&delivered);
	pgrows_free(&violated);
	return code;
}

/* -- public ---------------------------------------------------------------- */

void
receipt_lookup_begin(struct http_exchange *exchange, void *context)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct rest *rest = context;
	struct receipt_lookup *lookup =
		arena_calloc(http_exchange_arena(exchange), 1, sizeof(*lookup));
	struct admission admission;
	enum problem problem;

	CHECK_MAGIC(rest, REST_MAGIC);
	lookup->inquiry.rest = rest;
	lookup->inquiry.exchange = exchange;
	lookup->inquiry.endpoint = ENDPOINT_RECEIPT;
	lookup->inquiry.began_us = clock_now_us();
	lookup->inquiry.answer = answer;
	problem = admission_check(rest->auth, NULL, request, AUTH_READ,
	                          &admission);
	if (problem == PROBLEM_COUNT && request->query[0] != '\0')
		problem = PROBLEM_BAD_REQUEST;
	if (problem == PROBLEM_COUNT &&
	    !media_accepts_json(http_request_header(request, "Accept")))
		problem = PROBLEM_NOT_ACCEPTABLE;
	if (problem == PROBLEM_COUNT &&
	    !message_id_parse(http_request_path_value(request, "id"),
	                      &lookup->lane, &lookup->incarnation,
	                      &lookup->seq))
		problem = PROBLEM_NOT_FOUND;
	if (problem != PROBLEM_COUNT) {
		inquiry_refuse(&lookup->inquiry, problem, NULL);
		return;
	}
	strcpy(lookup->inquiry.tenant, admission.principal.tenant);
	inquiry_ask(&lookup->inquiry);
}
