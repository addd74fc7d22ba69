/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A message as a JSON object: {"key", "value", "headers", "time", "id"}, in any
 * order. "value" must be there, and is strict Avro JSON; null is a tombstone. A
 * key that is no text is "key_base64".
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct intake_message;
struct jsonslice;

/* False: the slice has the fault. */
bool
envelope_read(struct jsonslice *slice, struct arena *arena,
              struct intake_message *out);

/* base64 with or without its padding, also base64url. NULL: it is not. */
uint8_t *
envelope_base64(const char *text, size_t len, struct arena *arena,
                int32_t *out_len);
