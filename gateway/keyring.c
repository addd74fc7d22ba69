/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The follower thread. A notification may be lost with its connection, so the
 * number of the last change is asked for each second; what was changed by
 * hand, without a number, is seen within a minute.
 */
#include "gateway/keyring.h"

#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/auth.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define LOOK_MS   1000
#define WAIT_MS   250
#define RETRY_MS  500
#define RELOAD_US (60 * INT64_C(1000000))

static const struct pgstatement read_version = {
	.name = "keyring_read_version",
	.sql = "select waybill.auth_version()",
};

struct keyring {
	struct pgconn_options options;
	struct pgconn *conn;
	struct thread *thread;
	struct thread_flag *stop;
	struct auth *auth;
	int64_t loaded_us;
};

static const struct log_scope scope = { .part = "keyring", .lane = -1 };

static enum err_code
connect_anew(struct keyring *keyring, struct err *err)
{
	pgconn_close(&keyring->conn);
	if (pgconn_open(&keyring->options, &keyring->conn, err) != ERR_OK)
		return err->code;
	return pgconn_exec(keyring->conn, "listen waybill_access", err);
}

static enum err_code
load(struct keyring *keyring, struct err *err)
{
	int64_t before = auth_version(keyring->auth);
	bool is_first = keyring->loaded_us == 0;
	size_t count;

	if (auth_load(keyring->auth, keyring->conn, err) != ERR_OK)
		return err->code;
	keyring->loaded_us = clock_now_us();
	count = auth_key_count(keyring->auth);
	if (is_first || auth_version(keyring->auth) != before)
		log_info(&scope, "%zu API key%s in force (change %lld)", count,
		         count == 1 ? " is" : "s are",
		         (long long)auth_version(keyring->auth));
	return ERR_OK;
}

static enum err_code
look(struct keyring *keyring, struct err *err)
{
	struct pgrows *rows = NULL;
	int64_t version;

	if (clock_now_us() - keyring->loaded_us >= RELOAD_US)
		return load(keyring, err);
	if (pgconn_query(keyring->conn, &read_version, NULL, &rows, err) !=
	    ERR_OK)
		return err->code;
	version = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return version == auth_version(keyring->auth) ? ERR_OK
						      : load(keyring, err);
}

/* Waits for news in slices, so that a stop is seen soon. */
static enum err_code
wait_for_news(struct keyring *keyring, struct err *err)
{
	bool came = false;
	char payload[64];

	for (int waited = 0; waited < LOOK_MS && !came; waited += WAIT_MS) {
		if (thread_flag_is_set(keyring->stop))
			return ERR_OK;
		if (pgconn_wait_notification(keyring->conn, WAIT_MS, &came,
		                             payload, sizeof(payload),
		                             err) != ERR_OK)
			return err->code;
	}
	return look(keyring, err);
}

static void
follow(void *context)
{
	struct keyring *keyring = context;

	while (!thread_flag_is_set(keyring->stop)) {
		struct err err = { .code = ERR_OK };

		if (keyring->conn != NULL &&
		    wait_for_news(keyring, &err) == ERR_OK)
			continue;
		if (keyring->conn != NULL)
			log_warn(&scope,
			         "failed to follow API keys, those that were "
			         "loaded last stay in force (%s)",
			         err.text);
		/* Where this fails there is no connection, and it is tried
		   again: what is wrong was said once. */
		if (connect_anew(keyring, &err) == ERR_OK &&
		    load(keyring, &err) == ERR_OK)
			log_info(&scope, "following API keys again");
		else
			thread_flag_wait(keyring->stop, RETRY_MS);
	}
}

/* -- public ---------------------------------------------------------------- */

enum err_code
keyring_open(const struct keyring_options *options, struct keyring **out,
             struct err *err)
{
	struct keyring *keyring = memory_calloc(1, sizeof(*keyring));

	keyring->stop = thread_flag_new();
	keyring->auth = auth_new();
	keyring->options = (struct pgconn_options){
		.conninfo = memory_strdup(options->conninfo),
		.application = "waybill keyring",
		.role = options->role == NULL ? NULL
					      : memory_strdup(options->role),
		.timeout_ms = options->timeout_ms,
	};
	if (connect_anew(keyring, err) != ERR_OK ||
	    load(keyring, err) != ERR_OK) {
		keyring_close(&keyring);
		return err->code;
	}
	keyring->thread = thread_new("keyring", follow, keyring);
	*out = keyring;
	return ERR_OK;
}

void
keyring_close(struct keyring **handle)
{
	struct keyring *keyring = *handle;

	*handle = NULL;
	if (keyring == NULL)
		return;
	thread_flag_set(keyring->stop);
	thread_join(&keyring->thread);
	thread_flag_free(&keyring->stop);
	pgconn_close(&keyring->conn);
	auth_free(&keyring->auth);
	memory_release((void *)(uintptr_t)keyring->options.conninfo);
	memory_release((void *)(uintptr_t)keyring->options.role);
	memory_release(keyring);
}

struct auth *
keyring_auth(struct keyring *keyring)
{
	return keyring->auth;
}
