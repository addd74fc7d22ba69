/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * waybill migrate.
 */
#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/migration.h"
#include "base/model/sqldir.h"
#include "base/runtime/log.h"
#include "gateway/cli.h"
#include "gateway/cli_commands.h"

static int
migrate_run(int argc, char **argv, void *context)
{
	const struct cli *cli = cli_of(context);
	char sql_dir[4096];
	struct pgconn *conn = NULL;
	struct err err;
	enum err_code code;

	if (argc > 1)
		return cli_usage(argv[0], "%s is one argument too many",
		                 argv[1]);
	sqldir_find(sql_dir, sizeof(sql_dir));
	if (!cli->json)
		log_setup(LOG_PLAIN, LOG_INFO);
	code = cli_connect(cli, &conn, &err);
	if (code == ERR_OK)
		code = migration_run(conn, sql_dir, &err);
	pgconn_close(&conn);
	if (code != ERR_OK)
		return cli_fail(cli, &err);
	if (cli->json)
		printf("{\"version\":\"%s\"}\n", MIGRATION_LAST);
	else
		printf("the database is at %s\n", MIGRATION_LAST);
	return CLI_OK;
}

const struct command migrate_command = {
	.name = "migrate",
	.synopsis = "migrate",
	.help = "Brings the database to this program's version: tables, roles, "
		"functions and row-level security of schema waybill, and the "
		"journal's partitions for the days to come. Running it twice "
		"changes nothing. It needs a superuser, or a role with "
		"CREATEROLE and CREATE on the database.",
	.run = migrate_run,
};
