/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The public calls of a connection. libpq is nonblocking all the time; what
 * is sent in a pipeline is written down in a ring of expected answers, so
 * that the answers to our own PREPAREs are consumed on the way, and a receive
 * that does not fit what was sent is found by a CHECK.
 */
#include "base/io/pgconn.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/io/pglib.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

/* Above this a send goes to the socket at once, to bound libpq's buffer. */
#define UNFLUSHED_BYTES_MAX (256 * 1024)

/* -- answers --------------------------------------------------------------- */

static const char *
name_of(const struct pgstatement *statement)
{
	if (statement == NULL)
		return "sync";
	return statement->name ? statement->name : statement->sql;
}

static enum err_code
set_full(struct err *err)
{
	return err_set(err, ERR_FULL,
	               "%d answers of a pipeline are not received",
	               PGCONN_ANSWERS_MAX);
}

static void
answer_expect(struct pgconn *conn, struct pganswer answer)
{
	if (conn->answer_count == conn->answer_size) {
		size_t old = conn->answer_size;
		size_t size = old ? old * 2 : 64;
		size_t head = old - conn->answer_first;

		/* Laid out anew from its first one on. */
		struct pganswer *ring = memory_alloc(size * sizeof(*ring));

		if (old) {
			memcpy(ring, conn->answers + conn->answer_first,
			       head * sizeof(*ring));
			memcpy(ring + head, conn->answers,
			       conn->answer_first * sizeof(*ring));
		}
		memory_free(&conn->answers);
		conn->answers = ring;
		conn->answer_size = size;
		conn->answer_first = 0;
	}
	conn->answers[(conn->answer_first + conn->answer_count++) &
	              (conn->answer_size - 1)] = answer;
}

static struct pganswer *
answer_head(struct pgconn *conn)
{
	return conn->answer_count ? &conn->answers[conn->answer_first] : NULL;
}

static void
answer_pop(struct pgconn *conn)
{
	conn->answer_first = (conn->answer_first + 1) & (conn->answer_size - 1);
	conn->answer_count--;
}

/* What a failure says about the statement on the server: it is not there, or
   its plan no longer fits the tables. */
static void
forget_when_stale(struct pgconn *conn, struct pgprepared *prepared)
{
	if (prepared &&
	    (strcmp(conn->sqlstate, "26000") == 0 ||
	     strcmp(conn->sqlstate, "0A000") == 0))
		pgprepare_forget(prepared);
}

/* Turns one result into rows or an error; takes the result. */
static enum err_code
judge_result(struct pgconn *conn, PGresult *result, const char *what,
             PGresult **out, struct err *err)
{
	enum err_code code;

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		*out = result;
		return ERR_OK;
	case PGRES_PIPELINE_ABORTED:
		*err = conn->group_err;
		code = conn->group_err.code;
		CHECK(code != ERR_OK);
		break;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		/* libpq would answer the same for ever. */
		err_set(err, ERR_POSTGRES_LOST, "%s: COPY is not for here",
		        what);
		conn->is_lost = true;
		conn->lost_err = *err;
		code = ERR_POSTGRES_LOST;
		break;
	default:
		code = pgerror_set_result(conn, result, what, err);
		if (conn->in_pipeline)
			conn->group_err = *err;
		break;
	}
	PQclear(result);
	return code;
}

/* All results up to the NULL; the last good one in out_last, or the first
   error. */
static enum err_code
take_results(struct pgconn *conn, const char *what, PGresult **out_last,
             struct err *err)
{
	PGresult *last = NULL;
	enum err_code first = ERR_OK;

	for (;;) {
		PGresult *result = NULL, *good = NULL;
		struct err more;
		enum err_code code = pgwait_result(conn, what, &result, &more);

		if (code == ERR_OK && result == NULL)
			break;
		if (code == ERR_OK)
			code = judge_result(conn, result, what, &good, &more);
		if (good) {
			PQclear(last);
			last = good;
		}
		if (code != ERR_OK && first == ERR_OK) {
			first = code;
			*err = more;
		}
		if (conn->is_lost)
			break;
	}
	if (first == ERR_OK && last == NULL && !conn->is_lost)
		first = pgerror_set_lost(conn, what, err);
	if (first != ERR_OK) {
		PQclear(last);
		return first;
	}
	*out_last = last;
	return ERR_OK;
}

/* -- sending --------------------------------------------------------------- */

static void
lay_out(const struct pgstatement *statement, const struct pgvalue *values,
        const char **out_bytes, int *out_lens, int *out_formats,
        size_t *out_total)
{
	*out_total = 256 + strlen(statement->sql);
	for (int i = 0; i < statement->param_count; i++) {
		out_bytes[i] = values[i].bytes;
		out_lens[i] = values[i].len;
		out_formats[i] = 1;
		*out_total += (size_t)values[i].len + 8;
	}
}

static void
lay_out_types(const struct pgstatement *statement, Oid *out_types)
{
	for (int i = 0; i < statement->param_count; i++)
		out_types[i] = statement->types[i];
}

/* generation 0: not prepared. */
static enum err_code
queue_statement(struct pgconn *conn, const struct pgstatement *statement,
                const struct pgprepared *prepared, int generation,
                const struct pgvalue *values, struct err *err)
{
	const char *bytes[PGSTATEMENT_PARAMS_MAX];
	int lens[PGSTATEMENT_PARAMS_MAX], formats[PGSTATEMENT_PARAMS_MAX];
	Oid types[PGSTATEMENT_PARAMS_MAX];
	char name[PGPREPARE_NAME_MAX];
	size_t total;
	int done;

	lay_out(statement, values, bytes, lens, formats, &total);
	if (prepared) {
		done = PQsendQueryPrepared(
			conn->pg, pgprepare_name(prepared, generation, name),
			statement->param_count, bytes, lens, formats, 1);
	} else {
		lay_out_types(statement, types);
		done = PQsendQueryParams(conn->pg, statement->sql,
		                         statement->param_count, types, bytes,
		                         lens, formats, 1);
	}
	if (!done)
		return pgerror_set_lost(conn, name_of(statement), err);
	conn->unflushed_bytes += total;
	return ERR_OK;
}

static enum err_code
queue_prepare(struct pgconn *conn, struct pgprepared *prepared,
              const struct pgstatement *statement, int *out_generation,
              struct err *err)
{
	Oid types[PGSTATEMENT_PARAMS_MAX];
	char name[PGPREPARE_NAME_MAX];
	int generation = pgprepare_sent(prepared, conn->group);

	lay_out_types(statement, types);
	if (!PQsendPrepare(conn->pg, pgprepare_name(prepared, generation, name),
	                   statement->sql, statement->param_count, types))
		return pgerror_set_lost(conn, statement->name, err);
	conn->unflushed_bytes += 256 + strlen(statement->sql);
	*out_generation = generation;
	return ERR_OK;
}

static void
check_statement(const struct pgstatement *statement)
{
	CHECK(statement->param_count >= 0 &&
	      statement->param_count <= PGSTATEMENT_PARAMS_MAX);
}

/* Consumes the answer to a PREPARE of ours, when it is the next one. */
static enum err_code
absorb_prepare(struct pgconn *conn, struct err *err)
{
	struct pganswer *head = answer_head(conn);
	PGresult *result = NULL;
	struct err ignored;
	enum err_code code;

	if (head == NULL || head->kind != PGANSWER_PREPARE)
		return ERR_OK;
	/* If it failed, the statement behind it is answered by that. */
	code = take_results(conn, head->statement->name, &result, &ignored);
	PQclear(result);
	if (conn->is_lost) {
		*err = ignored;
		return code;
	}
	pgprepare_answered(head->prepared, head->generation, code == ERR_OK);
	answer_pop(conn);
	return ERR_OK;
}

/* Without BEGIN the sync is what commits, and may fail: then the error comes
   before the answer to the sync itself. */
static enum err_code
take_sync(struct pgconn *conn, struct err *err)
{
	enum err_code first = ERR_OK;

	for (int nulls = 0; nulls < 2;) {
		PGresult *result = NULL;
		struct err more;
		enum err_code code =
			pgwait_result(conn, "sync", &result, &more);

		if (code == ERR_OK && result == NULL) {
			nulls++;
			continue;
		}
		if (code == ERR_OK &&
		    PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			answer_pop(conn);
			conn->group_err.code = ERR_OK;
			return first;
		}
		if (code == ERR_OK)
			code = pgerror_set_result(conn, result, "sync", &more);
		PQclear(result);
		if (first == ERR_OK) {
			first = code;
			*err = more;
		}
		if (conn->is_lost)
			return first;
	}
	return pgerror_set_lost(conn, "sync", err);
}

/* -- public -- */

enum err_code
pgconn_open(const struct pgconn_options *options, struct pgconn **out,
            struct err *err)
{
	struct pgconn *conn = memory_calloc(1, sizeof(*conn));
	enum err_code code;

	CHECK(options->conninfo != NULL && options->timeout_ms > 0);
	conn->magic = PGCONN_MAGIC;
	conn->timeout_ms = options->timeout_ms;
	conn->prepare = pgprepare_new();
	conn->group = 1;
	code = pgconnect_start(conn, options, err);
	if (code == ERR_OK)
		code = pgconnect_setup(conn, options, err);
	if (code != ERR_OK) {
		pgconn_close(&conn);
		return code;
	}
	pgconn_warning_reset(conn);
	*out = conn;
	return ERR_OK;
}

void
pgconn_close(struct pgconn **pointer)
{
	struct pgconn *conn = *pointer;

	if (conn == NULL)
		return;
	CHECK_MAGIC(conn, PGCONN_MAGIC);
	PQfreeCancel(conn->cancel);
	PQfinish(conn->pg);
	pgprepare_free(&conn->prepare);
	memory_free(&conn->answers);
	conn->magic = 0;
	memory_free(pointer);
}

bool
pgconn_is_lost(const struct pgconn *conn)
{
	return conn->is_lost;
}

enum err_code
pgconn_exec(struct pgconn *conn, const char *sql, struct err *err)
{
	PGresult *result = NULL;
	char what[64];
	enum err_code code;

	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(!conn->in_pipeline);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	snprintf(what, sizeof(what), "%s", sql);
	if (!PQsendQuery(conn->pg, sql))
		return pgerror_set_lost(conn, what, err);
	if ((code = pgwait_flush(conn, err)) == ERR_OK)
		code = take_results(conn, what, &result, err);
	PQclear(result);
	return code;
}

enum err_code
pgconn_query(struct pgconn *conn, const struct pgstatement *statement,
             const struct pgvalue *values, struct pgrows **out, struct err *err)
{
	struct pgprepared *prepared = NULL;
	PGresult *result = NULL;
	int generation = 0;
	enum err_code code = ERR_OK;

	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(!conn->in_pipeline);
	check_statement(statement);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	if (statement->name) {
		prepared = pgprepare_find(conn->prepare, statement);
		generation = pgprepare_usable(prepared, conn->group);
	}
	if (prepared && generation == 0) {
		code = queue_prepare(conn, prepared, statement, &generation,
		                     err);
		if (code == ERR_OK &&
		    (code = pgwait_flush(conn, err)) == ERR_OK)
			code = take_results(conn, statement->name, &result,
			                    err);
		pgprepare_answered(prepared, generation, code == ERR_OK);
		PQclear(result);
		result = NULL;
	}
	if (code == ERR_OK)
		code = queue_statement(conn, statement, prepared, generation,
		                       values, err);
	if (code == ERR_OK)
		code = pgwait_flush(conn, err);
	if (code == ERR_OK)
		code = take_results(conn, name_of(statement), &result, err);
	if (code != ERR_OK) {
		forget_when_stale(conn, prepared);
		return code;
	}
	if (out)
		*out = pgrows_new(result);
	else
		PQclear(result);
	return ERR_OK;
}

const char *
pgconn_sqlstate(const struct pgconn *conn)
{
	return conn->sqlstate;
}

bool
pgconn_in_transaction(const struct pgconn *conn)
{
	switch (PQtransactionStatus(conn->pg)) {
	case PQTRANS_ACTIVE:
	case PQTRANS_INTRANS:
	case PQTRANS_INERROR:
		return true;
	default:
		return false;
	}
}

enum err_code
pgconn_pipeline_begin(struct pgconn *conn, struct err *err)
{
	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(!conn->in_pipeline);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	CHECK(PQenterPipelineMode(conn->pg) == 1);
	conn->in_pipeline = true;
	conn->group_err.code = ERR_OK;
	return ERR_OK;
}

enum err_code
pgconn_pipeline_end(struct pgconn *conn, struct err *err)
{
	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(conn->in_pipeline);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	CHECK(conn->answer_count == 0);
	CHECK(PQexitPipelineMode(conn->pg) == 1);
	conn->in_pipeline = false;
	return ERR_OK;
}

enum err_code
pgconn_send(struct pgconn *conn, const struct pgstatement *statement,
            const struct pgvalue *values, struct err *err)
{
	struct pganswer answer = {
		.kind = PGANSWER_STATEMENT,
		.statement = statement,
	};
	int generation = 0;
	enum err_code code;

	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(conn->in_pipeline);
	check_statement(statement);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	if (conn->answer_count + 3 > PGCONN_ANSWERS_MAX)
		return set_full(err);
	if (statement->name) {
		answer.prepared = pgprepare_find(conn->prepare, statement);
		generation = pgprepare_usable(answer.prepared, conn->group);
	}
	if (answer.prepared && generation == 0) {
		code = queue_prepare(conn, answer.prepared, statement,
		                     &generation, err);
		if (code != ERR_OK)
			return code;
		answer_expect(conn,
		              (struct pganswer){ PGANSWER_PREPARE, generation,
		                                 statement, answer.prepared });
	}
	code = queue_statement(conn, statement, answer.prepared, generation,
	                       values, err);
	if (code != ERR_OK)
		return code;
	answer_expect(conn, answer);
	if (conn->unflushed_bytes > UNFLUSHED_BYTES_MAX)
		return pgwait_flush(conn, err);
	return ERR_OK;
}

enum err_code
pgconn_sync(struct pgconn *conn, struct err *err)
{
	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(conn->in_pipeline);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	if (conn->answer_count == PGCONN_ANSWERS_MAX)
		return set_full(err);
	if (!PQpipelineSync(conn->pg))
		return pgerror_set_lost(conn, "sync", err);
	answer_expect(conn, (struct pganswer){ .kind = PGANSWER_SYNC });
	conn->group++;
	return pgwait_flush(conn, err);
}

enum err_code
pgconn_flush(struct pgconn *conn, struct err *err)
{
	CHECK_MAGIC(conn, PGCONN_MAGIC);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	/* Without a sync the server keeps its answers until it is asked. */
	if (conn->in_pipeline && conn->answer_count &&
	    !PQsendFlushRequest(conn->pg))
		return pgerror_set_lost(conn, "flush", err);
	return pgwait_flush(conn, err);
}

enum err_code
pgconn_receive(struct pgconn *conn, struct pgrows **out, struct err *err)
{
	struct pganswer answer;
	PGresult *result = NULL;
	enum err_code code;

	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(conn->in_pipeline);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	if ((code = absorb_prepare(conn, err)) != ERR_OK)
		return code;
	CHECK(answer_head(conn) &&
	      answer_head(conn)->kind == PGANSWER_STATEMENT);
	answer = *answer_head(conn);
	code = take_results(conn, name_of(answer.statement), &result, err);
	if (conn->is_lost)
		return code;
	answer_pop(conn);
	if (code != ERR_OK) {
		forget_when_stale(conn, answer.prepared);
		return code;
	}
	if (out)
		*out = pgrows_new(result);
	else
		PQclear(result);
	return ERR_OK;
}

enum err_code
pgconn_receive_sync(struct pgconn *conn, struct err *err)
{
	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(conn->in_pipeline);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	CHECK(answer_head(conn) && answer_head(conn)->kind == PGANSWER_SYNC);
	return take_sync(conn, err);
}

bool
pgconn_has_answer(struct pgconn *conn, int64_t timeout_ms)
{
	int64_t deadline_us = pgwait_deadline(timeout_ms);
	struct err err;

	CHECK_MAGIC(conn, PGCONN_MAGIC);
	while (!conn->is_lost && conn->answer_count) {
		switch (pgwait_answer(conn, deadline_us)) {
		case PGWAIT_TIMEOUT:
			return false;
		case PGWAIT_BROKEN:
			pgerror_set_lost(conn, "wait", &err);
			return true;
		case PGWAIT_READY:
			break;
		}
		if (answer_head(conn)->kind != PGANSWER_PREPARE)
			return true;
		if (absorb_prepare(conn, &err) != ERR_OK)
			return true;
	}
	return conn->is_lost;
}

int
pgconn_warning_count(const struct pgconn *conn)
{
	return conn->warning_count;
}

const char *
pgconn_warning_text(const struct pgconn *conn)
{
	return conn->warning_text;
}

void
pgconn_warning_reset(struct pgconn *conn)
{
	conn->warning_count = 0;
	conn->warning_text[0] = '\0';
}

enum err_code
pgconn_wait_notification(struct pgconn *conn, int64_t timeout_ms,
                         bool *out_came, char *out_payload, size_t size,
                         struct err *err)
{
	int64_t deadline_us = pgwait_deadline(timeout_ms);
	PGnotify *notification;

	CHECK_MAGIC(conn, PGCONN_MAGIC);
	CHECK(!conn->in_pipeline);
	if (conn->is_lost)
		return pgerror_repeat_lost(conn, err);
	while ((notification = PQnotifies(conn->pg)) == NULL) {
		if (pgwait_poll(conn, POLLIN, deadline_us) == 0) {
			*out_came = false;
			return ERR_OK;
		}
		if (!PQconsumeInput(conn->pg))
			return pgerror_set_lost(conn, "listen", err);
	}
	if (size)
		snprintf(out_payload, size, "%s", notification->extra);
	PQfreemem(notification);
	*out_came = true;
	return ERR_OK;
}

void
pgconn_cancel(struct pgconn *conn)
{
	char text[256];

	CHECK_MAGIC(conn, PGCONN_MAGIC);
	/* It may come too late; so its own failure tells nothing. */
	(void)PQcancel(conn->cancel, text, sizeof(text));
}
