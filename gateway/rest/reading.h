/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Questions to Postgres on behalf of requests: a few threads with a connection
 * each, made when it is needed, made anew where it was lost. Jobs wait in a
 * bounded queue.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct pgconn;
struct reading;

struct reading_options {
	const char *conninfo;
	const char *role; /* NULL: the user's own */
	int64_t timeout_ms;
	int threads;
};

/* Embedded in what waits for it. */
struct reading_job {
	/* On a worker's thread. Where the connection was lost it may be called
	   once more, with another. */
	enum err_code (*run)(struct reading_job *job, struct pgconn *conn,
	                     struct err *err);
	/* Behind it, once. ERR_OK or what run or connecting said. */
	void (*finish)(struct reading_job *job, const struct err *err);
};

/* Connects later, when there is a job. */
struct reading *
reading_new(const struct reading_options *options);

/* What is under way is finished; jobs that wait end with ERR_STOPPED. */
void
reading_free(struct reading **reading);

/* False: too many wait; finish is not called. Any thread; does not wait. */
bool
reading_ask(struct reading *reading, struct reading_job *job);
