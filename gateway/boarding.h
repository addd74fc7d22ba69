/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From the door into a batch: parts that were judged by what is in force.
 * The recorder's thread.
 */
#include <stdbool.h>
#include <stddef.h>

struct batch;
struct door;

/* How much of a batch may be used. */
struct boarding_share {
	size_t messages, bytes;
};

bool
boarding_is_full(const struct batch *batch, const struct boarding_share *share);

/*
 * Takes in order what fits into that share of a batch; an
 * empty batch takes one part of any size. Parts of a feed that has changed
 * since they were made are stale; where it is the batch's deployment that is
 * older, they wait for the next one.
 */
void
boarding_fill(struct door *door, struct batch *batch,
              const struct boarding_share *share);
