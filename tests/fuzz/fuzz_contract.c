/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes against contracts of all types: never a crash, a read out of bounds or
 * an endless loop; checker and explainer agree; what is good can be printed.
 * The first byte chooses the contract, the second the length of the key.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/err.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"

#define FUZZ_CONTRACTS 4

static const char *const fuzz_schemas[FUZZ_CONTRACTS] = {
	"{\"type\":\"record\",\"name\":\"all\",\"waybill\":{\"key\":[\"s\",\"l\"]},"
	"\"fields\":[{\"name\":\"s\",\"type\":\"string\"},"
	"{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"i\",\"type\":\"int\"},"
	"{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"f\",\"type\":\"float\"},"
	"{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"bytes\"},"
	"{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"x\",\"size\":3}},"
	"{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":"
	"[\"A\",\"B\"]}},{\"name\":\"u\",\"type\":[\"int\",\"string\",\"e\"]},"
	"{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},"
	"{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"long\"}},"
	"{\"name\":\"n\",\"type\":[\"null\",\"string\"]}]}",
	"{\"type\":\"record\",\"name\":\"tree\",\"fields\":["
	"{\"name\":\"left\",\"type\":[\"null\",\"tree\"]},"
	"{\"name\":\"more\",\"type\":{\"type\":\"array\",\"items\":\"tree\"}},"
	"{\"name\":\"none\",\"type\":{\"type\":\"array\",\"items\":\"null\"}},"
	"{\"name\":\"named\",\"type\":{\"type\":\"map\",\"values\":\"tree\"}}]}",
	"{\"type\":\"record\",\"name\":\"logical\",\"waybill\":{\"framing\":"
	"\"confluent\",\"schema-id\":1},\"fields\":["
	"{\"name\":\"a\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
	"\"precision\":40,\"scale\":2}},"
	"{\"name\":\"b\",\"type\":{\"type\":\"fixed\",\"name\":\"b\",\"size\":5,"
	"\"logicalType\":\"decimal\",\"precision\":9,\"scale\":9}},"
	"{\"name\":\"c\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"},"
	"\"waybill\":{\"sensitive\":true}},"
	"{\"name\":\"d\",\"type\":{\"type\":\"long\",\"logicalType\":"
	"\"timestamp-nanos\"}},"
	"{\"name\":\"e\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
	"{\"name\":\"f\",\"type\":{\"type\":\"int\",\"logicalType\":"
	"\"time-millis\"}},"
	"{\"name\":\"g\",\"type\":{\"type\":\"fixed\",\"name\":\"g\",\"size\":12,"
	"\"logicalType\":\"duration\"}}]}",
	"{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":"
	"[\"null\",\"double\",{\"type\":\"map\",\"values\":\"boolean\"}]}}",
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct contract_result result;
	struct contract_input input = { .headers_len = -1 };
	struct contract *contract;
	struct arena arena;
	struct text json;
	struct err err;
	size_t key_len;

	if (size < 2)
		return 0;
	contract = contract_of(data[0]);
	key_len = data[1] < size - 2 ? data[1] : size - 2;
	input.key = data + 2;
	input.key_len = (int32_t)key_len;
	input.body_len = (int32_t)(size - 2 - key_len);
	input.body = malloc((size_t)input.body_len + 1);
	memcpy((uint8_t *)input.body, data + 2 + key_len,
	       (size_t)input.body_len);
	input.body_bytes_max = 1 << 20;
	arena_init(&arena, 4096);
	text_init(&json, 1 << 16);
	contract_check(contract, &input, &arena, &result);
	for (size_t i = 0; i < result.violation_count; i++) {
		const struct violation *violation = &result.violations[i];

		CHECK(strcmp(violation->rule, "avro.invalid") != 0);
		CHECK(text_is_utf8(violation->path, strlen(violation->path)));
		CHECK(text_is_utf8(violation->value, strlen(violation->value)));
	}
	if (contract_print_json(contract, input.body, input.body_len, &json,
	                        &err) != ERR_OK)
		CHECK(result.violation_count > 0);
	text_fini(&json);
	arena_fini(&arena);
	free((uint8_t *)input.body);
	return 0;
}
