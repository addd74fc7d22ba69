/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * GET /v1/tenants/{tenant}/feeds/{feed}/files/{file}: which records of a file
 * the journal has, so that who was interrupted goes on where he was. Context
 * is struct rest.
 */

/* How many numbers one answer is about. */
#define FILE_LOOKUP_SPAN 250000

struct http_exchange;

void
file_lookup_begin(struct http_exchange *exchange, void *context);
