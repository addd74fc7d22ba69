/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The role is taken for the transaction only: the connection serves the next
 * tenant behind it.
 */
#include "gateway/rest/inquiry.h"

#include <stddef.h>

#include "base/io/httpd.h"
#include "base/io/pgconn.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/text.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/rest_context.h"

#define INQUIRY_MAGIC 0x696e7175u

/* In the form of look.readable: of the tables that look for more than a tenant
   may see, there is none. */
static const struct pgstatement take_role = {
	.name = "inquiry_take_role",
	.sql = "select set_config('role', waybill.tenant_role($1), true),"
	       " false, false",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};

static struct inquiry *
of_job(struct reading_job *job)
{
	struct inquiry *inquiry =
		(struct inquiry *)(void *)((char *)job -
	                                   offsetof(struct inquiry, job));

	CHECK_MAGIC(inquiry, INQUIRY_MAGIC);
	return inquiry;
}

static void
end(struct inquiry *inquiry)
{
	struct http_response *response =
		http_exchange_response(inquiry->exchange);

	rest_metric_answered(inquiry->endpoint, response->status,
	                     clock_now_us() - inquiry->began_us);
	inquiry->magic = 0;
	http_exchange_answer(inquiry->exchange);
}

static enum err_code
run(struct reading_job *job, struct pgconn *conn, struct err *err)
{
	struct inquiry *inquiry = of_job(job);
	struct http_response *response =
		http_exchange_response(inquiry->exchange);
	struct pgvalue tenant = pgvalue_text(inquiry->tenant);
	struct look look = { .conn = conn };
	enum err_code code;

	text_reset(response->body);
	if (pgconn_exec(conn, "begin transaction read only", err) != ERR_OK ||
	    pgconn_query(conn, &take_role, &tenant, &look.readable, err) !=
	            ERR_OK)
		return err->code;
	code = inquiry->answer(inquiry, &look, response, err);
	pgrows_free(&look.readable);
	if (code != ERR_OK)
		return code;
	return pgconn_exec(conn, "commit", err);
}

static void
finish(struct reading_job *job, const struct err *err)
{
	static const struct log_scope scope = { .part = "rest", .lane = -1 };
	struct inquiry *inquiry = of_job(job);

	switch (err->code == ERR_OK ? ERR_CLASS_NONE : err_class(err->code)) {
	case ERR_CLASS_NONE:
		end(inquiry);
		return;
	case ERR_CLASS_RETRY:
		inquiry_refuse(inquiry, PROBLEM_UNAVAILABLE,
		               "the journal does not answer in time");
		return;
	default:
		break;
	}
	if (err->code == ERR_NOT_FOUND) {
		inquiry_refuse(inquiry, PROBLEM_NOT_FOUND, NULL);
	} else if (err->code == ERR_USAGE) {
		inquiry_refuse(inquiry, PROBLEM_BAD_REQUEST, err->text);
	} else {
		log_error(&scope, "failed to answer a question (%s)",
		          err->text);
		inquiry_refuse(inquiry, PROBLEM_INTERNAL, NULL);
	}
}

/* -- public ---------------------------------------------------------------- */

void
inquiry_ask(struct inquiry *inquiry)
{
	inquiry->magic = INQUIRY_MAGIC;
	inquiry->job = (struct reading_job){ run, finish };
	if (!reading_ask(inquiry->rest->reading, &inquiry->job))
		inquiry_refuse(inquiry, PROBLEM_UNAVAILABLE,
		               "too much is asked for");
}

void
inquiry_refuse(struct inquiry *inquiry, int problem, const char *detail)
{
	problem_answer(http_exchange_response(inquiry->exchange),
	               (enum problem)problem, detail);
	end(inquiry);
}
