/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One name, one line; what a command says of itself stays in its file.
 */
#include "gateway/look/look_commands.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/check.h"
#include "gateway/cli.h"
#include "gateway/cli_commands.h"
#include "gateway/file/publish_command.h"
#include "gateway/look/completion.h"
#include "gateway/look/history.h"
#include "gateway/look/key_manage.h"
#include "gateway/look/lane_show.h"
#include "gateway/look/look.h"
#include "gateway/look/status.h"
#include "gateway/look/tail.h"
#include "gateway/look/unpark.h"

/* -- public ---------------------------------------------------------------- */

const struct look_command *const look_commands[] = {
	&status_command,    &history_command,    &tail_command,
	&lane_show_command, &unpark_command,     &key_manage_command,
	&publish_command,   &completion_command,
};

const size_t look_commands_count =
	sizeof(look_commands) / sizeof(look_commands[0]);

const struct look_command *
look_commands_find(const char *name)
{
	for (size_t i = 0; i < look_commands_count; i++) {
		if (strcmp(look_commands[i]->command.name, name) == 0)
			return look_commands[i];
	}
	return NULL;
}

const struct flag_table *
look_commands_flags(const char *name)
{
	const struct look_command *look = look_commands_find(name);

	if (look != NULL)
		return look->flags;
	return strcmp(name, apply_command.name) == 0 ? &apply_flags : NULL;
}

int
look_commands_run(int argc, char **argv, void *context)
{
	const struct cli *cli = cli_of(context);
	const struct look_command *command = look_commands_find(argv[0]);
	const struct look_options options = {
		.conninfo = cli->conninfo,
		.role = cli->role,
		.json = cli->json,
		.out = stdout,
		.err = stderr,
	};

	CHECK(command != NULL);
	return command->look(&options, argc, argv);
}
