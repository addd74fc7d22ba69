/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables route and parked.
 */
#include "base/model/route.h"

#include "base/io/pgconn.h"
#include "base/runtime/check.h"

static const char *const state_names[] = {
	[ROUTE_RECOVERING] = "recovering",
	[ROUTE_RUNNING] = "running",
	[ROUTE_CATCHING_UP] = "catching-up",
	[ROUTE_DOWN] = "down",
	[ROUTE_STALLED] = "stalled",
	[ROUTE_BLOCKED] = "progress-blocked",
	[ROUTE_DIVERGED] = "diverged",
	[ROUTE_STOPPED] = "stopped",
};

static const struct pgstatement mark = {
	.name = "route_mark",
	.sql = "insert into waybill.route as r (lane, cluster, incarnation,"
	       " seq, state, reason) values ($1, $2, $3, $4, $5, $6)"
	       " on conflict (lane, cluster) do update set"
	       " incarnation = excluded.incarnation, seq = excluded.seq,"
	       " state = excluded.state, reason = excluded.reason,"
	       " updated_at = now(), since = case when"
	       " r.state = excluded.state then r.since else now() end",
	.param_count = 6,
	.types = { PGTYPE_INT4, PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_INT8,
	           PGTYPE_TEXT, PGTYPE_TEXT },
};

static const struct pgstatement mark_state = {
	.name = "route_mark_state",
	.sql = "insert into waybill.route as r (lane, cluster, state, reason)"
	       " values ($1, $2, $3, $4) on conflict (lane, cluster) do update"
	       " set state = excluded.state, reason = excluded.reason,"
	       " updated_at = now(), since = case when"
	       " r.state = excluded.state then r.since else now() end",
	.param_count = 4,
	.types = { PGTYPE_INT4, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT },
};

static const struct pgstatement mark_delivered = {
	.name = "route_mark_delivered",
	.sql = "insert into waybill.route (lane, cluster, ever_delivered,"
	       " state) values ($1, $2, true, 'running')"
	       " on conflict (lane, cluster) do update"
	       " set ever_delivered = true",
	.param_count = 2,
	.types = { PGTYPE_INT4, PGTYPE_TEXT },
};

static const struct pgstatement ever_delivered = {
	.name = "route_ever_delivered",
	.sql = "select coalesce(bool_or(ever_delivered), false)"
	       " from waybill.route where lane = $1 and cluster = $2",
	.param_count = 2,
	.types = { PGTYPE_INT4, PGTYPE_TEXT },
};

static const struct pgstatement marked_seq = {
	.name = "route_marked_seq",
	.sql = "select coalesce(max(seq), 0) from waybill.route"
	       " where lane = $1 and cluster = $2 and incarnation = $3",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_TEXT, PGTYPE_INT4 },
};

static const struct pgstatement park = {
	.name = "route_park",
	.sql = "insert into waybill.parked (lane, cluster, tenant, feed,"
	       " first_seq, reason, since) values ($1, $2, $3, $4, $5, $6,"
	       " now()) on conflict (cluster, lane, tenant, feed) do update"
	       " set first_seq = excluded.first_seq,"
	       " reason = excluded.reason, release_wanted = false",
	.param_count = 6,
	.types = { PGTYPE_INT4, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT,
	           PGTYPE_INT8, PGTYPE_TEXT },
};

static const struct pgstatement unpark = {
	.name = "route_unpark",
	.sql = "delete from waybill.parked where lane = $1 and cluster = $2"
	       " and tenant = $3 and feed = $4",
	.param_count = 4,
	.types = { PGTYPE_INT4, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT },
};

static const struct pgstatement release_wanted = {
	.name = "route_release_wanted",
	.sql = "select coalesce(bool_or(release_wanted), false)"
	       " from waybill.parked where lane = $1 and cluster = $2"
	       " and tenant = $3 and feed = $4",
	.param_count = 4,
	.types = { PGTYPE_INT4, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT },
};

static const struct pgstatement list_parked = {
	.name = "route_list_parked",
	.sql = "select tenant, feed, first_seq, reason from waybill.parked"
	       " where lane = $1 and cluster = $2 order by tenant, feed",
	.param_count = 2,
	.types = { PGTYPE_INT4, PGTYPE_TEXT },
};

static const struct pgstatement move_parked = {
	.name = "route_move_parked",
	.sql = "update waybill.parked set first_seq = $5 where lane = $1"
	       " and cluster = $2 and tenant = $3 and feed = $4",
	.param_count = 5,
	.types = { PGTYPE_INT4, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT,
	           PGTYPE_INT8 },
};

/* Every statement about a route or a parked feed begins with the same
   parameters, and takes as many of them as it has. */
struct route_values {
	struct pgnumber numbers[2];
	struct pgvalue of[6];
};

static const struct pgvalue *
values_of_route(struct route_values *values, int lane, const char *cluster)
{
	values->of[0] = pgvalue_int4(lane, &values->numbers[0]);
	values->of[1] = pgvalue_text(cluster);
	return values->of;
}

static const struct pgvalue *
values_of_parked(struct route_values *values, const struct route_parked *parked)
{
	values_of_route(values, parked->lane, parked->cluster);
	values->of[2] = pgvalue_text(parked->tenant);
	values->of[3] = pgvalue_text(parked->feed);
	values->of[4] = pgvalue_int8(parked->seq, &values->numbers[1]);
	values->of[5] = pgvalue_text(parked->reason);
	return values->of;
}

static enum err_code
ask_bool(struct pgconn *conn, const struct pgstatement *statement,
         const struct pgvalue *values, bool *out, struct err *err)
{
	struct pgrows *rows = NULL;

	if (pgconn_query(conn, statement, values, &rows, err) != ERR_OK)
		return err->code;
	CHECK(pgrows_count(rows) == 1);
	*out = pgrows_bool(rows, 0, 0);
	pgrows_free(&rows);
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

const char *
route_state_name(enum route_state state)
{
	CHECK((size_t)state < sizeof(state_names) / sizeof(char *));
	return state_names[state];
}

enum err_code
route_mark(struct pgconn *conn, const struct route_row *row, struct err *err)
{
	struct pgnumber n[3];
	const struct pgvalue values[] = {
		pgvalue_int4(row->lane, &n[0]),
		pgvalue_text(row->cluster),
		pgvalue_int4(row->incarnation, &n[1]),
		pgvalue_int8(row->seq, &n[2]),
		pgvalue_text(route_state_name(row->state)),
		pgvalue_text(row->reason),
	};

	return pgconn_query(conn, &mark, values, NULL, err);
}

enum err_code
route_mark_state(struct pgconn *conn, int lane, const char *cluster,
                 enum route_state state, const char *reason, struct err *err)
{
	struct pgnumber room;
	const struct pgvalue values[] = {
		pgvalue_int4(lane, &room),
		pgvalue_text(cluster),
		pgvalue_text(route_state_name(state)),
		pgvalue_text(reason),
	};

	return pgconn_query(conn, &mark_state, values, NULL, err);
}

enum err_code
route_mark_delivered(struct pgconn *conn, int lane, const char *cluster,
                     struct err *err)
{
	struct route_values values;

	/* Forwarders do not wait for the disk otherwise. */
	if (pgconn_exec(conn, "begin; set local synchronous_commit = on",
	                err) != ERR_OK ||
	    pgconn_query(conn, &mark_delivered,
	                 values_of_route(&values, lane, cluster), NULL,
	                 err) != ERR_OK ||
	    pgconn_exec(conn, "commit", err) != ERR_OK)
		return err->code;
	return ERR_OK;
}

enum err_code
route_ever_delivered(struct pgconn *conn, int lane, const char *cluster,
                     bool *out, struct err *err)
{
	struct route_values values;

	return ask_bool(conn, &ever_delivered,
	                values_of_route(&values, lane, cluster), out, err);
}

enum err_code
route_marked_seq(struct pgconn *conn, int lane, const char *cluster,
                 int incarnation, int64_t *out, struct err *err)
{
	struct pgnumber n[2];
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_int4(lane, &n[0]),
		pgvalue_text(cluster),
		pgvalue_int4(incarnation, &n[1]),
	};

	if (pgconn_query(conn, &marked_seq, values, &rows, err) != ERR_OK)
		return err->code;
	*out = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return ERR_OK;
}

enum err_code
route_park(struct pgconn *conn, const struct route_parked *parked,
           struct err *err)
{
	struct route_values values;

	return pgconn_query(conn, &park, values_of_parked(&values, parked),
	                    NULL, err);
}

enum err_code
route_unpark(struct pgconn *conn, const struct route_parked *parked,
             struct err *err)
{
	struct route_values values;

	return pgconn_query(conn, &unpark, values_of_parked(&values, parked),
	                    NULL, err);
}

enum err_code
route_release_wanted(struct pgconn *conn, const struct route_parked *parked,
                     bool *out, struct err *err)
{
	struct route_values values;

	return ask_bool(conn, &release_wanted,
	                values_of_parked(&values, parked), out, err);
}

enum err_code
route_each_parked(struct pgconn *conn, int lane, const char *cluster,
                  enum err_code (*each)(const struct route_parked *parked,
                                        void *context, struct err *err),
                  void *context, struct err *err)
{
	struct route_values values;
	struct pgrows *rows = NULL;
	enum err_code code;

	code = pgconn_query(conn, &list_parked,
	                    values_of_route(&values, lane, cluster), &rows,
	                    err);
	for (int i = 0; code == ERR_OK && i < pgrows_count(rows); i++) {
		const struct route_parked parked = {
			.lane = lane,
			.cluster = cluster,
			.tenant = pgrows_text(rows, i, 0),
			.feed = pgrows_text(rows, i, 1),
			.seq = pgrows_int(rows, i, 2),
			.reason = pgrows_text(rows, i, 3),
		};

		code = each(&parked, context, err);
	}
	pgrows_free(&rows);
	return code;
}

enum err_code
route_move_parked(struct pgconn *conn, const struct route_parked *parked,
                  struct err *err)
{
	struct route_values values;

	return pgconn_query(conn, &move_parked,
	                    values_of_parked(&values, parked), NULL, err);
}
