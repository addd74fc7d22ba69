/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Numbers as text, with the grammar of JSON, and as what Avro has for them:
 * exact, or rounded to the nearest as IEEE 754 says. Nothing depends on the
 * locale.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMERAL_LEN_MAX     4096 /* of a number that is rounded */
#define NUMERAL_DECIMAL_MAX 128  /* bytes of a decimal: 307 digits */

struct numeral {
	const uint8_t *text;
	size_t len;
	uint64_t mantissa; /* the first 19 significant digits */
	int64_t exponent;  /* of ten, that belongs to the mantissa */
	bool negative;
	bool is_exact;   /* the mantissa has all digits */
	bool is_integer; /* neither fraction nor exponent were written */
};

/* Reads what may be a number; the place behind it, or NULL. */
const uint8_t *
numeral_read(const uint8_t *at, const uint8_t *end, struct numeral *out);

/* false: it is not an integer, or not in the range. */
bool
numeral_to_integer(const struct numeral *numeral, int64_t min, int64_t max,
                   int64_t *out);

/* false: beyond what the type has, or longer than NUMERAL_LEN_MAX. What is
   too small becomes zero. */
bool
numeral_to_double(const struct numeral *numeral, double *out);
bool
numeral_to_float(const struct numeral *numeral, float *out);

enum numeral_answer {
	NUMERAL_GOOD,
	NUMERAL_SCALE, /* digits behind the scale that are not zero */
	NUMERAL_LARGE, /* more digits than the precision, or than there is
	                  room for */
};

/* The unscaled value of a decimal, as two's complement, big-endian, in as few
   bytes as it takes. Digit for digit: nothing is rounded. */
enum numeral_answer
numeral_to_decimal(const struct numeral *numeral, int precision, int scale,
                   uint8_t out[NUMERAL_DECIMAL_MAX], size_t *out_len);
