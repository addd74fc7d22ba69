/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Each way to look for messages is a row of a table: which option asks for
 * it, and how. What is found is told whole where it is one message, else as
 * a list.
 */
#include "gateway/look/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/message.h"
#include "base/runtime/memory.h"
#include "gateway/look/detail.h"
#include "gateway/look/detail_json.h"
#include "gateway/look/detail_tell.h"
#include "gateway/look/flag.h"
#include "gateway/look/listing.h"
#include "gateway/look/look.h"
#include "gateway/look/look_commands.h"

#define LIMIT_STANDARD 50
#define LIMIT_MAX      100000
#define KEY_BYTES_MAX  65536
#define VALUES_MAX     6

struct history {
	const char *id;
	const char *key;
	const char *tenant;
	const char *feed;
	const char *since;
	const char *until;
	const char *source;
	const char *cluster;
	const char *delivery[2];
	const char *between[2];
	int64_t limit;
	bool full;
	bool raw;
	bool json;
	bool help;
	char room[LOOK_TENANT_MAX];
};

#define AT(member) offsetof(struct history, member)

static const struct flag flags[] = {
	{ "key", 0, FLAG_TEXT, AT(key), "KEY",
	  "Messages of a feed with this key, newest first. \\xNN in it stands "
	  "for a byte: \\x1f joins the fields of a key of several." },
	{ "tenant", 't', FLAG_TEXT, AT(tenant), "TENANT",
	  "Whose; with --key and --between." },
	{ "feed", 'f', FLAG_TEXT, AT(feed), "FEED",
	  "Which feed, or TENANT/FEED; with --key, and if wanted with "
	  "--between." },
	{ "since", 0, FLAG_TEXT, AT(since), "TIME",
	  "With --key: recorded since then; a day ago, unless said." },
	{ "until", 0, FLAG_TEXT, AT(until), "TIME",
	  "With --key: recorded before then." },
	{ "source", 0, FLAG_TEXT, AT(source), "TOPIC/PARTITION/OFFSET",
	  "The message that came from there." },
	{ "cluster", 0, FLAG_TEXT, AT(cluster), "CLUSTER",
	  "With --source: on which cluster; any, unless said." },
	{ "delivery", 0, FLAG_PAIR, AT(delivery),
	  "CLUSTER TOPIC/PARTITION/OFFSET",
	  "The message that is there, on an output or dead-letter topic." },
	{ "between", 0, FLAG_PAIR, AT(between), "FROM TO",
	  "Messages of a tenant that were recorded in a period, oldest first. "
	  "A time is as Postgres takes it, UTC unless it says otherwise: "
	  "'2026-03-29 12:00', now, or -2h for two hours ago." },
	{ "limit", 'n', FLAG_INTEGER, AT(limit), "N",
	  "At most so many messages; 50, unless said." },
	{ "full", 0, FLAG_SWITCH, AT(full), NULL,
	  "Tell each message whole, also where there are several." },
	{ "raw", 0, FLAG_SWITCH, AT(raw), NULL,
	  "Bodies as bytes, and nothing redacted." },
	{ "json", 0, FLAG_SWITCH, AT(json), NULL, "For programs." },
	{ "help", 'h', FLAG_SWITCH, AT(help), NULL, "This text." },
};

static const struct flag_table table = {
	.flags = flags,
	.count = sizeof(flags) / sizeof(flags[0]),
	.operands_max = 1,
};

/* -- a time as it is given ------------------------------------------------ */

/* Text to timestamptz: "-2h" is two hours ago. */
#define TIME_SQL(parameter)                                                    \
	"case when " parameter " like '-%' and " parameter " <> '-infinity'"   \
	" then now() - substr(" parameter ", 2)::interval"                     \
	" else " parameter "::timestamptz end"

/* -- ways ------------------------------------------------------------------ */

/* Parameters of a statement and what they point to. */
struct question {
	struct pgvalue values[VALUES_MAX];
	struct pgnumber rooms[VALUES_MAX];
	uint8_t *key;
	char *topic;
};

struct place {
	char *topic; /* owned */
	int32_t partition;
	int64_t offset;
};

/* TOPIC/PARTITION/OFFSET; topics have no slash. */
static enum err_code
parse_place(const char *text, struct place *out, struct err *err)
{
	const char *slash = strchr(text, '/');
	char *end = NULL;
	long long partition, offset;

	errno = 0;
	if (slash == NULL || slash == text || slash[1] < '0' || slash[1] > '9')
		goto wrong;
	partition = strtoll(slash + 1, &end, 10);
	if (*end != '/' || end[1] < '0' || end[1] > '9')
		goto wrong;
	offset = strtoll(end + 1, &end, 10);
	if (*end != '\0' || errno != 0 || partition > INT32_MAX)
		goto wrong;
	out->topic = memory_strndup(text, (size_t)(slash - text));
	out->partition = (int32_t)partition;
	out->offset = offset;
	return ERR_OK;
wrong:
	return err_set(err, ERR_USAGE,
	               "'%s' is not TOPIC/PARTITION/OFFSET, such as "
	               "us.sales.in/3/1200",
	               text);
}

static enum err_code
ask_id(const struct history *h, struct question *q, struct err *err)
{
	int lane, incarnation;
	int64_t seq;

	if (!message_id_parse(h->id, &lane, &incarnation, &seq))
		return err_set(err, ERR_USAGE,
		               "'%s' is no message's id, such as 0-1-4711",
		               h->id);
	q->values[0] = pgvalue_int4(lane, &q->rooms[0]);
	q->values[1] = pgvalue_int4(incarnation, &q->rooms[1]);
	q->values[2] = pgvalue_int8(seq, &q->rooms[2]);
	return ERR_OK;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9'    ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1;
}

/* With each \xNN made the byte that it stands for. */
static struct pgvalue
parse_key(const char *text, uint8_t *room)
{
	size_t len = 0;

	for (; *text != '\0'; text++) {
		if (text[0] == '\\' && text[1] == 'x' &&
		    hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0) {
			room[len++] = (uint8_t)(hex_digit(text[2]) << 4 |
			                        hex_digit(text[3]));
			text += 3;
		} else {
			room[len++] = (uint8_t)*text;
		}
	}
	return pgvalue_bytes(room, len);
}

static enum err_code
ask_key(const struct history *h, struct question *q, struct err *err)
{
	if (h->tenant == NULL || h->feed == NULL)
		return err_set(err, ERR_USAGE,
		               "--key needs --tenant and --feed");
	if (strlen(h->key) > KEY_BYTES_MAX)
		return err_set(err, ERR_TOO_LARGE, "the key is too long");
	q->key = memory_alloc(strlen(h->key) + 1);
	q->values[0] = pgvalue_text(h->tenant);
	q->values[1] = pgvalue_text(h->feed);
	q->values[2] = parse_key(h->key, q->key);
	q->values[3] = pgvalue_text(h->since != NULL ? h->since : "-1 day");
	q->values[4] = pgvalue_text(h->until != NULL ? h->until : "infinity");
	q->values[5] = pgvalue_int4((int32_t)h->limit + 1, &q->rooms[5]);
	return ERR_OK;
}

static enum err_code
ask_place(const char *text, const char *cluster, struct question *q,
          struct err *err)
{
	struct place place = { NULL, 0, 0 };

	if (parse_place(text, &place, err) != ERR_OK)
		return err->code;
	q->topic = place.topic;
	q->values[0] = pgvalue_text(cluster);
	q->values[1] = pgvalue_text(place.topic);
	q->values[2] = pgvalue_int4(place.partition, &q->rooms[2]);
	q->values[3] = pgvalue_int8(place.offset, &q->rooms[3]);
	return ERR_OK;
}

static enum err_code
ask_source(const struct history *h, struct question *q, struct err *err)
{
	return ask_place(h->source, h->cluster, q, err);
}

static enum err_code
ask_delivery(const struct history *h, struct question *q, struct err *err)
{
	return ask_place(h->delivery[1], h->delivery[0], q, err);
}

static enum err_code
ask_between(const struct history *h, struct question *q, struct err *err)
{
	if (h->tenant == NULL)
		return err_set(err, ERR_USAGE, "--between needs --tenant");
	q->values[0] = pgvalue_text(h->tenant);
	q->values[1] = pgvalue_text(h->feed);
	q->values[2] = pgvalue_text(h->between[0]);
	q->values[3] = pgvalue_text(h->between[1]);
	q->values[4] = pgvalue_int4((int32_t)h->limit + 1, &q->rooms[4]);
	return ERR_OK;
}

static const struct way {
	const char *flag; /* NULL: an id */
	size_t offset;    /* of the member that asks for it */
	enum err_code (*ask)(const struct history *h, struct question *q,
	                     struct err *err);
	struct pgstatement statement;
} ways[] = {
	{ "ID",
	  AT(id),
	  ask_id,
	  { .name = "history_id",
	    .sql = "select " LISTING_SQL
	           " from waybill.message_by_id($1, $2, $3) m",
	    .param_count = 3,
	    .types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8 } } },
	{ "--key",
	  AT(key),
	  ask_key,
	  { .name = "history_key",
	    .sql = "select " LISTING_SQL
	           " from waybill.message_by_key($1, $2, $3, " TIME_SQL(
			   "$4") ", " TIME_SQL("$5") ", $6) m",
	    .param_count = 6,
	    .types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_BYTEA, PGTYPE_TEXT,
	               PGTYPE_TEXT, PGTYPE_INT4 } } },
	{ "--source",
	  AT(source),
	  ask_source,
	  { .name = "history_source",
	    .sql = "select " LISTING_SQL " from (select distinct s.cluster"
	           " from waybill.source s where s.topic = $2"
	           " and s.partition = $3"
	           " and ($1 is null or s.cluster = $1)) c"
	           " cross join lateral waybill.message_by_source(c.cluster,"
	           " $2, $3, $4) m",
	    .param_count = 4,
	    .types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_INT8 } } },
	{ "--delivery",
	  AT(delivery),
	  ask_delivery,
	  { .name = "history_delivery",
	    .sql = "select " LISTING_SQL
	           " from waybill.message_by_delivery($1, $2, $3, $4) m",
	    .param_count = 4,
	    .types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_INT8 } } },
	/* A block holds at least one message: so many blocks are enough. */
	{ "--between",
	  AT(between),
	  ask_between,
	  { .name = "history_between",
	    .sql = "with chosen as materialized (select b.* from (select"
	           " f.feed from waybill.feed f where f.tenant = $1"
	           " and ($2 is null or f.feed = $2)) f cross join lateral"
	           " (select b.day, b.lane, b.incarnation, b.first_seq,"
	           " b.count, b.recorded_at from waybill.block b"
	           " where b.tenant = $1 and b.feed = f.feed"
	           " and b.recorded_at >= " TIME_SQL("$3") " and b.recorded_at < " TIME_SQL(
			   "$4") " order by b.recorded_at limit $5) b"
	                         " order by b.recorded_at, b.lane, b.first_seq limit $5),"
	                         " counted as (select c.*, sum(c.count) over (order by"
	                         " c.recorded_at, c.lane, c.first_seq rows unbounded"
	                         " preceding) - c.count as before from chosen c)"
	                         " select " LISTING_SQL
	                         " from (select * from counted"
	                         " where before < $5) c cross join lateral"
	                         " waybill.message_at(c.day, c.lane, c.incarnation,"
	                         " c.first_seq, array(select generate_series(1,"
	                         " least(c.count, $5 - c.before)::int4))) m"
	                         " order by c.recorded_at, c.lane, c.first_seq, m.seq",
	    .param_count = 5,
	    .types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT,
	               PGTYPE_INT4 } } },
};

#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

/* The one way that is asked for. */
static enum err_code
choose_way(const struct history *h, const struct way **out, struct err *err)
{
	*out = NULL;
	for (size_t i = 0; i < WAY_COUNT; i++) {
		const char *given;

		memcpy(&given, (const char *)h + ways[i].offset, sizeof(given));
		if (given == NULL)
			continue;
		if (*out != NULL)
			return err_set(err, ERR_USAGE,
			               "%s and %s are two ways to look: "
			               "take one",
			               (*out)->flag, ways[i].flag);
		*out = &ways[i];
	}
	if (*out == NULL)
		return err_set(err, ERR_USAGE,
		               "say which message: its id, or --key, "
		               "--source, --delivery or --between");
	return ERR_OK;
}

/* -- what is found --------------------------------------------------------- */

static enum err_code
tell_all(struct look *look, const struct history *h,
         const struct listing *listing, struct err *err)
{
	for (size_t i = 0; i < listing->place_count; i++) {
		const struct listing_place *place = &listing->places[i];
		struct detail *detail = memory_alloc(sizeof(*detail));
		enum err_code code =
			detail_load(look, place->lane, place->incarnation,
		                    place->seq, h->raw, detail, err);

		if (code == ERR_OK) {
			if (h->json)
				text_add(&look->text, i > 0 ? "," : "");
			else
				text_add(&look->text, i > 0 ? "\n" : "");
			if (h->json)
				detail_json(detail, &look->text);
			else
				detail_tell(detail, &look->style, &look->text);
			detail_free(detail);
		}
		memory_free(&detail);
		if (code != ERR_OK)
			return code;
	}
	return ERR_OK;
}

static enum err_code
not_found(const struct look *look, const struct history *h,
          const struct way *way, struct err *err)
{
	if (way->ask == ask_key && h->since == NULL)
		return err_set(err, ERR_NOT_FOUND,
		               "no message with this key was recorded within "
		               "the last day that role \"%s\" may see; "
		               "--since -7d looks further back",
		               look->user);
	return err_set(err, ERR_NOT_FOUND,
	               "there is no such message that role \"%s\" may see",
	               look->user);
}

/* Only times are given as text that Postgres has to read. */
static enum err_code
wrong_time(const struct look *look, struct err *err)
{
	static const char *const states[] = {
		"22007", /* invalid_datetime_format */
		"22008", /* datetime_field_overflow */
		"22015", /* interval_field_overflow */
		"22023", /* no such time zone */
	};
	struct err said = *err;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(pgconn_sqlstate(look->conn), states[i]) == 0)
			return err_set(err, ERR_USAGE,
			               "a time is such as '2026-03-29 12:00', "
			               "now, or -2h for two hours ago (%s)",
			               said.text);
	}
	return err->code;
}

static enum err_code
answer(struct look *look, const struct history *h, const struct way *way,
       const struct question *q, struct err *err)
{
	struct listing listing;
	bool left = false;
	enum err_code code;

	listing_init(&listing, h->raw);
	code = listing_add(&listing, look, &way->statement, q->values,
	                   (size_t)h->limit, &left, err);
	if (code != ERR_OK) {
		code = wrong_time(look, err);
		goto out;
	}
	if (listing.table.row_count == 0) {
		code = not_found(look, h, way, err);
		goto out;
	}
	if (h->json)
		text_add(&look->text, "{\"messages\":");
	if (h->full || listing.table.row_count == 1) {
		text_add(&look->text, h->json ? "[" : "");
		code = tell_all(look, h, &listing, err);
		text_add(&look->text, h->json ? "]" : "");
	} else if (h->json) {
		table_print_json(&listing.table, &look->text);
	} else {
		table_print(&listing.table, &look->style, &look->text);
	}
	if (h->json)
		text_addf(&look->text, ",\"more\":%s}\n",
		          left ? "true" : "false");
	else if (left)
		text_addf(&look->text,
		          "There are more than these %" PRId64
		          ": see --limit.\n",
		          h->limit);
out:
	listing_fini(&listing);
	return code;
}

static enum err_code
read_options(const struct look_options *options, int argc, char **argv,
             struct history *out, struct err *err)
{
	*out = (struct history){ .limit = LIMIT_STANDARD,
		                 .json = options->json };
	if (flag_parse(&table, argc, argv, out, &out->id, err) != ERR_OK)
		return err->code;
	look_split_feed(&out->tenant, &out->feed, out->room);
	if (out->limit < 1 || out->limit > LIMIT_MAX)
		return err_set(err, ERR_USAGE, "--limit is 1 to %d", LIMIT_MAX);
	return ERR_OK;
}

static int
run(const struct look_options *options, int argc, char **argv)
{
	struct question question = { .key = NULL };
	const struct way *way;
	struct history history;
	struct look look;
	struct err err;
	enum err_code code;

	if (read_options(options, argc, argv, &history, &err) != ERR_OK)
		return look_fail(options, "history", &err);
	if (history.help)
		return look_help(options, &history_command);
	if (choose_way(&history, &way, &err) != ERR_OK)
		return look_fail(options, "history", &err);
	code = way->ask(&history, &question, &err);
	if (code == ERR_OK)
		code = look_open(options, false, &look, &err);
	if (code == ERR_OK) {
		code = look_check_feed(&look, history.tenant, history.feed,
		                       &err);
		if (code == ERR_OK)
			code = answer(&look, &history, way, &question, &err);
		if (code != ERR_OK)
			text_reset(&look.text);
		look_close(&look);
	}
	memory_free(&question.key);
	memory_free(&question.topic);
	if (code != ERR_OK)
		return look_fail(options, "history", &err);
	return CLI_OK;
}

/* -- public ---------------------------------------------------------------- */

const struct look_command history_command = {
	.command = {
		.name = "history",
		.synopsis = "history ID | --key KEY --tenant TENANT --feed FEED | "
			    "--source TOPIC/PARTITION/OFFSET [--cluster CLUSTER] | "
			    "--delivery CLUSTER TOPIC/PARTITION/OFFSET | "
			    "--between FROM TO --tenant TENANT [--feed FEED]",
		.help = "Tells what happened to a message: where it came from, how it "
			"was judged and why, when and where it was recorded, where it "
			"was forwarded to or why not yet, and what it holds. Several "
			"messages are listed. Values of fields that their contract "
			"calls sensitive are redacted.",
		.run = look_commands_run,
	},
	.flags = &table,
	.look = run,
};
