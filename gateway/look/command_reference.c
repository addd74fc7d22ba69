/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Only the sentences between the tables are here.
 */
#include "gateway/look/command_reference.h"

#include <string.h>

#include "base/model/module.h"
#include "base/runtime/text.h"
#include "gateway/look/flag.h"
#include "gateway/look/look.h"
#include "gateway/look/look_commands.h"

static void
print_command(const struct command *command, struct text *out)
{
	const struct flag_table *flags = look_commands_flags(command->name);

	text_addf(out, "\n## waybill %s\n\n    waybill %s\n\n%s\n",
	          command->name, command->synopsis, command->help);
	if (flags == NULL)
		return;
	text_add(out, "\n");
	flag_print_reference(flags, out);
}

/* -- public ---------------------------------------------------------------- */

void
command_reference_print(const struct command *const *commands, size_t count,
                        const char *usage, const char *exit_codes,
                        struct text *out)
{
	const char *end = strstr(usage, "\n\nCommands:");

	text_add(out,
	         "# Commands of waybill\n\n"
	         "Printed from the tables of the program.\n\n```\n");
	text_add_bytes(out, usage,
	               end != NULL ? (size_t)(end - usage) : strlen(usage));
	text_addf(out, "\n```\n%s", exit_codes);
	for (size_t i = 0; i < count; i++)
		print_command(commands[i], out);
}
