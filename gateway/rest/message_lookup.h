/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * GET /v1/tenants/{tenant}/feeds/{feed}/messages: what was recorded, found by
 * id, key, source, delivery or time, in pages. Context: struct rest.
 */

struct http_exchange;

void
message_lookup_begin(struct http_exchange *exchange, void *context);
