/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * API keys: who asks by HTTP, and what may it do. A token is
 * "wb_PREFIX_SECRET": the prefix names the key and is no secret, of the secret
 * Postgres has the SHA-256 only. An auth is the set of live keys as Postgres
 * had them when it was loaded last; it goes on with what it knows while
 * Postgres is away. Checking takes no memory from the heap, and as long for
 * an unknown key as for a wrong secret.
 *
 * Thread: any, for auth_check and auth_may; one for auth_load.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct auth;
struct pgconn;

#define AUTH_PREFIX_LEN 12 /* [0-9a-z] */
#define AUTH_SECRET_LEN 43 /* base64url of 32 random bytes */
#define AUTH_TOKEN_LEN  (3 + AUTH_PREFIX_LEN + 1 + AUTH_SECRET_LEN)
#define AUTH_HASH_LEN   32
#define AUTH_NAME_MAX   40 /* of a tenant, a feed, a principal */
#define AUTH_FEEDS_MAX  16 /* that the scopes of one principal may name */
#define AUTH_KEYS_MAX   100000

enum auth_action {
	AUTH_PUBLISH, /* send messages to a feed; scope publish, publish:FEED */
	AUTH_READ,    /* receipts and history; scope read */
	AUTH_STATUS,  /* how the daemon is; scope status */
	AUTH_ACTION_COUNT
};

/* Whose key it is. A copy: it outlives the snapshot that it came from. */
struct principal {
	int32_t id; /* what block.principals has */
	char tenant[AUTH_NAME_MAX + 1];
	char name[AUTH_NAME_MAX + 1];
	char prefix[AUTH_PREFIX_LEN + 1]; /* of the key; for logs */
	bool may[AUTH_ACTION_COUNT];      /* on every feed of the tenant */
	size_t feed_count;                /* may publish to these only */
	char feeds[AUTH_FEEDS_MAX][AUTH_NAME_MAX + 1];
};

enum auth_right {
	AUTH_ALLOWED,
	AUTH_HIDDEN, /* 404, as for what does not exist */
	AUTH_DENIED, /* 403: the tenant is its own, the scope is missing */
};

struct auth *
auth_new(void); /* knows no key */

void
auth_free(struct auth **auth);

/* Replaces all keys by those that are live in Postgres now. What was known
   stays in force where it fails. ERR_TOO_LARGE: more than AUTH_KEYS_MAX. */
enum err_code
auth_load(struct auth *auth, struct pgconn *conn,
          struct err *err) ERR_MUST_CHECK;

/* What the loaded keys stand for: a number that every change of keys or
   scopes makes larger; 0: none was made yet, or nothing was loaded. */
int64_t
auth_version(const struct auth *auth);

size_t
auth_key_count(struct auth *auth);

/*
 * authorization: the value of that header, "Bearer wb_..."; NULL: absent.
 * False, one answer (401) for all: no key, one that is malformed, unknown,
 * revoked or expired at now_ms (of the wall clock), or a wrong secret.
 */
bool
auth_check(struct auth *auth, const char *authorization, int64_t now_ms,
           struct principal *out);

/*
 * To be asked before it is looked whether the tenant or the feed exists, so
 * that an answer says nothing about that. feed NULL: of no feed. A tenant
 * that is not the principal's, and a feed that its scopes do not name, are
 * hidden; with no scope for the action at all it is denied, whatever feed is
 * meant.
 */
enum auth_right
auth_may(const struct principal *principal, enum auth_action action,
         const char *tenant, const char *feed);

/* -- making keys -- */

struct auth_secret {
	char token[AUTH_TOKEN_LEN + 1]; /* to be shown once */
	char prefix[AUTH_PREFIX_LEN + 1];
	uint8_t hash[AUTH_HASH_LEN]; /* to be stored */
};

void
auth_secret_make(struct auth_secret *out);

/* Leaves nothing of it in memory. */
void
auth_secret_wipe(struct auth_secret *secret);
