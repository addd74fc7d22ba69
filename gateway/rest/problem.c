/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of problem types. The server below answers some of them by
 * itself, by the same names.
 */
#include "gateway/rest/problem.h"

#include <string.h>

#include "base/io/httpd.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"
#include "gateway/rest/media.h"

#define HEADER_BYTES_MAX 1000

static const struct {
	int status;
	const char *slug;
	const char *title;
	const char *meaning;
	const char *advice;
} problems[PROBLEM_COUNT] = {
	[PROBLEM_BAD_REQUEST] = { 400, "bad-request", "Bad Request",
	                          "The request is not what HTTP or this endpoint "
	                          "takes: a parameter or header that is unknown, "
	                          "twice or malformed, or a body that cannot be "
	                          "cut into messages. The detail says where. "
	                          "Nothing was recorded.",
	                          "Do not repeat it as it is." },
	[PROBLEM_UNAUTHORIZED] = { 401, "unauthorized", "Unauthorized",
	                           "There is no API key, or it is unknown, "
	                           "expired or revoked. Nothing was recorded.",
	                           "Send `Authorization: Bearer KEY` with a key "
	                           "that is in force." },
	[PROBLEM_FORBIDDEN] = { 403, "forbidden", "Forbidden",
	                        "The key belongs to this tenant, but has not the "
	                        "scope that this needs. Nothing was recorded.",
	                        "Ask for a key with the scope." },
	[PROBLEM_NOT_FOUND] = { 404, "not-found", "Not Found",
	                        "There is no such path, tenant, feed or message, "
	                        "or it is not for this key: the answer is the "
	                        "same.",
	                        "Check the names, and whose key it is." },
	[PROBLEM_METHOD_NOT_ALLOWED] = { 405, "method-not-allowed",
	                                 "Method Not Allowed",
	                                 "The path takes other methods.",
	                                 "See the header `Allow`." },
	[PROBLEM_NOT_ACCEPTABLE] = { 406, "not-acceptable", "Not Acceptable",
	                             "The header `Accept` does not take "
	                             "`application/json`. Nothing was recorded.",
	                             "Accept it, or send no such header." },
	[PROBLEM_REQUEST_TIMEOUT] = { 408, "request-timeout", "Request Timeout",
	                              "The request did not arrive whole in time. "
	                              "Nothing was recorded.",
	                              "Repeat it." },
	[PROBLEM_CONFLICT] = { 409, "message-conflict", "Message Conflict",
	                       "The id is that of an earlier message with other "
	                       "content. It was recorded as a conflict and went "
	                       "to the dead-letter topic; `receipts` has it, and "
	                       "`of` the message that came first.",
	                       "Find out which is right; send that with an id of "
	                       "its own." },
	[PROBLEM_OTHER_CONTRACT] = { 409, "other-contract", "Other Contract",
	                             "The feed's contract is not the one that "
	                             "`contract` names any more. Nothing was "
	                             "recorded.",
	                             "Ask for the contract, make the bodies "
	                             "anew." },
	[PROBLEM_TOO_LARGE] = { 413, "content-too-large", "Content Too Large",
	                        "The body, a message in it, or the number of "
	                        "messages is over a maximum, which the detail "
	                        "names. Nothing was recorded.",
	                        "Send fewer messages a request, or smaller ones." },
	[PROBLEM_MEDIA_TYPE] = { 415, "unsupported-media-type",
	                         "Unsupported Media Type",
	                         "The header `Content-Type` is not one that this "
	                         "endpoint takes, or there is none. Nothing was "
	                         "recorded.",
	                         "See the header `Accept-Post` of the answer." },
	[PROBLEM_REJECTED] = { 422, "message-rejected", "Message Rejected",
	                       "The message breaks its contract. It was recorded "
	                       "with its `violations` and went to the dead-letter "
	                       "topic.",
	                       "Correct the message; do not repeat it as it is." },
	[PROBLEM_QUOTA] = { 429, "too-many-requests", "Too Many Requests",
	                    "The tenant's quota of messages or bytes is used up. "
	                    "Nothing was recorded.",
	                    "Wait as `Retry-After` says, then repeat it." },
	[PROBLEM_HEADERS_TOO_LARGE] = { 431, "request-header-fields-too-large",
	                                "Request Header Fields Too Large",
	                                "The header section is over a maximum. "
	                                "Nothing was recorded.",
	                                "Send fewer or shorter headers." },
	[PROBLEM_INTERNAL] = { 500, "internal-server-error",
	                       "Internal Server Error",
	                       "The server cannot answer, and says why in its "
	                       "log.",
	                       "Tell the operator. A message may have been "
	                       "recorded: repeat it with the same id." },
	[PROBLEM_UNAVAILABLE] = { 503, "unavailable", "Unavailable",
	                          "Nothing of what the request asks could be done "
	                          "in time: of a message that is named here "
	                          "nothing was recorded. A part of many messages "
	                          "that was recorded has its receipts.",
	                          "Wait as `Retry-After` says, then repeat it." },
	[PROBLEM_UNKNOWN] = { 503, "outcome-unknown", "Outcome Unknown",
	                      "Whether messages were recorded is not known in "
	                      "time.",
	                      "Repeat the request with the same ids "
	                      "(`Idempotency-Key`): what was recorded is then "
	                      "not recorded twice." },
};

/* -- public ---------------------------------------------------------------- */

int
problem_status(enum problem problem)
{
	CHECK(problem < PROBLEM_COUNT);
	return problems[problem].status;
}

const char *
problem_slug(enum problem problem)
{
	CHECK(problem < PROBLEM_COUNT);
	return problems[problem].slug;
}

const char *
problem_title(enum problem problem)
{
	CHECK(problem < PROBLEM_COUNT);
	return problems[problem].title;
}

void
problem_begin(struct text *out, enum problem problem, const char *detail)
{
	CHECK(problem < PROBLEM_COUNT);
	text_addf(out,
	          "{\"type\":\"/docs/problems/%s\",\"title\":\"%s\","
	          "\"status\":%d",
	          problems[problem].slug, problems[problem].title,
	          problems[problem].status);
	if (detail != NULL) {
		text_add(out, ",\"detail\":");
		text_add_json(out, detail, strlen(detail));
	}
}

void
problem_print(struct text *out, enum problem problem, const char *detail)
{
	problem_begin(out, problem, detail);
	text_add(out, "}\n");
}

enum problem
problem_by_slug(const char *slug)
{
	int i = 0;

	while (i < PROBLEM_COUNT && strcmp(problems[i].slug, slug) != 0)
		i++;
	return (enum problem)i;
}

void
problem_explain(struct text *out, enum problem problem)
{
	CHECK(problem < PROBLEM_COUNT);
	text_addf(out, "%s\n\n%s\n", problems[problem].meaning,
	          problems[problem].advice);
}

void
problem_print_reference(struct text *out)
{
	text_add(out,
	         "| type | status | title | what it means | what to do |\n"
	         "|---|---|---|---|---|\n");
	for (int i = 0; i < PROBLEM_COUNT; i++)
		text_addf(out, "| `/docs/problems/%s` | %d | %s | %s | %s |\n",
		          problems[i].slug, problems[i].status,
		          problems[i].title, problems[i].meaning,
		          problems[i].advice);
}

void
problem_answer(struct http_response *response, enum problem problem,
               const char *detail)
{
	struct text list;

	response->status = problem_status(problem);
	response->content_type = "application/problem+json";
	text_reset(response->body);
	problem_print(response->body, problem, detail);
	if (problem == PROBLEM_UNAVAILABLE || problem == PROBLEM_UNKNOWN)
		response->retry_after_s = 1;
	if (problem == PROBLEM_UNAUTHORIZED)
		http_response_header(response, "WWW-Authenticate",
		                     "Bearer realm=\"waybill\"");
	if (problem == PROBLEM_MEDIA_TYPE) {
		text_init(&list, HEADER_BYTES_MAX);
		media_list(&list);
		http_response_header(response, "Accept-Post",
		                     text_string(&list));
		text_fini(&list);
	}
}
