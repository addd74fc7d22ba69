/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * GET /v1/receipts/{id}: how far a message is by now. Context: struct rest.
 */

struct http_exchange;

void
receipt_lookup_begin(struct http_exchange *exchange, void *context);
