/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* What was sent, per topic and kind: as a table for people, as JSON. */
#pragma once

#include <stddef.h>

#include "examples/orange-juice/oj_ledger.h"

struct oj_summary {
	size_t counts[OJ_KINDS][OJ_FEEDS]; /* delivered */
	size_t sent;
	size_t failed; /* not delivered, or not known to be */
	double seconds;
	unsigned long long seed;
};

void
oj_summary_count(struct oj_summary *summary, const struct oj_ledger *ledger);
void
oj_summary_print(const struct oj_summary *summary);
void
oj_summary_print_json(const struct oj_summary *summary);
