/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Dates and times of ISO 8601, from year 0001 to 9999 of the Gregorian
 * calendar, as the numbers that Avro has for them. No leap seconds.
 */
#include <stddef.h>
#include <stdint.h>

enum isotime_zone {
	ISOTIME_ZONE,  /* 2025-01-31T23:59:59.9Z, or +01:00; T may be a space */
	ISOTIME_LOCAL, /* the same without a zone */
	ISOTIME_OF_DAY, /* 23:59:59.9 */
	ISOTIME_DATE,   /* 2025-01-31: days since 1970-01-01 */
};

enum isotime_answer {
	ISOTIME_GOOD,
	ISOTIME_FORM,  /* not written so */
	ISOTIME_RANGE, /* no such day or time, or more digits than there is
	                  room for */
};

/* digits: what the number counts, as digits behind the second (3: ms). Digits
   beyond must be zero. */
enum isotime_answer
isotime_read(const uint8_t *bytes, size_t len, enum isotime_zone zone,
             int digits, int64_t *out);
