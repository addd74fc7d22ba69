/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Who writes has shown the deployment's secret, but may be of another version,
 * or know another catalogue: every length and number is looked at all the
 * same, and what does not fit the catalogue here is stale.
 */
#include "gateway/handover.h"

#include <string.h>

#include "base/model/deployment.h"
#include "base/model/violation.h"
#include "base/model/wire.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"

#define ITEM_BYTES_MIN 56 /* of lengths and numbers */
#define ID_LEN_MAX     255
#define RESULT_BYTES   36

/* -- writing ------------------------------------------------------------------ */

static void
put_int4(struct text *out, int64_t value)
{
	uint8_t bytes[4];

	wire_put_int4(bytes, (int32_t)value);
	text_add_bytes(out, bytes, sizeof(bytes));
}

static void
put_int8(struct text *out, int64_t value)
{
	uint8_t bytes[8];

	wire_put_int8(bytes, value);
	text_add_bytes(out, bytes, sizeof(bytes));
}

static void
put_bytes(struct text *out, const void *bytes, int32_t len)
{
	put_int4(out, len);
	if (len > 0)
		text_add_bytes(out, bytes, (size_t)len);
}

static void
put_string(struct text *out, const char *string)
{
	put_bytes(out, string, string == NULL ? -1 : (int32_t)strlen(string));
}

static void
put_item(struct text *out, const struct submission_item *item)
{
	put_bytes(out, item->key, item->key_len);
	put_bytes(out, item->body, item->body_len);
	put_bytes(out, item->headers, item->headers_len);
	put_bytes(out, item->dedup_id, item->dedup_id_len);
	put_int4(out, item->partition);
	put_int4(out, item->contract);
	put_int8(out, item->event_time_ms);
	put_int8(out, item->source_offset);
	put_int8(out, item->version);
	put_int4(out, item->verdict);
	put_int4(out, item->violation_count);
	for (int i = 0; i < item->violation_count; i++) {
		const struct violation *v = &item->violations[i];

		put_string(out, v->rule);
		put_string(out, v->path);
		put_string(out, v->expected);
		put_string(out, v->value);
		put_int4(out, v->byte_offset);
	}
}

/* -- reading ------------------------------------------------------------------ */

static const uint8_t *
get(struct handover_reader *r, size_t len)
{
	const uint8_t *at = r->at;

	if (r->has_failed || (size_t)(r->end - r->at) < len) {
		r->has_failed = true;
		return NULL;
	}
	r->at += len;
	return at;
}

static int32_t
get_int4(struct handover_reader *r)
{
	const uint8_t *at = get(r, 4);

	return at == NULL ? 0 : wire_get_int4(at);
}

static int64_t
get_int8(struct handover_reader *r)
{
	uint64_t high = (uint32_t)get_int4(r), low = (uint32_t)get_int4(r);

	return (int64_t)(high << 32 | low);
}

/* A number of at least 0 and at most max. */
static int32_t
get_count(struct handover_reader *r, int64_t max)
{
	int32_t count = get_int4(r);

	if (count >= 0 && count <= max)
		return count;
	r->has_failed = true;
	return 0;
}

static const uint8_t *
get_bytes(struct handover_reader *r, struct arena *arena, int32_t *out_len)
{
	int32_t len = get_int4(r);
	const uint8_t *at = len < 0 ? NULL : get(r, (size_t)len);

	r->has_failed |= len < -1;
	*out_len = r->has_failed ? -1 : len;
	return at == NULL ? NULL : arena_copy(arena, at, (size_t)len);
}

/* NULL: it was null. */
static const char *
get_string(struct handover_reader *r, struct arena *arena)
{
	int32_t len = get_int4(r);
	const uint8_t *at = len < 0 ? NULL : get(r, (size_t)len);
	char *copy;

	r->has_failed |= len < -1;
	if (at == NULL)
		return NULL;
	copy = arena_alloc(arena, (size_t)len + 1);
	memcpy(copy, at, (size_t)len);
	copy[len] = '\0';
	return copy;
}

static void
read_violations(struct handover_reader *r, struct arena *arena,
                struct submission_item *item)
{
	int32_t count = get_count(r, VIOLATIONS_MAX);
	struct violation *violations;

	r->has_failed |= (item->verdict == VERDICT_REJECTED) != (count > 0);
	if (r->has_failed || count == 0)
		return;
	violations = arena_calloc(arena, (size_t)count, sizeof(*violations));
	for (int i = 0; i < count; i++) {
		struct violation *v = &violations[i];

		v->rule = get_string(r, arena);
		v->path = get_string(r, arena);
		v->expected = get_string(r, arena);
		v->value = get_string(r, arena);
		v->byte_offset = get_int4(r);
		r->has_failed |= v->rule == NULL || v->path == NULL ||
			v->expected == NULL || v->value == NULL;
	}
	item->violations = violations;
	item->violation_count = (uint16_t)count;
}

static void
read_item(struct handover_reader *r, struct arena *arena,
          struct submission_item *item)
{
	int32_t verdict;

	item->key = get_bytes(r, arena, &item->key_len);
	item->body = get_bytes(r, arena, &item->body_len);
	item->headers = get_bytes(r, arena, &item->headers_len);
	item->dedup_id = get_bytes(r, arena, &item->dedup_id_len);
	item->partition = get_int4(r);
	item->contract = get_int4(r);
	item->event_time_ms = get_int8(r);
	item->source_offset = get_int8(r);
	item->version = get_int8(r);
	verdict = get_int4(r);
	r->has_failed |= item->dedup_id_len < 0 ||
		item->dedup_id_len > ID_LEN_MAX ||
		(verdict != VERDICT_ACCEPTED && verdict != VERDICT_REJECTED);
	item->verdict = (uint8_t)verdict;
	read_violations(r, arena, item);
}

/* What stands before the items. */
struct head {
	const char *tenant, *feed, *file;
	int32_t partitions, origin, principal, source_id, count;
};

static void
read_head(struct handover_reader *r, struct arena *arena, struct head *out)
{
	out->tenant = get_string(r, arena);
	out->feed = get_string(r, arena);
	out->partitions = get_int4(r);
	out->origin = get_int4(r);
	out->principal = get_int4(r);
	out->source_id = get_int4(r);
	out->file = get_string(r, arena);
	out->count = get_count(r, SUBMISSION_ITEMS_MAX);
	r->has_failed |= out->tenant == NULL || out->feed == NULL ||
		out->count == 0 || out->source_id <= 0 ||
		(size_t)(r->end - r->at) <
			(size_t)out->count * ITEM_BYTES_MIN ||
		(out->origin != MESSAGE_ORIGIN_REST &&
	         out->origin != MESSAGE_ORIGIN_FILE) ||
		(out->origin == MESSAGE_ORIGIN_FILE) != (out->file != NULL);
}

/* False: the lane is another one by now, or the partition is none. */
static bool
belongs(const struct submission *s, int lane)
{
	for (size_t i = 0; i < s->count; i++) {
		int32_t partition = s->items[i].partition;

		if (partition < 0 || partition >= s->feed->partitions ||
		    deployment_lane(s->deployment, s->feed, partition) != lane)
			return false;
	}
	return true;
}

static struct submission *
read_items(struct handover_reader *r, const struct head *head,
           const struct deployment *deployment, const struct feed *feed)
{
	struct submission *s =
		submission_new(deployment, feed, (size_t)head->count);

	s->origin = (int16_t)head->origin;
	s->principal = head->principal;
	s->source_id = head->source_id;
	s->file =
		head->file == NULL ? NULL : arena_strdup(&s->arena, head->file);
	for (size_t i = 0; i < s->count && !r->has_failed; i++)
		read_item(r, &s->arena, &s->items[i]);
	r->has_failed |= r->at != r->end ||
		(!r->has_failed && submission_bytes(s) > SUBMISSION_BYTES_MAX);
	return s;
}

static enum submission_outcome
read_part(struct handover_reader *r, const struct deployment *deployment,
          int lane, struct submission **out)
{
	struct arena arena;
	struct head head = { .count = 0 };
	const struct feed *feed = NULL;
	struct submission *s = NULL;
	enum submission_outcome outcome = SUBMISSION_STALE;

	arena_init(&arena, 1024);
	read_head(r, &arena, &head);
	if (!r->has_failed)
		feed = deployment_feed(deployment, head.tenant, head.feed);
	if (feed != NULL && !feed->is_removed &&
	    feed->partitions == head.partitions)
		s = read_items(r, &head, deployment, feed);
	if (s != NULL && !r->has_failed && belongs(s, lane)) {
		*out = s;
		s = NULL;
		outcome = SUBMISSION_WAITING;
	}
	submission_unref(&s);
	arena_fini(&arena);
	return outcome;
}

/* -- public ---------------------------------------------------------------- */

void
handover_write_request(struct text *out, int64_t wait_ms, size_t count)
{
	put_int4(out, HANDOVER_REQUEST);
	put_int4(out, wait_ms);
	put_int4(out, (int64_t)count);
}

void
handover_write_part(struct text *out, const struct submission_part *part)
{
	const struct submission *s = part->submission;
	size_t start = out->len;

	put_int4(out, 0);
	put_string(out, s->feed->tenant);
	put_string(out, s->feed->name);
	put_int4(out, s->feed->partitions);
	put_int4(out, s->origin);
	put_int4(out, s->principal);
	put_int4(out, s->source_id);
	put_string(out, s->file);
	put_int4(out, (int64_t)part->count);
	for (size_t i = 0; i < part->count && !text_is_cut(out); i++)
		put_item(out, &s->items[part->items[i]]);
	if (!text_is_cut(out))
		wire_put_int4((uint8_t *)out->bytes + start,
		              (int32_t)(out->len - start - 4));
}

bool
handover_read_request(struct handover_reader *reader, int64_t *out_wait_ms,
                      size_t *out_count)
{
	reader->has_failed |= (uint32_t)get_int4(reader) != HANDOVER_REQUEST;
	*out_wait_ms = get_count(reader, HANDOVER_WAIT_MS_MAX);
	*out_count = (size_t)get_count(reader, HANDOVER_PARTS_MAX);
	return !reader->has_failed && *out_count > 0;
}

enum submission_outcome
handover_read_part(struct handover_reader *reader,
                   const struct deployment *deployment, int lane,
                   struct submission **out)
{
	int32_t len = get_count(reader, INT32_MAX);
	const uint8_t *at = get(reader, (size_t)len);
	struct handover_reader inner = { at, at, at == NULL };
	enum submission_outcome outcome;

	if (at != NULL)
		inner.end = at + len;
	outcome = read_part(&inner, deployment, lane, out);
	reader->has_failed |= inner.has_failed;
	return outcome;
}

void
handover_write_answer(struct text *out, size_t count)
{
	put_int4(out, HANDOVER_ANSWER);
	put_int4(out, (int64_t)count);
}

void
handover_write_outcome(struct text *out, enum submission_outcome outcome,
                       const struct submission *submission)
{
	put_int4(out, outcome);
	if (outcome != SUBMISSION_RECORDED)
		return;
	put_int4(out, (int64_t)submission->count);
	for (size_t i = 0; i < submission->count; i++) {
		const struct submission_item *item = &submission->items[i];

		put_int4(out, item->verdict);
		put_int4(out, item->incarnation);
		put_int8(out, item->seq);
		put_int4(out, item->of_lane);
		put_int4(out, item->of_incarnation);
		put_int8(out, item->of_seq);
		put_int4(out, item->of_rejected);
	}
}

bool
handover_read_answer(struct handover_reader *reader, size_t count)
{
	reader->has_failed |= (uint32_t)get_int4(reader) != HANDOVER_ANSWER;
	reader->has_failed |= get_int4(reader) != (int64_t)count;
	return !reader->has_failed;
}

enum submission_outcome
handover_read_outcome(struct handover_reader *reader,
                      const struct submission_part *part,
                      struct handover_reader *out_results)
{
	int32_t outcome = get_int4(reader);
	const uint8_t *at;

	if (reader->has_failed || outcome < SUBMISSION_RECORDED ||
	    outcome > SUBMISSION_UNKNOWN) {
		reader->has_failed = true;
		return SUBMISSION_UNKNOWN;
	}
	if (outcome != SUBMISSION_RECORDED)
		return (enum submission_outcome)outcome;
	reader->has_failed |= get_int4(reader) != (int64_t)part->count;
	at = get(reader, part->count * RESULT_BYTES);
	if (at == NULL)
		return SUBMISSION_UNKNOWN;
	for (size_t i = 0; i < part->count; i++) {
		int32_t verdict = wire_get_int4(at + i * RESULT_BYTES);

		if (verdict < VERDICT_ACCEPTED || verdict > VERDICT_CONFLICT) {
			reader->has_failed = true;
			return SUBMISSION_UNKNOWN;
		}
	}
	*out_results = (struct handover_reader){ at, reader->at, false };
	return SUBMISSION_RECORDED;
}

void
handover_take_results(struct handover_reader *results,
                      const struct submission_part *part)
{
	for (size_t i = 0; i < part->count; i++) {
		struct submission_item *item =
			&part->submission->items[part->items[i]];

		item->verdict = (uint8_t)get_int4(results);
		item->lane = part->lane;
		item->incarnation = get_int4(results);
		item->seq = get_int8(results);
		item->of_lane = get_int4(results);
		item->of_incarnation = get_int4(results);
		item->of_seq = get_int8(results);
		item->of_rejected = get_int4(results) != 0;
	}
	CHECK(!results->has_failed);
}
