/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer by HTTP that gives up late: one connection, and a request that
 * is not answered, or answered with "later", is sent again with the same
 * Idempotency-Key, so that nothing is recorded twice as two messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "examples/orange-juice/oj_err.h"

struct oj_rest;

struct oj_rest_request {
	const char *path;
	const char *token; /* the API key */
	const char *type;  /* Content-Type */
	const char *id;    /* Idempotency-Key; null with a GET */
	const void *body;  /* null: a GET */
	size_t size;
};

struct oj_rest_answer {
	long status;
	const char *text; /* until the next request */
	size_t size;
	int tries; /* more than 1: an earlier one may have been recorded */
};

/* url: of a daemon, without a path; it is copied. */
struct oj_rest *
oj_rest_new(const char *url);

/* False: nobody has answered for minutes. */
bool
oj_rest_send(struct oj_rest *rest, const struct oj_rest_request *request,
             struct oj_rest_answer *out_answer, struct oj_err *err);

void
oj_rest_free(struct oj_rest **rest);
