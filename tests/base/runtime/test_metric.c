/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

static const double seconds[] = { 0.005, 0.1, 1 };

static const struct metric_def table[] = {
	{ .name = "waybill_recorded_messages_total",
	  .type = METRIC_COUNTER,
	  .help = "Messages recorded \\ journal\nsecond line | bar.",
	  .labels = { "tenant", "feed" } },
	{ .name = "waybill_lag", .type = METRIC_GAUGE, .help = "Lag." },
	{ .name = "waybill_commit_seconds",
	  .type = METRIC_HISTOGRAM,
	  .help = "Commit.",
	  .labels = { "cluster" },
	  .buckets = seconds,
	  .bucket_count = 3 },
	{ .name = "waybill_batches_total",
	  .type = METRIC_COUNTER,
	  .help = "Batches." },
};

static int
begin(void **state)
{
	metric_register(table, 4);
	return 0;
}

static int
end(void **state)
{
	metric_forget_all();
	return 0;
}

static void
assert_output(const char *expected)
{
	struct text out;

	text_init(&out, 1000000);
	metric_print(&out);
	assert_string_equal(expected, text_string(&out));
	text_fini(&out);
}

static void
test_exposition(void **state)
{
	const char *const de[] = { "DE", "stock" };
	const char *const at[] = { "AT", "a\\b\"c\nd" };
	const char *const east[] = { "east" };
	struct metric_cell *commit = metric_cell(&table[2], east);

	metric_add(metric_cell(&table[0], de), 3);
	metric_add(metric_cell(&table[0], de), INT64_C(9007199254740993));
	metric_add(metric_cell(&table[0], at), 1);
	metric_set(metric_cell(&table[1], NULL), 2.5);
	metric_add(metric_cell(&table[1], NULL), -3);
	metric_observe(commit, 0.005); /* bounds are inclusive */
	metric_observe(commit, 0.0050001);
	metric_observe(commit, 100);
	metric_observe(commit, (double)NAN);
	assert_true(fabs(metric_value(commit) - 100.0100001) < 1e-9);
	assert_output(
		"# HELP waybill_batches_total Batches.\n"
		"# TYPE waybill_batches_total counter\n"
		"waybill_batches_total 0\n"
		"# HELP waybill_commit_seconds Commit.\n"
		"# TYPE waybill_commit_seconds histogram\n"
		"waybill_commit_seconds_bucket{cluster=\"east\",le=\"0.005\"} 1\n"
		"waybill_commit_seconds_bucket{cluster=\"east\",le=\"0.1\"} 2\n"
		"waybill_commit_seconds_bucket{cluster=\"east\",le=\"1\"} 2\n"
		"waybill_commit_seconds_bucket{cluster=\"east\",le=\"+Inf\"} 3\n"
		"waybill_commit_seconds_sum{cluster=\"east\"} 100.0100001\n"
		"waybill_commit_seconds_count{cluster=\"east\"} 3\n"
		"# HELP waybill_lag Lag.\n"
		"# TYPE waybill_lag gauge\n"
		"waybill_lag -0.5\n"
		"# HELP waybill_recorded_messages_total Messages recorded \\\\ "
		"journal\\nsecond line | bar.\n"
		"# TYPE waybill_recorded_messages_total counter\n"
		"waybill_recorded_messages_total{tenant=\"AT\",feed=\"a\\\\b"
		"\\\"c\\nd\"} 1\n"
		"waybill_recorded_messages_total{tenant=\"DE\",feed=\"stock\"} "
		"9007199254740996\n");
}

static void
test_numbers(void **state)
{
	static const struct {
		double value;
		const char *text;
	} known[] = { { 0, "0" },
		      { 1e15, "1e+15" },
		      { 123456789, "123456789" },
		      { 0.1, "0.1" },
		      { (double)INFINITY, "+Inf" },
		      { -(double)INFINITY, "-Inf" },
		      { (double)NAN, "NaN" } };
	char line[64];
	struct text out;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		metric_set(metric_cell(&table[1], NULL), known[i].value);
		text_init(&out, 100000);
		metric_print(&out);
		snprintf(line, sizeof(line), "\nwaybill_lag %s\n",
		         known[i].text);
		assert_non_null(strstr(text_string(&out), line));
		text_fini(&out);
	}
}

static void
test_same_values_same_cell(void **state)
{
	const char *const one[] = { "DE", "stock" };
	const char *const two[] = { "DE", "stocks" };

	assert_ptr_equal(metric_cell(&table[0], one),
	                 metric_cell(&table[0], one));
	assert_ptr_not_equal(metric_cell(&table[0], one),
	                     metric_cell(&table[0], two));
}

static void
test_too_many_cells_share_other(void **state)
{
	struct metric_cell *cells[1100];
	const char *const others[] = { "other", "other" };
	char tenant[16];
	const char *values[] = { tenant, "f" };

	for (int i = 0; i < 1100; i++) {
		snprintf(tenant, sizeof(tenant), "t%d", i);
		cells[i] = metric_cell(&table[0], values);
		metric_add(cells[i], 1);
	}
	for (int i = 0; i < METRIC_CELLS_MAX - 1; i++)
		assert_true(metric_value(cells[i]) == 1);
	for (int i = METRIC_CELLS_MAX; i < 1100; i++)
		assert_ptr_equal(cells[METRIC_CELLS_MAX - 1], cells[i]);
	assert_true(metric_value(cells[1099]) == 1100 - METRIC_CELLS_MAX + 1);
	assert_ptr_equal(cells[1099], metric_cell(&table[0], others));
	strcpy(tenant, "t5"); /* those that are there stay */
	assert_ptr_equal(cells[5], metric_cell(&table[0], values));
}

/* Someone who is called "other" takes a place as anyone does. */
static void
test_other_as_a_name(void **state)
{
	const char *const others[] = { "other", "other" };
	struct metric_cell *other = metric_cell(&table[0], others);
	char tenant[16];
	const char *values[] = { tenant, "f" };
	struct metric_cell *last = NULL;

	for (int i = 0; i < 1100; i++) {
		snprintf(tenant, sizeof(tenant), "t%d", i);
		last = metric_cell(&table[0], values);
	}
	assert_ptr_equal(other, last);
}

static void
test_strange_values(void **state)
{
	char large[1000];
	const char *const values[] = { "\xff"
		                       "a\xc3\xa4",
		                       large };
	struct text out;

	memset(large, 0, sizeof(large));
	for (int i = 0; i < 900; i += 3)
		memcpy(large + i, "\xe2\x82\xac", 3);
	metric_add(metric_cell(&table[0], values), 1);
	text_init(&out, 100000);
	metric_print(&out);
	assert_true(text_is_utf8(text_string(&out), out.len));
	assert_non_null(strstr(text_string(&out), "tenant=\"?a??\""));
	assert_true(out.len < 1200);
	text_fini(&out);
}

static void
test_reference(void **state)
{
	struct text out;

	text_init(&out, 10000);
	metric_print_reference(&out);
	assert_string_equal(
		"| metric | type | labels | meaning |\n"
		"|---|---|---|---|\n"
		"| `waybill_batches_total` | counter | | Batches. |\n"
		"| `waybill_commit_seconds` | histogram | `cluster` | Commit. |\n"
		"| `waybill_lag` | gauge | | Lag. |\n"
		"| `waybill_recorded_messages_total` | counter | `tenant`, "
		"`feed` | Messages recorded \\ journal second line \\| bar. |\n",
		text_string(&out));
	text_fini(&out);
}

static void
update_many(void *context)
{
	const char *const de[] = { "DE", "stock" };
	const char *const east[] = { "east" };
	struct text out;

	for (int i = 0; i < 2000; i++) {
		char tenant[16];
		const char *values[] = { tenant, "x" };

		snprintf(tenant, sizeof(tenant), "t%d", i % 300);
		metric_add(metric_cell(&table[0], values), 1);
		metric_add(metric_cell(&table[0], de), 1);
		metric_add(metric_cell(&table[1], NULL), 1);
		metric_observe(metric_cell(&table[2], east), 0.5);
		if (i % 500 == 0) {
			text_init(&out, 1000000);
			metric_print(&out);
			text_fini(&out);
		}
	}
}

static void
test_threads_lose_nothing(void **state)
{
	const char *const de[] = { "DE", "stock" };
	const char *const east[] = { "east" };
	struct thread *threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = thread_new("metric", update_many, NULL);
	for (int i = 0; i < 4; i++)
		thread_join(&threads[i]);
	assert_true(metric_value(metric_cell(&table[0], de)) == 8000);
	assert_true(metric_value(metric_cell(&table[1], NULL)) == 8000);
	assert_true(metric_value(metric_cell(&table[2], east)) == 4000);
}

static void
register_twice(void)
{
	metric_register(table, 1);
}

static void
unregistered(void)
{
	static const struct metric_def def = { "waybill_x", METRIC_GAUGE, "X.",
		                               { NULL },    NULL,         0 };

	metric_cell(&def, NULL);
}

static void
counter_without_total(void)
{
	static const struct metric_def def = { "waybill_x", METRIC_COUNTER,
		                               "X.",        { NULL },
		                               NULL,        0 };

	metric_register(&def, 1);
}

static void
name_with_dash(void)
{
	static const struct metric_def def = { "waybill-x", METRIC_GAUGE, "X.",
		                               { NULL },    NULL,         0 };

	metric_register(&def, 1);
}

static void
buckets_descend(void)
{
	static const double bounds[] = { 2, 1 };
	static const struct metric_def def = { "waybill_x", METRIC_HISTOGRAM,
		                               "X.",        { NULL },
		                               bounds,      2 };

	metric_register(&def, 1);
}

static void
counter_goes_down(void)
{
	metric_add(metric_cell(&table[3], NULL), -1);
}

static void
labels_missing(void)
{
	metric_cell(&table[0], NULL);
}

static void
test_misuse_is_a_bug(void **state)
{
	assert_true(dies(register_twice));
	assert_true(dies(unregistered));
	assert_true(dies(counter_without_total));
	assert_true(dies(name_with_dash));
	assert_true(dies(buckets_descend));
	assert_true(dies(counter_goes_down));
	assert_true(dies(labels_missing));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_misuse_is_a_bug),
		TEST(test_exposition),
		TEST(test_numbers),
		TEST(test_same_values_same_cell),
		TEST(test_too_many_cells_share_other),
		TEST(test_other_as_a_name),
		TEST(test_strange_values),
		TEST(test_reference),
		TEST(test_threads_lose_nothing),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
