/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Each part's outcome is one atomic: whoever moves it on owns the step, so a
 * lane and a deadline that come at the same time cannot both have it. Who
 * settles the last part calls done.
 */
#include "base/model/submission.h"

#include <string.h>

#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define ARENA_CHUNK      4096
#define LANES_MAX        64
#define PARTITIONS_KNOWN 256

static bool
move(struct submission_part *part, enum submission_outcome from,
     enum submission_outcome to)
{
	int expected = (int)from;

	return atomic_compare_exchange_strong(&part->outcome, &expected,
	                                      (int)to);
}

/* A lane may take a part, and put it back, meanwhile. */
static bool
give_up(struct submission_part *part)
{
	for (;;) {
		switch ((enum submission_outcome)atomic_load(&part->outcome)) {
		case SUBMISSION_WAITING:
			if (move(part, SUBMISSION_WAITING, SUBMISSION_REFUSED))
				return true;
			break;
		case SUBMISSION_TAKEN:
			if (move(part, SUBMISSION_TAKEN, SUBMISSION_UNKNOWN))
				return true;
			break;
		default:
			return false;
		}
	}
}

/* One part, or the sending itself, is through. */
static void
count_down(struct submission *submission)
{
	int before = atomic_fetch_sub(&submission->unsettled, 1);

	CHECK(before > 0);
	if (before == 1)
		submission->done(submission, submission->context);
}

static size_t
item_bytes(const struct submission_item *item)
{
	return (item->key_len > 0 ? (size_t)item->key_len : 0) +
		(item->body_len > 0 ? (size_t)item->body_len : 0) +
		(item->headers_len > 0 ? (size_t)item->headers_len : 0);
}

/* The lane of each item; a partition's is asked for once. */
static void
find_lanes(const struct submission *s, uint8_t *lanes, size_t *counts)
{
	uint8_t known[PARTITIONS_KNOWN];

	memset(known, LANES_MAX, sizeof(known));
	for (size_t i = 0; i < s->count; i++) {
		int32_t partition = s->items[i].partition;
		uint8_t *at = &known[partition % PARTITIONS_KNOWN];

		CHECK(partition >= 0 && partition < s->feed->partitions);
		if (*at == LANES_MAX || partition >= PARTITIONS_KNOWN)
			*at = (uint8_t)deployment_lane(s->deployment, s->feed,
			                               partition);
		CHECK(*at < LANES_MAX);
		lanes[i] = *at;
		counts[*at]++;
		if (partition >= PARTITIONS_KNOWN)
			*at = LANES_MAX;
	}
}

static void
make_parts(struct submission *s, const size_t *counts,
           struct submission_part **of_lane)
{
	size_t at = 0;

	for (int lane = 0; lane < LANES_MAX; lane++)
		s->part_count += counts[lane] > 0;
	s->parts = arena_calloc(&s->arena, s->part_count, sizeof(*s->parts));
	for (int lane = 0; lane < LANES_MAX; lane++) {
		struct submission_part *part;

		if (counts[lane] == 0)
			continue;
		part = &s->parts[at++];
		part->submission = s;
		part->lane = lane;
		part->items =
			arena_alloc(&s->arena, counts[lane] * sizeof(uint32_t));
		atomic_init(&part->outcome, SUBMISSION_WAITING);
		of_lane[lane] = part;
	}
}

static void
split(struct submission *s)
{
	uint8_t *lanes = arena_alloc(&s->arena, s->count);
	size_t counts[LANES_MAX] = { 0 };
	struct submission_part *of_lane[LANES_MAX];

	find_lanes(s, lanes, counts);
	make_parts(s, counts, of_lane);
	for (size_t i = 0; i < s->count; i++) {
		struct submission_part *part = of_lane[lanes[i]];
		uint32_t *items = (uint32_t *)(uintptr_t)part->items;

		items[part->count++] = (uint32_t)i;
		part->bytes += item_bytes(&s->items[i]);
		s->items[i].part = part;
	}
}

/* -- public ---------------------------------------------------------------- */

struct submission *
submission_new(const struct deployment *deployment, const struct feed *feed,
               size_t count)
{
	struct submission *s = memory_calloc(1, sizeof(*s));

	CHECK(count > 0 && count <= SUBMISSION_ITEMS_MAX);
	atomic_init(&s->references, 1);
	arena_init(&s->arena, ARENA_CHUNK);
	s->deployment = deployment_ref(deployment);
	s->feed = feed;
	s->count = count;
	s->items = arena_calloc(&s->arena, count, sizeof(*s->items));
	for (size_t i = 0; i < count; i++)
		s->items[i].version = MESSAGE_VERSION_NONE;
	return s;
}

struct submission *
submission_ref(struct submission *submission)
{
	atomic_fetch_add(&submission->references, 1);
	return submission;
}

void
submission_unref(struct submission **handle)
{
	struct submission *s = *handle;

	*handle = NULL;
	if (s == NULL || atomic_fetch_sub(&s->references, 1) > 1)
		return;
	deployment_unref(&s->deployment);
	arena_fini(&s->arena);
	memory_release(s);
}

size_t
submission_bytes(const struct submission *submission)
{
	size_t bytes = 0;

	for (size_t i = 0; i < submission->count; i++)
		bytes += item_bytes(&submission->items[i]);
	return bytes;
}

void
submission_send(struct submission *s, const struct submission_lanes *lanes)
{
	CHECK(s->parts == NULL && s->done != NULL);
	CHECK(s->origin != MESSAGE_ORIGIN_KAFKA && s->source_id > 0);
	split(s);
	/* One for the sending: done is not called in the middle of it, and
	   what is done may be freed. */
	atomic_store(&s->unsettled, (int)s->part_count + 1);
	for (size_t i = 0; i < s->part_count; i++) {
		struct submission *held = submission_ref(s);
		enum submission_outcome outcome =
			lanes->offer(lanes->context, &s->parts[i]);

		if (outcome == SUBMISSION_WAITING)
			continue;
		submission_refuse(&s->parts[i], outcome);
		submission_unref(&held);
	}
	count_down(s);
}

void
submission_give_up(struct submission *s)
{
	for (size_t i = 0; i < s->part_count; i++) {
		if (give_up(&s->parts[i]))
			count_down(s);
	}
}

enum submission_outcome
submission_outcome(const struct submission *submission, size_t index)
{
	CHECK(index < submission->count);
	return (enum submission_outcome)atomic_load(
		&submission->items[index].part->outcome);
}

bool
submission_take(struct submission_part *part)
{
	return move(part, SUBMISSION_WAITING, SUBMISSION_TAKEN);
}

bool
submission_put_back(struct submission_part *part)
{
	return move(part, SUBMISSION_TAKEN, SUBMISSION_WAITING);
}

bool
submission_begin_settling(struct submission_part *part)
{
	return move(part, SUBMISSION_TAKEN, SUBMISSION_SETTLING);
}

void
submission_settle(struct submission_part *part, enum submission_outcome outcome)
{
	CHECK(outcome > SUBMISSION_SETTLING);
	if (move(part, SUBMISSION_SETTLING, outcome) ||
	    move(part, SUBMISSION_TAKEN, outcome))
		count_down(part->submission);
}

void
submission_refuse(struct submission_part *part, enum submission_outcome outcome)
{
	CHECK(outcome > SUBMISSION_SETTLING);
	if (move(part, SUBMISSION_WAITING, outcome))
		count_down(part->submission);
}
