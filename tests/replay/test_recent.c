/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The table itself: growing, taking back, forgetting by time, its bound. What
 * it costs is printed by `WAYBILL_TEST_COUNT=1000000 test_recent`; measured on
 * two cores that were busy besides, with a million entries: 58 bytes an entry,
 * 120 to 160 ns to find one, 340 where it is not there, 370 to put one.
 */
#include "replay/recent.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "tests/unit.h"

#define MINUTE 29000000
#define WINDOW 1441

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static struct recent_hash
hash_of(uint64_t number)
{
	return (struct recent_hash){ mix(number + 1),
		                     mix(number ^ 0x5555555555555555) };
}

/* All in one shard: its neighbours are many, and wrap around its end. */
static struct recent_hash
crowded(uint64_t number)
{
	struct recent_hash hash = hash_of(number);

	hash.high >>= 10;
	hash.low |= number % 3 == 0 ? UINT64_C(0xfff0000000000000) : 0;
	return hash;
}

static struct recent *
new_at(size_t count_max, int64_t minute)
{
	struct recent *recent = recent_new(count_max, WINDOW);

	recent_advance(recent, minute);
	return recent;
}

static void
load(struct recent *recent, struct recent_hash hash, int64_t seq,
     int64_t minute)
{
	const struct recent_entry entry = {
		.hash = hash,
		.value = (uint64_t)seq * 7,
		.seq = seq,
		.incarnation = 1,
		.stamp = recent_stamp(minute, seq % 2 == 0),
	};

	recent_load(recent, &entry);
}

static void
assert_there(struct recent *recent, struct recent_hash hash, int64_t seq)
{
	const struct recent_entry *entry = recent_find(recent, hash);

	assert_non_null(entry);
	assert_int_equal(entry->seq, seq);
	assert_int_equal(entry->incarnation, 1);
	assert_true(entry->value == (uint64_t)seq * 7);
	assert_int_equal(recent_flag(entry), seq % 2 == 0);
}

static void
what_is_loaded_is_found(void **state)
{
	struct recent *recent = new_at(100000, MINUTE);

	assert_null(recent_find(recent, hash_of(1)));
	for (int64_t i = 1; i <= 50000; i++)
		load(recent, hash_of((uint64_t)i), i, MINUTE);
	assert_int_equal(recent_count(recent), 50000);
	for (int64_t i = 1; i <= 50000; i++)
		assert_there(recent, hash_of((uint64_t)i), i);
	for (uint64_t i = 50001; i <= 100000; i++)
		assert_null(recent_find(recent, hash_of(i)));
	recent_clear(recent);
	assert_null(recent_find(recent, hash_of(1)));
	assert_int_equal(recent_count(recent), 0);
	recent_free(&recent);
}

/* Gaps are closed: what is behind them is still found. */
static void
taking_back_loses_no_neighbour(void **state)
{
	for (uint64_t round = 0; round < 200; round++) {
		struct recent *recent = new_at(100000, MINUTE);
		int64_t kept = 1 + (int64_t)(mix(round) % 40);

		for (int64_t i = 1; i <= kept; i++)
			load(recent, crowded((uint64_t)i + 1000 * round), i,
			     MINUTE);
		recent_begin(recent);
		for (uint32_t i = 0; i < 30; i++)
			recent_put(recent, crowded(i * 3 + 7777 * round), 5,
			           false, i);
		recent_begin(recent);
		assert_int_equal(recent_count(recent), kept);
		for (int64_t i = 1; i <= kept; i++)
			assert_there(recent,
			             crowded((uint64_t)i + 1000 * round), i);
		recent_free(&recent);
	}
}

static void
a_batch_that_was_not_recorded_leaves_nothing(void **state)
{
	struct recent *recent = new_at(1000, MINUTE);
	const int64_t seqs[] = { 12, 10, 11 }; /* grouped by feed */
	const int64_t later[] = { 13 };

	load(recent, hash_of(1), 4, MINUTE);
	recent_begin(recent);
	recent_put(recent, hash_of(1), 35, false, 0);
	recent_put(recent, hash_of(2), 84, true, 1);
	recent_put(recent, hash_of(1), 77, false, 2); /* again, in one batch */
	recent_number(recent, 1, 10, seqs, 3);
	assert_there(recent, hash_of(1), 11);
	recent_begin(recent);
	recent_put(recent, hash_of(2), 91, false, 0);
	recent_put(recent, hash_of(3), 91, false, 0);
	assert_int_equal(recent_find(recent, hash_of(3))->incarnation, 0);
	recent_forget(recent, 10);
	assert_there(recent, hash_of(1), 4);
	assert_null(recent_find(recent, hash_of(2)));
	assert_null(recent_find(recent, hash_of(3)));
	assert_int_equal(recent_count(recent), 1);

	/* the first is recorded, the one behind it is not */
	recent_begin(recent);
	recent_put(recent, hash_of(2), 70, true, 1);
	recent_number(recent, 1, 10, seqs, 3);
	recent_begin(recent);
	recent_put(recent, hash_of(2), 91, false, 0);
	recent_number(recent, 1, 13, later, 1);
	assert_there(recent, hash_of(2), 13);
	recent_forget(recent, 13);
	assert_there(recent, hash_of(2), 10);
	recent_forget(recent, 13);
	assert_there(recent, hash_of(2), 10);
	recent_free(&recent);
}

/* Sent, refused, sent again with other seqs. */
static void
a_batch_that_goes_once_more_has_its_last_seqs(void **state)
{
	struct recent *recent = new_at(1000, MINUTE);
	const int64_t seqs[] = { 10, 12 }, again[] = { 8, 6 };

	recent_begin(recent);
	recent_put(recent, hash_of(1), 56, true, 0);
	recent_put(recent, hash_of(2), 0, true, 1);
	recent_put(recent, hash_of(2), 42, true, 1);
	recent_number(recent, 1, 10, seqs, 2);
	recent_number(recent, 1, 6, again, 2);
	assert_there(recent, hash_of(1), 8);
	assert_there(recent, hash_of(2), 6);
	recent_forget(recent, 6);
	assert_int_equal(recent_count(recent), 0);
	recent_free(&recent);
}

static void
what_is_too_old_is_forgotten(void **state)
{
	struct recent *recent = new_at(100000, MINUTE);
	size_t bytes;

	load(recent, hash_of(0), 1, MINUTE - WINDOW - 1);
	assert_int_equal(recent_count(recent), 0);
	for (int64_t i = 1; i <= 40000; i++)
		load(recent, hash_of((uint64_t)i), i, MINUTE + i / 10000);
	bytes = recent_bytes(recent);
	recent_advance(recent, MINUTE + WINDOW + 2);
	recent_advance(recent, MINUTE); /* never goes back */
	assert_int_equal(recent_now(recent), MINUTE + WINDOW + 2);
	for (int64_t i = 1; i <= 40000; i++) {
		if (i < 20000)
			assert_null(recent_find(recent, hash_of((uint64_t)i)));
		else
			assert_there(recent, hash_of((uint64_t)i), i);
	}
	/* the sweep goes round in some minutes, a little at each turn */
	for (int i = 3; i < 20; i++)
		for (int turn = 0; turn < 100; turn++)
			recent_advance(recent, MINUTE + WINDOW + i);
	assert_int_equal(recent_count(recent), 0);
	assert_true(recent_bytes(recent) < bytes / 2);
	recent_free(&recent);
}

static void
it_has_a_bound_and_room_again(void **state)
{
	struct recent *recent = new_at(2000, MINUTE);
	uint64_t i = 0, refused = 0;

	recent_begin(recent);
	for (; recent_has_room(recent, hash_of(i)); i++)
		recent_put(recent, hash_of(i), i, false, 0);
	assert_int_equal(i, 2000);
	/* what is there needs none */
	assert_true(recent_has_room(recent, hash_of(17)));
	assert_false(recent_has_room(recent, hash_of(2001)));
	/* loading must not fail: what is recorded is recorded */
	recent_forget(recent, INT64_MAX);
	for (int64_t n = 1; n <= 3000; n++)
		load(recent, hash_of((uint64_t)n), n, MINUTE);
	assert_int_equal(recent_count(recent), 3000);
	assert_false(recent_has_room(recent, hash_of(9999)));
	/* a day later there is room, at once or soon */
	recent_advance(recent, MINUTE + WINDOW + 1);
	for (i = 0; i < 3000 && !recent_has_room(recent, hash_of(9999 + i));
	     i++)
		refused++;
	assert_in_range(refused, 0, 1100);
	recent_free(&recent);
}

static void
what_it_costs(void **state)
{
	const char *wanted = getenv("WAYBILL_TEST_COUNT");
	uint64_t count = wanted == NULL ? 20000 : (uint64_t)atoll(wanted);
	struct recent *recent = new_at(count, MINUTE);
	int64_t begin = clock_now_us(), put, found, missed;
	size_t there = 0;
	int64_t *seqs = memory_alloc(1000 * sizeof(*seqs));

	for (uint64_t i = 0; i < count; i++) {
		if (i % 1000 == 0) {
			recent_advance(recent, MINUTE + (int64_t)i / 100000);
			recent_begin(recent);
		}
		recent_put(recent, hash_of(i), i, false, (uint32_t)(i % 1000));
		seqs[i % 1000] = (int64_t)i + 1;
		if (i % 1000 == 999)
			recent_number(recent, 1, (int64_t)i - 998, seqs, 1000);
	}
	put = clock_now_us() - begin;
	begin = clock_now_us();
	for (uint64_t i = 0; i < count; i++)
		there += recent_find(recent, hash_of(mix(i) % count)) != NULL;
	found = clock_now_us() - begin;
	begin = clock_now_us();
	for (uint64_t i = count; i < 2 * count; i++)
		there += recent_find(recent, hash_of(i)) != NULL;
	missed = clock_now_us() - begin;
	assert_int_equal(there, count);
	/* small ones have room to grow */
	assert_true(recent_bytes(recent) < (count < 100000 ? 200 : 70) * count);
	if (wanted != NULL)
		print_message("%llu entries: %zu bytes each; put and number"
		              " %lld ns, find %lld ns, miss %lld ns\n",
		              (unsigned long long)count,
		              recent_bytes(recent) / count,
		              (long long)(put * 1000 / (int64_t)count),
		              (long long)(found * 1000 / (int64_t)count),
		              (long long)(missed * 1000 / (int64_t)count));
	memory_free(&seqs);
	recent_free(&recent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_loaded_is_found),
		cmocka_unit_test(taking_back_loses_no_neighbour),
		cmocka_unit_test(a_batch_that_was_not_recorded_leaves_nothing),
		cmocka_unit_test(a_batch_that_goes_once_more_has_its_last_seqs),
		cmocka_unit_test(what_is_too_old_is_forgotten),
		cmocka_unit_test(it_has_a_bound_and_room_again),
		cmocka_unit_test(what_it_costs),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
