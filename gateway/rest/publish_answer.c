/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A duplicate is as good as what it repeats: where that was accepted, the
 * producer has what he wanted.
 */
#include "gateway/rest/publish_answer.h"

#include "base/io/httpd.h"
#include "base/runtime/text.h"
#include "gateway/rest/problem.h"
#include "gateway/rest/receipt.h"

static const struct {
	enum problem problem;
	const char *detail;
} bad_kinds[RECEIPT_KIND_COUNT] = {
	[RECEIPT_ACCEPTED] = { PROBLEM_COUNT, NULL },
	[RECEIPT_DUPLICATE] = { PROBLEM_COUNT, NULL },
	[RECEIPT_REJECTED] = { PROBLEM_REJECTED,
	                       "the message breaks the feed's contract; it is "
	                       "recorded with its violations" },
	[RECEIPT_CONFLICT] = { PROBLEM_CONFLICT,
	                       "a message with this id and other content came "
	                       "before" },
	[RECEIPT_REFUSED] = { PROBLEM_UNAVAILABLE,
	                      "it was not recorded; try again" },
	[RECEIPT_UNKNOWN] = { PROBLEM_UNKNOWN,
	                      "it is not known whether it was recorded; try "
	                      "again with the same id" },
};

/* The problem of the whole; PROBLEM_COUNT: there is none. */
static enum receipt_kind
worst_of(const struct publish_answer *answer,
         const struct receipt_counts *counts)
{
	if (answer->is_single)
		return answer->receipts[0].of_rejected
			? RECEIPT_REJECTED
			: answer->receipts[0].kind;
	if (counts->of[RECEIPT_REFUSED] == answer->count)
		return RECEIPT_REFUSED;
	if (counts->of[RECEIPT_REFUSED] + counts->of[RECEIPT_UNKNOWN] ==
	    answer->count)
		return RECEIPT_UNKNOWN;
	return RECEIPT_ACCEPTED;
}

static int
status_of(const struct publish_answer *answer,
          const struct receipt_counts *counts)
{
	if (counts->of[RECEIPT_ACCEPTED] + counts->of[RECEIPT_DUPLICATE] <
	    answer->count + counts->of_rejected)
		return 207;
	return answer->forwarded ? 200 : 202;
}

/* -- public ---------------------------------------------------------------- */

void
publish_answer_print(const struct publish_answer *answer,
                     struct http_response *response)
{
	const struct receipt_options options = {
		.forwarded = answer->forwarded,
		.only_bad = answer->only_bad,
	};
	struct receipt_counts counts;
	enum receipt_kind worst;

	receipt_count(answer->receipts, answer->count, &counts);
	worst = worst_of(answer, &counts);
	if (bad_kinds[worst].problem != PROBLEM_COUNT) {
		problem_begin(response->body, bad_kinds[worst].problem,
		              bad_kinds[worst].detail);
		text_add(response->body, ",");
		response->content_type = "application/problem+json";
		response->status = problem_status(bad_kinds[worst].problem);
		if (response->status == 503)
			response->retry_after_s = 1;
	} else {
		text_add(response->body, "{");
		response->status = status_of(answer, &counts);
	}
	receipt_print_all(answer->receipts, answer->count, &counts, &options,
	                  response->body);
	text_add(response->body, "}\n");
}
