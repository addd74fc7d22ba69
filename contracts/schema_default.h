/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Defaults of fields: whether a JSON value can stand for a value of a type.
 * A union's default may match any of its branches, as since Avro 1.12.
 */
#include "base/runtime/err.h"

struct schema;

/* Every default of every field. ERR_SCHEMA with the JSON pointer. */
enum err_code
schema_default_check(const struct schema *schema,
                     struct err *err) ERR_MUST_CHECK;
