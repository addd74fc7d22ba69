/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing what revision.c has found: the only module that writes the
 * catalogue's tables. Everything is one transaction with its row of
 * catalogue_change, whose trigger tells the daemons when it commits.
 */
#include "gateway/revision.h"

#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/runtime/check.h"
#include "base/runtime/log.h"
#include "base/runtime/text.h"
#include "gateway/manifest.h"

#define JSON_BYTES_MAX (16 * 1024 * 1024)

static const struct pgstatement insert_change = {
	.sql = "insert into waybill.catalogue_change (what) "
	       "values ($1::jsonb) returning change",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};
static const struct pgstatement write_deployment = {
	.sql = "insert into waybill.deployment (name, lanes, durability) "
	       "values ($1, $2, $3) on conflict (name) do update set "
	       "durability = excluded.durability",
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_TEXT },
};
static const struct pgstatement write_lanes = {
	.sql = "insert into waybill.lane (lane) "
	       "select generate_series(0, $1 - 1) on conflict do nothing",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};
static const struct pgstatement write_cluster = {
	.sql = "insert into waybill.cluster (cluster, bootstrap, is_input, "
	       "is_output, properties, properties_secret, position) "
	       "values ($1, $2, $3, $4, $5::jsonb, $6::jsonb, "
	       "(select coalesce(max(position), -1) + 1 from "
	       "waybill.cluster)) "
	       "on conflict (cluster) do update set "
	       "bootstrap = excluded.bootstrap, "
	       "is_input = excluded.is_input, "
	       "is_output = excluded.is_output, "
	       "properties = excluded.properties, "
	       "properties_secret = excluded.properties_secret",
	.param_count = 6,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_BOOL, PGTYPE_BOOL,
	           PGTYPE_TEXT, PGTYPE_TEXT },
};
static const struct pgstatement remove_cluster = {
	.sql = "delete from waybill.cluster where cluster = $1",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};
static const struct pgstatement write_tenant = {
	.sql = "insert into waybill.tenant (tenant, title, "
	       "quota_messages_per_second, quota_bytes_per_second, "
	       "quota_burst_seconds) values ($1, $2, nullif($3, 0), "
	       "nullif($4, 0), $5) on conflict (tenant) do update set "
	       "title = excluded.title, "
	       "quota_messages_per_second = "
	       "excluded.quota_messages_per_second, "
	       "quota_bytes_per_second = excluded.quota_bytes_per_second, "
	       "quota_burst_seconds = excluded.quota_burst_seconds",
	.param_count = 5,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT8, PGTYPE_INT8,
	           PGTYPE_INT4 },
};
static const struct pgstatement make_role = {
	.sql = "select waybill.tenant_role_create($1)",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};
static const struct pgstatement write_contract = {
	.sql = "insert into waybill.contract (tenant, name, version, avsc, "
	       "digest) values ($1, $2, $3, $4, $5)",
	.param_count = 5,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_TEXT,
	           PGTYPE_BYTEA },
};
static const struct pgstatement write_feed = {
	.sql = "insert into waybill.feed (tenant, feed, contract, "
	       "input_cluster, input_topic, output_topic, dead_letter_topic, "
	       "partitions, dead_letter_partitions, message_bytes_max, "
	       "version) values ($1, $2, (select contract from "
	       "waybill.contract where tenant = $1 and name = $3 and "
	       "version = $4), nullif($5, ''), nullif($6, ''), $7, $8, $9, "
	       "$10, $11, $12) on conflict (tenant, feed) do update set "
	       "contract = excluded.contract, "
	       "input_cluster = excluded.input_cluster, "
	       "input_topic = excluded.input_topic, "
	       "output_topic = excluded.output_topic, "
	       "dead_letter_topic = excluded.dead_letter_topic, "
	       "partitions = excluded.partitions, "
	       "dead_letter_partitions = excluded.dead_letter_partitions, "
	       "message_bytes_max = excluded.message_bytes_max, "
	       "version = excluded.version, removed_at = null",
	.param_count = 12,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4,
	           PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT,
	           PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8 },
};
static const struct pgstatement clear_outputs = {
	.sql = "delete from waybill.feed_output where tenant = $1 and feed = "
	       "$2 and cluster <> all ($3)",
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT_ARRAY },
};
static const struct pgstatement write_outputs = {
	.sql = "insert into waybill.feed_output (tenant, feed, cluster) "
	       "select $1, $2, unnest($3) on conflict do nothing",
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT_ARRAY },
};
static const struct pgstatement remove_feed = {
	.sql = "update waybill.feed set removed_at = now(), version = $2 "
	       "where tenant || '/' || feed = $1",
	.param_count = 2,
	.types = { PGTYPE_TEXT, PGTYPE_INT8 },
};

static const struct log_scope scope = { .part = "apply", .lane = -1 };

struct writing {
	struct pgconn *conn;
	const struct manifest *manifest;
	int64_t change;
};

/* -- one item -------------------------------------------------------------- */

static enum err_code
put_deployment(struct writing *writing, const struct revision_item *item,
               struct err *err)
{
	const struct manifest_deployment *wanted =
		writing->manifest->deployment;
	struct pgnumber room;
	const struct pgvalue lanes =
		pgvalue_int4((int32_t)wanted->lanes, &room);
	const struct pgvalue values[] = {
		pgvalue_text(item->name),
		lanes,
		pgvalue_text(item->to[1]),
	};

	if (pgconn_query(writing->conn, &write_deployment, values, NULL, err) !=
	    ERR_OK)
		return err->code;
	return pgconn_query(writing->conn, &write_lanes, &lanes, NULL, err);
}

static void
properties_json(const struct setting_properties *properties, struct text *out)
{
	text_add(out, "{");
	for (size_t i = 0; i < properties->count; i++) {
		const struct setting_property *at = &properties->values[i];

		if (i > 0)
			text_add(out, ",");
		text_add_json(out, at->name, strlen(at->name));
		text_add(out, ":");
		text_add_json(out, at->value, strlen(at->value));
	}
	text_add(out, "}");
}

static enum err_code
put_cluster(struct writing *writing, const struct revision_item *item,
            struct err *err)
{
	const struct manifest_cluster *wanted;
	struct pgvalue values[6] = { pgvalue_text(item->name) };
	struct text properties, secrets;
	struct pgnumber rooms[2];
	enum err_code code;

	if (item->op == REVISION_REMOVE)
		return pgconn_query(writing->conn, &remove_cluster, values,
		                    NULL, err);
	wanted = &writing->manifest->clusters[item->index];
	text_init(&properties, JSON_BYTES_MAX);
	text_init(&secrets, JSON_BYTES_MAX);
	properties_json(&wanted->properties, &properties);
	properties_json(&wanted->secrets, &secrets);
	values[1] = pgvalue_text(wanted->bootstrap);
	values[2] = pgvalue_bool(manifest_cluster_has_role(wanted, "input"),
	                         &rooms[0]);
	values[3] = pgvalue_bool(manifest_cluster_has_role(wanted, "output"),
	                         &rooms[1]);
	values[4] = pgvalue_text(text_string(&properties));
	values[5] = pgvalue_text(text_string(&secrets));
	CHECK(!text_is_cut(&properties) && !text_is_cut(&secrets));
	code = pgconn_query(writing->conn, &write_cluster, values, NULL, err);
	text_fini(&properties);
	text_fini(&secrets);
	return code;
}

static enum err_code
put_tenant(struct writing *writing, const struct revision_item *item,
           struct err *err)
{
	const struct manifest_tenant *wanted =
		&writing->manifest->tenants[item->index];
	struct pgnumber rooms[3];
	const struct pgvalue values[] = {
		pgvalue_text(item->name),
		pgvalue_text(item->to[0]),
		pgvalue_int8(wanted->quota_messages, &rooms[0]),
		pgvalue_int8(wanted->quota_bytes, &rooms[1]),
		pgvalue_int4((int32_t)wanted->quota_burst_s, &rooms[2]),
	};

	if (pgconn_query(writing->conn, &write_tenant, values, NULL, err) !=
	    ERR_OK)
		return err->code;
	if (item->op != REVISION_ADD)
		return ERR_OK;
	return pgconn_query(writing->conn, &make_role, values, NULL, err);
}

static enum err_code
put_contract(struct writing *writing, const struct revision_item *item,
             struct err *err)
{
	const struct manifest_feed *feed =
		&writing->manifest->feeds[item->index];
	struct pgnumber room;
	const struct pgvalue values[] = {
		pgvalue_text(item->tenant),
		pgvalue_text(item->contract),
		pgvalue_int4(item->version, &room),
		pgvalue_text(feed->avsc),
		pgvalue_bytes(feed->digest, sizeof(feed->digest)),
	};

	return pgconn_query(writing->conn, &write_contract, values, NULL, err);
}

static enum err_code
put_outputs(struct writing *writing, const struct manifest_feed *feed,
            struct err *err)
{
	const struct manifest *manifest = writing->manifest;
	struct pgarray clusters = { 0 };
	struct pgvalue values[3];
	enum err_code code;

	pgarray_begin(&clusters, PGTYPE_TEXT);
	for (size_t i = 0; i < manifest->cluster_count; i++)
		if (manifest_feed_goes_to(feed, &manifest->clusters[i]))
			pgarray_add_bytes(&clusters, manifest->clusters[i].name,
			                  strlen(manifest->clusters[i].name));
	values[0] = pgvalue_text(feed->tenant);
	values[1] = pgvalue_text(feed->name);
	values[2] = pgarray_end(&clusters);
	code = pgconn_query(writing->conn, &clear_outputs, values, NULL, err);
	if (code == ERR_OK)
		code = pgconn_query(writing->conn, &write_outputs, values, NULL,
		                    err);
	pgarray_fini(&clusters);
	return code;
}

static enum err_code
put_feed(struct writing *writing, const struct revision_item *item,
         struct err *err)
{
	const struct manifest_feed *feed;
	struct pgnumber rooms[5];
	struct pgvalue values[12];

	values[0] = pgvalue_text(item->name);
	values[1] = pgvalue_int8(writing->change, &rooms[0]);
	if (item->op == REVISION_REMOVE)
		return pgconn_query(writing->conn, &remove_feed, values, NULL,
		                    err);
	feed = &writing->manifest->feeds[item->index];
	values[0] = pgvalue_text(feed->tenant);
	values[1] = pgvalue_text(feed->name);
	values[2] = pgvalue_text(feed->contract_name);
	values[3] = pgvalue_int4(item->version, &rooms[1]);
	values[4] = pgvalue_text(feed->input_cluster);
	values[5] = pgvalue_text(feed->input_topic);
	values[6] = pgvalue_text(feed->output_topic);
	values[7] = pgvalue_text(feed->dead_letter_topic);
	values[8] = pgvalue_int4((int32_t)feed->partitions, &rooms[2]);
	values[9] =
		pgvalue_int4((int32_t)feed->dead_letter_partitions, &rooms[3]);
	values[10] = pgvalue_int4((int32_t)feed->message_bytes_max, &rooms[4]);
	values[11] = pgvalue_int8(writing->change, &rooms[0]);
	if (pgconn_query(writing->conn, &write_feed, values, NULL, err) !=
	    ERR_OK)
		return err->code;
	return put_outputs(writing, feed, err);
}

/* -- the transaction ------------------------------------------------------- */

static enum err_code
put_change(struct writing *writing, const struct revision *diff,
           struct err *err)
{
	struct pgrows *rows = NULL;
	struct pgvalue value;
	struct text what;
	enum err_code code;

	text_init(&what, JSON_BYTES_MAX);
	revision_print_json(diff, &what);
	CHECK(!text_is_cut(&what));
	value = pgvalue_text(text_string(&what));
	code = pgconn_query(writing->conn, &insert_change, &value, &rows, err);
	if (code == ERR_OK)
		writing->change = pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	text_fini(&what);
	return code;
}

/* Removals first, since what is added may take what they leave. */
static enum err_code
put_items(struct writing *writing, const struct revision *diff, bool removals,
          struct err *err)
{
	static enum err_code (*const put[REVISION_KIND_COUNT])(
		struct writing * writing, const struct revision_item *item,
		struct err *err) = {
		[REVISION_DEPLOYMENT] = put_deployment,
		[REVISION_CLUSTER] = put_cluster,
		[REVISION_TENANT] = put_tenant,
		[REVISION_CONTRACT] = put_contract,
		[REVISION_FEED] = put_feed,
	};

	for (size_t i = 0; i < diff->count; i++) {
		const struct revision_item *item = &diff->items[i];

		if (removals ? item->op != REVISION_REMOVE
		             : item->op != REVISION_ADD &&
		                    item->op != REVISION_CHANGE)
			continue;
		if (put[item->kind](writing, item, err) != ERR_OK)
			return err_context(err, "%s", item->name);
	}
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
revision_write(struct pgconn *conn, const struct manifest *manifest,
               const struct revision *diff, int64_t *out_version,
               struct err *err)
{
	struct writing writing = { .conn = conn, .manifest = manifest };
	struct err ignored;
	enum err_code code;

	code = pgconn_exec(conn, "begin", err);
	if (code == ERR_OK)
		code = put_change(&writing, diff, err);
	if (code == ERR_OK)
		code = put_items(&writing, diff, true, err);
	if (code == ERR_OK)
		code = put_items(&writing, diff, false, err);
	if (code == ERR_OK)
		code = pgconn_exec(conn, "commit", err);
	if (code == ERR_OK) {
		*out_version = writing.change;
		return ERR_OK;
	}
	if (!pgconn_is_lost(conn) && pgconn_in_transaction(conn) &&
	    pgconn_exec(conn, "rollback", &ignored) != ERR_OK)
		log_debug(&scope, "rollback failed (%s)", ignored.text);
	return code;
}
