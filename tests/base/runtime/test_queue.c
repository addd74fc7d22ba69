/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/queue.h"

#include <stdatomic.h>
#include <string.h>

#include "base/runtime/clock.h"
#include "base/runtime/thread.h"
#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

static char items[100000];

static void
test_first_in_first_out(void **state)
{
	struct queue *queue = queue_new(1000, 1000000);

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 700; i++)
			assert_true(queue_push(queue, &items[i], 10, 0));
		assert_int_equal(700, queue_count(queue));
		assert_int_equal(7000, queue_bytes(queue));
		for (int i = 0; i < 300; i++)
			assert_ptr_equal(&items[i], queue_pop(queue, 0));
		for (int i = 700; i < 1300; i++)
			assert_true(queue_push(queue, &items[i], 0, 0));
		assert_false(queue_push(queue, &items[0], 0, 0));
		for (int i = 300; i < 1300; i++)
			assert_ptr_equal(&items[i], queue_pop(queue, 0));
		assert_null(queue_pop(queue, 0));
		assert_int_equal(0, queue_bytes(queue));
	}
	queue_free(&queue);
	assert_null(queue);
	queue_free(&queue);
}

static void
test_byte_bound(void **state)
{
	struct queue *queue = queue_new(10, 100);

	assert_true(queue_push(queue, &items[0], 60, 0));
	assert_true(queue_push(queue, &items[1], 40, 0));
	assert_false(queue_push(queue, &items[2], 1, 0));
	assert_false(queue_push(queue, &items[2], SIZE_MAX, 0));
	assert_true(queue_push(queue, &items[2], 0, 0));
	queue_pop(queue, 0);
	queue_pop(queue, 0);
	queue_pop(queue, 0);
	/* larger than the bound: only into an empty one, and alone */
	assert_true(queue_push(queue, &items[3], 1000, 0));
	assert_false(queue_push(queue, &items[4], 0, 0));
	assert_int_equal(1000, queue_bytes(queue));
	assert_ptr_equal(&items[3], queue_pop(queue, 0));
	queue_free(&queue);
}

static void
test_timeouts(void **state)
{
	struct queue *queue = queue_new(1, 100);
	int64_t before = clock_now_us();

	assert_null(queue_pop(queue, 30));
	assert_true(clock_now_us() - before >= 29000);
	assert_true(queue_push(queue, &items[0], 1, 30));
	before = clock_now_us();
	assert_false(queue_push(queue, &items[1], 1, 30));
	assert_true(clock_now_us() - before >= 29000);
	assert_ptr_equal(&items[0], queue_pop(queue, INT64_MAX));
	/* the writer that gave up is not in the line any more */
	assert_true(queue_push(queue, &items[1], 1, 0));
	assert_ptr_equal(&items[1], queue_pop(queue, -1));
	queue_free(&queue);
}

static void
test_close(void **state)
{
	struct queue *queue = queue_new(10, 100);

	assert_true(queue_push(queue, &items[0], 1, 0));
	queue_close(queue);
	assert_false(queue_push(queue, &items[1], 1, -1));
	assert_ptr_equal(&items[0], queue_pop(queue, -1));
	assert_null(queue_pop(queue, -1));
	queue_reopen(queue);
	assert_true(queue_push(queue, &items[1], 1, 0));
	assert_ptr_equal(&items[1], queue_pop(queue, 0));
	queue_free(&queue);
}

struct worker {
	struct queue *queue;
	struct thread *thread;
	int first;
	int count;
	size_t bytes;
	int64_t timeout_ms;
	int done;
	bool result;
	_Atomic bool *stop;
};

static void
push_many(void *context)
{
	struct worker *worker = context;

	for (int i = 0; i < worker->count; i++)
		if (queue_push(worker->queue, &items[worker->first + i],
		               (size_t)i % 50, -1))
			worker->done++;
}

static _Atomic int popped[sizeof(items)];

static void
pop_many(void *context)
{
	struct worker *worker = context;
	char *item;

	while ((item = queue_pop(worker->queue, -1)) != NULL) {
		atomic_fetch_add(&popped[item - items], 1);
		worker->done++;
	}
}

/* Nothing is lost and nothing is doubled. */
static void
test_many_writers_and_readers(void **state)
{
	enum { WRITERS = 4, READERS = 3, EACH = 5000 };
	struct queue *queue = queue_new(20, 300);
	struct worker writers[WRITERS] = { 0 }, readers[READERS] = { 0 };
	int total = 0;

	for (int i = 0; i < READERS; i++) {
		readers[i].queue = queue;
		readers[i].thread = thread_new("pop", pop_many, &readers[i]);
	}
	for (int i = 0; i < WRITERS; i++) {
		writers[i].queue = queue;
		writers[i].first = i * EACH;
		writers[i].count = EACH;
		writers[i].thread = thread_new("push", push_many, &writers[i]);
	}
	for (int i = 0; i < WRITERS; i++) {
		thread_join(&writers[i].thread);
		assert_int_equal(EACH, writers[i].done);
	}
	queue_close(queue);
	for (int i = 0; i < READERS; i++) {
		thread_join(&readers[i].thread);
		total += readers[i].done;
	}
	assert_int_equal(WRITERS * EACH, total);
	for (int i = 0; i < WRITERS * EACH; i++)
		assert_int_equal(1, popped[i]);
	assert_int_equal(0, queue_bytes(queue));
	queue_free(&queue);
}

static void
push_once(void *context)
{
	struct worker *worker = context;

	worker->result = queue_push(worker->queue, &items[worker->first],
	                            worker->bytes, worker->timeout_ms);
}

static void
pop_once(void *context)
{
	struct worker *worker = context;

	worker->result = queue_pop(worker->queue, worker->timeout_ms) != NULL;
}

static void
test_close_wakes_all(void **state)
{
	struct queue *full = queue_new(1, 100);
	struct queue *empty = queue_new(1, 100);
	struct worker writers[2] = { 0 }, readers[2] = { 0 };

	assert_true(queue_push(full, &items[0], 1, 0));
	for (int i = 0; i < 2; i++) {
		writers[i].queue = full;
		readers[i].queue = empty;
		writers[i].timeout_ms = readers[i].timeout_ms = -1;
		writers[i].result = readers[i].result = true;
		writers[i].thread = thread_new("push", push_once, &writers[i]);
		readers[i].thread = thread_new("pop", pop_once, &readers[i]);
	}
	clock_sleep_ms(20);
	queue_close(full);
	queue_close(empty);
	for (int i = 0; i < 2; i++) {
		thread_join(&writers[i].thread);
		thread_join(&readers[i].thread);
		assert_false(writers[i].result);
		assert_false(readers[i].result);
	}
	queue_pop(full, 0);
	queue_free(&full);
	queue_free(&empty);
}

static void
push_until_stopped(void *context)
{
	struct worker *worker = context;

	while (!atomic_load(worker->stop))
		if (queue_push(worker->queue, &items[1], 10, 1))
			worker->done++;
}

/* A large item gets its turn in spite of two streams of small ones. */
static void
test_large_item_does_not_starve(void **state)
{
	struct queue *queue = queue_new(100, 100);
	_Atomic bool stop = false;
	struct worker small[2] = { { .queue = queue, .stop = &stop },
		                   { .queue = queue, .stop = &stop } };
	struct worker large = {
		.queue = queue, .first = 0, .bytes = 100, .timeout_ms = -1
	};
	int pops = 0;

	small[0].thread = thread_new("small", push_until_stopped, &small[0]);
	small[1].thread = thread_new("small", push_until_stopped, &small[1]);
	while (queue_count(queue) < 5)
		clock_sleep_ms(1);
	large.thread = thread_new("large", push_once, &large);
	for (;; pops++) {
		char *item = queue_pop(queue, 1000);

		if (item == &items[0])
			break;
		clock_sleep_ms(1);
		assert_true(pops < 1000);
	}
	atomic_store(&stop, true);
	queue_close(queue);
	thread_join(&large.thread);
	thread_join(&small[0].thread);
	thread_join(&small[1].thread);
	while (queue_pop(queue, 0) != NULL)
		continue;
	queue_free(&queue);
}

static void
free_full(void)
{
	struct queue *queue = queue_new(1, 1);

	queue_push(queue, &items[0], 1, 0);
	queue_free(&queue);
}

static void
push_null(void)
{
	struct queue *queue = queue_new(1, 1);

	queue_push(queue, NULL, 1, 0);
}

static void
new_without_room(void)
{
	struct queue *queue = queue_new(0, 1);

	queue_free(&queue);
}

static void
test_misuse_is_a_bug(void **state)
{
	assert_true(dies(free_full));
	assert_true(dies(push_null));
	assert_true(dies(new_without_room));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misuse_is_a_bug),
		cmocka_unit_test(test_first_in_first_out),
		cmocka_unit_test(test_byte_bound),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_many_writers_and_readers),
		cmocka_unit_test(test_close_wakes_all),
		cmocka_unit_test(test_large_item_does_not_starve),
	};

	unit_alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
