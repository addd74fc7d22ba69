/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One connection to Postgres: pipeline mode, binary parameters and results,
 * and every notice seen, because a warning during COMMIT means that its
 * outcome is unknown. libpq is included through pglib.h, in base/io/pg*.c
 * only.
 *
 * Owner's thread only. After ERR_POSTGRES_LOST nothing more can be done with
 * a connection but pgconn_close; what was under way is then unknown.
 *
 * Errors of statements: ERR_POSTGRES_LOST (shutdown, SQLSTATE classes 08 and
 * 53, 57P0x, anything FATAL), ERR_TIMEOUT with a connection that stays good
 * (deadlock, lock_timeout, cancel: classes 40, 55P03, 57014), ERR_PRIVILEGE
 * (42501, 28), ERR_LANE_LOST (WB001), ERR_CONFLICT (WB002), ERR_NOT_FOUND
 * (WB003), and ERR_POSTGRES_QUERY for all others. The text begins with the
 * statement's name.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct pgconn;
struct pgrows;

/* Type ids of pg_type that never change. */
enum pgtype {
	PGTYPE_BOOL = 16,
	PGTYPE_BYTEA = 17,
	PGTYPE_INT8 = 20,
	PGTYPE_INT2 = 21,
	PGTYPE_INT4 = 23,
	PGTYPE_TEXT = 25,
	PGTYPE_BYTEA_ARRAY = 1001,
	PGTYPE_INT2_ARRAY = 1005,
	PGTYPE_INT4_ARRAY = 1007,
	PGTYPE_TEXT_ARRAY = 1009,
	PGTYPE_INT8_ARRAY = 1016,
	PGTYPE_DATE = 1082,
	PGTYPE_TIMESTAMPTZ = 1184,
};

/* A parameter in binary form. bytes NULL: SQL null. Borrowed. */
struct pgvalue {
	const void *bytes;
	int len;
};

#define PGVALUE_NULL ((struct pgvalue){ NULL, 0 })

/* Numbers go over the wire in network order: keep the buffer in scope. */
struct pgnumber {
	uint8_t bytes[8];
};
struct pgvalue
pgvalue_int8(int64_t value, struct pgnumber *room);
struct pgvalue
pgvalue_int4(int32_t value, struct pgnumber *room);
struct pgvalue
pgvalue_int2(int16_t value, struct pgnumber *room);
struct pgvalue
pgvalue_date(int32_t days_since_1970, struct pgnumber *room);
struct pgvalue
pgvalue_bool(bool value, struct pgnumber *room);
struct pgvalue
pgvalue_text(const char *text); /* NULL: SQL null; "" is not null */
struct pgvalue
pgvalue_bytes(const void *bytes, size_t len); /* len 0: empty, not null */

#define PGSTATEMENT_PARAMS_MAX 32

/* A statement is a constant at the top of the .c that owns its table. */
struct pgstatement {
	const char *name; /* for PREPARE; unique in the process */
	const char *sql;
	int param_count;
	enum pgtype types[PGSTATEMENT_PARAMS_MAX];
};

struct pgconn_options {
	const char *conninfo;    /* as libpq takes it; TLS by its keywords */
	const char *application; /* seen in pg_stat_activity */
	const char *role;        /* SET ROLE after connecting, or NULL */
	int64_t timeout_ms;      /* to connect, and for each answer */
	const char *const *settings; /* "name=value"s set for the session,
	                                NULL-terminated, or NULL */
};

/*
 * Always sets client_encoding=UTF8, idle_in_transaction_session_timeout 5 s,
 * lock_timeout, tcp_user_timeout 5 s, keepalives, and DateStyle ISO.
 * ERR_POSTGRES_LOST, ERR_PRIVILEGE (bad password, no such role).
 */
enum err_code
pgconn_open(const struct pgconn_options *options, struct pgconn **out,
            struct err *err) ERR_MUST_CHECK;

void
pgconn_close(struct pgconn **conn); /* NULL is legal */

bool
pgconn_is_lost(const struct pgconn *conn);

/* -- one statement and its answer ------------------------------------- */

/* Text of one or more statements without parameters; rows are dropped. */
enum err_code
pgconn_exec(struct pgconn *conn, const char *sql,
            struct err *err) ERR_MUST_CHECK;

/* values: statement->param_count of them. out may be NULL. Not prepared on
   the server when name is NULL. Not to be called inside a pipeline. */
enum err_code
pgconn_query(struct pgconn *conn, const struct pgstatement *statement,
             const struct pgvalue *values, struct pgrows **out,
             struct err *err) ERR_MUST_CHECK;

/* The SQLSTATE of the last error that Postgres sent ("" if none). */
const char *
pgconn_sqlstate(const struct pgconn *conn);

/* Whether a transaction is open (also a failed one). */
bool
pgconn_in_transaction(const struct pgconn *conn);

/* -- pipeline ----------------------------------------------------------- */

/*
 * Between begin and end: pgconn_send queues statements (prepared at first
 * use), pgconn_sync ends a group; answers are then received in the order in
 * which they were sent, one pgconn_receive per pgconn_send, and one
 * pgconn_receive_sync per pgconn_sync. After an error, the rest of the group
 * is answered by the same error, and the transaction is still open, failed:
 * send ROLLBACK. Large parameters never dead-lock: sending also reads.
 */
enum err_code
pgconn_pipeline_begin(struct pgconn *conn, struct err *err) ERR_MUST_CHECK;

enum err_code
pgconn_pipeline_end(struct pgconn *conn, struct err *err) ERR_MUST_CHECK;

enum err_code
pgconn_send(struct pgconn *conn, const struct pgstatement *statement,
            const struct pgvalue *values, struct err *err) ERR_MUST_CHECK;

enum err_code
pgconn_sync(struct pgconn *conn, struct err *err) ERR_MUST_CHECK;

/* Pushes all that is queued to the socket without waiting for answers, and
   asks for those that are ready: else the server keeps them until the sync. */
enum err_code
pgconn_flush(struct pgconn *conn, struct err *err) ERR_MUST_CHECK;

/* ERR_TIMEOUT: after options.timeout_ms; the connection is then lost too. */
enum err_code
pgconn_receive(struct pgconn *conn, struct pgrows **out,
               struct err *err) ERR_MUST_CHECK;

enum err_code
pgconn_receive_sync(struct pgconn *conn, struct err *err) ERR_MUST_CHECK;

/* True when an answer is there (or the connection broke) within timeout_ms:
   the next receive does not wait for its first byte. */
bool
pgconn_has_answer(struct pgconn *conn, int64_t timeout_ms);

/* -- notices and notifications ------------------------------------------ */

/* How many WARNINGs (or worse, that are no errors) came since the last
   reset; and the text of the last one with its SQLSTATE. */
int
pgconn_warning_count(const struct pgconn *conn);
const char *
pgconn_warning_text(const struct pgconn *conn);
void
pgconn_warning_reset(struct pgconn *conn);

/* LISTEN was sent by pgconn_exec. True when a notification came within
   timeout_ms; out_payload is cut to size. */
enum err_code
pgconn_wait_notification(struct pgconn *conn, int64_t timeout_ms,
                         bool *out_came, char *out_payload, size_t size,
                         struct err *err) ERR_MUST_CHECK;

/* Ends what the server is doing for this connection. Any thread. */
void
pgconn_cancel(struct pgconn *conn);

/* -- rows ---------------------------------------------------------------- */

void
pgrows_free(struct pgrows **rows);
int
pgrows_count(const struct pgrows *rows);
int
pgrows_columns(const struct pgrows *rows);
const char *
pgrows_column_name(const struct pgrows *rows, int column);
enum pgtype
pgrows_type(const struct pgrows *rows, int column);
bool
pgrows_is_null(const struct pgrows *rows, int row, int column);
/* Getters CHECK the column's type; a null is 0, false, NULL. */
int64_t
pgrows_int(const struct pgrows *rows, int row, int column); /* 2, 4, 8 */
bool
pgrows_bool(const struct pgrows *rows, int row, int column);
/* Text types (also name, varchar, json): NUL-terminated, borrowed. */
const char *
pgrows_text(const struct pgrows *rows, int row, int column);
/* timestamptz in ms since 1970; date in days since 1970 by pgrows_int. */
int64_t
pgrows_time_ms(const struct pgrows *rows, int row, int column);
/* Any type: the binary value, borrowed. */
const uint8_t *
pgrows_bytes(const struct pgrows *rows, int row, int column, int *out_len);
