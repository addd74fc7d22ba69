/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The words for a message, its verdict and the written form of its id; and its
 * hash, the canonical encoding of docs/journal-format.md: the checker in
 * tests/e2e has it a second time.
 */
#include "base/model/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/model/wire.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"

#define HASH_VERSION 1

static const char *const verdict_names[] = {
	[VERDICT_ACCEPTED] = "accepted",
	[VERDICT_REJECTED] = "rejected",
	[VERDICT_DUPLICATE] = "duplicate",
	[VERDICT_CONFLICT] = "conflict",
};

static const char *const reference_names[] = {
	[MESSAGE_DUPLICATE] = "duplicate",
	[MESSAGE_CONFLICT] = "conflict",
	[MESSAGE_LATE] = "late",
};

/* Reads a decimal number without sign or leading zero, up to max. */
static bool
read_number(const char **at, int64_t max, int64_t *out)
{
	const char *p = *at;
	int64_t value = 0;

	if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (value > (max - (*p - '0')) / 10)
			return false;
		value = value * 10 + (*p - '0');
	}
	*at = p;
	*out = value;
	return true;
}

/* -- public ---------------------------------------------------------------- */

const char *
message_verdict_name(enum verdict verdict)
{
	CHECK((size_t)verdict < sizeof(verdict_names) / sizeof(char *));
	return verdict_names[verdict];
}

/* Written once for each message that leaves: no printf. */
const char *
message_reference_name(enum message_reference_kind kind)
{
	CHECK((size_t)kind < sizeof(reference_names) / sizeof(char *));
	return reference_names[kind];
}

int
message_id_print(char out[MESSAGE_ID_MAX], int lane, int incarnation,
                 int64_t seq)
{
	int len;

	CHECK(lane >= 0 && incarnation >= 0 && seq >= 0);
	len = text_print_int(out, lane);
	out[len++] = '-';
	len += text_print_int(out + len, incarnation);
	out[len++] = '-';
	return len + text_print_int(out + len, seq);
}

bool
message_id_parse(const char *text, int *out_lane, int *out_incarnation,
                 int64_t *out_seq)
{
	int64_t lane, incarnation, seq;

	if (!read_number(&text, INT32_MAX, &lane) || *text++ != '-')
		return false;
	if (!read_number(&text, INT32_MAX, &incarnation) || *text++ != '-')
		return false;
	if (!read_number(&text, INT64_MAX, &seq) || *text != '\0')
		return false;
	*out_lane = (int)lane;
	*out_incarnation = (int)incarnation;
	*out_seq = seq;
	return true;
}

void
message_hash(struct digest *digest, const uint8_t salt[MESSAGE_SALT_BYTES],
             int lane, int incarnation, const struct message *m,
             uint8_t out[DIGEST_SHA256_LEN])
{
	uint8_t head[MESSAGE_SALT_BYTES + 51], len[4];
	uint8_t *at = head + MESSAGE_SALT_BYTES;

	memcpy(head, salt, MESSAGE_SALT_BYTES);
	*at++ = HASH_VERSION;
	at = wire_put_int4(at, lane);
	at = wire_put_int4(at, incarnation);
	at = wire_put_int8(at, m->seq);
	at = wire_put_int4(at, m->source_id);
	at = wire_put_int8(at, m->source_offset);
	at = wire_put_int4(at, m->partition);
	at = wire_put_int4(at, m->contract);
	at = wire_put_int8(at, m->event_time_ms);
	at = wire_put_int2(at, (int16_t)m->verdict);
	at = wire_put_int4(at, m->key_len);
	CHECK(at == head + sizeof(head));
	digest_begin(digest);
	digest_add(digest, head, sizeof(head));
	if (m->key_len > 0)
		digest_add(digest, m->key, (size_t)m->key_len);
	wire_put_int4(len, m->headers_len);
	digest_add(digest, len, sizeof(len));
	if (m->headers_len > 0)
		digest_add(digest, m->headers, (size_t)m->headers_len);
	wire_put_int4(len, m->body_len);
	digest_add(digest, len, sizeof(len));
	if (m->body_len > 0)
		digest_add(digest, m->body, (size_t)m->body_len);
	digest_end(digest, out);
}
