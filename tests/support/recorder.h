/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A lane's recorder as tests need it: batches out of a line of text, recorded
 * by the real journal. On top of roadbase.h; whatever fails ends the test.
 */
#include <stdint.h>

struct batch;
struct deployment;
struct journal;
struct recorder;

/* Beats for the daemon, for an hour, and claims the lane. */
struct recorder *
recorder_new(const char *daemon, int lane);
void
recorder_free(struct recorder **recorder);

struct journal *
recorder_journal(struct recorder *recorder);

/*
 * Words of "tenant/feed:partition", with "!" behind for a rejected message
 * and "*N" for N of them: "us/sales:0*100 us/sales:1! ca/sales:3". Keys are
 * k0, k1, ..., bodies "TENANT/FEED:PARTITION#OFFSET". Grouped, with positions.
 */
struct batch *
recorder_batch(struct recorder *recorder, const struct deployment *deployment,
               const char *words);

/* The same, recorded. */
struct batch *
recorder_record(struct recorder *recorder, const struct deployment *deployment,
                const char *words);
