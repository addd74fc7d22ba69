/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections in the order in which an operator asks, and what is wrong at
 * the end, where the eye is.
 */
#include "gateway/look/status.h"

#include <string.h>

#include "base/io/pgconn.h"
#include "gateway/look/flag.h"
#include "gateway/look/look_commands.h"
#include "gateway/look/section.h"
#include "gateway/look/show.h"
#include "gateway/look/warning.h"

struct status {
	bool json;
	bool help;
};

static const struct flag flags[] = {
	{ "json", 0, FLAG_SWITCH, offsetof(struct status, json), NULL,
	  "For programs." },
	{ "help", 'h', FLAG_SWITCH, offsetof(struct status, help), NULL,
	  "This text." },
};

static const struct flag_table table = {
	.flags = flags,
	.count = sizeof(flags) / sizeof(flags[0]),
};

static const enum section sections[] = {
	SECTION_DEPLOYMENT,  SECTION_POSTGRES, SECTION_DAEMONS,
	SECTION_LANES,       SECTION_ROUTES,   SECTION_PARKED,
	SECTION_SOURCE_GAPS, SECTION_FEEDS,
};

/* Who has no right to the states is told what is missing and why. */
static void
print_role(struct look *look)
{
	if (look->options->json) {
		text_add(&look->text, "\"role\":");
		text_add_json(&look->text, look->user, strlen(look->user));
		text_add(&look->text, ",");
	} else if (!section_may_read(look, SECTION_DEPLOYMENT)) {
		text_add(&look->text, "As role ");
		show_string(&look->text, look->user);
		text_add(&look->text,
		         " you see your tenants' part only; lanes, routes and "
		         "daemons are for members of waybill_read.\n");
	}
}

static enum err_code
answer(struct look *look, bool *out_needs_person, struct err *err)
{
	if (look->options->json)
		text_add(&look->text, "{");
	print_role(look);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (section_print(look, sections[i], SECTION_ALL_LANES, err) !=
		    ERR_OK)
			return err->code;
	}
	if (warning_print(look, out_needs_person, err) != ERR_OK)
		return err->code;
	if (look->options->json)
		text_add(&look->text, "}\n");
	return ERR_OK;
}

static int
run(const struct look_options *given, int argc, char **argv)
{
	struct look_options options = *given;
	struct status status = { .json = given->json };
	bool needs_person = false;
	enum err_code code;
	struct look look;
	struct err err;

	if (flag_parse(&table, argc, argv, &status, NULL, &err) != ERR_OK)
		return look_fail(&options, "status", &err);
	if (status.help)
		return look_help(&options, &status_command);
	options.json = status.json;
	code = look_open(&options, false, &look, &err);
	if (code == ERR_OK) {
		code = answer(&look, &needs_person, &err);
		if (code != ERR_OK)
			text_reset(&look.text);
		look_close(&look);
	}
	if (code != ERR_OK)
		return look_fail(&options, "status", &err);
	return needs_person ? CLI_NEEDS_PERSON : CLI_OK;
}

/* -- public ---------------------------------------------------------------- */

const struct look_command status_command = {
	.command = {
		.name = "status",
		.synopsis = "status",
		.help = "Shows the state of the deployment: Postgres, daemons, lanes "
		        "with how much they have recorded, routes with how far each "
		        "cluster is behind and why, parked feeds, source gaps, and "
		        "each feed's messages of the last hour by verdict; then what "
		        "is wrong and what to do about it. Ends with 5 where a person "
		        "or an alarm should know: no daemon is alive, a lane has no "
		        "living owner, waits or has diverged, a route is down, "
		        "stalled, progress-blocked or diverged, Kafka has lost what "
		        "was to be read, a feed is parked, or its contract does not "
		        "compile with this version. Ends with 0 where there "
		        "is none of these; other warnings, such as those about how "
		        "safe Postgres is set up, leave it 0. What a role may not "
		        "see it is not warned of.",
		.run = look_commands_run,
	},
	.flags = &table,
	.look = run,
};
