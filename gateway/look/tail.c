/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks are chosen feed by feed from the newest end of an index, and only as
 * many as can matter are opened. Following means asking again for the last
 * seconds: what was already shown is told by each lane's last seq, since a
 * lane commits in order while lanes among each other do not.
 */
#include "gateway/look/tail.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/message.h"
#include "base/runtime/clock.h"
#include "gateway/look/flag.h"
#include "gateway/look/listing.h"
#include "gateway/look/look_commands.h"

#define ROWS_STANDARD 10
#define ROWS_MAX      10000
#define POLL_MS       500
#define POLL_ROWS     1000
#define POLL_BACK_S   60 /* how late a commit may appear */
#define DAYS_NEAR     1
#define DAYS_ALL      36500
#define LANES_MAX     64
#define NO_TIME_LIMIT 0

struct tail {
	const char *tenant;
	const char *feed;
	const char *verdict;
	int64_t rows;
	int64_t seconds;
	bool follow;
	bool raw;
	bool json;
	bool help;
	int verdict_no; /* -1: all */
	struct listing_place seen[LANES_MAX];
	size_t widths[TABLE_COLUMNS_MAX];
	char room[LOOK_TENANT_MAX];
};

#define AT(member) offsetof(struct tail, member)

static const struct flag flags[] = {
	{ "tenant", 't', FLAG_TEXT, AT(tenant), "TENANT",
	  "Only messages of this tenant." },
	{ "feed", 'f', FLAG_TEXT, AT(feed), "FEED",
	  "Only of this feed; or TENANT/FEED." },
	{ "verdict", 0, FLAG_TEXT, AT(verdict), "VERDICT",
	  "Only accepted, rejected, duplicate or conflict ones." },
	{ "rows", 'n', FLAG_INTEGER, AT(rows), "N",
	  "How many messages to begin with; 10, unless said." },
	{ "follow", 0, FLAG_SWITCH, AT(follow), NULL,
	  "Go on with what is recorded from now on, until Ctrl-C. With --json "
	  "one object a line." },
	{ "seconds", 0, FLAG_INTEGER, AT(seconds), "N",
	  "With --follow: end after so long." },
	{ "raw", 0, FLAG_SWITCH, AT(raw), NULL, "Nothing redacted." },
	{ "json", 0, FLAG_SWITCH, AT(json), NULL, "For programs." },
	{ "help", 'h', FLAG_SWITCH, AT(help), NULL, "This text." },
};

static const struct flag_table table = {
	.flags = flags,
	.count = sizeof(flags) / sizeof(flags[0]),
};

/* $1 tenant, $2 feed, $3 verdict, $4 rows, $5 days back, $6 seconds back. */
static const struct pgstatement newest = {
	.name = "tail_newest",
	.sql = "with chosen as materialized (select b.* from (select f.tenant,"
	       " f.feed from waybill.feed f where ($1 is null"
	       " or f.tenant = $1) and ($2 is null or f.feed = $2)) f"
	       " cross join lateral (select b.day, b.lane, b.incarnation,"
	       " b.first_seq, b.recorded_at, b.count, b.verdicts"
	       " from waybill.block b where b.tenant = f.tenant"
	       " and b.feed = f.feed and ($3 is null or $3 = any (b.verdicts))"
	       " and b.day >= (now() at time zone 'utc')::date - $5"
	       " and ($6 is null or b.recorded_at >= now()"
	       " - $6 * interval '1 second')"
	       " order by b.recorded_at desc limit $4) b"
	       " order by b.recorded_at desc, b.lane, b.first_seq desc"
	       " limit $4)"
	       " select * from (select " LISTING_SQL " from (select c.*,"
	       " case when $3 is null or cardinality(c.verdicts) = 1"
	       " then array(select generate_series(greatest(1,"
	       " c.count - $4 + 1), c.count))"
	       " else array_positions(c.verdicts, $3) end as places"
	       " from chosen c) c cross join lateral waybill.message_at(c.day,"
	       " c.lane, c.incarnation, c.first_seq,"
	       " c.places[greatest(1, cardinality(c.places) - $4 + 1):]) m"
	       " order by c.recorded_at desc, c.lane, m.seq desc limit $4) m"
	       " order by m.recorded_at, m.lane, m.seq",
	.param_count = 6,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT2, PGTYPE_INT4,
	           PGTYPE_INT4, PGTYPE_INT4 },
};

/* back_s NO_TIME_LIMIT: however old. */
static enum err_code
ask(struct look *look, const struct tail *tail, int rows, int days, int back_s,
    struct listing *listing, struct err *err)
{
	struct pgnumber rooms[4];
	struct pgvalue values[6] = {
		pgvalue_text(tail->tenant),
		pgvalue_text(tail->feed),
		tail->verdict_no < 0
			? PGVALUE_NULL
			: pgvalue_int2((int16_t)tail->verdict_no, &rooms[0]),
		pgvalue_int4(rows, &rooms[1]),
		pgvalue_int4(days, &rooms[2]),
		back_s == NO_TIME_LIMIT ? PGVALUE_NULL
					: pgvalue_int4(back_s, &rooms[3]),
	};
	bool left;

	listing_clear(listing);
	return listing_add(listing, look, &newest, values, (size_t)rows, &left,
	                   err);
}

static bool
is_new(const struct tail *tail, const struct listing_place *place)
{
	const struct listing_place *seen = &tail->seen[place->lane % LANES_MAX];

	return place->incarnation > seen->incarnation ||
		(place->incarnation == seen->incarnation &&
	         place->seq > seen->seq);
}

/* Prints the rows that are new, a line each, and flushes. */
static void
print_new(struct look *look, struct tail *tail, const struct listing *listing,
          bool with_heading)
{
	struct table_style style = look->style;

	style.widths = tail->widths;
	table_measure(&listing->table, &style);
	if (with_heading && !tail->json)
		table_print_heading(&listing->table, &style, &look->text);
	for (size_t row = 0; row < listing->place_count; row++) {
		const struct listing_place *place = &listing->places[row];

		if (!is_new(tail, place))
			continue;
		tail->seen[place->lane % LANES_MAX] = *place;
		if (tail->json) {
			text_add(&look->text, "{");
			table_print_json_row(&listing->table, row, &look->text);
			text_add(&look->text, "}\n");
		} else {
			table_print_row(&listing->table, &style, row,
			                &look->text);
		}
	}
	look_flush(look);
}

static enum err_code
follow(struct look *look, struct tail *tail, struct listing *listing,
       struct err *err)
{
	int64_t end_us = tail->seconds > 0
		? clock_now_us() + tail->seconds * 1000000
		: INT64_MAX;

	print_new(look, tail, listing, true);
	while (clock_now_us() < end_us) {
		clock_sleep_ms(POLL_MS);
		if (ask(look, tail, POLL_ROWS, DAYS_NEAR, POLL_BACK_S, listing,
		        err) != ERR_OK)
			return err->code;
		print_new(look, tail, listing, false);
	}
	return ERR_OK;
}

static enum err_code
answer(struct look *look, struct tail *tail, struct err *err)
{
	struct listing listing;
	enum err_code code;

	listing_init(&listing, tail->raw);
	code = ask(look, tail, (int)tail->rows, DAYS_NEAR, NO_TIME_LIMIT,
	           &listing, err);
	if (code == ERR_OK && listing.place_count < (size_t)tail->rows)
		code = ask(look, tail, (int)tail->rows, DAYS_ALL, NO_TIME_LIMIT,
		           &listing, err);
	if (code != ERR_OK)
		goto out;
	if (tail->follow) {
		code = follow(look, tail, &listing, err);
	} else if (tail->json) {
		text_add(&look->text, "{\"messages\":");
		table_print_json(&listing.table, &look->text);
		text_add(&look->text, "}\n");
	} else if (listing.place_count > 0) {
		table_print(&listing.table, &look->style, &look->text);
	} else {
		text_add(&look->text, "No such message has been recorded.\n");
	}
out:
	listing_fini(&listing);
	return code;
}

static enum err_code
read_options(const struct look_options *options, int argc, char **argv,
             struct tail *out, struct err *err)
{
	*out = (struct tail){ .rows = ROWS_STANDARD,
		              .json = options->json,
		              .verdict_no = -1 };
	if (flag_parse(&table, argc, argv, out, NULL, err) != ERR_OK)
		return err->code;
	look_split_feed(&out->tenant, &out->feed, out->room);
	if (out->rows < 1 || out->rows > ROWS_MAX)
		return err_set(err, ERR_USAGE, "--rows is 1 to %d", ROWS_MAX);
	if (out->verdict == NULL)
		return ERR_OK;
	for (int i = VERDICT_ACCEPTED; i <= VERDICT_CONFLICT; i++) {
		if (strcmp(message_verdict_name((enum verdict)i),
		           out->verdict) == 0)
			out->verdict_no = i;
	}
	if (out->verdict_no < 0)
		return err_set(err, ERR_USAGE,
		               "'%s' is no verdict: accepted, rejected, "
		               "duplicate or conflict",
		               out->verdict);
	return ERR_OK;
}

static int
run(const struct look_options *given, int argc, char **argv)
{
	struct look_options options = *given;
	enum err_code code;
	struct tail tail;
	struct look look;
	struct err err;

	if (read_options(given, argc, argv, &tail, &err) != ERR_OK)
		return look_fail(&options, "tail", &err);
	if (tail.help)
		return look_help(&options, &tail_command);
	options.json = tail.json;
	code = look_open(&options, false, &look, &err);
	if (code == ERR_OK) {
		code = look_check_feed(&look, tail.tenant, tail.feed, &err);
		if (code == ERR_OK)
			code = answer(&look, &tail, &err);
		look_close(&look);
	}
	return code == ERR_OK ? CLI_OK : look_fail(&options, "tail", &err);
}

/* -- public ---------------------------------------------------------------- */

const struct look_command tail_command = {
	.command = {
		.name = "tail",
		.synopsis = "tail [--tenant TENANT] [--feed FEED] [--verdict VERDICT] "
		            "[-n N] [--follow]",
		.help = "Lists the newest messages, the newest last, and with --follow "
		        "goes on with what comes. At thousands of messages a second "
		        "it shows some of them only.",
		.run = look_commands_run,
	},
	.flags = &table,
	.look = run,
};
