/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * An array that is walked through once.
 */
#include "gateway/file/fileranges.h"

#include <string.h>

#include "base/runtime/memory.h"

#define RANGES_FIRST 64

/* -- public ---------------------------------------------------------------- */

void
fileranges_init(struct fileranges *ranges)
{
	*ranges = (struct fileranges){ .count = 0 };
}

void
fileranges_fini(struct fileranges *ranges)
{
	memory_release(ranges->ranges);
	fileranges_init(ranges);
}

bool
fileranges_add(struct fileranges *ranges, int64_t first, int64_t last)
{
	struct fileranges_range *end;

	if (first < 0 || last < first)
		return false;
	if (ranges->count > 0) {
		end = &ranges->ranges[ranges->count - 1];
		if (first <= end->last)
			return false;
		if (first == end->last + 1) {
			end->last = last;
			ranges->numbers += last - first + 1;
			return true;
		}
	}
	if (ranges->count == ranges->size) {
		ranges->size =
			ranges->size == 0 ? RANGES_FIRST : ranges->size * 2;
		ranges->ranges = memory_realloc(
			ranges->ranges, ranges->size * sizeof(*ranges->ranges));
	}
	ranges->ranges[ranges->count++] =
		(struct fileranges_range){ first, last };
	ranges->numbers += last - first + 1;
	return true;
}

bool
fileranges_has(struct fileranges *ranges, int64_t number)
{
	while (ranges->at < ranges->count &&
	       ranges->ranges[ranges->at].last < number)
		ranges->at++;
	return ranges->at < ranges->count &&
		ranges->ranges[ranges->at].first <= number;
}
