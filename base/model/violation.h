/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One reason why a message was not accepted. Strings live in the arena of the
 * message's batch; no member is NULL ("" where there is nothing to say).
 */
#include <stdint.h>

#define VIOLATIONS_MAX 16 /* per message */

struct violation {
	const char *rule;     /* "avro.truncated": stable, documented */
	const char *path;     /* JSON pointer into the message: "/price" */
	const char *expected; /* for a person */
	const char *value;    /* what was there, redacted if sensitive, cut */
	int32_t byte_offset;  /* into the body; -1: not about a byte */
};
