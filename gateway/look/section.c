/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * All statements take the lane, or null for all of them.
 */
#include "gateway/look/section.h"

#include "base/io/pgconn.h"
#include "base/runtime/check.h"
#include "gateway/look/look.h"

#define NEEDS_MAX 4
#define ALIVE(owner)                                                           \
	"exists (select from waybill.daemon a where a.daemon = " owner         \
	" and a.deadline > clock_timestamp())"

static const struct table_column deployment_columns[] = {
	{ "deployment", "DEPLOYMENT", TABLE_TEXT },
	{ "durability", "DURABILITY", TABLE_TEXT },
	{ "lanes", "LANES", TABLE_NUMBER },
	{ "tenants", "TENANTS", TABLE_COUNT },
	{ "feeds", "FEEDS", TABLE_COUNT },
	{ "catalogue_version", "CATALOGUE", TABLE_NUMBER },
};

static const struct table_column postgres_columns[] = {
	{ "version", "POSTGRES", TABLE_TEXT },
	{ "is_standby", "STANDBY", TABLE_FLAG },
	{ "timeline", "TIMELINE", TABLE_NUMBER },
	{ "standbys", "STANDBYS", TABLE_NUMBER },
	{ "synchronous_standbys", "SYNCHRONOUS", TABLE_TEXT },
	{ "synchronous_commit", "COMMIT", TABLE_TEXT },
	{ "fsync", "FSYNC", TABLE_TEXT },
	{ "database_bytes", "BYTES", TABLE_COUNT },
};

static const struct table_column daemon_columns[] = {
	{ "daemon", "DAEMON", TABLE_TEXT },
	{ "is_alive", "ALIVE", TABLE_FLAG },
	{ "lanes", "LANES", TABLE_NUMBER },
	{ "url", "URL", TABLE_TEXT },
	{ "started_at", "STARTED", TABLE_TIME },
};

static const struct table_column lane_columns[] = {
	{ "lane", "LANE", TABLE_NUMBER },
	{ "state", "STATE", TABLE_TEXT },
	{ "owner", "OWNER", TABLE_TEXT },
	{ "owner_is_alive", "ALIVE", TABLE_FLAG },
	{ "incarnation", "INCARNATION", TABLE_NUMBER },
	{ "epoch", "EPOCH", TABLE_NUMBER },
	{ "recorded_seq", "RECORDED", TABLE_COUNT },
	{ "recorded_at", "AGO", TABLE_AGE },
	{ "reason", "REASON", TABLE_TEXT },
	{ "since", NULL, TABLE_TIME },
	{ "timeline", NULL, TABLE_NUMBER },
	{ "commit_no", NULL, TABLE_NUMBER },
};

static const struct table_column route_columns[] = {
	{ "lane", "LANE", TABLE_NUMBER },
	{ "cluster", "CLUSTER", TABLE_TEXT },
	{ "state", "STATE", TABLE_TEXT },
	{ "seq", "FORWARDED", TABLE_COUNT },
	{ "behind", "BEHIND", TABLE_COUNT },
	{ "updated_at", "AGO", TABLE_AGE },
	{ "reason", "REASON", TABLE_TEXT },
	{ "incarnation", NULL, TABLE_NUMBER },
	{ "since", NULL, TABLE_TIME },
};

static const struct table_column parked_columns[] = {
	{ "cluster", "CLUSTER", TABLE_TEXT },
	{ "tenant", "TENANT", TABLE_TEXT },
	{ "feed", "FEED", TABLE_TEXT },
	{ "lane", "LANE", TABLE_NUMBER },
	{ "delivered_seq", "DELIVERED", TABLE_COUNT },
	{ "since", "SINCE", TABLE_TIME },
	{ "release_wanted", "RELEASE WANTED", TABLE_FLAG },
	{ "reason", "REASON", TABLE_TEXT },
};

static const struct table_column source_gap_columns[] = {
	{ "cluster", "CLUSTER", TABLE_TEXT },
	{ "topic", "TOPIC", TABLE_TEXT },
	{ "partition", "PARTITION", TABLE_NUMBER },
	{ "lane", "LANE", TABLE_NUMBER },
	{ "wanted", "WANTED", TABLE_NUMBER },
	{ "low", "KAFKA HAS FROM", TABLE_NUMBER },
	{ "missing", "MISSING", TABLE_COUNT },
	{ "since", "SINCE", TABLE_TIME },
	{ "reason", "REASON", TABLE_TEXT },
};

static const struct table_column feed_columns[] = {
	{ "tenant", "TENANT", TABLE_TEXT },
	{ "feed", "FEED", TABLE_TEXT },
	{ "accepted", "ACCEPTED", TABLE_COUNT },
	{ "rejected", "REJECTED", TABLE_COUNT },
	{ "duplicate", "DUPLICATE", TABLE_COUNT },
	{ "conflict", "CONFLICT", TABLE_COUNT },
	{ "recorded_at", "LAST AGO", TABLE_AGE },
};

static const struct table_column position_columns[] = {
	{ "cluster", "CLUSTER", TABLE_TEXT },
	{ "topic", "TOPIC", TABLE_TEXT },
	{ "partition", "PARTITION", TABLE_NUMBER },
	{ "next_offset", "NEXT OFFSET", TABLE_NUMBER },
	{ "tenant", "TENANT", TABLE_TEXT },
	{ "feed", "FEED", TABLE_TEXT },
	{ "source", NULL, TABLE_NUMBER },
};

static const struct table_column commit_columns[] = {
	{ "commit_no", "COMMIT", TABLE_NUMBER },
	{ "incarnation", "INCARNATION", TABLE_NUMBER },
	{ "first_seq", "FIRST SEQ", TABLE_COUNT },
	{ "last_seq", "LAST SEQ", TABLE_COUNT },
	{ "messages", "MESSAGES", TABLE_COUNT },
	{ "recorded_at", "RECORDED", TABLE_TIME },
	{ "chain", "CHAIN", TABLE_TEXT },
};

static const struct section_def {
	const char *name;    /* the member in JSON */
	const char *heading; /* for people */
	const char *empty;   /* what people are told; NULL: nothing at all */
	bool one_row;        /* an object, not an array */
	bool slow;           /* may be given up */
	const char *needs[NEEDS_MAX];
	const struct table_column *columns;
	size_t column_count;
	struct pgstatement statement;
} sections[SECTION_COUNT] = {
#define COLUMNS(table)                                                         \
	.columns = (table), .column_count = sizeof(table) / sizeof((table)[0])
#define STATEMENT(title, text)                                                 \
	.statement = { .name = "section_" title,                               \
		       .sql = text,                                            \
		       .param_count = 1,                                       \
		       .types = { PGTYPE_INT4 } }
	[SECTION_DEPLOYMENT] = {
		.name = "deployment",
		.one_row = true,
		.empty = "No deployment has been applied yet.",
		.needs = { "deployment", "tenant", "feed" },
		COLUMNS(deployment_columns),
		STATEMENT("deployment",
	          "select d.name, d.durability, d.lanes,"
	          " (select count(*) from waybill.tenant),"
	          " (select count(*) from waybill.feed"
	          " where removed_at is null), waybill.catalogue_version()"
	          " from waybill.deployment d where $1 is null"),
	},
	[SECTION_POSTGRES] = {
		.name = "postgres",
		.one_row = true,
		.needs = { "deployment" },
		COLUMNS(postgres_columns),
		STATEMENT("postgres",
	          "select current_setting('server_version'),"
	          " pg_is_in_recovery(), case when not pg_is_in_recovery()"
	          " then ('x' || left(pg_walfile_name(pg_current_wal_lsn()),"
	          " 8))::bit(32)::int4 end,"
	          " (select count(*) from pg_catalog.pg_stat_replication),"
	          " nullif(current_setting('synchronous_standby_names'), ''),"
	          " current_setting('synchronous_commit'),"
	          " current_setting('fsync'),"
	          " pg_database_size(current_database())"
	          " where $1 is null"),
	},
	[SECTION_DAEMONS] = {
		.name = "daemons",
		.heading = "Daemons",
		.empty = "No daemon is known.",
		.needs = { "daemon", "lane" },
		COLUMNS(daemon_columns),
		STATEMENT("daemons",
	          "select d.daemon, d.deadline > clock_timestamp(),"
	          " (select count(*) from waybill.lane l"
	          " where l.owner = d.daemon), d.url, d.started_at"
	          " from waybill.daemon d where $1 is null order by 1"),
	},
	[SECTION_LANES] = {
		.name = "lanes",
		.heading = "Lanes",
		.empty = "No lane has been taken by a daemon yet.",
		.needs = { "lane", "daemon", "lane_commit" },
		COLUMNS(lane_columns),
		STATEMENT("lanes",
	          "select l.lane, l.state, l.owner, " ALIVE("l.owner") ","
	          " l.incarnation, l.epoch, l.next_seq - 1,"
	          " (select c.recorded_at from waybill.lane_commit c"
	          " where c.day = l.day and c.lane = l.lane"
	          " and c.incarnation = l.incarnation"
	          " and c.commit_no = l.commit_no), l.reason, l.since,"
	          " l.timeline, l.commit_no"
	          " from waybill.lane l where $1 is null or l.lane = $1"
	          " order by l.lane"),
	},
	[SECTION_ROUTES] = {
		.name = "routes",
		.heading = "Routes: what each cluster has of each lane",
		.needs = { "route", "lane" },
		COLUMNS(route_columns),
		STATEMENT("routes",
	          "select r.lane, r.cluster, r.state, r.seq,"
	          " case when r.incarnation = l.incarnation"
	          " then greatest(l.next_seq - 1 - r.seq, 0)"
	          " when r.seq is null and l.incarnation = 1"
	          " then l.next_seq - 1 end, r.updated_at, r.reason,"
	          " r.incarnation, r.since"
	          " from waybill.route r join waybill.lane l"
	          " on l.lane = r.lane where $1 is null or r.lane = $1"
	          " order by r.lane, r.cluster"),
	},
	[SECTION_PARKED] = {
		.name = "parked",
		.heading = "Parked feeds: they wait on a cluster, all others flow",
		.needs = { "parked" },
		COLUMNS(parked_columns),
		STATEMENT("parked",
	          "select p.cluster, p.tenant, p.feed, p.lane, p.first_seq,"
	          " p.since, p.release_wanted, p.reason"
	          " from waybill.parked p where $1 is null or p.lane = $1"
	          " order by 1, 2, 3, 4"),
	},
	[SECTION_SOURCE_GAPS] = {
		.name = "source_gaps",
		.heading = "Source gaps: partitions that wait for a person",
		.needs = { "source_gap", "source" },
		COLUMNS(source_gap_columns),
		STATEMENT("source_gaps",
	          "select s.cluster, s.topic, s.partition, g.lane, g.wanted,"
	          " nullif(g.low, -1), case when g.low > g.wanted"
	          " then g.low - g.wanted end, g.since, g.reason"
	          " from waybill.source_gap g join waybill.source s"
	          " on s.source = g.source where $1 is null or g.lane = $1"
	          " order by 1, 2, 3"),
	},
	[SECTION_FEEDS] = {
		.name = "feeds_last_hour",
		.heading = "Feeds: messages recorded in the last hour",
		.empty = "There are no feeds.",
		.slow = true,
		.needs = { "feed", "block" },
		COLUMNS(feed_columns),
		STATEMENT("feeds",
	          "select f.tenant, f.feed, coalesce(sum(v.n) filter"
	          " (where v.verdict = 0), 0)::int8, coalesce(sum(v.n) filter"
	          " (where v.verdict = 1), 0)::int8, coalesce(sum(v.n) filter"
	          " (where v.verdict = 2), 0)::int8, coalesce(sum(v.n) filter"
	          " (where v.verdict = 3), 0)::int8, max(b.recorded_at)"
	          " from waybill.feed f left join waybill.block b"
	          " on b.tenant = f.tenant and b.feed = f.feed"
	          " and b.recorded_at >= now() - interval '1 hour'"
	          " and b.day >= (now() at time zone 'utc')::date - 1"
	          " left join lateral (select b.verdicts[1] as verdict,"
	          " b.count::int8 as n where cardinality(b.verdicts) = 1"
	          " union all select u, count(*) from unnest(b.verdicts) u"
	          " where cardinality(b.verdicts) > 1 group by u) v on true"
	          " where f.removed_at is null and $1 is null"
	          " group by 1, 2 order by 1, 2"),
	},
	[SECTION_POSITIONS] = {
		.name = "positions",
		.heading = "Positions: what is read next from each source",
		.empty = "Nothing has been read yet.",
		.needs = { "lane_commit", "lane_day", "source" },
		COLUMNS(position_columns),
		STATEMENT("positions",
	          "with last_full as (select c.* from (select distinct y.day"
	          " from waybill.lane_day y where y.lane = $1) y"
	          " cross join lateral (select k.day, k.incarnation,"
	          " k.commit_no from waybill.lane_commit k"
	          " where k.day = y.day and k.lane = $1 and k.is_full"
	          " order by k.incarnation desc, k.commit_no desc limit 1) c"
	          " order by c.commit_no desc limit 1),"
	          " days as (select distinct y.day from waybill.lane_day y"
	          " where y.lane = $1 and y.day >= coalesce("
	          "(select f.day from last_full f), '-infinity'))"
	          " select s.cluster, s.topic, s.partition, p.next,"
	          " s.tenant, s.feed, s.source from (select distinct on"
	          " (u.source) u.source, u.next from days y"
	          " join waybill.lane_commit c on c.day = y.day"
	          " and c.lane = $1 and (c.incarnation, c.commit_no) >="
	          " (coalesce((select f.incarnation from last_full f), 0),"
	          " coalesce((select f.commit_no from last_full f), 0))"
	          " cross join lateral unnest(c.source, c.source_next)"
	          " u(source, next) order by u.source, c.commit_no desc) p"
	          " join waybill.source s on s.source = p.source"
	          " order by 1, 2, 3"),
	},
	[SECTION_COMMITS] = {
		.name = "commits",
		.heading = "Last commits",
		.empty = "Nothing has been recorded yet.",
		.needs = { "lane_commit", "lane" },
		COLUMNS(commit_columns),
		STATEMENT("commits",
	          "select c.commit_no, c.incarnation, c.first_seq,"
	          " c.last_seq, c.last_seq - c.first_seq + 1, c.recorded_at,"
	          " encode(c.chain, 'hex') from waybill.lane l"
	          " join waybill.lane_commit c on c.lane = l.lane"
	          " and c.incarnation = l.incarnation"
	          " and c.day = any (array[l.day, l.day - 1])"
	          " and c.commit_no > l.commit_no - 10"
	          " where l.lane = $1 order by c.commit_no desc"),
	},
#undef COLUMNS
#undef STATEMENT
};

static void
print_people(struct look *look, const struct section_def *def,
             const struct table *table)
{
	struct table_style style = look->style;

	if (table->row_count == 0 && def->empty == NULL)
		return;
	if (def->heading != NULL) {
		text_addf(&look->text, "\n%s\n", def->heading);
		style.indent = 2;
	}
	if (table->row_count > 0)
		table_print(table, &style, &look->text);
	else
		text_addf(&look->text, "%*s%s\n", style.indent, "", def->empty);
}

static void
print_json(struct look *look, const struct section_def *def,
           const struct table *table)
{
	text_addf(&look->text, "\"%s\":", def->name);
	if (!def->one_row) {
		table_print_json(table, &look->text);
	} else if (table->row_count == 0) {
		text_add(&look->text, "null");
	} else {
		text_add(&look->text, "{");
		table_print_json_row(table, 0, &look->text);
		text_add(&look->text, "}");
	}
	text_add(&look->text, ",");
}

static void
print_given_up(struct look *look, const struct section_def *def)
{
	if (look->options->json)
		text_addf(&look->text, "\"%s\":null,", def->name);
	else
		text_addf(&look->text,
		          "\n%s\n  Not counted: it took too long.\n",
		          def->heading);
}

/* -- public ---------------------------------------------------------------- */

bool
section_may_read(const struct look *look, enum section section)
{
	const char *const *needs = sections[section].needs;

	for (int i = 0; i < NEEDS_MAX && needs[i] != NULL; i++) {
		if (!look_may_read(look, needs[i]))
			return false;
	}
	return true;
}

enum err_code
section_print(struct look *look, enum section section, int lane,
              struct err *err)
{
	const struct section_def *def = &sections[section];
	struct pgnumber room;
	struct pgvalue value = lane == SECTION_ALL_LANES
		? PGVALUE_NULL
		: pgvalue_int4(lane, &room);
	struct table table;
	enum err_code code;

	if (!section_may_read(look, section))
		return ERR_OK;
	table_init(&table, def->columns, def->column_count);
	code = look_query_table(look, &def->statement, &value, &table, err);
	if (code == ERR_OK) {
		if (look->options->json)
			print_json(look, def, &table);
		else
			print_people(look, def, &table);
	} else if (code == ERR_TIMEOUT && def->slow) {
		print_given_up(look, def);
		code = ERR_OK;
	}
	table_fini(&table);
	return code;
}
