/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies the files of sql/ and writes table migration. History is
 * append-only: a file that was applied and has changed since, or is gone, is
 * an error. Functions and policies are one unit under the name "functions",
 * applied again whenever any of their files, or a migration, is new.
 */
#include "base/model/migration.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io/pgconn.h"
#include "base/model/sqldir.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"

#define FUNCTIONS "functions"

/* The partitions of the journal that exist ahead of time. */
#define DAYS_AHEAD 7

/* Two at once would wait for each other in a catalogue of Postgres. */
#define LOCK_TRIES   60
#define LOCK_STEP_MS 500

static const struct pgstatement lock_statement = {
	.sql = "select pg_catalog.pg_try_advisory_lock("
	       "pg_catalog.hashtext('waybill.migration'), 0)",
};
static const struct pgstatement unlock_statement = {
	.sql = "select pg_catalog.pg_advisory_unlock("
	       "pg_catalog.hashtext('waybill.migration'), 0)",
};
static const struct pgstatement exists_statement = {
	.sql = "select pg_catalog.to_regclass('waybill.migration') is not null",
};
static const struct pgstatement applied_statement = {
	.sql = "select name, digest from waybill.migration order by name",
};
static const struct pgstatement record_statement = {
	.sql = "insert into waybill.migration (name, digest) values ($1, $2) "
	       "on conflict (name) do update set digest = excluded.digest, "
	       "applied_at = now(), applied_by = session_user",
	.param_count = 2,
	.types = { PGTYPE_TEXT, PGTYPE_BYTEA },
};
static const struct pgstatement days_statement = {
	.sql = "select waybill.journal_create_days($1)",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};
static const struct pgstatement lz4_statement = {
	.sql = "select attcompression = 'l' from pg_catalog.pg_attribute "
	       "where attrelid = 'waybill.block'::regclass "
	       "and attname = 'bodies'",
};

/*
 * What a daemon does, as privileges. Members of waybill_daemon have all of
 * it; the list finds a GRANT that was taken back by hand.
 */
static const struct pgstatement privileges_statement = {
	.sql = "select case kind when 'role' then "
	       "pg_catalog.format('grant %I to %I', object, current_user) else "
	       "pg_catalog.format('grant %s on %s %s to %I', privilege, kind, "
	       "object, role) end from (values "
	       "('role', 'waybill_daemon', '', 'waybill_record'), "
	       "('role', 'waybill_daemon', '', 'waybill_forward'), "
	       "('table', 'waybill.api_key', 'select', 'waybill_daemon'), "
	       "('table', 'waybill.daemon_secret', 'select', "
	       "'waybill_daemon'), "
	       "('table', 'waybill.lane', 'select', 'waybill_record'), "
	       "('table', 'waybill.feed', 'select', 'waybill_record'), "
	       "('table', 'waybill.block', 'insert', 'waybill_record'), "
	       "('table', 'waybill.lane_commit', 'insert', 'waybill_record'), "
	       "('table', 'waybill.source_range', 'insert', 'waybill_record'), "
	       "('table', 'waybill.violation', 'insert', 'waybill_record'), "
	       "('table', 'waybill.block', 'select', 'waybill_forward'), "
	       "('table', 'waybill.delivery', 'insert', 'waybill_forward'), "
	       "('table', 'waybill.route', 'update', 'waybill_forward'), "
	       "('function', 'waybill.lane_claim(int4,text)', 'execute', "
	       "'waybill_record'), "
	       "('function', 'waybill.lane_advance"
	       "(int4,int8,int4,int8,int8,bytea)', 'execute', "
	       "'waybill_record'), "
	       "('function', 'waybill.barrier_pass(int4)', 'execute', "
	       "'waybill_forward')"
	       ") p(kind, object, privilege, role) where not case "
	       "when kind = 'role' then pg_catalog.pg_has_role(current_user, "
	       "role, 'usage') "
	       /* Without the role not even the schema may be looked into. */
	       "when not pg_catalog.pg_has_role(current_user, role, 'usage') "
	       "then true "
	       "when kind = 'table' then pg_catalog.has_table_privilege("
	       "object, privilege) "
	       "else pg_catalog.has_function_privilege(object, privilege) end "
	       "order by kind desc, object",
};
static const struct pgstatement roles_statement = {
	.sql = "select pg_catalog.count(*) from pg_catalog.pg_roles where "
	       "rolname in ('waybill_daemon', 'waybill_record', "
	       "'waybill_forward')",
};

static const struct log_scope scope = { .part = "migration", .lane = -1 };

/* -- steps ----------------------------------------------------------------- */

static enum err_code
query_bool(struct pgconn *conn, const struct pgstatement *statement, bool *out,
           struct err *err)
{
	struct pgrows *rows = NULL;
	enum err_code code = pgconn_query(conn, statement, NULL, &rows, err);

	if (code == ERR_OK)
		*out = pgrows_count(rows) > 0 && pgrows_bool(rows, 0, 0);
	pgrows_free(&rows);
	return code;
}

static enum err_code
lock(struct pgconn *conn, struct err *err)
{
	enum err_code code;
	bool is_ours;

	for (int i = 0; i < LOCK_TRIES; i++) {
		code = query_bool(conn, &lock_statement, &is_ours, err);
		if (code != ERR_OK || is_ours)
			return code;
		clock_sleep_ms(LOCK_STEP_MS);
	}
	return err_set(err, ERR_TIMEOUT, "another migration is still running");
}

/* Everything that ends a step: its row, and the commit. */
static enum err_code
step_record(struct pgconn *conn, const char *name, const uint8_t *digest,
            struct err *err)
{
	struct pgvalue values[2] = {
		pgvalue_text(name),
		pgvalue_bytes(digest, DIGEST_SHA256_LEN),
	};
	enum err_code code;

	code = pgconn_exec(conn, "set local role waybill_owner", err);
	if (code == ERR_OK)
		code = pgconn_query(conn, &record_statement, values, NULL, err);
	if (code == ERR_OK)
		code = pgconn_exec(conn, "commit", err);
	if (code == ERR_OK && pgconn_warning_count(conn) > 0)
		log_warn(&scope, "%s (%s)", name, pgconn_warning_text(conn));
	pgconn_warning_reset(conn);
	return code;
}

static enum err_code
step_abandon(struct pgconn *conn, const char *name, struct err *err)
{
	struct err ignored;

	if (!pgconn_is_lost(conn) && pgconn_in_transaction(conn) &&
	    pgconn_exec(conn, "rollback", &ignored) != ERR_OK)
		log_debug(&scope, "rollback failed (%s)", ignored.text);
	return err_context(err, "%s", name);
}

/* Behind the comment that a file begins with: errors quote the beginning. */
static const char *
statements_of(const struct sqlfile *file)
{
	const char *at = file->text;

	while (at[0] == '-' && at[1] == '-') {
		at += strcspn(at, "\n");
		at += strspn(at, "\n");
	}
	return at;
}

static enum err_code
migrate_one(struct pgconn *conn, const struct sqlfile *file, struct err *err)
{
	enum err_code code;

	pgconn_warning_reset(conn);
	code = pgconn_exec(conn, "begin", err);
	if (code == ERR_OK)
		code = pgconn_exec(conn, statements_of(file), err);
	if (code == ERR_OK)
		code = step_record(conn, file->name, file->digest, err);
	if (code != ERR_OK)
		return step_abandon(conn, file->name, err);
	log_info(&scope, "applied %s", file->name);
	return ERR_OK;
}

static enum err_code
apply_functions(struct pgconn *conn, const struct sqldir *dir, struct err *err)
{
	const char *name = FUNCTIONS;
	enum err_code code;

	pgconn_warning_reset(conn);
	code = pgconn_exec(conn,
	                   "begin; set local role waybill_owner; "
	                   "set local check_function_bodies = off",
	                   err);
	for (size_t i = 0; i < dir->function_count && code == ERR_OK; i++) {
		name = dir->functions[i].name;
		code = pgconn_exec(conn, statements_of(&dir->functions[i]),
		                   err);
	}
	if (code == ERR_OK)
		code = step_record(conn, FUNCTIONS, dir->functions_digest, err);
	if (code != ERR_OK)
		return step_abandon(conn, name, err);
	log_info(&scope, "applied functions and policies");
	return ERR_OK;
}

/* -- history --------------------------------------------------------------- */

static bool
is_same(const struct pgrows *rows, int row, const uint8_t *digest)
{
	int len;
	const uint8_t *bytes = pgrows_bytes(rows, row, 1, &len);

	return len == DIGEST_SHA256_LEN &&
		memcmp(bytes, digest, DIGEST_SHA256_LEN) == 0;
}

/* How many migrations are applied, and whether functions are as they are in
   dir; errors where history is not a prefix of dir's files. */
static enum err_code
compare(const struct pgrows *rows, const struct sqldir *dir, size_t *out_count,
        bool *out_functions, struct err *err)
{
	size_t count = 0;
	bool functions = false;

	for (int row = 0; row < pgrows_count(rows); row++) {
		const char *name = pgrows_text(rows, row, 0);

		if (strcmp(name, FUNCTIONS) == 0) {
			functions = is_same(rows, row, dir->functions_digest);
			continue;
		}
		if (count == dir->migration_count)
			return err_set(
				err, ERR_MIGRATION,
				"the database has %s, which this program "
				"does not know: use the newer program",
				name);
		if (strcmp(name, dir->migrations[count].name) != 0 ||
		    !is_same(rows, row, dir->migrations[count].digest))
			return err_set(err, ERR_MIGRATION,
			               "%s is not the file that was applied to "
			               "this database: restore it, and put "
			               "the change into a new file",
			               dir->migrations[count].name);
		count++;
	}
	*out_count = count;
	*out_functions = functions;
	return ERR_OK;
}

static enum err_code
read_history(struct pgconn *conn, const struct sqldir *dir, size_t *out_count,
             bool *out_functions, struct err *err)
{
	struct pgrows *rows = NULL;
	enum err_code code;
	bool exists;

	*out_count = 0;
	*out_functions = false;
	code = query_bool(conn, &exists_statement, &exists, err);
	if (code != ERR_OK || !exists)
		return code;
	code = pgconn_query(conn, &applied_statement, NULL, &rows, err);
	if (code == ERR_OK)
		code = compare(rows, dir, out_count, out_functions, err);
	pgrows_free(&rows);
	return code;
}

static enum err_code
run_locked(struct pgconn *conn, const struct sqldir *dir, struct err *err)
{
	struct pgnumber room;
	struct pgvalue ahead = pgvalue_int4(DAYS_AHEAD, &room);
	size_t applied;
	bool functions;
	enum err_code code;

	code = read_history(conn, dir, &applied, &functions, err);
	if (code != ERR_OK)
		return code;
	if (applied == dir->migration_count && functions)
		log_info(&scope, "nothing to do");
	else
		functions = false;
	for (size_t i = applied; i < dir->migration_count; i++)
		if ((code = migrate_one(conn, &dir->migrations[i], err)) !=
		    ERR_OK)
			return code;
	if (!functions && (code = apply_functions(conn, dir, err)) != ERR_OK)
		return code;
	code = pgconn_query(conn, &days_statement, &ahead, NULL, err);
	if (code != ERR_OK)
		return err_context(err, "the days of the journal");
	return ERR_OK;
}

/* -- public -- */

enum err_code
migration_run(struct pgconn *conn, const char *sql_dir, struct err *err)
{
	struct sqldir *dir = NULL;
	struct err ignored;
	enum err_code code;

	if ((code = sqldir_load(sql_dir, &dir, err)) != ERR_OK)
		return code;
	if ((code = lock(conn, err)) == ERR_OK) {
		code = run_locked(conn, dir, err);
		if (!pgconn_is_lost(conn) &&
		    pgconn_query(conn, &unlock_statement, NULL, NULL,
		                 &ignored) != ERR_OK)
			log_debug(&scope, "unlock failed (%s)", ignored.text);
	}
	sqldir_free(&dir);
	return code;
}

enum err_code
migration_check(struct pgconn *conn, struct err *err)
{
	struct pgrows *rows = NULL;
	const char *last = "nothing";
	enum err_code code;
	bool exists, is_lz4;
	int order;

	code = query_bool(conn, &exists_statement, &exists, err);
	if (code != ERR_OK)
		return code;
	if (exists)
		code = pgconn_query(conn, &applied_statement, NULL, &rows, err);
	if (code != ERR_OK)
		return code;
	for (int row = 0; exists && row < pgrows_count(rows); row++)
		if (strcmp(pgrows_text(rows, row, 0), FUNCTIONS) != 0)
			last = pgrows_text(rows, row, 0);
	order = exists ? strcmp(last, MIGRATION_LAST) : -1;
	if (order != 0)
		code = err_set(err, ERR_MIGRATION,
		               "the database is at %s, this program needs %s: "
		               "%s",
		               last, MIGRATION_LAST,
		               order < 0 ? "run waybill migrate"
		                         : "use the newer program");
	pgrows_free(&rows);
	if (code == ERR_OK)
		code = query_bool(conn, &lz4_statement, &is_lz4, err);
	if (code == ERR_OK && !is_lz4)
		log_warn(&scope,
		         "this Postgres was built without lz4: the journal "
		         "takes pglz, at about half the throughput");
	return code;
}

enum err_code
migration_check_privileges(struct pgconn *conn, struct err *err)
{
	struct pgrows *rows = NULL;
	struct text grants;
	enum err_code code;

	code = pgconn_query(conn, &roles_statement, NULL, &rows, err);
	if (code == ERR_OK && pgrows_int(rows, 0, 0) != 3)
		code = err_set(err, ERR_MIGRATION,
		               "this Postgres has no Waybill roles yet: run "
		               "waybill migrate");
	pgrows_free(&rows);
	if (code == ERR_OK)
		code = pgconn_query(conn, &privileges_statement, NULL, &rows,
		                    err);
	if (code != ERR_OK)
		return code;
	text_init(&grants, ERR_TEXT_MAX);
	for (int row = 0; row < pgrows_count(rows); row++)
		if (strstr(text_string(&grants), pgrows_text(rows, row, 0)) ==
		    NULL)
			text_addf(&grants, "%s%s", row ? "; " : "",
			          pgrows_text(rows, row, 0));
	if (pgrows_count(rows) > 0)
		code = err_set(err, ERR_PRIVILEGE,
		               "the daemon's role lacks privileges: %s",
		               text_string(&grants));
	text_fini(&grants);
	pgrows_free(&rows);
	return code;
}
