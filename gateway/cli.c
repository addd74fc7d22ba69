/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the commands of waybill.
 */
#include "gateway/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"

#define POSTGRES_TIMEOUT_MS 60000

static const struct {
	enum err_code code;
	enum cli_exit exit;
} exits[] = {
	{ ERR_OK, CLI_OK },
	{ ERR_USAGE, CLI_USAGE },
	{ ERR_NOT_FOUND, CLI_NOT_FOUND },
	{ ERR_POSTGRES_LOST, CLI_UNREACHABLE },
	{ ERR_KAFKA_DOWN, CLI_UNREACHABLE },
	{ ERR_TIMEOUT, CLI_UNREACHABLE },
	{ ERR_DIVERGED, CLI_NEEDS_PERSON },
	{ ERR_SOURCE_GAP, CLI_NEEDS_PERSON },
	{ ERR_PROGRESS_BLOCKED, CLI_NEEDS_PERSON },
};

/* -- public -- */

struct cli *
cli_of(void *context)
{
	struct cli *cli = context;

	CHECK_MAGIC(cli, CLI_MAGIC);
	return cli;
}

enum err_code
cli_connect(const struct cli *cli, struct pgconn **out, struct err *err)
{
	static const char *const settings[] = { "search_path=waybill", NULL };
	const struct pgconn_options options = {
		.conninfo = cli->conninfo,
		.application = "waybill",
		.role = cli->role,
		.timeout_ms = POSTGRES_TIMEOUT_MS,
		.settings = settings,
	};

	return pgconn_open(&options, out, err);
}

enum cli_exit
cli_exit_of(enum err_code code)
{
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
		if (exits[i].code == code)
			return exits[i].exit;
	return CLI_FAILED;
}

void
cli_tell(FILE *out, bool json, const struct err *err)
{
	struct text text;

	if (!json) {
		fprintf(out, "waybill: %s\n", err->text);
		return;
	}
	text_init(&text, 8 * ERR_TEXT_MAX);
	text_addf(&text,
	          "{\"error\":{\"code\":\"%s\",\"text\":", err_name(err->code));
	text_add_json(&text, err->text, strlen(err->text));
	text_add(&text, "}}");
	fprintf(out, "%s\n", text_string(&text));
	text_fini(&text);
}

int
cli_fail(const struct cli *cli, const struct err *err)
{
	cli_tell(stderr, cli->json, err);
	return (int)cli_exit_of(err->code);
}

int
cli_usage(const char *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "waybill: %s: ", command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "; waybill help %s says more\n", command);
	return CLI_USAGE;
}
