/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * POST /v1/tenants/{tenant}/feeds/{feed}/messages: from a request to its
 * receipts. Context of both is struct rest.
 */
#include <stdbool.h>

struct http_exchange;
struct http_request;
struct http_response;

/* What can be refused before there is a body. */
bool
publish_admit(const struct http_request *request,
              struct http_response *response, void *context);

void
publish_begin(struct http_exchange *exchange, void *context);
