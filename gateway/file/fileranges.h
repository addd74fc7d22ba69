/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A set of record numbers as ranges in order: those of a file that are in the
 * journal already. Asked in ascending order by one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fileranges_range {
	int64_t first, last;
};

struct fileranges {
	struct fileranges_range *ranges;
	size_t count;
	size_t size;
	size_t at;       /* of the number that was asked for last */
	int64_t numbers; /* how many there are */
};

void
fileranges_init(struct fileranges *ranges);

void
fileranges_fini(struct fileranges *ranges);

/* Behind all others; joined with the one it follows. False: it is not behind
   them, or no range. */
bool
fileranges_add(struct fileranges *ranges, int64_t first, int64_t last);

/* Numbers from one call to the next do not get smaller. */
bool
fileranges_has(struct fileranges *ranges, int64_t number);
