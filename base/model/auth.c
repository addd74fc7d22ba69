/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot is made whole beside the one in force and swapped under a lock,
 * which a check holds for one look-up, one comparison and one copy. The
 * SHA-256 of the secret is made before. What is unknown is compared too, with
 * a hash that nothing has.
 */
#include "base/model/auth.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"

#define AUTH_MAGIC      0xa0741c3d
#define ARENA_BYTES     65536
#define SLOTS_MIN       16
#define SCHEME          "Bearer"
#define MARK            "wb_"
#define SECRET_BYTES    32
#define PUBLISH_TO      "publish:"
#define PREFIX_LETTERS  "0123456789abcdefghijklmnopqrstuvwxyz"
#define PREFIX_BYTE_END 252 /* 7 * 36: from here on a byte would favour some */

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
				"uvwxyz0123456789-_";

static const struct pgstatement read_version = {
	.name = "auth_read_version",
	.sql = "select waybill.auth_version()",
};
static const struct pgstatement read_keys = {
	.name = "auth_read_keys",
	.sql = "select k.prefix, k.hash, k.expires_at, p.principal, p.tenant, "
	       "p.name, p.scopes from waybill.api_key k "
	       "join waybill.principal p on p.tenant = k.tenant "
	       "and p.principal = k.principal where k.revoked_at is null "
	       "and (k.expires_at is null or k.expires_at > now()) limit $1",
	.param_count = 1,
	.types = { PGTYPE_INT8 },
};

struct auth_key {
	char prefix[AUTH_PREFIX_LEN];
	uint8_t hash[AUTH_HASH_LEN];
	int64_t expires_ms; /* INT64_MAX: never */
	/* Of its feeds only feed_count are there. */
	const struct principal *principal;
};

struct snapshot {
	struct arena arena;
	struct auth_key *keys;
	size_t count;
	uint32_t *slots; /* index + 1 of a key; 0: none */
	uint32_t slot_mask;
};

struct auth {
	uint32_t magic;
	struct thread_lock lock; /* of current */
	struct snapshot *current;
	atomic_llong version;
	struct auth_key nobody; /* what an unknown prefix is compared with */
};

static const char *const scope_names[AUTH_ACTION_COUNT] = {
	[AUTH_PUBLISH] = "publish",
	[AUTH_READ] = "read",
	[AUTH_STATUS] = "status",
};

/* -- snapshots ------------------------------------------------------------- */

static void
snapshot_free(struct snapshot **snapshot)
{
	if (*snapshot == NULL)
		return;
	arena_fini(&(*snapshot)->arena);
	memory_free(snapshot);
}

static struct snapshot *
snapshot_new(size_t count)
{
	struct snapshot *snapshot = memory_calloc(1, sizeof(*snapshot));
	size_t slots = SLOTS_MIN;

	while (slots < 2 * count)
		slots *= 2;
	arena_init(&snapshot->arena, ARENA_BYTES);
	snapshot->keys = arena_calloc(&snapshot->arena, count ? count : 1,
	                              sizeof(*snapshot->keys));
	snapshot->slots =
		arena_calloc(&snapshot->arena, slots, sizeof(*snapshot->slots));
	snapshot->slot_mask = (uint32_t)slots - 1;
	return snapshot;
}

static const struct auth_key *
snapshot_find(const struct snapshot *snapshot, const char *prefix)
{
	uint32_t at = digest_murmur2(prefix, AUTH_PREFIX_LEN);

	for (;; at++) {
		uint32_t slot = snapshot->slots[at & snapshot->slot_mask];

		if (slot == 0)
			return NULL;
		if (memcmp(snapshot->keys[slot - 1].prefix, prefix,
		           AUTH_PREFIX_LEN) == 0)
			return &snapshot->keys[slot - 1];
	}
}

static void
snapshot_index(struct snapshot *snapshot, size_t key)
{
	uint32_t at =
		digest_murmur2(snapshot->keys[key].prefix, AUTH_PREFIX_LEN);

	while (snapshot->slots[at & snapshot->slot_mask] != 0)
		at++;
	snapshot->slots[at & snapshot->slot_mask] = (uint32_t)key + 1;
}

/* -- rows ------------------------------------------------------------------ */

static enum err_code
take_name(char out[AUTH_NAME_MAX + 1], const char *name, size_t len,
          struct err *err)
{
	if (len > AUTH_NAME_MAX)
		return err_set(err, ERR_TOO_LARGE,
		               "a name of %zu letters, at most %d are "
		               "supported",
		               len, AUTH_NAME_MAX);
	memcpy(out, name, len);
	out[len] = '\0';
	return ERR_OK;
}

/* A scope of a newer program grants nothing here. */
static enum err_code
take_scope(struct principal *principal, const char *scope, size_t len,
           struct err *err)
{
	const size_t to = strlen(PUBLISH_TO);

	for (size_t i = 0; i < AUTH_ACTION_COUNT; i++)
		if (strlen(scope_names[i]) == len &&
		    memcmp(scope_names[i], scope, len) == 0)
			principal->may[i] = true;
	if (len <= to || memcmp(scope, PUBLISH_TO, to) != 0)
		return ERR_OK;
	if (principal->feed_count == AUTH_FEEDS_MAX)
		return err_set(err, ERR_TOO_LARGE, "more than %d feeds",
		               AUTH_FEEDS_MAX);
	return take_name(principal->feeds[principal->feed_count++], scope + to,
	                 len - to, err);
}

static enum err_code
take_principal(struct snapshot *snapshot, const struct pgrows *rows, int row,
               const struct principal **out, struct err *err)
{
	struct principal principal = { .id = (int32_t)pgrows_int(rows, row,
		                                                 3) };
	const char *tenant = pgrows_text(rows, row, 4);
	const char *name = pgrows_text(rows, row, 5);
	struct pgarray_reader scopes;
	const uint8_t *bytes, *scope;
	int len;

	bytes = pgrows_bytes(rows, row, 6, &len);
	if (take_name(principal.tenant, tenant, strlen(tenant), err) !=
	            ERR_OK ||
	    take_name(principal.name, name, strlen(name), err) != ERR_OK ||
	    pgarray_read(bytes, len, &scopes, err) != ERR_OK)
		return err->code;
	memcpy(principal.prefix, pgrows_text(rows, row, 0), AUTH_PREFIX_LEN);
	while (pgarray_next(&scopes, &scope, &len))
		if (scope != NULL &&
		    take_scope(&principal, (const char *)scope, (size_t)len,
		               err) != ERR_OK)
			return err->code;
	*out = arena_copy(
		&snapshot->arena, &principal,
		offsetof(struct principal, feeds) +
			principal.feed_count * sizeof(principal.feeds[0]));
	return ERR_OK;
}

static enum err_code
take_key(struct snapshot *snapshot, const struct pgrows *rows, int row,
         struct err *err)
{
	struct auth_key *key = &snapshot->keys[row];
	const char *prefix = pgrows_text(rows, row, 0);
	const uint8_t *hash;
	int len;

	hash = pgrows_bytes(rows, row, 1, &len);
	CHECK(strlen(prefix) == AUTH_PREFIX_LEN && len == AUTH_HASH_LEN);
	memcpy(key->prefix, prefix, AUTH_PREFIX_LEN);
	memcpy(key->hash, hash, AUTH_HASH_LEN);
	key->expires_ms = pgrows_is_null(rows, row, 2)
		? INT64_MAX
		: pgrows_time_ms(rows, row, 2);
	if (take_principal(snapshot, rows, row, &key->principal, err) != ERR_OK)
		return err_context(err, "key %s", prefix);
	snapshot_index(snapshot, (size_t)row);
	snapshot->count++;
	return ERR_OK;
}

static enum err_code
load_version(struct pgconn *conn, int64_t *out, struct err *err)
{
	struct pgrows *rows = NULL;

	if (pgconn_query(conn, &read_version, NULL, &rows, err) != ERR_OK)
		return err->code;
	*out = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	return ERR_OK;
}

static enum err_code
load_keys(struct pgconn *conn, struct snapshot **out, struct err *err)
{
	struct pgnumber room;
	struct pgvalue limit = pgvalue_int8(AUTH_KEYS_MAX + 1, &room);
	struct pgrows *rows = NULL;
	struct snapshot *snapshot = NULL;
	enum err_code code;

	code = pgconn_query(conn, &read_keys, &limit, &rows, err);
	if (code == ERR_OK && pgrows_count(rows) > AUTH_KEYS_MAX)
		code = err_set(err, ERR_TOO_LARGE,
		               "more than %d live keys are not supported",
		               AUTH_KEYS_MAX);
	if (code == ERR_OK)
		snapshot = snapshot_new((size_t)pgrows_count(rows));
	for (int row = 0; code == ERR_OK && row < pgrows_count(rows); row++)
		code = take_key(snapshot, rows, row, err);
	pgrows_free(&rows);
	if (code == ERR_OK)
		*out = snapshot;
	else
		snapshot_free(&snapshot);
	return code;
}

/* -- checking -------------------------------------------------------------- */

static bool
is_letters(const char *text, size_t len, const char *letters)
{
	return strspn(text, letters) >= len;
}

/* "Bearer wb_PREFIX_SECRET": where PREFIX begins; NULL: it is not that. */
static const char *
find_prefix(const char *authorization)
{
	const char *at = authorization;

	if (at == NULL || strncasecmp(at, SCHEME, strlen(SCHEME)) != 0)
		return NULL;
	at += strlen(SCHEME);
	if (*at != ' ')
		return NULL;
	at += strspn(at, " ");
	if (strnlen(at, AUTH_TOKEN_LEN + 1) < AUTH_TOKEN_LEN ||
	    memcmp(at, MARK, strlen(MARK)) != 0)
		return NULL;
	if (at[AUTH_TOKEN_LEN] != '\0' &&
	    at[AUTH_TOKEN_LEN + strspn(at + AUTH_TOKEN_LEN, " ")] != '\0')
		return NULL;
	at += strlen(MARK);
	if (!is_letters(at, AUTH_PREFIX_LEN, PREFIX_LETTERS) ||
	    at[AUTH_PREFIX_LEN] != '_' ||
	    !is_letters(at + AUTH_PREFIX_LEN + 1, AUTH_SECRET_LEN, base64url))
		return NULL;
	return at;
}

static void
copy_principal(const struct principal *from, struct principal *out)
{
	memcpy(out, from, offsetof(struct principal, feeds));
	memcpy(out->feeds, from->feeds,
	       from->feed_count * sizeof(from->feeds[0]));
}

/* -- public ---------------------------------------------------------------- */

struct auth *
auth_new(void)
{
	struct auth *auth = memory_calloc(1, sizeof(*auth));

	auth->magic = AUTH_MAGIC;
	thread_lock_init(&auth->lock, THREAD_RANK_QUEUE);
	auth->current = snapshot_new(0);
	digest_random(auth->nobody.hash, sizeof(auth->nobody.hash));
	auth->nobody.expires_ms = INT64_MAX;
	return auth;
}

void
auth_free(struct auth **handle)
{
	struct auth *auth = *handle;

	if (auth == NULL)
		return;
	CHECK_MAGIC(auth, AUTH_MAGIC);
	snapshot_free(&auth->current);
	thread_lock_fini(&auth->lock);
	memory_free(handle);
}

enum err_code
auth_load(struct auth *auth, struct pgconn *conn, struct err *err)
{
	struct snapshot *fresh = NULL, *old;
	int64_t version = 0;

	CHECK_MAGIC(auth, AUTH_MAGIC);
	/* The number first: keys that come in between are loaded again. */
	if (load_version(conn, &version, err) != ERR_OK ||
	    load_keys(conn, &fresh, err) != ERR_OK)
		return err_context(err, "failed to load the keys");
	thread_lock(&auth->lock);
	old = auth->current;
	auth->current = fresh;
	thread_unlock(&auth->lock);
	atomic_store(&auth->version, version);
	snapshot_free(&old);
	return ERR_OK;
}

int64_t
auth_version(const struct auth *auth)
{
	return atomic_load(&auth->version);
}

size_t
auth_key_count(struct auth *auth)
{
	size_t count;

	thread_lock(&auth->lock);
	count = auth->current->count;
	thread_unlock(&auth->lock);
	return count;
}

bool
auth_check(struct auth *auth, const char *authorization, int64_t now_ms,
           struct principal *out)
{
	const char *prefix = find_prefix(authorization);
	uint8_t hash[AUTH_HASH_LEN];
	const struct auth_key *key;
	bool is_right;

	CHECK_MAGIC(auth, AUTH_MAGIC);
	if (prefix == NULL)
		return false;
	digest_sha256(prefix + AUTH_PREFIX_LEN + 1, AUTH_SECRET_LEN, hash);
	thread_lock(&auth->lock);
	key = snapshot_find(auth->current, prefix);
	if (key == NULL)
		key = &auth->nobody;
	is_right = digest_equal(key->hash, hash, sizeof(hash)) &&
		key->principal != NULL && now_ms < key->expires_ms;
	if (is_right)
		copy_principal(key->principal, out);
	thread_unlock(&auth->lock);
	return is_right;
}

enum auth_right
auth_may(const struct principal *principal, enum auth_action action,
         const char *tenant, const char *feed)
{
	CHECK(action < AUTH_ACTION_COUNT);
	if (strcmp(principal->tenant, tenant) != 0)
		return AUTH_HIDDEN;
	if (principal->may[action])
		return AUTH_ALLOWED;
	if (action != AUTH_PUBLISH || principal->feed_count == 0)
		return AUTH_DENIED;
	for (size_t i = 0; feed != NULL && i < principal->feed_count; i++)
		if (strcmp(principal->feeds[i], feed) == 0)
			return AUTH_ALLOWED;
	return AUTH_HIDDEN;
}

/* 256 random bits need 43 letters; of the last one two bits are always 0. */
void
auth_secret_make(struct auth_secret *out)
{
	uint8_t bytes[SECRET_BYTES + 1] = { 0 };
	char *at = out->token;

	memcpy(at, MARK, strlen(MARK));
	at += strlen(MARK);
	for (size_t i = 0; i < AUTH_PREFIX_LEN;) {
		uint8_t random;

		digest_random(&random, 1);
		if (random < PREFIX_BYTE_END)
			out->prefix[i++] = PREFIX_LETTERS[random % 36];
	}
	out->prefix[AUTH_PREFIX_LEN] = '\0';
	memcpy(at, out->prefix, AUTH_PREFIX_LEN);
	at += AUTH_PREFIX_LEN;
	*at++ = '_';
	digest_random(bytes, SECRET_BYTES);
	for (size_t i = 0; i < AUTH_SECRET_LEN; i++) {
		size_t bit = i * 6;
		unsigned int word = (unsigned int)bytes[bit / 8] << 8 |
			bytes[bit / 8 + (bit / 8 < SECRET_BYTES)];

		at[i] = base64url[word >> (10 - bit % 8) & 63];
	}
	at[AUTH_SECRET_LEN] = '\0';
	digest_sha256(at, AUTH_SECRET_LEN, out->hash);
	digest_wipe(bytes, sizeof(bytes));
}

void
auth_secret_wipe(struct auth_secret *secret)
{
	digest_wipe(secret, sizeof(*secret));
}
