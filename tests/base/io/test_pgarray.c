/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/io/pgarray.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

static const uint8_t two_int4s[] = {
	0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0,   0,   0,   2,
	0, 0, 0, 1, /* header */
	0, 0, 0, 4, 0, 0, 1, 2, 0, 0, 0, 4,  255, 255, 255, 254,
};

static void
test_writes_what_postgres_sends(void **state)
{
	struct pgarray array = { 0 };
	struct pgvalue value;

	pgarray_begin(&array, PGTYPE_INT4);
	pgarray_add_int4(&array, 258);
	pgarray_add_int4(&array, -2);
	value = pgarray_end(&array);
	assert_int_equal(value.len, sizeof(two_int4s));
	assert_memory_equal(value.bytes, two_int4s, sizeof(two_int4s));
	pgarray_fini(&array);
}

static void
test_empty_array_has_no_dimension(void **state)
{
	static const uint8_t empty[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17 };
	struct pgarray array = { 0 };
	struct pgarray_reader reader;
	struct pgvalue value;
	const uint8_t *bytes;
	struct err err;
	int len;

	pgarray_begin(&array, PGTYPE_INT8);
	pgarray_add_int8(&array, 7);
	pgarray_end(&array);
	pgarray_begin(&array, PGTYPE_BYTEA); /* reused */
	value = pgarray_end(&array);
	assert_int_equal(value.len, sizeof(empty));
	assert_memory_equal(value.bytes, empty, sizeof(empty));
	assert_int_equal(pgarray_read(value.bytes, value.len, &reader, &err),
	                 ERR_OK);
	assert_false(pgarray_next(&reader, &bytes, &len));
	assert_int_equal(reader.left, 0);
	pgarray_fini(&array);
}

static void
test_round_trip_of_integers(void **state)
{
	static const int64_t values[] = { 0, 1, -1, INT64_MAX, INT64_MIN };
	struct pgarray array = { 0 };
	struct pgarray_reader reader;
	struct pgvalue value;
	struct err err;
	int64_t out;

	pgarray_begin(&array, PGTYPE_INT8);
	for (int i = 0; i < 5; i++)
		pgarray_add_int8(&array, values[i]);
	pgarray_add_bytes(&array, NULL, 0);
	value = pgarray_end(&array);
	assert_int_equal(pgarray_read(value.bytes, value.len, &reader, &err),
	                 ERR_OK);
	assert_int_equal(reader.element, PGTYPE_INT8);
	assert_int_equal(reader.left, 6);
	for (int i = 0; i < 5; i++) {
		assert_true(pgarray_next_int(&reader, 0, &out));
		assert_true(out == values[i]);
	}
	assert_true(pgarray_next_int(&reader, -77, &out));
	assert_int_equal(out, -77);
	assert_false(pgarray_next_int(&reader, 0, &out));

	pgarray_begin(&array, PGTYPE_INT2);
	pgarray_add_int2(&array, INT16_MIN);
	pgarray_add_int2(&array, INT16_MAX);
	value = pgarray_end(&array);
	assert_int_equal(pgarray_read(value.bytes, value.len, &reader, &err),
	                 ERR_OK);
	assert_true(pgarray_next_int(&reader, 0, &out));
	assert_int_equal(out, INT16_MIN);
	assert_true(pgarray_next_int(&reader, 0, &out));
	assert_int_equal(out, INT16_MAX);
	pgarray_fini(&array);
}

static void
test_empty_bytes_are_not_null(void **state)
{
	struct pgarray array = { 0 };
	struct pgarray_reader reader;
	struct pgvalue value;
	const uint8_t *bytes;
	struct err err;
	int len;

	pgarray_begin(&array, PGTYPE_BYTEA);
	pgarray_add_bytes(&array, "a\0b", 3);
	pgarray_add_bytes(&array, NULL, 0);
	pgarray_add_bytes(&array, "", 0);
	value = pgarray_end(&array);
	assert_int_equal(pgarray_read(value.bytes, value.len, &reader, &err),
	                 ERR_OK);
	assert_true(pgarray_next(&reader, &bytes, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "a\0b", 3);
	assert_true(pgarray_next(&reader, &bytes, &len));
	assert_int_equal(len, -1);
	assert_null(bytes);
	assert_true(pgarray_next(&reader, &bytes, &len));
	assert_int_equal(len, 0);
	assert_non_null(bytes);
	assert_false(pgarray_next(&reader, &bytes, &len));
	assert_int_equal(reader.left, 0);
	pgarray_fini(&array);
}

static void
test_grows_over_many_elements(void **state)
{
	struct pgarray array = { 0 };
	struct pgarray_reader reader;
	struct pgvalue value;
	struct err err;
	int64_t out;
	int count = 0;

	pgarray_begin(&array, PGTYPE_INT4);
	for (int i = 0; i < 100000; i++)
		pgarray_add_int4(&array, i);
	value = pgarray_end(&array);
	assert_int_equal(pgarray_read(value.bytes, value.len, &reader, &err),
	                 ERR_OK);
	while (pgarray_next_int(&reader, 0, &out))
		assert_int_equal(out, count++);
	assert_int_equal(count, 100000);
	pgarray_fini(&array);
}

/* Each prefix of an array, and each of its bytes changed, is either read to
   its end or refused; the sanitizer sees a step too far. */
static void
test_cut_or_damaged_bytes_are_refused(void **state)
{
	struct pgarray_reader reader;
	struct err err;
	int64_t out;

	for (int len = 0; len < (int)sizeof(two_int4s); len++) {
		uint8_t *copy = malloc((size_t)len + 1);

		memcpy(copy, two_int4s, (size_t)len);
		copy = realloc(copy, len ? (size_t)len : 1);
		if (pgarray_read(copy, len, &reader, &err) == ERR_OK) {
			while (pgarray_next_int(&reader, 0, &out))
				;
			assert_int_equal(reader.left, -1);
		} else {
			assert_int_equal(err.code, ERR_INVALID);
		}
		free(copy);
	}
	for (size_t at = 0; at < sizeof(two_int4s); at++)
		for (int with = 0; with < 256; with++) {
			uint8_t copy[sizeof(two_int4s)];

			memcpy(copy, two_int4s, sizeof(copy));
			copy[at] = (uint8_t)with;
			if (pgarray_read(copy, sizeof(copy), &reader, &err) ==
			    ERR_OK)
				while (pgarray_next_int(&reader, 0, &out))
					;
		}
	assert_int_equal(pgarray_read(NULL, 0, &reader, &err), ERR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_what_postgres_sends),
		cmocka_unit_test(test_empty_array_has_no_dimension),
		cmocka_unit_test(test_round_trip_of_integers),
		cmocka_unit_test(test_empty_bytes_are_not_null),
		cmocka_unit_test(test_grows_over_many_elements),
		cmocka_unit_test(test_cut_or_damaged_bytes_are_refused),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
