/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a snapshot into one arena, which is freed with its last reference.
 * Compiled contracts are shared between snapshots, each with a count of its
 * own. The catalogue's tables are written by gateway/apply.c; here they are
 * only read.
 */
#include "base/model/deployment.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/setting.h"

#define DEPLOYMENT_MAGIC 0x8f1de901
#define ARENA_BYTES      65536

static const struct pgstatement deployment_statement = {
	.sql = "select name, lanes, durability = 'development', "
	       "waybill.catalogue_version() from waybill.deployment",
};
static const struct pgstatement clusters_statement = {
	.sql = "select cluster, bootstrap, is_input, is_output "
	       "from waybill.cluster order by position",
};
static const struct pgstatement properties_statement = {
	.sql = "select c.cluster, p.key, p.value, p.is_secret "
	       "from waybill.cluster c cross join lateral ("
	       "select key, value, false from "
	       "jsonb_each_text(c.properties) union all "
	       "select key, value, true from "
	       "jsonb_each_text(c.properties_secret)"
	       ") p(key, value, is_secret) order by c.position, p.key",
};
static const struct pgstatement tenants_statement = {
	.sql = "select tenant, title, "
	       "coalesce(quota_messages_per_second, 0), "
	       "coalesce(quota_bytes_per_second, 0), quota_burst_seconds "
	       "from waybill.tenant "
	       "order by tenant collate \"C\"",
};
static const struct pgstatement feeds_statement = {
	.sql = "select f.tenant, f.feed, f.input_cluster, f.input_topic, "
	       "f.output_topic, f.dead_letter_topic, f.partitions, "
	       "f.dead_letter_partitions, f.message_bytes_max, "
	       "f.removed_at is not null, c.contract, c.name, c.version, "
	       "c.avsc, coalesce((select bit_or(1 << n.n) from "
	       "waybill.feed_output o join (select cluster, (row_number() "
	       "over (order by position))::int4 - 1 as n from "
	       "waybill.cluster) n using (cluster) where o.tenant = f.tenant "
	       "and o.feed = f.feed), 0) "
	       "from waybill.feed f join waybill.contract c using (contract) "
	       "order by f.tenant collate \"C\", f.feed collate \"C\"",
};

/* A compiled contract and how many snapshots use it. */
struct shared_contract {
	atomic_int references;
	int32_t id;
	struct contract *contract;
	void (*free)(struct contract **contract);
};

struct deployment_private {
	uint32_t magic;
	atomic_int references;
	struct arena arena;
	struct shared_contract **contracts;
	size_t contract_count;
};

static const struct log_scope scope = { .part = "deployment", .lane = -1 };

/* A snapshot while it is made. */
struct loading {
	struct pgconn *conn;
	const struct deployment_contracts *contracts;
	const struct deployment *previous;
	struct deployment *deployment;
	struct arena *arena;
	struct digest *digest;
};

/* -- contracts ------------------------------------------------------------- */

static struct shared_contract *
contract_find(const struct deployment *deployment, int32_t id)
{
	if (deployment == NULL)
		return NULL;
	for (size_t i = 0; i < deployment->private->contract_count; i++)
		if (deployment->private->contracts[i]->id == id)
			return deployment->private->contracts[i];
	return NULL;
}

static void
contract_unref(struct shared_contract *shared)
{
	if (atomic_fetch_sub(&shared->references, 1) > 1)
		return;
	shared->free(&shared->contract);
	memory_free(&shared);
}

static void
contract_keep(struct deployment *deployment, struct shared_contract *shared)
{
	deployment->private->contracts[deployment->private->contract_count++] =
		shared;
}

/* What does not compile is said: an upgrade may have made the compiler
   stricter than the one that let the contract in. */
static void
contract_fail(struct loading *loading, struct feed *feed, const struct err *err)
{
	struct log_scope at = scope;

	at.tenant = feed->tenant;
	at.feed = feed->name;
	feed->contract_fault = arena_strdup(loading->arena, err->text);
	log_error(&at,
	          "contract %s version %d does not compile: nothing new of "
	          "the feed is read, what is recorded goes on (%s)",
	          feed->contract_name, feed->contract_version, err->text);
}

static void
contract_take(struct loading *loading, struct feed *feed)
{
	struct shared_contract *shared;
	struct err err;

	if (loading->contracts == NULL)
		return;
	shared = contract_find(loading->deployment, feed->contract_id);
	if (shared == NULL &&
	    (shared = contract_find(loading->previous, feed->contract_id)) !=
	            NULL) {
		atomic_fetch_add(&shared->references, 1);
		contract_keep(loading->deployment, shared);
	}
	if (shared == NULL) {
		struct contract *contract = NULL;

		if (loading->contracts->compile(
			    feed->contract_id, feed->contract_name,
			    feed->contract_version, feed->contract_avsc,
			    &contract, &err) != ERR_OK) {
			contract_fail(loading, feed, &err);
			return;
		}
		shared = memory_calloc(1, sizeof(*shared));
		atomic_init(&shared->references, 1);
		shared->id = feed->contract_id;
		shared->contract = contract;
		shared->free = loading->contracts->free;
		contract_keep(loading->deployment, shared);
	}
	feed->contract = shared->contract;
}

/* -- rows ------------------------------------------------------------------ */

static char *
copy_text(struct loading *loading, const struct pgrows *rows, int row,
          int column)
{
	const char *text = pgrows_text(rows, row, column);

	return text ? arena_strdup(loading->arena, text) : NULL;
}

/* Every byte of the answer: what the digest of the catalogue is made of. */
static void
digest_rows(struct digest *digest, const struct pgrows *rows)
{
	for (int row = 0; row < pgrows_count(rows); row++)
		for (int column = 0; column < pgrows_columns(rows); column++) {
			int32_t len = -1;
			const uint8_t *bytes =
				pgrows_bytes(rows, row, column, &len);

			if (pgrows_is_null(rows, row, column))
				len = -1;
			digest_add(digest, &len, sizeof(len));
			if (len > 0)
				digest_add(digest, bytes, (size_t)len);
		}
}

static enum err_code
query(struct loading *loading, const struct pgstatement *statement,
      struct pgrows **out, struct err *err)
{
	return pgconn_query(loading->conn, statement, NULL, out, err);
}

static enum err_code
load_head(struct loading *loading, struct err *err)
{
	struct deployment *deployment = loading->deployment;
	struct pgrows *rows = NULL;
	enum err_code code = query(loading, &deployment_statement, &rows, err);

	if (code == ERR_OK && pgrows_count(rows) == 0)
		code = err_set(err, ERR_MIGRATION,
		               "no deployment has been applied yet: run "
		               "waybill apply -f DIR");
	if (code == ERR_OK) {
		uint8_t development;

		deployment->name = copy_text(loading, rows, 0, 0);
		deployment->lanes = (int)pgrows_int(rows, 0, 1);
		deployment->development = pgrows_bool(rows, 0, 2);
		deployment->version = pgrows_int(rows, 0, 3);
		CHECK(deployment->lanes > 0);
		development = deployment->development;
		digest_add(loading->digest, deployment->name,
		           strlen(deployment->name) + 1);
		digest_add(loading->digest, &development, 1);
	}
	pgrows_free(&rows);
	return code;
}

static enum err_code
load_clusters(struct loading *loading, struct err *err)
{
	struct pgrows *rows = NULL;
	enum err_code code = query(loading, &clusters_statement, &rows, err);
	int count = code == ERR_OK ? pgrows_count(rows) : 0;
	struct cluster *clusters;

	if (count > CLUSTERS_MAX)
		code = err_set(err, ERR_TOO_LARGE,
		               "%d clusters, at most %d are supported", count,
		               CLUSTERS_MAX);
	if (code != ERR_OK)
		goto out;
	clusters =
		arena_calloc(loading->arena, (size_t)count, sizeof(*clusters));
	for (int i = 0; i < count; i++)
		clusters[i] = (struct cluster){
			.name = copy_text(loading, rows, i, 0),
			.bootstrap = copy_text(loading, rows, i, 1),
			.is_input = pgrows_bool(rows, i, 2),
			.is_output = pgrows_bool(rows, i, 3),
			.index = i,
		};
	digest_rows(loading->digest, rows);
	loading->deployment->clusters = clusters;
	loading->deployment->cluster_count = (size_t)count;
out:
	pgrows_free(&rows);
	return code;
}

/* The value of a secret property: its file's content. */
static enum err_code
read_secret(struct loading *loading, const char *path, const char **out,
            struct err *err)
{
	const char *reason = NULL;
	char *secret = setting_read_secret(path, &reason);

	if (secret == NULL)
		return err_set(err, ERR_CONFIG, "cannot read %s (%s)", path,
		               reason);
	*out = arena_strdup(loading->arena, secret);
	digest_wipe(secret, strlen(secret));
	memory_free(&secret);
	if ((*out)[0] == '\0')
		return err_set(err, ERR_CONFIG, "%s is empty", path);
	return ERR_OK;
}

static enum err_code
load_property(struct loading *loading, const struct pgrows *rows, int row,
              struct kproperty *out, struct err *err)
{
	bool is_secret = pgrows_bool(rows, row, 3);

	out->name = copy_text(loading, rows, row, 1);
	out->value = copy_text(loading, rows, row, 2);
	if (!is_secret)
		return ERR_OK;
	if (read_secret(loading, out->value, &out->value, err) == ERR_OK)
		return ERR_OK;
	/* A person at a command line need not have the daemons' secrets. */
	if (loading->contracts == NULL)
		return ERR_OK;
	return err_context(err, "cluster %s, property %s",
	                   pgrows_text(rows, row, 0), out->name);
}

/* Who has opened a cluster sees by it whether another is meant now. */
static void
digest_clusters(struct loading *loading)
{
	struct digest *digest = digest_new();

	for (size_t i = 0; i < loading->deployment->cluster_count; i++) {
		struct cluster *cluster =
			(struct cluster *)&loading->deployment->clusters[i];

		digest_begin(digest);
		digest_add(digest, cluster->bootstrap,
		           strlen(cluster->bootstrap) + 1);
		for (size_t p = 0; p < cluster->property_count; p++) {
			const struct kproperty *at = &cluster->properties[p];

			digest_add(digest, at->name, strlen(at->name) + 1);
			digest_add(digest, at->value, strlen(at->value) + 1);
		}
		digest_end(digest, cluster->digest);
	}
	digest_free(&digest);
}

static enum err_code
load_properties(struct loading *loading, struct err *err)
{
	struct deployment *deployment = loading->deployment;
	struct pgrows *rows = NULL;
	enum err_code code = query(loading, &properties_statement, &rows, err);
	int count = code == ERR_OK ? pgrows_count(rows) : 0;
	struct kproperty *properties = arena_calloc(
		loading->arena, (size_t)count, sizeof(*properties));

	if (code == ERR_OK)
		digest_rows(loading->digest, rows);
	for (int row = 0; row < count && code == ERR_OK; row++) {
		struct cluster *cluster = (struct cluster *)deployment_cluster(
			deployment, pgrows_text(rows, row, 0));

		CHECK(cluster != NULL);
		if (cluster->property_count++ == 0)
			cluster->properties = &properties[row];
		code = load_property(loading, rows, row, &properties[row], err);
	}
	if (code == ERR_OK)
		digest_clusters(loading);
	pgrows_free(&rows);
	return code;
}

static enum err_code
load_tenants(struct loading *loading, struct err *err)
{
	struct pgrows *rows = NULL;
	enum err_code code = query(loading, &tenants_statement, &rows, err);
	int count = code == ERR_OK ? pgrows_count(rows) : 0;
	struct tenant *tenants;

	if (code != ERR_OK)
		return code;
	tenants = arena_calloc(loading->arena, (size_t)count, sizeof(*tenants));
	for (int i = 0; i < count; i++)
		tenants[i] = (struct tenant){
			.name = copy_text(loading, rows, i, 0),
			.title = copy_text(loading, rows, i, 1),
			.quota_messages_per_second = pgrows_int(rows, i, 2),
			.quota_bytes_per_second = pgrows_int(rows, i, 3),
			.quota_burst_seconds = pgrows_int(rows, i, 4),
		};
	digest_rows(loading->digest, rows);
	loading->deployment->tenants = tenants;
	loading->deployment->tenant_count = (size_t)count;
	pgrows_free(&rows);
	return ERR_OK;
}

static struct feed
take_feed(struct loading *loading, const struct pgrows *rows, int row)
{
	const char *cluster = pgrows_text(rows, row, 2);
	bool is_removed = pgrows_bool(rows, row, 9);
	struct feed feed = {
		.tenant = copy_text(loading, rows, row, 0),
		.name = copy_text(loading, rows, row, 1),
		.output_topic = copy_text(loading, rows, row, 4),
		.dead_letter_topic = copy_text(loading, rows, row, 5),
		.partitions = (int)pgrows_int(rows, row, 6),
		.dead_letter_partitions = (int)pgrows_int(rows, row, 7),
		.message_bytes_max = pgrows_int(rows, row, 8),
		.is_removed = is_removed,
		.outputs = (uint32_t)pgrows_int(rows, row, 14),
		.contract_id = (int32_t)pgrows_int(rows, row, 10),
		.contract_name = copy_text(loading, rows, row, 11),
		.contract_version = (int32_t)pgrows_int(rows, row, 12),
		.contract_avsc = copy_text(loading, rows, row, 13),
	};

	if (cluster && !is_removed) {
		feed.input_cluster =
			deployment_cluster(loading->deployment, cluster);
		feed.input_topic = copy_text(loading, rows, row, 3);
		CHECK(feed.input_cluster != NULL);
	}
	return feed;
}

static enum err_code
load_feeds(struct loading *loading, struct err *err)
{
	struct deployment *deployment = loading->deployment;
	struct pgrows *rows = NULL;
	enum err_code code = query(loading, &feeds_statement, &rows, err);
	int count = code == ERR_OK ? pgrows_count(rows) : 0;
	struct feed *feeds;

	if (code != ERR_OK)
		return code;
	feeds = arena_calloc(loading->arena, (size_t)count, sizeof(*feeds));
	deployment->private->contracts =
		arena_calloc(loading->arena, (size_t)count,
	                     sizeof(*deployment->private->contracts));
	for (int row = 0; row < count; row++) {
		feeds[row] = take_feed(loading, rows, row);
		feeds[row].index = row;
		contract_take(loading, &feeds[row]);
	}
	digest_rows(loading->digest, rows);
	deployment->feeds = feeds;
	deployment->feed_count = (size_t)count;
	pgrows_free(&rows);
	return ERR_OK;
}

static enum err_code
load_all(struct loading *loading, struct err *err)
{
	static enum err_code (*const steps[])(struct loading * loading,
	                                      struct err * err) = {
		load_head,    load_clusters, load_properties,
		load_tenants, load_feeds,
	};
	struct err ignored;
	enum err_code code;

	code = pgconn_exec(loading->conn,
	                   "begin isolation level repeatable read, read only",
	                   err);
	for (size_t i = 0;
	     i < sizeof(steps) / sizeof(steps[0]) && code == ERR_OK; i++)
		code = steps[i](loading, err);
	if (code == ERR_OK)
		return pgconn_exec(loading->conn, "commit", err);
	if (!pgconn_is_lost(loading->conn) &&
	    pgconn_in_transaction(loading->conn) &&
	    pgconn_exec(loading->conn, "rollback", &ignored) != ERR_OK)
		log_debug(&scope, "rollback failed (%s)", ignored.text);
	return err_context(err, "failed to load the catalogue");
}

static struct deployment *
deployment_new(void)
{
	struct deployment *deployment = memory_calloc(1, sizeof(*deployment));

	deployment->private = memory_calloc(1, sizeof(*deployment->private));
	deployment->private->magic = DEPLOYMENT_MAGIC;
	atomic_init(&deployment->private->references, 1);
	arena_init(&deployment->private->arena, ARENA_BYTES);
	return deployment;
}

/* -- public -- */

enum err_code
deployment_load(struct pgconn *conn,
                const struct deployment_contracts *contracts,
                const struct deployment *previous, struct deployment **out,
                struct err *err)
{
	struct deployment *deployment = deployment_new();
	const struct deployment *failed = deployment;
	struct loading loading = {
		.conn = conn,
		.contracts = contracts,
		.previous = previous,
		.deployment = deployment,
		.arena = &deployment->private->arena,
		.digest = digest_new(),
	};
	enum err_code code;

	digest_begin(loading.digest);
	code = load_all(&loading, err);
	digest_end(loading.digest, deployment->digest);
	digest_free(&loading.digest);
	if (code == ERR_OK)
		*out = deployment;
	else
		deployment_unref(&failed);
	return code;
}

const struct deployment *
deployment_ref(const struct deployment *deployment)
{
	CHECK_MAGIC(deployment->private, DEPLOYMENT_MAGIC);
	CHECK(atomic_fetch_add(&deployment->private->references, 1) > 0);
	return deployment;
}

void
deployment_unref(const struct deployment **pointer)
{
	struct deployment *deployment = (struct deployment *)*pointer;
	struct deployment_private *private;

	*pointer = NULL;
	if (deployment == NULL)
		return;
	private = deployment->private;
	CHECK_MAGIC(private, DEPLOYMENT_MAGIC);
	if (atomic_fetch_sub(&private->references, 1) > 1)
		return;
	for (size_t i = 0; i < private->contract_count; i++)
		contract_unref(private->contracts[i]);
	arena_fini(&private->arena);
	memory_free(&private);
	memory_free(&deployment);
}

const struct tenant *
deployment_tenant(const struct deployment *deployment, const char *tenant)
{
	size_t low = 0, high = deployment->tenant_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct tenant *at = &deployment->tenants[middle];
		int order = strcmp(tenant, at->name);

		if (order == 0)
			return at;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct feed *
deployment_feed(const struct deployment *deployment, const char *tenant,
                const char *feed)
{
	size_t low = 0, high = deployment->feed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct feed *at = &deployment->feeds[middle];
		int order = strcmp(tenant, at->tenant);

		if (order == 0)
			order = strcmp(feed, at->name);
		if (order == 0)
			return at;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct cluster *
deployment_cluster(const struct deployment *deployment, const char *name)
{
	for (size_t i = 0; i < deployment->cluster_count; i++)
		if (strcmp(deployment->clusters[i].name, name) == 0)
			return &deployment->clusters[i];
	return NULL;
}

bool
deployment_goes_to(const struct deployment *deployment, const struct feed *feed,
                   const char *cluster)
{
	const struct cluster *at = deployment_cluster(deployment, cluster);

	return at != NULL && (feed->outputs >> at->index & 1) != 0;
}

int
deployment_lane(const struct deployment *deployment, const struct feed *feed,
                int partition)
{
	char name[256];
	int len =
		snprintf(name, sizeof(name), "%s/%s", feed->tenant, feed->name);

	CHECK(len > 0 && (size_t)len < sizeof(name) && partition >= 0);
	return (int)(((digest_murmur2(name, (size_t)len) & 0x7fffffff) +
	              (uint32_t)partition) %
	             (uint32_t)deployment->lanes);
}
