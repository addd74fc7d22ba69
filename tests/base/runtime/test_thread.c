/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/thread.h"

#include <string.h>

#include "base/runtime/clock.h"
#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

struct shared {
	struct thread_lock lock;
	struct thread_signal signal;
	struct thread_flag *flag;
	int number;
	char name[32];
	int signals_open;
};

static void
shared_init(struct shared *shared)
{
	memset(shared, 0, sizeof(*shared));
	thread_lock_init(&shared->lock, THREAD_RANK_LANE);
	thread_signal_init(&shared->signal);
	shared->flag = thread_flag_new();
}

static void
shared_fini(struct shared *shared)
{
	thread_flag_free(&shared->flag);
	assert_null(shared->flag);
	thread_signal_fini(&shared->signal);
	thread_lock_fini(&shared->lock);
}

static void
look_around(void *context)
{
	struct shared *shared = context;
	sigset_t blocked;

	pthread_getname_np(pthread_self(), shared->name, sizeof(shared->name));
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	shared->signals_open = !sigismember(&blocked, SIGTERM) +
		!sigismember(&blocked, SIGINT) +
		!sigismember(&blocked, SIGUSR1);
}

static void
test_name_and_signals(void **state)
{
	struct shared shared;
	struct thread *thread;
	sigset_t mask;

	shared_init(&shared);
	thread = thread_new("fifteen-letters", look_around, &shared);
	thread_join(&thread);
	assert_null(thread);
	thread_join(&thread);
	assert_string_equal("fifteen-letters", shared.name);
	assert_int_equal(0, shared.signals_open);
	pthread_sigmask(SIG_SETMASK, NULL, &mask); /* ours are as before */
	assert_false(sigismember(&mask, SIGTERM));
	shared_fini(&shared);
}

static void
count_up(void *context)
{
	struct shared *shared = context;

	for (int i = 0; i < 10000; i++) {
		thread_lock(&shared->lock);
		shared->number++;
		thread_unlock(&shared->lock);
	}
}

static void
test_lock_excludes(void **state)
{
	struct thread *threads[4];
	struct shared shared;

	shared_init(&shared);
	for (int i = 0; i < 4; i++)
		threads[i] = thread_new("count", count_up, &shared);
	for (int i = 0; i < 4; i++)
		thread_join(&threads[i]);
	assert_int_equal(40000, shared.number);
	shared_fini(&shared);
}

static void
answer(void *context)
{
	struct shared *shared = context;

	for (int i = 0; i < 100; i++) {
		thread_lock(&shared->lock);
		while (shared->number % 2 == 0)
			thread_signal_wait(&shared->signal, &shared->lock, -1);
		shared->number++;
		thread_signal_all(&shared->signal);
		thread_unlock(&shared->lock);
	}
}

static void
test_signal_wakes(void **state)
{
	struct shared shared;
	struct thread *thread;

	shared_init(&shared);
	thread = thread_new("answer", answer, &shared);
	for (int i = 0; i < 100; i++) {
		thread_lock(&shared.lock);
		shared.number++;
		thread_signal_all(&shared.signal);
		while (shared.number % 2 == 1)
			thread_signal_wait(&shared.signal, &shared.lock,
			                   INT64_MAX);
		thread_unlock(&shared.lock);
	}
	thread_join(&thread);
	assert_int_equal(200, shared.number);
	shared_fini(&shared);
}

static int64_t
standing_clock(void)
{
	return 5;
}

/* A fake clock that stands still must not make a wait endless. */
static void
test_waits_end(void **state)
{
	struct shared shared;
	int64_t before = clock_now_us();

	shared_init(&shared);
	clock_set_fake(standing_clock, standing_clock);
	thread_lock(&shared.lock);
	while (thread_signal_wait(&shared.signal, &shared.lock, 1999))
		continue;
	assert_false(thread_signal_wait(&shared.signal, &shared.lock, 0));
	assert_true(shared.lock.held);
	thread_unlock(&shared.lock);
	assert_false(thread_flag_wait(shared.flag, 30));
	assert_false(thread_flag_wait(shared.flag, 0));
	clock_set_fake(NULL, NULL);
	assert_true(clock_now_us() - before >= 2020000);
	shared_fini(&shared);
}

static void
set_soon(void *context)
{
	struct shared *shared = context;

	clock_sleep_ms(20);
	thread_flag_set(shared->flag);
}

static void
test_flag(void **state)
{
	struct shared shared;
	struct thread *thread;

	shared_init(&shared);
	assert_false(thread_flag_is_set(shared.flag));
	thread = thread_new("set", set_soon, &shared);
	assert_true(thread_flag_wait(shared.flag, -1));
	assert_true(thread_flag_wait(shared.flag, 0));
	assert_true(thread_flag_is_set(shared.flag));
	thread_join(&thread);
	thread_flag_clear(shared.flag);
	assert_false(thread_flag_is_set(shared.flag));
	assert_false(thread_flag_wait(shared.flag, 1));
	thread_flag_set(shared.flag);
	assert_true(thread_flag_wait(shared.flag, INT64_MAX));
	shared_fini(&shared);
	thread_flag_free(&shared.flag);
}

static void
test_ranks_in_order(void **state)
{
	struct thread_lock locks[THREAD_RANK_COUNT];

	for (int i = 0; i < THREAD_RANK_COUNT; i++)
		thread_lock_init(&locks[i], (enum thread_lock_rank)i);
	for (int i = 0; i < THREAD_RANK_COUNT; i++)
		thread_lock(&locks[i]);
	for (int i = 0; i < THREAD_RANK_COUNT; i++) /* in any order */
		thread_unlock(&locks[i]);
	thread_lock(&locks[0]);
	thread_unlock(&locks[0]);
	for (int i = 0; i < THREAD_RANK_COUNT; i++)
		thread_lock_fini(&locks[i]);
}

static struct thread_lock low, high, high_too;

static void
take_downwards(void)
{
	thread_lock_init(&low, THREAD_RANK_LANE);
	thread_lock_init(&high, THREAD_RANK_LOG);
	thread_lock(&high);
	thread_lock(&low);
}

static void
take_same_rank(void)
{
	thread_lock_init(&high, THREAD_RANK_LOG);
	thread_lock_init(&high_too, THREAD_RANK_LOG);
	thread_lock(&high);
	thread_lock(&high_too);
}

static void
take_twice(void)
{
	thread_lock_init(&high, THREAD_RANK_LOG);
	thread_lock(&high);
	thread_lock(&high);
}

static void
unlock_unheld(void)
{
	thread_lock_init(&high, THREAD_RANK_LOG);
	thread_unlock(&high);
}

static void
wait_unheld(void)
{
	struct thread_signal signal;

	thread_lock_init(&high, THREAD_RANK_LOG);
	thread_signal_init(&signal);
	thread_signal_wait(&signal, &high, 1);
}

static void
fini_held(void)
{
	thread_lock_init(&high, THREAD_RANK_LOG);
	thread_lock(&high);
	thread_lock_fini(&high);
}

static void
name_too_long(void)
{
	struct thread *thread =
		thread_new("sixteen-letters!", look_around, NULL);

	thread_join(&thread);
}

static void
end_with_lock(void *context)
{
	thread_lock_init(&high, THREAD_RANK_LOG);
	thread_lock(&high);
}

static void
thread_ends_with_lock(void)
{
	struct thread *thread = thread_new("x", end_with_lock, NULL);

	thread_join(&thread);
}

static void
test_misuse_is_a_bug(void **state)
{
	assert_true(dies(take_downwards));
	assert_true(dies(take_same_rank));
	assert_true(dies(take_twice));
	assert_true(dies(unlock_unheld));
	assert_true(dies(wait_unheld));
	assert_true(dies(fini_held));
	assert_true(dies(name_too_long));
	assert_true(dies(thread_ends_with_lock));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misuse_is_a_bug), /* before threads */
		cmocka_unit_test(test_name_and_signals),
		cmocka_unit_test(test_lock_excludes),
		cmocka_unit_test(test_signal_wakes),
		cmocka_unit_test(test_waits_end),
		cmocka_unit_test(test_flag),
		cmocka_unit_test(test_ranks_in_order),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
