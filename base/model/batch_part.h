/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Parts of submissions in a batch: a batch borrows their bytes and holds a
 * reference on each submission until it is freed. The recorder's thread.
 */
#include <stdbool.h>

struct batch;
struct feed;
struct submission_part;

/* Adds the messages of a part that was taken, and takes over its reference;
   before batch_group. feed: the part's, in the batch's deployment. The batch
   grows where the part is larger than what is left. */
void
batch_part_add(struct batch *batch, struct submission_part *part,
               const struct feed *feed);

/*
 * Takes parts out of a batch that is not recorded: all of them, or those of
 * which a message is refused. each gets them, the last first, with their
 * reference.
 * What is left is as before batch_group, and without what stages said of other
 * messages; it may be nothing. False: there was no such part.
 */
bool
batch_part_remove(struct batch *batch, bool all,
                  void (*each)(void *context, struct submission_part *part),
                  void *context);

/* The batch is recorded: writes the results and settles every part. */
void
batch_part_settle(struct batch *batch);

/* Nobody knows what became of the batch. */
void
batch_part_forsake(struct batch *batch);

/* Gives the references back; for batch_unref. */
void
batch_part_release(struct batch *batch);
