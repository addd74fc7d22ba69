/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting on the socket of a connection. Libpq's own waiting has no end, so
 * it is never let into it: what may block is asked first. Where the server
 * does not read because it has answers that nobody takes, both sides would
 * wait for ever; so whoever waits to write also reads.
 */
#include <errno.h>
#include <poll.h>

#include "base/io/pglib.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"

#define TLS_STEP_MS 20

/* -- public -- */

int64_t
pgwait_deadline(int64_t timeout_ms)
{
	return clock_now_us() + timeout_ms * 1000;
}

int
pgwait_poll(const struct pgconn *conn, int events, int64_t deadline_us)
{
	struct pollfd fd = {
		.fd = PQsocket(conn->pg),
		.events = (short)events,
	};

	if (fd.fd < 0)
		return POLLERR;
	for (;;) {
		int64_t left_us = deadline_us - clock_now_us();
		int64_t left_ms = left_us > 0 ? (left_us + 999) / 1000 : 0;
		int count =
			poll(&fd, 1, left_ms > 60000 ? 60000 : (int)left_ms);

		if (count > 0)
			return fd.revents;
		if (count < 0 && errno != EINTR)
			return POLLERR;
		/* A clock that stands still must not make it endless. */
		if (count == 0 && left_ms <= 60000)
			return 0;
	}
}

enum err_code
pgwait_flush(struct pgconn *conn, struct err *err)
{
	int state;

	while ((state = PQflush(conn->pg)) == 1) {
		int came = pgwait_poll(conn, POLLIN | POLLOUT,
		                       pgwait_deadline(conn->timeout_ms));

		if (came == 0)
			return pgerror_set_timeout(conn, "send", err);
		if ((came & ~POLLOUT) && !PQconsumeInput(conn->pg))
			return pgerror_set_lost(conn, "send", err);
	}
	if (state < 0)
		return pgerror_set_lost(conn, "send", err);
	conn->unflushed_bytes = 0;
	return ERR_OK;
}

enum pgwait_result
pgwait_answer(struct pgconn *conn, int64_t deadline_us)
{
	bool is_tls = PQsslInUse(conn->pg);

	while (PQisBusy(conn->pg)) {
		int unsent = PQflush(conn->pg);
		int events = unsent ? POLLIN | POLLOUT : POLLIN;
		int64_t step_us = deadline_us;
		int came;

		if (unsent < 0)
			return PGWAIT_BROKEN;
		/* Bytes that TLS has decrypted already are seen by no poll. */
		if (is_tls && pgwait_deadline(TLS_STEP_MS) < deadline_us)
			step_us = pgwait_deadline(TLS_STEP_MS);
		came = pgwait_poll(conn, events, step_us);
		if (came == 0 && step_us == deadline_us)
			return PGWAIT_TIMEOUT;
		if (came != POLLOUT && !PQconsumeInput(conn->pg))
			return PGWAIT_BROKEN;
	}
	return PGWAIT_READY;
}

enum err_code
pgwait_result(struct pgconn *conn, const char *what, PGresult **out,
              struct err *err)
{
	switch (pgwait_answer(conn, pgwait_deadline(conn->timeout_ms))) {
	case PGWAIT_READY:
		*out = PQgetResult(conn->pg);
		return ERR_OK;
	case PGWAIT_TIMEOUT:
		return pgerror_set_timeout(conn, what, err);
	case PGWAIT_BROKEN:
		break;
	}
	return pgerror_set_lost(conn, what, err);
}
