/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the files of pgconn share: libpq, the connection's body, and the steps
 * beneath the public calls. Private to base/io/pg*.c; owner's thread only.
 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/pgconn.h"
#include "base/runtime/err.h"

#define PGCONN_MAGIC 0x7067636eu
/* Answers that may be outstanding in a pipeline. */
#define PGCONN_ANSWERS_MAX (1 << 20)
#define PGCONN_WARNING_MAX 512

struct pgprepare;
struct pgprepared;

enum pganswer_kind {
	PGANSWER_PREPARE, /* ours: consumed before the statement's own */
	PGANSWER_STATEMENT,
	PGANSWER_SYNC,
};

/* What the next answers in the pipeline belong to. */
struct pganswer {
	enum pganswer_kind kind;
	int generation;                      /* of a PREPARE */
	const struct pgstatement *statement; /* NULL: a sync */
	struct pgprepared *prepared;         /* NULL: not a prepared one */
};

struct pgconn {
	uint32_t magic;
	bool is_lost;
	bool in_pipeline;
	PGconn *pg;
	PGcancel *cancel;
	int64_t timeout_ms;
	char sqlstate[6];
	int warning_count;
	char warning_text[PGCONN_WARNING_MAX];
	struct pgprepare *prepare;
	struct pganswer *answers; /* a ring of answer_size, a power of two */
	size_t answer_size;
	size_t answer_first;
	size_t answer_count;
	int64_t group;          /* number of the group that is being sent */
	size_t unflushed_bytes; /* queued since the last flush, at most */
	struct err group_err;   /* why the group that is received failed */
	struct err lost_err;    /* why the connection is lost */
};

/* -- pgconnect.c ------------------------------------------------------- */

/* Until the server has let us in. */
enum err_code
pgconnect_start(struct pgconn *conn, const struct pgconn_options *options,
                struct err *err);
/* The session's settings and role. */
enum err_code
pgconnect_setup(struct pgconn *conn, const struct pgconn_options *options,
                struct err *err);

/* -- pgerror.c: what went wrong --------------------------------------- */

/* Libpq's hook for notices; context is the struct pgconn. */
void
pgerror_receive_notice(void *context, const PGresult *result);
/* The code for an error that Postgres sent; may mark the connection lost.
   what: the statement's name or the first words of the SQL. */
enum err_code
pgerror_set_result(struct pgconn *conn, const PGresult *result,
                   const char *what, struct err *err);
/* The connection is of no more use, for the reason that libpq knows. */
enum err_code
pgerror_set_lost(struct pgconn *conn, const char *what, struct err *err);
enum err_code
pgerror_set_timeout(struct pgconn *conn, const char *what, struct err *err);
/* For every call after the one that found it lost. */
enum err_code
pgerror_repeat_lost(const struct pgconn *conn, struct err *err);
/* While connecting libpq has a text only, printed with the SQLSTATE. */
enum err_code
pgerror_set_connect(const char *text, struct err *err);

/* -- pgwait.c: the socket --------------------------------------------- */

enum pgwait_result {
	PGWAIT_READY,
	PGWAIT_TIMEOUT,
	PGWAIT_BROKEN,
};

int64_t
pgwait_deadline(int64_t timeout_ms);
/* One step of poll; the POLL* events that came, 0: the deadline passed. */
int
pgwait_poll(const struct pgconn *conn, int events, int64_t deadline_us);
/* Until nothing is queued; reads meanwhile, so that it cannot dead-lock. */
enum err_code
pgwait_flush(struct pgconn *conn, struct err *err);
/* Until libpq has a whole answer. */
enum pgwait_result
pgwait_answer(struct pgconn *conn, int64_t deadline_us);
/* The next result or NULL (the end of one answer), without blocking in
   libpq. ERR_POSTGRES_LOST, ERR_TIMEOUT. */
enum err_code
pgwait_result(struct pgconn *conn, const char *what, PGresult **out,
              struct err *err);

/* -- pgprepare.c: which statements the server has ---------------------- */

#define PGPREPARE_NAME_MAX 80

struct pgprepare *
pgprepare_new(void);
void
pgprepare_free(struct pgprepare **prepare);
struct pgprepared *
pgprepare_find(struct pgprepare *prepare, const struct pgstatement *statement);
/* The generation to execute in this group; 0: it must be prepared first. */
int
pgprepare_usable(const struct pgprepared *prepared, int64_t group);
/* A new generation, sent in this group. */
int
pgprepare_sent(struct pgprepared *prepared, int64_t group);
/* The answer to it. */
void
pgprepare_answered(struct pgprepared *prepared, int generation, bool is_done);
/* The server no longer has it, or its plan is of no more use. */
void
pgprepare_forget(struct pgprepared *prepared);
const char *
pgprepare_name(const struct pgprepared *prepared, int generation,
               char out_name[PGPREPARE_NAME_MAX]);

/* -- pgrows.c ----------------------------------------------------------- */

/* Takes the result over. */
struct pgrows *
pgrows_new(PGresult *result);
