/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * From SQLSTATE to err_code, and everything that Postgres says without being
 * asked. Severity is read in its untranslated form.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/io/pglib.h"
#include "base/runtime/check.h"

struct mapping {
	const char *prefix; /* of a SQLSTATE; the first that fits holds */
	enum err_code code;
};

/*
 * What goes by itself is a RETRY class: the server is going or full (then a
 * new connection is the way), or a lock, a deadlock or a cancel was in the
 * way (then the connection is still good).
 */
static const struct mapping mappings[] = {
	{ "WB001", ERR_LANE_LOST }, /* lane_advance: not our lane */
	{ "WB002", ERR_CONFLICT },      { "WB003", ERR_NOT_FOUND },
	{ "42501", ERR_PRIVILEGE },     /* insufficient_privilege */
	{ "28", ERR_PRIVILEGE },        /* authorization */
	{ "08", ERR_POSTGRES_LOST },    /* connection exception */
	{ "53", ERR_POSTGRES_LOST },    /* disk, memory, connections full */
	{ "57P", ERR_POSTGRES_LOST },   /* shutdown, starting up, dropped */
	{ "25P03", ERR_POSTGRES_LOST }, /* idle in transaction for too long */
	{ "40", ERR_TIMEOUT },          /* deadlock, serialization */
	{ "55P03", ERR_TIMEOUT },       /* lock_timeout */
	{ "57014", ERR_TIMEOUT },       /* cancel, statement_timeout */
	{ "", ERR_POSTGRES_QUERY },
};

static enum err_code
code_of(const char *sqlstate)
{
	const struct mapping *at = mappings;

	while (strncmp(sqlstate, at->prefix, strlen(at->prefix)) != 0)
		at++;
	return at->code;
}

static const char *
field(const PGresult *result, int code)
{
	const char *text = PQresultErrorField(result, code);

	return text ? text : "";
}

static const char *
severity(const PGresult *result)
{
	const char *text = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	return *text ? text : field(result, PG_DIAG_SEVERITY);
}

static void
keep_sqlstate(struct pgconn *conn, const char *sqlstate)
{
	snprintf(conn->sqlstate, sizeof(conn->sqlstate), "%s", sqlstate);
}

static void
mark_lost(struct pgconn *conn, const struct err *err)
{
	if (conn->is_lost)
		return;
	conn->is_lost = true;
	conn->lost_err = *err;
}

/* "a\n\tb\n" -> "a; b": one line, since it goes into a log. */
static void
one_line(const char *text, char *out, size_t size)
{
	size_t len = 0;

	for (; *text && len + 3 < size; text++) {
		if (*text != '\n') {
			if (*text != '\t')
				out[len++] = *text;
		} else if (text[1]) {
			out[len++] = ';';
			out[len++] = ' ';
		}
	}
	out[len] = '\0';
}

/* -- public -- */

void
pgerror_receive_notice(void *context, const PGresult *result)
{
	static const char *const harmless[] = { "NOTICE", "INFO", "LOG",
		                                "DEBUG", NULL };
	struct pgconn *conn = context;
	const char *how = severity(result);
	const char *sqlstate = field(result, PG_DIAG_SQLSTATE);

	CHECK_MAGIC(conn, PGCONN_MAGIC);
	for (int i = 0; harmless[i]; i++)
		if (strncmp(how, harmless[i], strlen(harmless[i])) == 0)
			return;
	conn->warning_count++;
	snprintf(conn->warning_text, sizeof(conn->warning_text), "%s: %s",
	         sqlstate, field(result, PG_DIAG_MESSAGE_PRIMARY));
	/* An idle connection is told of its end by a notice. */
	if (strcmp(how, "WARNING") != 0)
		keep_sqlstate(conn, sqlstate);
}

enum err_code
pgerror_set_result(struct pgconn *conn, const PGresult *result,
                   const char *what, struct err *err)
{
	const char *sqlstate = field(result, PG_DIAG_SQLSTATE);
	const char *detail = field(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = field(result, PG_DIAG_MESSAGE_HINT);
	const char *how = severity(result);
	enum err_code code;

	/* Without a SQLSTATE it was libpq that failed, not the statement. */
	if (*sqlstate == '\0')
		return pgerror_set_lost(conn, what, err);
	keep_sqlstate(conn, sqlstate);
	code = code_of(sqlstate);
	if (strcmp(how, "FATAL") == 0 || strcmp(how, "PANIC") == 0 ||
	    PQstatus(conn->pg) == CONNECTION_BAD)
		code = ERR_POSTGRES_LOST;
	err_set(err, code, "%s: %s%s%s%s%s%s (SQLSTATE %s)", what,
	        field(result, PG_DIAG_MESSAGE_PRIMARY), *detail ? " (" : "",
	        detail, *detail ? ")" : "", *hint ? "; hint: " : "", hint,
	        sqlstate);
	if (code == ERR_POSTGRES_LOST)
		mark_lost(conn, err);
	return code;
}

enum err_code
pgerror_set_lost(struct pgconn *conn, const char *what, struct err *err)
{
	char text[ERR_TEXT_MAX / 2];

	one_line(PQerrorMessage(conn->pg), text, sizeof(text));
	err_set(err, ERR_POSTGRES_LOST, "%s: the connection is lost (%s%s%s)",
	        what, text, conn->warning_count ? "; before: " : "",
	        conn->warning_count ? conn->warning_text : "");
	mark_lost(conn, err);
	return ERR_POSTGRES_LOST;
}

enum err_code
pgerror_set_timeout(struct pgconn *conn, const char *what, struct err *err)
{
	err_set(err, ERR_TIMEOUT, "%s: no answer within %lld ms", what,
	        (long long)conn->timeout_ms);
	mark_lost(conn, err);
	return ERR_TIMEOUT;
}

enum err_code
pgerror_repeat_lost(const struct pgconn *conn, struct err *err)
{
	CHECK(conn->is_lost);
	return err_set(err, ERR_POSTGRES_LOST, "the connection was lost: %s",
	               conn->lost_err.text);
}

enum err_code
pgerror_set_connect(const char *text, struct err *err)
{
	char line[ERR_TEXT_MAX / 2];
	enum err_code code = ERR_POSTGRES_LOST;
	const char *at;

	/* "FATAL:  28P01: password authentication failed ...": the last one
	   counts, since libpq tries several hosts, with and without TLS. */
	for (at = strstr(text, ":  "); at; at = strstr(at + 1, ":  "))
		if (strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
		            5 &&
		    at[8] == ':')
			code = code_of(at + 3);
	if (code != ERR_PRIVILEGE)
		code = ERR_POSTGRES_LOST;
	one_line(text, line, sizeof(line));
	/* The place in the server's source is of no use to anybody. */
	if ((at = strstr(line, "; LOCATION:")) != NULL)
		line[at - line] = '\0';
	return err_set(err, code, "cannot connect to Postgres: %s", line);
}
