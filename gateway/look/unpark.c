/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Only asks for the release: the forwarder that owns the route sends what
 * waited, in order, and takes the row away.
 */
#include "gateway/look/unpark.h"

#include "base/io/pgconn.h"
#include "gateway/look/flag.h"
#include "gateway/look/look_commands.h"

struct unpark {
	const char *cluster;
	const char *tenant;
	const char *feed;
	bool json;
	bool help;
	char room[LOOK_TENANT_MAX];
};

#define AT(member) offsetof(struct unpark, member)

static const struct flag flags[] = {
	{ "cluster", 'c', FLAG_TEXT, AT(cluster), "CLUSTER",
	  "On which cluster; on all of them, unless said." },
	{ "tenant", 't', FLAG_TEXT, AT(tenant), "TENANT", "Whose feed." },
	{ "feed", 'f', FLAG_TEXT, AT(feed), "FEED",
	  "Which feed; or TENANT/FEED." },
	{ "json", 0, FLAG_SWITCH, AT(json), NULL, "For programs." },
	{ "help", 'h', FLAG_SWITCH, AT(help), NULL, "This text." },
};

static const struct flag_table table = {
	.flags = flags,
	.count = sizeof(flags) / sizeof(flags[0]),
};

static const struct table_column columns[] = {
	{ "cluster", "CLUSTER", TABLE_TEXT },
	{ "tenant", "TENANT", TABLE_TEXT },
	{ "feed", "FEED", TABLE_TEXT },
	{ "lane", "LANE", TABLE_NUMBER },
	{ "delivered_seq", "DELIVERED", TABLE_COUNT },
	{ "since", "PARKED SINCE", TABLE_TIME },
	{ "reason", "REASON", TABLE_TEXT },
};

static const struct pgstatement release = {
	.name = "unpark_release",
	.sql = "update waybill.parked set release_wanted = true"
	       " where ($1 is null or cluster = $1) and tenant = $2 and feed = $3"
	       " returning cluster, tenant, feed, lane, first_seq, since,"
	       " reason",
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT },
};

static enum err_code
answer(struct look *look, const struct unpark *unpark, struct err *err)
{
	struct pgvalue values[3] = { pgvalue_text(unpark->cluster),
		                     pgvalue_text(unpark->tenant),
		                     pgvalue_text(unpark->feed) };
	struct table rows;
	enum err_code code;

	if (!look_may_change(look, "parked"))
		return err_set(err, ERR_PRIVILEGE,
		               "role \"%s\" may not unpark: GRANT "
		               "waybill_forward TO \"%s\"",
		               look->user, look->user);
	if (look_check_feed(look, unpark->tenant, unpark->feed, err) != ERR_OK)
		return err->code;
	table_init(&rows, columns, sizeof(columns) / sizeof(columns[0]));
	code = look_query_table(look, &release, values, &rows, err);
	if (code == ERR_OK && rows.row_count == 0)
		code = err_set(
			err, ERR_NOT_FOUND, "feed %s/%s is not parked on %s%s",
			unpark->tenant, unpark->feed,
			unpark->cluster != NULL ? "cluster " : "any cluster",
			unpark->cluster != NULL ? unpark->cluster : "");
	if (code == ERR_OK && look->options->json) {
		text_add(&look->text, "{\"released\":");
		table_print_json(&rows, &look->text);
		text_add(&look->text, "}\n");
	} else if (code == ERR_OK) {
		table_print(&rows, &look->style, &look->text);
		text_add(&look->text,
		         "What waited is sent again, in order; waybill status "
		         "shows whether the cluster takes it.\n");
	}
	table_fini(&rows);
	return code;
}

static int
run(const struct look_options *given, int argc, char **argv)
{
	struct look_options options = *given;
	struct unpark unpark = { .json = given->json };
	enum err_code code;
	struct look look;
	struct err err;

	if (flag_parse(&table, argc, argv, &unpark, NULL, &err) != ERR_OK)
		return look_fail(&options, "unpark", &err);
	if (unpark.help)
		return look_help(&options, &unpark_command);
	options.json = unpark.json;
	look_split_feed(&unpark.tenant, &unpark.feed, unpark.room);
	if (unpark.tenant == NULL || unpark.feed == NULL) {
		err_set(&err, ERR_USAGE, "unpark needs --tenant and --feed");
		return look_fail(&options, "unpark", &err);
	}
	code = look_open(&options, true, &look, &err);
	if (code == ERR_OK) {
		code = answer(&look, &unpark, &err);
		look_close(&look);
	}
	return code == ERR_OK ? CLI_OK : look_fail(&options, "unpark", &err);
}

/* -- public ---------------------------------------------------------------- */

const struct look_command unpark_command = {
	.command = {
		.name = "unpark",
		.synopsis = "unpark --tenant TENANT --feed FEED [--cluster CLUSTER]",
		.help = "Asks for a parked feed to be sent to a cluster again, from "
		        "the first message that waits, in order: after the cause has "
		        "been mended. If the cluster still does not take it, the feed "
		        "is parked again. Needs membership of waybill_forward.",
		.run = look_commands_run,
	},
	.flags = &table,
	.look = run,
};
