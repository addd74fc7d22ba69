/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Snappy's raw format, read. The length of what comes out stands in front, so
 * memory is taken once, and only as much as was allowed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long it becomes; false: the head is broken. */
bool
snappy_length(const uint8_t *bytes, size_t len, uint32_t *out);

/* Into exactly as many bytes as snappy_length says; false: broken. */
bool
snappy_decode(const uint8_t *bytes, size_t len, uint8_t *out, uint32_t out_len);
