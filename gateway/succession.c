/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Every feed that is gone, or goes now, is held against every feed that is
 * written. What is recorded of a feed that is gone leaves for the topics it
 * had; a feed that reads a topic for the first time reads it from its
 * beginning. So a topic may pass to another feed, but not while messages are
 * on their way to it, and not together with the topic that filled it.
 */
#include "gateway/succession.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/runtime/text.h"
#include "base/runtime/yaml.h"
#include "gateway/manifest.h"
#include "gateway/revision.h"

static const struct pgstatement gone_statement = {
	.sql = "select tenant || '/' || feed, coalesce(input_cluster, ''), "
	       "coalesce(input_topic, ''), output_topic, dead_letter_topic, "
	       "partitions, dead_letter_partitions, removed_at is null "
	       "from waybill.feed where removed_at is not null "
	       "or tenant || '/' || feed = any ($1) order by 1",
	.param_count = 1,
	.types = { PGTYPE_TEXT_ARRAY },
};
static const struct pgstatement used_statement = {
	.sql = "select exists (select from waybill.block "
	       "where tenant = $1 and feed = $2)",
	.param_count = 2,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT },
};
/* Reads of each lane only what is behind its route's mark. */
static const struct pgstatement backlog_statement = {
	.sql = "select coalesce(string_agg(distinct o.cluster, ', '), '') "
	       "from waybill.feed_output o "
	       "cross join waybill.lane l left join waybill.route r "
	       "on r.lane = l.lane and r.cluster = o.cluster "
	       "where o.tenant = $1 and o.feed = $2 and (exists (select from "
	       "waybill.parked p where p.lane = l.lane "
	       "and p.cluster = o.cluster and p.tenant = $1 and p.feed = $2) "
	       "or exists (select from (select y.day, y.incarnation, "
	       "lead(y.first_seq) over (partition by y.incarnation "
	       "order by y.first_seq) as next_seq, "
	       "coalesce(r.incarnation, 0) as at_incarnation, "
	       "coalesce(r.seq, 0) as at_seq "
	       "from waybill.lane_day y where y.lane = l.lane) d "
	       "cross join lateral (select from waybill.block b "
	       "where b.day = d.day and b.lane = l.lane "
	       "and b.incarnation = d.incarnation and b.first_seq > "
	       "case when d.incarnation = d.at_incarnation then d.at_seq "
	       "else 0 end and b.tenant = $1 and b.feed = $2 limit 1) b "
	       "where d.incarnation > d.at_incarnation "
	       "or (d.incarnation = d.at_incarnation and "
	       "(d.next_seq is null or d.next_seq > d.at_seq + 1))))",
	.param_count = 2,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT },
};

/* A feed that is gone, or goes with this revision. */
struct gone {
	const char *name; /* tenant/feed */
	char tenant[MANIFEST_NAME_MAX + 1];
	const char *feed;
	const char *input_cluster, *input_topic; /* "": none */
	const char *topics[2];                   /* output, dead-letter */
	int partitions, dead_letter_partitions;
	bool goes_now;
	bool is_used; /* something of it is recorded */
	char lacking[CLUSTERS_MAX * (MANIFEST_NAME_MAX + 2)]; /* clusters */
};

struct checking {
	struct pgconn *conn;
	const struct manifest *manifest;
	const struct revision *diff;
	struct text *warnings;
	struct text faults;
};

static void
fault(struct checking *checking, const struct manifest_feed *feed,
      const char *what)
{
	text_addf(&checking->faults, "%s%s:%d: feed %s/%s: %s",
	          checking->faults.len ? "\n" : "", yaml_file(feed->node),
	          yaml_line(feed->node), feed->tenant, feed->name, what);
}

/* -- the feeds that are gone ----------------------------------------------- */

static enum err_code
ask_backlog(struct checking *checking, struct gone *gone, struct err *err)
{
	const struct pgvalue values[] = {
		pgvalue_text(gone->tenant),
		pgvalue_text(gone->feed),
	};
	struct pgrows *rows = NULL;

	if (pgconn_query(checking->conn, &used_statement, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	gone->is_used = pgrows_bool(rows, 0, 0);
	pgrows_free(&rows);
	if (!gone->is_used)
		return ERR_OK;
	if (pgconn_query(checking->conn, &backlog_statement, values, &rows,
	                 err) != ERR_OK)
		return err->code;
	snprintf(gone->lacking, sizeof(gone->lacking), "%s",
	         pgrows_text(rows, 0, 0));
	pgrows_free(&rows);
	return ERR_OK;
}

static struct gone
take_gone(const struct pgrows *rows, int row)
{
	struct gone gone = {
		.name = pgrows_text(rows, row, 0),
		.input_cluster = pgrows_text(rows, row, 1),
		.input_topic = pgrows_text(rows, row, 2),
		.topics = { pgrows_text(rows, row, 3),
		            pgrows_text(rows, row, 4) },
		.partitions = (int)pgrows_int(rows, row, 5),
		.dead_letter_partitions = (int)pgrows_int(rows, row, 6),
		.goes_now = pgrows_bool(rows, row, 7),
	};

	gone.feed = strchr(gone.name, '/') + 1;
	snprintf(gone.tenant, sizeof(gone.tenant), "%.*s",
	         (int)(gone.feed - gone.name - 1), gone.name);
	return gone;
}

/* -- one feed against another ---------------------------------------------- */

static void
check_count(struct checking *checking, const struct manifest_feed *feed,
            const char *key, int before, int64_t now)
{
	char what[512];

	if (before == now)
		return;
	snprintf(what, sizeof(what),
	         "%s was %d when the feed was removed and cannot become %lld: "
	         "what is recorded of it has its lanes and partitions by that "
	         "number; say %d, or give the feed another name",
	         key, before, (long long)now, before);
	fault(checking, feed, what);
}

/* The first topic that both send to; NULL: none. */
static const char *
shared_output(const struct gone *gone, const struct manifest_feed *feed)
{
	for (size_t i = 0; i < 2; i++)
		if (strcmp(gone->topics[i], feed->output_topic) == 0 ||
		    strcmp(gone->topics[i], feed->dead_letter_topic) == 0)
			return gone->topics[i];
	return NULL;
}

static bool
shares_input(const struct gone *gone, const struct manifest_feed *feed)
{
	return feed->input_topic[0] != '\0' &&
		strcmp(gone->input_cluster, feed->input_cluster) == 0 &&
		strcmp(gone->input_topic, feed->input_topic) == 0;
}

static void
check_topics(struct checking *checking, const struct gone *gone,
             const struct manifest_feed *feed)
{
	const char *topic = shared_output(gone, feed);
	char what[1024];

	if (!gone->is_used)
		return;
	if (topic != NULL && shares_input(gone, feed)) {
		snprintf(what, sizeof(what),
		         "input: it would read %s from its beginning, and send "
		         "to %s again what feed %s has sent there; a feed "
		         "cannot be renamed: keep its name, or give the new "
		         "one another input or other topics to send to",
		         feed->input_topic, topic, gone->name);
		fault(checking, feed, what);
	} else if (topic != NULL && gone->lacking[0] != '\0') {
		snprintf(what, sizeof(what),
		         "%s: feed %s, which %s, still has recorded messages "
		         "that are not on cluster %s yet: %swhen waybill "
		         "status shows that it has caught up and the feed is "
		         "not parked, apply this again",
		         topic, gone->name,
		         gone->goes_now ? "is to go" : "was removed",
		         gone->lacking,
		         gone->goes_now ? "let it go first, with --prune and "
		                          "without this feed; "
		                        : "");
		fault(checking, feed, what);
	} else if (shares_input(gone, feed)) {
		text_addf(checking->warnings,
		          "feed %s/%s reads %s from its beginning: what was "
		          "recorded of it for feed %s is recorded again\n",
		          feed->tenant, feed->name, feed->input_topic,
		          gone->name);
	}
}

static bool
is_written(const struct revision_item *item)
{
	return item->kind == REVISION_FEED &&
		(item->op == REVISION_ADD || item->op == REVISION_CHANGE);
}

static void
check_heirs(struct checking *checking, const struct gone *gone)
{
	for (size_t i = 0; i < checking->diff->count; i++) {
		const struct revision_item *item = &checking->diff->items[i];
		const struct manifest_feed *feed;

		if (!is_written(item))
			continue;
		feed = &checking->manifest->feeds[item->index];
		if (strcmp(item->name, gone->name) != 0) {
			check_topics(checking, gone, feed);
			continue;
		}
		check_count(checking, feed, "partitions", gone->partitions,
		            feed->partitions);
		check_count(checking, feed, "dead-letter.partitions",
		            gone->dead_letter_partitions,
		            feed->dead_letter_partitions);
	}
}

/* Whether anybody asks what became of it. */
static bool
is_concerned(const struct checking *checking, const struct gone *gone)
{
	for (size_t i = 0; i < checking->diff->count; i++) {
		const struct revision_item *item = &checking->diff->items[i];
		const struct manifest_feed *feed;

		if (!is_written(item))
			continue;
		feed = &checking->manifest->feeds[item->index];
		if (shared_output(gone, feed) != NULL ||
		    shares_input(gone, feed))
			return true;
	}
	return gone->goes_now;
}

static enum err_code
check_gone(struct checking *checking, struct gone *gone, struct err *err)
{
	if (is_concerned(checking, gone) &&
	    ask_backlog(checking, gone, err) != ERR_OK)
		return err->code;
	if (gone->goes_now && gone->lacking[0] != '\0')
		text_addf(checking->warnings,
		          "feed %s: what is recorded of it and is not yet on "
		          "cluster %s still goes there\n",
		          gone->name, gone->lacking);
	check_heirs(checking, gone);
	return ERR_OK;
}

/* The names of the feeds that a revision removes. */
static void
list_removed(const struct revision *diff, struct pgarray *out)
{
	pgarray_begin(out, PGTYPE_TEXT);
	for (size_t i = 0; i < diff->count; i++)
		if (diff->items[i].kind == REVISION_FEED &&
		    diff->items[i].op == REVISION_REMOVE)
			pgarray_add_bytes(out, diff->items[i].name,
			                  strlen(diff->items[i].name));
}

/* -- public ---------------------------------------------------------------- */

enum err_code
succession_check(struct pgconn *conn, const struct manifest *manifest,
                 const struct revision *diff, struct text *out_warnings,
                 struct err *err)
{
	struct checking checking = {
		.conn = conn,
		.manifest = manifest,
		.diff = diff,
		.warnings = out_warnings,
	};
	struct pgarray removed = { 0 };
	struct pgrows *rows = NULL;
	struct pgvalue value;
	enum err_code code;

	text_init(&checking.faults, ERR_TEXT_MAX);
	list_removed(diff, &removed);
	value = pgarray_end(&removed);
	code = pgconn_query(conn, &gone_statement, &value, &rows, err);
	for (int row = 0; code == ERR_OK && row < pgrows_count(rows); row++) {
		struct gone gone = take_gone(rows, row);

		code = check_gone(&checking, &gone, err);
	}
	if (code == ERR_OK && checking.faults.len > 0)
		code = err_set(err, ERR_CONFLICT, "%s",
		               text_string(&checking.faults));
	pgrows_free(&rows);
	pgarray_fini(&removed);
	text_fini(&checking.faults);
	return code;
}
