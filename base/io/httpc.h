/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A small HTTP client (libcurl underneath, included in httpc.c only): one
 * request, one answer, bounded in time and size. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct text;
struct httpc;

struct httpc *
httpc_new(void);
void
httpc_free(struct httpc **client);

struct httpc_request {
	const char *method;
	const char *url;            /* http or https */
	const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
	const void *body;
	size_t body_len;
	int64_t timeout_ms;
	size_t answer_bytes_max;
	const char *tls_ca_file; /* PEM, trusted alone; NULL: the system's */
	/* The body leaves at most once. Else a connection that was kept and
	   turns out to be closed is made anew and the request sent again, which
	   the peer may then have twice. */
	bool is_once;
};

/* ERR_HTTP: no answer (the text says why). Any status is an answer. */
enum err_code
httpc_do(struct httpc *client, const struct httpc_request *request,
         int *out_status, struct text *out_body,
         struct err *err) ERR_MUST_CHECK;

/* What Retry-After of the last answer says; 0: nothing. */
int64_t
httpc_retry_after_s(const struct httpc *client);

/* Whether anything of the last request's body may have left; where is_once was
   said and there was one. False: the peer surely does not have it. */
bool
httpc_was_sent(const struct httpc *client);
