/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the REST endpoints answer when they do not do what was asked: one
 * problem type (RFC 9457) a row of one table, which also prints the reference
 * page. A detail never says anything about what the caller has no right to.
 */
#include <stddef.h>

#include "base/runtime/err.h"

struct http_response;
struct text;

enum problem {
	PROBLEM_BAD_REQUEST,
	PROBLEM_UNAUTHORIZED,
	PROBLEM_FORBIDDEN,
	PROBLEM_NOT_FOUND,
	PROBLEM_METHOD_NOT_ALLOWED,
	PROBLEM_NOT_ACCEPTABLE,
	PROBLEM_REQUEST_TIMEOUT,
	PROBLEM_CONFLICT,
	PROBLEM_OTHER_CONTRACT,
	PROBLEM_TOO_LARGE,
	PROBLEM_MEDIA_TYPE,
	PROBLEM_REJECTED,
	PROBLEM_QUOTA,
	PROBLEM_HEADERS_TOO_LARGE,
	PROBLEM_INTERNAL,
	PROBLEM_UNAVAILABLE,
	PROBLEM_UNKNOWN,
	PROBLEM_COUNT
};

int
problem_status(enum problem problem);
const char *
problem_slug(enum problem problem); /* "not-found" */
const char *
problem_title(enum problem problem);

/* The members of the object without its closing brace, so that a caller may
   add some of its own. detail NULL: none. */
void
problem_begin(struct text *out, enum problem problem, const char *detail);

/* The whole object. */
void
problem_print(struct text *out, enum problem problem, const char *detail);

/* PROBLEM_COUNT: there is none of this name. */
enum problem
problem_by_slug(const char *slug);

/* What it means and what to do, as the reference page says it. */
void
problem_explain(struct text *out, enum problem problem);

/* The reference page, as Markdown. */
void
problem_print_reference(struct text *out);

/* As the whole response; what may have been in it before is dropped. Says in
   headers what belongs to it: WWW-Authenticate, Accept-Post, Retry-After. */
void
problem_answer(struct http_response *response, enum problem problem,
               const char *detail);
