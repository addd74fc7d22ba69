/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The API keys that a daemon goes by: a thread of its own LISTENs, looks each
 * second whether a notification was lost, and loads the keys again when
 * they have changed. A revoked key is refused within two seconds. While
 * Postgres is away the keys that were loaded last stay in force: nothing can
 * be recorded or read without it anyhow.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct keyring;
struct auth;

struct keyring_options {
	const char *conninfo;
	const char *role;
	int64_t timeout_ms;
};

/* Loads the keys before it returns. */
enum err_code
keyring_open(const struct keyring_options *options, struct keyring **out,
             struct err *err) ERR_MUST_CHECK;

void
keyring_close(struct keyring **keyring);

/* Lives until keyring_close. Any thread. */
struct auth *
keyring_auth(struct keyring *keyring);
