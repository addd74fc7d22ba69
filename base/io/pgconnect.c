/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a connection: libpq's nonblocking way, so that the wait has an end,
 * and what every session of this project is set to.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io/pglib.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"

#define SETUP_BYTES_MAX 8192

/* Guards against a peer that has gone, and against ourselves: a process that
   stops in the middle of a transaction must not hold its locks for long. */
static const char *const keywords[][2] = {
	{ "client_encoding", "UTF8" },  { "tcp_user_timeout", "5000" },
	{ "keepalives", "1" },          { "keepalives_idle", "5" },
	{ "keepalives_interval", "2" }, { "keepalives_count", "3" },
};
#define KEYWORD_COUNT ((int)(sizeof(keywords) / sizeof(keywords[0])))

static const char *const session_settings[] = {
	"DateStyle=ISO",
	"idle_in_transaction_session_timeout=5000",
	"lock_timeout=5000",
	NULL,
};

static enum err_code
start(struct pgconn *conn, const struct pgconn_options *options,
      struct err *err)
{
	const char *names[KEYWORD_COUNT + 3] = { "dbname" };
	const char *values[KEYWORD_COUNT + 3] = { options->conninfo };
	int count = 1;

	for (int i = 0; i < KEYWORD_COUNT; i++, count++) {
		names[count] = keywords[i][0];
		values[count] = keywords[i][1];
	}
	if (options->application) {
		names[count] = "application_name";
		values[count++] = options->application;
	}
	conn->pg = PQconnectStartParams(names, values, 1);
	CHECK(conn->pg != NULL);
	PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(conn->pg, pgerror_receive_notice, conn);
	if (PQstatus(conn->pg) == CONNECTION_BAD)
		return pgerror_set_connect(PQerrorMessage(conn->pg), err);
	return ERR_OK;
}

/* How many servers the conninfo names: "a,b" is two. */
static int
host_count(PGconn *pg)
{
	PQconninfoOption *options = PQconninfo(pg);
	int most = 1;

	for (PQconninfoOption *at = options; at && at->keyword; at++) {
		int count = 1;

		if (strcmp(at->keyword, "host") != 0 &&
		    strcmp(at->keyword, "hostaddr") != 0)
			continue;
		for (const char *c = at->val; c && *c; c++)
			count += *c == ',';
		if (count > most)
			most = count;
	}
	PQconninfoFree(options);
	return most;
}

/* Each server has its share of the time, or one that has gone would take all
   of it; libpq goes on to the next one when the socket fails. */
static enum err_code
connect_poll(struct pgconn *conn, struct err *err)
{
	int64_t deadline_us = pgwait_deadline(conn->timeout_ms);
	int64_t share_ms = conn->timeout_ms / host_count(conn->pg);
	int64_t share_us = pgwait_deadline(share_ms);
	const char *host = PQhost(conn->pg), *port = PQport(conn->pg);
	int events = POLLOUT;

	for (;;) {
		bool is_last = share_us >= deadline_us;

		if (pgwait_poll(conn, events,
		                is_last ? deadline_us : share_us) == 0) {
			if (is_last)
				return err_set(
					err, ERR_POSTGRES_LOST,
					"cannot connect to Postgres: host %s "
					"port %s did not answer in time",
					PQhost(conn->pg), PQport(conn->pg));
			shutdown(PQsocket(conn->pg), SHUT_RDWR);
			share_us = pgwait_deadline(share_ms);
		}
		switch (PQconnectPoll(conn->pg)) {
		case PGRES_POLLING_READING:
			events = POLLIN;
			break;
		case PGRES_POLLING_WRITING:
			events = POLLOUT;
			break;
		case PGRES_POLLING_OK:
			return ERR_OK;
		default:
			return pgerror_set_connect(PQerrorMessage(conn->pg),
			                           err);
		}
		if (PQhost(conn->pg) != host || PQport(conn->pg) != port) {
			host = PQhost(conn->pg);
			port = PQport(conn->pg);
			share_us = pgwait_deadline(share_ms);
		}
	}
}

/* "name=value" as one set_config, so that a value needs no quoting rules. */
static void
add_setting(struct pgconn *conn, const char *setting, struct text *sql)
{
	const char *equals = strchr(setting, '=');
	char *name, *value;

	CHECK(equals != NULL);
	name = PQescapeLiteral(conn->pg, setting, (size_t)(equals - setting));
	value = PQescapeLiteral(conn->pg, equals + 1, strlen(equals + 1));
	CHECK(name != NULL && value != NULL);
	text_addf(sql, "%s pg_catalog.set_config(%s, %s, false)",
	          sql->len ? "," : "SELECT", name, value);
	PQfreemem(name);
	PQfreemem(value);
}

/* -- public -- */

enum err_code
pgconnect_start(struct pgconn *conn, const struct pgconn_options *options,
                struct err *err)
{
	enum err_code code = start(conn, options, err);

	if (code == ERR_OK)
		code = connect_poll(conn, err);
	if (code != ERR_OK)
		return code;
	PQsetErrorVerbosity(conn->pg, PQERRORS_DEFAULT);
	conn->cancel = PQgetCancel(conn->pg);
	CHECK(conn->cancel != NULL);
	if (PQsetnonblocking(conn->pg, 1) != 0)
		return pgerror_set_lost(conn, "connect", err);
	return ERR_OK;
}

/* What mends a refusal is said: who connects has to be a member. */
static enum err_code
take_role(struct pgconn *conn, const char *name, struct err *err)
{
	char *role = PQescapeIdentifier(conn->pg, name, strlen(name));
	const char *login = PQuser(conn->pg);
	char *user = PQescapeIdentifier(conn->pg, login, strlen(login));
	struct text sql;
	enum err_code code;

	CHECK(role != NULL && user != NULL);
	text_init(&sql, SETUP_BYTES_MAX);
	text_addf(&sql, "SET ROLE %s", role);
	code = pgconn_exec(conn, text_string(&sql), err);
	text_fini(&sql);
	if (code == ERR_PRIVILEGE)
		code = err_set(err, ERR_PRIVILEGE,
		               "user %s may not take on role %s; what mends "
		               "it: GRANT %s TO %s",
		               login, name, name, user);
	/* No such role is "invalid parameter value" here. */
	if (code == ERR_POSTGRES_QUERY)
		code = err->code = ERR_PRIVILEGE;
	PQfreemem(role);
	PQfreemem(user);
	return code;
}

enum err_code
pgconnect_setup(struct pgconn *conn, const struct pgconn_options *options,
                struct err *err)
{
	const char *const *extra = options->settings;
	struct text sql;
	enum err_code code;

	text_init(&sql, SETUP_BYTES_MAX);
	for (int i = 0; session_settings[i]; i++)
		add_setting(conn, session_settings[i], &sql);
	for (int i = 0; extra && extra[i]; i++)
		add_setting(conn, extra[i], &sql);
	CHECK(!text_is_cut(&sql));
	code = pgconn_exec(conn, text_string(&sql), err);
	if (code == ERR_OK && options->role)
		code = take_role(conn, options->role, err);
	text_fini(&sql);
	return code;
}
