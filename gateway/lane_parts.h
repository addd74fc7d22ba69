/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What becomes of the submissions in a lane's batches when recording does not
 * go as hoped. The recorder's thread.
 */
#include <stdbool.h>

struct batch;
struct door;

/* The batch is surely not recorded: its parts go back to the door, before all
   others, or are refused where that is not open. What Kafka gave stays; where
   that is nothing the batch is freed. NULL is legal. */
void
lane_parts_return(struct batch **batch, struct door *door);

/* Refuses the parts that a stage had no room for. Those who are left have to
   be judged again: true. */
bool
lane_parts_refuse(struct batch *batch);

/* Nobody knows what became of the batch; it is freed. NULL is legal. */
void
lane_parts_forsake(struct batch **batch);
