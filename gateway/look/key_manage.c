/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Each step is one call of a function of Postgres, which decides who may do
 * it; what is said about the step goes to standard error, so that the token
 * alone can be taken: TOKEN=$(waybill key create ...).
 */
#include "gateway/look/key_manage.h"

#include <errno.h>
#include <string.h>

#include "base/io/pgarray.h"
#include "base/model/auth.h"
#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "base/runtime/setting.h"
#include "base/runtime/setting_value.h"
#include "gateway/look/flag.h"
#include "gateway/look/look_commands.h"

#define TIMEOUT_MS     30000
#define LIFETIME_MAX_D 3660

struct key_manage {
	const char *step;
	const char *operand; /* NAME or PREFIX */
	const char *tenant;
	const char *name;
	const char *expires;
	const char *grace;
	struct flag_list scopes;
	bool all;
	bool json;
	bool help;
};

#define AT(member) offsetof(struct key_manage, member)

static const struct flag flags[] = {
	{ "tenant", 't', FLAG_TEXT, AT(tenant), "TENANT",
	  "Whose; with rotate and scopes only where two have a NAME." },
	{ "name", 'n', FLAG_TEXT, AT(name), "NAME",
	  "Of the new principal: a-z, 0-9 and -." },
	{ "scope", 's', FLAG_LIST, AT(scopes), "SCOPE",
	  "publish, publish:FEED, read or status; may be given more than "
	  "once." },
	{ "expires", 'e', FLAG_TEXT, AT(expires), "90d|never",
	  "When the new key ends (s, min, h, d). Unless said, create makes one "
	  "that does not, and rotate one that lives as long as the one "
	  "before." },
	{ "grace", 'g', FLAG_TEXT, AT(grace), "24h",
	  "With rotate: how long the key before still opens; until it is "
	  "revoked, unless said." },
	{ "all", 'a', FLAG_SWITCH, AT(all), NULL,
	  "With list: expired and revoked keys too." },
	{ "json", 0, FLAG_SWITCH, AT(json), NULL, "For programs." },
	{ "help", 'h', FLAG_SWITCH, AT(help), NULL, "This text." },
};

static const struct flag_table table = {
	.flags = flags,
	.count = sizeof(flags) / sizeof(flags[0]),
	.operands_max = 2,
};

#define LIST_COLUMNS(scopes)                                                   \
	{                                                                      \
		{ "tenant", "TENANT", TABLE_TEXT },                            \
			{ "name", "NAME", TABLE_TEXT },                        \
			{ "scopes", "SCOPES", scopes },                        \
			{ "prefix", "PREFIX", TABLE_TEXT },                    \
			{ "state", "STATE", TABLE_TEXT },                      \
			{ "created_at", "CREATED", TABLE_TIME },               \
			{ "created_by", "BY", TABLE_TEXT },                    \
			{ "expires_at", "EXPIRES", TABLE_TIME },               \
			{ "revoked_at", "REVOKED", TABLE_TIME },               \
		{                                                              \
			"revoked_by", "REVOKED BY", TABLE_TEXT                 \
		}                                                              \
	}
#define LIST_COLUMN_COUNT 10

static const struct table_column for_people[] = LIST_COLUMNS(TABLE_TEXT);
static const struct table_column for_programs[] = LIST_COLUMNS(TABLE_WORDS);

static const struct pgstatement who = {
	.sql = "select current_user::text, "
	       "exists (select from pg_catalog.pg_proc p join "
	       "pg_catalog.pg_namespace n on n.oid = p.pronamespace "
	       "where n.nspname = 'waybill' and p.proname = 'key_create'), "
	       "coalesce((select pg_catalog.bool_or("
	       "pg_catalog.pg_has_role(oid, 'usage')) from "
	       "pg_catalog.pg_roles where rolname in ('waybill_keys', "
	       "'waybill_owner')), false), "
	       "pg_catalog.clock_timestamp(), "
	       "coalesce((select pg_catalog.has_schema_privilege(n.oid, "
	       "'usage') and pg_catalog.has_column_privilege(c.oid, 'prefix', "
	       "'select') from pg_catalog.pg_class c join "
	       "pg_catalog.pg_namespace n on n.oid = c.relnamespace where "
	       "n.nspname = 'waybill' and c.relname = 'api_key'), false)",
};
static const struct pgstatement list_keys = {
	.name = "key_list",
	.sql = "select p.tenant, p.name, array_to_string(p.scopes, ' '), "
	       "k.prefix, case when k.prefix is null then 'no live key' "
	       "when k.revoked_at is not null then 'revoked' "
	       "when k.expires_at <= now() then 'expired' else 'live' end, "
	       "k.created_at, k.created_by, k.expires_at, k.revoked_at, "
	       "k.revoked_by from waybill.principal p left join (select "
	       "prefix, tenant, principal, created_at, created_by, "
	       "expires_at, revoked_at, revoked_by from waybill.api_key "
	       "where $2 or (revoked_at is null and (expires_at is null "
	       "or expires_at > now()))) k on k.tenant = p.tenant and "
	       "k.principal = p.principal where $1 is null or p.tenant = $1 "
	       "order by p.tenant collate \"C\", p.name collate \"C\", "
	       "k.created_at",
	.param_count = 2,
	.types = { PGTYPE_TEXT, PGTYPE_BOOL },
};
static const struct pgstatement find_name = {
	.name = "key_find_name",
	.sql = "select tenant from waybill.principal where name = $1",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};
static const struct pgstatement create_key = {
	.name = "key_create",
	.sql = "select tenant, created_at, expires_at from "
	       "waybill.key_create($1, $2, $3, $4, $5, $6)",
	.param_count = 6,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT_ARRAY, PGTYPE_TEXT,
	           PGTYPE_BYTEA, PGTYPE_INT8 },
};
static const struct pgstatement rotate_key = {
	.name = "key_rotate",
	.sql = "select tenant, created_at, expires_at from "
	       "waybill.key_rotate($1, $2, $3, $4, $5, $6)",
	.param_count = 6,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_BYTEA,
	           PGTYPE_INT8, PGTYPE_INT8 },
};
static const struct pgstatement set_scopes = {
	.name = "key_set_scopes",
	.sql = "select array_to_string(waybill.key_set_scopes($1, $2, $3), $4)",
	.param_count = 4,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT_ARRAY, PGTYPE_TEXT },
};
static const struct pgstatement revoke_key = {
	.name = "key_revoke",
	.sql = "select tenant, name, revoked_at, live from "
	       "waybill.key_revoke($1)",
	.param_count = 1,
	.types = { PGTYPE_TEXT },
};

/* A step while it is done. */
struct doing {
	const struct look_options *options;
	const struct key_manage *given;
	struct pgconn *conn;
	struct text text; /* for standard output */
	int64_t now_ms;
};

/* -- what is given --------------------------------------------------------- */

/* Seconds; NULL: SQL null, "never": 0. */
static enum err_code
take_lifetime(const char *flag, const char *text, struct pgnumber *room,
              struct pgvalue *out, struct err *err)
{
	const struct setting duration = {
		.type = SETTING_DURATION_MS,
		.min = 1000,
		.max = LIFETIME_MAX_D * INT64_C(86400000),
	};
	int64_t ms = 0;
	struct text reason;
	bool is_right = true;

	*out = PGVALUE_NULL;
	if (text == NULL)
		return ERR_OK;
	text_init(&reason, 256);
	if (strcmp(text, "never") != 0)
		is_right = setting_value_parse(&duration, text, &ms, &reason);
	if (!is_right)
		err_set(err, ERR_USAGE, "--%s %s", flag, text_string(&reason));
	text_fini(&reason);
	*out = pgvalue_int8(ms / 1000, room);
	return is_right ? ERR_OK : ERR_USAGE;
}

static struct pgvalue
scopes_of(const struct key_manage *given, struct pgarray *array)
{
	pgarray_begin(array, PGTYPE_TEXT);
	for (size_t i = 0; i < given->scopes.count; i++)
		pgarray_add_bytes(array, given->scopes.values[i],
		                  strlen(given->scopes.values[i]));
	return pgarray_end(array);
}

/* The tenant that has a principal NAME, where it is not said. */
static enum err_code
find_tenant(struct doing *doing, const char *name, char out[AUTH_NAME_MAX + 1],
            struct err *err)
{
	const struct pgvalue value = pgvalue_text(name);
	struct pgrows *rows = NULL;
	int count;

	if (doing->given->tenant != NULL) {
		snprintf(out, AUTH_NAME_MAX + 1, "%s", doing->given->tenant);
		return ERR_OK;
	}
	if (pgconn_query(doing->conn, &find_name, &value, &rows, err) != ERR_OK)
		return err->code;
	count = pgrows_count(rows);
	if (count == 1)
		snprintf(out, AUTH_NAME_MAX + 1, "%s", pgrows_text(rows, 0, 0));
	pgrows_free(&rows);
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND,
		               "there is no principal \"%s\" whose keys this "
		               "role may manage",
		               name);
	if (count > 1)
		return err_set(err, ERR_USAGE,
		               "%d tenants have a principal \"%s\": say "
		               "--tenant",
		               count, name);
	return ERR_OK;
}

/* Functions of Postgres raise whole sentences: what is around them goes. */
static void
tidy(struct err *err)
{
	static const char end[] = " (SQLSTATE WB00";
	const char *colon = strstr(err->text, ": ");
	char *tail = strstr(err->text, end);

	if (tail == NULL || colon == NULL || colon > tail)
		return;
	*tail = '\0';
	memmove(err->text, colon + 2, strlen(colon + 2) + 1);
}

/* -- what is said ---------------------------------------------------------- */

static const char *
time_or_never(const struct pgrows *rows, int column, char room[CLOCK_TEXT_MAX])
{
	if (pgrows_is_null(rows, 0, column))
		return "it does not expire";
	return clock_format_ms(pgrows_time_ms(rows, 0, column), room);
}

static void
add_member(struct text *out, const char *name, const char *value)
{
	text_addf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
	text_add_json(out, value, strlen(value));
}

/* The token is all that a person's shell takes. */
static void
say_token(struct doing *doing, const char *name,
          const struct auth_secret *secret, const struct pgrows *rows)
{
	char room[CLOCK_TEXT_MAX];
	bool ends = !pgrows_is_null(rows, 0, 2);

	if (!doing->options->json) {
		fprintf(doing->options->err,
		        "waybill: key %s of %s/%s (%s%s); the line below is "
		        "not shown again\n",
		        secret->prefix, pgrows_text(rows, 0, 0), name,
		        ends ? "until " : "", time_or_never(rows, 2, room));
		text_addf(&doing->text, "%s\n", secret->token);
		return;
	}
	text_add(&doing->text, "{");
	add_member(&doing->text, "tenant", pgrows_text(rows, 0, 0));
	add_member(&doing->text, "name", name);
	add_member(&doing->text, "prefix", secret->prefix);
	add_member(&doing->text, "created_at",
	           clock_format_ms(pgrows_time_ms(rows, 0, 1), room));
	if (ends)
		add_member(&doing->text, "expires_at",
		           time_or_never(rows, 2, room));
	else
		text_add(&doing->text, ",\"expires_at\":null");
	add_member(&doing->text, "token", secret->token);
	text_add(&doing->text, "}\n");
}

/* -- steps ----------------------------------------------------------------- */

static enum err_code
create(struct doing *doing, struct err *err)
{
	const struct key_manage *given = doing->given;
	struct pgarray scopes = { 0 };
	struct auth_secret secret;
	struct pgnumber room;
	struct pgvalue values[6];
	struct pgrows *rows = NULL;
	enum err_code code;

	if (take_lifetime("expires", given->expires, &room, &values[5], err) !=
	    ERR_OK)
		return err->code;
	if (given->expires != NULL && strcmp(given->expires, "never") == 0)
		values[5] = PGVALUE_NULL;
	auth_secret_make(&secret);
	values[0] = pgvalue_text(given->tenant);
	values[1] = pgvalue_text(given->name);
	values[2] = scopes_of(given, &scopes);
	values[3] = pgvalue_text(secret.prefix);
	values[4] = pgvalue_bytes(secret.hash, sizeof(secret.hash));
	code = pgconn_query(doing->conn, &create_key, values, &rows, err);
	if (code == ERR_OK)
		say_token(doing, given->name, &secret, rows);
	pgrows_free(&rows);
	pgarray_fini(&scopes);
	auth_secret_wipe(&secret);
	return code;
}

static enum err_code
rotate(struct doing *doing, struct err *err)
{
	const struct key_manage *given = doing->given;
	char tenant[AUTH_NAME_MAX + 1];
	struct auth_secret secret;
	struct pgnumber rooms[2];
	struct pgvalue values[6];
	struct pgrows *rows = NULL;
	enum err_code code;

	if (take_lifetime("expires", given->expires, &rooms[0], &values[4],
	                  err) != ERR_OK ||
	    take_lifetime("grace", given->grace, &rooms[1], &values[5], err) !=
	            ERR_OK ||
	    find_tenant(doing, given->operand, tenant, err) != ERR_OK)
		return err->code;
	if (given->grace != NULL && strcmp(given->grace, "never") == 0)
		values[5] = PGVALUE_NULL;
	auth_secret_make(&secret);
	values[0] = pgvalue_text(tenant);
	values[1] = pgvalue_text(given->operand);
	values[2] = pgvalue_text(secret.prefix);
	values[3] = pgvalue_bytes(secret.hash, sizeof(secret.hash));
	code = pgconn_query(doing->conn, &rotate_key, values, &rows, err);
	if (code == ERR_OK)
		say_token(doing, given->operand, &secret, rows);
	pgrows_free(&rows);
	auth_secret_wipe(&secret);
	return code;
}

static enum err_code
scopes(struct doing *doing, struct err *err)
{
	const struct key_manage *given = doing->given;
	char tenant[AUTH_NAME_MAX + 1];
	struct pgarray array = { 0 };
	struct pgvalue values[4];
	struct pgrows *rows = NULL;
	enum err_code code;

	if (find_tenant(doing, given->operand, tenant, err) != ERR_OK)
		return err->code;
	values[0] = pgvalue_text(tenant);
	values[1] = pgvalue_text(given->operand);
	values[2] = scopes_of(given, &array);
	values[3] = pgvalue_text(doing->options->json ? "\",\"" : ", ");
	code = pgconn_query(doing->conn, &set_scopes, values, &rows, err);
	if (code == ERR_OK && doing->options->json) {
		text_add(&doing->text, "{");
		add_member(&doing->text, "tenant", tenant);
		add_member(&doing->text, "name", given->operand);
		text_addf(&doing->text, ",\"scopes\":[\"%s\"]}\n",
		          pgrows_text(rows, 0, 0));
	} else if (code == ERR_OK) {
		text_addf(&doing->text, "%s/%s may now: %s\n", tenant,
		          given->operand, pgrows_text(rows, 0, 0));
	}
	pgrows_free(&rows);
	pgarray_fini(&array);
	return code;
}

static enum err_code
list(struct doing *doing, struct err *err)
{
	const struct key_manage *given = doing->given;
	const struct table_style style = { .now_ms = doing->now_ms };
	struct pgnumber room;
	const struct pgvalue values[] = {
		pgvalue_text(given->tenant),
		pgvalue_bool(given->all, &room),
	};
	struct pgrows *rows = NULL;
	struct table out;

	if (pgconn_query(doing->conn, &list_keys, values, &rows, err) != ERR_OK)
		return err->code;
	table_init(&out, doing->options->json ? for_programs : for_people,
	           LIST_COLUMN_COUNT);
	table_fill(&out, rows);
	if (doing->options->json) {
		text_add(&doing->text, "{\"keys\":");
		table_print_json(&out, &doing->text);
		text_add(&doing->text, "}\n");
	} else if (out.row_count == 0) {
		text_add(&doing->text, "There are no keys.\n");
	} else {
		table_print(&out, &style, &doing->text);
	}
	table_fini(&out);
	pgrows_free(&rows);
	return ERR_OK;
}

static enum err_code
revoke(struct doing *doing, struct err *err)
{
	const char *prefix = doing->given->operand;
	struct pgvalue value;
	struct pgrows *rows = NULL;
	char room[CLOCK_TEXT_MAX];
	int live;

	if (strncmp(prefix, "wb_", 3) == 0)
		prefix += 3;
	if (strlen(prefix) != AUTH_PREFIX_LEN)
		return err_set(err, ERR_USAGE,
		               "a PREFIX has %d letters; waybill key list "
		               "shows it",
		               AUTH_PREFIX_LEN);
	value = pgvalue_text(prefix);
	if (pgconn_query(doing->conn, &revoke_key, &value, &rows, err) !=
	    ERR_OK)
		return err->code;
	live = (int)pgrows_int(rows, 0, 3);
	clock_format_ms(pgrows_time_ms(rows, 0, 2), room);
	if (doing->options->json) {
		text_add(&doing->text, "{");
		add_member(&doing->text, "tenant", pgrows_text(rows, 0, 0));
		add_member(&doing->text, "name", pgrows_text(rows, 0, 1));
		add_member(&doing->text, "prefix", prefix);
		add_member(&doing->text, "revoked_at", room);
		text_addf(&doing->text, ",\"live\":%d}\n", live);
	} else {
		text_addf(&doing->text,
		          "key %s of %s/%s is revoked (%s); live keys it still "
		          "has: %d\n",
		          prefix, pgrows_text(rows, 0, 0),
		          pgrows_text(rows, 0, 1), room, live);
	}
	pgrows_free(&rows);
	return ERR_OK;
}

struct step {
	const char *name;
	enum err_code (*run)(struct doing *doing, struct err *err);
	const char *operand; /* NULL: none */
	bool makes_principal;
	bool has_scopes;
	bool changes;
};

static const struct step steps[] = {
	{ "create", create, NULL, true, true, true },
	{ "rotate", rotate, "a NAME", false, false, true },
	{ "scopes", scopes, "a NAME", false, true, true },
	{ "list", list, NULL, false, false, false },
	{ "revoke", revoke, "a PREFIX", false, false, true },
};
#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

/* -- the command ----------------------------------------------------------- */

static enum err_code
open_as(struct doing *doing, bool changes, struct err *err)
{
	const struct pgconn_options connection = {
		.conninfo = doing->options->conninfo,
		.application = "waybill key",
		.role = doing->options->role,
		.timeout_ms = TIMEOUT_MS,
	};
	struct pgrows *rows = NULL;
	enum err_code code = ERR_OK;

	if (pgconn_open(&connection, &doing->conn, err) != ERR_OK ||
	    pgconn_query(doing->conn, &who, NULL, &rows, err) != ERR_OK)
		return err->code;
	doing->now_ms = pgrows_time_ms(rows, 0, 3);
	if (!pgrows_bool(rows, 0, 1))
		code = err_set(err, ERR_MIGRATION,
		               "this database knows no API keys: run waybill "
		               "migrate");
	else if (!pgrows_bool(rows, 0, changes ? 2 : 4))
		code = err_set(err, ERR_PRIVILEGE,
		               "role \"%s\" may not manage API keys: GRANT "
		               "waybill_keys, waybill_read TO \"%s\" for those "
		               "of all tenants, GRANT waybill_keys, "
		               "waybill_read_TENANT TO \"%s\" for those of one",
		               pgrows_text(rows, 0, 0), pgrows_text(rows, 0, 0),
		               pgrows_text(rows, 0, 0));
	pgrows_free(&rows);
	return code;
}

/* A token that could not be written is lost: then it is said which key is to
   be revoked. */
static enum err_code
print(struct doing *doing, struct err *err)
{
	FILE *out = doing->options->out;

	fwrite(text_string(&doing->text), 1, doing->text.len, out);
	if (fflush(out) == 0 && !ferror(out))
		return ERR_OK;
	return err_set(err, ERR_IO,
	               "it was done, and could not be printed (%s): a new key "
	               "whose secret is lost should be revoked, see waybill "
	               "key list",
	               strerror(errno));
}

static enum err_code
check(const struct step *step, const struct key_manage *given, struct err *err)
{
	if (step->operand == NULL && given->operand != NULL)
		return err_set(err, ERR_USAGE, "'%s' is one argument too many",
		               given->operand);
	if (step->operand != NULL && given->operand == NULL)
		return err_set(err, ERR_USAGE, "%s needs %s", step->name,
		               step->operand);
	if (step->makes_principal &&
	    (given->tenant == NULL || given->name == NULL))
		return err_set(err, ERR_USAGE, "%s needs --tenant and --name",
		               step->name);
	if (step->has_scopes != (given->scopes.count > 0))
		return err_set(err, ERR_USAGE, "%s %s --scope", step->name,
		               step->has_scopes ? "needs" : "takes no");
	return ERR_OK;
}

static enum err_code
answer(struct doing *doing, struct err *err)
{
	const struct key_manage *given = doing->given;
	enum err_code code;

	for (size_t i = 0; i < STEP_COUNT && given->step != NULL; i++) {
		const struct step *step = &steps[i];

		if (strcmp(step->name, given->step) != 0)
			continue;
		if (check(step, given, err) != ERR_OK ||
		    open_as(doing, step->changes, err) != ERR_OK)
			return err->code;
		code = step->run(doing, err);
		tidy(err);
		return code == ERR_OK ? print(doing, err) : code;
	}
	return err_set(err, ERR_USAGE,
	               "say which: create, rotate, scopes, list or revoke");
}

static int
run(const struct look_options *given, int argc, char **argv)
{
	struct look_options options = *given;
	struct key_manage manage = { .json = given->json };
	const char *operands[2];
	struct doing doing = { .options = &options, .given = &manage };
	struct err err = { .code = ERR_OK };
	enum err_code code;

	if (flag_parse(&table, argc, argv, &manage, operands, &err) != ERR_OK)
		return look_fail(&options, "key", &err);
	if (manage.help)
		return look_help(&options, &key_manage_command);
	manage.step = operands[0];
	manage.operand = operands[1];
	options.json = manage.json;
	text_init(&doing.text, LOOK_TEXT_MAX);
	code = answer(&doing, &err);
	if (doing.text.len > 0)
		digest_wipe(doing.text.bytes, doing.text.len);
	text_fini(&doing.text);
	pgconn_close(&doing.conn);
	return code == ERR_OK ? CLI_OK : look_fail(&options, "key", &err);
}

/* -- public ---------------------------------------------------------------- */

const struct look_command key_manage_command = {
	.command = {
		.name = "key",
		.synopsis = "key create --tenant TENANT --name NAME --scope SCOPE "
		            "[--expires 90d] | rotate NAME [--grace 24h] | scopes "
		            "NAME --scope SCOPE | list [--all] | revoke PREFIX",
		.help = "Manages API keys, with which programs ask by HTTP. create "
		        "makes a principal of a tenant and its first key, rotate a "
		        "second one: at most two are live at a time. The token is "
		        "printed once, alone on standard output; of its secret "
		        "Postgres has a hash only. scopes changes what a principal may "
		        "do with all of its keys. list shows principals and their live "
		        "keys. revoke ends a key: daemons refuse it within two "
		        "seconds. Needs membership of waybill_keys, and of "
		        "waybill_read or of the roles of those tenants whose keys are "
		        "managed.",
		.run = look_commands_run,
	},
	.flags = &table,
	.look = run,
};
