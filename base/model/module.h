/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How a folder plugs into the programs: tables, no code that knows everyone.
 * Each member may be NULL or 0.
 */
#include <stddef.h>

#include "base/runtime/err.h"

struct http_route;
struct metric_def;
struct setting;

struct command {
	const char *name;     /* "history" */
	const char *synopsis; /* "history ID | --key KEY --feed FEED ..." */
	const char *help;     /* whole sentences, for --help and the man page */
	int (*run)(int argc, char **argv, void *context); /* exit code */
};

struct module {
	const char *name;
	const struct setting *settings;
	size_t setting_count;
	const struct metric_def *metrics;
	size_t metric_count;
	const struct http_route *const *routes; /* NULL-terminated */
	const struct command *commands;
	size_t command_count;
	enum err_code (*start)(void *context, struct err *err);
	void (*stop)(void *context);
};
