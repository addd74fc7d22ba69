/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of a message with an id; and the same against a model that is
 * too simple to be wrong: a list of all that was recorded, searched from its
 * end, under random ids, contents, batches that fail, time, and restarts.
 */
#include "replay/dedup_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/digest.h"
#include "tests/unit.h"

#define MINUTE 29000000
#define WINDOW 1441

static struct recent *index_;
static struct dedup_first first;

static int
begin(void **state)
{
	index_ = recent_new(100000, WINDOW);
	recent_advance(index_, MINUTE);
	recent_begin(index_);
	return 0;
}

static int
end(void **state)
{
	recent_free(&index_);
	return 0;
}

static enum dedup_answer
judge(uint64_t id, uint64_t content, bool is_rejected, uint32_t tag)
{
	const struct dedup_message message = {
		.id = { id * UINT64_C(0x9e3779b97f4a7c15), id },
		.content = content,
		.is_rejected = is_rejected,
		.tag = tag,
	};

	memset(&first, 0, sizeof(first));
	return dedup_index_judge(index_, &message, &first);
}

static void
send(const int64_t *seqs, size_t count)
{
	recent_number(index_, 1, seqs[0], seqs, count);
	recent_begin(index_);
}

static void
same_id_same_content_is_a_duplicate(void **state)
{
	assert_int_equal(judge(1, 100, false, 0), DEDUP_FIRST);
	assert_int_equal(judge(2, 100, false, 1), DEDUP_FIRST);
	assert_int_equal(judge(2, 100, false, 2), DEDUP_DUPLICATE);
	assert_int_equal(first.incarnation, 0); /* of the same batch */
	assert_int_equal(first.seq, 1);
	send((const int64_t[]){ 7, 8, 9 }, 3);
	assert_int_equal(judge(2, 100, false, 0), DEDUP_DUPLICATE);
	assert_int_equal(first.incarnation, 1);
	assert_int_equal(first.seq, 8);
}

static void
same_id_other_content_is_a_conflict(void **state)
{
	assert_int_equal(judge(1, 100, false, 0), DEDUP_FIRST);
	assert_int_equal(judge(1, 101, false, 1), DEDUP_CONFLICT);
	send((const int64_t[]){ 7, 8 }, 2);
	assert_int_equal(judge(1, 102, true, 0), DEDUP_CONFLICT);
	assert_int_equal(first.seq, 7);
	/* a conflict is no first */
	assert_int_equal(judge(1, 101, false, 0), DEDUP_CONFLICT);
	assert_int_equal(judge(1, 100, false, 1), DEDUP_DUPLICATE);
	assert_int_equal(first.seq, 7);
}

static void
a_rejected_first_stands_in_nobodys_way(void **state)
{
	assert_int_equal(judge(1, 100, true, 0), DEDUP_FIRST);
	send((const int64_t[]){ 7 }, 1);
	assert_int_equal(judge(1, 100, true, 0), DEDUP_DUPLICATE);
	assert_int_equal(first.seq, 7);
	assert_true(first.is_rejected);
	/* mended, but still wrong; then right */
	assert_int_equal(judge(1, 101, true, 1), DEDUP_FIRST);
	send((const int64_t[]){ 8, 9 }, 2);
	assert_int_equal(judge(1, 102, false, 0), DEDUP_FIRST);
	send((const int64_t[]){ 10 }, 1);
	assert_int_equal(judge(1, 100, true, 0), DEDUP_CONFLICT);
	assert_int_equal(first.seq, 10);
	/* the contract has changed: the same bytes are good now */
	assert_int_equal(judge(2, 100, true, 1), DEDUP_FIRST);
	send((const int64_t[]){ 11, 12 }, 2);
	assert_int_equal(judge(2, 100, false, 0), DEDUP_FIRST);
}

static void
a_batch_that_is_judged_twice(void **state)
{
	for (int i = 0; i < 3; i++) {
		recent_begin(index_);
		assert_int_equal(judge(1, 100, false, 0), DEDUP_FIRST);
		assert_int_equal(judge(1, 100, false, 1), DEDUP_DUPLICATE);
	}
	send((const int64_t[]){ 7, 8 }, 2);
	recent_forget(index_, 7);
	assert_int_equal(judge(1, 101, false, 0), DEDUP_FIRST);
}

static void
full_is_never_new(void **state)
{
	recent_free(&index_);
	index_ = recent_new(10, WINDOW);
	recent_advance(index_, MINUTE);
	for (uint64_t id = 1; id <= 10; id++)
		assert_int_equal(judge(id, 1, false, (uint32_t)id),
		                 DEDUP_FIRST);
	assert_int_equal(judge(11, 1, false, 11), DEDUP_FULL);
	assert_int_equal(judge(3, 1, false, 11), DEDUP_DUPLICATE);
	recent_advance(index_, MINUTE + WINDOW + 1);
	assert_int_equal(judge(11, 1, false, 11), DEDUP_FIRST);
}

static void
hashes_tell_apart(void **state)
{
	struct digest *digest = digest_new();
	const uint8_t *id = (const uint8_t *)"usx";
	struct recent_hash a, b;
	struct dedup_content content = {
		.key = id, .key_len = 3, .headers_len = -1, .body_len = -1
	};
	uint64_t hash;

	a = recent_hash_of(digest, "us", "sales", id, 3);
	b = recent_hash_of(digest, "us", "sales", id, 3);
	assert_memory_equal(&a, &b, sizeof(a));
	b = recent_hash_of(digest, "us", "sale", (const uint8_t *)"sx", 2);
	assert_true(a.high != b.high && a.low != b.low);
	hash = dedup_index_hash_content(digest, &content);
	assert_true(hash == dedup_index_hash_content(digest, &content));
	content.body_len = 0; /* empty is no tombstone */
	content.body = id;
	assert_true(hash != dedup_index_hash_content(digest, &content));
	digest_free(&digest);
}

/* -- the model ----------------------------------------------------------------- */

#define FACTS_MAX 200000
#define BATCH_MAX 12

struct fact {
	uint64_t id, content;
	bool is_rejected;
	int64_t minute;
	int64_t seq; /* 0: of the batch that is judged */
	uint32_t tag;
};

static struct fact facts[FACTS_MAX];
static size_t fact_count;
static uint64_t dice_state;

static uint64_t
dice(uint64_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (dice_state >> 11) % sides;
}

static enum dedup_answer
model_judge(const struct fact *m, int64_t now, struct dedup_first *out)
{
	for (size_t i = fact_count; i-- > 0;) {
		const struct fact *f = &facts[i];

		if (f->id != m->id)
			continue;
		if (f->minute < now - WINDOW)
			break;
		if (f->is_rejected &&
		    (f->content != m->content || !m->is_rejected))
			break;
		out->incarnation = f->seq == 0 ? 0 : 1;
		out->seq = f->seq == 0 ? f->tag : f->seq;
		return f->content == m->content ? DEDUP_DUPLICATE
						: DEDUP_CONFLICT;
	}
	facts[fact_count++] = *m;
	return DEDUP_FIRST;
}

static void
judge_batch(uint32_t count, int64_t now, uint64_t ids)
{
	for (uint32_t tag = 0; tag < count; tag++) {
		const struct fact m = {
			.id = dice(ids) + 1,
			.content = dice(3),
			.is_rejected = dice(4) == 0,
			.minute = now,
			.tag = tag,
		};
		struct dedup_first wanted = { 0 };
		enum dedup_answer answer = model_judge(&m, now, &wanted);

		assert_int_equal(judge(m.id, m.content, m.is_rejected, tag),
		                 answer);
		if (answer == DEDUP_FIRST)
			continue;
		assert_int_equal(first.incarnation, wanted.incarnation);
		assert_int_equal(first.seq, wanted.seq);
	}
}

/* As batch_group does: seqs follow the tags in some order. */
static void
number_batch(uint32_t count, int64_t next_seq, size_t from)
{
	int64_t seqs[BATCH_MAX];

	for (uint32_t i = 0; i < count; i++)
		seqs[i] = next_seq + i;
	for (uint32_t i = count; i-- > 1;) {
		uint64_t other = dice(i + 1);
		int64_t kept = seqs[i];

		seqs[i] = seqs[other];
		seqs[other] = kept;
	}
	recent_number(index_, 1, next_seq, seqs, count);
	for (; from < fact_count; from++)
		facts[from].seq = seqs[facts[from].tag];
}

static void
restart(int64_t now)
{
	recent_free(&index_);
	index_ = recent_new(FACTS_MAX, WINDOW);
	recent_advance(index_, now);
	for (size_t i = 0; i < fact_count; i++) {
		const struct dedup_message message = {
			.id = { facts[i].id * UINT64_C(0x9e3779b97f4a7c15),
			        facts[i].id },
			.content = facts[i].content,
			.is_rejected = facts[i].is_rejected,
		};
		const struct dedup_first itself = { .incarnation = 1,
			                            .seq = facts[i].seq };

		dedup_index_load(index_, &message, &itself, facts[i].minute);
	}
	recent_begin(index_);
}

/* One batch: judged, perhaps judged again, perhaps dropped, sent, perhaps
   sent again; another may be judged behind it; then it is recorded or not. */
static void
play_turn(int64_t now, uint64_t ids, int64_t *next_seq)
{
	uint32_t count = 1 + (uint32_t)dice(BATCH_MAX);
	size_t before = fact_count, behind;

	for (uint64_t again = 1 + dice(10) / 9; again > 0; again--) {
		fact_count = before;
		recent_begin(index_);
		judge_batch(count, now, ids);
	}
	if (dice(20) == 0) {
		recent_forget(index_, *next_seq);
		fact_count = before;
		return;
	}
	for (uint64_t again = 1 + dice(10) / 9; again > 0; again--)
		number_batch(count, *next_seq, before);
	behind = fact_count;
	recent_begin(index_);
	if (dice(3) == 0)
		judge_batch(1 + (uint32_t)dice(BATCH_MAX), now, ids);
	if (dice(8) == 0) { /* not recorded, nor what was judged behind it */
		recent_forget(index_, *next_seq);
		fact_count = before;
		return;
	}
	*next_seq += count;
	fact_count = behind;
	if (dice(8) == 0) /* unknown, and was recorded */
		recent_forget(index_, *next_seq);
}

static void
as_the_model_says(void **state)
{
	const char *seed = getenv("WAYBILL_TEST_SEED");
	uint64_t from = seed == NULL ? 1 : (uint64_t)atoll(seed);

	for (uint64_t round = from; round < from + 12; round++) {
		int64_t now = MINUTE, next_seq = 1;
		uint64_t ids;

		dice_state = round * UINT64_C(0x9e3779b97f4a7c15);
		ids = (uint64_t[]){ 3, 50, 2000 }[round % 3];
		fact_count = 0;
		restart(now);
		for (int turn = 0; turn < 1500; turn++) {
			if (dice(10) == 0)
				now += (int64_t)dice(2) * 60 + 1;
			if (dice(200) == 0)
				now += WINDOW - (int64_t)dice(3) + 1;
			recent_advance(index_, now);
			play_turn(now, ids, &next_seq);
			if (dice(100) == 0)
				restart(now);
		}
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(same_id_same_content_is_a_duplicate),
		TEST(same_id_other_content_is_a_conflict),
		TEST(a_rejected_first_stands_in_nobodys_way),
		TEST(a_batch_that_is_judged_twice),
		TEST(full_is_never_new),
		TEST(hashes_tell_apart),
		TEST(as_the_model_says),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
