/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The rules that hold for every contract, in the order in which they are
 * checked. Their ids are stable: they are in the journal and on dead-letter
 * topics.
 */
#include <stddef.h>

enum contract_rule {
	CONTRACT_RULE_HEADER_RESERVED,
	CONTRACT_RULE_SIZE_EXCEEDED,
	CONTRACT_RULE_TOMBSTONE_REFUSED,
	CONTRACT_RULE_TOMBSTONE_KEYLESS,
	CONTRACT_RULE_FRAME_TRUNCATED,
	CONTRACT_RULE_FRAME_MAGIC,
	CONTRACT_RULE_FRAME_SCHEMA_ID,
	CONTRACT_RULE_FRAME_FINGERPRINT,
	CONTRACT_RULE_TRUNCATED,
	CONTRACT_RULE_VARINT,
	CONTRACT_RULE_BOOLEAN,
	CONTRACT_RULE_LENGTH,
	CONTRACT_RULE_UTF8,
	CONTRACT_RULE_ENUM,
	CONTRACT_RULE_UNION,
	CONTRACT_RULE_COUNT,
	CONTRACT_RULE_BLOCK_SIZE,
	CONTRACT_RULE_DEPTH,
	CONTRACT_RULE_TRAILING,
	CONTRACT_RULE_INVALID,
	CONTRACT_RULE_DECIMAL,
	CONTRACT_RULE_UUID,
	CONTRACT_RULE_TIME,
	CONTRACT_RULE_KEY_SEPARATOR,
	CONTRACT_RULE_KEY_SIZE,
	CONTRACT_RULE_KEY_MISSING,
	CONTRACT_RULE_KEY_MISMATCH,
	CONTRACT_RULE_TABLE_LEN,
};

const char *
contract_rule_id(enum contract_rule rule); /* "avro.truncated" */

const char *
contract_rule_text(enum contract_rule rule); /* a sentence, for people */
