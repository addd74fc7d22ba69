/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Without the C library's calendar, which knows locales and time zones.
 */
#include "gateway/rest/moment.h"

#include <string.h>

#define MS_DIGITS_MAX 18

struct cursor {
	const char *at;
	const char *end;
};

static bool
take_digits(struct cursor *c, int digits, int *out)
{
	int value = 0;

	for (int i = 0; i < digits; i++, c->at++) {
		if (c->at == c->end || *c->at < '0' || *c->at > '9')
			return false;
		value = value * 10 + (*c->at - '0');
	}
	*out = value;
	return true;
}

static bool
take(struct cursor *c, const char *any)
{
	if (c->at == c->end || *c->at == '\0' || strchr(any, *c->at) == NULL)
		return false;
	c->at++;
	return true;
}

static bool
parse_ms(const char *text, size_t len, int64_t *out)
{
	bool negative = len > 0 && text[0] == '-';
	size_t digits = len - negative;
	int64_t value = 0;

	if (digits == 0 || digits > MS_DIGITS_MAX)
		return false;
	for (size_t i = negative; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*out = negative ? -value : value;
	return true;
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
		                    31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
day_number(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
		(153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
		of_year - 719468;
}

static bool
take_fraction(struct cursor *c, int *out_ms)
{
	int digits = 0, scale = 100;

	*out_ms = 0;
	if (!take(c, "."))
		return true;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9';
	     c->at++, digits++) {
		*out_ms += (*c->at - '0') * scale;
		scale /= 10;
	}
	return digits > 0;
}

static bool
take_zone(struct cursor *c, int *out_minutes)
{
	int hours, minutes;
	bool west;

	*out_minutes = 0;
	if (take(c, "Zz"))
		return true;
	west = c->at < c->end && *c->at == '-';
	if (!take(c, "+-") || !take_digits(c, 2, &hours) || !take(c, ":") ||
	    !take_digits(c, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*out_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
	return true;
}

/* -- public ---------------------------------------------------------------- */

bool
moment_parse(const char *text, size_t len, int64_t *out_ms)
{
	struct cursor c = { text, text + len };
	int year, month, day, hour, minute, second, ms, zone;

	if (parse_ms(text, len, out_ms))
		return true;
	if (!take_digits(&c, 4, &year) || !take(&c, "-") ||
	    !take_digits(&c, 2, &month) || !take(&c, "-") ||
	    !take_digits(&c, 2, &day) || !take(&c, "Tt ") ||
	    !take_digits(&c, 2, &hour) || !take(&c, ":") ||
	    !take_digits(&c, 2, &minute) || !take(&c, ":") ||
	    !take_digits(&c, 2, &second) || !take_fraction(&c, &ms) ||
	    !take_zone(&c, &zone) || c.at != c.end)
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_of(year, month) ||
	    hour > 23 || minute > 59 || second > 60)
		return false;
	*out_ms =
		((day_number(year, month, day) * 24 + hour) * 60 + minute -
	         zone) * INT64_C(60000) +
		second * INT64_C(1000) + ms;
	return true;
}
