/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the tests of this folder share: a contract out of a text, a message out
 * of a literal, and the rules that it breaks.
 */
#include <stdio.h>
#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/err.h"
#include "base/runtime/memory.h"
#include "contracts/contract.h"
#include "tests/unit.h"

/* A literal may hold NULs: its length is told, without the last one. */
#define BYTES(literal) (const uint8_t *)(literal), (int32_t)sizeof(literal) - 1

static inline struct contract *
given_contract(const char *avsc)
{
	struct contract *contract = NULL;
	struct err err = { 0 };

	if (contract_compile(7, "given", 1, avsc, &contract, &err) != ERR_OK)
		fail_msg("%s\n%s", avsc, err.text);
	return contract;
}

/* The text of the error of a schema that is no contract. */
static inline const char *
given_error(const char *avsc)
{
	static struct err err;
	struct contract *contract = NULL;

	memset(&err, 0, sizeof(err));
	if (contract_compile(7, "given", 1, avsc, &contract, &err) == ERR_OK) {
		contract_free(&contract);
		return "(valid)";
	}
	assert_int_equal(err.code, ERR_SCHEMA);
	assert_null(contract);
	return err.text;
}

struct given {
	struct arena arena;
	struct contract_result result;
};

/* Bytes at the end of their own heap block, where ASan sees a read behind. */
static inline void
given_check(struct given *given, const struct contract *contract,
            const struct contract_input *input)
{
	struct contract_input tight = *input;
	uint8_t *body = NULL, *key = NULL;

	if (input->body != NULL) {
		body = memory_alloc((size_t)input->body_len);
		memcpy(body, input->body, (size_t)input->body_len);
		tight.body = body;
	}
	if (input->key != NULL) {
		key = memory_alloc((size_t)input->key_len);
		memcpy(key, input->key, (size_t)input->key_len);
		tight.key = key;
	}
	memset(&given->result, 0xa5, sizeof(given->result));
	contract_check(contract, &tight, &given->arena, &given->result);
	memory_free(&body);
	memory_free(&key);
}

/* The rules that a message breaks, joined by spaces; "" is a good one. */
static inline const char *
given_rules(const struct contract *contract, const struct contract_input *input)
{
	static char rules[1024];
	struct given given;

	arena_init(&given.arena, 4096);
	given_check(&given, contract, input);
	rules[0] = '\0';
	for (size_t i = 0; i < given.result.violation_count; i++) {
		if (i > 0)
			strcat(rules, " ");
		strcat(rules, given.result.violations[i].rule);
		if (given.result.violations[i].path[0] != '\0') {
			strcat(rules, "@");
			strcat(rules, given.result.violations[i].path);
		}
	}
	arena_fini(&given.arena);
	return rules;
}

/* The same for a body under a schema without annotations. */
static inline const char *
given_body(const char *avsc, const uint8_t *body, int32_t body_len)
{
	const struct contract_input input = {
		.body = body,
		.body_len = body_len,
		.key_len = -1,
		.headers_len = -1,
		.body_bytes_max = 1 << 20,
	};
	struct contract *contract = given_contract(avsc);
	const char *rules = given_rules(contract, &input);

	contract_free(&contract);
	return rules;
}
