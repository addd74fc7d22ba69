/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where a value ends among bytes that go on behind it. Only what moves the end
 * is looked at: whether the value keeps its contract is for the checker.
 */
#include <stddef.h>
#include <stdint.h>

struct schema;

/* -1: no value of the schema begins there, whatever follows. */
int64_t
measure_run(const struct schema *schema, const uint8_t *bytes, size_t len);
