/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Confluent: 00, the schema id as 4 bytes, big-endian. Single-object: C3 01,
 * the fingerprint as 8 bytes, little-endian.
 */
#include "contracts/framing.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/check.h"

#define FRAMING_KINDS 3

static const char *const framing_names[FRAMING_KINDS] = {
	[CONTRACT_RAW] = "raw",
	[CONTRACT_CONFLUENT] = "confluent",
	[CONTRACT_SINGLE_OBJECT] = "single-object",
};

static void
print_bytes(char out[64], const uint8_t *bytes, int32_t len)
{
	int at = 0;

	out[0] = '\0';
	for (int32_t i = 0; i < len; i++)
		at += snprintf(out + at, 64 - (size_t)at,
		               i > 0 ? " %02x" : "%02x", bytes[i]);
}

static int32_t
schema_id_of(const uint8_t *frame)
{
	return (int32_t)((uint32_t)frame[1] << 24 | (uint32_t)frame[2] << 16 |
	                 (uint32_t)frame[3] << 8 | frame[4]);
}

/* -- public -------------------------------------------------------------- */

void
framing_init(struct framing *framing, enum contract_framing kind,
             int32_t schema_id, uint64_t fingerprint)
{
	memset(framing, 0, sizeof(*framing));
	framing->kind = kind;
	if (kind == CONTRACT_CONFLUENT) {
		framing->magic_len = 1;
		framing->len = 5;
		for (int i = 0; i < 4; i++)
			framing->bytes[1 + i] =
				(uint8_t)((uint32_t)schema_id >> (24 - 8 * i));
	}
	if (kind == CONTRACT_SINGLE_OBJECT) {
		framing->magic_len = 2;
		framing->len = 10;
		framing->bytes[0] = 0xc3;
		framing->bytes[1] = 0x01;
		for (int i = 0; i < 8; i++)
			framing->bytes[2 + i] =
				(uint8_t)(fingerprint >> (8 * i));
	}
}

bool
framing_matches(const struct framing *framing, const uint8_t *body,
                int32_t body_len)
{
	return body_len >= framing->len &&
		memcmp(body, framing->bytes, (size_t)framing->len) == 0;
}

enum contract_rule
framing_explain(const struct framing *framing, const uint8_t *body,
                int32_t body_len, char out_expected[64], char out_value[64],
                int32_t *out_offset)
{
	int32_t magic = framing->magic_len;

	*out_offset = 0;
	if (body_len < magic ||
	    memcmp(body, framing->bytes, (size_t)magic) == 0) {
		if (body_len < framing->len) {
			snprintf(out_expected, 64, "%d bytes of %s framing",
			         framing->len, framing_names[framing->kind]);
			snprintf(out_value, 64, "%d bytes", body_len);
			return CONTRACT_RULE_FRAME_TRUNCATED;
		}
	} else {
		print_bytes(out_expected, framing->bytes, magic);
		print_bytes(out_value, body, magic);
		return CONTRACT_RULE_FRAME_MAGIC;
	}
	*out_offset = magic;
	if (framing->kind == CONTRACT_CONFLUENT) {
		snprintf(out_expected, 64, "schema id %d",
		         schema_id_of(framing->bytes));
		snprintf(out_value, 64, "schema id %d", schema_id_of(body));
		return CONTRACT_RULE_FRAME_SCHEMA_ID;
	}
	print_bytes(out_expected, framing->bytes + magic, 8);
	print_bytes(out_value, body + magic, 8);
	return CONTRACT_RULE_FRAME_FINGERPRINT;
}

const char *
framing_name(enum contract_framing kind)
{
	CHECK((unsigned)kind < FRAMING_KINDS);
	return framing_names[kind];
}

bool
framing_parse(const char *name, enum contract_framing *out)
{
	for (int i = 0; i < FRAMING_KINDS; i++) {
		if (strcmp(framing_names[i], name) == 0) {
			*out = (enum contract_framing)i;
			return true;
		}
	}
	return false;
}
