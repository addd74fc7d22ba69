/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables source and source_gap.
 */
#include "base/model/source.h"

#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"

static const struct pgstatement take_source = {
	.name = "source_take",
	.sql = "select waybill.source_take('kafka', $1, $2, $3, $4, $5, $6)",
	.param_count = 6,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4,
	           PGTYPE_TEXT, PGTYPE_TEXT },
};

static const struct pgstatement insert_gap = {
	.name = "source_record_gap",
	.sql = "insert into waybill.source_gap"
	       " (source, lane, wanted, low, reason)"
	       " values ($1, $2, $3, $4, $5)"
	       " on conflict (source) do nothing",
	.param_count = 5,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8, PGTYPE_INT8,
	           PGTYPE_TEXT },
};

/* -- public ---------------------------------------------------------------- */

enum err_code
source_take(struct pgconn *conn, const struct feed *feed,
            const char *cluster_id, int partition, int32_t *out_id,
            struct err *err)
{
	struct pgnumber room;
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_text(feed->input_cluster->name),
		/* Not known is no id, or a later one would be another. */
		pgvalue_text(cluster_id[0] == '\0' ? NULL : cluster_id),
		pgvalue_text(feed->input_topic),
		pgvalue_int4(partition, &room),
		pgvalue_text(feed->tenant),
		pgvalue_text(feed->name),
	};

	if (pgconn_query(conn, &take_source, values, &rows, err) != ERR_OK)
		return err_context(err, "topic %s", feed->input_topic);
	CHECK(pgrows_count(rows) == 1);
	*out_id = (int32_t)pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	CHECK(*out_id > 0);
	return ERR_OK;
}

enum err_code
source_record_gap(struct pgconn *conn, int32_t source_id, int lane,
                  int64_t wanted, int64_t low, const char *reason,
                  struct err *err)
{
	struct pgnumber rooms[4];
	const struct pgvalue values[] = {
		pgvalue_int4(source_id, &rooms[0]),
		pgvalue_int4(lane, &rooms[1]),
		pgvalue_int8(wanted, &rooms[2]),
		pgvalue_int8(low, &rooms[3]),
		pgvalue_text(reason),
	};

	return pgconn_query(conn, &insert_gap, values, NULL, err);
}
