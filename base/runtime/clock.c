/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Two clocks of the system, or the two of a test. The calendar is computed
 * here: gmtime_r and strftime depend on more than the number.
 */
#include "base/runtime/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/runtime/check.h"

#define CLOCK_DAY_MS   INT64_C(86400000)
#define CLOCK_MS_MIN   INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define CLOCK_MS_MAX   INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define CLOCK_ERA_DAYS 146097                   /* 400 years */

static _Atomic(int64_t (*)(void)) clock_fake_now_us;
static _Atomic(int64_t (*)(void)) clock_fake_wall_ms;

struct clock_date {
	int year;
	int month;
	int day;
};

/* The proleptic Gregorian date of a day since 1970-01-01, from year 0 on;
   a year is counted from March, so that the leap day is its last. */
static struct clock_date
clock_date(int64_t days)
{
	int64_t since = days + 719468; /* 0000-03-01 */
	int64_t era = (since >= 0 ? since : since - (CLOCK_ERA_DAYS - 1)) /
		CLOCK_ERA_DAYS;
	int64_t of_era = since - era * CLOCK_ERA_DAYS;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 -
	                       of_era / (CLOCK_ERA_DAYS - 1)) /
		365;
	int64_t of_year = of_era -
		(365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * of_year + 2) / 153;
	struct clock_date date = {
		.day = (int)(of_year - (153 * month + 2) / 5 + 1),
		.month = (int)(month < 10 ? month + 3 : month - 9),
	};

	date.year = (int)(year_of_era + era * 400 + (date.month <= 2));
	return date;
}

/* -- public -------------------------------------------------------------- */

int64_t
clock_now_us(void)
{
	int64_t (*fake)(void) =
		atomic_load_explicit(&clock_fake_now_us, memory_order_relaxed);
	struct timespec now;

	if (fake != NULL)
		return fake();
	CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_wall_ms(void)
{
	int64_t (*fake)(void) =
		atomic_load_explicit(&clock_fake_wall_ms, memory_order_relaxed);
	struct timespec now;

	if (fake != NULL)
		return fake();
	CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
clock_sleep_ms(int64_t ms)
{
	struct timespec left;

	if (ms <= 0)
		return;
	left.tv_sec = (time_t)(ms / 1000);
	left.tv_nsec = (long)(ms % 1000) * 1000000;
	while (nanosleep(&left, &left) != 0)
		CHECK(errno == EINTR);
}

const char *
clock_format_ms(int64_t wall_ms, char out_text[CLOCK_TEXT_MAX])
{
	struct clock_date date;
	int64_t days, rest;

	if (wall_ms < CLOCK_MS_MIN || wall_ms > CLOCK_MS_MAX) {
		snprintf(out_text, CLOCK_TEXT_MAX, "%" PRId64 "ms", wall_ms);
		return out_text;
	}
	days = wall_ms / CLOCK_DAY_MS;
	rest = wall_ms % CLOCK_DAY_MS;
	if (rest < 0) {
		rest += CLOCK_DAY_MS;
		days--;
	}
	date = clock_date(days);
	snprintf(
		out_text, CLOCK_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned int)date.year % 10000, (unsigned int)date.month % 100,
		(unsigned int)date.day % 100, (unsigned int)(rest / 3600000),
		(unsigned int)(rest / 60000 % 60),
		(unsigned int)(rest / 1000 % 60), (unsigned int)(rest % 1000));
	return out_text;
}

void
clock_set_fake(int64_t (*now_us)(void), int64_t (*wall_ms)(void))
{
	atomic_store(&clock_fake_now_us, now_us);
	atomic_store(&clock_fake_wall_ms, wall_ms);
}
