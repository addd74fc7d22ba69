/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * POST /v1/lanes/{lane}/parts: what other daemons pass on to the owner of a
 * lane. Whoever does not show the deployment's secret gets the answer of a path
 * where nothing is.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/model/lease.h"
#include "base/model/submission.h"

struct catalogue;
struct http_exchange;
struct http_request;
struct http_response;
struct reception;

struct reception_options {
	struct catalogue *catalogue;
	struct submission_lanes lanes; /* of this daemon alone */
	uint8_t secret[LEASE_SECRET_LEN];
};

struct reception *
reception_new(const struct reception_options *options);

/* All requests are answered. */
void
reception_free(struct reception **reception);

/* Of a route, on the server's threads. */
bool
reception_admit(const struct reception *reception,
                const struct http_request *request,
                struct http_response *response);
void
reception_begin(struct reception *reception, struct http_exchange *exchange);
