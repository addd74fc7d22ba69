/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Makes the tree of a schema out of its JSON document.
 */
#include "base/runtime/err.h"

struct schema;

/* Fills root and nodes (room for SCHEMA_NODES_MAX) from document; defaults
   are not looked at. ERR_SCHEMA with the JSON pointer. */
enum err_code
schema_reader_read(struct schema *schema, struct err *err) ERR_MUST_CHECK;
