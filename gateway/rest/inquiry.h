/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A question of a tenant to the journal: asked by a reader's thread, in a
 * transaction that only reads, in the role of the tenant, so that row-level
 * security says what there is. Whoever asks embeds it, in the arena of the
 * exchange.
 */
#include <stdint.h>

#include "base/model/auth.h"
#include "base/runtime/err.h"
#include "gateway/look/look.h"
#include "gateway/rest/reading.h"
#include "gateway/rest/rest_metric.h"

struct arena;
struct http_exchange;
struct http_response;
struct rest;

struct inquiry {
	uint32_t magic;
	struct reading_job job;
	struct rest *rest;
	struct http_exchange *exchange;
	enum endpoint endpoint;
	int64_t began_us;
	char tenant[AUTH_NAME_MAX + 1];
	/* Fills in the response. ERR_NOT_FOUND: there is none, for this tenant;
	   other errors as the connection says them. */
	enum err_code (*answer)(struct inquiry *inquiry, struct look *look,
	                        struct http_response *response,
	                        struct err *err);
};

/* Asks; the exchange is then the inquiry's to answer. */
void
inquiry_ask(struct inquiry *inquiry);

/* Where it is clear already what is wrong. */
void
inquiry_refuse(struct inquiry *inquiry, int problem, const char *detail);
