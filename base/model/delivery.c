/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables delivery and delivery_range.
 */
#include "base/model/delivery.h"

#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/crash.h"
#include "base/runtime/memory.h"

enum delivery_kind { KIND_OUTPUT, KIND_DEAD_LETTER, KIND_COUNT };

static const struct pgstatement begin = { .name = "delivery_begin",
	                                  .sql = "begin" };
static const struct pgstatement commit = { .name = "delivery_commit",
	                                   .sql = "commit" };

/* A row may be there already: what was in doubt is filled in once more. */
static const struct pgstatement insert_delivery = {
	.name = "delivery_insert",
	.sql = "insert into waybill.delivery (day, tenant, cluster, kind,"
	       " lane, incarnation, first_seq, count, partitions, offsets)"
	       " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	       " on conflict do nothing",
	.param_count = 10,
	.types = { PGTYPE_DATE, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT2,
	           PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8, PGTYPE_INT4,
	           PGTYPE_INT4_ARRAY, PGTYPE_INT8_ARRAY },
};

static const struct pgstatement insert_ranges = {
	.name = "delivery_insert_ranges",
	.sql = "with added as (insert into waybill.delivery_range (day,"
	       " tenant, cluster, topic, partition, offset_first,"
	       " offset_last, lane, incarnation, first_seq)"
	       " select $1, r.tenant, $2, r.topic, r.partition,"
	       " r.offset_first, r.offset_last, $3, $4, r.first_seq"
	       " from unnest($5, $6, $7, $8, $9, $10) r(tenant, topic,"
	       " partition, offset_first, offset_last, first_seq)"
	       " on conflict do nothing returning tenant, cluster, topic,"
	       " partition, day, offset_first)"
	       " insert into waybill.delivery_day (tenant, cluster, topic,"
	       " partition, day, offset_first) select tenant, cluster, topic,"
	       " partition, day, min(offset_first) from added"
	       " group by tenant, cluster, topic, partition, day"
	       " on conflict do nothing",
	.param_count = 10,
	.types = { PGTYPE_DATE, PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_INT4,
	           PGTYPE_TEXT_ARRAY, PGTYPE_TEXT_ARRAY, PGTYPE_INT4_ARRAY,
	           PGTYPE_INT8_ARRAY, PGTYPE_INT8_ARRAY, PGTYPE_INT8_ARRAY },
};

static const struct pgstatement last_seq = {
	.name = "delivery_last_seq",
	/* The last block may be one that did not go to the cluster. */
	.sql = "select c.last_seq from (select day, first_seq"
	       " from waybill.delivery where cluster = $1 and lane = $2"
	       " and incarnation = $3 and kind < 2"
	       " order by day desc, first_seq desc limit 1) d"
	       " cross join lateral (select last_seq from"
	       " waybill.lane_commit where lane = $2 and incarnation = $3"
	       " and last_seq >= d.first_seq and day >= d.day"
	       " order by last_seq limit 1) c",
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_INT4 },
};

static const struct pgstatement last_offset = {
	.name = "delivery_last_offset",
	.sql = "select coalesce(max(offset_last), -1)"
	       " from waybill.delivery_range where cluster = $1"
	       " and topic = $2 and partition = $3 and lane = $4",
	.param_count = 4,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_INT4 },
};

/* First and last offset on one partition. */
struct span {
	int partition;
	int64_t first, last;
};

struct delivery {
	struct pgconn *conn;
	char *cluster;
	size_t answers; /* still to be read */
	struct pgarray partitions, offsets;
	struct pgarray tenants, topics, range_partitions, firsts, lasts, seqs;
	size_t ranges;
	struct span *spans;
	size_t span_size;
};

static enum delivery_kind
kind_of(const struct message *m)
{
	return m->verdict == VERDICT_ACCEPTED ? KIND_OUTPUT : KIND_DEAD_LETTER;
}

static int
partition_of(const struct message *m)
{
	return m->verdict == VERDICT_ACCEPTED
		? m->partition
		: m->partition % m->feed->dead_letter_partitions;
}

static void
add_span(struct delivery *d, size_t *used, size_t *at, int partition,
         int64_t offset)
{
	if (*used == 0 || d->spans[*at].partition != partition) {
		for (*at = 0; *at < *used; (*at)++) {
			if (d->spans[*at].partition == partition)
				break;
		}
	}
	if (*at == *used) {
		if (*used == d->span_size) {
			d->span_size = d->span_size * 2 + 64;
			d->spans = memory_realloc(
				d->spans, d->span_size * sizeof(*d->spans));
		}
		d->spans[(*used)++] =
			(struct span){ partition, offset, offset };
	}
	if (offset < d->spans[*at].first)
		d->spans[*at].first = offset;
	if (offset > d->spans[*at].last)
		d->spans[*at].last = offset;
}

/* The offsets of a block for one kind; 0: none of its messages went there. */
static size_t
add_offsets(struct delivery *d, const struct batch *batch,
            const struct block *block, const int64_t *offsets,
            enum delivery_kind kind)
{
	size_t went = 0, used = 0, at = 0;

	pgarray_begin(&d->offsets, PGTYPE_INT8);
	pgarray_begin(&d->partitions, PGTYPE_INT4);
	for (size_t i = 0; i < block->count; i++) {
		const struct message *m = &batch->messages[block->first + i];
		int64_t offset = offsets[block->first + i];

		if (kind == KIND_DEAD_LETTER)
			pgarray_add_int4(&d->partitions, partition_of(m));
		if (offset == DELIVERY_NONE || kind_of(m) != kind) {
			pgarray_add_bytes(&d->offsets, NULL, 0);
			continue;
		}
		went++;
		pgarray_add_int8(&d->offsets, offset);
		if (offset != DELIVERY_UNKNOWN)
			add_span(d, &used, &at, partition_of(m), offset);
	}
	for (size_t i = 0; i < used; i++) {
		const struct feed *feed = block->feed;
		const char *topic = kind == KIND_OUTPUT
			? feed->output_topic
			: feed->dead_letter_topic;

		pgarray_add_bytes(&d->tenants, feed->tenant,
		                  strlen(feed->tenant));
		pgarray_add_bytes(&d->topics, topic, strlen(topic));
		pgarray_add_int4(&d->range_partitions, d->spans[i].partition);
		pgarray_add_int8(&d->firsts, d->spans[i].first);
		pgarray_add_int8(&d->lasts, d->spans[i].last);
		pgarray_add_int8(&d->seqs, block->first_seq);
	}
	d->ranges += used;
	return went;
}

static enum err_code
send_block(struct delivery *d, const struct batch *batch,
           const struct block *block, const int64_t *offsets,
           enum delivery_kind kind, struct err *err)
{
	struct pgnumber n[6];

	if (add_offsets(d, batch, block, offsets, kind) == 0)
		return ERR_OK;

	const struct pgvalue values[] = {
		pgvalue_date(block->day, &n[0]),
		pgvalue_text(block->feed->tenant),
		pgvalue_text(d->cluster),
		pgvalue_int2((int16_t)kind, &n[1]),
		pgvalue_int4(batch->lane, &n[2]),
		pgvalue_int4(batch->incarnation, &n[3]),
		pgvalue_int8(block->first_seq, &n[4]),
		pgvalue_int4((int32_t)block->count, &n[5]),
		kind == KIND_DEAD_LETTER ? pgarray_end(&d->partitions)
					 : PGVALUE_NULL,
		pgarray_end(&d->offsets),
	};

	d->answers++;
	return pgconn_send(d->conn, &insert_delivery, values, err);
}

static enum err_code
send_ranges(struct delivery *d, const struct batch *batch, struct err *err)
{
	struct pgnumber n[3];

	if (d->ranges == 0)
		return ERR_OK;

	const struct pgvalue values[] = {
		pgvalue_date(batch->blocks[0].day, &n[0]),
		pgvalue_text(d->cluster),
		pgvalue_int4(batch->lane, &n[1]),
		pgvalue_int4(batch->incarnation, &n[2]),
		pgarray_end(&d->tenants),
		pgarray_end(&d->topics),
		pgarray_end(&d->range_partitions),
		pgarray_end(&d->firsts),
		pgarray_end(&d->lasts),
		pgarray_end(&d->seqs),
	};

	d->answers++;
	return pgconn_send(d->conn, &insert_ranges, values, err);
}

static enum err_code
send_batch(struct delivery *d, const struct batch *batch,
           const int64_t *offsets, struct err *err)
{
	d->ranges = 0;
	pgarray_begin(&d->tenants, PGTYPE_TEXT);
	pgarray_begin(&d->topics, PGTYPE_TEXT);
	pgarray_begin(&d->range_partitions, PGTYPE_INT4);
	pgarray_begin(&d->firsts, PGTYPE_INT8);
	pgarray_begin(&d->lasts, PGTYPE_INT8);
	pgarray_begin(&d->seqs, PGTYPE_INT8);
	for (size_t b = 0; b < batch->block_count; b++) {
		for (int kind = 0; kind < KIND_COUNT; kind++) {
			if (send_block(d, batch, &batch->blocks[b], offsets,
			               (enum delivery_kind)kind, err) != ERR_OK)
				return err->code;
		}
	}
	return send_ranges(d, batch, err);
}

/* -- public ---------------------------------------------------------------- */

struct delivery *
delivery_new(struct pgconn *conn, const char *cluster)
{
	struct delivery *d = memory_calloc(1, sizeof(*d));

	d->conn = conn;
	d->cluster = memory_strdup(cluster);
	return d;
}

void
delivery_free(struct delivery **handle)
{
	struct delivery *d = *handle;

	*handle = NULL;
	if (d == NULL)
		return;

	struct pgarray *const arrays[] = {
		&d->partitions,       &d->offsets, &d->tenants, &d->topics,
		&d->range_partitions, &d->firsts,  &d->lasts,   &d->seqs,
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		pgarray_fini(arrays[i]);
	memory_release(d->spans);
	memory_release(d->cluster);
	memory_release(d);
}

enum err_code
delivery_send(struct delivery *d, struct batch *const *batches,
              int64_t *const *offsets, size_t count, struct err *err)
{
	CHECK(d->answers == 0 && count > 0);
	if (pgconn_pipeline_begin(d->conn, err) != ERR_OK ||
	    pgconn_send(d->conn, &begin, NULL, err) != ERR_OK)
		return err->code;
	d->answers = 1;
	for (size_t i = 0; i < count; i++) {
		if (send_batch(d, batches[i], offsets[i], err) != ERR_OK)
			return err->code;
	}
	crash_at(CRASH_DELIVERY_SENT);
	d->answers++;
	if (pgconn_send(d->conn, &commit, NULL, err) != ERR_OK ||
	    pgconn_sync(d->conn, err) != ERR_OK ||
	    pgconn_flush(d->conn, err) != ERR_OK)
		return err->code;
	return ERR_OK;
}

enum err_code
delivery_wait(struct delivery *d, struct err *err)
{
	struct err first = { .code = ERR_OK };

	if (d->answers == 0)
		return ERR_OK;
	while (d->answers > 0 && !pgconn_is_lost(d->conn)) {
		struct pgrows *rows = NULL;
		struct err e = { .code = ERR_OK };

		d->answers--;
		if (pgconn_receive(d->conn, &rows, &e) != ERR_OK &&
		    first.code == ERR_OK)
			first = e;
		pgrows_free(&rows);
	}
	d->answers = 0;
	if (first.code != ERR_OK)
		*err = first;
	if (pgconn_is_lost(d->conn) || first.code != ERR_OK)
		return first.code != ERR_OK ? first.code
					    : err_set(err, ERR_POSTGRES_LOST,
		                                      "recording deliveries");
	if (pgconn_receive_sync(d->conn, err) != ERR_OK ||
	    pgconn_pipeline_end(d->conn, err) != ERR_OK)
		return err->code;
	crash_at(CRASH_DELIVERY_RECORDED);
	return ERR_OK;
}

enum err_code
delivery_last_seq(struct delivery *d, int lane, int incarnation,
                  int64_t *out_seq, struct err *err)
{
	struct pgnumber n[2];
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_text(d->cluster),
		pgvalue_int4(lane, &n[0]),
		pgvalue_int4(incarnation, &n[1]),
	};

	if (pgconn_query(d->conn, &last_seq, values, &rows, err) != ERR_OK)
		return err->code;
	*out_seq = pgrows_count(rows) == 0 ? 0 : pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return ERR_OK;
}

enum err_code
delivery_last_offset(struct delivery *d, int lane, const char *topic,
                     int partition, int64_t *out_offset, struct err *err)
{
	struct pgnumber n[2];
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_text(d->cluster),
		pgvalue_text(topic),
		pgvalue_int4(partition, &n[0]),
		pgvalue_int4(lane, &n[1]),
	};

	if (pgconn_query(d->conn, &last_offset, values, &rows, err) != ERR_OK)
		return err->code;
	*out_offset = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return ERR_OK;
}
