/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a schema: refused with an error, or a contract that can check
 * bytes (here: the text itself) and whose canonical form is a schema with the
 * same canonical form.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/err.h"
#include "base/runtime/text.h"
#include "contracts/canonical.h"
#include "contracts/contract.h"
#include "contracts/schema.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_canonical(const char *avsc)
{
	struct schema *schema = NULL, *again = NULL;
	struct text form, second;
	struct err err;

	text_init(&form, 1 << 24);
	text_init(&second, 1 << 24);
	CHECK(schema_parse(avsc, &schema, &err) == ERR_OK);
	canonical_print(schema, &form);
	/* full names may make it longer than a schema may be */
	if (form.len < SCHEMA_BYTES_MAX) {
		CHECK(schema_parse(text_string(&form), &again, &err) == ERR_OK);
		canonical_print(again, &second);
		CHECK(strcmp(text_string(&form), text_string(&second)) == 0);
	}
	schema_free(&schema);
	schema_free(&again);
	text_fini(&form);
	text_fini(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct contract_result result;
	struct contract_input input = {
		.body = data,
		.body_len = (int32_t)size,
		.key_len = -1,
		.headers_len = -1,
		.body_bytes_max = 1 << 20,
	};
	struct contract *contract = NULL;
	char *avsc = malloc(size + 1);
	struct arena arena;
	struct err err;

	memcpy(avsc, data, size);
	avsc[size] = '\0';
	arena_init(&arena, 4096);
	if (contract_compile(1, "fuzz", 1, avsc, &contract, &err) == ERR_OK) {
		contract_check(contract, &input, &arena, &result);
		check_canonical(avsc);
		contract_free(&contract);
	} else {
		CHECK(err.code == ERR_SCHEMA && err.text[0] != '\0');
	}
	arena_fini(&arena);
	free(avsc);
	return 0;
}
