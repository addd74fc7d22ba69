/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A text as strict Avro JSON: refused with violations that can be shown, or
 * made bytes that keep the schema, of a text that another parser takes too.
 * The first byte chooses the contract.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/err.h"
#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"

#define FUZZ_CONTRACTS 4

static const char *const fuzz_schemas[FUZZ_CONTRACTS] = {
	"{\"type\":\"record\",\"name\":\"all\",\"fields\":["
	"{\"name\":\"s\",\"type\":\"string\"},"
	"{\"name\":\"l\",\"type\":\"long\",\"default\":7},"
	"{\"name\":\"i\",\"type\":\"int\",\"default\":-1},"
	"{\"name\":\"z\",\"type\":\"null\",\"default\":null},"
	"{\"name\":\"b\",\"type\":\"boolean\",\"default\":true},"
	"{\"name\":\"f\",\"type\":\"float\",\"default\":1.5},"
	"{\"name\":\"d\",\"type\":\"double\",\"default\":0},"
	"{\"name\":\"y\",\"type\":\"bytes\",\"default\":\"\\u00ff\"},"
	"{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"x\",\"size\":2},"
	"\"default\":\"ab\"},"
	"{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":"
	"[\"A\",\"B\"]},\"default\":\"B\"},"
	"{\"name\":\"u\",\"type\":[\"int\",\"null\",\"string\",\"e\"],"
	"\"default\":1},"
	"{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"string\"},"
	"\"default\":[\"k\"]},"
	"{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"long\"},"
	"\"default\":{}}]}",
	"{\"type\":\"record\",\"name\":\"t\",\"fields\":["
	"{\"name\":\"l\",\"type\":[\"null\",\"t\"],\"default\":null},"
	"{\"name\":\"v\",\"type\":\"int\",\"default\":1},"
	"{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"t\"},"
	"\"default\":[]},{\"name\":\"m\",\"type\":{\"type\":\"map\","
	"\"values\":\"t\"},\"default\":{},\"waybill\":{\"sensitive\":true}}]}",
	"{\"type\":\"array\",\"items\":[\"double\",\"float\",\"long\","
	"\"bytes\",{\"type\":\"map\",\"values\":\"boolean\"}]}",
	"{\"type\":\"map\",\"values\":\"string\"}",
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct contract *
contract_of(uint8_t choice)
{
	static struct contract *contracts[FUZZ_CONTRACTS];
	size_t i = choice % FUZZ_CONTRACTS;
	struct err err;

	if (contracts[i] == NULL)
		CHECK(contract_compile(1, "fuzz", 1, fuzz_schemas[i],
		                       &contracts[i], &err) == ERR_OK);
	return contracts[i];
}

/* What the other parser has limits for: NUL in a name, long integers. */
static bool
is_beyond_peer(const char *json, size_t len)
{
	size_t digits = 0;

	for (size_t i = 0; i < len; i++) {
		digits = json[i] >= '0' && json[i] <= '9' ? digits + 1 : 0;
		if (digits > 17 ||
		    (json[i] == '\\' && i + 1 < len && json[i + 1] == 'u'))
			return true;
	}
	return false;
}

static void
check_peer(const char *json, size_t len)
{
	struct json *tree = NULL;
	struct err err;

	if (is_beyond_peer(json, len))
		return;
	if (json_parse(json, len, &tree, &err) == ERR_OK)
		json_free(&tree);
	else
		CHECK(strstr(err.text, "overflow") != NULL);
}

static void
check_result(const struct contract *contract, const char *json, size_t len,
             struct arena *arena, const struct text *body,
             struct contract_result *result)
{
	struct contract_input input = {
		.key_len = -1,
		.headers_len = -1,
		.body = (const uint8_t *)body->bytes,
		.body_len = (int32_t)body->len,
		.body_bytes_max = 1 << 24,
	};

	for (size_t i = 0; i < result->violation_count; i++) {
		const struct violation *violation = &result->violations[i];

		CHECK(text_is_utf8(violation->path, strlen(violation->path)));
		CHECK(text_is_utf8(violation->value, strlen(violation->value)));
		CHECK(violation->byte_offset >= 0 &&
		      violation->byte_offset <= (int32_t)len);
	}
	if (result->violation_count > 0) {
		CHECK(body->len == 0);
		return;
	}
	check_peer(json, len);
	CHECK(contract_measure(contract, input.body, body->len) ==
	      (int64_t)body->len);
	contract_check(contract, &input, arena, result);
	for (size_t i = 0; i < result->violation_count; i++)
		CHECK(strcmp(result->violations[i].rule, "avro.depth") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct contract_result result;
	struct contract *contract;
	struct arena arena;
	struct text body;
	char *json;

	if (size < 1)
		return 0;
	contract = contract_of(data[0]);
	json = malloc(size - 1 > 0 ? size - 1 : 1);
	memcpy(json, data + 1, size - 1);
	arena_init(&arena, 4096);
	text_init(&body, 1 << 20);
	contract_read_json(contract, json, size - 1, &arena, &body, &result);
	check_result(contract, json, size - 1, &arena, &body, &result);
	text_fini(&body);
	arena_fini(&arena);
	free(json);
	return 0;
}
