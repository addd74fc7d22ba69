/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What headers and query of a request that publishes say. Strict: what is not
 * known, or means nothing with this body, refuses the request. Any thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "gateway/rest/intake.h"
#include "gateway/rest/problem.h"

struct arena;
struct http_request;

struct publish_request {
	bool wait_forwarded;
	bool only_bad;
	int64_t partition; /* PREPARATION_NO_PARTITION: not said */
	const char *file;  /* its digest; NULL: no file */
	int64_t contract;  /* whose id bodies are made for; 0: not said */
	struct intake_request intake; /* but for the contract */
};

/* PROBLEM_COUNT: it is sound. Else *err has the detail. The body, where it is
   not there yet, is not looked at. */
enum problem
publish_request_read(const struct http_request *request, struct arena *arena,
                     struct publish_request *out, struct err *err);
