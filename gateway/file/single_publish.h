/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One message to a feed, and its receipt. Owner's thread only.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct look_options;

struct single_publish {
	const char *url, *tenant, *feed, *token;
	const char *ca_file;
	int64_t patience_ms;
	const char *key;   /* NULL: the contract derives it */
	const char *value; /* JSON */
	const char *id;    /* NULL: one of its own, so that it can be tried
	                      again */
	const char *time;  /* NULL: not said */
};

/* Prints the receipt; *out_status: below 300: accepted, else rejected or in
   conflict. */
enum err_code
single_publish_run(const struct single_publish *single,
                   const struct look_options *options, int *out_status,
                   struct err *err) ERR_MUST_CHECK;
