/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are UTF-8 are a string under the member's name; others are
 * hexadecimal under NAME_hex.
 */
#include "gateway/look/detail_json.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/runtime/clock.h"
#include "gateway/look/detail.h"

static void
string_or_null(struct text *out, const char *name, const char *value)
{
	text_addf(out, ",\"%s\":", name);
	if (value == NULL)
		text_add(out, "null");
	else
		text_add_json(out, value, strlen(value));
}

static void
number(struct text *out, const char *name, int64_t value)
{
	text_addf(out, ",\"%s\":%" PRId64, name, value);
}

static void
hex(struct text *out, const char *name, const uint8_t *bytes, int len)
{
	text_addf(out, ",\"%s\":\"", name);
	text_add_hex(out, bytes, len > 0 ? (size_t)len : 0);
	text_add(out, "\"");
}

static void
time_of(struct text *out, const char *name, int64_t ms)
{
	char iso[CLOCK_TEXT_MAX];

	text_addf(out, ",\"%s\":\"%s\"", name, clock_format_ms(ms, iso));
}

static void
bytes(struct text *out, const char *name, const uint8_t *value, int len)
{
	char hex_name[64] = "";

	if (value != NULL && !text_is_utf8(value, (size_t)len)) {
		strncat(hex_name, name, sizeof(hex_name) - 8);
		strcat(hex_name, "_hex");
		hex(out, hex_name, value, len);
		return;
	}
	text_addf(out, ",\"%s\":", name);
	if (value == NULL)
		text_add(out, "null");
	else
		text_add_json(out, (const char *)value, (size_t)len);
}

static void
source(const struct detail *d, struct text *out)
{
	text_addf(out, ",\"source\":{\"origin\":\"%s\"", d->origin);
	if (d->source_cluster != NULL) {
		string_or_null(out, "cluster", d->source_cluster);
		string_or_null(out, "topic", d->source_topic);
		number(out, "partition", d->source_partition);
		number(out, "offset", d->source_offset);
	}
	text_add(out, "}");
}

static void
contract(const struct detail *d, struct text *out)
{
	if (d->contract_name == NULL) {
		text_add(out, ",\"contract\":null");
		return;
	}
	text_addf(out, ",\"contract\":{\"id\":%" PRId32, d->contract_id);
	string_or_null(out, "name", d->contract_name);
	number(out, "version", d->contract_version);
	text_add(out, "}");
}

static void
violations(const struct detail *d, struct text *out)
{
	static const char *const names[] = { "rule", "path", "expected",
		                             "value" };
	const struct pgrows *rows = d->violations;

	text_add(out, ",\"violations\":[");
	for (int row = 0; row < pgrows_count(rows); row++) {
		text_addf(out, "%s{\"ordinal\":%d", row > 0 ? "," : "",
		          row + 1);
		for (int i = 0; i < 4; i++)
			string_or_null(out, names[i],
			               pgrows_text(rows, row, i));
		number(out, "offset",
		       pgrows_int(rows, row, DETAIL_VIOLATION_OFFSET));
		text_add(out, "}");
	}
	text_add(out, "]");
}

static void
deliveries(const struct detail *d, struct text *out)
{
	text_add(out, ",\"deliveries\":[");
	for (size_t i = 0; i < d->delivery_count; i++) {
		const struct detail_delivery *to = &d->deliveries[i];

		text_addf(out, "%s{\"state\":\"%s\"", i > 0 ? "," : "",
		          detail_state_name(to->state));
		string_or_null(out, "cluster", to->cluster);
		string_or_null(out, "kind", to->kind);
		string_or_null(out, "topic", to->topic);
		if (to->partition >= 0)
			number(out, "partition", to->partition);
		if (to->state == DETAIL_DELIVERED)
			number(out, "offset", to->offset);
		if (to->state == DETAIL_PARKED)
			time_of(out, "since", to->since_ms);
		if (to->reason[0] != '\0')
			string_or_null(out, "reason", to->reason);
		text_add(out, "}");
	}
	text_add(out, "]");
}

struct header_list {
	struct text *out;
	int count;
};

static void
header(void *context, const uint8_t *name, int name_len, const uint8_t *value,
       int value_len)
{
	struct header_list *list = context;

	text_add(list->out, list->count++ > 0 ? ",{\"name\":" : "{\"name\":");
	text_add_json(list->out, (const char *)name, (size_t)name_len);
	bytes(list->out, "value", value, value_len);
	text_add(list->out, "}");
}

static void
content(const struct detail *d, struct text *out)
{
	struct header_list list = { .out = out };

	if (d->key_withheld && d->key != NULL)
		text_add(out, ",\"key\":\"(redacted)\"");
	else
		bytes(out, "key", d->key, d->key_len);
	text_add(out, ",\"headers\":[");
	detail_each_header(d, header, &list);
	text_add(out, "]");
	switch (d->body_is) {
	case DETAIL_TOMBSTONE:
		text_add(out, ",\"body\":null");
		break;
	case DETAIL_JSON:
		text_add(out, ",\"body\":");
		text_add_bytes(out, d->json.bytes, d->json.len);
		break;
	case DETAIL_BYTES:
		hex(out, "body_hex", d->body, d->body_len);
		break;
	case DETAIL_WITHHELD:
		text_add(out, ",\"body_withheld\":true");
		break;
	}
	if (d->body != NULL)
		number(out, "body_bytes", d->body_len);
}

/* -- public ---------------------------------------------------------------- */

void
detail_json(const struct detail *detail, struct text *out)
{
	text_addf(out, "{\"id\":\"%s\"", detail->id);
	number(out, "lane", detail->lane);
	number(out, "incarnation", detail->incarnation);
	number(out, "seq", detail->seq);
	string_or_null(out, "tenant", detail->tenant);
	string_or_null(out, "feed", detail->feed);
	string_or_null(out, "verdict", detail->verdict);
	if (detail->reference_kind != NULL)
		text_addf(out, ",\"reference\":{\"kind\":\"%s\",\"id\":\"%s\"}",
		          detail->reference_kind, detail->reference_id);
	source(detail, out);
	time_of(out, "event_time", detail->event_ms);
	contract(detail, out);
	violations(detail, out);
	time_of(out, "recorded_at", detail->recorded_ms);
	string_or_null(out, "day", detail->day);
	text_addf(out,
	          ",\"block\":{\"first_seq\":%" PRId64 ",\"count\":%" PRId64
	          "}",
	          detail->block_first_seq, detail->block_count);
	hex(out, "hash", detail->hash, detail->hash_len);
	number(out, "partition", detail->partition);
	deliveries(detail, out);
	content(detail, out);
	text_add(out, "}");
}
