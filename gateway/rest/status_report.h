/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * GET /v1/status: whether this daemon takes messages, and what a tenant's feeds
 * are like. GET /docs/problems/{problem}: what a problem type means. Context of
 * both: struct rest.
 */

struct http_request;
struct http_response;

void
status_report_handle(const struct http_request *request,
                     struct http_response *response, void *context);

void
status_report_problem(const struct http_request *request,
                      struct http_response *response, void *context);
