/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro's binary encoding to JSON, by the schema's JSON: for showing a message
 * to a person.  It checks what it reads (bounds, indexes, UTF-8, nothing left
 * over), in its own way and without a line of the gateway's.  Decimals, dates
 * and timestamps are shown as such.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "examples/orange-juice/oj_err.h"

/* *out_json is new; its name order is the schema's. */
bool
oj_decode(const json_t *schema, const uint8_t *bytes, size_t size,
          json_t **out_json, struct oj_err *err);
