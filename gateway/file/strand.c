/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Three bundles go round: one is filled, one waits, one is on its way.
 *
 * Of a request some records may be refused, or their outcome unknown, while
 * others are recorded: lanes answer apart. Those go again, alone, in their
 * order, with the same ids, before anything else does.
 */
#include "gateway/file/strand.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/model/violation.h"
#include "base/runtime/check.h"
#include "base/runtime/json.h"
#include "base/runtime/memory.h"
#include "base/runtime/queue.h"
#include "base/runtime/text.h"
#include "gateway/file/filebundle.h"
#include "gateway/file/filerejects.h"
#include "gateway/file/filetally.h"

#define STRAND_BUNDLES   3
#define WAIT_MS          100
#define PATH_BYTES_MAX   300
#define ANSWER_BYTES_MAX (64 * 1024 * 1024)
#define BODY_BYTES_MAX   (256 * 1024 * 1024)

struct strand {
	struct strand_common *common;
	struct reach *reach;
	struct thread *thread;
	struct queue *empty;
	struct queue *filled;
	char path[PATH_BYTES_MAX];
	struct text body;
	struct text answer;
	size_t *indexes; /* of what is to be sent, of the bundle */
	size_t index_size;
};

static bool
is_stopped(const struct strand_common *common)
{
	return atomic_load(&common->stop);
}

/* -- answers ---------------------------------------------------------------- */

static void
tell(struct strand *strand, const struct filebundle_record *record,
     const struct json *receipt, const char *verdict)
{
	const struct filerejects_entry entry = {
		.record = record->number,
		.line = record->line,
		.verdict = verdict,
		.id = json_string(json_get(receipt, "id")),
		.of = json_string(json_get(receipt, "of")),
		.told = json_get(receipt, "violations"),
		.violations = record->violations,
		.violation_count = record->violation_count,
		.original = record->original,
		.original_len = record->original_len,
	};

	filerejects_add(strand->common->rejects, &entry);
}

/* True: the record has to go again. */
static bool
take_receipt(struct strand *strand, const struct filebundle_record *record,
             const struct json *receipt)
{
	struct filetally *tally = strand->common->tally;
	const char *verdict = json_string(json_get(receipt, "verdict"));

	if (verdict == NULL)
		return true;
	if (strcmp(verdict, "conflict") == 0)
		atomic_fetch_add(&tally->conflict, 1);
	else
		atomic_fetch_add(&tally->rejected, 1);
	tell(strand, record, receipt, verdict);
	return false;
}

/* The indexes of what has to go again, first. *count: of what was sent; of
   what has to go again. */
static enum err_code
take_receipts(struct strand *strand, const struct filebundle *bundle,
              size_t *indexes, size_t *count, struct err *err)
{
	struct filetally *tally = strand->common->tally;
	struct json *answer = NULL;
	const struct json *receipts, *counts;
	size_t again = 0, listed;
	int64_t duplicates;

	if (json_parse(text_string(&strand->answer), strand->answer.len,
	               &answer, err) != ERR_OK)
		return err_context(err, "the gateway's answer");
	receipts = json_get(answer, "receipts");
	counts = json_get(answer, "counts");
	listed = json_count(receipts);
	duplicates = json_integer(json_get(counts, "duplicate"), 0);
	if (listed + (size_t)json_integer(json_get(counts, "accepted"), 0) +
	            (size_t)duplicates !=
	    *count) {
		json_free(&answer);
		return err_set(err, ERR_HTTP,
		               "the gateway's answer is about other messages "
		               "than were sent");
	}
	for (size_t i = 0; i < listed; i++) {
		const struct json *receipt = json_at(receipts, i);
		int64_t at = json_integer(json_get(receipt, "index"), -1);

		CHECK(at >= (int64_t)again && at < (int64_t)*count);
		if (take_receipt(strand, &bundle->records[indexes[at]],
		                 receipt))
			indexes[again++] = indexes[at];
	}
	atomic_fetch_add(&tally->accepted,
	                 json_integer(json_get(counts, "accepted"), 0));
	atomic_fetch_add(&tally->duplicate, duplicates);
	json_free(&answer);
	*count = again;
	return ERR_OK;
}

/* -- requests --------------------------------------------------------------- */

static enum err_code
post(struct strand *strand, const struct filebundle *bundle,
     const size_t *indexes, size_t count, int *out_status, struct err *err)
{
	struct reach_request request = {
		.path = strand->path,
		.type = "application/vnd.waybill.frames",
		.body = bundle->frames.bytes,
		.body_len = bundle->frames.len,
	};

	if (count < bundle->count || bundle->records[0].frame != 0) {
		text_reset(&strand->body);
		filebundle_print(bundle, indexes, count, &strand->body);
		request.body = text_string(&strand->body);
		request.body_len = strand->body.len;
	}
	return reach_ask(strand->reach, &request, out_status, &strand->answer,
	                 err);
}

/* No request can carry it. */
static enum err_code
give_up_body(struct filebundle *bundle, size_t index, struct err *err)
{
	char value[32];
	const struct violation violation = {
		.rule = "size.exceeded",
		.path = "",
		.expected = "what the gateway takes in one request",
		.value = value,
		.byte_offset = -1,
	};
	const struct filebundle_record *record = &bundle->records[index];

	if (record->violation_count > 0 && record->frame_len < 1024)
		return err->code; /* it is not its size */
	snprintf(value, sizeof(value), "%zu bytes", record->original_len);
	filebundle_reject(bundle, index, &violation);
	return ERR_OK;
}

/* Until each of these is recorded. */
static enum err_code
settle(struct strand *strand, struct filebundle *bundle, size_t *indexes,
       size_t count, struct err *err)
{
	while (count > 0) {
		size_t half = count / 2;
		int status = 0;

		if (post(strand, bundle, indexes, count, &status, err) !=
		    ERR_OK)
			return err->code;
		if (status == 413 && count > 1) {
			/* One level for each halving: 14 at most. */
			if (settle(strand, bundle, indexes, half, err) !=
			    ERR_OK)
				return err->code;
			indexes += half;
			count -= half;
			continue;
		}
		if (status >= 300) {
			if (reach_fail(status, &strand->answer, err) ==
			            ERR_TOO_LARGE &&
			    give_up_body(bundle, indexes[0], err) == ERR_OK)
				continue;
			return err->code;
		}
		if (take_receipts(strand, bundle, indexes, &count, err) !=
		    ERR_OK)
			return err->code;
		if (count > 0 &&
		    reach_pause(strand->reach,
		                "the gateway could not record everything",
		                err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

static void
send_bundle(struct strand *strand, struct filebundle *bundle)
{
	struct err err = { .code = ERR_OK };

	if (is_stopped(strand->common))
		return;
	if (bundle->count > strand->index_size) {
		strand->index_size = bundle->count;
		strand->indexes = memory_realloc(
			strand->indexes, bundle->count * sizeof(size_t));
	}
	for (size_t i = 0; i < bundle->count; i++)
		strand->indexes[i] = i;
	if (settle(strand, bundle, strand->indexes, bundle->count, &err) !=
	    ERR_OK)
		strand_fail(strand->common, &err);
}

static void
run(void *context)
{
	struct strand *strand = context;

	for (;;) {
		struct filebundle *bundle = queue_pop(strand->filled, -1);

		if (bundle == NULL)
			return;
		send_bundle(strand, bundle);
		filebundle_reset(bundle);
		CHECK(queue_push(strand->empty, bundle, 1, 0));
	}
}

/* -- public ---------------------------------------------------------------- */

void
strand_fail(struct strand_common *common, const struct err *err)
{
	thread_lock(&common->lock);
	if (common->failure.code == ERR_OK)
		common->failure = *err;
	thread_unlock(&common->lock);
	atomic_store(&common->stop, true);
}

enum err_code
strand_open(struct strand_common *common, struct strand **out, struct err *err)
{
	struct strand *strand;
	struct reach *reach = NULL;

	if (reach_open(&common->reach, &reach, err) != ERR_OK)
		return err->code;
	strand = memory_calloc(1, sizeof(*strand));
	strand->common = common;
	strand->reach = reach;
	strand->empty = queue_new(STRAND_BUNDLES, STRAND_BUNDLES);
	strand->filled = queue_new(STRAND_BUNDLES, STRAND_BUNDLES);
	snprintf(strand->path, sizeof(strand->path),
	         "/messages?file=%s&contract=%" PRId32 "&receipts=rejected",
	         common->file, common->contract);
	text_init(&strand->body, BODY_BYTES_MAX);
	text_init(&strand->answer, ANSWER_BYTES_MAX);
	for (int i = 0; i < STRAND_BUNDLES; i++)
		CHECK(queue_push(strand->empty,
		                 filebundle_new(common->bundle_bytes), 1, 0));
	strand->thread = thread_new("strand", run, strand);
	*out = strand;
	return ERR_OK;
}

struct filebundle *
strand_take(struct strand *strand)
{
	while (!is_stopped(strand->common)) {
		struct filebundle *bundle = queue_pop(strand->empty, WAIT_MS);

		if (bundle != NULL)
			return bundle;
	}
	return NULL;
}

void
strand_push(struct strand *strand, struct filebundle *bundle)
{
	CHECK(queue_push(strand->filled, bundle, 1, 0));
}

void
strand_close(struct strand **handle)
{
	struct strand *strand = *handle;
	struct filebundle *bundle;

	*handle = NULL;
	if (strand == NULL)
		return;
	queue_close(strand->filled);
	thread_join(&strand->thread);
	while ((bundle = queue_pop(strand->empty, 0)) != NULL)
		filebundle_free(&bundle);
	queue_free(&strand->empty);
	queue_free(&strand->filled);
	reach_close(&strand->reach);
	text_fini(&strand->body);
	text_fini(&strand->answer);
	memory_release(strand->indexes);
	memory_release(strand);
}
