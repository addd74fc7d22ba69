/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage "validate": judges each message of a batch that nobody has
 * refused yet. The result is kept in the lane's context, since it is large;
 * what must last is copied into the batch's arena.
 */
#include <string.h>

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/message.h"
#include "base/model/stage.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "contracts/contract.h"

#define CONTRACT_STAGE_MAGIC 0x76616c69u

struct stage_context {
	uint32_t magic;
	struct contract_result result;
};

static void *
stage_context_new(void)
{
	struct stage_context *context = memory_calloc(1, sizeof(*context));

	context->magic = CONTRACT_STAGE_MAGIC;
	return context;
}

static void
stage_context_free(void *opaque)
{
	struct stage_context *context = opaque;

	if (context == NULL)
		return;
	CHECK_MAGIC(context, CONTRACT_STAGE_MAGIC);
	memory_free(&context);
}

static void
reject(struct message *message, const struct contract_result *result,
       struct arena *arena)
{
	message->verdict = VERDICT_REJECTED;
	message->violation_count = (uint16_t)result->violation_count;
	message->violations = arena_copy(
		arena, result->violations,
		result->violation_count * sizeof(result->violations[0]));
}

static void
validate(struct message *message, struct arena *arena,
         struct contract_result *result)
{
	const struct feed *feed = message->feed;
	const struct contract_input input = {
		.key = message->key,
		.body = message->body,
		.headers = message->headers,
		.key_len = message->key_len,
		.body_len = message->body_len,
		.headers_len = message->headers_len,
		.body_bytes_max = feed->message_bytes_max,
	};
	int partition;

	contract_check(feed->contract, &input, arena, result);
	message->contract = contract_id(feed->contract);
	if (result->violation_count > 0) {
		reject(message, result, arena);
		return;
	}
	message->version = result->version;
	partition =
		contract_partition(feed->contract, result, feed->partitions);
	message->misrouted = partition >= 0 && partition != message->partition;
}

static enum err_code
stage_run(struct batch *batch, void *opaque, struct err *err)
{
	struct stage_context *context = opaque;

	CHECK_MAGIC(context, CONTRACT_STAGE_MAGIC);
	for (size_t i = 0; i < batch->count; i++) {
		struct message *message = &batch->messages[i];

		/* Whoever submits a message has judged it. */
		if (message->item != NULL)
			continue;
		CHECK(message->feed != NULL && message->feed->contract != NULL);
		if (message->verdict == VERDICT_ACCEPTED)
			validate(message, &batch->arena, &context->result);
	}
	return ERR_OK;
}

/* -- public -------------------------------------------------------------- */

const struct stage contract_stage_validate = {
	.name = "validate",
	.run = stage_run,
	.context_new = stage_context_new,
	.context_free = stage_context_free,
};
