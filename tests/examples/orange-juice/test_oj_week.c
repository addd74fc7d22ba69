/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Store-weeks out of a file: plain, gzip and xz; wrong rows are named; and the
 * simulated stock balances.
 */
#include "examples/orange-juice/oj_week.h"

#include <lzma.h>
#include <math.h>
#include <zlib.h>

#include "tests/examples/orange-juice/juice_rdx.h"
#include "tests/unit.h"

enum { ROWS = 40 };

static struct juice_rdx rdx;
static struct juice_rdx_row rows[ROWS];
static uint8_t packed[65536];
static char path[128];

/* Two stores, two items, ten weeks; sales jump about. */
static int
setup(void **state)
{
	const char *temporary = getenv("TMPDIR");

	for (int i = 0; i < ROWS; i++) {
		rows[i].store = 2 + 3 * (i / 20);
		rows[i].item = 1 + i / 10 % 2;
		rows[i].week = 40 + i % 10;
		rows[i].deal = i % 2;
		rows[i].log_ounces = round(log((rows[i].item == 1 ? 64 : 96) *
		                               (1.0 + i * 37 % 101)) *
		                           1e10) /
			1e10;
		rows[i].price = 0.0604296875;
		rows[i].feature = 0.25;
		rows[i].margin = 25;
	}
	juice_rdx_make(&rdx, rows, ROWS);
	(void)snprintf(path, sizeof(path), "%.90s/juice-XXXXXX",
	               temporary != NULL ? temporary : "/tmp");
	int file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(0, close(file));
	return 0;
}

static int
teardown(void **state)
{
	return unlink(path);
}

static bool
reads(const void *bytes, size_t size, struct oj_weeks *weeks,
      struct oj_err *err)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(size, fwrite(bytes, 1, size, file));
	assert_int_equal(0, fclose(file));
	return oj_week_table_read(path, weeks, err);
}

static size_t
pack_xz(void)
{
	size_t size = 0;

	assert_int_equal(LZMA_OK,
	                 lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL,
	                                         rdx.bytes, rdx.size, packed,
	                                         &size, sizeof(packed)));
	return size;
}

static size_t
pack_gzip(void)
{
	z_stream stream = { .next_in = rdx.bytes,
		            .avail_in = (unsigned int)rdx.size,
		            .next_out = packed,
		            .avail_out = sizeof(packed) };

	assert_int_equal(Z_OK,
	                 deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8,
	                              Z_DEFAULT_STRATEGY));
	assert_int_equal(Z_STREAM_END, deflate(&stream, Z_FINISH));
	assert_int_equal(Z_OK, deflateEnd(&stream));
	return stream.total_out;
}

static void
check_weeks(struct oj_weeks *weeks)
{
	int64_t units = 0;

	assert_int_equal(ROWS, weeks->count);
	assert_int_equal(2, weeks->stores_count);
	for (int i = 0; i < ROWS; i++)
		units += 1 + i * 37 % 101;
	assert_int_equal(units, weeks->units);
	for (size_t i = 0; i < weeks->count; i++) {
		const struct oj_week *week = &weeks->weeks[i];
		assert_int_equal(week->store == 2 ? 0 : 1, week->tenant);
		assert_int_equal(week->item == 1 ? 387 : 580,
		                 week->price_cents);
		assert_true(i == 0 || week->week >= week[-1].week);
	}
	oj_week_table_fini(weeks);
}

static void
test_plain_gzip_and_xz_are_read_alike(void **state)
{
	struct oj_weeks weeks;
	struct oj_err err;

	assert_true(reads(rdx.bytes, rdx.size, &weeks, &err));
	check_weeks(&weeks);
	assert_true(reads(packed, pack_xz(), &weeks, &err));
	check_weeks(&weeks);
	assert_true(reads(packed, pack_gzip(), &weeks, &err));
	check_weeks(&weeks);
}

static void
test_a_truncated_file_is_an_error(void **state)
{
	struct oj_weeks weeks;
	struct oj_err err;
	size_t size = pack_xz();

	for (size_t cut = 0; cut < size; cut += 7)
		assert_false(reads(packed, cut, &weeks, &err));
	assert_false(reads(packed, size - 1, &weeks, &err));
	assert_non_null(strstr(err.text, "ends too early"));
	packed[size / 2] ^= 0x55;
	assert_false(reads(packed, size, &weeks, &err));
	size = pack_gzip();
	for (size_t cut = 0; cut < size; cut += 7)
		assert_false(reads(packed, cut, &weeks, &err));
	assert_false(reads(packed, size - 1, &weeks, &err));
	assert_non_null(strstr(err.text, "ends too early"));
	assert_false(oj_week_table_read("/nonexistent", &weeks, &err));
	assert_non_null(strstr(err.text, "/nonexistent"));
}

static void
expect_row_error(struct juice_rdx_row row, const char *words)
{
	struct oj_weeks weeks;
	struct oj_err err;
	struct juice_rdx_row kept = rows[6];

	rows[6] = row;
	juice_rdx_make(&rdx, rows, ROWS);
	rows[6] = kept;
	assert_false(reads(rdx.bytes, rdx.size, &weeks, &err));
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s' is not in '%s'", words, err.text);
	juice_rdx_make(&rdx, rows, ROWS);
}

static void
test_a_wrong_row_is_named(void **state)
{
	struct juice_rdx_row row = rows[6];

	row.log_ounces = log(64 * 12.5);
	expect_row_error(row, "row 7: 12.5");
	row.log_ounces = (double)NAN;
	expect_row_error(row, "row 7");
	row.log_ounces = (double)INFINITY;
	expect_row_error(row, "row 7");
	row = rows[6];
	row.item = 12;
	expect_row_error(row, "row 7: store 2, brand 12");
	row.item = INT32_MIN; /* R's NA */
	expect_row_error(row, "row 7");
	row = rows[6];
	row.price = 0;
	expect_row_error(row, "row 7: a price");
	expect_row_error(rows[5], "comes twice");
}

static void
test_stock_balances_week_by_week(void **state)
{
	struct oj_weeks weeks;
	struct oj_err err;
	int32_t on_hand[8][3], on_order[8][3];
	bool begun[8][3] = { { false } };

	assert_true(reads(rdx.bytes, rdx.size, &weeks, &err));
	for (size_t i = 0; i < weeks.count; i++) {
		const struct oj_week *week = &weeks.weeks[i];
		const struct oj_stock *stock = &week->stock;
		int32_t *hand = &on_hand[week->store][week->item];
		int32_t *order = &on_order[week->store][week->item];
		if (begun[week->store][week->item]) {
			assert_int_equal(stock->on_hand,
			                 *hand + stock->received - week->units);
			assert_int_equal(*order,
			                 stock->received - stock->expedited);
		}
		assert_true(stock->on_hand >= 0 && stock->expedited >= 0);
		assert_int_equal(0, stock->on_order % 12);
		assert_int_equal(0, stock->expedited % 12);
		assert_true(stock->on_hand + stock->on_order >=
		            stock->order_up_to);
		begun[week->store][week->item] = true;
		*hand = stock->on_hand;
		*order = stock->on_order;
	}
	oj_week_table_fini(&weeks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_gzip_and_xz_are_read_alike),
		cmocka_unit_test(test_a_truncated_file_is_an_error),
		cmocka_unit_test(test_a_wrong_row_is_named),
		cmocka_unit_test(test_stock_balances_week_by_week),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, setup, teardown);
}
