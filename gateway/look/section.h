/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The tables that status and lane show: each is a question to Postgres with
 * its columns, and the tables of the database that a role must be allowed to
 * read for it. Owner's thread only.
 */
#include <stdbool.h>

#include "base/runtime/err.h"

struct look;

enum section {
	SECTION_DEPLOYMENT,
	SECTION_POSTGRES,
	SECTION_DAEMONS,
	SECTION_LANES,
	SECTION_ROUTES,
	SECTION_PARKED,
	SECTION_SOURCE_GAPS,
	SECTION_FEEDS,
	SECTION_POSITIONS, /* of one lane */
	SECTION_COMMITS,   /* of one lane */
	SECTION_COUNT,
};

#define SECTION_ALL_LANES (-1)

/*
 * Prints a section into look->text, for people or (look->options->json) as
 * a member, with a comma behind it. A section that this role may not read
 * prints nothing. One that could not be counted in time says so.
 */
enum err_code
section_print(struct look *look, enum section section, int lane,
              struct err *err) ERR_MUST_CHECK;

bool
section_may_read(const struct look *look, enum section section);
