/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Why the checker refused a value, and where: a second walk over the bytes,
 * along the tree of the schema and with the path in hand. Slow, and only on
 * bad messages; also a peer that the checker is tested against.
 */
#include <stdint.h>

struct arena;
struct contract_result;
struct schema;

/*
 * Adds each broken logical type, and the first thing that makes the bytes
 * unreadable: nothing behind that can be trusted. from: where in the body
 * the Avro binary begins. Returns how many violations it has found.
 */
int
explainer_run(const struct schema *schema, const uint8_t *body,
              int32_t body_len, int32_t from, struct arena *arena,
              struct contract_result *result);
