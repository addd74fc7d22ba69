/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Doubles: a mantissa and a power of ten that the format has exactly need one
 * multiplication or division, which rounds once (Clinger). Next the same with
 * the 64 bits that the x87 has: rounded a second time, it is right unless it
 * is half way between two doubles. What is left over is for strtod.
 */
#include "contracts/numeral.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/check.h"

#define MANTISSA_DIGITS 19
#define EXPONENT_MAX    100000 /* an exponent is not counted further */
#define DECIMAL_LIMBS   (NUMERAL_DECIMAL_MAX / 4)
#define DECIMAL_DIGITS  307

static const double numeral_powers[23] = {
	1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

#if LDBL_MANT_DIG == 64
static const long double numeral_long_powers[28] = {
	1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
	1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
	1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L,
};
#endif

/* -- reading ---------------------------------------------------------------- */

static inline bool
is_digit(const uint8_t *at, const uint8_t *end)
{
	return at < end && (uint8_t)(*at - '0') <= 9;
}

/* Digits into the mantissa while there is room. is_fraction: they stand behind
   the point. */
static const uint8_t *
take_digits(const uint8_t *at, const uint8_t *end, bool is_fraction,
            struct numeral *out, int *count)
{
	uint64_t mantissa = out->mantissa;
	const uint8_t *start = at;
	int64_t dropped = 0;

	for (; is_digit(at, end); at++) {
		if (*count < MANTISSA_DIGITS) {
			mantissa = mantissa * 10 + (uint64_t)(*at - '0');
			*count += mantissa != 0;
			continue;
		}
		dropped++;
		if (*at != '0')
			out->is_exact = false;
	}
	out->mantissa = mantissa;
	out->exponent += is_fraction ? dropped - (at - start) : dropped;
	return at;
}

static const uint8_t *
take_exponent(const uint8_t *at, const uint8_t *end, struct numeral *out)
{
	bool negative = false;
	int64_t exponent = 0;

	at++;
	if (at < end && (*at == '+' || *at == '-'))
		negative = *at++ == '-';
	if (!is_digit(at, end))
		return NULL;
	for (; is_digit(at, end); at++)
		if (exponent < EXPONENT_MAX)
			exponent = exponent * 10 + (*at - '0');
	out->exponent += negative ? -exponent : exponent;
	return at;
}

/* -- rounding --------------------------------------------------------------- */

static pthread_once_t numeral_once = PTHREAD_ONCE_INIT;
static locale_t numeral_locale;

static void
make_locale(void)
{
	numeral_locale = newlocale(LC_ALL_MASK, "C", NULL);
	CHECK(numeral_locale != NULL);
}

/* The number with its NUL; false: too long. */
static bool
ask_library(const struct numeral *numeral, char out[NUMERAL_LEN_MAX + 1])
{
	if (numeral->len > NUMERAL_LEN_MAX)
		return false;
	pthread_once(&numeral_once, make_locale);
	memcpy(out, numeral->text, numeral->len);
	out[numeral->len] = '\0';
	return true;
}

#if LDBL_MANT_DIG == 64
/* Rounded to 64 bits; false: not within reach, or half way between two numbers
   of so many bits less. */
static bool
round_to_64(const struct numeral *numeral, int spare_bits, long double *out)
{
	int64_t exponent = numeral->exponent;
	long double value = (long double)numeral->mantissa;
	uint64_t bits;

	if (!numeral->is_exact || exponent < -27 || exponent > 27)
		return false;
	if (exponent < 0)
		value /= numeral_long_powers[-exponent];
	else
		value *= numeral_long_powers[exponent];
	memcpy(&bits, &value, sizeof(bits));
	bits &= (UINT64_C(1) << spare_bits) - 1;
	if (bits == UINT64_C(1) << (spare_bits - 1))
		return false;
	*out = value;
	return true;
}
#endif

/* -- decimals --------------------------------------------------------------- */

/* The digits of the unscaled value, leading zeros left out. */
struct digits {
	char text[DECIMAL_DIGITS + 1];
	int count;
};

/* Where the point is among the digits as they are written, once the exponent
   is applied. */
static int64_t
find_point(const uint8_t *at, const uint8_t *end)
{
	int64_t digits = 0, point = -1;
	struct numeral power = { .exponent = 0 };

	for (; at < end && (*at | 0x20) != 'e'; at++) {
		if (*at == '.')
			point = digits;
		else
			digits++;
	}
	if (at < end)
		take_exponent(at, end, &power);
	return (point >= 0 ? point : digits) + power.exponent;
}

/* false: too many. cut: digits behind the scale are not zero. */
static bool
collect_digits(const struct numeral *numeral, int scale, struct digits *out,
               bool *out_cut)
{
	const uint8_t *at = numeral->text + numeral->negative;
	const uint8_t *end = numeral->text + numeral->len;
	int64_t wanted = find_point(at, end) + scale, seen = 0;

	if (numeral->mantissa == 0)
		return true;
	for (; at < end && (*at | 0x20) != 'e'; at++) {
		if (*at == '.')
			continue;
		if (seen++ >= wanted) {
			*out_cut = *out_cut || *at != '0';
			continue;
		}
		if (out->count == 0 && *at == '0')
			continue;
		if (out->count == DECIMAL_DIGITS)
			return false;
		out->text[out->count++] = (char)*at;
	}
	if (wanted - seen > DECIMAL_DIGITS - out->count)
		return false;
	for (; seen < wanted; seen++)
		out->text[out->count++] = '0';
	return true;
}

/* Limbs of 32 bits, the lowest first. */
static void
multiply_add(uint32_t limbs[DECIMAL_LIMBS], uint32_t by, uint32_t more)
{
	uint64_t carry = more;

	for (int i = 0; i < DECIMAL_LIMBS; i++) {
		carry += (uint64_t)limbs[i] * by;
		limbs[i] = (uint32_t)carry;
		carry >>= 32;
	}
	CHECK(carry == 0);
}

static size_t
print_limbs(const uint32_t limbs[DECIMAL_LIMBS], bool negative,
            uint8_t out[NUMERAL_DECIMAL_MAX])
{
	uint8_t bytes[NUMERAL_DECIMAL_MAX], fill = negative ? 0xff : 0;
	unsigned carry = negative;
	size_t first = 0, len;

	for (size_t i = 0; i < NUMERAL_DECIMAL_MAX; i++) {
		uint8_t byte = (uint8_t)(limbs[i / 4] >> (8 * (i % 4)));
		unsigned sum = (uint8_t)(byte ^ fill) + carry;

		bytes[NUMERAL_DECIMAL_MAX - 1 - i] = (uint8_t)sum;
		carry = sum >> 8;
	}
	while (first + 1 < NUMERAL_DECIMAL_MAX && bytes[first] == fill &&
	       (bytes[first + 1] & 0x80) == (fill & 0x80))
		first++;
	len = NUMERAL_DECIMAL_MAX - first;
	memcpy(out, bytes + first, len);
	return len;
}

/* Of 64 bits, which most are; false: it takes the long way. */
static bool
unscale_short(const struct numeral *numeral, int precision, int scale,
              int64_t *out)
{
	int64_t shift = numeral->exponent + scale;
	uint64_t value = numeral->mantissa;

	if (!numeral->is_exact || shift < 0 || shift > 18)
		return false;
	for (; shift > 0; shift--)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value))
			return false;
	if (value > INT64_MAX ||
	    (precision < 19 && (double)value >= numeral_powers[precision]))
		return false;
	*out = numeral->negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static size_t
print_short(int64_t value, uint8_t out[NUMERAL_DECIMAL_MAX])
{
	size_t len = 1;

	while (len < 8 && (value >> (8 * len - 1)) != 0 &&
	       (value >> (8 * len - 1)) != -1)
		len++;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
	return len;
}

/* -- public -------------------------------------------------------------- */

const uint8_t *
numeral_read(const uint8_t *at, const uint8_t *end, struct numeral *out)
{
	int count = 0;

	out->text = at;
	out->mantissa = 0;
	out->exponent = 0;
	out->is_exact = true;
	out->is_integer = true;
	out->negative = at < end && *at == '-';
	at += out->negative;
	if (!is_digit(at, end))
		return NULL;
	if (*at == '0') {
		if (is_digit(++at, end))
			return NULL;
	} else {
		at = take_digits(at, end, false, out, &count);
	}
	if (at < end && *at == '.') {
		out->is_integer = false;
		if (!is_digit(++at, end))
			return NULL;
		at = take_digits(at, end, true, out, &count);
	}
	if (at < end && (*at | 0x20) == 'e') {
		out->is_integer = false;
		at = take_exponent(at, end, out);
		if (at == NULL)
			return NULL;
	}
	out->len = (size_t)(at - out->text);
	return at;
}

bool
numeral_to_integer(const struct numeral *numeral, int64_t min, int64_t max,
                   int64_t *out)
{
	uint64_t limit = numeral->negative ? 0 - (uint64_t)min : (uint64_t)max;

	if (!numeral->is_integer || numeral->exponent != 0 ||
	    numeral->mantissa > limit)
		return false;
	*out = numeral->negative ? (int64_t)(0 - numeral->mantissa)
				 : (int64_t)numeral->mantissa;
	return true;
}

bool
numeral_to_double(const struct numeral *numeral, double *out)
{
	char text[NUMERAL_LEN_MAX + 1];
	int64_t exponent = numeral->exponent;
	double value;

	if (numeral->is_exact && numeral->mantissa <= UINT64_C(1) << 53 &&
	    exponent >= -22 && exponent <= 22) {
		value = (double)numeral->mantissa;
		if (exponent < 0)
			value /= numeral_powers[-exponent];
		else
			value *= numeral_powers[exponent];
		*out = numeral->negative ? -value : value;
		return true;
	}
#if LDBL_MANT_DIG == 64
	long double longer;

	if (round_to_64(numeral, 11, &longer)) {
		value = (double)longer;
		*out = numeral->negative ? -value : value;
		return true;
	}
#endif
	if (!ask_library(numeral, text))
		return false;
	value = strtod_l(text, NULL, numeral_locale);
	if (isinf(value))
		return false;
	*out = value;
	return true;
}

bool
numeral_to_float(const struct numeral *numeral, float *out)
{
	char text[NUMERAL_LEN_MAX + 1];
	int64_t exponent = numeral->exponent;
	float value;

	if (numeral->is_exact && numeral->mantissa <= 1u << 24 &&
	    exponent >= -10 && exponent <= 10) {
		value = (float)numeral->mantissa;
		if (exponent < 0)
			value /= (float)numeral_powers[-exponent];
		else
			value *= (float)numeral_powers[exponent];
		*out = numeral->negative ? -value : value;
		return true;
	}
#if LDBL_MANT_DIG == 64
	long double longer;

	if (round_to_64(numeral, 40, &longer) && longer < 1e38L) {
		value = (float)longer;
		*out = numeral->negative ? -value : value;
		return true;
	}
#endif
	if (!ask_library(numeral, text))
		return false;
	value = strtof_l(text, NULL, numeral_locale);
	if (isinf(value))
		return false;
	*out = value;
	return true;
}

enum numeral_answer
numeral_to_decimal(const struct numeral *numeral, int precision, int scale,
                   uint8_t out[NUMERAL_DECIMAL_MAX], size_t *out_len)
{
	uint32_t limbs[DECIMAL_LIMBS] = { 0 };
	struct digits digits = { .count = 0 };
	bool cut = false;
	int64_t value;

	if (unscale_short(numeral, precision, scale, &value)) {
		*out_len = print_short(value, out);
		return NUMERAL_GOOD;
	}
	if (!collect_digits(numeral, scale, &digits, &cut))
		return NUMERAL_LARGE;
	if (cut)
		return NUMERAL_SCALE;
	if (digits.count > precision)
		return NUMERAL_LARGE;
	for (int i = 0; i < digits.count; i++)
		multiply_add(limbs, 10, (uint32_t)(digits.text[i] - '0'));
	*out_len =
		print_limbs(limbs, numeral->negative && digits.count > 0, out);
	return NUMERAL_GOOD;
}
