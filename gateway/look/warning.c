/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of rules. Each is one question whose rows are (what is wrong, what
 * to do); none may be answered by a look at large tables. What no question
 * can tell, whether the contracts compile, is tried here.
 */
#include "gateway/look/warning.h"

#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "contracts/contract.h"
#include "gateway/look/look.h"
#include "gateway/look/show.h"

#define YELLOW "\033[33m"
#define RED    "\033[31m"
#define PLAIN  "\033[0m"

#define OWNER_DEAD                                                             \
	"(l.owner is null or not exists (select from waybill.daemon d"         \
	" where d.daemon = l.owner and d.deadline > clock_timestamp()))"

static const struct warning {
	bool needs_person;
	const char *needs[3]; /* tables that the role must be able to read */
	struct pgstatement statement;
} warnings[] = {
#define RULE(title, text)                                                      \
	{                                                                      \
		.name = "warning_" title, .sql = text                          \
	}
	{ true,
	  { "lane" },
	  RULE("lane_diverged",
	       "select format('lane %s has diverged: %s', lane, coalesce("
	       "reason, 'Kafka has what Postgres lost')), 'it records nothing"
	       " until a person has decided; what to do: docs/states.md'"
	       " from waybill.lane where state = 'diverged'"
	       " order by lane") },
	{ true,
	  { "route" },
	  RULE("route_diverged",
	       "select format('lane %s on cluster %s has diverged: %s', lane,"
	       " cluster, coalesce(reason, 'its progress is not in the"
	       " journal')), 'nothing is forwarded there until a person has"
	       " decided; what to do: docs/states.md' from waybill.route"
	       " where state = 'diverged' order by lane, cluster") },
	{ true,
	  { "source_gap", "source" },
	  RULE("source_gap",
	       "select format('source gap: %s/%s on cluster %s is not read from"
	       " offset %s on: %s%s', s.topic, s.partition, s.cluster,"
	       " g.wanted, g.reason, case when g.low > g.wanted"
	       " then format(' (Kafka has it from offset %s on)', g.low)"
	       " else '' end), 'this partition waits, all others go on; what"
	       " to do: docs/states.md' from waybill.source_gap g"
	       " join waybill.source s on s.source = g.source order by 1") },
	{ true,
	  { "parked" },
	  RULE("parked",
	       "select format('feed %s/%s is parked on cluster %s (lane %s):"
	       " %s', tenant, feed, cluster, lane, reason),"
	       " case when release_wanted then 'its release has been asked"
	       " for' else format('mend the cause, then: waybill unpark"
	       " --cluster %s --tenant %s --feed %s', cluster, tenant, feed)"
	       " end from waybill.parked order by 1") },
	{ true,
	  { "lane" },
	  RULE("lane_waits",
	       "select format('lane %s waits since %s: %s', lane, to_char("
	       "since at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS'), reason),"
	       " 'it goes on by itself when the reason is gone'"
	       " from waybill.lane where state <> 'diverged'"
	       " and reason <> '' order by lane") },
	{ false,
	  { "deployment" },
	  RULE("no_deployment",
	       "select 'no deployment has been applied yet', 'describe one and"
	       " run: waybill apply -f DIR'"
	       " where not exists (select from waybill.deployment)") },
	{ false,
	  { "deployment" },
	  RULE("development",
	       "select 'durability: development: topics need no replicas, and"
	       " what was answered for may be lost with one machine', 'for"
	       " more than trying it out say durability: production in the"
	       " catalogue' from waybill.deployment"
	       " where durability = 'development'") },
	{ false,
	  { "deployment" },
	  RULE("fsync",
	       "select format('Postgres runs with %s = %s: what is recorded"
	       " may be lost when the machine fails', name, setting),"
	       " format('set %s = on in postgresql.conf', name)"
	       " from pg_catalog.pg_settings where name in ('fsync',"
	       " 'full_page_writes', 'synchronous_commit')"
	       " and setting = 'off'") },
	{ false,
	  { "deployment" },
	  RULE("no_standby",
	       "select 'no standby must confirm a commit: what is recorded is"
	       " on one machine', 'set synchronous_standby_names'"
	       " from waybill.deployment where durability = 'production'"
	       " and current_setting('synchronous_standby_names') = ''"
	       " and not pg_is_in_recovery()") },
	{ true,
	  { "daemon", "deployment" },
	  RULE("no_daemon",
	       "select 'no daemon is alive: nothing is recorded or forwarded',"
	       " 'start one: waybilld -c FILE' from waybill.deployment"
	       " where not exists (select from waybill.daemon"
	       " where deadline > clock_timestamp())") },
	{ true,
	  { "daemon", "lane" },
	  RULE("lane_without_owner",
	       "select format('lane %s has no living owner', l.lane),"
	       " 'a living daemon takes it within seconds; if none does, look"
	       " at the logs' from waybill.lane l where " OWNER_DEAD
	       " and exists (select from waybill.daemon"
	       " where deadline > clock_timestamp()) order by l.lane") },
	{ true,
	  { "route", "lane", "daemon" },
	  RULE("route",
	       "select format('lane %s on cluster %s is %s since %s%s',"
	       " r.lane, r.cluster, r.state, to_char(r.since at time zone"
	       " 'utc', 'YYYY-MM-DD HH24:MI:SS'), coalesce(': ' || r.reason,"
	       " '')), case r.state when 'down' then 'recording goes on; it"
	       " catches up when the cluster is back' when 'stalled' then"
	       " 'recording goes on; see to the topic that is named' else"
	       " 'a transaction of another writer is open: see to the"
	       " progress topic''s leader' end from waybill.route r"
	       " where r.state in ('down', 'stalled', 'progress-blocked')"
	       " order by r.lane, r.cluster") },
	{ false,
	  { "deployment" },
	  RULE("no_days",
	       "select 'the journal has no partition for tomorrow', 'run:"
	       " waybill migrate' where to_regclass('waybill.block_' ||"
	       " to_char((now() at time zone 'utc')::date + 1, 'YYYYMMDD'))"
	       " is null") },
#undef RULE
};

/* A contract that was let in by an older version and is refused by this one. */
static const struct warning contracts_rule = {
	true,
	{ "feed", "contract" },
	{ .name = "warning_contracts",
	  .sql = "select f.tenant, f.feed, c.contract, c.name, c.version, c.avsc"
	         " from waybill.feed f join waybill.contract c"
	         " using (contract) where f.removed_at is null"
	         " order by c.contract, f.tenant, f.feed" },
};

struct warnings {
	struct look *look;
	int count;
	bool needs_person;
};

static void
print_people(struct look *look, bool needs_person, const char *what,
             const char *advice)
{
	const char *color = needs_person ? RED : YELLOW;

	text_addf(&look->text, "  %s%s%s", look->style.color ? color : "",
	          needs_person ? "!! " : "!  ", look->style.color ? PLAIN : "");
	show_string(&look->text, what);
	text_add(&look->text, "\n     ");
	show_string(&look->text, advice);
	text_add(&look->text, "\n");
}

static void
print_json(struct look *look, bool needs_person, const char *what,
           const char *advice)
{
	text_addf(&look->text, "{\"needs_person\":%s,\"what\":",
	          needs_person ? "true" : "false");
	text_add_json(&look->text, what, strlen(what));
	text_add(&look->text, ",\"advice\":");
	text_add_json(&look->text, advice, strlen(advice));
	text_add(&look->text, "}");
}

static void
warn(struct warnings *w, bool needs_person, const char *what,
     const char *advice)
{
	bool is_first = w->count++ == 0;

	w->needs_person |= needs_person;
	if (w->look->options->json) {
		if (!is_first)
			text_add(&w->look->text, ",");
		print_json(w->look, needs_person, what, advice);
		return;
	}
	if (is_first)
		text_add(&w->look->text, "\nWarnings\n");
	print_people(w->look, needs_person, what, advice);
}

static bool
may_ask(const struct look *look, const struct warning *warning)
{
	for (int i = 0; i < 3 && warning->needs[i] != NULL; i++) {
		if (!look_may_read(look, warning->needs[i]))
			return false;
	}
	return true;
}

static enum err_code
ask(struct warnings *w, const struct warning *rule, struct pgrows **out,
    struct err *err)
{
	*out = NULL;
	if (!may_ask(w->look, rule))
		return ERR_OK;
	return pgconn_query(w->look->conn, &rule->statement, NULL, out, err);
}

static enum err_code
warn_of_rule(struct warnings *w, const struct warning *rule, struct err *err)
{
	struct pgrows *rows = NULL;

	if (ask(w, rule, &rows, err) != ERR_OK)
		return err->code;
	for (int row = 0; rows != NULL && row < pgrows_count(rows); row++)
		warn(w, rule->needs_person, pgrows_text(rows, row, 0),
		     pgrows_text(rows, row, 1));
	pgrows_free(&rows);
	return ERR_OK;
}

static bool
compiles(const struct pgrows *rows, int row, struct err *err)
{
	struct contract *contract = NULL;
	enum err_code code = contract_compile(
		(int32_t)pgrows_int(rows, row, 2), pgrows_text(rows, row, 3),
		(int32_t)pgrows_int(rows, row, 4), pgrows_text(rows, row, 5),
		&contract, err);

	contract_free(&contract);
	return code == ERR_OK;
}

static enum err_code
warn_of_contracts(struct warnings *w, struct err *err)
{
	struct pgrows *rows = NULL;
	struct err fault = { .code = ERR_OK };
	bool is_good = true;

	if (ask(w, &contracts_rule, &rows, err) != ERR_OK)
		return err->code;
	for (int row = 0; rows != NULL && row < pgrows_count(rows); row++) {
		char what[ERR_TEXT_MAX + 512];

		if (row == 0 ||
		    pgrows_int(rows, row, 2) != pgrows_int(rows, row - 1, 2))
			is_good = compiles(rows, row, &fault);
		if (is_good)
			continue;
		snprintf(what, sizeof(what),
		         "feed %s/%s: its contract %s, version %d, does not "
		         "compile: %s",
		         pgrows_text(rows, row, 0), pgrows_text(rows, row, 1),
		         pgrows_text(rows, row, 3),
		         (int)pgrows_int(rows, row, 4), fault.text);
		warn(w, contracts_rule.needs_person, what,
		     "daemons of this version read nothing new of it, what "
		     "is recorded is forwarded; mend the .avsc, then: waybill "
		     "apply -f DIR");
	}
	pgrows_free(&rows);
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
warning_print(struct look *look, bool *out_needs_person, struct err *err)
{
	struct warnings w = { .look = look };

	if (look->options->json)
		text_add(&look->text, "\"warnings\":[");
	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
		if (warn_of_rule(&w, &warnings[i], err) != ERR_OK)
			return err->code;
	if (warn_of_contracts(&w, err) != ERR_OK)
		return err->code;
	if (look->options->json)
		text_addf(&look->text, "],\"needs_person\":%s",
		          w.needs_person ? "true" : "false");
	*out_needs_person = w.needs_person;
	return ERR_OK;
}
