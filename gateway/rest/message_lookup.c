/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Each way to look is a row of a table, as in `waybill history`, whose listing
 * prints the rows. A page is asked for from the time of the last message on,
 * and those of that time that were given are skipped: what is recorded is never
 * changed, so a page does not move while others write.
 */
#include "gateway/rest/message_lookup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/model/message.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "gateway/catalogue.h"
#include "gateway/look/listing.h"
#include "gateway/rest/admission.h"
#include "gateway/rest/argument.h"
#include "gateway/rest/cursor.h"
#include "gateway/rest/envelope.h"
#include "gateway/rest/inquiry.h"
#include "gateway/rest/media.h"
#include "gateway/rest/moment.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/rest_context.h"

#define LIMIT_STANDARD 100
#define LIMIT_MAX      1000
#define SKIP_MAX       100000
#define VALUES_MAX     8
#define DAY_MS         INT64_C(86400000)
/* Postgres' own bounds are wider; what is beyond them is refused by it. */
#define TIME_FIRST_MS INT64_C(-62135596800000) /* 0001-01-01 */
#define TIME_LAST_MS  INT64_C(253402300799999) /* 9999-12-31 */

enum {
	ARGUMENT_ID,
	ARGUMENT_KEY,
	ARGUMENT_KEY_BASE64,
	ARGUMENT_SOURCE,
	ARGUMENT_DELIVERY,
	ARGUMENT_SINCE,
	ARGUMENT_UNTIL,
	ARGUMENT_LIMIT,
	ARGUMENT_CURSOR,
	ARGUMENT_COUNT
};

static const char *const argument_names[ARGUMENT_COUNT] = {
	[ARGUMENT_ID] = "id",
	[ARGUMENT_KEY] = "key",
	[ARGUMENT_KEY_BASE64] = "key_base64",
	[ARGUMENT_SOURCE] = "source",
	[ARGUMENT_DELIVERY] = "delivery",
	[ARGUMENT_SINCE] = "since",
	[ARGUMENT_UNTIL] = "until",
	[ARGUMENT_LIMIT] = "limit",
	[ARGUMENT_CURSOR] = "cursor",
};

struct way;

struct message_lookup {
	struct inquiry inquiry; /* first: found by a cast */
	const char *arguments[ARGUMENT_COUNT];
	const char *tenant, *feed; /* of the path */
	const struct way *way;
	const char *question; /* what a cursor is bound to */
	int64_t since_ms, until_ms;
	int64_t limit;
	struct cursor cursor; /* skip 0 and no time: the first page */
	bool is_continued;
	struct pgvalue values[VALUES_MAX];
	struct pgnumber rooms[VALUES_MAX];
};

/* -- ways -------------------------------------------------------------------------- */

#define MS(parameter) "(timestamptz 'epoch' + " parameter " * interval '1 ms')"
#define OF_FEED       " where m.tenant = $1 and m.feed = $2"

/* TOPIC/PARTITION/OFFSET, or CLUSTER/TOPIC/PARTITION/OFFSET: the words in front
   of the two numbers into values, then these. */
static enum err_code
ask_place(struct message_lookup *l, const char *name, const char *text,
          int words, struct err *err)
{
	struct arena *arena = http_exchange_arena(l->inquiry.exchange);
	char *at = arena_strdup(arena, text);
	int64_t partition, offset;
	char *parts[4];
	int count = 0;

	for (char *slash = at; slash != NULL && count < 4; count++) {
		parts[count] = slash;
		slash = strchr(slash, '/');
		if (slash != NULL)
			*slash++ = '\0';
		if (slash != NULL && count == 3)
			count = 4;
	}
	if (count != words + 2)
		return err_set(err, ERR_USAGE, "%s must be %s", name,
		               words == 1 ? "TOPIC/PARTITION/OFFSET"
		                          : "CLUSTER/TOPIC/PARTITION/OFFSET");
	if (argument_integer("the partition", parts[words], 0, INT32_MAX,
	                     &partition, err) != ERR_OK ||
	    argument_integer("the offset", parts[words + 1], 0, INT64_MAX,
	                     &offset, err) != ERR_OK)
		return err->code;
	for (int i = 0; i < words; i++)
		l->values[2 + i] = pgvalue_text(parts[i]);
	l->values[2 + words] =
		pgvalue_int4((int32_t)partition, &l->rooms[2 + words]);
	l->values[3 + words] = pgvalue_int8(offset, &l->rooms[3 + words]);
	return ERR_OK;
}

static enum err_code
ask_id(struct message_lookup *l, const char *value, struct err *err)
{
	int lane, incarnation;
	int64_t seq;

	if (!message_id_parse(value, &lane, &incarnation, &seq))
		return err_set(err, ERR_USAGE,
		               "id must be a message's, such as 0-1-4711");
	l->values[2] = pgvalue_int4(lane, &l->rooms[2]);
	l->values[3] = pgvalue_int4(incarnation, &l->rooms[3]);
	l->values[4] = pgvalue_int8(seq, &l->rooms[4]);
	return ERR_OK;
}

static enum err_code
ask_source(struct message_lookup *l, const char *value, struct err *err)
{
	return ask_place(l, "source", value, 1, err);
}

static enum err_code
ask_delivery(struct message_lookup *l, const char *value, struct err *err)
{
	return ask_place(l, "delivery", value, 2, err);
}

/* Newest first: a page ends where the one before began. */
static void
ask_period(struct message_lookup *l, int at, bool newest_first)
{
	int64_t since_ms = l->since_ms, until_ms = l->until_ms;

	if (l->is_continued && newest_first)
		until_ms = l->cursor.time_ms + 1;
	if (l->is_continued && !newest_first)
		since_ms = l->cursor.time_ms;
	l->values[at] = pgvalue_int8(since_ms, &l->rooms[at]);
	l->values[at + 1] = pgvalue_int8(until_ms, &l->rooms[at + 1]);
	l->values[at + 2] = pgvalue_int4(
		(int32_t)(l->cursor.skip + l->limit + 1), &l->rooms[at + 2]);
	l->values[at + 3] =
		pgvalue_int4((int32_t)l->cursor.skip, &l->rooms[at + 3]);
}

static enum err_code
ask_key(struct message_lookup *l, const char *value, struct err *err)
{
	l->values[2] = pgvalue_bytes(value, strlen(value));
	ask_period(l, 3, true);
	return ERR_OK;
}

static enum err_code
ask_key_base64(struct message_lookup *l, const char *value, struct err *err)
{
	int32_t len;
	const uint8_t *key =
		envelope_base64(value, strlen(value),
	                        http_exchange_arena(l->inquiry.exchange), &len);

	if (key == NULL)
		return err_set(err, ERR_USAGE, "key_base64 is no base64");
	l->values[2] = pgvalue_bytes(key, (size_t)len);
	ask_period(l, 3, true);
	return ERR_OK;
}

static enum err_code
ask_between(struct message_lookup *l, const char *value, struct err *err)
{
	ask_period(l, 2, false);
	return ERR_OK;
}

#define KEY_STATEMENT                                                          \
	{                                                                      \
		.name = "message_lookup_key",                                  \
		.sql = "select " LISTING_SQL                                   \
		       " from waybill.message_by_key($1, $2, $3, " MS(         \
			       "$4") ", " MS("$5") ", $6) m offset $7",        \
		.param_count = 7, .types = { PGTYPE_TEXT,  PGTYPE_TEXT,        \
			                     PGTYPE_BYTEA, PGTYPE_INT8,        \
			                     PGTYPE_INT8,  PGTYPE_INT4,        \
			                     PGTYPE_INT4 },                    \
	}

static const struct way {
	int argument; /* ARGUMENT_COUNT: none, by time alone */
	bool is_paged;
	bool newest_first;
	enum err_code (*ask)(struct message_lookup *l, const char *value,
	                     struct err *err);
	struct pgstatement statement;
} ways[] = {
	{ ARGUMENT_ID,
	  false,
	  false,
	  ask_id,
	  { .name = "message_lookup_id",
	    .sql = "select " LISTING_SQL
	           " from waybill.message_by_id($3, $4, $5) m" OF_FEED,
	    .param_count = 5,
	    .types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4, PGTYPE_INT4,
	               PGTYPE_INT8 } } },
	{ ARGUMENT_SOURCE,
	  false,
	  false,
	  ask_source,
	  { .name = "message_lookup_source",
	    .sql = "select " LISTING_SQL " from (select distinct s.cluster"
	           " from waybill.source s where s.topic = $3"
	           " and s.partition = $4) c cross join lateral"
	           " waybill.message_by_source(c.cluster, $3, $4, $5)"
	           " m" OF_FEED,
	    .param_count = 5,
	    .types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4,
	               PGTYPE_INT8 } } },
	{ ARGUMENT_DELIVERY,
	  false,
	  false,
	  ask_delivery,
	  { .name = "message_lookup_delivery",
	    .sql = "select " LISTING_SQL
	           " from waybill.message_by_delivery($3, $4, $5, $6) m" OF_FEED,
	    .param_count = 6,
	    .types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT,
	               PGTYPE_INT4, PGTYPE_INT8 } } },
	{ ARGUMENT_KEY, true, true, ask_key, KEY_STATEMENT },
	{ ARGUMENT_KEY_BASE64, true, true, ask_key_base64, KEY_STATEMENT },
	/* A block holds at least one message: so many blocks are enough. */
	{ ARGUMENT_COUNT,
	  true,
	  false,
	  ask_between,
	  { .name = "message_lookup_between",
	    .sql = "with chosen as materialized (select b.day, b.lane,"
	           " b.incarnation, b.first_seq, b.count, b.recorded_at"
	           " from waybill.block b where b.tenant = $1 and b.feed = $2"
	           " and b.recorded_at >= " MS("$3") " and b.recorded_at < " MS("$4") " and b.day >= (" MS(
			   "$3") " at time zone 'utc')::date - 1"
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
	                         " order by c.recorded_at, c.lane, c.first_seq, m.seq"
	                         " offset $6",
	    .param_count = 6,
	    .types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT8, PGTYPE_INT8,
	               PGTYPE_INT4, PGTYPE_INT4 } } },
};

#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

/* -- what is asked ------------------------------------------------------------------- */

static enum err_code
choose_way(struct message_lookup *l, struct err *err)
{
	l->way = NULL;
	for (size_t i = 0; i + 1 < WAY_COUNT; i++) {
		if (l->arguments[ways[i].argument] == NULL)
			continue;
		if (l->way != NULL)
			return err_set(err, ERR_USAGE,
			               "%s and %s are two ways to look",
			               argument_names[l->way->argument],
			               argument_names[ways[i].argument]);
		l->way = &ways[i];
	}
	if (l->way == NULL)
		l->way = &ways[WAY_COUNT - 1];
	for (int i = ARGUMENT_SINCE; i < ARGUMENT_COUNT; i++)
		if (!l->way->is_paged && l->arguments[i] != NULL)
			return err_set(err, ERR_USAGE,
			               "%s has no %s: it is one message",
			               argument_names[l->way->argument],
			               argument_names[i]);
	return ERR_OK;
}

static enum err_code
read_time(const struct message_lookup *l, int argument, int64_t otherwise,
          int64_t *out, struct err *err)
{
	const char *value = l->arguments[argument];

	*out = otherwise;
	if (value == NULL ||
	    (moment_parse(value, strlen(value), out) && *out >= TIME_FIRST_MS &&
	     *out <= TIME_LAST_MS))
		return ERR_OK;
	return err_set(err, ERR_USAGE,
	               "%s must be as in RFC 3339, or milliseconds since 1970",
	               argument_names[argument]);
}

/* All that is asked but limit and cursor. */
static const char *
question_of(const struct message_lookup *l)
{
	struct arena *arena = http_exchange_arena(l->inquiry.exchange);
	struct text text;
	const char *made;

	text_init(&text, 1024 * 1024);
	text_addf(&text, "%s/%s", l->tenant, l->feed);
	for (int i = 0; i < ARGUMENT_LIMIT; i++)
		if (l->arguments[i] != NULL)
			text_addf(&text, "&%s=%s", argument_names[i],
			          l->arguments[i]);
	made = arena_strdup(arena, text_string(&text));
	text_fini(&text);
	return made;
}

static enum err_code
read_page(struct message_lookup *l, struct err *err)
{
	const char *limit = l->arguments[ARGUMENT_LIMIT];
	const char *cursor = l->arguments[ARGUMENT_CURSOR];
	int64_t now_ms = clock_wall_ms();

	l->limit = LIMIT_STANDARD;
	if (limit != NULL &&
	    argument_integer("limit", limit, 1, LIMIT_MAX, &l->limit, err) !=
	            ERR_OK)
		return err->code;
	if (read_time(l, ARGUMENT_SINCE, now_ms - DAY_MS, &l->since_ms, err) !=
	            ERR_OK ||
	    read_time(l, ARGUMENT_UNTIL, TIME_LAST_MS, &l->until_ms, err) !=
	            ERR_OK)
		return err->code;
	l->question = question_of(l);
	if (cursor == NULL)
		return ERR_OK;
	l->is_continued = cursor_parse(cursor, l->question, &l->cursor);
	if (!l->is_continued || l->cursor.skip > SKIP_MAX)
		return err_set(err, ERR_USAGE,
		               "the cursor is not of this question");
	return ERR_OK;
}

static enum err_code
read_question(struct message_lookup *l, const char *query, struct err *err)
{
	struct arena *arena = http_exchange_arena(l->inquiry.exchange);
	const char *value = NULL;

	if (argument_read(query, argument_names, ARGUMENT_COUNT, arena,
	                  l->arguments, err) != ERR_OK ||
	    choose_way(l, err) != ERR_OK || read_page(l, err) != ERR_OK)
		return err->code;
	l->values[0] = pgvalue_text(l->tenant);
	l->values[1] = pgvalue_text(l->feed);
	if (l->way->argument < ARGUMENT_COUNT)
		value = l->arguments[l->way->argument];
	return l->way->ask(l, value, err);
}

/* -- what is answered ------------------------------------------------------------------ */

/* How many of the last message's time have been given, with pages before. */
static struct cursor
cursor_behind(const struct message_lookup *l, const struct table *table)
{
	size_t last = table->row_count - 1;
	struct cursor cursor = {
		.time_ms = table_cell(table, last, LISTING_RECORDED_AT)->number,
	};
	size_t row = last + 1;

	while (row > 0 &&
	       table_cell(table, row - 1, LISTING_RECORDED_AT)->number ==
	               cursor.time_ms)
		row--;
	cursor.skip = (int64_t)(last + 1 - row);
	if (row == 0 && l->is_continued && l->cursor.time_ms == cursor.time_ms)
		cursor.skip += l->cursor.skip;
	return cursor;
}

static enum err_code
answer(struct inquiry *inquiry, struct look *look,
       struct http_response *response, struct err *err)
{
	struct message_lookup *l = (struct message_lookup *)(void *)inquiry;
	struct listing listing;
	bool left = false;
	enum err_code code;

	listing_init(&listing, false);
	code = listing_add(&listing, look, &l->way->statement, l->values,
	                   (size_t)l->limit, &left, err);
	if (code == ERR_OK) {
		text_add(response->body, "{\"messages\":");
		table_print_json(&listing.table, response->body);
		if (left && listing.table.row_count > 0) {
			struct cursor cursor = cursor_behind(l, &listing.table);
			char next[CURSOR_TEXT_MAX];

			cursor_print(&cursor, l->question, next);
			text_addf(response->body, ",\"next\":\"%s\"}\n", next);
		} else {
			text_add(response->body, ",\"next\":null}\n");
		}
	}
	listing_fini(&listing);
	return code;
}

/* -- public ---------------------------------------------------------------- */

void
message_lookup_begin(struct http_exchange *exchange, void *context)
{
	const struct http_request *request = http_exchange_request(exchange);
	struct rest *rest = context;
	const struct deployment *deployment = catalogue_take(rest->catalogue);
	struct message_lookup *l =
		arena_calloc(http_exchange_arena(exchange), 1, sizeof(*l));
	struct admission admission;
	struct err err = { .text = "" };
	enum problem problem;

	CHECK_MAGIC(rest, REST_MAGIC);
	l->inquiry.rest = rest;
	l->inquiry.exchange = exchange;
	l->inquiry.endpoint = ENDPOINT_MESSAGES;
	l->inquiry.began_us = clock_now_us();
	l->inquiry.answer = answer;
	problem = admission_check(rest->auth, deployment, request, AUTH_READ,
	                          &admission);
	deployment_unref(&deployment);
	l->tenant = http_request_path_value(request, "tenant");
	l->feed = http_request_path_value(request, "feed");
	if (problem == PROBLEM_COUNT &&
	    !media_accepts_json(http_request_header(request, "Accept")))
		problem = PROBLEM_NOT_ACCEPTABLE;
	if (problem == PROBLEM_COUNT &&
	    read_question(l, request->query, &err) != ERR_OK)
		problem = PROBLEM_BAD_REQUEST;
	if (problem != PROBLEM_COUNT) {
		inquiry_refuse(&l->inquiry, problem,
		               err.text[0] ? err.text : NULL);
		return;
	}
	strcpy(l->inquiry.tenant, admission.principal.tenant);
	inquiry_ask(&l->inquiry);
}
