/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting, the outcome of each part, and done: once, whoever comes first.
 */
#include "base/model/submission.h"

#include <stdlib.h>
#include <string.h>

#include "base/model/deployment.h"
#include "base/runtime/thread.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define ROUNDS 2000

static const struct deployment *deployment;
static const struct feed *feed;
static atomic_int done_count;

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	feed = deployment_feed(deployment, "us", "sales");
	atomic_store(&done_count, 0);
	return 0;
}

static int
end(void **state)
{
	deployment_unref(&deployment);
	return roadbase_end(state);
}

static void
done(struct submission *submission, void *context)
{
	atomic_fetch_add(&done_count, 1);
}

static struct submission *
submission_of(size_t count)
{
	struct submission *s = submission_new(deployment, feed, count);

	s->origin = MESSAGE_ORIGIN_REST;
	s->source_id = 1;
	s->done = done;
	for (size_t i = 0; i < count; i++) {
		s->items[i].partition = (int32_t)(i % 4);
		s->items[i].body = (const uint8_t *)"ab";
		s->items[i].body_len = 2;
		s->items[i].key_len = -1;
		s->items[i].headers_len = -1;
	}
	return s;
}

/* A lane that keeps what it is offered. */
struct keeping {
	struct submission_part *parts[8];
	size_t count;
	enum submission_outcome answer;
};

static enum submission_outcome
keep(void *context, struct submission_part *part)
{
	struct keeping *keeping = context;

	if (keeping->answer == SUBMISSION_WAITING)
		keeping->parts[keeping->count++] = part;
	return keeping->answer;
}

static void
drop(struct submission_part *part)
{
	struct submission *s = part->submission;

	submission_unref(&s);
}

static void
is_split_by_lane(void **state)
{
	struct keeping keeping = { .answer = SUBMISSION_WAITING };
	const struct submission_lanes lanes = { keep, &keeping };
	struct submission *s = submission_of(10);
	size_t items = 0;

	assert_int_equal(submission_bytes(s), 20);
	submission_send(s, &lanes);
	assert_int_equal(keeping.count, 2);
	for (size_t p = 0; p < 2; p++) {
		struct submission_part *part = keeping.parts[p];

		items += part->count;
		assert_int_equal(part->bytes, part->count * 2);
		for (size_t i = 0; i < part->count; i++) {
			assert_int_equal(
				deployment_lane(
					deployment, feed,
					s->items[part->items[i]].partition),
				part->lane);
			assert_true(i == 0 ||
			            part->items[i] > part->items[i - 1]);
		}
	}
	assert_int_equal(items, 10);
	assert_int_equal(done_count, 0);
	assert_true(submission_take(keeping.parts[0]));
	assert_true(submission_begin_settling(keeping.parts[0]));
	submission_settle(keeping.parts[0], SUBMISSION_RECORDED);
	assert_int_equal(done_count, 0);
	submission_refuse(keeping.parts[1], SUBMISSION_STALE);
	assert_int_equal(done_count, 1);
	assert_int_equal(submission_outcome(s, keeping.parts[0]->items[0]),
	                 SUBMISSION_RECORDED);
	assert_int_equal(submission_outcome(s, keeping.parts[1]->items[0]),
	                 SUBMISSION_STALE);
	drop(keeping.parts[0]);
	drop(keeping.parts[1]);
	submission_unref(&s);
}

static void
is_done_at_once_where_nobody_takes_it(void **state)
{
	struct keeping keeping = { .answer = SUBMISSION_REFUSED };
	const struct submission_lanes lanes = { keep, &keeping };
	struct submission *s = submission_of(10);

	submission_send(s, &lanes);
	assert_int_equal(done_count, 1);
	assert_int_equal(submission_outcome(s, 3), SUBMISSION_REFUSED);
	submission_give_up(s);
	assert_int_equal(done_count, 1);
	submission_unref(&s);
}

static void
is_given_up_by_what_has_become_of_it(void **state)
{
	struct keeping keeping = { .answer = SUBMISSION_WAITING };
	const struct submission_lanes lanes = { keep, &keeping };
	struct submission *s = submission_of(4);

	submission_send(s, &lanes);
	assert_true(submission_take(keeping.parts[0]));
	submission_give_up(s);
	assert_int_equal(done_count, 1);
	assert_int_equal(atomic_load(&keeping.parts[0]->outcome),
	                 SUBMISSION_UNKNOWN);
	assert_int_equal(atomic_load(&keeping.parts[1]->outcome),
	                 SUBMISSION_REFUSED);
	/* The lane comes too late, in every way. */
	assert_false(submission_take(keeping.parts[1]));
	assert_false(submission_begin_settling(keeping.parts[0]));
	assert_false(submission_put_back(keeping.parts[0]));
	submission_settle(keeping.parts[0], SUBMISSION_RECORDED);
	submission_refuse(keeping.parts[1], SUBMISSION_REFUSED);
	assert_int_equal(done_count, 1);
	submission_unref(&s);
	drop(keeping.parts[0]); /* it lived until here */
	drop(keeping.parts[1]);
}

static void
may_be_put_back_and_taken_again(void **state)
{
	struct keeping keeping = { .answer = SUBMISSION_WAITING };
	const struct submission_lanes lanes = { keep, &keeping };
	struct submission *s = submission_of(1);

	submission_send(s, &lanes);
	assert_true(submission_take(keeping.parts[0]));
	assert_false(submission_take(keeping.parts[0]));
	assert_true(submission_put_back(keeping.parts[0]));
	assert_true(submission_take(keeping.parts[0]));
	submission_settle(keeping.parts[0], SUBMISSION_REFUSED);
	assert_int_equal(done_count, 1);
	drop(keeping.parts[0]);
	submission_unref(&s);
}

/* A lane's thread works on the parts while the deadline passes. */
static void
work(void *context)
{
	struct keeping *keeping = context;

	for (size_t i = 0; i < keeping->count; i++) {
		struct submission_part *part = keeping->parts[i];

		if (submission_take(part) && submission_put_back(part) &&
		    submission_take(part) && submission_begin_settling(part)) {
			part->submission->items[part->items[0]].seq = 7;
			submission_settle(part, SUBMISSION_RECORDED);
		}
		drop(part);
	}
}

static void
look(struct submission *s, void *context)
{
	for (size_t i = 0; i < s->count; i++) {
		enum submission_outcome outcome = submission_outcome(s, i);

		if (outcome == SUBMISSION_RECORDED)
			s->items[i].seq += 0;
		else if (outcome != SUBMISSION_REFUSED &&
		         outcome != SUBMISSION_UNKNOWN)
			abort();
	}
	atomic_fetch_add(&done_count, 1);
	submission_unref(&s);
}

static void
lane_and_deadline_race(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct keeping keeping = { .answer = SUBMISSION_WAITING };
		const struct submission_lanes lanes = { keep, &keeping };
		struct submission *s = submission_of(2);
		struct submission *mine = submission_ref(s);
		struct thread *thread;

		s->done = look;
		submission_send(s, &lanes);
		thread = thread_new("lane", work, &keeping);
		submission_give_up(mine);
		thread_join(&thread);
		assert_int_equal(done_count, i + 1);
		submission_unref(&mine);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(is_split_by_lane),
		TEST(is_done_at_once_where_nobody_takes_it),
		TEST(is_given_up_by_what_has_become_of_it),
		TEST(may_be_put_back_and_taken_again),
		TEST(lane_and_deadline_race),
	};
	int code;

	unit_alarm(120);
	if ((code = roadbase_open()) != 0)
		return code;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return code;
}
