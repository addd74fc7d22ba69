/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Messages as a table, a line each: what history and tail print. Keys that a
 * contract makes of sensitive fields are redacted. Owner's thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "gateway/look/table.h"

struct look;
struct pgstatement;
struct pgvalue;

/* What a statement selects from rows m of waybill.message, in this order. */
#define LISTING_SQL                                                            \
	"m.id, m.recorded_at, m.tenant, m.feed, m.verdict, m.key,"             \
	" m.source_cluster, m.source_topic, m.source_partition,"               \
	" m.source_offset, m.event_time, length(m.body),"                      \
	" case when m.verdict = 'rejected' then (select string_agg(v.rule,"    \
	" ' ' order by v.ordinal) from waybill.violation v"                    \
	" where v.day = m.day and v.lane = m.lane"                             \
	" and v.incarnation = m.incarnation and v.seq = m.seq) end as rules,"  \
	" m.contract, m.lane, m.incarnation, m.seq"

enum {
	LISTING_ID,
	LISTING_RECORDED_AT,
	LISTING_TENANT,
	LISTING_FEED,
	LISTING_VERDICT,
	LISTING_KEY,
	LISTING_SOURCE_CLUSTER,
	LISTING_SOURCE_TOPIC,
	LISTING_SOURCE_PARTITION,
	LISTING_SOURCE_OFFSET,
	LISTING_EVENT_TIME,
	LISTING_BYTES,
	LISTING_RULES,
	LISTING_COLUMN_COUNT,
};

struct listing_place {
	int lane;
	int incarnation;
	int64_t seq;
};

#define LISTING_CONTRACTS_MAX 256

struct listing {
	struct table table;
	struct listing_place *places; /* of each row of the table */
	size_t place_count;
	/* Which contracts' keys are sensitive: asked once for each. */
	struct {
		int32_t id;
		bool withheld;
	} contracts[LISTING_CONTRACTS_MAX];
	size_t contract_count;
	bool raw; /* nothing is redacted */
};

void
listing_init(struct listing *listing, bool raw);

void
listing_fini(struct listing *listing);

/* Forgets the rows, not the contracts. */
void
listing_clear(struct listing *listing);

/* Adds up to rows_max of a statement's rows; *out_left: there were more. */
enum err_code
listing_add(struct listing *listing, struct look *look,
            const struct pgstatement *statement, const struct pgvalue *values,
            size_t rows_max, bool *out_left, struct err *err) ERR_MUST_CHECK;
