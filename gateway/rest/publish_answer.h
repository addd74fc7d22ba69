/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The answer to a request that publishes, from its receipts.
 */
#include <stdbool.h>
#include <stddef.h>

struct http_response;
struct receipt;

struct publish_answer {
	const struct receipt *receipts;
	size_t count;
	bool is_single; /* one message, by its media type */
	bool forwarded; /* everything that is accepted is on its clusters */
	bool only_bad;  /* as in receipt_options */
};

/*
 * One message: 200, 202, or the problem that it has. Many: the same where all
 * are good, 503 where nothing is recorded, else 207.
 */
void
publish_answer_print(const struct publish_answer *answer,
                     struct http_response *response);
