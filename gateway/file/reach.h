/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The REST interface of a daemon as a program that publishes sees it: one
 * connection, requests that are tried again until they are answered for good.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct reach;
struct text;

struct reach_options {
	const char *url; /* "http://127.0.0.1:8080": what stands in front of
	                    /v1 */
	const char *tenant;
	const char *feed;
	const char *token;       /* the API key */
	const char *ca_file;     /* NULL: the system's */
	int64_t patience_ms;     /* without any answer, or with such that say to
	                            come again; 0: for ever */
	const atomic_bool *stop; /* NULL: never. Waiting ends when it is set */
	/* Called when it has to try again, with what there was. */
	void (*waiting)(void *context, const char *why);
	void *context;
};

/* Options are borrowed. ERR_USAGE: the URL, or a name, cannot be meant. */
enum err_code
reach_open(const struct reach_options *options, struct reach **out,
           struct err *err) ERR_MUST_CHECK;

void
reach_close(struct reach **reach);

struct reach_request {
	const char *path; /* behind .../feeds/FEED: "/contract" */
	/* To be posted; type NULL: GET */
	const char *type;
	const char *const *headers; /* more of them; NULL-terminated, or NULL */
	const void *body;
	size_t body_len;
};

/*
 * Until there is an answer that is no wish to come again: *out_status, and the
 * body in out. ERR_TIMEOUT: patience is at its end, the text says with what;
 * ERR_STOPPED. The same bytes are sent each time: they have ids.
 */
enum err_code
reach_ask(struct reach *reach, const struct reach_request *request,
          int *out_status, struct text *out, struct err *err) ERR_MUST_CHECK;

/* Waits as it would after an answer that says to come again. */
enum err_code
reach_pause(struct reach *reach, const char *why,
            struct err *err) ERR_MUST_CHECK;

/* What an answer of 400 or more says: ERR_PRIVILEGE (401, 403), ERR_NOT_FOUND,
   ERR_TOO_LARGE, ERR_CONFLICT (another contract is in force), ERR_INVALID. */
enum err_code
reach_fail(int status, const struct text *body, struct err *err);
