/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections of status for one lane, and those that are too long for all.
 */
#include "gateway/look/lane_show.h"

#include <stdlib.h>

#include "base/io/pgconn.h"
#include "gateway/look/flag.h"
#include "gateway/look/look_commands.h"
#include "gateway/look/section.h"

#define LANES_MAX 64

struct lane_show {
	const char *lane;
	bool json;
	bool help;
};

static const struct flag flags[] = {
	{ "json", 0, FLAG_SWITCH, offsetof(struct lane_show, json), NULL,
	  "For programs." },
	{ "help", 'h', FLAG_SWITCH, offsetof(struct lane_show, help), NULL,
	  "This text." },
};

static const struct flag_table table = {
	.flags = flags,
	.count = sizeof(flags) / sizeof(flags[0]),
	.operands_max = 1,
};

static const enum section all_lanes[] = { SECTION_LANES, SECTION_ROUTES };
static const enum section one_lane[] = {
	SECTION_LANES,       SECTION_ROUTES,    SECTION_PARKED,
	SECTION_SOURCE_GAPS, SECTION_POSITIONS, SECTION_COMMITS,
};

static const struct pgstatement exists = {
	.name = "lane_show_exists",
	.sql = "select $1 < coalesce((select lanes from waybill.deployment),"
	       " 0), exists (select from waybill.lane where lane = $1)",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};

static enum err_code
check_lane(struct look *look, int lane, struct err *err)
{
	struct pgnumber room;
	struct pgvalue value = pgvalue_int4(lane, &room);
	struct pgrows *rows = NULL;
	bool declared, taken;

	if (lane == SECTION_ALL_LANES)
		return ERR_OK;
	if (pgconn_query(look->conn, &exists, &value, &rows, err) != ERR_OK)
		return err->code;
	declared = pgrows_bool(rows, 0, 0);
	taken = pgrows_bool(rows, 0, 1);
	pgrows_free(&rows);
	if (!declared)
		return err_set(err, ERR_NOT_FOUND, "there is no lane %d", lane);
	if (!taken)
		return err_set(err, ERR_NOT_FOUND,
		               "no daemon has taken lane %d yet", lane);
	return ERR_OK;
}

static enum err_code
answer(struct look *look, int lane, struct err *err)
{
	const enum section *sections =
		lane == SECTION_ALL_LANES ? all_lanes : one_lane;
	size_t count = lane == SECTION_ALL_LANES
		? sizeof(all_lanes) / sizeof(all_lanes[0])
		: sizeof(one_lane) / sizeof(one_lane[0]);

	if (!section_may_read(look, SECTION_LANES))
		return err_set(err, ERR_PRIVILEGE,
		               "role \"%s\" may not look at lanes: GRANT "
		               "waybill_read TO \"%s\"",
		               look->user, look->user);
	if (check_lane(look, lane, err) != ERR_OK)
		return err->code;
	if (look->options->json)
		text_add(&look->text, "{");
	for (size_t i = 0; i < count; i++) {
		if (section_print(look, sections[i], lane, err) != ERR_OK)
			return err->code;
	}
	if (look->options->json) {
		/* in place of the last section's comma */
		look->text.len--;
		text_add(&look->text, "}\n");
	}
	return ERR_OK;
}

static int
run(const struct look_options *given, int argc, char **argv)
{
	struct look_options options = *given;
	struct lane_show show = { .json = given->json };
	int lane = SECTION_ALL_LANES;
	enum err_code code;
	struct look look;
	struct err err;
	char *end;

	if (flag_parse(&table, argc, argv, &show, &show.lane, &err) != ERR_OK)
		return look_fail(&options, "lane", &err);
	if (show.help)
		return look_help(&options, &lane_show_command);
	options.json = show.json;
	if (show.lane != NULL) {
		long value = strtol(show.lane, &end, 10);

		if (end == show.lane || *end != '\0' || value < 0 ||
		    value >= LANES_MAX) {
			err_set(&err, ERR_USAGE, "'%s' is no lane: 0 to %d",
			        show.lane, LANES_MAX - 1);
			return look_fail(&options, "lane", &err);
		}
		lane = (int)value;
	}
	code = look_open(&options, false, &look, &err);
	if (code == ERR_OK) {
		code = answer(&look, lane, &err);
		if (code != ERR_OK)
			text_reset(&look.text);
		look_close(&look);
	}
	return code == ERR_OK ? CLI_OK : look_fail(&options, "lane", &err);
}

/* -- public ---------------------------------------------------------------- */

const struct look_command lane_show_command = {
	.command = {
		.name = "lane",
		.synopsis = "lane [N]",
		.help = "Shows one lane in depth: its owner, what it has recorded, how "
		        "far each cluster is, what is parked, the next offset of each "
		        "source, and its last commits with the hash chain. Without a "
		        "number: all lanes, briefly.",
		.run = look_commands_run,
	},
	.flags = &table,
	.look = run,
};
