/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands share. */
#include "examples/orange-juice/oj_commands.h"

#include <errno.h>
#include <stdlib.h>

/* -- public -------------------------------------------------------------- */

long long
oj_commands_number_parse(const char *text, long long max)
{
	char *end = NULL;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < 0 ||
	    number > max)
		return -1;
	return number;
}

bool
oj_commands_weeks_parse(const char *text, int32_t *out_first, int32_t *out_last)
{
	char *end = NULL;
	long first = strtol(text, &end, 10);

	if (first < 1 || *end != '-')
		return false;
	long long last = oj_commands_number_parse(end + 1, 1000000);
	if (last < first)
		return false;
	*out_first = (int32_t)first;
	*out_last = (int32_t)last;
	return true;
}
