/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * MurmurHash2 as Kafka's Java client computes it, and the partition that it
 * gives a key there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int32_t
oj_murmur2(const void *bytes, size_t size);

/* (murmur2 & 0x7fffffff) % partitions */
int32_t
oj_murmur2_partition(const void *key, size_t size, int32_t partitions);
