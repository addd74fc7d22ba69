/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * All cells are taken at the start: a request finds its own by an index.
 */
#include "gateway/rest/rest_metric.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/runtime/check.h"
#include "gateway/rest/receipt.h"

static const double seconds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
	                          0.1,   0.25,   0.5,   1,    2.5 };

enum {
	REQUESTS,
	REQUEST_SECONDS,
	MESSAGES,
};

const struct metric_def rest_metric_table[] = {
	[REQUESTS] = { "waybill_rest_requests_total",
	               METRIC_COUNTER,
	               "Requests answered by the REST endpoints, by status.",
	               { "endpoint", "status" },
	               NULL,
	               0 },
	[REQUEST_SECONDS] = { "waybill_rest_request_seconds",
	                      METRIC_HISTOGRAM,
	                      "From a request's last byte to its answer.",
	                      { "endpoint" },
	                      seconds,
	                      11 },
	[MESSAGES] = { "waybill_rest_messages_total",
	               METRIC_COUNTER,
	               "Messages that REST clients were told about: accepted, "
	               "rejected, duplicate, conflict, refused or unknown.",
	               { "receipt" },
	               NULL,
	               0 },
};
const int rest_metric_count =
	(int)(sizeof(rest_metric_table) / sizeof(rest_metric_table[0]));

static struct {
	bool is_there;
	struct metric_cell *requests[ENDPOINT_COUNT][ENDPOINT_STATUSES_MAX];
	struct metric_cell *seconds[ENDPOINT_COUNT];
	struct metric_cell *messages[RECEIPT_KIND_COUNT];
} cells;

/* -- public ---------------------------------------------------------------- */

void
rest_metric_start(void)
{
	for (int e = 0; e < ENDPOINT_COUNT; e++) {
		const int *statuses = endpoint_statuses((enum endpoint)e);
		const char *name = endpoint_name((enum endpoint)e);

		for (int s = 0; statuses[s] != 0; s++) {
			char status[12];
			const char *values[] = { name, status };

			snprintf(status, sizeof(status), "%d", statuses[s]);
			cells.requests[e][s] = metric_cell(
				&rest_metric_table[REQUESTS], values);
		}
		cells.seconds[e] =
			metric_cell(&rest_metric_table[REQUEST_SECONDS], &name);
	}
	for (int k = 0; k < RECEIPT_KIND_COUNT; k++) {
		const char *kind = receipt_kind_name((enum receipt_kind)k);

		cells.messages[k] =
			metric_cell(&rest_metric_table[MESSAGES], &kind);
	}
	cells.is_there = true;
}

void
rest_metric_answered(enum endpoint endpoint, int status, int64_t took_us)
{
	const int *statuses = endpoint_statuses(endpoint);
	int s = 0;

	while (statuses[s] != 0 && statuses[s] != status)
		s++;
	CHECK(statuses[s] != 0);
	if (!cells.is_there)
		return;
	metric_add(cells.requests[endpoint][s], 1);
	if (took_us > 0)
		metric_observe(cells.seconds[endpoint], (double)took_us / 1e6);
}

void
rest_metric_receipts(const struct receipt *receipts, size_t count)
{
	struct receipt_counts counts;

	if (!cells.is_there)
		return;
	receipt_count(receipts, count, &counts);
	for (int k = 0; k < RECEIPT_KIND_COUNT; k++)
		if (counts.of[k] > 0)
			metric_add(cells.messages[k], (int64_t)counts.of[k]);
}
