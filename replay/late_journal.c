/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Only blocks that have versions are read, by an index that holds no others,
 * some at a time.
 */
#include "replay/late_journal.h"

#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/model/message.h"
#include "base/model/stage.h"
#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "replay/lane_recent.h"
#include "replay/late_index.h"
#include "replay/recent.h"

#define BLOCKS_AT_ONCE 64

/* A lane's day may be ahead of the clock, never behind it by more than one. */
static const struct pgstatement read_blocks = {
	.name = "late_journal_read_blocks",
	.sql = "select incarnation, first_seq, recorded_at, tenant, feed,"
	       " verdicts, keys, versions from waybill.block"
	       " where day >= waybill.today() - 2 and lane = $1"
	       " and versions is not null and recorded_at >="
	       " to_timestamp($6::float8 / 1000)"
	       " and (incarnation, first_seq) >= ($2, $3)"
	       " and (incarnation, first_seq) < ($4, $5)"
	       " order by incarnation desc, first_seq desc limit $7",
	.param_count = 7,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8, PGTYPE_INT4,
	           PGTYPE_INT8, PGTYPE_INT8, PGTYPE_INT4 },
};

enum {
	COLUMN_INCARNATION,
	COLUMN_FIRST_SEQ,
	COLUMN_RECORDED_AT,
	COLUMN_TENANT,
	COLUMN_FEED,
	COLUMN_VERDICTS,
	COLUMN_KEYS,
	COLUMN_VERSIONS,
	COLUMN_END,
};

struct filling {
	struct digest *digest;
	struct recent *into;
	int64_t count;
	int32_t incarnation; /* of the block that was read last */
	int64_t seq;
	int64_t recorded_ms;
};

static enum err_code
open_arrays(const struct pgrows *rows, int row,
            struct pgarray_reader out[COLUMN_END], struct err *err)
{
	for (int column = COLUMN_VERDICTS; column < COLUMN_END; column++) {
		int len = 0;
		const uint8_t *bytes = pgrows_bytes(rows, row, column, &len);

		if (pgarray_read(bytes, len, &out[column], err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

static void
load_version(struct filling *filling, const struct pgrows *rows, int row,
             int64_t seq, int64_t version, const uint8_t *key, int key_len)
{
	const struct late_newer itself = { filling->incarnation, seq };
	const struct late_message message = {
		.key = recent_hash_of(filling->digest,
		                      pgrows_text(rows, row, COLUMN_TENANT),
		                      pgrows_text(rows, row, COLUMN_FEED), key,
		                      (size_t)key_len),
		.version = version,
	};

	late_index_load(filling->into, &message, &itself,
	                filling->recorded_ms / 60000);
	filling->count++;
}

/* One element of verdicts may stand for all. */
static enum err_code
load_block(struct filling *filling, const struct pgrows *rows, int row,
           struct err *err)
{
	struct pgarray_reader arrays[COLUMN_END];
	int64_t verdict = VERDICT_ACCEPTED, version = 0;
	bool is_one_for_all;
	const uint8_t *key;
	int key_len, place = 0;

	if (open_arrays(rows, row, arrays, err) != ERR_OK)
		return err->code;
	filling->incarnation =
		(int32_t)pgrows_int(rows, row, COLUMN_INCARNATION);
	filling->seq = pgrows_int(rows, row, COLUMN_FIRST_SEQ);
	filling->recorded_ms = pgrows_time_ms(rows, row, COLUMN_RECORDED_AT);
	is_one_for_all = arrays[COLUMN_VERDICTS].left == 1;
	for (; pgarray_next(&arrays[COLUMN_KEYS], &key, &key_len); place++) {
		if (!pgarray_next_int(&arrays[COLUMN_VERSIONS],
		                      MESSAGE_VERSION_NONE, &version) ||
		    ((place == 0 || !is_one_for_all) &&
		     !pgarray_next_int(&arrays[COLUMN_VERDICTS], -1, &verdict)))
			return err_set(err, ERR_INVALID,
			               "the versions of block %lld",
			               (long long)filling->seq);
		if (key != NULL && version != MESSAGE_VERSION_NONE &&
		    verdict == VERDICT_ACCEPTED)
			load_version(filling, rows, row, filling->seq + place,
			             version, key, key_len);
	}
	return ERR_OK;
}

/* The next blocks before the one that was read last. */
static enum err_code
load_blocks(const struct stage_lane *lane, const struct lane_recent_gap *gap,
            struct filling *filling, int *out_count, struct err *err)
{
	struct pgnumber rooms[7];
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_int4(lane->lane, &rooms[0]),
		pgvalue_int4(gap->incarnation, &rooms[1]),
		pgvalue_int8(gap->seq, &rooms[2]),
		pgvalue_int4(filling->incarnation, &rooms[3]),
		pgvalue_int8(filling->seq, &rooms[4]),
		pgvalue_int8(gap->since_ms, &rooms[5]),
		pgvalue_int4(BLOCKS_AT_ONCE, &rooms[6]),
	};

	if (pgconn_query(lane->conn, &read_blocks, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	*out_count = pgrows_count(rows);
	for (int row = 0; row < *out_count; row++) {
		if (load_block(filling, rows, row, err) != ERR_OK) {
			pgrows_free(&rows);
			return err->code;
		}
	}
	pgrows_free(&rows);
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
late_journal_read(const struct stage_lane *lane,
                  const struct lane_recent_gap *gap, int64_t for_ms,
                  struct digest *digest, struct recent *into,
                  struct late_journal_answer *out, struct err *err)
{
	struct filling filling = {
		.digest = digest,
		.into = into,
		.incarnation = lane->incarnation,
		.seq = lane->next_seq,
	};
	int64_t end_us = clock_now_us() + for_ms * 1000;
	int count = 0;

	do {
		if (load_blocks(lane, gap, &filling, &count, err) != ERR_OK)
			return err->code;
	} while (count == BLOCKS_AT_ONCE && clock_now_us() < end_us);
	out->count = filling.count;
	out->since_ms =
		count == BLOCKS_AT_ONCE ? filling.recorded_ms : gap->since_ms;
	return ERR_OK;
}
