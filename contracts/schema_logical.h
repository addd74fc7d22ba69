/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Logical types. The specification says that an unknown or invalid one is
 * ignored: the node then keeps its name in logical_ignored.
 */
#include <stdbool.h>
#include <stdint.h>

#include "contracts/schema.h"

struct json;

/* Reads logicalType, precision and scale of a schema's JSON object. */
void
schema_logical_read(struct schema *schema, struct schema_node *node,
                    const struct json *json);

/* Whether a big-endian two's complement number has at most so many decimal
   digits; exact up to 38, by its bits beyond. An empty one is no number. */
bool
schema_logical_decimal_fits(const uint8_t *bytes, uint32_t len, int precision);

/* 8-4-4-4-12 hexadecimal digits. */
bool
schema_logical_is_uuid(const uint8_t *bytes, uint32_t len);

/* Whether a number of a time of day is in its day. */
bool
schema_logical_time_fits(enum schema_logical logical, int64_t value);

const char *
schema_logical_name(enum schema_logical logical); /* "" for SCHEMA_PLAIN */
