/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The consumers of a daemon: one for each input cluster and way to open it,
 * shared by its lanes, opened at first use. Any thread.
 */
#include "base/runtime/err.h"

struct cluster;
struct input;
struct kconsumer;

struct input *
input_new(void);

/* After all lanes have given back their queues and messages. */
void
input_free(struct input **input);

/* Borrowed; lives as long as the input. Another one where the cluster's
   address or properties are no longer the same. ERR_FULL: too many. */
enum err_code
input_consumer(struct input *input, const struct cluster *cluster,
               const char *deployment, struct kconsumer **out,
               struct err *err) ERR_MUST_CHECK;
