/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bounded reads of a partition with one client: kcluster has one for each
 * isolation level. Private to base/io/k*.c. Owner's thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct klib;
struct kmessage;

struct kreader_range {
	const char *topic;
	int partition;
	int64_t from; /* inclusive */
	int64_t to;   /* exclusive */
	bool (*each)(const struct kmessage *message, void *context);
	void *context;
};

enum err_code
kreader_watermarks(struct klib *klib, const char *topic, int partition,
                   int64_t timeout_ms, int64_t *out_low, int64_t *out_high,
                   struct err *err) ERR_MUST_CHECK;

enum err_code
kreader_read(struct klib *klib, const struct kreader_range *range,
             int64_t timeout_ms, struct err *err) ERR_MUST_CHECK;
