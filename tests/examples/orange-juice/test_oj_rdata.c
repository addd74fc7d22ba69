/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* The reader of RDX2, on files made by hand, cut short and damaged. */
#include "examples/orange-juice/oj_rdata.h"

#include <math.h>

#include "tests/examples/orange-juice/juice_rdx.h"
#include "tests/unit.h"

static struct juice_rdx rdx;

static void
make_two_rows(void)
{
	const struct juice_rdx_row rows[] = {
		{ 2, 1, 40, 1, log(64 * 129.0), 3.87 / 64, 0, 38 },
		{ 2, 1, 41, 0, log(64 * 65.0), 3.87 / 64, 0.5, -2 },
	};

	juice_rdx_make(&rdx, rows, 2);
}

static bool
parses(const uint8_t *bytes, size_t size, struct oj_err *err)
{
	struct oj_rdata_file *file = NULL;

	err->text[0] = '\0';
	if (!oj_rdata_parse(bytes, size, &file, err))
		return false;
	oj_rdata_free(&file);
	assert_null(file);
	return true;
}

static void
test_columns_are_found_by_name(void **state)
{
	struct oj_rdata_file *file = NULL;
	struct oj_err err;

	make_two_rows();
	assert_true(oj_rdata_parse(rdx.bytes, rdx.size, &file, &err));
	const struct oj_rdata *frame = oj_rdata_get(
		oj_rdata_get(oj_rdata_root(file), "orangeJuice"), "yx");
	assert_non_null(frame);
	const struct oj_rdata *week = oj_rdata_get(frame, "week");
	assert_int_equal(OJ_RDATA_INTEGERS, week->type);
	assert_int_equal(2, week->count);
	assert_int_equal(41, week->integers[1]);
	const struct oj_rdata *margin = oj_rdata_get(frame, "profit");
	assert_int_equal(OJ_RDATA_DOUBLES, margin->type);
	assert_true(margin->doubles[0] == 38 && margin->doubles[1] == -2);
	assert_null(oj_rdata_get(frame, "none"));
	assert_null(oj_rdata_get(NULL, "none"));
	oj_rdata_free(&file);
}

static void
test_every_truncation_is_an_error(void **state)
{
	struct oj_err err;

	make_two_rows();
	assert_true(parses(rdx.bytes, rdx.size, &err));
	for (size_t size = 0; size < rdx.size; size++) {
		uint8_t *exact = malloc(size + 1); /* for the sanitizer */
		assert_non_null(exact);
		memcpy(exact, rdx.bytes, size);
		assert_false(parses(exact, size, &err));
		assert_true(err.text[0] != '\0');
		free(exact);
	}
	rdx.bytes[rdx.size++] = 0;
	assert_false(parses(rdx.bytes, rdx.size, &err));
	assert_non_null(strstr(err.text, "more than one value"));
}

static void
test_damage_is_survived(void **state)
{
	static const uint8_t DAMAGE[] = { 0x00, 0x01, 0x02, 0x13, 0x7F, 0xFF };
	struct oj_err err;

	make_two_rows();
	for (size_t i = 0; i < rdx.size; i++) {
		uint8_t kept = rdx.bytes[i];
		for (size_t j = 0; j < sizeof(DAMAGE); j++) {
			rdx.bytes[i] = DAMAGE[j];
			(void)parses(rdx.bytes, rdx.size, &err);
		}
		rdx.bytes[i] = kept;
	}
}

static void
test_depth_and_lengths_are_bounded(void **state)
{
	struct oj_err err;

	juice_rdx_begin(&rdx);
	for (int i = 0; i < 1000; i++) {
		juice_rdx_int(&rdx, 19);
		juice_rdx_int(&rdx, 1);
	}
	juice_rdx_int(&rdx, 254);
	assert_false(parses(rdx.bytes, rdx.size, &err));
	assert_non_null(strstr(err.text, "too deep"));

	juice_rdx_begin(&rdx);
	juice_rdx_int(&rdx, 14);
	juice_rdx_int(&rdx, 0x7FFFFFFF);
	assert_false(parses(rdx.bytes, rdx.size, &err));
	assert_non_null(strstr(err.text, "larger than what is left"));
}

static void
test_what_is_not_version_two_is_told_so(void **state)
{
	struct oj_err err;

	assert_false(parses((const uint8_t *)"RDX3\nX\n", 7, &err));
	assert_non_null(strstr(err.text, "version 3"));
	assert_false(parses((const uint8_t *)"<html>", 6, &err));
	assert_non_null(strstr(err.text, "not R data"));
	juice_rdx_begin(&rdx);
	juice_rdx_int(&rdx, 6); /* a call */
	assert_false(parses(rdx.bytes, rdx.size, &err));
	assert_non_null(strstr(err.text, "type 6"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_found_by_name),
		cmocka_unit_test(test_every_truncation_is_an_error),
		cmocka_unit_test(test_damage_is_survived),
		cmocka_unit_test(test_depth_and_lengths_are_bounded),
		cmocka_unit_test(test_what_is_not_version_two_is_told_so),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
