/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What people and monitors see of a lane's input: why some of it cannot be
 * read, and gauges for each input cluster. Owner's thread only (the lane's
 * recorder). It asks nobody: what is told is what was heard by reading.
 */
#include <stddef.h>

struct inlet;
struct input_watch;

struct input_watch *
input_watch_new(int lane);

/* Its gauges are 0 from then on: the lane is another daemon's to tell of. */
void
input_watch_free(struct input_watch **watch);

void
input_watch_look(struct input_watch *watch, struct inlet *const *inlets,
                 size_t count);

/* Why some input cannot be read, for a person; "": all of it can, or could a
   few seconds ago. */
const char *
input_watch_reason(const struct input_watch *watch);
