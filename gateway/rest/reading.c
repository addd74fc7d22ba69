/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker whose connection could not be made tells so to the jobs that come
 * within the next moment, rather than let each wait for it in turn.
 */
#include "gateway/rest/reading.h"

#include <stdatomic.h>

#include "base/io/pgconn.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/queue.h"
#include "base/runtime/thread.h"

#define READING_JOBS_MAX    1024
#define READING_THREADS_MAX 64
#define READING_WAIT_MS     1000
#define READING_RETRY_US    1000000

struct worker {
	struct reading *reading;
	struct thread *thread;
	struct pgconn *conn;
	int64_t failed_us; /* connecting failed last; 0: it did not */
	struct err failure;
};

struct reading {
	struct pgconn_options options;
	struct queue *jobs;
	atomic_bool stops;
	struct worker workers[READING_THREADS_MAX];
	int count;
};

/* -- a worker -------------------------------------------------------------------- */

static enum err_code
connect_worker(struct worker *worker, struct err *err)
{
	int64_t now_us = clock_now_us();

	if (worker->failed_us != 0 &&
	    now_us - worker->failed_us < READING_RETRY_US) {
		*err = worker->failure;
		return err->code;
	}
	worker->failed_us = 0;
	if (pgconn_open(&worker->reading->options, &worker->conn, err) ==
	    ERR_OK)
		return ERR_OK;
	worker->failed_us = clock_now_us();
	worker->failure = *err;
	return err->code;
}

/* A transaction that failed must not reach the next job. */
static void
tidy(struct worker *worker)
{
	struct err ignored;

	if (worker->conn == NULL)
		return;
	if (!pgconn_is_lost(worker->conn) &&
	    pgconn_in_transaction(worker->conn) &&
	    pgconn_exec(worker->conn, "rollback", &ignored) == ERR_OK)
		return;
	if (pgconn_is_lost(worker->conn) || pgconn_in_transaction(worker->conn))
		pgconn_close(&worker->conn);
}

static void
work(struct worker *worker, struct reading_job *job)
{
	struct err err = { .code = ERR_OK };
	bool is_fresh = worker->conn == NULL;
	enum err_code code = ERR_OK;

	if (atomic_load(&worker->reading->stops))
		code = err_set(&err, ERR_STOPPED, "the daemon is stopping");
	if (code == ERR_OK && is_fresh)
		code = connect_worker(worker, &err);
	if (code == ERR_OK) {
		code = job->run(job, worker->conn, &err);
		tidy(worker);
		/* It may have been lost while nobody used it. */
		if (code == ERR_POSTGRES_LOST && !is_fresh) {
			code = connect_worker(worker, &err);
			if (code == ERR_OK)
				code = job->run(job, worker->conn, &err);
			tidy(worker);
		}
	}
	if (code == ERR_OK)
		err.code = ERR_OK;
	job->finish(job, &err);
}

static void
run(void *context)
{
	struct worker *worker = context;
	struct reading *reading = worker->reading;

	for (;;) {
		struct reading_job *job =
			queue_pop(reading->jobs, READING_WAIT_MS);

		if (job != NULL)
			work(worker, job);
		else if (atomic_load(&reading->stops))
			break;
	}
	pgconn_close(&worker->conn);
}

/* -- public ---------------------------------------------------------------- */

struct reading *
reading_new(const struct reading_options *options)
{
	static const char *const settings[] = { "TimeZone=UTC",
		                                "statement_timeout=5s", NULL };
	struct reading *reading = memory_calloc(1, sizeof(*reading));

	CHECK(options->threads > 0 && options->threads <= READING_THREADS_MAX);
	reading->options = (struct pgconn_options){
		.conninfo = memory_strdup(options->conninfo),
		.application = "waybill rest",
		.role = options->role == NULL ? NULL
					      : memory_strdup(options->role),
		.timeout_ms = options->timeout_ms,
		.settings = settings,
	};
	reading->jobs = queue_new(READING_JOBS_MAX, READING_JOBS_MAX);
	reading->count = options->threads;
	for (int i = 0; i < reading->count; i++) {
		reading->workers[i].reading = reading;
		reading->workers[i].thread =
			thread_new("rest reader", run, &reading->workers[i]);
	}
	return reading;
}

void
reading_free(struct reading **handle)
{
	struct reading *reading = *handle;

	*handle = NULL;
	if (reading == NULL)
		return;
	atomic_store(&reading->stops, true);
	queue_close(reading->jobs);
	for (int i = 0; i < reading->count; i++)
		thread_join(&reading->workers[i].thread);
	queue_free(&reading->jobs);
	memory_release((void *)(uintptr_t)reading->options.conninfo);
	memory_release((void *)(uintptr_t)reading->options.role);
	memory_release(reading);
}

bool
reading_ask(struct reading *reading, struct reading_job *job)
{
	return queue_push(reading->jobs, job, 1, 0);
}
