/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing. For each kind: one query that answers the name and the fields of
 * everything that Postgres has, and one function that says the same of an
 * entry of the manifest.
 */
#include "gateway/revision.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/yaml.h"
#include "gateway/manifest.h"

#define FAULTS_BYTES_MAX ERR_TEXT_MAX

/* name, then the fields, as texts. */
static const struct pgstatement current_deployment = {
	.sql = "select name, lanes::text, durability from waybill.deployment",
};
static const struct pgstatement current_clusters = {
	.sql = "select cluster, bootstrap, concat_ws(', ', "
	       "case when is_input then 'input' end, "
	       "case when is_output then 'output' end), "
	       "coalesce((select string_agg(key || '=' || value, ', ' "
	       "order by key collate \"C\") from jsonb_each_text(properties)), "
	       "''), "
	       "coalesce((select string_agg(key || '=' || value, ', ' "
	       "order by key collate \"C\") from "
	       "jsonb_each_text(properties_secret)), '') "
	       "from waybill.cluster order by position",
};
static const struct pgstatement current_tenants = {
	.sql = "select tenant, title, "
	       "coalesce(quota_messages_per_second::text, ''), "
	       "coalesce(quota_bytes_per_second::text, ''), "
	       "case when quota_messages_per_second is not null or "
	       "quota_bytes_per_second is not null "
	       "then quota_burst_seconds::text else '' end "
	       "from waybill.tenant order by tenant",
};
static const struct pgstatement current_feeds = {
	.sql = "select f.tenant || '/' || f.feed, c.name || '/' || c.version, "
	       "coalesce(f.input_cluster || '/' || f.input_topic, ''), "
	       "f.output_topic, coalesce((select string_agg(o.cluster, ', ' "
	       "order by o.cluster collate \"C\") from waybill.feed_output o "
	       "where o.tenant = f.tenant and o.feed = f.feed), ''), "
	       "f.dead_letter_topic, f.dead_letter_partitions::text, "
	       "f.partitions::text, f.message_bytes_max::text "
	       "from waybill.feed f join waybill.contract c using (contract) "
	       "where f.removed_at is null order by 1",
};
static const struct pgstatement find_contract = {
	.sql = "select coalesce((select max(version) from waybill.contract "
	       "where tenant = $1 and name = $2 and digest = $3), 0), "
	       "coalesce((select max(version) from waybill.contract "
	       "where tenant = $1 and name = $2), 0)",
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_BYTEA },
};
static const struct pgstatement cluster_users = {
	.sql = "select f.tenant || '/' || f.feed from waybill.feed f "
	       "where f.input_cluster = $1 or exists (select from "
	       "waybill.feed_output o where o.tenant = f.tenant and "
	       "o.feed = f.feed and o.cluster = $1) order by 1 limit 1",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};

struct comparing {
	struct pgconn *conn;
	const struct manifest *manifest;
	struct revision *diff;
	struct arena *arena;
	struct text faults;
	bool prune;
};

/* -- what the manifest says ------------------------------------------------ */

static struct revision_item *
item_add(struct comparing *comparing, enum revision_kind kind, const char *name)
{
	struct revision *diff = comparing->diff;
	struct revision_item *item;

	diff->items = memory_realloc(diff->items,
	                             (diff->count + 1) * sizeof(*diff->items));
	item = &diff->items[diff->count++];
	*item = (struct revision_item){ .kind = kind, .name = name };
	for (size_t i = 0; i < REVISION_FIELDS_MAX; i++)
		item->from[i] = item->to[i] = "";
	return item;
}

static const char *
number(struct comparing *comparing, int64_t value)
{
	return arena_printf(comparing->arena, "%lld", (long long)value);
}

static enum err_code
wanted_deployment(struct comparing *comparing, struct err *err)
{
	const struct manifest_deployment *wanted =
		comparing->manifest->deployment;
	struct revision_item *item;

	if (wanted == NULL)
		return ERR_OK;
	item = item_add(comparing, REVISION_DEPLOYMENT, wanted->name);
	item->to[0] = number(comparing, wanted->lanes);
	item->to[1] = wanted->durability ? "development" : "production";
	return ERR_OK;
}

static int
compare_properties(const void *left, const void *right)
{
	const struct setting_property *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* "a=1, b=2", by name. */
static const char *
join_properties(struct comparing *comparing,
                const struct setting_properties *properties)
{
	struct setting_property *sorted =
		arena_copy(comparing->arena, properties->values,
	                   properties->count * sizeof(*sorted));
	const char *joined = "";

	qsort(sorted, properties->count, sizeof(*sorted), compare_properties);
	for (size_t i = 0; i < properties->count; i++)
		joined = arena_printf(comparing->arena, "%s%s%s=%s", joined,
		                      i ? ", " : "", sorted[i].name,
		                      sorted[i].value);
	return joined;
}

static enum err_code
wanted_clusters(struct comparing *comparing, struct err *err)
{
	const struct manifest *manifest = comparing->manifest;

	for (size_t i = 0; i < manifest->cluster_count; i++) {
		const struct manifest_cluster *wanted = &manifest->clusters[i];
		bool is_input = manifest_cluster_has_role(wanted, "input");
		bool is_output = manifest_cluster_has_role(wanted, "output");
		struct revision_item *item;

		if (wanted->node == NULL)
			continue;
		item = item_add(comparing, REVISION_CLUSTER, wanted->name);
		item->index = i;
		item->to[0] = wanted->bootstrap;
		item->to[1] = is_input && is_output ? "input, output"
			: is_input                  ? "input"
						    : "output";
		item->to[2] = join_properties(comparing, &wanted->properties);
		item->to[3] = join_properties(comparing, &wanted->secrets);
	}
	return ERR_OK;
}

static enum err_code
wanted_tenants(struct comparing *comparing, struct err *err)
{
	const struct manifest *manifest = comparing->manifest;

	for (size_t i = 0; i < manifest->tenant_count; i++) {
		const struct manifest_tenant *wanted = &manifest->tenants[i];
		struct revision_item *item =
			item_add(comparing, REVISION_TENANT, wanted->name);

		item->index = i;
		item->to[0] = wanted->title;
		if (wanted->quota_messages > 0)
			item->to[1] = number(comparing, wanted->quota_messages);
		if (wanted->quota_bytes > 0)
			item->to[2] = number(comparing, wanted->quota_bytes);
		if (wanted->quota_messages > 0 || wanted->quota_bytes > 0)
			item->to[3] = number(comparing, wanted->quota_burst_s);
	}
	return ERR_OK;
}

/* The item of a new version that a feed before this one has brought. */
static const struct revision_item *
find_new_contract(const struct comparing *comparing,
                  const struct manifest_feed *feed)
{
	const struct revision *diff = comparing->diff;

	for (size_t i = 0; i < diff->count; i++)
		if (diff->items[i].kind == REVISION_CONTRACT &&
		    strcmp(diff->items[i].tenant, feed->tenant) == 0 &&
		    strcmp(diff->items[i].contract, feed->contract_name) == 0)
			return &diff->items[i];
	return NULL;
}

/* Which version of its contract a feed has: one with the same bytes, or a new
   one, which becomes an item. */
static enum err_code
resolve_contract(struct comparing *comparing, size_t index, int *out_version,
                 struct err *err)
{
	const struct manifest_feed *feed = &comparing->manifest->feeds[index];
	const struct revision_item *brought =
		find_new_contract(comparing, feed);
	const struct pgvalue values[] = {
		pgvalue_text(feed->tenant),
		pgvalue_text(feed->contract_name),
		pgvalue_bytes(feed->digest, sizeof(feed->digest)),
	};
	struct revision_item *item;
	struct pgrows *rows = NULL;
	int same, last;

	if (brought) {
		*out_version = brought->version;
		return ERR_OK;
	}
	if (pgconn_query(comparing->conn, &find_contract, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	same = (int)pgrows_int(rows, 0, 0);
	last = (int)pgrows_int(rows, 0, 1);
	pgrows_free(&rows);
	*out_version = same ? same : last + 1;
	if (same)
		return ERR_OK;
	item = item_add(comparing, REVISION_CONTRACT,
	                arena_printf(comparing->arena, "%s: %s/%d",
	                             feed->tenant, feed->contract_name,
	                             last + 1));
	item->op = REVISION_ADD;
	item->index = index;
	item->tenant = feed->tenant;
	item->contract = feed->contract_name;
	item->version = last + 1;
	return ERR_OK;
}

/* Before the feeds, so that they are printed and written before them. */
static enum err_code
wanted_contracts(struct comparing *comparing, struct err *err)
{
	int version;

	for (size_t i = 0; i < comparing->manifest->feed_count; i++)
		if (resolve_contract(comparing, i, &version, err) != ERR_OK)
			return err->code;
	return ERR_OK;
}

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* "a, b": the output clusters of a feed, by name. */
static const char *
join_outputs(struct comparing *comparing, const struct manifest_feed *feed)
{
	const struct manifest *manifest = comparing->manifest;
	const char *names[CLUSTERS_MAX];
	const char *joined = "";
	size_t count = 0;

	for (size_t i = 0; i < manifest->cluster_count; i++)
		if (manifest_feed_goes_to(feed, &manifest->clusters[i]) &&
		    count < CLUSTERS_MAX)
			names[count++] = manifest->clusters[i].name;
	qsort(names, count, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < count; i++)
		joined = arena_printf(comparing->arena, "%s%s%s", joined,
		                      i ? ", " : "", names[i]);
	return joined;
}

static enum err_code
wanted_feeds(struct comparing *comparing, struct err *err)
{
	struct arena *arena = comparing->arena;

	for (size_t i = 0; i < comparing->manifest->feed_count; i++) {
		const struct manifest_feed *feed =
			&comparing->manifest->feeds[i];
		struct revision_item *item;
		int version;

		if (resolve_contract(comparing, i, &version, err) != ERR_OK)
			return err->code;
		item = item_add(
			comparing, REVISION_FEED,
			arena_printf(arena, "%s/%s", feed->tenant, feed->name));
		item->index = i;
		item->tenant = feed->tenant;
		item->contract = feed->contract_name;
		item->version = version;
		item->to[0] = arena_printf(arena, "%s/%d", feed->contract_name,
		                           version);
		if (feed->input_topic[0])
			item->to[1] = arena_printf(arena, "%s/%s",
			                           feed->input_cluster,
			                           feed->input_topic);
		item->to[2] = feed->output_topic;
		item->to[3] = join_outputs(comparing, feed);
		item->to[4] = feed->dead_letter_topic;
		item->to[5] = number(comparing, feed->dead_letter_partitions);
		item->to[6] = number(comparing, feed->partitions);
		item->to[7] = number(comparing, feed->message_bytes_max);
	}
	return ERR_OK;
}

/* -- kinds ----------------------------------------------------------------- */

static const struct {
	const char *name;
	const struct pgstatement *current; /* NULL: only ever added */
	enum err_code (*wanted)(struct comparing *comparing, struct err *err);
	const char *fields[REVISION_FIELDS_MAX + 1];
	/* bit i: field i stays; the text says why and what to do */
	unsigned int fixed;
	const char *why;
} kinds[REVISION_KIND_COUNT] = {
	[REVISION_DEPLOYMENT] = {
		.name = "deployment",
		.current = &current_deployment,
		.wanted = wanted_deployment,
		.fields = { "lanes", "durability" },
		.fixed = 1U << 0,
		.why = "the lane of a partition depends on it, so it is fixed "
		       "when the deployment is made",
	},
	[REVISION_CLUSTER] = {
		.name = "cluster",
		.current = &current_clusters,
		.wanted = wanted_clusters,
		.fields = { "bootstrap", "roles", "properties", "secrets" },
	},
	[REVISION_TENANT] = {
		.name = "tenant",
		.current = &current_tenants,
		.wanted = wanted_tenants,
		.fields = { "title", "quota.messages-per-second",
		            "quota.bytes-per-second", "quota.burst-seconds" },
	},
	[REVISION_CONTRACT] = {
		.name = "contract",
		.wanted = wanted_contracts,
	},
	[REVISION_FEED] = {
		.name = "feed",
		.current = &current_feeds,
		.wanted = wanted_feeds,
		.fields = { "contract", "input", "output", "clusters",
		            "dead-letter", "dead-letter-partitions",
		            "partitions", "message-bytes-max" },
		.fixed = 1U << 5 | 1U << 6,
		.why = "the order of a key's messages depends on it; a feed "
		       "grows by a step of its own, not by apply",
	},
};

static const struct yaml *
node_of(const struct manifest *manifest, const struct revision_item *item)
{
	switch (item->kind) {
	case REVISION_DEPLOYMENT:
		return manifest->deployment->node;
	case REVISION_CLUSTER:
		return manifest->clusters[item->index].node;
	case REVISION_TENANT:
		return manifest->tenants[item->index].node;
	case REVISION_CONTRACT:
	case REVISION_FEED:
		return manifest->feeds[item->index].node;
	case REVISION_KIND_COUNT:
		break;
	}
	CHECK(false);
	return NULL;
}

/* -- comparing ------------------------------------------------------------- */

static void
fault(struct comparing *comparing, const struct revision_item *item,
      const char *what)
{
	const struct yaml *node = node_of(comparing->manifest, item);

	text_addf(&comparing->faults, "%s%s:%d: %s %s: %s",
	          comparing->faults.len ? "\n" : "", yaml_file(node),
	          yaml_line(node), kinds[item->kind].name, item->name, what);
}

static void
judge(struct comparing *comparing, struct revision_item *item)
{
	char what[512];

	item->op = REVISION_SAME;
	for (size_t i = 0; i < REVISION_FIELDS_MAX; i++) {
		if (strcmp(item->from[i], item->to[i]) == 0)
			continue;
		item->op = REVISION_CHANGE;
		if ((kinds[item->kind].fixed >> i & 1) == 0)
			continue;
		snprintf(what, sizeof(what),
		         "%s is %s and cannot become %s: %s",
		         kinds[item->kind].fields[i], item->from[i],
		         item->to[i], kinds[item->kind].why);
		fault(comparing, item, what);
	}
}

static struct revision_item *
find_item(struct comparing *comparing, enum revision_kind kind,
          const char *name)
{
	for (size_t i = 0; i < comparing->diff->count; i++)
		if (comparing->diff->items[i].kind == kind &&
		    strcmp(comparing->diff->items[i].name, name) == 0)
			return &comparing->diff->items[i];
	return NULL;
}

/* What Postgres has and the files have not. */
static void
item_absent(struct comparing *comparing, enum revision_kind kind,
            const struct pgrows *rows, int row)
{
	const struct manifest_deployment *wanted =
		comparing->manifest->deployment;
	struct revision_item *item;

	if (kind == REVISION_DEPLOYMENT && wanted) {
		text_addf(&comparing->faults,
		          "%s%s:%d: deployment: this Postgres belongs to "
		          "deployment %s",
		          comparing->faults.len ? "\n" : "",
		          yaml_file(wanted->node), yaml_line(wanted->node),
		          pgrows_text(rows, row, 0));
		return;
	}
	if (kind == REVISION_DEPLOYMENT)
		return;
	item = item_add(
		comparing, kind,
		arena_strdup(comparing->arena, pgrows_text(rows, row, 0)));
	/* A tenant's messages and contracts stay, and so does its row. */
	item->op = comparing->prune && kind != REVISION_TENANT ? REVISION_REMOVE
							       : REVISION_KEEP;
}

/* A removed feed still delivers what is recorded, so its clusters stay. */
static enum err_code
check_removal(struct comparing *comparing, struct revision_item *item,
              struct err *err)
{
	const struct pgvalue values[] = { pgvalue_text(item->name) };
	struct pgrows *rows = NULL;

	if (item->kind != REVISION_CLUSTER || item->op != REVISION_REMOVE)
		return ERR_OK;
	if (pgconn_query(comparing->conn, &cluster_users, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	if (pgrows_count(rows) > 0)
		item->op = REVISION_KEEP;
	pgrows_free(&rows);
	return ERR_OK;
}

static enum err_code
compare_kind(struct comparing *comparing, enum revision_kind kind,
             struct err *err)
{
	struct pgrows *rows = NULL;
	size_t first = comparing->diff->count;
	struct revision_item *item;

	if (kinds[kind].wanted(comparing, err) != ERR_OK)
		return err->code;
	if (kinds[kind].current == NULL)
		return ERR_OK;
	for (size_t i = first; i < comparing->diff->count; i++)
		comparing->diff->items[i].op = REVISION_ADD;
	if (pgconn_query(comparing->conn, kinds[kind].current, NULL, &rows,
	                 err) != ERR_OK)
		return err->code;
	for (int row = 0; row < pgrows_count(rows); row++) {
		item = find_item(comparing, kind, pgrows_text(rows, row, 0));
		if (item == NULL) {
			item_absent(comparing, kind, rows, row);
			continue;
		}
		for (int i = 1; i < pgrows_columns(rows); i++)
			item->from[i - 1] = arena_strdup(
				comparing->arena, pgrows_text(rows, row, i));
		judge(comparing, item);
	}
	pgrows_free(&rows);
	for (size_t i = first; i < comparing->diff->count; i++)
		if (check_removal(comparing, &comparing->diff->items[i], err) !=
		    ERR_OK)
			return err->code;
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
revision_compare(struct pgconn *conn, const struct manifest *manifest,
                 bool prune, struct revision **out, struct err *err)
{
	struct revision *diff = memory_calloc(1, sizeof(*diff));
	struct comparing comparing = {
		.conn = conn,
		.manifest = manifest,
		.diff = diff,
		.arena = &diff->arena,
		.prune = prune,
	};
	enum err_code code = ERR_OK;

	arena_init(&diff->arena, 16384);
	text_init(&comparing.faults, FAULTS_BYTES_MAX);
	for (int kind = 0; kind < REVISION_KIND_COUNT && code == ERR_OK; kind++)
		code = compare_kind(&comparing, (enum revision_kind)kind, err);
	if (code == ERR_OK && comparing.faults.len > 0)
		code = err_set(err, ERR_CONFLICT, "%s",
		               text_string(&comparing.faults));
	text_fini(&comparing.faults);
	if (code == ERR_OK)
		*out = diff;
	else
		revision_free(&diff);
	return code;
}

void
revision_free(struct revision **diff)
{
	if (*diff == NULL)
		return;
	arena_fini(&(*diff)->arena);
	memory_free(&(*diff)->items);
	memory_free(diff);
}

size_t
revision_count(const struct revision *diff, enum revision_op op)
{
	size_t count = 0;

	for (size_t i = 0; i < diff->count; i++)
		count += diff->items[i].op == op;
	return count;
}

bool
revision_is_empty(const struct revision *diff)
{
	return revision_count(diff, REVISION_ADD) +
		revision_count(diff, REVISION_CHANGE) +
		revision_count(diff, REVISION_REMOVE) ==
		0;
}

const char *const *
revision_fields(enum revision_kind kind)
{
	return kinds[kind].fields;
}

const char *
revision_kind_name(enum revision_kind kind)
{
	return kinds[kind].name;
}
