/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Adds violations to the result of a check. Their texts go into PostgreSQL
 * and into JSON: whatever bytes a message has, they are valid UTF-8 without
 * control characters, and cut to a length.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contracts/contract_rule.h"

struct arena;
struct contract_result;

#define CONTRACT_FINDING_VALUE_MAX 96 /* of a printed value */
#define CONTRACT_FINDING_PATH_MAX  512

struct contract_finding {
	enum contract_rule rule;
	const char *path;     /* copied; NULL: "" */
	const char *expected; /* copied; NULL: "" */
	const char *value;    /* copied; NULL: "" */
	int32_t offset;       /* into the body; -1: not about a byte */
};

/* Nothing where the result is full. */
void
contract_finding_add(struct contract_result *result, struct arena *arena,
                     const struct contract_finding *finding);

/* Appends bytes to a text of out_size as they can be shown: what is no text
   becomes \\xNN, what is too long "...". */
void
contract_finding_print(char *out, size_t out_size, const uint8_t *bytes,
                       size_t len);
