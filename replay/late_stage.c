/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The checker has found the version in its pass; here it is compared.
 */
#include "replay/late_stage.h"

#include <stdio.h>

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/message.h"
#include "base/model/stage.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "replay/lane_recent.h"
#include "replay/late_index.h"
#include "replay/late_journal.h"
#include "replay/recent.h"

#define LATE_STAGE_MAGIC 0x6c617465u
#define WINDOW_MINUTES   (24 * 60 + 2)
#define READ_MS          2000
#define KEYS_MAX_DEFAULT 4000000

enum {
	KEYS,
	UNKNOWN,
};

const struct metric_def late_stage_metrics[] = {
	[KEYS] = { "waybill_late_keys",
	           METRIC_GAUGE,
	           "Keys whose newest version a lane remembers; late.keys-max "
	           "is the most.",
	           { "lane" },
	           NULL,
	           0 },
	[UNKNOWN] = { "waybill_late_unknown_messages_total",
	              METRIC_COUNTER,
	              "Messages with a version whose key a lane had no room to "
	              "remember: one that comes late behind them is not marked.",
	              { "lane" },
	              NULL,
	              0 },
};
const int late_stage_metric_count =
	sizeof(late_stage_metrics) / sizeof(late_stage_metrics[0]);

static size_t keys_max = KEYS_MAX_DEFAULT;

struct late_context {
	uint32_t magic;
	struct lane_recent lane_recent;
	struct digest *digest;
	struct metric_cell *keys, *unknown;
};

static struct metric_cell *
cell_of(int metric, int lane)
{
	char name[16];
	const char *const values[] = { name };

	snprintf(name, sizeof(name), "%d", lane);
	return metric_cell(&late_stage_metrics[metric], values);
}

static void *
context_new(void)
{
	struct late_context *context = memory_calloc(1, sizeof(*context));

	context->magic = LATE_STAGE_MAGIC;
	context->digest = digest_new();
	lane_recent_init(&context->lane_recent, keys_max, WINDOW_MINUTES);
	return context;
}

static void
context_free(void *opaque)
{
	struct late_context *context = opaque;

	if (context == NULL)
		return;
	CHECK_MAGIC(context, LATE_STAGE_MAGIC);
	if (context->keys != NULL)
		metric_set(context->keys, 0);
	lane_recent_fini(&context->lane_recent);
	digest_free(&context->digest);
	memory_free(&context);
}

static enum err_code
load(void *opaque, const struct stage_lane *lane, struct err *err)
{
	struct late_context *context = opaque;
	struct lane_recent *lane_recent = &context->lane_recent;
	struct log_scope scope = LOG_SCOPE("late");
	struct late_journal_answer answer = { .count = 0 };
	struct lane_recent_gap gap;

	CHECK_MAGIC(context, LATE_STAGE_MAGIC);
	scope.lane = lane->lane;
	if (context->keys == NULL) {
		context->keys = cell_of(KEYS, lane->lane);
		context->unknown = cell_of(UNKNOWN, lane->lane);
	}
	if (lane_recent_follow(lane_recent, lane, &gap, err) != ERR_OK)
		return err->code;
	if (gap.is_open &&
	    late_journal_read(lane, &gap, READ_MS, context->digest,
	                      lane_recent->recent, &answer, err) != ERR_OK)
		return err->code;
	lane_recent_loaded(lane_recent, lane);
	metric_set(context->keys, (double)recent_count(lane_recent->recent));
	if (gap.is_open && answer.since_ms > gap.since_ms)
		log_warn(&scope,
		         "of the versions of the last day %lld were read in "
		         "time: those of the last %lld minutes",
		         (long long)answer.count,
		         (long long)((gap.since_ms + lane_recent->window_ms -
		                      answer.since_ms) /
		                     60000));
	return ERR_OK;
}

static void
refer(struct message *m, struct batch *batch, int lane,
      const struct late_newer *newer)
{
	struct message_reference *reference =
		arena_calloc(&batch->arena, 1, sizeof(*reference));

	reference->kind = MESSAGE_LATE;
	reference->by_tag = newer->incarnation == 0;
	if (reference->by_tag) {
		reference->tag = (uint32_t)newer->seq;
	} else {
		reference->lane = lane;
		reference->incarnation = newer->incarnation;
		reference->seq = newer->seq;
	}
	m->reference = reference;
}

static bool
is_compared(const struct message *m)
{
	return m->version != MESSAGE_VERSION_NONE && m->key != NULL &&
		m->verdict == VERDICT_ACCEPTED;
}

static enum late_answer
judge(struct late_context *context, const struct message *m,
      struct late_newer *out_newer)
{
	const struct late_message message = {
		.key = recent_hash_of(context->digest, m->feed->tenant,
		                      m->feed->name, m->key,
		                      (size_t)m->key_len),
		.version = m->version,
		.tag = m->tag,
	};

	return late_index_judge(context->lane_recent.recent, &message,
	                        out_newer);
}

static enum err_code
run(struct batch *batch, void *opaque, struct err *err)
{
	struct late_context *context = opaque;
	struct late_newer newer;

	CHECK_MAGIC(context, LATE_STAGE_MAGIC);
	lane_recent_begin(&context->lane_recent, batch);
	for (size_t i = 0; i < batch->count; i++) {
		struct message *m = &batch->messages[i];

		/* What is judged again may have been late before. */
		if (m->reference != NULL && m->reference->kind == MESSAGE_LATE)
			m->reference = NULL;
		if (!is_compared(m))
			continue;
		switch (judge(context, m, &newer)) {
		case LATE_NOT:
			break;
		case LATE_OLDER:
			refer(m, batch, context->lane_recent.lane, &newer);
			break;
		case LATE_NO_ROOM:
			metric_add(context->unknown, 1);
			break;
		}
	}
	return ERR_OK;
}

static void
numbered(void *opaque, const struct batch *batch)
{
	struct late_context *context = opaque;
	struct late_newer ignored;

	CHECK_MAGIC(context, LATE_STAGE_MAGIC);
	if (!lane_recent_has_judged(&context->lane_recent, batch)) {
		lane_recent_begin(&context->lane_recent, batch);
		for (size_t i = 0; i < batch->count; i++) {
			if (is_compared(&batch->messages[i]))
				judge(context, &batch->messages[i], &ignored);
		}
	}
	lane_recent_number(&context->lane_recent, batch);
	metric_set(context->keys,
	           (double)recent_count(context->lane_recent.recent));
}

/* -- public ---------------------------------------------------------------- */

const struct stage late_stage = {
	.name = "late",
	.run = run,
	.context_new = context_new,
	.context_free = context_free,
	.load = load,
	.numbered = numbered,
};

void
late_stage_setup(int64_t max)
{
	CHECK(max > 0);
	keys_max = (size_t)max;
}
