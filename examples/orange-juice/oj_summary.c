/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* Summaries of a ledger. */
#include "examples/orange-juice/oj_summary.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t
sum_kinds(const struct oj_summary *summary, enum oj_kind first,
          enum oj_kind beyond)
{
	size_t sum = 0;

	for (int kind = (int)first; kind < (int)beyond; kind++) {
		for (int feed = 0; feed < OJ_FEEDS; feed++)
			sum += summary->counts[kind][feed];
	}
	return sum;
}

static double
rate(const struct oj_summary *summary)
{
	return summary->seconds > 0 ? (double)summary->sent / summary->seconds
				    : 0;
}

static json_t *
topic_json(const struct oj_summary *summary, int feed)
{
	json_t *topic = json_object();
	size_t total = 0;

	for (int kind = 0; kind < OJ_KINDS; kind++) {
		size_t count = summary->counts[kind][feed];
		total += count;
		(void)json_object_set_new(
			topic, oj_message_kind_name((enum oj_kind)kind),
			json_integer((json_int_t)count));
	}
	(void)json_object_set_new(topic, "total",
	                          json_integer((json_int_t)total));
	return topic;
}

/* -- public -------------------------------------------------------------- */

void
oj_summary_count(struct oj_summary *summary, const struct oj_ledger *ledger)
{
	const struct oj_ledger_entry *entries =
		oj_ledger_entries(ledger, &summary->sent);

	summary->failed = 0;
	memset(summary->counts, 0, sizeof(summary->counts));
	for (size_t i = 0; i < summary->sent; i++) {
		if (entries[i].delivered)
			summary->counts[entries[i].kind][entries[i].feed]++;
		else
			summary->failed++;
	}
}

void
oj_summary_print(const struct oj_summary *summary)
{
	printf("%-20s", "");
	for (int feed = 0; feed < OJ_FEEDS; feed++)
		printf(" %15s", oj_feed_get((enum oj_feed_id)feed)->topic_in);
	printf(" %10s\n", "all");
	for (int kind = 0; kind < OJ_KINDS; kind++) {
		size_t row = 0;
		printf("%-20s", oj_message_kind_name((enum oj_kind)kind));
		for (int feed = 0; feed < OJ_FEEDS; feed++) {
			printf(" %15zu", summary->counts[kind][feed]);
			row += summary->counts[kind][feed];
		}
		printf(" %10zu\n", row);
	}
	printf("\n%zu messages sent: %zu sound (%zu of them misrouted), %zu "
	       "spoiled, %zu not delivered; %.2f s, %.0f a second\n",
	       summary->sent, sum_kinds(summary, 0, OJ_KIND_TRUNCATED),
	       sum_kinds(summary, OJ_KIND_MISROUTED, OJ_KIND_TRUNCATED),
	       sum_kinds(summary, OJ_KIND_TRUNCATED, OJ_KINDS), summary->failed,
	       summary->seconds, rate(summary));
}

void
oj_summary_print_json(const struct oj_summary *summary)
{
	json_t *topics = json_object();

	for (int feed = 0; feed < OJ_FEEDS; feed++)
		(void)json_object_set_new(
			topics, oj_feed_get((enum oj_feed_id)feed)->topic_in,
			topic_json(summary, feed));
	json_t *root = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:o}", "sent",
		(json_int_t)summary->sent, "sound",
		(json_int_t)sum_kinds(summary, 0, OJ_KIND_TRUNCATED),
		"misrouted",
		(json_int_t)sum_kinds(summary, OJ_KIND_MISROUTED,
	                              OJ_KIND_TRUNCATED),
		"spoiled",
		(json_int_t)sum_kinds(summary, OJ_KIND_TRUNCATED, OJ_KINDS),
		"failed", (json_int_t)summary->failed, "seconds",
		summary->seconds, "messages_per_second", rate(summary), "seed",
		(json_int_t)summary->seed, "topics", topics);
	if (root == NULL)
		abort();
	(void)json_dumpf(root, stdout, JSON_INDENT(2));
	(void)putchar('\n');
	json_decref(root);
}
