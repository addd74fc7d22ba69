/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The table daemon; the owners of the table lane.
 */
#include "base/model/lease.h"

#include <string.h>

#include "base/io/pgconn.h"
#include "base/runtime/check.h"

static const struct pgstatement beat = {
	.name = "lease_beat",
	.sql = "select waybill.daemon_beat($1, $2, $3)",
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4 },
};

static const struct pgstatement leave = {
	.name = "lease_leave",
	.sql = "select waybill.daemon_leave($1)",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};

static const struct pgstatement look = {
	.name = "lease_look",
	.sql = "select l.lane, coalesce(l.owner = $1, false),"
	       " l.owner is null or d.daemon is null or d.deadline < now(),"
	       " (select count(*) from waybill.daemon where deadline >= now()),"
	       " l.epoch,"
	       " case when l.owner <> $1 and d.deadline >= now()"
	       " then d.url end"
	       " from waybill.lane l left join waybill.daemon d"
	       " on d.daemon = l.owner order by l.lane",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};

static const struct pgstatement give_back = {
	.name = "lease_give_back",
	.sql = "select waybill.lane_release($1, $2, $3)",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT8, PGTYPE_TEXT },
};

static const struct pgstatement read_secret = {
	.name = "lease_secret",
	.sql = "select secret from waybill.daemon_secret",
};

/* One that does not fit is as good as none. */
static void
copy_url(char out[LEASE_URL_MAX], const char *url)
{
	if (url != NULL && strlen(url) < LEASE_URL_MAX)
		strcpy(out, url);
}

/* -- public ---------------------------------------------------------------- */

enum err_code
lease_beat(struct pgconn *conn, const char *daemon, const char *url,
           int64_t ttl_ms, struct err *err)
{
	struct pgnumber room;
	const struct pgvalue values[] = {
		pgvalue_text(daemon),
		pgvalue_text(url),
		pgvalue_int4((int32_t)ttl_ms, &room),
	};

	return pgconn_query(conn, &beat, values, NULL, err);
}

enum err_code
lease_leave(struct pgconn *conn, const char *daemon, struct err *err)
{
	const struct pgvalue values[] = { pgvalue_text(daemon) };

	return pgconn_query(conn, &leave, values, NULL, err);
}

enum err_code
lease_give_back(struct pgconn *conn, int lane, int64_t epoch,
                const char *daemon, struct err *err)
{
	struct pgnumber rooms[2];
	const struct pgvalue values[] = {
		pgvalue_int4(lane, &rooms[0]),
		pgvalue_int8(epoch, &rooms[1]),
		pgvalue_text(daemon),
	};

	return pgconn_query(conn, &give_back, values, NULL, err);
}

enum err_code
lease_look(struct pgconn *conn, const char *daemon, struct lease_view *out,
           struct err *err)
{
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = { pgvalue_text(daemon) };

	if (pgconn_query(conn, &look, values, &rows, err) != ERR_OK)
		return err->code;
	memset(out, 0, sizeof(*out));
	out->lanes = pgrows_count(rows);
	CHECK(out->lanes <= LEASE_LANES_MAX);
	for (int i = 0; i < out->lanes; i++) {
		CHECK(pgrows_int(rows, i, 0) == i);
		out->mine[i] = pgrows_bool(rows, i, 1);
		out->free[i] = pgrows_bool(rows, i, 2);
		out->daemons = (int)pgrows_int(rows, i, 3);
		out->epoch[i] = pgrows_int(rows, i, 4);
		copy_url(out->url[i], pgrows_text(rows, i, 5));
	}
	pgrows_free(&rows);
	return ERR_OK;
}

enum err_code
lease_secret(struct pgconn *conn, uint8_t out[LEASE_SECRET_LEN],
             struct err *err)
{
	struct pgrows *rows = NULL;
	const uint8_t *bytes;
	int len = 0;

	if (pgconn_query(conn, &read_secret, NULL, &rows, err) != ERR_OK)
		return err->code;
	CHECK(pgrows_count(rows) == 1);
	bytes = pgrows_bytes(rows, 0, 0, &len);
	CHECK(bytes != NULL && len == LEASE_SECRET_LEN);
	memcpy(out, bytes, LEASE_SECRET_LEN);
	pgrows_free(&rows);
	return ERR_OK;
}
