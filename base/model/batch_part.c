/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * An item and its message know each other's fields, nobody else has to: what
 * goes in is copied here, and what comes out.
 */
#include "base/model/batch_part.h"

#include <stdio.h>
#include <string.h>

#include "base/model/batch.h"
#include "base/model/source.h"
#include "base/model/submission.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

static void
make_room(struct batch *batch, size_t count)
{
	if (batch->count_max - batch->count >= count)
		return;
	batch->count_max = batch->count + count;
	batch->messages = memory_realloc(
		batch->messages, batch->count_max * sizeof(*batch->messages));
	if (batch->held != NULL)
		batch->held = memory_realloc(
			batch->held, batch->count_max * sizeof(*batch->held));
}

static void
keep_part(struct batch *batch, struct submission_part *part)
{
	if (batch->part_count == batch->part_size) {
		batch->part_size = batch->part_size * 2 + 64;
		batch->parts = memory_realloc(
			batch->parts, batch->part_size * sizeof(*batch->parts));
	}
	batch->parts[batch->part_count++] = part;
}

static const struct source *
source_of(struct batch *batch, const struct submission *submission)
{
	struct source *source;

	if (submission->file == NULL)
		return NULL;
	source = arena_calloc(&batch->arena, 1, sizeof(*source));
	source->id = submission->source_id;
	snprintf(source->topic, sizeof(source->topic), "%s", submission->file);
	return source;
}

static void
fill_message(struct message *m, struct submission_item *item)
{
	m->key = item->key;
	m->body = item->body;
	m->headers = item->headers;
	m->key_len = item->key_len;
	m->body_len = item->body_len;
	m->headers_len = item->headers_len;
	m->partition = item->partition;
	m->source_offset = item->source_offset;
	m->event_time_ms = item->event_time_ms;
	m->contract = item->contract;
	m->verdict = (enum verdict)item->verdict;
	m->violation_count = item->violation_count;
	m->violations = item->violations;
	m->dedup_id = item->dedup_id;
	m->dedup_id_len = item->dedup_id_len;
	m->version = item->version;
	m->item = item;
}

/* What a stage said by comparing it with others. */
static void
take_back(struct message *m)
{
	m->reference = NULL;
	m->is_refused = false;
	if (m->item != NULL)
		m->verdict = (enum verdict)m->item->verdict;
	else if (m->verdict != VERDICT_REJECTED)
		m->verdict = VERDICT_ACCEPTED;
}

static bool
is_leaving(const struct submission_part *part)
{
	return part->next == part;
}

/* Marks the parts that leave, by a next that means nothing else here. */
static bool
mark_leaving(struct batch *batch, bool all)
{
	bool some = false;

	for (size_t i = 0; i < batch->part_count; i++)
		batch->parts[i]->next = all ? batch->parts[i] : NULL;
	for (size_t i = 0; i < batch->count && !all; i++) {
		struct message *m = &batch->messages[i];

		if (m->is_refused) {
			CHECK(m->item != NULL);
			m->item->part->next = m->item->part;
			some = true;
		}
	}
	return all ? batch->part_count > 0 : some;
}

/* The last first: each may put it before the others again. */
static void
leave(struct batch *batch,
      void (*each)(void *context, struct submission_part *part), void *context)
{
	size_t count = batch->part_count, kept = 0;

	for (size_t i = count; i > 0; i--) {
		struct submission_part *part = batch->parts[i - 1];

		if (!is_leaving(part))
			continue;
		batch->parts[i - 1] = NULL;
		batch->bytes -= part->bytes;
		part->next = NULL;
		each(context, part);
	}
	for (size_t i = 0; i < count; i++) {
		if (batch->parts[i] != NULL)
			batch->parts[kept++] = batch->parts[i];
	}
	batch->part_count = kept;
}

static void
write_result(const struct batch *batch, const struct message *m)
{
	struct submission_item *item = m->item;

	item->verdict = (uint8_t)m->verdict;
	item->lane = batch->lane;
	item->incarnation = batch->incarnation;
	item->seq = m->seq;
	if (m->reference == NULL)
		return;
	item->of_lane = m->reference->lane;
	item->of_incarnation = m->reference->incarnation;
	item->of_seq = m->reference->seq;
	item->of_rejected = m->reference->to_rejected;
}

/* -- public ---------------------------------------------------------------- */

void
batch_part_add(struct batch *batch, struct submission_part *part,
               const struct feed *feed)
{
	const struct submission *submission = part->submission;
	const struct source *source = source_of(batch, submission);

	CHECK(part->count > 0);
	make_room(batch, part->count);
	keep_part(batch, part);
	for (size_t i = 0; i < part->count; i++) {
		struct message *m = batch_add(batch, NULL);

		fill_message(m, &submission->items[part->items[i]]);
		m->feed = feed;
		m->source = source;
		m->source_id = submission->source_id;
		m->origin = submission->origin;
	}
	batch->bytes += part->bytes;
}

bool
batch_part_remove(struct batch *batch, bool all,
                  void (*each)(void *context, struct submission_part *part),
                  void *context)
{
	size_t kept = 0;

	if (!mark_leaving(batch, all))
		return false;
	for (size_t i = 0; i < batch->count; i++) {
		struct message *m = &batch->messages[i];

		if (m->item != NULL && is_leaving(m->item->part))
			continue;
		take_back(m);
		m->tag = (uint32_t)kept;
		if (kept != i)
			batch->messages[kept] = *m;
		kept++;
	}
	batch->count = kept;
	batch->block_count = 0;
	leave(batch, each, context);
	return true;
}

void
batch_part_settle(struct batch *batch)
{
	if (batch->part_count == 0)
		return;
	for (size_t i = 0; i < batch->part_count; i++) {
		struct submission_part *part = batch->parts[i];

		part->next = submission_begin_settling(part) ? part : NULL;
	}
	for (size_t i = 0; i < batch->count; i++) {
		const struct message *m = &batch->messages[i];

		if (m->item != NULL && m->item->part->next != NULL)
			write_result(batch, m);
	}
	for (size_t i = 0; i < batch->part_count; i++) {
		if (batch->parts[i]->next != NULL)
			submission_settle(batch->parts[i], SUBMISSION_RECORDED);
	}
}

void
batch_part_forsake(struct batch *batch)
{
	for (size_t i = 0; i < batch->part_count; i++)
		submission_settle(batch->parts[i], SUBMISSION_UNKNOWN);
}

void
batch_part_release(struct batch *batch)
{
	for (size_t i = 0; i < batch->part_count; i++) {
		struct submission *submission = batch->parts[i]->submission;

		submission_unref(&submission);
	}
	batch->part_count = 0;
	memory_free(&batch->parts);
}
