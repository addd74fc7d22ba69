/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message is called is hashed here, what is said of it comes from the
 * index, and the index from the journal.
 */
#include "replay/dedup_stage.h"

#include <stdio.h>

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/message.h"
#include "base/model/stage.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/metric.h"
#include "replay/dedup_index.h"
#include "replay/dedup_journal.h"
#include "replay/lane_recent.h"
#include "replay/recent.h"

#define DEDUP_STAGE_MAGIC 0x64656475u
/* A day, and what rounding to minutes and the way into the journal take. */
#define WINDOW_MINUTES  (24 * 60 + 2)
#define IDS_MAX_DEFAULT 4000000

enum {
	IDS,
	LOAD_SECONDS,
	REFUSED,
};

const struct metric_def dedup_stage_metrics[] = {
	[IDS] = { "waybill_dedup_ids",
	          METRIC_GAUGE,
	          "Dedup ids that a lane remembers; dedup.ids-max is the most.",
	          { "lane" },
	          NULL,
	          0 },
	[LOAD_SECONDS] = { "waybill_dedup_load_seconds",
	                   METRIC_GAUGE,
	                   "How long reading the dedup ids from the journal took "
	                   "when the lane was taken.",
	                   { "lane" },
	                   NULL,
	                   0 },
	[REFUSED] = { "waybill_dedup_refused_messages_total",
	              METRIC_COUNTER,
	              "Messages refused because a lane can remember no more "
	              "dedup ids.",
	              { "lane" },
	              NULL,
	              0 },
};
const int dedup_stage_metric_count =
	sizeof(dedup_stage_metrics) / sizeof(dedup_stage_metrics[0]);

static size_t ids_max = IDS_MAX_DEFAULT;

struct dedup_context {
	uint32_t magic;
	struct lane_recent lane_recent;
	struct digest *digest;
	struct metric_cell *ids, *load_seconds, *refused;
};

static struct metric_cell *
cell_of(int metric, int lane)
{
	char name[16];
	const char *const values[] = { name };

	snprintf(name, sizeof(name), "%d", lane);
	return metric_cell(&dedup_stage_metrics[metric], values);
}

static void *
context_new(void)
{
	struct dedup_context *context = memory_calloc(1, sizeof(*context));

	context->magic = DEDUP_STAGE_MAGIC;
	context->digest = digest_new();
	lane_recent_init(&context->lane_recent, ids_max, WINDOW_MINUTES);
	return context;
}

static void
context_free(void *opaque)
{
	struct dedup_context *context = opaque;

	if (context == NULL)
		return;
	CHECK_MAGIC(context, DEDUP_STAGE_MAGIC);
	if (context->ids != NULL)
		metric_set(context->ids, 0);
	lane_recent_fini(&context->lane_recent);
	digest_free(&context->digest);
	memory_free(&context);
}

static void
tell_loaded(struct dedup_context *context, int lane, int64_t count,
            int64_t took_us)
{
	struct log_scope scope = LOG_SCOPE("dedup");
	size_t known = recent_count(context->lane_recent.recent);

	scope.lane = lane;
	metric_set(context->ids, (double)known);
	metric_set(context->load_seconds, (double)took_us / 1e6);
	if (count > 0)
		log_info(&scope, "%lld dedup ids read in %lld ms",
		         (long long)count, (long long)(took_us / 1000));
	if (known >= ids_max)
		log_warn(&scope,
		         "no more dedup ids can be remembered: new ones are "
		         "refused until old ones expire (%zu of dedup.ids-max "
		         "%zu)",
		         known, ids_max);
}

static enum err_code
load(void *opaque, const struct stage_lane *lane, struct err *err)
{
	struct dedup_context *context = opaque;
	struct lane_recent *lane_recent = &context->lane_recent;
	int64_t begin_us = clock_now_us(), count = 0;
	struct lane_recent_gap gap;

	CHECK_MAGIC(context, DEDUP_STAGE_MAGIC);
	if (context->ids == NULL) {
		context->ids = cell_of(IDS, lane->lane);
		context->load_seconds = cell_of(LOAD_SECONDS, lane->lane);
		context->refused = cell_of(REFUSED, lane->lane);
	}
	if (lane_recent_follow(lane_recent, lane, &gap, err) != ERR_OK)
		return err->code;
	if (gap.is_open &&
	    dedup_journal_read(lane, &gap, context->digest, lane_recent->recent,
	                       &count, err) != ERR_OK)
		return err->code;
	lane_recent_loaded(lane_recent, lane);
	tell_loaded(context, lane->lane, count, clock_now_us() - begin_us);
	return ERR_OK;
}

static void
refer(struct message *m, struct batch *batch, int lane,
      const struct dedup_first *first)
{
	m->reference = arena_calloc(&batch->arena, 1, sizeof(*m->reference));
	m->reference->kind = m->verdict == VERDICT_DUPLICATE ? MESSAGE_DUPLICATE
							     : MESSAGE_CONFLICT;
	m->reference->to_rejected = first->is_rejected;
	m->reference->by_tag = first->incarnation == 0;
	if (m->reference->by_tag) {
		m->reference->tag = (uint32_t)first->seq;
		return;
	}
	m->reference->lane = lane;
	m->reference->incarnation = first->incarnation;
	m->reference->seq = first->seq;
}

static struct recent_hash
hash_id(struct dedup_context *context, const struct message *m)
{
	return recent_hash_of(context->digest, m->feed->tenant, m->feed->name,
	                      m->dedup_id, (size_t)m->dedup_id_len);
}

static void
judge(struct dedup_context *context, struct batch *batch, struct message *m)
{
	const struct dedup_content content = {
		.key = m->key,
		.headers = m->headers,
		.body = m->body,
		.key_len = m->key_len,
		.headers_len = m->headers_len,
		.body_len = m->body_len,
	};
	struct dedup_message message = {
		.id = hash_id(context, m),
		.content = dedup_index_hash_content(context->digest, &content),
		.is_rejected = m->verdict == VERDICT_REJECTED,
		.tag = m->tag,
	};
	struct dedup_first first;

	m->content_hash = message.content;
	switch (dedup_index_judge(context->lane_recent.recent, &message,
	                          &first)) {
	case DEDUP_FIRST:
		return;
	case DEDUP_DUPLICATE:
		m->verdict = VERDICT_DUPLICATE;
		break;
	case DEDUP_CONFLICT:
		m->verdict = VERDICT_CONFLICT;
		break;
	case DEDUP_FULL:
		CHECK(m->item != NULL);
		m->is_refused = true;
		metric_add(context->refused, 1);
		return;
	}
	refer(m, batch, context->lane_recent.lane, &first);
}

static enum err_code
run(struct batch *batch, void *opaque, struct err *err)
{
	struct dedup_context *context = opaque;

	CHECK_MAGIC(context, DEDUP_STAGE_MAGIC);
	lane_recent_begin(&context->lane_recent, batch);
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->messages[i].dedup_id_len > 0)
			judge(context, batch, &batch->messages[i]);
	}
	return ERR_OK;
}

/* A batch that was judged before the lane was taken anew: its verdicts stand,
   since it is behind all that was recorded. */
static void
remember(struct dedup_context *context, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct message *m = &batch->messages[i];
		bool is_rejected = m->verdict == VERDICT_REJECTED;

		if (m->dedup_id_len > 0 &&
		    (is_rejected || m->verdict == VERDICT_ACCEPTED))
			recent_put(context->lane_recent.recent,
			           hash_id(context, m), m->content_hash,
			           is_rejected, m->tag);
	}
}

static void
numbered(void *opaque, const struct batch *batch)
{
	struct dedup_context *context = opaque;

	CHECK_MAGIC(context, DEDUP_STAGE_MAGIC);
	if (!lane_recent_has_judged(&context->lane_recent, batch)) {
		lane_recent_begin(&context->lane_recent, batch);
		remember(context, batch);
	}
	lane_recent_number(&context->lane_recent, batch);
	metric_set(context->ids,
	           (double)recent_count(context->lane_recent.recent));
}

/* -- public ---------------------------------------------------------------- */

const struct stage dedup_stage = {
	.name = "deduplicate",
	.run = run,
	.context_new = context_new,
	.context_free = context_free,
	.load = load,
	.numbered = numbered,
};

void
dedup_stage_setup(int64_t max)
{
	CHECK(max > 0);
	ids_max = (size_t)max;
}
