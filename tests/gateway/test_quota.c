/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets by a clock that the test winds.
 */
#include "gateway/quota.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/model/deployment.h"
#include "base/runtime/clock.h"
#include "base/runtime/thread.h"
#include "tests/unit.h"

#define TAKERS 4
#define GB     (INT64_C(1024) * 1024 * 1024)

static atomic_llong now_us;
static struct quota *quota;
static struct deployment deployment;
static struct tenant tenant;
static struct quota_answer answer;

static int64_t
fake_now_us(void)
{
	return atomic_load(&now_us);
}

static int
begin(void **state)
{
	clock_set_fake(fake_now_us, NULL);
	atomic_store(&now_us, 5);
	deployment = (struct deployment){ .version = 1 };
	tenant = (struct tenant){
		.name = "us",
		.quota_messages_per_second = 100,
		.quota_bytes_per_second = 1000,
		.quota_burst_seconds = 10,
	};
	quota = quota_new();
	return 0;
}

static int
end(void **state)
{
	quota_free(&quota);
	clock_set_fake(NULL, NULL);
	return 0;
}

static enum quota_outcome
take(int64_t messages, int64_t bytes)
{
	return quota_take(quota, &deployment, &tenant, messages, bytes,
	                  &answer);
}

static void
pass_us(int64_t us)
{
	atomic_fetch_add(&now_us, us);
}

static void
a_full_bucket_and_then_the_rate(void **state)
{
	assert_int_equal(take(1000, 0), QUOTA_TAKEN);
	assert_int_equal(answer.messages.left, 0);
	assert_int_equal(answer.messages.burst, 1000);
	assert_int_equal(answer.messages.reset_ms, 10000);
	assert_int_equal(take(1, 0), QUOTA_WAIT);
	assert_int_equal(answer.wait_ms, 10);
	pass_us(9999);
	assert_int_equal(take(1, 0), QUOTA_WAIT);
	assert_int_equal(answer.wait_ms, 1);
	pass_us(1);
	assert_int_equal(take(1, 0), QUOTA_TAKEN);
	assert_int_equal(take(1, 0), QUOTA_WAIT);
	/* what is not used is kept, up to the burst */
	pass_us(3600 * INT64_C(1000000));
	assert_int_equal(take(0, 0), QUOTA_TAKEN);
	assert_int_equal(answer.messages.left, 1000);
	assert_int_equal(answer.messages.reset_ms, 0);
}

/* Whoever waits as long as it was told gets it, and not sooner. */
static void
waiting_as_told_is_enough(void **state)
{
	srandom(1);
	tenant.quota_messages_per_second = 7;
	tenant.quota_bytes_per_second = 1333;
	for (int i = 0; i < 2000; i++) {
		int64_t messages = random() % 71, bytes = random() % 13331;

		pass_us(random() % 1000000);
		if (take(messages, bytes) != QUOTA_WAIT)
			continue;
		assert_true(answer.wait_ms > 0);
		pass_us((answer.wait_ms - 1) * 1000);
		assert_int_equal(take(messages, bytes), QUOTA_WAIT);
		assert_int_equal(answer.wait_ms, 1);
		pass_us(1000);
		assert_int_equal(take(messages, bytes), QUOTA_TAKEN);
	}
}

/* Over a long time in odd steps, to the last message. */
static void
nothing_is_rounded_away(void **state)
{
	int64_t taken = 0, begun_us = fake_now_us();

	tenant.quota_messages_per_second = 3;
	tenant.quota_bytes_per_second = 0;
	tenant.quota_burst_seconds = 1;
	while (fake_now_us() - begun_us < 1000 * INT64_C(1000000)) {
		while (take(1, 0) == QUOTA_TAKEN)
			taken++;
		pass_us(77777);
	}
	pass_us(begun_us + 1000 * INT64_C(1000000) - fake_now_us());
	while (take(1, 0) == QUOTA_TAKEN)
		taken++;
	assert_int_equal(taken, 3 + 3 * 1000);
}

static void
both_or_nothing(void **state)
{
	assert_int_equal(take(1, 10000), QUOTA_TAKEN);
	assert_int_equal(answer.messages.left, 999);
	assert_int_equal(take(500, 1000), QUOTA_WAIT);
	assert_int_equal(answer.wait_ms, 1000);
	assert_int_equal(answer.messages.left, 999);
	assert_int_equal(take(999, 0), QUOTA_TAKEN);
}

static void
larger_than_the_burst_is_never(void **state)
{
	char text[QUOTA_TEXT_MAX];

	assert_int_equal(take(1001, 0), QUOTA_NEVER);
	assert_int_equal(answer.wait_ms, 0);
	quota_detail_text(&answer, text);
	assert_string_equal(text,
	                    "the request has 1001 messages, the "
	                    "tenant's quota lets 1000 through at once: "
	                    "send it in parts");
	assert_int_equal(take(1, 10001), QUOTA_NEVER);
	quota_detail_text(&answer, text);
	assert_string_equal(text,
	                    "the request has 10001 bytes, the tenant's "
	                    "quota lets 10000 through at once: send it "
	                    "in parts");
	assert_int_equal(take(INT64_MAX, INT64_MAX), QUOTA_NEVER);
	assert_int_equal(take(1000, 10000), QUOTA_TAKEN);
}

static void
what_is_given_back_can_be_taken(void **state)
{
	assert_int_equal(take(1000, 10000), QUOTA_TAKEN);
	quota_give_back(quota, &tenant, 400, 10000);
	assert_int_equal(take(401, 1), QUOTA_WAIT);
	assert_int_equal(take(400, 10000), QUOTA_TAKEN);
	/* never more than a full bucket */
	quota_give_back(quota, &tenant, 5000, INT64_MAX);
	assert_int_equal(take(1000, 10000), QUOTA_TAKEN);
	assert_int_equal(take(1, 0), QUOTA_WAIT);
}

static void
no_limit_is_no_limit(void **state)
{
	char text[QUOTA_TEXT_MAX];

	tenant.quota_messages_per_second = 0;
	tenant.quota_bytes_per_second = 0;
	assert_int_equal(take(INT64_MAX, INT64_MAX), QUOTA_TAKEN);
	assert_int_equal(take(INT64_MAX, INT64_MAX), QUOTA_TAKEN);
	quota_policy_text(&answer, text);
	assert_string_equal(text, "");
	quota_limit_text(&answer, text);
	assert_string_equal(text, "");
	quota_give_back(quota, &tenant, INT64_MAX, INT64_MAX);
}

static void
the_largest_limits_do_not_overflow(void **state)
{
	tenant.quota_messages_per_second = 1000 * 1000 * 1000;
	tenant.quota_bytes_per_second = 100 * GB;
	tenant.quota_burst_seconds = 60;
	assert_int_equal(take(0, 6000 * GB), QUOTA_TAKEN);
	assert_int_equal(take(0, 6000 * GB), QUOTA_WAIT);
	assert_int_equal(answer.wait_ms, 60000);
	pass_us(INT64_MAX / 2);
	assert_int_equal(take(60 * INT64_C(1000000000), 6000 * GB),
	                 QUOTA_TAKEN);
	assert_int_equal(answer.bytes.left, 0);
}

static void
limits_follow_the_catalogue(void **state)
{
	struct deployment older = deployment;
	struct tenant before = tenant;

	assert_int_equal(take(600, 0), QUOTA_TAKEN);
	/* more: what is left stays, the rest comes at the new rate */
	deployment.version = 2;
	tenant.quota_messages_per_second = 1000;
	assert_int_equal(take(0, 0), QUOTA_TAKEN);
	assert_int_equal(answer.messages.left, 400);
	assert_int_equal(answer.messages.burst, 10000);
	/* a request that still has the older snapshot changes nothing */
	assert_int_equal(quota_take(quota, &older, &before, 0, 0, &answer),
	                 QUOTA_TAKEN);
	assert_int_equal(answer.messages.burst, 10000);
	/* less: no more than fits */
	deployment.version = 3;
	tenant.quota_messages_per_second = 10;
	assert_int_equal(take(0, 0), QUOTA_TAKEN);
	assert_int_equal(answer.messages.left, 100);
	/* none, and then one: full */
	deployment.version = 4;
	tenant.quota_messages_per_second = 0;
	assert_int_equal(take(5000, 0), QUOTA_TAKEN);
	deployment.version = 5;
	tenant.quota_messages_per_second = 2;
	assert_int_equal(take(20, 0), QUOTA_TAKEN);
	assert_int_equal(take(1, 0), QUOTA_WAIT);
}

static void
tenants_do_not_touch_each_other(void **state)
{
	char names[500][8];

	for (int i = 0; i < 500; i++) {
		snprintf(names[i], sizeof(names[i]), "t%d", i);
		tenant.name = names[i];
		assert_int_equal(take(i, 0), QUOTA_TAKEN);
	}
	for (int i = 0; i < 500; i++) {
		tenant.name = names[i];
		assert_int_equal(take(0, 0), QUOTA_TAKEN);
		assert_int_equal(answer.messages.left, 1000 - i);
	}
}

static void
headers_are_structured_fields(void **state)
{
	char text[QUOTA_TEXT_MAX];

	assert_int_equal(take(400, 0), QUOTA_TAKEN);
	quota_policy_text(&answer, text);
	assert_string_equal(text,
	                    "\"messages\";q=1000;qu=\"messages\";w=10, "
	                    "\"bytes\";q=10000;qu=\"content-bytes\";w=10");
	quota_limit_text(&answer, text);
	assert_string_equal(text,
	                    "\"messages\";r=600;t=4, \"bytes\";r=10000;t=0");
	assert_int_equal(quota_retry_after_s(&answer), 1);
	/* t and Retry-After speak of the same moment */
	assert_int_equal(take(750, 0), QUOTA_WAIT);
	assert_int_equal(answer.wait_ms, 1500);
	assert_int_equal(quota_retry_after_s(&answer), 2);
	quota_limit_text(&answer, text);
	assert_string_equal(text,
	                    "\"messages\";r=600;t=2, \"bytes\";r=10000;t=0");
	quota_detail_text(&answer, text);
	assert_string_equal(text,
	                    "the tenant's quota of 1000 messages in 10 "
	                    "s is used up: try again in 2 s");
	tenant.name = "ca";
	tenant.quota_messages_per_second = 1000 * 1000 * 1000;
	tenant.quota_bytes_per_second = 100 * GB;
	tenant.quota_burst_seconds = 60;
	take(1, 1);
	quota_policy_text(&answer, text);
	assert_non_null(strstr(text,
	                       "q=6442450944000;qu=\"content-bytes\";"
	                       "w=60"));
}

/* -- many threads -- */

static atomic_llong taken_by_all;

static void
take_all(void *context)
{
	struct quota_answer mine;

	while (quota_take(quota, &deployment, &tenant, 1, 1, &mine) ==
	       QUOTA_TAKEN)
		atomic_fetch_add(&taken_by_all, 1);
}

static void
threads_take_no_more_than_there_is(void **state)
{
	struct thread *threads[TAKERS];

	atomic_store(&taken_by_all, 0);
	for (int i = 0; i < TAKERS; i++)
		threads[i] = thread_new("taker", take_all, NULL);
	for (int i = 0; i < TAKERS; i++)
		thread_join(&threads[i]);
	assert_int_equal(atomic_load(&taken_by_all), 1000);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_bucket_and_then_the_rate),
		TEST(waiting_as_told_is_enough),
		TEST(nothing_is_rounded_away),
		TEST(both_or_nothing),
		TEST(larger_than_the_burst_is_never),
		TEST(what_is_given_back_can_be_taken),
		TEST(no_limit_is_no_limit),
		TEST(the_largest_limits_do_not_overflow),
		TEST(limits_follow_the_catalogue),
		TEST(tenants_do_not_touch_each_other),
		TEST(headers_are_structured_fields),
		TEST(threads_take_no_more_than_there_is),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
