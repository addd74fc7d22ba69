/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Only blocks that have ids are read, by an index that holds no others, some
 * at a time. The order is that of (incarnation, seq): of two first messages
 * with the same id (a rejected one and the one that took its place, or one
 * that had been forgotten) the later one counts.
 */
#include "replay/dedup_journal.h"

#include <stdint.h>
#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/model/message.h"
#include "base/model/stage.h"
#include "base/runtime/digest.h"
#include "replay/dedup_index.h"
#include "replay/lane_recent.h"
#include "replay/recent.h"

#define BLOCKS_AT_ONCE 256
#define CONTENT_BYTES  8

/* A lane's day may be ahead of the clock, never behind it by more than one. */
static const struct pgstatement read_blocks = {
	.name = "dedup_journal_read_blocks",
	.sql = "select incarnation, first_seq, recorded_at, tenant, feed,"
	       " dedup_ids, verdicts from waybill.block"
	       " where day >= waybill.today() - 2 and lane = $1"
	       " and dedup_ids is not null and recorded_at >="
	       " to_timestamp($4::float8 / 1000)"
	       " and (incarnation, first_seq) > ($2, $3)"
	       " order by incarnation, first_seq limit $5",
	.param_count = 5,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8, PGTYPE_INT8,
	           PGTYPE_INT4 },
};

enum {
	COLUMN_INCARNATION,
	COLUMN_FIRST_SEQ,
	COLUMN_RECORDED_AT,
	COLUMN_TENANT,
	COLUMN_FEED,
	COLUMN_DEDUP_IDS,
	COLUMN_VERDICTS,
};

struct filling {
	struct digest *digest;
	struct recent *into;
	int64_t count;
};

static enum err_code
open_array(const struct pgrows *rows, int row, int column,
           struct pgarray_reader *out, struct err *err)
{
	int len = 0;
	const uint8_t *bytes = pgrows_bytes(rows, row, column, &len);

	return pgarray_read(bytes, len, out, err);
}

static void
load_id(struct filling *filling, const struct pgrows *rows, int row, int place,
        const uint8_t *id, int len, bool is_rejected)
{
	const struct dedup_first itself = {
		.incarnation =
			(int32_t)pgrows_int(rows, row, COLUMN_INCARNATION),
		.seq = pgrows_int(rows, row, COLUMN_FIRST_SEQ) + place,
	};
	struct dedup_message message = {
		.id = recent_hash_of(
			filling->digest, pgrows_text(rows, row, COLUMN_TENANT),
			pgrows_text(rows, row, COLUMN_FEED), id + CONTENT_BYTES,
			(size_t)(len - CONTENT_BYTES)),
		.is_rejected = is_rejected,
	};

	message.content = dedup_index_read_content(id);
	dedup_index_load(filling->into, &message, &itself,
	                 pgrows_time_ms(rows, row, COLUMN_RECORDED_AT) / 60000);
	filling->count++;
}

/* One element of verdicts may stand for all. */
static enum err_code
load_block(struct filling *filling, const struct pgrows *rows, int row,
           struct err *err)
{
	struct pgarray_reader ids, verdicts;
	int64_t verdict = VERDICT_ACCEPTED;
	bool is_one_for_all;
	const uint8_t *id;
	int len, place = 0;

	if (open_array(rows, row, COLUMN_DEDUP_IDS, &ids, err) != ERR_OK ||
	    open_array(rows, row, COLUMN_VERDICTS, &verdicts, err) != ERR_OK)
		return err->code;
	is_one_for_all = verdicts.left == 1;
	for (; pgarray_next(&ids, &id, &len); place++) {
		if ((place == 0 || !is_one_for_all) &&
		    !pgarray_next_int(&verdicts, -1, &verdict))
			break;
		if (id == NULL ||
		    (verdict != VERDICT_ACCEPTED &&
		     verdict != VERDICT_REJECTED))
			continue;
		if (len <= CONTENT_BYTES)
			break;
		load_id(filling, rows, row, place, id, len,
		        verdict == VERDICT_REJECTED);
	}
	if (ids.left == 0)
		return ERR_OK;
	return err_set(err, ERR_INVALID, "the dedup ids of block %lld",
	               (long long)pgrows_int(rows, row, COLUMN_FIRST_SEQ));
}

/* -- public ---------------------------------------------------------------- */

enum err_code
dedup_journal_read(const struct stage_lane *lane,
                   const struct lane_recent_gap *gap, struct digest *digest,
                   struct recent *into, int64_t *out_count, struct err *err)
{
	struct filling filling = { .digest = digest, .into = into };
	struct pgnumber rooms[5];
	int64_t incarnation = gap->incarnation, seq = gap->seq - 1;
	struct pgrows *rows = NULL;
	int count = BLOCKS_AT_ONCE;

	while (count == BLOCKS_AT_ONCE) {
		const struct pgvalue values[] = {
			pgvalue_int4(lane->lane, &rooms[0]),
			pgvalue_int4((int32_t)incarnation, &rooms[1]),
			pgvalue_int8(seq, &rooms[2]),
			pgvalue_int8(gap->since_ms, &rooms[3]),
			pgvalue_int4(BLOCKS_AT_ONCE, &rooms[4]),
		};

		if (pgconn_query(lane->conn, &read_blocks, values, &rows,
		                 err) != ERR_OK)
			return err->code;
		count = pgrows_count(rows);
		for (int row = 0; row < count; row++) {
			if (load_block(&filling, rows, row, err) != ERR_OK) {
				pgrows_free(&rows);
				return err->code;
			}
			incarnation = pgrows_int(rows, row, COLUMN_INCARNATION);
			seq = pgrows_int(rows, row, COLUMN_FIRST_SEQ);
		}
		pgrows_free(&rows);
	}
	*out_count = filling.count;
	return ERR_OK;
}
