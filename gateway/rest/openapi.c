/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * For everybody: it names no tenant.
 */
#include "gateway/rest/openapi.h"

#include "base/io/httpd.h"
#include "base/runtime/text.h"
#include "gateway/rest/endpoint.h"
#include "gateway/rest/rest_metric.h"

/* -- public ---------------------------------------------------------------- */

void
openapi_handle(const struct http_request *request,
               struct http_response *response, void *context)
{
	text_add_bytes(response->body, openapi_json, openapi_json_len);
	rest_metric_answered(ENDPOINT_OPENAPI, response->status, 0);
}
