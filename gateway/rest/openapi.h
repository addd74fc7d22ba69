/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * GET /openapi.json: the contract of the REST interface, an OpenAPI 3.1
 * document. Its source is the file openapi.json beside this one, which the
 * build makes a part of the program.
 */
#include <stddef.h>

struct http_request;
struct http_response;

extern const char openapi_json[];
extern const size_t openapi_json_len;

void
openapi_handle(const struct http_request *request,
               struct http_response *response, void *context);
