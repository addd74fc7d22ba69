/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One value of a CSV as the Avro binary of a field: scalars, what may be null,
 * and logical types as people write them. Nothing is rounded but float and
 * double.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contracts/contract_rule.h"
#include "contracts/jsonplan.h"

struct text;

/* What was not right. */
struct csvfield_fault {
	enum contract_rule rule;
	const char *expected;
};

/* Whether values of the type can stand in a CSV. */
bool
csvfield_is_known(const struct schema_node *node);

/* The value without its quotes. false: see the fault; out is then of no
   use. */
bool
csvfield_add(const struct jsonplan_node *node, const uint8_t *bytes, size_t len,
             bool is_quoted, struct text *out,
             struct csvfield_fault *out_fault);
