/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * In the order in which it happened: received, judged, recorded, forwarded;
 * then what the message holds.
 */
#include "gateway/look/detail_tell.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "gateway/look/detail.h"
#include "gateway/look/show.h"
#include "gateway/look/table.h"

#define LABEL_WIDTH    11
#define HEX_BYTES_MAX  256
#define JSON_LINE_MAX  66
#define JSON_DEPTH_MAX 64

#define GREEN "\033[32m"
#define RED   "\033[31m"
#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

/* The beginning of a line; label "" goes on with what is above. */
static void
label(struct text *out, const char *label)
{
	text_addf(out, "  %-*s", LABEL_WIDTH, label);
}

static void
tell_heading(const struct detail *d, const struct table_style *style,
             struct text *out)
{
	const char *color = strcmp(d->verdict, "accepted") == 0 ? GREEN : RED;

	text_addf(out, "%sMessage %s%s of tenant ", style->color ? BOLD : "",
	          d->id, style->color ? PLAIN : "");
	show_string(out, d->tenant);
	text_add(out, ", feed ");
	show_string(out, d->feed);
	text_addf(out, ": %s%s%s\n", style->color ? color : "", d->verdict,
	          style->color ? PLAIN : "");
}

static void
tell_receipt(const struct detail *d, struct text *out)
{
	char time[SHOW_TIME_MAX];

	label(out, "received");
	if (d->source_cluster != NULL) {
		text_add(out, "from topic ");
		show_string(out, d->source_topic);
		text_addf(out, ", partition %" PRId64 ", offset %" PRId64,
		          d->source_partition, d->source_offset);
		text_add(out, " on cluster ");
		show_string(out, d->source_cluster);
		if (strcmp(d->origin, "recovered") == 0)
			text_add(out, " (recovered from what had left)");
	} else {
		text_addf(out, "by %s", d->origin);
	}
	text_add(out, "\n");
	label(out, "");
	text_addf(out, "its producer dates it %s\n",
	          show_time(d->event_ms, time));
}

static void
tell_violation(const struct pgrows *rows, int row, struct text *out)
{
	const char *path = pgrows_text(rows, row, DETAIL_VIOLATION_PATH);
	const char *value = pgrows_text(rows, row, DETAIL_VIOLATION_VALUE);
	const char *expected =
		pgrows_text(rows, row, DETAIL_VIOLATION_EXPECTED);
	int64_t offset = pgrows_int(rows, row, DETAIL_VIOLATION_OFFSET);

	label(out, "");
	text_addf(out, "%d. ", row + 1);
	show_string(out, pgrows_text(rows, row, DETAIL_VIOLATION_RULE));
	if (path[0] != '\0') {
		text_add(out, " at ");
		show_string(out, path);
	}
	if (offset >= 0)
		text_addf(out, " (byte %" PRId64 ")", offset);
	if (expected[0] != '\0') {
		text_add(out, ": expected ");
		show_string(out, expected);
	}
	if (value[0] != '\0') {
		text_add(out, expected[0] != '\0' ? ", found " : ": found ");
		show_string(out, value);
	}
	text_add(out, "\n");
}

static void
tell_reference(const struct detail *d, struct text *out)
{
	static const struct {
		const char *kind, *before, *behind;
	} words[] = {
		{ "duplicate", " of ", "" },
		{ "conflict", ": its id is that of ", "" },
		{ "late", ", but late: ", " has a newer version" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (d->reference_kind != NULL &&
		    strcmp(words[i].kind, d->reference_kind) == 0)
			text_addf(out, "%s%s%s", words[i].before,
			          d->reference_id, words[i].behind);
}

static void
tell_judgement(const struct detail *d, struct text *out)
{
	int reasons = pgrows_count(d->violations);

	label(out, "judged");
	if (d->contract_name != NULL) {
		text_add(out, "by contract ");
		show_string(out, d->contract_name);
		text_addf(out, " version %" PRId64 ": ", d->contract_version);
	}
	text_add(out, d->verdict);
	tell_reference(d, out);
	if (reasons > 0)
		text_addf(out, " for %d reason%s", reasons,
		          reasons > 1 ? "s" : "");
	text_add(out, "\n");
	for (int row = 0; row < reasons; row++)
		tell_violation(d->violations, row, out);
}

static void
tell_record(const struct detail *d, struct text *out)
{
	char time[SHOW_TIME_MAX];

	label(out, "recorded");
	text_addf(out, "%s in block %d-%d-%" PRId64,
	          show_time(d->recorded_ms, time), d->lane, d->incarnation,
	          d->block_first_seq);
	if (d->block_count > 1)
		text_addf(out, ", message %" PRId64 " of %" PRId64,
		          d->seq - d->block_first_seq + 1, d->block_count);
	text_add(out, "\n");
	label(out, "");
	text_add(out, "SHA-256 ");
	text_add_hex(out, d->hash, d->hash_len > 0 ? (size_t)d->hash_len : 0);
	text_add(out, "\n");
}

static void
tell_place(const struct detail_delivery *to, struct text *out)
{
	show_string(out, to->topic);
	if (to->partition >= 0)
		text_addf(out, ", partition %" PRId64, to->partition);
	if (to->state == DETAIL_DELIVERED)
		text_addf(out, ", offset %" PRId64, to->offset);
}

static void
tell_delivery(const struct detail_delivery *to, struct text *out)
{
	char time[SHOW_TIME_MAX];

	text_add(out, "to cluster ");
	show_string(out, to->cluster);
	text_add(out, ": ");
	switch (to->state) {
	case DETAIL_DELIVERED:
		if (strcmp(to->kind, "dead-letter") == 0)
			text_add(out, "dead-letter topic ");
		else
			text_addf(out, "%stopic ",
			          strcmp(to->kind, "replay") == 0 ? "replay "
			                                          : "");
		tell_place(to, out);
		break;
	case DETAIL_PASSED:
		tell_place(to, out);
		text_add(out, "; at which offset is not yet written down");
		break;
	case DETAIL_PARKED:
		text_addf(out,
		          "parked since %s: ", show_time(to->since_ms, time));
		show_string(out, to->reason);
		break;
	case DETAIL_WAITING:
		text_add(out, "not yet");
		if (to->reason[0] != '\0') {
			text_add(out, ", ");
			show_string(out, to->reason);
		}
		break;
	case DETAIL_UNASKED:
		text_add(out, "not forwarded, being a repetition");
		break;
	}
	text_add(out, "\n");
}

static void
tell_bytes(const uint8_t *bytes, int len, struct text *out)
{
	int shown = len > HEX_BYTES_MAX ? HEX_BYTES_MAX : len;

	text_addf(out, "%d bytes: ", len);
	text_add_hex(out, bytes, (size_t)shown);
	text_add(out, shown < len ? "... (--json has all)\n" : "\n");
}

static void
tell_header(void *context, const uint8_t *name, int name_len,
            const uint8_t *value, int value_len)
{
	struct text *out = context;

	label(out, "header");
	show_bytes(out, name, (size_t)name_len);
	text_add(out, ": ");
	if (value == NULL)
		text_add(out, "(null)");
	else
		show_bytes(out, value, (size_t)value_len);
	text_add(out, "\n");
}

/* -- JSON over several lines ----------------------------------------------- */

static void
begin_line(struct text *out, int depth)
{
	text_add(out, "\n");
	label(out, "");
	text_addf(out, "%*s", 2 * depth, "");
}

/* Lays out compact JSON: a member or element a line. */
static void
tell_json(const char *json, size_t len, struct text *out)
{
	bool in_string = false;
	int depth = 0;
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		char c = json[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"')
			in_string = true;
		if (strchr("{[,}]:", c) == NULL)
			continue;
		if (c == '}' || c == ']') {
			show_json(out, json + from, i - from);
			depth -= depth > 0;
			if (json[i - 1] != '{' && json[i - 1] != '[')
				begin_line(out, depth);
			from = i;
			continue;
		}
		show_json(out, json + from, i + 1 - from);
		from = i + 1;
		if (c == ':') {
			text_add(out, " ");
			continue;
		}
		if (c != ',')
			depth += depth < JSON_DEPTH_MAX;
		if (json[i + 1] != '}' && json[i + 1] != ']')
			begin_line(out, depth);
	}
	show_json(out, json + from, len - from);
}

static void
tell_body(const struct detail *d, struct text *out)
{
	label(out, "body");
	switch (d->body_is) {
	case DETAIL_TOMBSTONE:
		text_add(out, "none: a tombstone\n");
		break;
	case DETAIL_JSON:
		if (d->json.len <= JSON_LINE_MAX)
			show_json(out, d->json.bytes, d->json.len);
		else
			tell_json(d->json.bytes, d->json.len, out);
		text_add(out, "\n");
		break;
	case DETAIL_BYTES:
		tell_bytes(d->body, d->body_len, out);
		break;
	case DETAIL_WITHHELD:
		text_addf(out,
		          "%d bytes that cannot be read as the contract "
		          "says; its fields are sensitive, so they are "
		          "shown with --raw only\n",
		          d->body_len);
		break;
	}
}

static void
tell_key(const struct detail *d, struct text *out)
{
	label(out, "key");
	if (d->key == NULL)
		text_add(out, "none");
	else if (d->key_withheld)
		text_add(out, "(redacted)");
	else
		show_bytes(out, d->key, (size_t)d->key_len);
	text_add(out, "\n");
}

/* -- public ---------------------------------------------------------------- */

void
detail_tell(const struct detail *detail, const struct table_style *style,
            struct text *out)
{
	tell_heading(detail, style, out);
	tell_receipt(detail, out);
	tell_judgement(detail, out);
	tell_record(detail, out);
	for (size_t i = 0; i < detail->delivery_count; i++) {
		label(out, i == 0 ? "forwarded" : "");
		tell_delivery(&detail->deliveries[i], out);
	}
	tell_key(detail, out);
	if (!detail_each_header(detail, tell_header, out)) {
		label(out, "headers");
		tell_bytes(detail->headers, detail->headers_len, out);
	}
	tell_body(detail, out);
}
