/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes R's serialization by hand, for the tests of its reader: a buffer, and
 * a whole orangeJuice of few rows.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct juice_rdx {
	size_t size;
	uint8_t bytes[65536];
};

struct juice_rdx_row {
	int32_t store, item, week, deal;
	double log_ounces, price, feature, margin;
};

static inline void
juice_rdx_bytes(struct juice_rdx *out, const void *bytes, size_t size)
{
	if (size > sizeof(out->bytes) - out->size)
		abort();
	memcpy(out->bytes + out->size, bytes, size);
	out->size += size;
}

static inline void
juice_rdx_int(struct juice_rdx *out, uint32_t word)
{
	const uint8_t bytes[] = { (uint8_t)(word >> 24), (uint8_t)(word >> 16),
		                  (uint8_t)(word >> 8), (uint8_t)word };

	juice_rdx_bytes(out, bytes, 4);
}

static inline void
juice_rdx_double(struct juice_rdx *out, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	juice_rdx_int(out, (uint32_t)(bits >> 32));
	juice_rdx_int(out, (uint32_t)bits);
}

static inline void
juice_rdx_chars(struct juice_rdx *out, const char *text)
{
	juice_rdx_int(out, 0x40009);
	juice_rdx_int(out, (uint32_t)strlen(text));
	juice_rdx_bytes(out, text, strlen(text));
}

static inline void
juice_rdx_symbol(struct juice_rdx *out, const char *text)
{
	juice_rdx_int(out, 1);
	juice_rdx_chars(out, text);
}

static inline void
juice_rdx_begin(struct juice_rdx *out)
{
	out->size = 0;
	juice_rdx_bytes(out, "RDX2\nX\n", 7);
	juice_rdx_int(out, 2);
	juice_rdx_int(out, 0x30101);
	juice_rdx_int(out, 0x20300);
}

static inline void
juice_rdx_ints(struct juice_rdx *out, const struct juice_rdx_row *rows,
               size_t count, size_t offset)
{
	juice_rdx_int(out, 13);
	juice_rdx_int(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		int32_t number;
		memcpy(&number, (const char *)&rows[i] + offset, 4);
		juice_rdx_int(out, (uint32_t)number);
	}
}

static inline void
juice_rdx_doubles(struct juice_rdx *out, const struct juice_rdx_row *rows,
                  size_t count, size_t offset)
{
	juice_rdx_int(out, 14);
	juice_rdx_int(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		double number;
		memcpy(&number, (const char *)&rows[i] + offset, 8);
		juice_rdx_double(out, number);
	}
}

/* The names attribute: (names = c(...)), then the end of the pairlist. */
static inline void
juice_rdx_names(struct juice_rdx *out, const char *const *names, size_t count,
                int is_first)
{
	juice_rdx_int(out, 0x402);
	if (is_first)
		juice_rdx_symbol(out, "names");
	else
		juice_rdx_int(out, 2 << 8 | 255); /* the second symbol again */
	juice_rdx_int(out, 16);
	juice_rdx_int(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		juice_rdx_chars(out, names[i]);
	juice_rdx_int(out, 254);
}

/* orangeJuice = list(yx = data.frame(...)) */
static inline void
juice_rdx_make(struct juice_rdx *out, const struct juice_rdx_row *rows,
               size_t count)
{
	static const char *const COLUMNS[] = {
		"store",  "brand",   "week",    "logmove", "price1", "price2",
		"price3", "price4",  "price5",  "price6",  "price7", "price8",
		"price9", "price10", "price11", "deal",    "feat",   "profit"
	};
	static const char *const TABLES[] = { "yx" };

	juice_rdx_begin(out);
	juice_rdx_int(out, 0x402); /* a pairlist with a tag */
	juice_rdx_symbol(out, "orangeJuice");
	juice_rdx_int(out, 0x213); /* a list with attributes */
	juice_rdx_int(out, 1);
	juice_rdx_int(out, 0x313);
	juice_rdx_int(out, 18);
	juice_rdx_ints(out, rows, count, offsetof(struct juice_rdx_row, store));
	juice_rdx_ints(out, rows, count, offsetof(struct juice_rdx_row, item));
	juice_rdx_ints(out, rows, count, offsetof(struct juice_rdx_row, week));
	juice_rdx_doubles(out, rows, count,
	                  offsetof(struct juice_rdx_row, log_ounces));
	for (int i = 0; i < 11; i++)
		juice_rdx_doubles(out, rows, count,
		                  offsetof(struct juice_rdx_row, price));
	juice_rdx_ints(out, rows, count, offsetof(struct juice_rdx_row, deal));
	juice_rdx_doubles(out, rows, count,
	                  offsetof(struct juice_rdx_row, feature));
	juice_rdx_doubles(out, rows, count,
	                  offsetof(struct juice_rdx_row, margin));
	juice_rdx_names(out, COLUMNS, 18, 1);
	juice_rdx_names(out, TABLES, 1, 0);
	juice_rdx_int(out, 254);
}
