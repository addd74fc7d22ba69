/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of what leaves; docs/headers.md lists them for consumers.
 */
#include "gateway/parcel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/source.h"
#include "base/model/violation.h"
#include "base/model/wire.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define OWN_HEADERS 9
/* What a broker takes is some 48 KB more than a body may have; the journal has
   all of them. */
#define VIOLATIONS_BYTES_MAX (32 * 1024)

/* Room for all headers of a message, however many its producer gave it: the
   journal's form takes at least eight bytes for each. */
static void
make_room(struct parcel *parcel, const struct message *m)
{
	size_t len = m->headers_len > 0 ? (size_t)m->headers_len : 0;

	if (len / 8 + OWN_HEADERS > parcel->headers_size) {
		parcel->headers_size = len / 8 + OWN_HEADERS;
		parcel->headers = memory_realloc(
			parcel->headers,
			parcel->headers_size * sizeof(*parcel->headers));
	}
	if (len > parcel->names_size) {
		parcel->names_size = len;
		parcel->names = memory_realloc(parcel->names, len);
	}
}

/* A producer's header from the journal's form: the name's length goes away,
   its NUL fits in the place. */
static const uint8_t *
add_header(struct parcel *parcel, size_t count, size_t *names_used,
           const uint8_t *at, const uint8_t *end)
{
	struct kheader *header = &parcel->headers[count];
	char *name = parcel->names + *names_used;
	int32_t name_len, value_len;

	CHECK(end - at >= 4);
	name_len = wire_get_int4(at);
	at += 4;
	CHECK(name_len >= 0 && end - at >= name_len + 4);
	memcpy(name, at, (size_t)name_len);
	name[name_len] = '\0';
	*names_used += (size_t)name_len + 1;
	at += name_len;
	value_len = wire_get_int4(at);
	at += 4;
	CHECK(value_len <= end - at);
	header->name = name;
	header->value = value_len < 0 ? NULL : at;
	header->value_len = value_len < 0 ? 0 : value_len;
	return value_len > 0 ? at + value_len : at;
}

static size_t
add_producer_headers(struct parcel *parcel, const struct message *m)
{
	const uint8_t *at = m->headers;
	size_t count = 0, names_used = 0;

	make_room(parcel, m);
	if (m->headers_len <= 0)
		return 0;
	while (at < m->headers + m->headers_len)
		at = add_header(parcel, count++, &names_used, at,
		                m->headers + m->headers_len);
	return count;
}

static size_t
add_text(struct parcel *parcel, size_t count, const char *name,
         const char *value, int len)
{
	parcel->headers[count] = (struct kheader){ .name = name,
		                                   .value = value,
		                                   .value_len = len };
	return count + 1;
}

static int
print_source(char *out, size_t size, const struct message *m)
{
	const char *name = m->source == NULL ? "" : m->source->topic;
	size_t len;

	if (m->origin == MESSAGE_ORIGIN_REST ||
	    m->origin == MESSAGE_ORIGIN_PLAN) {
		name = m->origin == MESSAGE_ORIGIN_REST ? "rest" : "plan";
		memcpy(out, name, 4);
		return 4;
	}
	len = strlen(name);
	CHECK(len > 0 && len + 48 < size);
	if (m->origin == MESSAGE_ORIGIN_FILE) {
		memcpy(out, "file/", 5);
		memcpy(out + 5, name, len);
		len += 5;
		out[len++] = '/';
		return (int)len + text_print_int(out + len, m->source_offset);
	}
	memcpy(out, name, len);
	out[len++] = '/';
	len += (size_t)text_print_int(out + len, m->source->partition);
	out[len++] = '/';
	len += (size_t)text_print_int(out + len, m->source_offset);
	return (int)len;
}

static void
print_violation(struct text *out, const struct violation *v)
{
	text_add(out, "{\"rule\":");
	text_add_json(out, v->rule, strlen(v->rule));
	text_add(out, ",\"path\":");
	text_add_json(out, v->path, strlen(v->path));
	text_add(out, ",\"expected\":");
	text_add_json(out, v->expected, strlen(v->expected));
	text_add(out, ",\"value\":");
	text_add_json(out, v->value, strlen(v->value));
	text_addf(out, ",\"offset\":%d}", v->byte_offset);
}

/* As many as fit, whole: it stays JSON. */
static void
print_violations(struct parcel *parcel, const struct message *m)
{
	struct text *out = &parcel->violations;

	text_reset(out);
	text_add(out, "[");
	/* As the journal has them: none of a conflict. */
	for (int i = 0;
	     m->verdict == VERDICT_REJECTED && i < m->violation_count; i++) {
		size_t before = out->len;

		if (i > 0)
			text_add(out, ",");
		print_violation(out, &m->violations[i]);
		if (text_is_cut(out)) {
			out->len = before;
			out->cut = false;
			break;
		}
	}
	text_add(out, "]");
}

static void
print_contract(struct parcel *parcel, const struct message *m)
{
	const struct feed *feed = m->feed;

	if (m->contract == feed->contract_id)
		snprintf(parcel->contract, sizeof(parcel->contract), "%s/%d",
		         feed->contract_name, feed->contract_version);
	else
		snprintf(parcel->contract, sizeof(parcel->contract), "id %d",
		         m->contract);
}

/* The cluster would not take it whole, only a reference to it: the journal has
   all of it. */
static bool
is_too_large(const struct message *m)
{
	int64_t whole = (int64_t)(m->body_len > 0 ? m->body_len : 0) +
		(m->key_len > 0 ? m->key_len : 0) +
		(m->headers_len > 0 ? m->headers_len : 0);

	return m->verdict != VERDICT_ACCEPTED &&
		whole > m->feed->message_bytes_max;
}

/* Which message it contradicts, or came behind. */
static size_t
add_reference(struct parcel *parcel, size_t count, const struct message *m)
{
	const struct message_reference *of = m->reference;
	int len = message_id_print(parcel->reference, of->lane, of->incarnation,
	                           of->seq);

	return add_text(parcel, count,
	                of->kind == MESSAGE_LATE ? "waybill-late"
	                                         : "waybill-conflict",
	                parcel->reference, len);
}

static size_t
add_dead_letter_headers(struct parcel *parcel, size_t count,
                        const struct message *m, struct ksend *out)
{
	print_violations(parcel, m);
	print_contract(parcel, m);
	count = add_text(parcel, count, "waybill-tenant", m->feed->tenant,
	                 (int)strlen(m->feed->tenant));
	count = add_text(parcel, count, "waybill-feed", m->feed->name,
	                 (int)strlen(m->feed->name));
	count = add_text(parcel, count, "waybill-contract", parcel->contract,
	                 (int)strlen(parcel->contract));
	count = add_text(parcel, count, "waybill-violations",
	                 text_string(&parcel->violations),
	                 (int)parcel->violations.len);
	if (is_too_large(m)) {
		out->body = NULL;
		out->body_len = 0;
		if (m->key_len > m->feed->message_bytes_max / 2) {
			out->key = NULL;
			out->key_len = 0;
		}
		count = add_text(parcel, count, "waybill-body", "reference", 9);
	}
	return count;
}

/* -- public ---------------------------------------------------------------- */

void
parcel_init(struct parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	text_init(&parcel->violations, VIOLATIONS_BYTES_MAX);
}

void
parcel_fini(struct parcel *parcel)
{
	text_fini(&parcel->violations);
	memory_free(&parcel->headers);
	memory_free(&parcel->names);
}

void
parcel_fill(struct parcel *parcel, const struct batch *batch,
            const struct message *m, struct ktopic *topic, struct ksend *out)
{
	size_t count = 0;
	int len;

	/* Headers alone may be more than a cluster takes. */
	if (is_too_large(m) && m->headers_len > m->feed->message_bytes_max / 2)
		make_room(parcel, m);
	else
		count = add_producer_headers(parcel, m);
	*out = (struct ksend){
		.topic = topic,
		.partition = m->partition,
		.key = m->key,
		.body = m->body,
		.key_len = m->key_len > 0 ? m->key_len : 0,
		.body_len = m->body_len > 0 ? m->body_len : 0,
		.time_ms = batch->recorded_ms,
		.headers = parcel->headers,
	};
	len = message_id_print(parcel->id, batch->lane, batch->incarnation,
	                       m->seq);
	count = add_text(parcel, count, "waybill-id", parcel->id, len);
	len = print_source(parcel->source, sizeof(parcel->source), m);
	count = add_text(parcel, count, "waybill-source", parcel->source, len);
	if (parcel->time_len == 0 || parcel->time_ms != m->event_time_ms) {
		parcel->time_len =
			text_print_int(parcel->time, m->event_time_ms);
		parcel->time_ms = m->event_time_ms;
	}
	count = add_text(parcel, count, "waybill-time", parcel->time,
	                 parcel->time_len);
	if (m->reference != NULL)
		count = add_reference(parcel, count, m);
	if (m->verdict != VERDICT_ACCEPTED) {
		out->partition = m->partition % m->feed->dead_letter_partitions;
		count = add_dead_letter_headers(parcel, count, m, out);
	}
	out->header_count = count;
}
