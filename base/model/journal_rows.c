/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that write the journal's tables, and their parameters.
 *
 * A column whose values are all the same is written as an array of one
 * element, which stands for all: most blocks have one source, one partition,
 * one verdict. The day is the lane row's, set by the first statement of the
 * transaction, so it never decreases within a lane.
 */
#include "base/model/journal_rows.h"

#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/submission.h"
#include "base/model/violation.h"
#include "base/model/wire.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define LANE_DAY "(select day from waybill.lane where lane = $1)"

#define FORMAT 1 /* of the block row; readers take N and N-1 */

static const struct pgstatement insert_block = {
	.name = "journal_insert_block",
	.sql = "insert into waybill.block (day, lane, incarnation, first_seq,"
	       " count, tenant, feed, format, origin, recorded_at,"
	       " event_time_min, event_time_max, salt, event_times, keys,"
	       " bodies, headers, sources, source_offsets, verdicts,"
	       " contracts, partitions, hashes, key_hashes, dedup_ids,"
	       " principals, versions)"
	       " values (" LANE_DAY ", $1, $2, $3, $4, $5, $6, $7, $8,"
	       " statement_timestamp(), $9, $10, $11, $12, $13, $14, $15,"
	       " $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
	.param_count = 25,
	.types = { PGTYPE_INT4,        PGTYPE_INT4,        PGTYPE_INT8,
	           PGTYPE_INT4,        PGTYPE_TEXT,        PGTYPE_TEXT,
	           PGTYPE_INT2,        PGTYPE_INT2,        PGTYPE_INT8,
	           PGTYPE_INT8,        PGTYPE_BYTEA,       PGTYPE_INT8_ARRAY,
	           PGTYPE_BYTEA_ARRAY, PGTYPE_BYTEA_ARRAY, PGTYPE_BYTEA_ARRAY,
	           PGTYPE_INT4_ARRAY,  PGTYPE_INT8_ARRAY,  PGTYPE_INT2_ARRAY,
	           PGTYPE_INT4_ARRAY,  PGTYPE_INT4_ARRAY,  PGTYPE_BYTEA,
	           PGTYPE_INT4_ARRAY,  PGTYPE_BYTEA_ARRAY, PGTYPE_INT4_ARRAY,
	           PGTYPE_INT8_ARRAY },
};

static const struct pgstatement insert_commit = {
	.name = "journal_insert_commit",
	.sql = "insert into waybill.lane_commit (day, lane, incarnation,"
	       " commit_no, first_seq, last_seq, recorded_at, chain, source,"
	       " source_next, config_digest, is_full)"
	       " values (" LANE_DAY ", $1, $2, $3, $4, $5,"
	       " statement_timestamp(), $6, $7, $8, $9, $10)",
	.param_count = 10,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8, PGTYPE_INT8,
	           PGTYPE_INT8, PGTYPE_BYTEA, PGTYPE_INT4_ARRAY,
	           PGTYPE_INT8_ARRAY, PGTYPE_BYTEA, PGTYPE_BOOL },
};

static const struct pgstatement insert_source_ranges = {
	.name = "journal_insert_source_ranges",
	.sql = "with added as (insert into waybill.source_range (day, tenant,"
	       " source, offset_first, offset_last, lane, incarnation,"
	       " first_seq)"
	       " select " LANE_DAY ", r.tenant, r.source, r.offset_first,"
	       " r.offset_last, $1, $2, r.first_seq from unnest($3, $4, $5,"
	       " $6, $7) r(tenant, source, offset_first, offset_last,"
	       " first_seq) returning tenant, source, day, offset_first)"
	       " insert into waybill.source_day (tenant, source, day,"
	       " offset_first) select tenant, source, day, min(offset_first)"
	       " from added group by tenant, source, day"
	       " on conflict do nothing",
	.param_count = 7,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_TEXT_ARRAY,
	           PGTYPE_INT4_ARRAY, PGTYPE_INT8_ARRAY, PGTYPE_INT8_ARRAY,
	           PGTYPE_INT8_ARRAY },
};

static const struct pgstatement insert_violations = {
	.name = "journal_insert_violations",
	.sql = "insert into waybill.violation (day, tenant, lane,"
	       " incarnation, seq, ordinal, rule, path, expected, value,"
	       " byte_offset)"
	       " select " LANE_DAY ", v.tenant, $1, $2, v.seq, v.ordinal,"
	       " v.rule, v.path, v.expected, v.value, v.byte_offset"
	       " from unnest($3, $4, $5, $6, $7, $8, $9, $10) v(tenant, seq,"
	       " ordinal, rule, path, expected, value, byte_offset)",
	.param_count = 10,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_TEXT_ARRAY,
	           PGTYPE_INT8_ARRAY, PGTYPE_INT2_ARRAY, PGTYPE_TEXT_ARRAY,
	           PGTYPE_TEXT_ARRAY, PGTYPE_TEXT_ARRAY, PGTYPE_TEXT_ARRAY,
	           PGTYPE_INT4_ARRAY },
};

static const struct pgstatement insert_references = {
	.name = "journal_insert_references",
	.sql = "insert into waybill.verdict_reference (day, tenant, lane,"
	       " incarnation, seq, of_lane, of_incarnation, of_seq, kind)"
	       " select " LANE_DAY ", r.tenant, $1, $2, r.seq, r.of_lane,"
	       " r.of_incarnation, r.of_seq, r.kind"
	       " from unnest($3, $4, $5, $6, $7, $8) r(tenant, seq,"
	       " of_lane, of_incarnation, of_seq, kind)",
	.param_count = 8,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_TEXT_ARRAY,
	           PGTYPE_INT8_ARRAY, PGTYPE_INT4_ARRAY, PGTYPE_INT4_ARRAY,
	           PGTYPE_INT8_ARRAY, PGTYPE_TEXT_ARRAY },
};

/* What a block has of one source. */
struct range {
	int32_t source;
	int64_t first, last;
};

struct journal_rows {
	struct pgarray event_times, keys, bodies, headers, sources,
		source_offsets, verdicts, contracts, partitions, key_hashes,
		dedup_ids, principals, versions;
	/* of the batch: ranges, violations, references, positions */
	struct pgarray tenants, ids, incarnations, firsts, lasts, seqs,
		ordinals, rules, paths, expected, values, offsets;
	struct range *ranges;
	size_t range_size;
};

/* Which columns of a block are the same for all, which there are at all, and
   its event times. */
struct sameness {
	bool source, verdict, contract, partition, event_time, principal;
	bool has_headers, has_dedup_ids, has_principals, has_versions;
	int64_t event_time_min, event_time_max;
};

static int32_t
principal_of(const struct message *m)
{
	return m->item == NULL ? 0 : m->item->part->submission->principal;
}

static void
survey(const struct message *m, size_t count, struct sameness *out)
{
	*out = (struct sameness){
		.source = true,
		.verdict = true,
		.contract = true,
		.partition = true,
		.principal = true,
		.event_time = true,
		.event_time_min = m[0].event_time_ms,
		.event_time_max = m[0].event_time_ms,
	};
	for (size_t i = 0; i < count; i++) {
		out->source &= m[i].source_id == m[0].source_id;
		out->verdict &= m[i].verdict == m[0].verdict;
		out->contract &= m[i].contract == m[0].contract;
		out->partition &= m[i].partition == m[0].partition;
		out->principal &= principal_of(&m[i]) == principal_of(&m[0]);
		out->has_headers |= m[i].headers != NULL;
		out->has_dedup_ids |= m[i].dedup_id_len > 0;
		out->has_principals |= principal_of(&m[i]) != 0;
		out->has_versions |= m[i].version != MESSAGE_VERSION_NONE;
		if (m[i].event_time_ms < out->event_time_min)
			out->event_time_min = m[i].event_time_ms;
		if (m[i].event_time_ms > out->event_time_max)
			out->event_time_max = m[i].event_time_ms;
	}
	out->event_time = out->event_time_min == out->event_time_max;
}

/* What message_by_key looks at before it opens a block's keys. */
static void
add_key_hash(struct pgarray *array, const struct message *m)
{
	if (m->key == NULL)
		pgarray_add_bytes(array, NULL, 0);
	else
		pgarray_add_int4(
			array,
			(int32_t)digest_murmur2(m->key, (size_t)m->key_len));
}

static void
add_dedup_id(struct pgarray *array, const struct message *m)
{
	uint8_t hash[8];

	if (m->dedup_id_len <= 0) {
		pgarray_add_bytes(array, NULL, 0);
		return;
	}
	wire_put_int8(hash, (int64_t)m->content_hash);
	pgarray_add_pair(array, hash, sizeof(hash), m->dedup_id,
	                 (size_t)m->dedup_id_len);
}

static void
add_version(struct pgarray *array, const struct message *m)
{
	if (m->version == MESSAGE_VERSION_NONE)
		pgarray_add_bytes(array, NULL, 0);
	else
		pgarray_add_int8(array, m->version);
}

/* What only some messages have, and most blocks have none of. */
static void
add_rare_columns(struct journal_rows *r, const struct message *m, size_t count,
                 const struct sameness *same)
{
	pgarray_begin(&r->headers, PGTYPE_BYTEA);
	pgarray_begin(&r->dedup_ids, PGTYPE_BYTEA);
	pgarray_begin(&r->principals, PGTYPE_INT4);
	pgarray_begin(&r->versions, PGTYPE_INT8);
	for (size_t i = 0; i < count && same->has_headers; i++)
		pgarray_add_bytes(&r->headers, m[i].headers,
		                  (size_t)m[i].headers_len);
	for (size_t i = 0; i < count && same->has_dedup_ids; i++)
		add_dedup_id(&r->dedup_ids, &m[i]);
	for (size_t i = 0; i < count && same->has_versions; i++)
		add_version(&r->versions, &m[i]);
	for (size_t i = 0; i < count && same->has_principals; i++) {
		if (i == 0 || !same->principal)
			pgarray_add_int4(&r->principals, principal_of(&m[i]));
	}
}

static void
add_columns(struct journal_rows *r, const struct message *m, size_t count,
            const struct sameness *same)
{
	pgarray_begin(&r->event_times, PGTYPE_INT8);
	pgarray_begin(&r->keys, PGTYPE_BYTEA);
	pgarray_begin(&r->bodies, PGTYPE_BYTEA);
	pgarray_begin(&r->sources, PGTYPE_INT4);
	pgarray_begin(&r->source_offsets, PGTYPE_INT8);
	pgarray_begin(&r->verdicts, PGTYPE_INT2);
	pgarray_begin(&r->contracts, PGTYPE_INT4);
	pgarray_begin(&r->partitions, PGTYPE_INT4);
	pgarray_begin(&r->key_hashes, PGTYPE_INT4);
	for (size_t i = 0; i < count; i++) {
		pgarray_add_bytes(&r->keys, m[i].key, (size_t)m[i].key_len);
		add_key_hash(&r->key_hashes, &m[i]);
		pgarray_add_bytes(&r->bodies, m[i].body, (size_t)m[i].body_len);
		pgarray_add_int8(&r->source_offsets, m[i].source_offset);
		if (i == 0 || !same->event_time)
			pgarray_add_int8(&r->event_times, m[i].event_time_ms);
		if (i == 0 || !same->source)
			pgarray_add_int4(&r->sources, m[i].source_id);
		if (i == 0 || !same->verdict)
			pgarray_add_int2(&r->verdicts, (int16_t)m[i].verdict);
		if (i == 0 || !same->contract)
			pgarray_add_int4(&r->contracts, m[i].contract);
		if (i == 0 || !same->partition)
			pgarray_add_int4(&r->partitions, m[i].partition);
	}
}

static enum err_code
send_block(struct journal_rows *r, struct pgconn *conn,
           const struct batch *batch, const struct block *block,
           struct err *err)
{
	const struct message *m = &batch->messages[block->first];
	struct sameness same;
	struct pgnumber n[8];

	survey(m, block->count, &same);
	add_columns(r, m, block->count, &same);
	add_rare_columns(r, m, block->count, &same);

	const struct pgvalue values[] = {
		pgvalue_int4(batch->lane, &n[0]),
		pgvalue_int4(batch->incarnation, &n[1]),
		pgvalue_int8(block->first_seq, &n[2]),
		pgvalue_int4((int32_t)block->count, &n[3]),
		pgvalue_text(block->feed->tenant),
		pgvalue_text(block->feed->name),
		pgvalue_int2(FORMAT, &n[4]),
		pgvalue_int2(block->origin, &n[5]),
		pgvalue_int8(same.event_time_min, &n[6]),
		pgvalue_int8(same.event_time_max, &n[7]),
		pgvalue_bytes(block->salt, sizeof(block->salt)),
		pgarray_end(&r->event_times),
		pgarray_end(&r->keys),
		pgarray_end(&r->bodies),
		same.has_headers ? pgarray_end(&r->headers) : PGVALUE_NULL,
		pgarray_end(&r->sources),
		pgarray_end(&r->source_offsets),
		pgarray_end(&r->verdicts),
		pgarray_end(&r->contracts),
		pgarray_end(&r->partitions),
		pgvalue_bytes(block->hashes, block->count * DIGEST_SHA256_LEN),
		pgarray_end(&r->key_hashes),
		same.has_dedup_ids ? pgarray_end(&r->dedup_ids) : PGVALUE_NULL,
		same.has_principals ? pgarray_end(&r->principals)
				    : PGVALUE_NULL,
		same.has_versions ? pgarray_end(&r->versions) : PGVALUE_NULL,
	};

	return pgconn_send(conn, &insert_block, values, err);
}

/* The range of a source within a block: few sources, long runs. */
static size_t
take_ranges(struct journal_rows *r, const struct message *m, size_t count)
{
	size_t used = 0, at = 0;

	for (size_t i = 0; i < count; i++) {
		if (used == 0 || r->ranges[at].source != m[i].source_id) {
			for (at = 0; at < used; at++) {
				if (r->ranges[at].source == m[i].source_id)
					break;
			}
		}
		if (at == used) {
			if (used == r->range_size) {
				r->range_size = r->range_size * 2 + 16;
				r->ranges = memory_realloc(
					r->ranges,
					r->range_size * sizeof(*r->ranges));
			}
			r->ranges[used++] = (struct range){
				.source = m[i].source_id,
				.first = m[i].source_offset,
				.last = m[i].source_offset,
			};
		}
		if (m[i].source_offset < r->ranges[at].first)
			r->ranges[at].first = m[i].source_offset;
		if (m[i].source_offset > r->ranges[at].last)
			r->ranges[at].last = m[i].source_offset;
	}
	return used;
}

static bool
has_offsets(const struct block *block)
{
	return block->origin != MESSAGE_ORIGIN_REST &&
		block->origin != MESSAGE_ORIGIN_PLAN;
}

/* Sends nothing where no message has an offset to be found by. */
static enum err_code
send_source_ranges(struct journal_rows *r, struct pgconn *conn,
                   const struct batch *batch, size_t *sent, struct err *err)
{
	struct pgnumber n[2];
	size_t all = 0;

	pgarray_begin(&r->tenants, PGTYPE_TEXT);
	pgarray_begin(&r->ids, PGTYPE_INT4);
	pgarray_begin(&r->firsts, PGTYPE_INT8);
	pgarray_begin(&r->lasts, PGTYPE_INT8);
	pgarray_begin(&r->seqs, PGTYPE_INT8);
	for (size_t b = 0; b < batch->block_count; b++) {
		const struct block *block = &batch->blocks[b];
		size_t count;

		if (!has_offsets(block))
			continue;
		count = take_ranges(r, &batch->messages[block->first],
		                    block->count);
		all += count;
		for (size_t i = 0; i < count; i++) {
			pgarray_add_bytes(&r->tenants, block->feed->tenant,
			                  strlen(block->feed->tenant));
			pgarray_add_int4(&r->ids, r->ranges[i].source);
			pgarray_add_int8(&r->firsts, r->ranges[i].first);
			pgarray_add_int8(&r->lasts, r->ranges[i].last);
			pgarray_add_int8(&r->seqs, block->first_seq);
		}
	}
	if (all == 0)
		return ERR_OK;
	(*sent)++;

	const struct pgvalue values[] = {
		pgvalue_int4(batch->lane, &n[0]),
		pgvalue_int4(batch->incarnation, &n[1]),
		pgarray_end(&r->tenants),
		pgarray_end(&r->ids),
		pgarray_end(&r->firsts),
		pgarray_end(&r->lasts),
		pgarray_end(&r->seqs),
	};

	return pgconn_send(conn, &insert_source_ranges, values, err);
}

static void
add_text(struct pgarray *array, const char *text)
{
	pgarray_add_bytes(array, text, strlen(text));
}

static void
add_violations(struct journal_rows *r, const struct message *m)
{
	for (int i = 0; i < m->violation_count; i++) {
		const struct violation *v = &m->violations[i];

		add_text(&r->tenants, m->feed->tenant);
		pgarray_add_int8(&r->seqs, m->seq);
		pgarray_add_int2(&r->ordinals, (int16_t)i);
		add_text(&r->rules, v->rule);
		add_text(&r->paths, v->path);
		add_text(&r->expected, v->expected);
		add_text(&r->values, v->value);
		pgarray_add_int4(&r->offsets, v->byte_offset);
	}
}

/* Sends nothing where no message has one. */
static enum err_code
send_violations(struct journal_rows *r, struct pgconn *conn,
                const struct batch *batch, size_t *sent, struct err *err)
{
	struct pgnumber n[2];
	size_t count = 0;

	pgarray_begin(&r->tenants, PGTYPE_TEXT);
	pgarray_begin(&r->seqs, PGTYPE_INT8);
	pgarray_begin(&r->ordinals, PGTYPE_INT2);
	pgarray_begin(&r->rules, PGTYPE_TEXT);
	pgarray_begin(&r->paths, PGTYPE_TEXT);
	pgarray_begin(&r->expected, PGTYPE_TEXT);
	pgarray_begin(&r->values, PGTYPE_TEXT);
	pgarray_begin(&r->offsets, PGTYPE_INT4);
	for (size_t i = 0; i < batch->count; i++) {
		const struct message *m = &batch->messages[i];

		/* Of a duplicate or a conflict something else is said. */
		if (m->verdict != VERDICT_REJECTED || m->violation_count == 0)
			continue;
		count += m->violation_count;
		add_violations(r, m);
	}
	if (count == 0)
		return ERR_OK;
	(*sent)++;

	const struct pgvalue values[] = {
		pgvalue_int4(batch->lane, &n[0]),
		pgvalue_int4(batch->incarnation, &n[1]),
		pgarray_end(&r->tenants),
		pgarray_end(&r->seqs),
		pgarray_end(&r->ordinals),
		pgarray_end(&r->rules),
		pgarray_end(&r->paths),
		pgarray_end(&r->expected),
		pgarray_end(&r->values),
		pgarray_end(&r->offsets),
	};

	return pgconn_send(conn, &insert_violations, values, err);
}

/* The same. */
static enum err_code
send_references(struct journal_rows *r, struct pgconn *conn,
                const struct batch *batch, size_t *sent, struct err *err)
{
	struct pgnumber n[2];
	size_t count = 0;

	pgarray_begin(&r->tenants, PGTYPE_TEXT);
	pgarray_begin(&r->seqs, PGTYPE_INT8);
	pgarray_begin(&r->ids, PGTYPE_INT4);
	pgarray_begin(&r->incarnations, PGTYPE_INT4);
	pgarray_begin(&r->firsts, PGTYPE_INT8);
	pgarray_begin(&r->rules, PGTYPE_TEXT);
	for (size_t i = 0; i < batch->count; i++) {
		const struct message *m = &batch->messages[i];

		if (m->reference == NULL)
			continue;
		CHECK(m->reference->seq > 0);
		count++;
		add_text(&r->tenants, m->feed->tenant);
		pgarray_add_int8(&r->seqs, m->seq);
		pgarray_add_int4(&r->ids, m->reference->lane);
		pgarray_add_int4(&r->incarnations, m->reference->incarnation);
		pgarray_add_int8(&r->firsts, m->reference->seq);
		add_text(&r->rules, message_reference_name(m->reference->kind));
	}
	if (count == 0)
		return ERR_OK;
	(*sent)++;

	const struct pgvalue values[] = {
		pgvalue_int4(batch->lane, &n[0]),
		pgvalue_int4(batch->incarnation, &n[1]),
		pgarray_end(&r->tenants),
		pgarray_end(&r->seqs),
		pgarray_end(&r->ids),
		pgarray_end(&r->incarnations),
		pgarray_end(&r->firsts),
		pgarray_end(&r->rules),
	};

	return pgconn_send(conn, &insert_references, values, err);
}

static enum err_code
send_commit(struct journal_rows *r, struct pgconn *conn,
            const struct batch *batch, struct err *err)
{
	struct pgnumber n[6];

	pgarray_begin(&r->ids, PGTYPE_INT4);
	pgarray_begin(&r->lasts, PGTYPE_INT8);
	for (size_t i = 0; i < batch->position_count; i++) {
		pgarray_add_int4(&r->ids, batch->positions[i].source_id);
		pgarray_add_int8(&r->lasts, batch->positions[i].next);
	}

	const struct pgvalue values[] = {
		pgvalue_int4(batch->lane, &n[0]),
		pgvalue_int4(batch->incarnation, &n[1]),
		pgvalue_int8(batch->commit_no, &n[2]),
		pgvalue_int8(batch->first_seq, &n[3]),
		pgvalue_int8(batch->last_seq, &n[4]),
		pgvalue_bytes(batch->chain, DIGEST_SHA256_LEN),
		pgarray_end(&r->ids),
		pgarray_end(&r->lasts),
		pgvalue_bytes(batch->deployment->digest,
		              sizeof(batch->deployment->digest)),
		pgvalue_bool(batch->positions_full, &n[5]),
	};

	return pgconn_send(conn, &insert_commit, values, err);
}

/* -- public ---------------------------------------------------------------- */

struct journal_rows *
journal_rows_new(void)
{
	return memory_calloc(1, sizeof(struct journal_rows));
}

void
journal_rows_free(struct journal_rows **handle)
{
	struct journal_rows *r = *handle;

	*handle = NULL;
	if (r == NULL)
		return;

	struct pgarray *const arrays[] = {
		&r->event_times, &r->keys,       &r->bodies,
		&r->headers,     &r->sources,    &r->source_offsets,
		&r->verdicts,    &r->contracts,  &r->partitions,
		&r->tenants,     &r->ids,        &r->firsts,
		&r->lasts,       &r->seqs,       &r->ordinals,
		&r->rules,       &r->paths,      &r->expected,
		&r->values,      &r->offsets,    &r->key_hashes,
		&r->dedup_ids,   &r->principals, &r->incarnations,
		&r->versions,
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
		pgarray_fini(arrays[i]);
	memory_release(r->ranges);
	memory_release(r);
}

enum err_code
journal_rows_send(struct journal_rows *rows, struct pgconn *conn,
                  const struct batch *batch, size_t *out_sent, struct err *err)
{
	size_t sent = batch->block_count + 1; /* the commit */

	for (size_t i = 0; i < batch->block_count; i++) {
		if (send_block(rows, conn, batch, &batch->blocks[i], err) !=
		    ERR_OK)
			return err->code;
	}
	if (send_source_ranges(rows, conn, batch, &sent, err) != ERR_OK ||
	    send_violations(rows, conn, batch, &sent, err) != ERR_OK ||
	    send_references(rows, conn, batch, &sent, err) != ERR_OK ||
	    send_commit(rows, conn, batch, err) != ERR_OK)
		return err->code;
	*out_sent = sent;
	return ERR_OK;
}
