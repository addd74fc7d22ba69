/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of container files: those that avro-c has written, with another
 * schema, with a broken record among them.
 */
#include "contracts/records.h"

#include <stdlib.h>

#include "tests/contracts/given.h"
#include "tests/support/containerfile.h"

/* How many records there are; -1: an error, see err. */
static int
read_all(const char *avsc, const uint8_t *file, size_t len, struct err *err)
{
	const struct records_options options = {
		.format = RECORDS_CONTAINER,
		.bytes = file,
		.len = len,
	};
	struct contract *contract = given_contract(avsc);
	struct records *records = NULL;
	struct record record;
	struct arena arena;
	enum err_code code;
	int count = 0;

	arena_init(&arena, 4096);
	code = records_open(contract, &options, &records, err);
	while (code == ERR_OK) {
		code = records_next(records, &arena, &record, err);
		if (code != ERR_OK || record.is_end)
			break;
		assert_int_equal(record.number, count);
		assert_int_equal(record.violation_count, 0);
		/* single-object framing, then n */
		assert_int_equal(record.body[0], 0xc3);
		if (count < 64)
			assert_int_equal(record.body[10], 2 * count);
		count++;
	}
	records_close(&records);
	arena_fini(&arena);
	contract_free(&contract);
	return code == ERR_OK ? count : -1;
}

#define FIELDS                                                                 \
	"\"fields\":[{\"name\":\"n\",\"type\":\"long\"},{\"name\":\"s\","      \
	"\"type\":\"string\"}]"

static const char framed[] =
	"{\"type\":\"record\",\"name\":\"R\",\"doc\":\"another text\","
	"\"waybill\":{\"framing\":\"single-object\"}," FIELDS "}";

static void
test_all_records_with_the_framing(void **state)
{
	static const char *const codecs[] = { "null", "deflate", "snappy",
		                              "lzma" };
	struct err err;

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		size_t len;
		uint8_t *file =
			containerfile_write(codecs[i], 500, 20, 1000, &len);

		assert_int_equal(read_all(framed, file, len, &err), 500);
		assert_int_equal(read_all(framed, file, len - 1, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		free(file);
	}
}

static void
test_another_schema_is_refused(void **state)
{
	struct err err;
	size_t len;
	uint8_t *file = containerfile_write("null", 1, 1, 1000, &len);

	assert_int_equal(read_all("{\"type\":\"record\",\"name\":\"Q\"," FIELDS
	                          "}",
	                          file, len, &err),
	                 -1);
	assert_int_equal(err.code, ERR_SCHEMA);
	assert_non_null(strstr(err.text, "is not that of the contract given"));
	assert_non_null(strstr(err.text, "\"name\":\"R\""));
	free(file);
}

static void
test_a_broken_record_ends_it(void **state)
{
	struct err err;
	size_t len;
	uint8_t *file = containerfile_write("null", 3, 1, 1000, &len);

	/* the last record: n 02, length 02, x; then the marker */
	file[len - 16 - 2] = 0x7e;
	assert_int_equal(read_all(framed, file, len, &err), -1);
	assert_non_null(strstr(err.text, "record 2, in the block at byte"));
	file[len - 16 - 2] = 0;
	assert_int_equal(read_all(framed, file, len, &err), -1);
	assert_non_null(strstr(err.text, "goes on behind its last record, 2"));
	free(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_records_with_the_framing),
		cmocka_unit_test(test_another_schema_is_refused),
		cmocka_unit_test(test_a_broken_record_ends_it),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
