/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Commits, blocks and violations of one lane and incarnation, in order.
 */
#include "base/model/journal_reader.h"

#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/source.h"
#include "base/model/violation.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

static const struct pgstatement find_day = {
	.name = "journal_reader_find_day",
	.sql = "select max(day) from waybill.lane_day"
	       " where lane = $1 and incarnation = $2 and first_seq <= $3",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8 },
};

static const struct pgstatement next_commit = {
	.name = "journal_reader_next_commit",
	.sql = "select day, commit_no, first_seq, last_seq, chain, recorded_at"
	       " from waybill.lane_commit where lane = $1"
	       " and incarnation = $2 and last_seq > $3 and day >= $4"
	       " order by last_seq limit 1",
	.param_count = 4,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8, PGTYPE_DATE },
};

/* The lane's row knows the last commit also when its day was dropped. */
static const struct pgstatement find_chain = {
	.name = "journal_reader_find_chain",
	.sql = "select chain from (select 1 as place, chain"
	       " from waybill.lane_commit where lane = $1"
	       " and incarnation = $2 and last_seq = $3"
	       " union all select 2, chain from waybill.lane where lane = $1"
	       " and incarnation = $2 and next_seq = $3 + 1"
	       " and commit_no > 0 and $3 > 0) c order by place limit 1",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8 },
};

/* Day by day: a day that was dropped has no partition to look into. */
static const struct pgstatement find_oldest = {
	.name = "journal_reader_find_oldest",
	.sql = "select coalesce(o.incarnation, l.incarnation),"
	       " coalesce(o.first_seq, l.next_seq) from waybill.lane l"
	       " left join lateral (select y.incarnation, c.first_seq"
	       " from waybill.lane_day y cross join lateral (select k.first_seq"
	       " from waybill.lane_commit k where k.day = y.day"
	       " and k.lane = y.lane and k.incarnation = y.incarnation"
	       " order by k.commit_no limit 1) c where y.lane = l.lane"
	       " order by y.incarnation, y.day limit 1) o on true"
	       " where l.lane = $1",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};

enum block_column {
	COLUMN_FIRST_SEQ,
	COLUMN_COUNT,
	COLUMN_TENANT,
	COLUMN_FEED,
	COLUMN_FORMAT,
	COLUMN_ORIGIN,
	COLUMN_HAS_REFERENCES,
	COLUMN_EVENT_TIMES,
	COLUMN_KEYS,
	COLUMN_BODIES,
	COLUMN_HEADERS,
	COLUMN_SOURCES,
	COLUMN_SOURCE_OFFSETS,
	COLUMN_VERDICTS,
	COLUMN_CONTRACTS,
	COLUMN_PARTITIONS,
	COLUMN_END
};

static const struct pgstatement read_blocks = {
	.name = "journal_reader_read_blocks",
	.sql = "select first_seq, count, tenant, feed, format, origin,"
	       " exists(select from waybill.verdict_reference r"
	       " where r.day = $1 and r.lane = $2 and r.incarnation = $3"
	       " and r.seq between $4 and $5) as has_references, event_times,"
	       " keys, bodies, headers, sources, source_offsets, verdicts,"
	       " contracts, partitions from waybill.block where day = $1"
	       " and lane = $2 and incarnation = $3"
	       " and first_seq between $4 and $5 order by first_seq",
	.param_count = 5,
	.types = { PGTYPE_DATE, PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8,
	           PGTYPE_INT8 },
};

static const struct pgstatement read_violations = {
	.name = "journal_reader_read_violations",
	.sql = "select seq, rule, path, expected, value, byte_offset"
	       " from waybill.violation where day = $1 and lane = $2"
	       " and incarnation = $3 and seq between $4 and $5"
	       " order by seq, ordinal",
	.param_count = 5,
	.types = { PGTYPE_DATE, PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8,
	           PGTYPE_INT8 },
};

static const struct pgstatement read_references = {
	.name = "journal_reader_read_references",
	.sql = "select seq, of_lane, of_incarnation, of_seq,"
	       " array_position(array['duplicate', 'conflict', 'late'], kind)"
	       " from waybill.verdict_reference where day = $1 and lane = $2"
	       " and incarnation = $3 and seq between $4 and $5",
	.param_count = 5,
	.types = { PGTYPE_DATE, PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8,
	           PGTYPE_INT8 },
};

static const struct pgstatement read_source = {
	.name = "journal_reader_read_source",
	.sql = "select coalesce(topic, kind), coalesce(partition, 0)"
	       " from waybill.source where source = $1",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};

#define FORMAT_NEWEST 1

struct journal_reader {
	struct pgconn *conn;
	int lane;
	int incarnation;
	int64_t seq;
	int32_t day; /* of the commit at seq */
	bool day_known;
	struct source **sources;
	size_t source_count;
};

/* One commit's place in the journal. */
struct place {
	int32_t day;
	int64_t commit_no, first_seq, last_seq;
};

static enum err_code
find_source(struct journal_reader *reader, int32_t id,
            const struct source **out, struct err *err)
{
	struct pgnumber room;
	struct pgrows *rows = NULL;
	struct source *source;
	const struct pgvalue values[] = { pgvalue_int4(id, &room) };

	for (size_t i = reader->source_count; i > 0; i--) {
		if (reader->sources[i - 1]->id == id) {
			*out = reader->sources[i - 1];
			return ERR_OK;
		}
	}
	if (pgconn_query(reader->conn, &read_source, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	if (pgrows_count(rows) != 1) {
		pgrows_free(&rows);
		return err_set(err, ERR_INVALID, "source %d is not known", id);
	}
	source = memory_calloc(1, sizeof(*source));
	source->id = id;
	source->partition = (int32_t)pgrows_int(rows, 0, 1);
	strncpy(source->topic, pgrows_text(rows, 0, 0), SOURCE_TOPIC_MAX - 1);
	pgrows_free(&rows);
	reader->sources = memory_realloc(
		reader->sources,
		(reader->source_count + 1) * sizeof(*reader->sources));
	reader->sources[reader->source_count++] = source;
	*out = source;
	return ERR_OK;
}

/* -- the columns of a block ------------------------------------------------ */

struct columns {
	struct pgarray_reader at[COLUMN_END];
	int64_t all[COLUMN_END]; /* where one element stands for all */
	bool is_one[COLUMN_END];
	bool is_null[COLUMN_END];
};

static enum err_code
open_columns(const struct pgrows *rows, int row, int64_t count,
             struct columns *out, struct err *err)
{
	for (int c = COLUMN_EVENT_TIMES; c < COLUMN_END; c++) {
		const uint8_t *bytes;
		int len = 0;

		out->is_null[c] = pgrows_is_null(rows, row, c);
		if (out->is_null[c])
			continue;
		bytes = pgrows_bytes(rows, row, c, &len);
		if (pgarray_read(bytes, len, &out->at[c], err) != ERR_OK)
			return err->code;
		out->is_one[c] = out->at[c].left == 1 && count > 1;
		if (!out->is_one[c] && out->at[c].left != count)
			return err_set(err, ERR_INVALID,
			               "column %d has %d elements, not %lld", c,
			               out->at[c].left, (long long)count);
		if (out->is_one[c] &&
		    !pgarray_next_int(&out->at[c], 0, &out->all[c]))
			return err_set(err, ERR_INVALID, "column %d is cut", c);
	}
	return ERR_OK;
}

static int64_t
next_int(struct columns *columns, enum block_column c)
{
	int64_t value = 0;

	if (columns->is_null[c] || columns->is_one[c])
		return columns->all[c];
	/* The count was compared before; a cut element reads as 0 and the
	   chain over the hashes tells. */
	if (!pgarray_next_int(&columns->at[c], 0, &value))
		return 0;
	return value;
}

static void
next_bytes(struct columns *columns, enum block_column c, const uint8_t **out,
           int32_t *out_len)
{
	int len = -1;

	*out = NULL;
	*out_len = -1;
	if (columns->is_null[c] || !pgarray_next(&columns->at[c], out, &len))
		return;
	*out_len = len;
}

static enum err_code
read_messages(struct journal_reader *reader, struct batch *batch,
              struct block *block, struct columns *columns, struct err *err)
{
	for (size_t i = 0; i < block->count; i++) {
		struct message *m = batch_add(batch, NULL);

		m->feed = block->feed;
		m->origin = block->origin;
		m->seq = block->first_seq + (int64_t)i;
		next_bytes(columns, COLUMN_KEYS, &m->key, &m->key_len);
		next_bytes(columns, COLUMN_BODIES, &m->body, &m->body_len);
		next_bytes(columns, COLUMN_HEADERS, &m->headers,
		           &m->headers_len);
		m->event_time_ms = next_int(columns, COLUMN_EVENT_TIMES);
		m->source_id = (int32_t)next_int(columns, COLUMN_SOURCES);
		m->source_offset = next_int(columns, COLUMN_SOURCE_OFFSETS);
		m->verdict = (enum verdict)next_int(columns, COLUMN_VERDICTS);
		m->contract = (int32_t)next_int(columns, COLUMN_CONTRACTS);
		m->partition = (int32_t)next_int(columns, COLUMN_PARTITIONS);
		if (i > 0 && m[-1].source_id == m->source_id)
			m->source = m[-1].source;
		else if (find_source(reader, m->source_id, &m->source, err) !=
		         ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

static enum err_code
read_block(struct journal_reader *reader, const struct pgrows *rows, int row,
           struct batch *batch, struct block *block, int32_t day,
           struct err *err)
{
	struct columns columns = { 0 };
	const char *tenant = pgrows_text(rows, row, COLUMN_TENANT);
	const char *feed = pgrows_text(rows, row, COLUMN_FEED);
	int64_t format = pgrows_int(rows, row, COLUMN_FORMAT);
	int64_t count = pgrows_int(rows, row, COLUMN_COUNT);

	block->first_seq = pgrows_int(rows, row, COLUMN_FIRST_SEQ);
	if (block->first_seq != batch->first_seq + (int64_t)batch->count ||
	    count <= 0 || count > (int64_t)(batch->count_max - batch->count))
		return err_set(err, ERR_INVALID,
		               "block %d-%d-%lld of %lld messages does not fit "
		               "its commit of %lld to %lld",
		               reader->lane, reader->incarnation,
		               (long long)block->first_seq, (long long)count,
		               (long long)batch->first_seq,
		               (long long)batch->last_seq);
	block->count = (size_t)count;
	block->origin = (int16_t)pgrows_int(rows, row, COLUMN_ORIGIN);
	block->first = batch->count;
	block->day = day;
	block->feed = deployment_feed(batch->deployment, tenant, feed);
	if (block->feed == NULL)
		return err_set(err, ERR_NOT_FOUND,
		               "feed %s/%s is recorded but not in the "
		               "catalogue: apply it again",
		               tenant, feed);
	if (format > FORMAT_NEWEST)
		return err_set(err, ERR_INVALID,
		               "block format %lld is newer than this program",
		               (long long)format);
	if (open_columns(rows, row, (int64_t)block->count, &columns, err) !=
	            ERR_OK ||
	    read_messages(reader, batch, block, &columns, err) != ERR_OK)
		return err_context(err, "block %d-%d-%lld", reader->lane,
		                   reader->incarnation,
		                   (long long)block->first_seq);
	return ERR_OK;
}

/* -- violations ------------------------------------------------------------ */

static char *
row_text(struct batch *batch, const struct pgrows *rows, int row, int column)
{
	return arena_strdup(&batch->arena, pgrows_text(rows, row, column));
}

static void
attach_violations(struct batch *batch, const struct pgrows *rows)
{
	for (int row = 0; row < pgrows_count(rows);) {
		int64_t seq = pgrows_int(rows, row, 0);
		struct message *m = &batch->messages[seq - batch->first_seq];
		struct violation *list;
		uint16_t count = 0;

		while (row + count < pgrows_count(rows) &&
		       pgrows_int(rows, row + count, 0) == seq)
			count++;
		list = arena_calloc(&batch->arena, count, sizeof(*list));
		for (int i = 0; i < count; i++, row++) {
			list[i].rule = row_text(batch, rows, row, 1);
			list[i].path = row_text(batch, rows, row, 2);
			list[i].expected = row_text(batch, rows, row, 3);
			list[i].value = row_text(batch, rows, row, 4);
			list[i].byte_offset = (int32_t)pgrows_int(rows, row, 5);
		}
		m->violations = list;
		m->violation_count = count;
	}
}

static enum err_code
fetch_violations(struct journal_reader *reader, struct batch *batch,
                 const struct pgvalue *values, struct err *err)
{
	struct pgrows *rows = NULL;
	bool wanted = false;

	for (size_t i = 0; i < batch->count && !wanted; i++)
		wanted = batch->messages[i].verdict == VERDICT_REJECTED;
	if (!wanted)
		return ERR_OK;
	if (pgconn_query(reader->conn, &read_violations, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	attach_violations(batch, rows);
	pgrows_free(&rows);
	return ERR_OK;
}

/* -- references ------------------------------------------------------------ */

static enum err_code
fetch_references(struct journal_reader *reader, struct batch *batch,
                 const struct pgvalue *values, struct err *err)
{
	struct pgrows *rows = NULL;

	if (pgconn_query(reader->conn, &read_references, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	for (int row = 0; row < pgrows_count(rows); row++) {
		int64_t seq = pgrows_int(rows, row, 0);
		struct message_reference *reference =
			arena_calloc(&batch->arena, 1, sizeof(*reference));

		reference->lane = (int)pgrows_int(rows, row, 1);
		reference->incarnation = (int)pgrows_int(rows, row, 2);
		reference->seq = pgrows_int(rows, row, 3);
		reference->kind = (enum message_reference_kind)(
			pgrows_int(rows, row, 4) - 1);
		batch->messages[seq - batch->first_seq].reference = reference;
	}
	pgrows_free(&rows);
	return ERR_OK;
}

/* -- a commit -------------------------------------------------------------- */

static enum err_code
fetch_day(struct journal_reader *reader, struct err *err)
{
	struct pgnumber n[3];
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_int4(reader->lane, &n[0]),
		pgvalue_int4(reader->incarnation, &n[1]),
		pgvalue_int8(reader->seq + 1, &n[2]),
	};

	if (reader->day_known)
		return ERR_OK;
	if (pgconn_query(reader->conn, &find_day, values, &rows, err) != ERR_OK)
		return err->code;
	reader->day_known =
		pgrows_count(rows) == 1 && !pgrows_is_null(rows, 0, 0);
	if (reader->day_known)
		reader->day = (int32_t)pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return ERR_OK;
}

static enum err_code
fetch_batch(struct journal_reader *reader, const struct deployment *deployment,
            const struct place *place, struct batch **out, struct err *err)
{
	struct pgnumber n[5];
	struct pgrows *rows = NULL;
	struct batch *batch;
	const struct pgvalue values[] = {
		pgvalue_date(place->day, &n[0]),
		pgvalue_int4(reader->lane, &n[1]),
		pgvalue_int4(reader->incarnation, &n[2]),
		pgvalue_int8(place->first_seq, &n[3]),
		pgvalue_int8(place->last_seq, &n[4]),
	};
	size_t count = (size_t)(place->last_seq - place->first_seq + 1);

	if (pgconn_query(reader->conn, &read_blocks, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	batch = batch_new(deployment, count);
	batch->rows = memory_alloc(sizeof(*batch->rows));
	batch->rows[0] = rows;
	batch->row_count = 1;
	batch->lane = reader->lane;
	batch->incarnation = reader->incarnation;
	batch->commit_no = place->commit_no;
	batch->first_seq = place->first_seq;
	batch->last_seq = place->last_seq;
	batch->block_count = 0;

	size_t block_count = (size_t)pgrows_count(rows);
	struct block *blocks =
		arena_calloc(&batch->arena, block_count, sizeof(*blocks));

	for (size_t i = 0; i < block_count; i++) {
		if (read_block(reader, rows, (int)i, batch, &blocks[i],
		               place->day, err) != ERR_OK)
			goto out;
	}
	batch->blocks = blocks;
	batch->block_count = block_count;
	if (batch->count != count) {
		err_set(err, ERR_INVALID,
		        "commit %lld of lane %d has %zu messages of %zu",
		        (long long)place->commit_no, reader->lane, batch->count,
		        count);
		goto out;
	}
	if (fetch_violations(reader, batch, values, err) != ERR_OK)
		goto out;
	if (block_count > 0 && pgrows_bool(rows, 0, COLUMN_HAS_REFERENCES) &&
	    fetch_references(reader, batch, values, err) != ERR_OK)
		goto out;
	*out = batch;
	return ERR_OK;
out:
	batch_unref(&batch);
	return err->code;
}

static void
sum_bytes(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct message *m = &batch->messages[i];

		batch->bytes += (m->key_len > 0 ? (size_t)m->key_len : 0) +
			(m->body_len > 0 ? (size_t)m->body_len : 0) +
			(m->headers_len > 0 ? (size_t)m->headers_len : 0);
	}
}

/* -- public ---------------------------------------------------------------- */

struct journal_reader *
journal_reader_new(struct pgconn *conn, int lane, int incarnation)
{
	struct journal_reader *reader = memory_calloc(1, sizeof(*reader));

	reader->conn = conn;
	reader->lane = lane;
	reader->incarnation = incarnation;
	return reader;
}

void
journal_reader_free(struct journal_reader **handle)
{
	struct journal_reader *reader = *handle;

	*handle = NULL;
	if (reader == NULL)
		return;
	for (size_t i = 0; i < reader->source_count; i++)
		memory_release(reader->sources[i]);
	memory_release(reader->sources);
	memory_release(reader);
}

void
journal_reader_seek(struct journal_reader *reader, int64_t seq)
{
	reader->seq = seq;
	reader->day_known = false;
}

enum err_code
journal_reader_next(struct journal_reader *reader,
                    const struct deployment *deployment, struct batch **out,
                    struct err *err)
{
	struct pgnumber n[4];
	struct pgrows *rows = NULL;
	struct place place;
	struct batch *batch = NULL;
	uint8_t chain[DIGEST_SHA256_LEN];
	int64_t recorded_ms;
	int len = 0;

	if (fetch_day(reader, err) != ERR_OK)
		return err->code;
	if (!reader->day_known) { /* nothing was recorded yet */
		*out = NULL;
		return ERR_OK;
	}

	const struct pgvalue values[] = {
		pgvalue_int4(reader->lane, &n[0]),
		pgvalue_int4(reader->incarnation, &n[1]),
		pgvalue_int8(reader->seq, &n[2]),
		pgvalue_date(reader->day, &n[3]),
	};

	if (pgconn_query(reader->conn, &next_commit, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	if (pgrows_count(rows) == 0) {
		pgrows_free(&rows);
		*out = NULL;
		return ERR_OK;
	}
	place = (struct place){
		.day = (int32_t)pgrows_int(rows, 0, 0),
		.commit_no = pgrows_int(rows, 0, 1),
		.first_seq = pgrows_int(rows, 0, 2),
		.last_seq = pgrows_int(rows, 0, 3),
	};
	memcpy(chain, pgrows_bytes(rows, 0, 4, &len), sizeof(chain));
	recorded_ms = pgrows_time_ms(rows, 0, 5);
	pgrows_free(&rows);
	if (place.first_seq != reader->seq + 1)
		return err_set(err, ERR_INVALID,
		               "lane %d: seq %lld is followed by %lld",
		               reader->lane, (long long)reader->seq,
		               (long long)place.first_seq);
	if (fetch_batch(reader, deployment, &place, &batch, err) != ERR_OK)
		return err->code;
	memcpy(batch->chain, chain, sizeof(chain));
	batch->recorded_ms = recorded_ms;
	sum_bytes(batch);
	reader->seq = place.last_seq;
	reader->day = place.day;
	*out = batch;
	return ERR_OK;
}

enum err_code
journal_reader_oldest(struct pgconn *conn, int lane, int *out_incarnation,
                      int64_t *out_seq, struct err *err)
{
	struct pgnumber n;
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = { pgvalue_int4(lane, &n) };

	if (pgconn_query(conn, &find_oldest, values, &rows, err) != ERR_OK)
		return err->code;
	CHECK(pgrows_count(rows) <= 1);
	*out_incarnation = 1;
	*out_seq = 1;
	if (pgrows_count(rows) == 1) {
		*out_incarnation = (int)pgrows_int(rows, 0, 0);
		*out_seq = pgrows_int(rows, 0, 1);
	}
	pgrows_free(&rows);
	CHECK(*out_seq > 0);
	return ERR_OK;
}

enum err_code
journal_reader_chain(struct journal_reader *reader, int64_t seq,
                     uint8_t out_chain[DIGEST_SHA256_LEN], struct err *err)
{
	struct pgnumber n[3];
	struct pgrows *rows = NULL;
	int len = 0;
	const uint8_t *chain;
	const struct pgvalue values[] = {
		pgvalue_int4(reader->lane, &n[0]),
		pgvalue_int4(reader->incarnation, &n[1]),
		pgvalue_int8(seq, &n[2]),
	};

	if (pgconn_query(reader->conn, &find_chain, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	if (pgrows_count(rows) == 0) {
		pgrows_free(&rows);
		return err_set(err, ERR_NOT_FOUND,
		               "no commit of lane %d, incarnation %d ends at "
		               "seq %lld",
		               reader->lane, reader->incarnation,
		               (long long)seq);
	}
	chain = pgrows_bytes(rows, 0, 0, &len);
	CHECK(len == DIGEST_SHA256_LEN);
	memcpy(out_chain, chain, DIGEST_SHA256_LEN);
	pgrows_free(&rows);
	return ERR_OK;
}
