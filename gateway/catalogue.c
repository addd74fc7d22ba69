/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The follower thread. A notification may be lost with its connection, so the
 * version is also looked at every few seconds.
 */
#include "gateway/catalogue.h"

#include <stdatomic.h>

#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/runtime/check.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"
#include "contracts/contract.h"
#include "gateway/road_metric.h"

#define LOOK_MS  5000
#define WAIT_MS  250
#define RETRY_MS 1000

static const struct pgstatement read_version = {
	.name = "catalogue_read_version",
	.sql = "select waybill.catalogue_version()",
};

static const struct deployment_contracts contracts = {
	.compile = contract_compile,
	.free = contract_free,
};

struct catalogue {
	struct pgconn_options options;
	struct pgconn *conn;
	struct thread *thread;
	struct thread_flag *stop;
	struct thread_lock lock; /* of current */
	const struct deployment *current;
	atomic_llong version;
};

static enum err_code
connect_anew(struct catalogue *c, struct err *err)
{
	pgconn_close(&c->conn);
	if (pgconn_open(&c->options, &c->conn, err) != ERR_OK)
		return err->code;
	return pgconn_exec(c->conn, "listen waybill_catalogue", err);
}

static enum err_code
load(struct catalogue *c, struct err *err)
{
	const struct deployment *old = c->current;
	struct deployment *fresh = NULL;
	const struct log_scope scope = LOG_SCOPE("catalogue");

	if (deployment_load(c->conn, &contracts, old, &fresh, err) != ERR_OK)
		return err->code;
	thread_lock(&c->lock);
	c->current = fresh;
	thread_unlock(&c->lock);
	atomic_store(&c->version, fresh->version);
	road_metric_feeds(fresh);
	log_info(&scope,
	         "catalogue version %lld is in force (%zu tenant%s, "
	         "%zu feed%s)",
	         (long long)fresh->version, fresh->tenant_count,
	         fresh->tenant_count == 1 ? "" : "s", fresh->feed_count,
	         fresh->feed_count == 1 ? "" : "s");
	deployment_unref(&old);
	return ERR_OK;
}

static enum err_code
look(struct catalogue *c, struct err *err)
{
	struct pgrows *rows = NULL;
	int64_t version;

	if (pgconn_query(c->conn, &read_version, NULL, &rows, err) != ERR_OK)
		return err->code;
	version = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return version == atomic_load(&c->version) ? ERR_OK : load(c, err);
}

/* Waits for news in slices, so that a stop is seen soon. */
static enum err_code
wait_for_news(struct catalogue *c, struct err *err)
{
	bool came = false;
	char payload[64];

	for (int waited = 0; waited < LOOK_MS && !came; waited += WAIT_MS) {
		if (thread_flag_is_set(c->stop))
			return ERR_OK;
		if (pgconn_wait_notification(c->conn, WAIT_MS, &came, payload,
		                             sizeof(payload), err) != ERR_OK)
			return err->code;
	}
	return look(c, err);
}

static void
follow(void *context)
{
	struct catalogue *c = context;
	const struct log_scope scope = LOG_SCOPE("catalogue");

	while (!thread_flag_is_set(c->stop)) {
		struct err err = { .code = ERR_OK };

		if (c->conn != NULL && wait_for_news(c, &err) == ERR_OK)
			continue;
		if (c->conn != NULL)
			log_warn(&scope,
			         "failed to follow the catalogue, the last "
			         "version stays in force (%s)",
			         err.text);
		if (thread_flag_wait(c->stop, RETRY_MS))
			break;
		/* Where this fails there is no connection, and it is tried
		   again: what is wrong was said once. */
		if (connect_anew(c, &err) == ERR_OK && look(c, &err) == ERR_OK)
			log_info(&scope, "following the catalogue again");
	}
}

/* -- public ---------------------------------------------------------------- */

enum err_code
catalogue_open(const struct catalogue_options *options, struct catalogue **out,
               struct err *err)
{
	struct catalogue *c = memory_calloc(1, sizeof(*c));

	thread_lock_init(&c->lock, THREAD_RANK_CATALOGUE);
	c->stop = thread_flag_new();
	c->options = (struct pgconn_options){
		.conninfo = memory_strdup(options->conninfo),
		.application = "waybill catalogue",
		.role = options->role == NULL ? NULL
					      : memory_strdup(options->role),
		.timeout_ms = options->timeout_ms,
	};
	if (connect_anew(c, err) != ERR_OK || load(c, err) != ERR_OK) {
		catalogue_close(&c);
		return err->code;
	}
	c->thread = thread_new("catalogue", follow, c);
	*out = c;
	return ERR_OK;
}

void
catalogue_close(struct catalogue **handle)
{
	struct catalogue *c = *handle;

	*handle = NULL;
	if (c == NULL)
		return;
	thread_flag_set(c->stop);
	thread_join(&c->thread);
	thread_flag_free(&c->stop);
	pgconn_close(&c->conn);
	deployment_unref(&c->current);
	thread_lock_fini(&c->lock);
	memory_release((void *)(uintptr_t)c->options.conninfo);
	memory_release((void *)(uintptr_t)c->options.role);
	memory_release(c);
}

const struct deployment *
catalogue_take(struct catalogue *c)
{
	const struct deployment *taken;

	thread_lock(&c->lock);
	taken = deployment_ref(c->current);
	thread_unlock(&c->lock);
	return taken;
}

int64_t
catalogue_version(const struct catalogue *c)
{
	return atomic_load(&c->version);
}
