/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * GET /v1/tenants/{tenant}/feeds/{feed}/contract: what who makes messages out
 * of something else needs to know. Context is struct rest.
 */

struct http_request;
struct http_response;

void
contract_lookup_handle(const struct http_request *request,
                       struct http_response *response, void *context);
