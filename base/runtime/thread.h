/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A thread is a noun with an owner, who joins it. Threads share bounded
 * queues, atomic counters and immutable snapshots; no more. Locks know if
 * they are held; their order is the order of enum thread_lock_rank:
 * a thread that holds one may only take one of a higher rank (CHECKed).
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct thread;

/* name: at most 15 characters, seen in top -H and perf. All signals are
   blocked in the new thread. */
struct thread *
thread_new(const char *name, void (*run)(void *context), void *context);

/* Waits for its end; NULL is legal; clears the pointer. */
void
thread_join(struct thread **thread);

enum thread_lock_rank {
	THREAD_RANK_CATALOGUE,
	THREAD_RANK_LANE,
	THREAD_RANK_ROUTE,
	THREAD_RANK_QUEUE,
	THREAD_RANK_METRIC,
	THREAD_RANK_LOG,
	THREAD_RANK_COUNT
};

struct thread_lock {
	pthread_mutex_t mutex;
	pthread_t holder;
	bool held;
	enum thread_lock_rank rank;
};

void
thread_lock_init(struct thread_lock *lock, enum thread_lock_rank rank);
void
thread_lock_fini(struct thread_lock *lock);
void
thread_lock(struct thread_lock *lock);
void
thread_unlock(struct thread_lock *lock);

/* A condition on CLOCK_MONOTONIC that belongs to one lock. */
struct thread_signal {
	pthread_cond_t condition;
};

void
thread_signal_init(struct thread_signal *signal);
void
thread_signal_fini(struct thread_signal *signal);
/* False after timeout_ms; negative: for ever. The lock is held. */
bool
thread_signal_wait(struct thread_signal *signal, struct thread_lock *lock,
                   int64_t timeout_ms);
void
thread_signal_all(struct thread_signal *signal);

/* A flag with a wait: "stop", "wake". Any thread. */
struct thread_flag;

struct thread_flag *
thread_flag_new(void);
void
thread_flag_free(struct thread_flag **flag);
void
thread_flag_set(struct thread_flag *flag);
void
thread_flag_clear(struct thread_flag *flag);
bool
thread_flag_is_set(const struct thread_flag *flag);
/* True when set within timeout_ms. */
bool
thread_flag_wait(struct thread_flag *flag, int64_t timeout_ms);
