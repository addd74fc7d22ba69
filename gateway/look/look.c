/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be read is asked of the system catalogue, which everybody may
 * read: a command leaves out what is not for this role, rather than failing.
 */
#include "gateway/look/look.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/look/flag.h"

#define LOOK_TIMEOUT_MS 30000
#define HELP_BYTES_MAX  65536

static const struct pgstatement who = {
	.name = "look_who",
	.sql = "select current_user::text, clock_timestamp(),"
	       " exists (select from pg_catalog.pg_namespace"
	       " where nspname = 'waybill'),"
	       " coalesce((select has_schema_privilege(oid, 'usage')"
	       " from pg_catalog.pg_namespace where nspname = 'waybill'),"
	       " false)",
};

static const struct pgstatement readable = {
	.name = "look_readable",
	.sql = "select c.relname::text, has_table_privilege(c.oid, 'select'),"
	       " has_table_privilege(c.oid, 'update')"
	       " from pg_catalog.pg_class c where c.relnamespace = (select oid"
	       " from pg_catalog.pg_namespace where nspname = 'waybill')"
	       " and c.relkind in ('r', 'p', 'v') and not c.relispartition",
};

static const struct pgstatement known = {
	.name = "look_known",
	.sql = "select $1 is null or exists (select from waybill.tenant t"
	       " where t.tenant = $1), $2 is null or exists (select"
	       " from waybill.feed f where f.feed = $2"
	       " and ($1 is null or f.tenant = $1))",
	.param_count = 2,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT },
};

/* The privilege in a column of a table's row. */
static bool
may(const struct look *look, const char *table, int column)
{
	for (int row = 0; row < pgrows_count(look->readable); row++) {
		if (strcmp(pgrows_text(look->readable, row, 0), table) == 0)
			return pgrows_bool(look->readable, row, column);
	}
	return false;
}

static enum err_code
check_role(struct look *look, struct err *err)
{
	struct pgrows *rows = NULL;
	bool exists, usable;

	if (pgconn_query(look->conn, &who, NULL, &rows, err) != ERR_OK)
		return err->code;
	snprintf(look->user, sizeof(look->user), "%s", pgrows_text(rows, 0, 0));
	look->now_ms = look->style.now_ms = pgrows_time_ms(rows, 0, 1);
	exists = pgrows_bool(rows, 0, 2);
	usable = pgrows_bool(rows, 0, 3);
	pgrows_free(&rows);
	if (!exists)
		return err_set(err, ERR_MIGRATION,
		               "there is no Waybill in this database; make one "
		               "with: waybill migrate");
	if (pgconn_query(look->conn, &readable, NULL, &look->readable, err) !=
	    ERR_OK)
		return err->code;
	if (!usable || !look_may_read(look, "block"))
		return err_set(err, ERR_PRIVILEGE,
		               "role \"%s\" may read nothing of Waybill; let "
		               "it see everything with: GRANT waybill_read TO "
		               "\"%s\", or one tenant's messages with: GRANT "
		               "waybill_read_TENANT TO \"%s\"",
		               look->user, look->user, look->user);
	return ERR_OK;
}

static bool
wants_color(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fileno(out)) && (no == NULL || no[0] == '\0') &&
		term != NULL && strcmp(term, "dumb") != 0;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
look_open(const struct look_options *options, bool changes, struct look *out,
          struct err *err)
{
	static const char *const looking[] = {
		"TimeZone=UTC", "default_transaction_read_only=on",
		"statement_timeout=10s", NULL
	};
	static const char *const changing[] = { "TimeZone=UTC", NULL };
	struct pgconn_options connection = {
		.conninfo = options->conninfo,
		.application = "waybill",
		.role = options->role,
		.timeout_ms = LOOK_TIMEOUT_MS,
		.settings = changes ? changing : looking,
	};

	*out = (struct look){ .options = options };
	if (pgconn_open(&connection, &out->conn, err) != ERR_OK)
		return err->code;
	if (check_role(out, err) != ERR_OK) {
		pgrows_free(&out->readable);
		pgconn_close(&out->conn);
		return err->code;
	}
	out->style.color = wants_color(options->out);
	text_init(&out->text, LOOK_TEXT_MAX);
	return ERR_OK;
}

void
look_flush(struct look *look)
{
	fwrite(text_string(&look->text), 1, look->text.len, look->options->out);
	fflush(look->options->out);
	text_reset(&look->text);
}

void
look_close(struct look *look)
{
	look_flush(look);
	text_fini(&look->text);
	pgrows_free(&look->readable);
	pgconn_close(&look->conn);
}

bool
look_may_read(const struct look *look, const char *table)
{
	return may(look, table, 1);
}

bool
look_may_change(const struct look *look, const char *table)
{
	return may(look, table, 2);
}

enum err_code
look_query_table(struct look *look, const struct pgstatement *statement,
                 const struct pgvalue *values, struct table *out,
                 struct err *err)
{
	struct pgrows *rows = NULL;

	if (pgconn_query(look->conn, statement, values, &rows, err) != ERR_OK)
		return err->code;
	table_fill(out, rows);
	pgrows_free(&rows);
	return ERR_OK;
}

void
look_split_feed(const char **tenant, const char **feed,
                char room[LOOK_TENANT_MAX])
{
	const char *slash = *feed != NULL ? strchr(*feed, '/') : NULL;

	if (*tenant != NULL || slash == NULL ||
	    slash - *feed >= LOOK_TENANT_MAX)
		return;
	memcpy(room, *feed, (size_t)(slash - *feed));
	room[slash - *feed] = '\0';
	*tenant = room;
	*feed = slash + 1;
}

enum err_code
look_check_feed(struct look *look, const char *tenant, const char *feed,
                struct err *err)
{
	struct pgvalue values[2] = { pgvalue_text(tenant), pgvalue_text(feed) };
	struct pgrows *rows = NULL;
	bool has_tenant, has_feed;

	if (!look_may_read(look, "tenant") || !look_may_read(look, "feed"))
		return ERR_OK;
	if (pgconn_query(look->conn, &known, values, &rows, err) != ERR_OK)
		return err->code;
	has_tenant = pgrows_bool(rows, 0, 0);
	has_feed = pgrows_bool(rows, 0, 1);
	pgrows_free(&rows);
	if (!has_tenant)
		return err_set(err, ERR_NOT_FOUND,
		               "there is no tenant %s that role \"%s\" may see",
		               tenant, look->user);
	if (!has_feed && tenant != NULL)
		return err_set(err, ERR_NOT_FOUND, "tenant %s has no feed %s",
		               tenant, feed);
	if (!has_feed)
		return err_set(err, ERR_NOT_FOUND,
		               "there is no feed %s that role \"%s\" may see",
		               feed, look->user);
	return ERR_OK;
}

int
look_fail(const struct look_options *options, const char *command,
          const struct err *err)
{
	cli_tell(options->err, options->json, err);
	if (err->code == ERR_USAGE && !options->json)
		fprintf(options->err, "waybill: waybill help %s says more\n",
		        command);
	return (int)cli_exit_of(err->code);
}

int
look_help(const struct look_options *options,
          const struct look_command *command)
{
	struct text text;

	text_init(&text, HELP_BYTES_MAX);
	text_addf(&text, "Usage: waybill [OPTION...] %s\n\n%s\n\n",
	          command->command.synopsis, command->command.help);
	flag_print(command->flags, &text);
	fputs(text_string(&text), options->out);
	text_fini(&text);
	return CLI_OK;
}
