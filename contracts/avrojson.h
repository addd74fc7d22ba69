/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An Avro value as JSON for people, not to be read back: a union is the value
 * of its branch, bytes and fixed are hexadecimal, decimals are strings, dates
 * and times are ISO 8601 where the year has four digits, numbers that JSON has
 * not ("NaN", "Infinity") are strings; sensitive fields are "(redacted)".
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct schema;
struct text;

/* ERR_INVALID: the bytes are no value of the schema. Any bytes are safe. */
enum err_code
avrojson_print(const struct schema *schema, const uint8_t *bytes, size_t len,
               struct text *out, struct err *err) ERR_MUST_CHECK;
