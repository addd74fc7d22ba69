/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever waits is called back once: settled, or expired and then settled.
 */
#include "gateway/rest/desk.h"

#include <stdatomic.h>

#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"
#include "tests/unit.h"

struct guest {
	struct desk_entry entry; /* first: found by a cast */
	struct desk *desk;
	atomic_int settled, expired, polls;
	int polls_wanted;
	bool was_late;
};

static struct guest *
of(struct desk_entry *entry)
{
	return (struct guest *)(void *)entry;
}

static void
on_settled(struct desk_entry *entry)
{
	struct guest *guest = of(entry);

	if (guest->polls_wanted > 0)
		desk_poll(guest->desk, entry, clock_now_us() + 60000);
	atomic_fetch_add(&guest->settled, 1);
}

static void
on_expired(struct desk_entry *entry)
{
	atomic_fetch_add(&of(entry)->expired, 1);
	desk_settle(of(entry)->desk, entry);
}

static bool
on_poll(struct desk_entry *entry, bool late)
{
	struct guest *guest = of(entry);

	guest->was_late = late;
	return atomic_fetch_add(&guest->polls, 1) + 1 == guest->polls_wanted ||
		late;
}

static const struct desk_calls calls = { on_settled, on_expired, on_poll };

static void
wait_for(atomic_int *number, int wanted)
{
	for (int i = 0; i < 5000 && atomic_load(number) < wanted; i++)
		clock_sleep_ms(1);
	assert_int_equal(atomic_load(number), wanted);
}

static void
test_what_is_settled_is_called_back(void **state)
{
	struct desk *desk = desk_new();
	struct guest guest = { .entry = { .calls = &calls }, .desk = desk };

	desk_wait(desk, &guest.entry, clock_now_us() + 10000000);
	clock_sleep_ms(20);
	assert_int_equal(guest.settled, 0);
	desk_settle(desk, &guest.entry);
	wait_for(&guest.settled, 1);
	assert_int_equal(guest.expired, 0);
	assert_int_equal(desk_count(desk), 0);
	desk_free(&desk);
}

static void
test_what_expires_is_told_so_at_its_time(void **state)
{
	struct desk *desk = desk_new();
	struct guest late = { .entry = { .calls = &calls }, .desk = desk };
	struct guest soon = { .entry = { .calls = &calls }, .desk = desk };
	int64_t begin_us = clock_now_us();

	clock_sleep_ms(20); /* it sleeps: an earlier deadline must wake it */
	desk_wait(desk, &late.entry, begin_us + 150000);
	desk_wait(desk, &soon.entry, begin_us + 60000);
	wait_for(&soon.settled, 1);
	assert_true(clock_now_us() - begin_us >= 60000);
	assert_int_equal(late.expired, 0);
	wait_for(&late.settled, 1);
	assert_true(clock_now_us() - begin_us >= 150000);
	assert_int_equal(soon.expired + late.expired, 2);
	desk_free(&desk);
}

static void
test_who_is_polled_is_asked_until_content_or_late(void **state)
{
	struct desk *desk = desk_new();
	struct guest guest = { .entry = { .calls = &calls },
		               .desk = desk,
		               .polls_wanted = 3 };
	struct guest never = { .entry = { .calls = &calls },
		               .desk = desk,
		               .polls_wanted = 1000 };

	desk_wait(desk, &guest.entry, clock_now_us() + 10000000);
	desk_wait(desk, &never.entry, clock_now_us() + 10000000);
	desk_settle(desk, &guest.entry);
	desk_settle(desk, &never.entry);
	wait_for(&guest.polls, 3);
	assert_false(guest.was_late);
	for (int i = 0; i < 5000 && desk_count(desk) > 0; i++)
		clock_sleep_ms(1);
	assert_true(never.was_late);
	desk_free(&desk);
}

/* -- many at once -------------------------------------------------------------- */

#define GUESTS 2000

struct crowd {
	struct desk *desk;
	struct guest *guests;
};

static void
settle_half(void *context)
{
	struct crowd *crowd = context;

	for (int i = 0; i < GUESTS; i += 2)
		desk_settle(crowd->desk, &crowd->guests[i].entry);
}

static void
test_each_of_many_is_called_once(void **state)
{
	struct crowd crowd = { desk_new(),
		               memory_calloc(GUESTS, sizeof(struct guest)) };
	int64_t now_us = clock_now_us();
	struct thread *thread;

	for (int i = 0; i < GUESTS; i++) {
		struct guest *guest = &crowd.guests[i];

		guest->entry.calls = &calls;
		guest->desk = crowd.desk;
		desk_wait(crowd.desk, &guest->entry,
		          i % 2 == 0 ? now_us + 60000000 : now_us + i);
	}
	thread = thread_new("settle", settle_half, &crowd);
	thread_join(&thread);
	for (int i = 0; i < GUESTS; i++) {
		wait_for(&crowd.guests[i].settled, 1);
		assert_int_equal(crowd.guests[i].expired, i % 2);
	}
	desk_free(&crowd.desk);
	memory_free(&crowd.guests);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_settled_is_called_back),
		cmocka_unit_test(test_what_expires_is_told_so_at_its_time),
		cmocka_unit_test(
			test_who_is_polled_is_asked_until_content_or_late),
		cmocka_unit_test(test_each_of_many_is_called_once),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
