/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One loop over the table for each of its columns.
 */
#include "gateway/lane_stages.h"

#include <string.h>

#include "base/model/batch.h"
#include "base/model/journal.h"
#include "base/model/stage.h"
#include "base/runtime/check.h"
#include "base/runtime/crash.h"
#include "gateway/daemon_config.h"
#include "gateway/lane_parts.h"

static enum err_code
run(struct lane_stages *stages, struct batch *batch, struct err *err)
{
	for (size_t i = 0; stages->stages[i] != NULL; i++) {
		const struct stage *stage = stages->stages[i];

		if (stage->run(batch, stages->contexts[i], err) != ERR_OK)
			return err_context(err, "stage %s", stage->name);
	}
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

void
lane_stages_init(struct lane_stages *stages, const struct stage *const *list)
{
	memset(stages, 0, sizeof(*stages));
	stages->stages = list;
	for (size_t i = 0; list[i] != NULL; i++) {
		CHECK(i < LANE_STAGES_MAX);
		if (list[i]->context_new != NULL)
			stages->contexts[i] = list[i]->context_new();
	}
}

void
lane_stages_fini(struct lane_stages *stages)
{
	for (size_t i = 0; stages->stages[i] != NULL; i++) {
		if (stages->stages[i]->context_free != NULL)
			stages->stages[i]->context_free(stages->contexts[i]);
	}
}

enum err_code
lane_stages_load(struct lane_stages *stages, struct journal *journal,
                 const struct deployment *deployment, struct err *err)
{
	const struct journal_lane *row = journal_lane(journal);
	const struct stage_lane now = {
		.conn = journal_conn(journal),
		.lane = row->lane,
		.incarnation = row->incarnation,
		.next_seq = row->next_seq,
		.deployment = deployment,
	};

	for (size_t i = 0; stages->stages[i] != NULL; i++) {
		const struct stage *stage = stages->stages[i];

		if (stage->load != NULL &&
		    stage->load(stages->contexts[i], &now, err) != ERR_OK)
			return err_context(err, "stage %s", stage->name);
	}
	return ERR_OK;
}

enum err_code
lane_stages_judge(struct lane_stages *stages, struct batch **batch,
                  const struct daemon_config *config, struct err *err)
{
	crash_at(CRASH_GATHERED);
	do {
		if (run(stages, *batch, err) != ERR_OK)
			return err->code;
	} while (lane_parts_refuse(*batch) && (*batch)->count > 0);
	crash_at(CRASH_VALIDATED);
	if ((*batch)->count == 0)
		batch_unref(batch);
	else
		batch_group(*batch, (size_t)config->block_messages,
		            (size_t)config->batch_bytes);
	return ERR_OK;
}

void
lane_stages_numbered(struct lane_stages *stages, const struct batch *batch)
{
	for (size_t i = 0; stages->stages[i] != NULL; i++) {
		if (stages->stages[i]->numbered != NULL)
			stages->stages[i]->numbered(stages->contexts[i], batch);
	}
}
