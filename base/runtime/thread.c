/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX threads with owners, and locks with an order. Which ranks a thread
 * holds is a set of bits of its own: taking a rank below or equal to one that
 * is held would deadlock some day, so it is a CHECK today.
 */
#include "base/runtime/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define THREAD_MAGIC      0x74687264u
#define THREAD_FLAG_MAGIC 0x666c6167u
#define THREAD_NAME_MAX   15
/* A longer wait is for ever; it keeps the addition below from overflowing. */
#define THREAD_WAIT_MAX_MS INT64_C(1000000000000)

struct thread {
	uint32_t magic;
	char name[THREAD_NAME_MAX + 1];
	void (*run)(void *context);
	void *context;
	pthread_t handle;
};

struct thread_flag {
	uint32_t magic;
	atomic_bool set;
	pthread_mutex_t mutex;
	pthread_cond_t condition;
};

static __thread unsigned int thread_ranks_held;

static void *
thread_main(void *context)
{
	struct thread *thread = context;

	CHECK_MAGIC(thread, THREAD_MAGIC);
	pthread_setname_np(pthread_self(), thread->name);
	thread->run(thread->context);
	CHECK(thread_ranks_held == 0);
	return NULL;
}

static void
thread_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	CHECK(pthread_condattr_init(&attributes) == 0);
	CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(condition, &attributes) == 0);
	CHECK(pthread_condattr_destroy(&attributes) == 0);
}

/* The clock of the system, also where a test has replaced clock_now_us: a
   clock that stands still must not make a wait endless. */
static struct timespec
thread_deadline(int64_t timeout_ms)
{
	struct timespec deadline;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &deadline) == 0);
	deadline.tv_sec += (time_t)(timeout_ms / 1000);
	deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000;
	}
	return deadline;
}

/* False at the deadline; NULL: there is none. */
static bool
thread_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                      const struct timespec *deadline)
{
	int result = deadline == NULL
		? pthread_cond_wait(condition, mutex)
		: pthread_cond_timedwait(condition, mutex, deadline);

	CHECK(result == 0 || result == ETIMEDOUT);
	return result == 0;
}

static bool
thread_waits_for_ever(int64_t timeout_ms)
{
	return timeout_ms < 0 || timeout_ms > THREAD_WAIT_MAX_MS;
}

/* -- public -------------------------------------------------------------- */

struct thread *
thread_new(const char *name, void (*run)(void *context), void *context)
{
	struct thread *thread = memory_calloc(1, sizeof(*thread));
	sigset_t all, before;

	CHECK(name != NULL && strlen(name) <= THREAD_NAME_MAX);
	CHECK(run != NULL);
	thread->magic = THREAD_MAGIC;
	memcpy(thread->name, name, strlen(name) + 1);
	thread->run = run;
	thread->context = context;
	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
	CHECK(pthread_create(&thread->handle, NULL, thread_main, thread) == 0);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	return thread;
}

void
thread_join(struct thread **thread)
{
	if (*thread == NULL)
		return;
	CHECK_MAGIC(*thread, THREAD_MAGIC);
	CHECK(pthread_join((*thread)->handle, NULL) == 0);
	(*thread)->magic = 0;
	memory_free(thread);
}

void
thread_lock_init(struct thread_lock *lock, enum thread_lock_rank rank)
{
	CHECK((unsigned int)rank < THREAD_RANK_COUNT);
	memset(lock, 0, sizeof(*lock));
	lock->rank = rank;
	CHECK(pthread_mutex_init(&lock->mutex, NULL) == 0);
}

void
thread_lock_fini(struct thread_lock *lock)
{
	CHECK(!lock->held);
	CHECK(pthread_mutex_destroy(&lock->mutex) == 0);
}

void
thread_lock(struct thread_lock *lock)
{
	CHECK(thread_ranks_held >> lock->rank == 0);
	CHECK(pthread_mutex_lock(&lock->mutex) == 0);
	CHECK(!lock->held);
	lock->held = true;
	lock->holder = pthread_self();
	thread_ranks_held |= 1u << lock->rank;
}

void
thread_unlock(struct thread_lock *lock)
{
	CHECK((thread_ranks_held >> lock->rank & 1) != 0);
	CHECK(lock->held && pthread_equal(lock->holder, pthread_self()));
	lock->held = false;
	thread_ranks_held &= ~(1u << lock->rank);
	CHECK(pthread_mutex_unlock(&lock->mutex) == 0);
}

void
thread_signal_init(struct thread_signal *signal)
{
	thread_condition_init(&signal->condition);
}

void
thread_signal_fini(struct thread_signal *signal)
{
	CHECK(pthread_cond_destroy(&signal->condition) == 0);
}

bool
thread_signal_wait(struct thread_signal *signal, struct thread_lock *lock,
                   int64_t timeout_ms)
{
	bool for_ever = thread_waits_for_ever(timeout_ms);
	struct timespec deadline = thread_deadline(for_ever ? 0 : timeout_ms);
	bool in_time;

	/* while it waits, its rank stays taken: only this lock is given up */
	CHECK((thread_ranks_held >> lock->rank & 1) != 0);
	CHECK(lock->held && pthread_equal(lock->holder, pthread_self()));
	lock->held = false;
	in_time = thread_condition_wait(&signal->condition, &lock->mutex,
	                                for_ever ? NULL : &deadline);
	CHECK(!lock->held);
	lock->held = true;
	lock->holder = pthread_self();
	return in_time;
}

void
thread_signal_all(struct thread_signal *signal)
{
	CHECK(pthread_cond_broadcast(&signal->condition) == 0);
}

struct thread_flag *
thread_flag_new(void)
{
	struct thread_flag *flag = memory_calloc(1, sizeof(*flag));

	flag->magic = THREAD_FLAG_MAGIC;
	atomic_init(&flag->set, false);
	CHECK(pthread_mutex_init(&flag->mutex, NULL) == 0);
	thread_condition_init(&flag->condition);
	return flag;
}

void
thread_flag_free(struct thread_flag **flag)
{
	if (*flag == NULL)
		return;
	CHECK_MAGIC(*flag, THREAD_FLAG_MAGIC);
	(*flag)->magic = 0;
	CHECK(pthread_cond_destroy(&(*flag)->condition) == 0);
	CHECK(pthread_mutex_destroy(&(*flag)->mutex) == 0);
	memory_free(flag);
}

void
thread_flag_set(struct thread_flag *flag)
{
	CHECK_MAGIC(flag, THREAD_FLAG_MAGIC);
	CHECK(pthread_mutex_lock(&flag->mutex) == 0);
	atomic_store(&flag->set, true);
	CHECK(pthread_cond_broadcast(&flag->condition) == 0);
	CHECK(pthread_mutex_unlock(&flag->mutex) == 0);
}

void
thread_flag_clear(struct thread_flag *flag)
{
	CHECK_MAGIC(flag, THREAD_FLAG_MAGIC);
	atomic_store(&flag->set, false);
}

bool
thread_flag_is_set(const struct thread_flag *flag)
{
	CHECK_MAGIC(flag, THREAD_FLAG_MAGIC);
	return atomic_load(&flag->set);
}

bool
thread_flag_wait(struct thread_flag *flag, int64_t timeout_ms)
{
	bool for_ever = thread_waits_for_ever(timeout_ms);
	struct timespec deadline = thread_deadline(for_ever ? 0 : timeout_ms);
	bool in_time = true;
	bool set;

	CHECK_MAGIC(flag, THREAD_FLAG_MAGIC);
	CHECK(pthread_mutex_lock(&flag->mutex) == 0);
	while (!(set = atomic_load(&flag->set)) && in_time)
		in_time = thread_condition_wait(&flag->condition, &flag->mutex,
		                                for_ever ? NULL : &deadline);
	CHECK(pthread_mutex_unlock(&flag->mutex) == 0);
	return set;
}
