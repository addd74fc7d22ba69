/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* The stream: how many of what, the same for the same seed, and in order. */
#include "examples/orange-juice/oj_stream.h"

#include <string.h>

#include "tests/unit.h"

enum { ROWS = 500 };

static struct oj_week rows[ROWS];
static const struct oj_weeks WEEKS = { .weeks = rows, .count = ROWS };

static int
setup(void **state)
{
	for (int i = 0; i < ROWS; i++) {
		rows[i].store = 1 + i % 5;
		rows[i].item = 1 + i / 5 % 10;
		rows[i].week = 40 + i / 50;
		rows[i].units = 1 + i;
		rows[i].price_cents = 199;
		rows[i].tenant = (uint8_t)(i % 5 % 2);
		rows[i].last = i == ROWS - 4; /* of tenant 1 */
	}
	return 0;
}

static size_t
count_kinds(const struct oj_stream_options *options, size_t counts[OJ_KINDS],
            uint64_t *out_digest)
{
	static struct oj_message message;
	struct oj_stream *stream = oj_stream_new(&WEEKS, options);
	size_t total = 0, count_max = oj_stream_count_max(stream);

	memset(counts, 0, OJ_KINDS * sizeof(*counts));
	*out_digest = 0;
	while (oj_stream_next(stream, &message)) {
		counts[message.kind]++;
		total++;
		for (size_t i = 0; i < message.body.size; i++)
			*out_digest = *out_digest * 31 + message.body.bytes[i];
		for (size_t i = 0; i < message.key_size; i++)
			*out_digest = *out_digest * 37 + message.key[i];
	}
	assert_true(total <= count_max);
	oj_stream_free(&stream);
	assert_null(stream);
	return total;
}

static void
test_counts_are_those_asked_for(void **state)
{
	struct oj_stream_options options = {
		.seed = 1, .spoiled = 100, .misrouted = 7, .passes = 2
	};
	size_t counts[OJ_KINDS];
	uint64_t digest;
	size_t total = count_kinds(&options, counts, &digest);

	for (int kind = OJ_KIND_TRUNCATED; kind < OJ_KINDS; kind++)
		assert_int_equal(10, counts[kind]);
	assert_in_range(counts[OJ_KIND_MISROUTED], 1, 7);
	assert_int_equal(2, counts[OJ_KIND_TOMBSTONE]);
	assert_int_equal(2 * 2 * ROWS,
	                 counts[OJ_KIND_GOOD] + counts[OJ_KIND_MISROUTED]);
	assert_int_equal(2 * 2 * ROWS + 2 + 100, total);
	options.limit = 333;
	assert_int_equal(333, count_kinds(&options, counts, &digest));
	assert_int_equal(0, counts[OJ_KIND_TOMBSTONE]);
}

static void
test_a_seed_decides_every_byte(void **state)
{
	struct oj_stream_options options = {
		.seed = 5, .spoiled = 50, .misrouted = 5, .passes = 1
	};
	size_t counts[OJ_KINDS];
	uint64_t first, again, other;

	(void)count_kinds(&options, counts, &first);
	(void)count_kinds(&options, counts, &again);
	options.seed = 6;
	(void)count_kinds(&options, counts, &other);
	assert_true(first == again);
	assert_true(first != other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_are_those_asked_for),
		cmocka_unit_test(test_a_seed_decides_every_byte),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, setup, NULL);
}
