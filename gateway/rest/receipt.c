/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Printed without printf: an answer may have thousands of them.
 */
#include "gateway/rest/receipt.h"

#include <string.h>

#include "base/model/submission.h"
#include "base/model/violation.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"

#define RECEIPT_LANES_MAX 64

static const char *const names[RECEIPT_KIND_COUNT] = {
	[RECEIPT_ACCEPTED] = "accepted",   [RECEIPT_REJECTED] = "rejected",
	[RECEIPT_DUPLICATE] = "duplicate", [RECEIPT_CONFLICT] = "conflict",
	[RECEIPT_REFUSED] = "refused",     [RECEIPT_UNKNOWN] = "unknown",
};

#define ADD(out, constant) text_add_bytes(out, constant, sizeof(constant) - 1)

static void
add_int(struct text *out, int64_t number)
{
	char digits[TEXT_INT_MAX];

	text_add_bytes(out, digits, (size_t)text_print_int(digits, number));
}

static void
add_id(struct text *out, int lane, int incarnation, int64_t seq)
{
	char id[MESSAGE_ID_MAX];
	int len = message_id_print(id, lane, incarnation, seq);

	ADD(out, "\"");
	text_add_bytes(out, id, (size_t)len);
	ADD(out, "\"");
}

static void
add_string(struct text *out, const char *name, const char *value)
{
	text_add(out, name);
	text_add_json(out, value, strlen(value));
}

/* Of a message that is recorded. */
static void
add_recorded(struct text *out, const struct receipt *receipt, bool forwarded)
{
	ADD(out, "\"id\":");
	add_id(out, receipt->lane, receipt->incarnation, receipt->seq);
	ADD(out, ",\"verdict\":\"");
	text_add(out, names[receipt->kind]);
	if (forwarded && receipt->kind == RECEIPT_ACCEPTED)
		ADD(out, "\",\"level\":\"forwarded\",\"partition\":");
	else
		ADD(out, "\",\"level\":\"recorded\",\"partition\":");
	add_int(out, receipt->partition);
	if (receipt->of_seq > 0) {
		ADD(out, ",\"of\":");
		add_id(out, receipt->of_lane, receipt->of_incarnation,
		       receipt->of_seq);
	}
	if (receipt->violation_count > 0) {
		ADD(out, ",\"violations\":");
		receipt_print_violations(receipt->violations,
		                         receipt->violation_count, out);
	}
}

static void
add_receipt(struct text *out, const struct receipt *receipt, size_t index,
            const struct receipt_options *options)
{
	ADD(out, "{");
	if (options->only_bad) {
		ADD(out, "\"index\":");
		add_int(out, (int64_t)index);
		ADD(out, ",");
	}
	if (receipt->kind == RECEIPT_REFUSED)
		ADD(out, "\"level\":\"refused\"");
	else if (receipt->kind == RECEIPT_UNKNOWN)
		ADD(out, "\"level\":\"unknown\"");
	else
		add_recorded(out, receipt, options->forwarded);
	ADD(out, "}");
}

static bool
is_bad(const struct receipt *receipt)
{
	return receipt->of_rejected ||
		(receipt->kind != RECEIPT_ACCEPTED &&
	         receipt->kind != RECEIPT_DUPLICATE);
}

/* -- ranges of what is recorded well ------------------------------------------- */

struct range {
	int incarnation;
	int64_t first, last; /* 0: none is open */
};

static void
add_range(struct text *out, int lane, const struct range *range, bool *first)
{
	if (range->first == 0)
		return;
	text_add(out, *first ? "{\"first\":" : ",{\"first\":");
	*first = false;
	add_id(out, lane, range->incarnation, range->first);
	ADD(out, ",\"last\":");
	add_id(out, lane, range->incarnation, range->last);
	ADD(out, "}");
}

/* A lane numbers what it takes in one piece in the order of the request. */
static void
add_ranges(struct text *out, const struct receipt *receipts, size_t count)
{
	struct range ranges[RECEIPT_LANES_MAX] = { 0 };
	bool first = true;

	ADD(out, ",\"recorded\":[");
	for (size_t i = 0; i < count; i++) {
		const struct receipt *receipt = &receipts[i];
		struct range *range;

		if (is_bad(receipt))
			continue;
		CHECK(receipt->lane >= 0 && receipt->lane < RECEIPT_LANES_MAX);
		range = &ranges[receipt->lane];
		if (range->first > 0 && receipt->seq == range->last + 1 &&
		    receipt->incarnation == range->incarnation) {
			range->last = receipt->seq;
			continue;
		}
		add_range(out, receipt->lane, range, &first);
		*range = (struct range){ receipt->incarnation, receipt->seq,
			                 receipt->seq };
	}
	for (int lane = 0; lane < RECEIPT_LANES_MAX; lane++)
		add_range(out, lane, &ranges[lane], &first);
	ADD(out, "]");
}

static void
add_counts(struct text *out, const struct receipt_counts *counts)
{
	bool first = true;

	ADD(out, ",\"counts\":{");
	for (int i = 0; i < RECEIPT_KIND_COUNT; i++) {
		if (counts->of[i] == 0)
			continue;
		text_add(out, first ? "\"" : ",\"");
		first = false;
		text_add(out, names[i]);
		ADD(out, "\":");
		add_int(out, (int64_t)counts->of[i]);
	}
	ADD(out, "}");
}

static enum receipt_kind
kind_of(enum submission_outcome outcome, const struct submission_item *item)
{
	static const enum receipt_kind kinds[] = {
		[VERDICT_ACCEPTED] = RECEIPT_ACCEPTED,
		[VERDICT_REJECTED] = RECEIPT_REJECTED,
		[VERDICT_DUPLICATE] = RECEIPT_DUPLICATE,
		[VERDICT_CONFLICT] = RECEIPT_CONFLICT,
	};

	switch (outcome) {
	case SUBMISSION_RECORDED:
		CHECK(item->verdict <= VERDICT_CONFLICT);
		return kinds[item->verdict];
	case SUBMISSION_REFUSED:
	case SUBMISSION_STALE:
		return RECEIPT_REFUSED;
	default:
		return RECEIPT_UNKNOWN;
	}
}

/* -- public ---------------------------------------------------------------- */

const char *
receipt_kind_name(enum receipt_kind kind)
{
	CHECK(kind < RECEIPT_KIND_COUNT);
	return names[kind];
}

size_t
receipt_take(const struct submission *submission, const uint32_t *indexes,
             struct receipt *receipts)
{
	size_t stale = 0;

	for (size_t i = 0; i < submission->count; i++) {
		const struct submission_item *item = &submission->items[i];
		struct receipt *receipt =
			&receipts[indexes != NULL ? indexes[i] : i];
		enum submission_outcome outcome =
			submission_outcome(submission, i);

		*receipt = (struct receipt){
			.kind = kind_of(outcome, item),
			.is_stale = outcome == SUBMISSION_STALE,
			.partition = item->partition,
		};
		stale += receipt->is_stale;
		if (outcome != SUBMISSION_RECORDED)
			continue;
		receipt->lane = item->lane;
		receipt->incarnation = item->incarnation;
		receipt->seq = item->seq;
		receipt->of_lane = item->of_lane;
		receipt->of_incarnation = item->of_incarnation;
		receipt->of_seq = item->of_seq;
		receipt->of_rejected = item->of_rejected;
		receipt->violation_count = item->violation_count;
		receipt->violations = item->violations;
	}
	return stale;
}

void
receipt_count(const struct receipt *receipts, size_t count,
              struct receipt_counts *out)
{
	*out = (struct receipt_counts){ .of = { 0 } };
	for (size_t i = 0; i < count; i++) {
		out->of[receipts[i].kind]++;
		out->of_rejected += receipts[i].of_rejected;
	}
}

void
receipt_print_all(const struct receipt *receipts, size_t count,
                  const struct receipt_counts *counts,
                  const struct receipt_options *options, struct text *out)
{
	bool first = true;

	ADD(out, "\"receipts\":[");
	for (size_t i = 0; i < count; i++) {
		if (options->only_bad && !is_bad(&receipts[i]))
			continue;
		if (!first)
			ADD(out, ",");
		first = false;
		add_receipt(out, &receipts[i], i, options);
	}
	ADD(out, "]");
	add_counts(out, counts);
	if (options->only_bad)
		add_ranges(out, receipts, count);
}

void
receipt_print_violations(const struct violation *violations, size_t count,
                         struct text *out)
{
	ADD(out, "[");
	for (size_t i = 0; i < count; i++) {
		const struct violation *v = &violations[i];

		add_string(out, i > 0 ? ",{\"rule\":" : "{\"rule\":", v->rule);
		add_string(out, ",\"path\":", v->path);
		add_string(out, ",\"expected\":", v->expected);
		add_string(out, ",\"value\":", v->value);
		ADD(out, ",\"offset\":");
		add_int(out, v->byte_offset);
		ADD(out, "}");
	}
	ADD(out, "]");
}
