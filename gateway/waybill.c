/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The program waybill: global options, and the table of its commands.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/model/module.h"
#include "base/runtime/log.h"
#include "base/runtime/text.h"
#include "base/runtime/version.h"
#include "base/runtime/yaml.h"
#include "gateway/cli.h"
#include "gateway/cli_commands.h"
#include "gateway/file/publish_command.h"
#include "gateway/look/command_reference.h"
#include "gateway/look/completion.h"
#include "gateway/look/flag.h"
#include "gateway/look/history.h"
#include "gateway/look/key_manage.h"
#include "gateway/look/lane_show.h"
#include "gateway/look/look_commands.h"
#include "gateway/look/status.h"
#include "gateway/look/tail.h"
#include "gateway/look/unpark.h"
#include "gateway/manifest.h"

static int
help_run(int argc, char **argv, void *context);

static const struct command help_command = {
	.name = "help",
	.synopsis = "help [COMMAND]",
	.help = "Says what a command does.",
	.run = help_run,
};

static const struct command *const commands[] = {
	&migrate_command,
	&apply_command,
	&status_command.command,
	&history_command.command,
	&tail_command.command,
	&lane_show_command.command,
	&unpark_command.command,
	&key_manage_command.command,
	&publish_command.command,
	&completion_command.command,
	&help_command,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

#define PRINTED_BYTES_MAX (256 * 1024)

static const char usage[] =
	"Usage: waybill [-c FILE | --postgres CONNINFO] [--json] COMMAND ...\n"
	"\n"
	"  -c, --config FILE     the daemon's YAML: postgres.connection and\n"
	"                        postgres.role are taken from it\n"
	"  --postgres CONNINFO   as libpq takes it; unless given:\n"
	"                        WAYBILL_POSTGRES, then libpq's environment\n"
	"  --json                for programs\n"
	"  --help, --version\n"
	"  --print-reference commands|catalogue\n"
	"                        a reference page (Markdown)\n"
	"\n"
	"Commands:\n";

static const char exit_codes[] =
	"\n"
	"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found,\n"
	"4 Postgres or Kafka does not answer, 5 a state needs a person.\n";

static void
print_help(FILE *out)
{
	fputs(usage, out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-11s %.*s\n", commands[i]->name,
		        (int)strcspn(commands[i]->help, ".:,;"),
		        commands[i]->help);
	fputs(exit_codes, out);
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Whole sentences, folded at 76 letters. */
static void
print_folded(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > 0 && column + 1 + len > 76) {
			putchar('\n');
			column = 0;
		}
		if (column > 0) {
			putchar(' ');
			column++;
		}
		fwrite(text, 1, len, stdout);
		column += len;
		text += len + strspn(text + len, " ");
	}
	putchar('\n');
}

static void
print_flags(const char *command)
{
	const struct flag_table *flags = look_commands_flags(command);
	struct text text;

	if (flags == NULL)
		return;
	text_init(&text, PRINTED_BYTES_MAX);
	text_add(&text, "\n");
	flag_print(flags, &text);
	fputs(text_string(&text), stdout);
	text_fini(&text);
}

static int
print_reference(const char *page)
{
	struct text text;
	bool known = true;

	text_init(&text, PRINTED_BYTES_MAX);
	if (strcmp(page, "commands") == 0)
		command_reference_print(commands, COMMAND_COUNT, usage,
		                        exit_codes, &text);
	else if (strcmp(page, "catalogue") == 0)
		manifest_print_reference(&text);
	else
		known = false;
	fputs(text_string(&text), stdout);
	text_fini(&text);
	if (known)
		return CLI_OK;
	fprintf(stderr, "waybill: there is no reference page %s\n", page);
	return CLI_USAGE;
}

static int
help_run(int argc, char **argv, void *context)
{
	const struct command *command;

	if (argc < 2) {
		print_help(stdout);
		return CLI_OK;
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return cli_usage(argv[0], "there is no command %s", argv[1]);
	printf("Usage: waybill %s\n\n", command->synopsis);
	print_folded(command->help);
	print_flags(command->name);
	return CLI_OK;
}

/* The daemon's configuration, of which only postgres is looked at. The tree
   is kept until the end of the program. */
static enum err_code
load_config(const char *path, struct cli *cli, struct err *err)
{
	static struct yaml *documents;
	const struct yaml *postgres;
	const char *connection;

	if (yaml_load_file(path, &documents, err) != ERR_OK)
		return err->code;
	postgres = yaml_get(yaml_at(documents, 0), "postgres");
	connection = yaml_scalar(yaml_get(postgres, "connection"));
	if (connection == NULL)
		return err_set(err, ERR_CONFIG,
		               "%s: postgres.connection is required", path);
	cli->conninfo = connection;
	cli->role = yaml_scalar(yaml_get(postgres, "role"));
	return ERR_OK;
}

static int
run(int argc, char **argv, struct cli *cli)
{
	const struct command *command;

	if (argc == 0) {
		print_help(stderr);
		return CLI_USAGE;
	}
	command = find_command(argv[0]);
	if (command == NULL) {
		fprintf(stderr,
		        "waybill: there is no command %s; waybill help lists "
		        "them\n",
		        argv[0]);
		return CLI_USAGE;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		argv[1] = argv[0];
		return help_run(argc, argv, cli);
	}
	return command->run(argc, argv, cli);
}

int
main(int argc, char **argv)
{
	enum { POSTGRES = 256, JSON, HELP, PRINT_VERSION, PRINT_REFERENCE };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "postgres", required_argument, NULL, POSTGRES },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, PRINT_VERSION },
		{ "print-reference", required_argument, NULL, PRINT_REFERENCE },
		{ 0 },
	};
	const char *given = getenv("WAYBILL_POSTGRES");
	struct cli cli = { .magic = CLI_MAGIC, .conninfo = given ? given : "" };
	struct err err;
	static char name[] = "waybill";
	int option;

	argv[0] = name; /* which getopt's complaints begin with */
	while ((option = getopt_long(argc, argv, "+c:", options, NULL)) != -1)
		switch (option) {
		case 'c':
			if (load_config(optarg, &cli, &err) != ERR_OK)
				return cli_fail(&cli, &err);
			break;
		case POSTGRES:
			cli.conninfo = optarg;
			break;
		case JSON:
			cli.json = true;
			break;
		case HELP:
			print_help(stdout);
			return CLI_OK;
		case PRINT_VERSION:
			printf("waybill %s\n", version_string());
			return CLI_OK;
		case PRINT_REFERENCE:
			return print_reference(optarg);
		default:
			return CLI_USAGE;
		}
	/* What concerns a person a command says itself; migrate, which tells
	   its steps, turns this up. */
	log_setup(LOG_PLAIN, LOG_ERROR);
	completion_set(commands, COMMAND_COUNT);
	return run(argc - optind, argv + optind, &cli);
}
