/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * waybill apply: reads the files, compares them with Postgres, looks at the
 * topics, prints the difference, writes it. In this order, so that nothing is
 * written while anything is wrong.
 */
#include "gateway/apply.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/model/migration.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "gateway/cli.h"
#include "gateway/cli_commands.h"
#include "gateway/look/flag.h"
#include "gateway/manifest.h"
#include "gateway/revision.h"
#include "gateway/succession.h"
#include "gateway/topic_setup.h"

#define TEXT_BYTES_MAX (16 * 1024 * 1024)

static const struct deployment_contracts contracts = {
	.compile = contract_compile,
	.free = contract_free,
};

/* Two at once would both compare with what neither has written. */
static const struct pgstatement lock_statement = {
	.sql = "select pg_catalog.pg_try_advisory_lock("
	       "pg_catalog.hashtext('waybill.apply'), 0)",
};
static const struct pgstatement unlock_statement = {
	.sql = "select pg_catalog.pg_advisory_unlock("
	       "pg_catalog.hashtext('waybill.apply'), 0)",
};

/* What lets who asks write the catalogue; "": nothing is missing. */
static const struct pgstatement missing_statement = {
	.sql = "select case when to_regrole('waybill_owner') is null then '' "
	       "when not pg_has_role(current_user, 'waybill_owner', 'usage') "
	       "then format('GRANT waybill_owner TO %I', current_user) "
	       "when not (select rolcreaterole or rolsuper from "
	       "pg_catalog.pg_roles where rolname = current_user) "
	       "then format('ALTER ROLE %I CREATEROLE (for a tenant that is "
	       "new a role is made)', current_user) else '' end",
};

struct applying {
	const struct apply_options *options;
	struct pgconn *conn;
	const struct deployment *current; /* NULL: nothing is applied yet */
	struct manifest *manifest;
	struct revision *diff;
	struct apply_result *result;
};

/* -- steps ----------------------------------------------------------------- */

static enum err_code
lock(struct applying *applying, struct err *err)
{
	struct pgrows *rows = NULL;
	bool is_ours;

	if (pgconn_query(applying->conn, &lock_statement, NULL, &rows, err) !=
	    ERR_OK)
		return err->code;
	is_ours = pgrows_bool(rows, 0, 0);
	pgrows_free(&rows);
	if (is_ours)
		return ERR_OK;
	return err_set(err, ERR_CONFLICT,
	               "another waybill apply is at work; try again when it "
	               "has ended");
}

static enum err_code
load(struct applying *applying, struct err *err)
{
	struct deployment *current = NULL;
	enum err_code code;

	code = deployment_load(applying->conn, NULL, NULL, &current, err);
	applying->current = current;
	if (code != ERR_OK && code != ERR_MIGRATION)
		return code;
	if (manifest_load(applying->options->path, &contracts,
	                  applying->current, applying->options->prune,
	                  &applying->manifest, err) != ERR_OK)
		return err->code;
	if (applying->current == NULL && applying->manifest->deployment == NULL)
		return err_set(err, ERR_CONFIG,
		               "%s: no file says what the deployment is "
		               "(deployment: NAME)",
		               applying->options->path);
	return ERR_OK;
}

static enum err_code
check_topics(struct applying *applying, struct err *err)
{
	const struct topic_setup_options options = {
		.manifest = applying->manifest,
		.current = applying->current,
		.create = applying->options->create_topics,
		.dry_run = applying->options->dry_run,
	};

	if (applying->options->skip_topics)
		return ERR_OK;
	return topic_setup_run(&options, &applying->result->topics,
	                       &applying->result->warnings, err);
}

static enum err_code
compare_and_write(struct applying *applying, struct err *err)
{
	struct apply_result *result = applying->result;
	bool is_empty;

	if (revision_compare(applying->conn, applying->manifest,
	                     applying->options->prune, &applying->diff,
	                     err) != ERR_OK ||
	    succession_check(applying->conn, applying->manifest, applying->diff,
	                     &result->warnings, err) != ERR_OK ||
	    check_topics(applying, err) != ERR_OK)
		return err->code;
	is_empty = revision_is_empty(applying->diff);
	result->added = revision_count(applying->diff, REVISION_ADD);
	result->changed = revision_count(applying->diff, REVISION_CHANGE);
	result->removed = revision_count(applying->diff, REVISION_REMOVE);
	revision_print(applying->diff, &result->lines);
	revision_print_json(applying->diff, &result->json);
	if (applying->current)
		result->version = applying->current->version;
	if (is_empty || applying->options->dry_run)
		return ERR_OK;
	if (revision_write(applying->conn, applying->manifest, applying->diff,
	                   &result->version, err) != ERR_OK)
		return err_context(err, "nothing was applied");
	result->is_applied = true;
	return ERR_OK;
}

/* The words of Postgres name what was refused, not what mends it. */
static enum err_code
explain_privilege(struct pgconn *conn, struct err *err)
{
	struct pgrows *rows = NULL;
	struct err why = *err, ignored;

	if (pgconn_is_lost(conn) ||
	    pgconn_query(conn, &missing_statement, NULL, &rows, &ignored) !=
	            ERR_OK)
		return err->code;
	if (pgrows_text(rows, 0, 0)[0] != '\0')
		err_set(err, ERR_PRIVILEGE,
		        "this role may not apply; let it with: %s (%s)",
		        pgrows_text(rows, 0, 0), why.text);
	pgrows_free(&rows);
	return err->code;
}

/* -- the command ----------------------------------------------------------- */

static void
add_json_lines(struct text *out, const char *name, const struct text *lines)
{
	const char *at = text_string(lines);

	text_addf(out, ",\"%s\":[", name);
	while (*at) {
		size_t len = strcspn(at, "\n");

		if (at != text_string(lines))
			text_add(out, ",");
		text_add_json(out, at, len);
		at += len + (at[len] == '\n');
	}
	text_add(out, "]");
}

static void
print_json(const struct apply_options *options,
           const struct apply_result *result)
{
	struct text out;

	text_init(&out, 2 * TEXT_BYTES_MAX);
	text_addf(&out,
	          "{\"version\":%lld,\"applied\":%s,\"dry_run\":%s,"
	          "\"changes\":%s",
	          (long long)result->version,
	          result->is_applied ? "true" : "false",
	          options->dry_run ? "true" : "false",
	          text_string(&result->json));
	add_json_lines(&out, "topics", &result->topics);
	add_json_lines(&out, "warnings", &result->warnings);
	text_add(&out, "}");
	puts(text_string(&out));
	text_fini(&out);
}

static void
print_lines(const struct apply_options *options,
            const struct apply_result *result)
{
	const char *at = text_string(&result->warnings);

	fputs(text_string(&result->topics), stdout);
	fputs(text_string(&result->lines), stdout);
	for (; *at; at += strcspn(at, "\n") + 1)
		fprintf(stderr, "waybill: warning: %.*s\n",
		        (int)strcspn(at, "\n"), at);
	if (result->added + result->changed + result->removed == 0) {
		printf("nothing to change: the catalogue is at version %lld\n",
		       (long long)result->version);
		return;
	}
	printf("%zu to add, %zu to change, %zu to remove: ", result->added,
	       result->changed, result->removed);
	if (options->dry_run)
		printf("nothing is written (--dry-run)\n");
	else
		printf("applied, the catalogue is at version %lld\n",
		       (long long)result->version);
}

#define AT(member) offsetof(struct apply_options, member)

static const struct flag flags[] = {
	{ "file", 'f', FLAG_TEXT, AT(path), "DIR",
	  "Where the YAML files are, or one file." },
	{ "dry-run", 0, FLAG_SWITCH, AT(dry_run), NULL,
	  "Only print the difference." },
	{ "prune", 0, FLAG_SWITCH, AT(prune), NULL,
	  "Remove feeds and clusters that are not in the files; without it "
	  "they are kept." },
	{ "create-topics", 0, FLAG_SWITCH, AT(create_topics), NULL,
	  "Make topics that are missing, also the progress topic; without it "
	  "missing ones are told." },
	{ "skip-topics", 0, FLAG_SWITCH, AT(skip_topics), NULL,
	  "Do not ask Kafka." },
};

static enum err_code
parse(int argc, char **argv, struct apply_options *out, struct err *err)
{
	if (flag_parse(&apply_flags, argc, argv, out, NULL, err) != ERR_OK)
		return err->code;
	if (out->path == NULL)
		return err_set(err, ERR_USAGE, "-f DIR is required");
	return ERR_OK;
}

static int
command_run(int argc, char **argv, void *context)
{
	const struct cli *cli = cli_of(context);
	struct apply_options options = { 0 };
	struct apply_result result;
	struct pgconn *conn = NULL;
	struct err err;
	enum err_code code;
	int exit_code = CLI_OK;

	if (parse(argc, argv, &options, &err) != ERR_OK)
		return cli_usage(argv[0], "%s", err.text);
	apply_result_init(&result);
	code = cli_connect(cli, &conn, &err);
	if (code == ERR_OK)
		code = apply_run(conn, &options, &result, &err);
	pgconn_close(&conn);
	if (code == ERR_OK && cli->json)
		print_json(&options, &result);
	else if (code == ERR_OK)
		print_lines(&options, &result);
	else
		exit_code = cli_fail(cli, &err);
	apply_result_fini(&result);
	return exit_code;
}

/* -- public ---------------------------------------------------------------- */

void
apply_result_init(struct apply_result *result)
{
	memset(result, 0, sizeof(*result));
	text_init(&result->lines, TEXT_BYTES_MAX);
	text_init(&result->json, TEXT_BYTES_MAX);
	text_init(&result->topics, TEXT_BYTES_MAX);
	text_init(&result->warnings, TEXT_BYTES_MAX);
}

void
apply_result_fini(struct apply_result *result)
{
	text_fini(&result->lines);
	text_fini(&result->json);
	text_fini(&result->topics);
	text_fini(&result->warnings);
}

enum err_code
apply_run(struct pgconn *conn, const struct apply_options *options,
          struct apply_result *result, struct err *err)
{
	struct applying applying = {
		.options = options,
		.conn = conn,
		.result = result,
	};
	struct err ignored;
	enum err_code code;

	if ((code = migration_check(conn, err)) != ERR_OK ||
	    (code = lock(&applying, err)) != ERR_OK)
		return code == ERR_PRIVILEGE ? explain_privilege(conn, err)
					     : code;
	code = load(&applying, err);
	if (code == ERR_OK)
		code = compare_and_write(&applying, err);
	if (!pgconn_is_lost(conn) &&
	    pgconn_query(conn, &unlock_statement, NULL, NULL, &ignored) !=
	            ERR_OK &&
	    code == ERR_OK)
		code = err_set(err, ignored.code, "%s", ignored.text);
	if (code == ERR_PRIVILEGE)
		code = explain_privilege(conn, err);
	revision_free(&applying.diff);
	manifest_free(&applying.manifest);
	deployment_unref(&applying.current);
	return code;
}

const struct flag_table apply_flags = {
	.flags = flags,
	.count = sizeof(flags) / sizeof(flags[0]),
};

const struct command apply_command = {
	.name = "apply",
	.synopsis = "apply -f DIR [--dry-run] [--prune] [--create-topics | "
		    "--skip-topics]",
	.help = "Makes the catalogue what the YAML files below DIR say: the "
		"deployment, its clusters, tenants, feeds and contracts. Prints "
		"the difference with + for what is new, ~ for what changes and "
		"- for what goes; daemons follow by themselves. Where a topic is "
		"missing or has another partition count than its feed, that is "
		"said before anything is written; a cluster that does not "
		"answer is a warning. Running it twice changes nothing.",
	.run = command_run,
};
