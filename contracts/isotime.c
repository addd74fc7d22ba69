/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "contracts/isotime.h"

#include <stdbool.h>

struct reader {
	const uint8_t *at;
	const uint8_t *end;
};

/* Exactly so many digits. */
static bool
take_digits(struct reader *reader, int count, int *out)
{
	int value = 0;

	if (reader->end - reader->at < count)
		return false;
	for (int i = 0; i < count; i++) {
		uint8_t byte = *reader->at++;

		if (byte < '0' || byte > '9')
			return false;
		value = value * 10 + (byte - '0');
	}
	*out = value;
	return true;
}

static bool
take_byte(struct reader *reader, uint8_t byte)
{
	if (reader->at == reader->end || *reader->at != byte)
		return false;
	reader->at++;
	return true;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
		                    31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Since 1970-01-01, in years that begin with March. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t shifted = year - (month <= 2), era = shifted / 400;
	int64_t of_era = shifted - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
		of_year - 1 - 719468;
}

static enum isotime_answer
take_date(struct reader *reader, int64_t *out_days)
{
	int year, month, day;

	if (!take_digits(reader, 4, &year) || !take_byte(reader, '-') ||
	    !take_digits(reader, 2, &month) || !take_byte(reader, '-') ||
	    !take_digits(reader, 2, &day))
		return ISOTIME_FORM;
	if (year < 1 || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, month))
		return ISOTIME_RANGE;
	*out_days = days_of(year, month, day);
	return ISOTIME_GOOD;
}

/* Seconds of the day, and what is behind the point. */
static enum isotime_answer
take_time(struct reader *reader, int digits, int64_t *out_seconds,
          int64_t *out_fraction)
{
	int hour, minute, second, count = 0;
	int64_t fraction = 0;

	if (!take_digits(reader, 2, &hour) || !take_byte(reader, ':') ||
	    !take_digits(reader, 2, &minute) || !take_byte(reader, ':') ||
	    !take_digits(reader, 2, &second))
		return ISOTIME_FORM;
	if (take_byte(reader, '.')) {
		int digit;

		if (reader->at == reader->end)
			return ISOTIME_FORM;
		for (; reader->at < reader->end && *reader->at >= '0' &&
		     *reader->at <= '9';
		     count++) {
			take_digits(reader, 1, &digit);
			if (count < digits)
				fraction = fraction * 10 + digit;
			else if (digit != 0)
				return ISOTIME_RANGE;
		}
		if (count == 0)
			return ISOTIME_FORM;
	}
	for (; count < digits; count++)
		fraction *= 10;
	if (hour > 23 || minute > 59 || second > 59)
		return ISOTIME_RANGE;
	*out_seconds = hour * 3600 + minute * 60 + second;
	*out_fraction = fraction;
	return ISOTIME_GOOD;
}

/* Seconds to be taken away. */
static enum isotime_answer
take_zone(struct reader *reader, int64_t *out_seconds)
{
	bool west;
	int hour, minute;

	*out_seconds = 0;
	if (take_byte(reader, 'Z'))
		return ISOTIME_GOOD;
	west = take_byte(reader, '-');
	if ((!west && !take_byte(reader, '+')) ||
	    !take_digits(reader, 2, &hour) || !take_byte(reader, ':') ||
	    !take_digits(reader, 2, &minute))
		return ISOTIME_FORM;
	if (hour > 18 || minute > 59)
		return ISOTIME_RANGE;
	*out_seconds = (hour * 3600 + minute * 60) * (west ? -1 : 1);
	return ISOTIME_GOOD;
}

static enum isotime_answer
take_moment(struct reader *reader, enum isotime_zone zone, int digits,
            int64_t *out)
{
	int64_t days = 0, seconds = 0, fraction = 0, shift = 0, unit = 1;
	enum isotime_answer answer = ISOTIME_GOOD;

	if (zone != ISOTIME_OF_DAY) {
		answer = take_date(reader, &days);
		if (answer == ISOTIME_GOOD && !take_byte(reader, 'T') &&
		    !take_byte(reader, ' '))
			return ISOTIME_FORM;
	}
	if (answer == ISOTIME_GOOD)
		answer = take_time(reader, digits, &seconds, &fraction);
	if (answer == ISOTIME_GOOD && zone == ISOTIME_ZONE)
		answer = take_zone(reader, &shift);
	if (answer != ISOTIME_GOOD)
		return answer;
	for (int i = 0; i < digits; i++)
		unit *= 10;
	if (__builtin_mul_overflow(days * 86400 + seconds - shift, unit, out) ||
	    __builtin_add_overflow(*out, fraction, out))
		return ISOTIME_RANGE;
	return ISOTIME_GOOD;
}

/* -- public -------------------------------------------------------------- */

enum isotime_answer
isotime_read(const uint8_t *bytes, size_t len, enum isotime_zone zone,
             int digits, int64_t *out)
{
	struct reader reader = { .at = bytes, .end = bytes + len };
	enum isotime_answer answer;
	int64_t value = 0;

	if (zone == ISOTIME_DATE)
		answer = take_date(&reader, &value);
	else
		answer = take_moment(&reader, zone, digits, &value);
	if (answer == ISOTIME_GOOD && reader.at != reader.end)
		answer = ISOTIME_FORM;
	if (answer == ISOTIME_GOOD)
		*out = value;
	return answer;
}
