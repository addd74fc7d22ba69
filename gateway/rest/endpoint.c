/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * 400, 408, 431, 500 and 503 may come from the server below, whatever the
 * endpoint.
 */
#include "gateway/rest/endpoint.h"

#include "base/runtime/check.h"

static const struct {
	const char *name;
	const char *method;
	const char *path;
	int statuses[ENDPOINT_STATUSES_MAX];
} endpoints[ENDPOINT_COUNT] = {
	[ENDPOINT_PUBLISH] = { "publish",
	                       "POST",
	                       "/v1/tenants/{tenant}/feeds/{feed}/messages",
	                       { 200, 202, 207, 400, 401, 403, 404, 406, 408,
	                         409, 413, 415, 422, 429, 431, 500, 503 } },
	[ENDPOINT_MESSAGES] = { "messages",
	                        "GET",
	                        "/v1/tenants/{tenant}/feeds/{feed}/messages",
	                        { 200, 400, 401, 403, 404, 406, 408, 413, 431,
	                          500, 503 } },
	[ENDPOINT_RECEIPT] = { "receipt",
	                       "GET",
	                       "/v1/receipts/{id}",
	                       { 200, 400, 401, 403, 404, 406, 408, 413, 431,
	                         500, 503 } },
	[ENDPOINT_CONTRACT] = { "contract",
	                        "GET",
	                        "/v1/tenants/{tenant}/feeds/{feed}/contract",
	                        { 200, 400, 401, 403, 404, 406, 408, 413, 431,
	                          500, 503 } },
	[ENDPOINT_FILE] = { "file",
	                    "GET",
	                    "/v1/tenants/{tenant}/feeds/{feed}/files/{file}",
	                    { 200, 400, 401, 403, 404, 406, 408, 413, 431, 500,
	                      503 } },
	[ENDPOINT_STATUS] = { "status",
	                      "GET",
	                      "/v1/status",
	                      { 200, 400, 401, 403, 406, 408, 413, 431, 500,
	                        503 } },
	[ENDPOINT_OPENAPI] = { "openapi",
	                       "GET",
	                       "/openapi.json",
	                       { 200, 400, 408, 413, 431, 500, 503 } },
	[ENDPOINT_PROBLEM] = { "problem",
	                       "GET",
	                       "/docs/problems/{problem}",
	                       { 200, 400, 404, 408, 413, 431, 500, 503 } },
};

/* -- public ---------------------------------------------------------------- */

const char *
endpoint_name(enum endpoint endpoint)
{
	CHECK(endpoint < ENDPOINT_COUNT);
	return endpoints[endpoint].name;
}

const char *
endpoint_method(enum endpoint endpoint)
{
	CHECK(endpoint < ENDPOINT_COUNT);
	return endpoints[endpoint].method;
}

const char *
endpoint_path(enum endpoint endpoint)
{
	CHECK(endpoint < ENDPOINT_COUNT);
	return endpoints[endpoint].path;
}

const int *
endpoint_statuses(enum endpoint endpoint)
{
	CHECK(endpoint < ENDPOINT_COUNT);
	return endpoints[endpoint].statuses;
}

bool
endpoint_has_status(enum endpoint endpoint, int status)
{
	for (const int *at = endpoint_statuses(endpoint); *at != 0; at++)
		if (*at == status)
			return true;
	return false;
}
