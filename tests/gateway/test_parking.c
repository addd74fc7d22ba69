/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "gateway/parking.h"

#include <stdio.h>
#include <string.h>

#include "base/model/deployment.h"
#include "tests/unit.h"

static struct parking parking;
static struct progress progress;

static struct feed
feed_of(const char *tenant, const char *name)
{
	return (struct feed){ .tenant = tenant, .name = name };
}

static void
feeds_are_found_by_both_names(void **state)
{
	const struct feed us = feed_of("us", "sales"),
			  ca = feed_of("ca", "sales");
	const struct feed again = feed_of("us", "sales"); /* a new snapshot */

	memset(&parking, 0, sizeof(parking));
	assert_null(parking_find(&parking, &us));
	assert_true(parking_add(&parking, &us, 5, PARKING_TOPIC, "why"));
	assert_null(parking_find(&parking, &ca));
	assert_int_equal(parking_find(&parking, &again)->parked.seq, 5);
	assert_string_equal(parking_find(&parking, &us)->reason, "why");
	assert_false(parking_find(&parking, &us)->is_told);
	assert_true(parking_add(&parking, &ca, 6, PARKING_MESSAGE, ""));
	parking_remove(&parking, parking_find(&parking, &us));
	assert_null(parking_find(&parking, &us));
	assert_int_equal(parking_find(&parking, &ca)->parked.seq, 6);
	assert_int_equal(parking.count, 1);
}

static void
a_full_list_takes_no_more(void **state)
{
	char name[16];

	memset(&parking, 0, sizeof(parking));
	for (int i = 0; i < PROGRESS_PARKED_MAX; i++) {
		const struct feed feed = feed_of("us", name);

		snprintf(name, sizeof(name), "f%d", i);
		assert_true(parking_add(&parking, &feed, 1, PARKING_TOPIC, ""));
	}
	{
		const struct feed feed = feed_of("us", "one-more");

		assert_false(
			parking_add(&parking, &feed, 1, PARKING_TOPIC, ""));
		assert_null(parking_find(&parking, &feed));
	}
	/* the last and the first can go */
	parking_remove(&parking, &parking.places[PROGRESS_PARKED_MAX - 1]);
	parking_remove(&parking, &parking.places[0]);
	assert_int_equal(parking.count, PROGRESS_PARKED_MAX - 2);
	assert_string_equal(parking.places[0].parked.feed, "f1");
}

static void
travels_in_the_progress_record(void **state)
{
	const struct feed us = feed_of("us", "sales"),
			  ca = feed_of("ca", "sales");

	memset(&parking, 0, sizeof(parking));
	memset(&progress, 0, sizeof(progress));
	assert_true(parking_add(&parking, &us, 5, PARKING_MESSAGE, "poison"));
	assert_true(parking_add(&parking, &ca, 7, PARKING_TOPIC, ""));
	parking_to_progress(&parking, &progress);
	assert_int_equal(progress.parked_count, 2);
	memset(&parking, 0xff, sizeof(parking));
	parking_from_progress(&parking, &progress);
	assert_int_equal(parking.count, 2);
	assert_int_equal(parking_find(&parking, &us)->parked.seq, 5);
	assert_int_equal(parking_find(&parking, &ca)->parked.seq, 7);
	/* why is not known any more: it is tried once */
	assert_int_equal(parking_find(&parking, &us)->cause, PARKING_TOPIC);
}

static void
a_long_reason_is_cut(void **state)
{
	const struct feed us = feed_of("us", "sales");
	char reason[1000];

	memset(reason, 'x', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	memset(&parking, 0, sizeof(parking));
	assert_true(parking_add(&parking, &us, 5, PARKING_TOPIC, reason));
	assert_int_equal(strlen(parking.places[0].reason), 255);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feeds_are_found_by_both_names),
		cmocka_unit_test(a_full_list_takes_no_more),
		cmocka_unit_test(travels_in_the_progress_record),
		cmocka_unit_test(a_long_reason_is_cut),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
