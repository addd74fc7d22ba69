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
