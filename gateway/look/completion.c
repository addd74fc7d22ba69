/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of the tables of the commands' options.
 */
#include "gateway/look/completion.h"

#include <string.h>

#include "base/model/module.h"
#include "gateway/cli_commands.h"
#include "gateway/look/flag.h"
#include "gateway/look/key_manage.h"
#include "gateway/look/look_commands.h"

#define SCRIPT_BYTES_MAX 65536

static const struct command *const *known;
static size_t known_count;

static const struct flag flags[] = {
	{ "help", 'h', FLAG_SWITCH, 0, NULL, "This text." },
};

static const struct flag_table table = {
	.flags = flags,
	.count = 1,
	.operands_max = 1,
};

static const char script_begin[] =
	"# bash completion of waybill; printed by: waybill completion bash\n"
	"_waybill()\n"
	"{\n"
	"\tlocal word=${COMP_WORDS[COMP_CWORD]} command= i options=\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t-c | --config | --postgres) i=$((i + 1)) ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*) command=${COMP_WORDS[i]} && break ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tcase \"$command ${COMP_WORDS[COMP_CWORD - 1]}\" in\n"
	"\t' -c' | ' --config' | 'apply -f' | 'apply --file')\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	"\t\treturn\n"
	"\t\t;;\n"
	"\t*' --verdict')\n"
	"\t\toptions='accepted rejected duplicate conflict'\n"
	"\t\tcommand=-\n"
	"\t\t;;\n"
	"\t' --postgres')\n"
	"\t\tcommand=-\n"
	"\t\t;;\n";

static const char script_middle[] = "\tesac\n"
				    "\tcase $command in\n"
				    "\t-) ;;\n";

static const char script_end[] =
	"\tesac\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
	"}\n"
	"complete -F _waybill waybill\n";

static void
add_options(const struct command *command, struct text *out)
{
	const struct flag_table *own = look_commands_flags(command->name);

	if (command == &key_manage_command.command)
		text_add(out, KEY_MANAGE_STEPS " ");
	if (own == NULL || command == &apply_command)
		text_add(out, "--help ");
	for (size_t i = 0; own != NULL && i < own->count; i++)
		text_addf(out, "%s--%s", i > 0 ? " " : "", own->flags[i].name);
}

/* Behind an option that takes a value nothing is offered, since it is not
   known what would be right. */
static void
add_values(const struct command *command, struct text *out)
{
	const struct flag_table *own = look_commands_flags(command->name);

	for (size_t i = 0; own != NULL && i < own->count; i++) {
		const struct flag *flag = &own->flags[i];

		if (flag->kind == FLAG_SWITCH)
			continue;
		text_addf(out, "\t'%s --%s'", command->name, flag->name);
		if (flag->letter != 0)
			text_addf(out, " | '%s -%c'", command->name,
			          flag->letter);
		text_add(out, ") command=- ;;\n");
	}
}

static void
add_names(struct text *out)
{
	for (size_t i = 0; i < known_count; i++)
		text_addf(out, "%s%s", i > 0 ? " " : "", known[i]->name);
}

static int
run(const struct look_options *options, int argc, char **argv)
{
	struct {
		bool help;
	} given = { false };
	const char *shell;
	struct text text;
	struct err err;

	if (flag_parse(&table, argc, argv, &given, &shell, &err) != ERR_OK)
		return look_fail(options, "completion", &err);
	if (given.help)
		return look_help(options, &completion_command);
	if (shell == NULL || strcmp(shell, "bash") != 0) {
		err_set(&err, ERR_USAGE, "say for which shell: bash");
		return look_fail(options, "completion", &err);
	}
	text_init(&text, SCRIPT_BYTES_MAX);
	completion_print(&text);
	fputs(text_string(&text), options->out);
	text_fini(&text);
	return CLI_OK;
}

/* -- public ---------------------------------------------------------------- */

const struct look_command completion_command = {
	.command = {
		.name = "completion",
		.synopsis = "completion bash",
		.help = "Prints what bash needs to complete commands and options: "
		        "source <(waybill completion bash)",
		.run = look_commands_run,
	},
	.flags = &table,
	.look = run,
};

void
completion_set(const struct command *const *commands, size_t count)
{
	known = commands;
	known_count = count;
}

void
completion_print(struct text *out)
{
	text_add(out, script_begin);
	for (size_t i = 0; i < known_count; i++)
		add_values(known[i], out);
	text_add(out, script_middle);
	for (size_t i = 0; i < known_count; i++) {
		text_addf(out, "\t%s) options='", known[i]->name);
		if (strcmp(known[i]->name, "help") == 0)
			add_names(out);
		else if (strcmp(known[i]->name, "completion") == 0)
			text_add(out, "bash");
		else
			add_options(known[i], out);
		text_add(out, "' ;;\n");
	}
	text_add(out,
	         "\t'') options='--config --postgres --json --help "
	         "--version ");
	add_names(out);
	text_add(out, "' ;;\n");
	text_add(out, script_end);
}
