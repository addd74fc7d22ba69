/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What stands in front of the Avro binary. The bytes that a contract expects
 * are made once; a message is compared with them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "contracts/contract.h"
#include "contracts/contract_rule.h"

#define FRAMING_BYTES_MAX 10

struct framing {
	enum contract_framing kind;
	int32_t len;
	int32_t magic_len; /* of len: the marker; the rest says which schema */
	uint8_t bytes[FRAMING_BYTES_MAX];
};

/* schema_id is used by CONTRACT_CONFLUENT, fingerprint by
   CONTRACT_SINGLE_OBJECT. */
void
framing_init(struct framing *framing, enum contract_framing kind,
             int32_t schema_id, uint64_t fingerprint);

/* Whether the body begins with it. */
bool
framing_matches(const struct framing *framing, const uint8_t *body,
                int32_t body_len);

/* Which rule a body breaks that does not match; texts for a violation. */
enum contract_rule
framing_explain(const struct framing *framing, const uint8_t *body,
                int32_t body_len, char out_expected[64], char out_value[64],
                int32_t *out_offset);

const char *
framing_name(enum contract_framing kind); /* "single-object" */

bool
framing_parse(const char *name, enum contract_framing *out);
