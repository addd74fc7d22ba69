/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The headers of a message as a JSON object of strings (or nulls), in the form
 * that the journal has.
 */
#include <stdbool.h>
#include <stdint.h>

struct arena;
struct jsonslice;

#define HEADERMAP_COUNT_MAX 100

/* Reads an object; false: the slice has the fault. No member: *out is NULL and
   *out_len -1. A name must stand once, not be
   empty, and have no NUL. */
bool
headermap_read(struct jsonslice *slice, struct arena *arena,
               const uint8_t **out, int32_t *out_len);

/* Whether bytes are headers in the journal's form, with names that are texts. */
bool
headermap_is_sound(const uint8_t *bytes, int32_t len);
