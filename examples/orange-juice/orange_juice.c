/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * orange-juice: real retail sales as the messages of two country tenants, for
 * the quick start.  A user of Kafka like any other: it shares no code with the
 * gateway.
 */
#include <stdio.h>
#include <string.h>

#include "examples/orange-juice/oj_commands.h"

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *does;
} COMMANDS[] = {
	{ "read", oj_read_main, "say what is in the file of sales" },
	{ "produce", oj_produce_main, "send it to Kafka, some of it spoiled" },
	{ "post", oj_post_main, "send the part of it that goes by REST" },
	{ "consume", oj_consume_main, "read what a downstream system gets" },
};

static void
usage(FILE *file)
{
	fputs("usage: orange-juice COMMAND [--help]\n\n", file);
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		fprintf(file, "  %-8s  %s\n", COMMANDS[i].name,
		        COMMANDS[i].does);
}

int
main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return OJ_EXIT_OK;
	}
	for (size_t i = 0;
	     argc >= 2 && i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
		if (strcmp(argv[1], COMMANDS[i].name) == 0)
			return COMMANDS[i].main(argc - 1, argv + 1);
	}
	usage(stderr);
	return OJ_EXIT_USAGE;
}
