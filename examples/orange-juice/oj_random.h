/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* A small seeded generator (splitmix64): the same seed, the same stream. */
#pragma once

#include <stdint.h>

struct oj_random {
	uint64_t state;
};

static inline uint64_t
oj_random_next(struct oj_random *random)
{
	uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* 0 to bound - 1; bound must not be 0.  (Its bias is of no matter here.) */
static inline uint64_t
oj_random_below(struct oj_random *random, uint64_t bound)
{
	return oj_random_next(random) % bound;
}
