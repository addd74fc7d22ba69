/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A submission of two messages of us/sales to one lane, for the tests of what
 * is passed on: one is accepted and has everything, one is rejected and has
 * almost nothing.
 */
#include "base/model/deployment.h"
#include "base/model/submission.h"
#include "base/model/violation.h"

static const struct violation handing_violation = {
	.rule = "avro.truncated",
	.path = "/a",
	.expected = "",
	.value = "x",
	.byte_offset = 3,
};

/* done and context are the caller's to set. */
static inline struct submission *
handing_new(const struct deployment *deployment)
{
	const struct feed *feed = deployment_feed(deployment, "us", "sales");
	struct submission *s = submission_new(deployment, feed, 2);

	s->origin = MESSAGE_ORIGIN_REST;
	s->principal = 42;
	s->source_id = 7;
	s->items[0] = (struct submission_item){
		.key = (const uint8_t *)"key",
		.key_len = 3,
		.body = (const uint8_t *)"bo\0dy",
		.body_len = 5,
		.headers = (const uint8_t *)"",
		.headers_len = 0,
		.dedup_id = (const uint8_t *)"id#1",
		.dedup_id_len = 4,
		.partition = 1,
		.contract = feed->contract_id,
		.event_time_ms = -5,
		.version = INT64_MAX - 3,
	};
	s->items[1] = (struct submission_item){
		.key_len = -1,
		.body_len = -1,
		.headers_len = -1,
		.partition = 1,
		.contract = feed->contract_id,
		.event_time_ms = 1ll << 40,
		.version = MESSAGE_VERSION_NONE,
		.verdict = VERDICT_REJECTED,
		.violation_count = 1,
		.violations = &handing_violation,
	};
	return s;
}
