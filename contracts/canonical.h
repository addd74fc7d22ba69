/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The Parsing Canonical Form of a schema and its CRC-64-AVRO fingerprint, as
 * the Avro specification defines them: what two schemas that read the same
 * bytes have in common.
 */
#include <stdint.h>

#include "contracts/schema.h"

struct text;

/* Names are taken over whole, so it may be longer than the schema. */
#define CANONICAL_BYTES_MAX (16 * (size_t)SCHEMA_BYTES_MAX)

void
canonical_print(const struct schema *schema, struct text *out);

uint64_t
canonical_fingerprint(const struct schema *schema);
