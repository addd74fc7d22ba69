/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whether topics are as the catalogue says, asked before a transaction begins
 * and remembered for some seconds. Owner's thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/io/kcluster.h"
#include "base/runtime/err.h"

struct batch;
struct deployment;
struct feed;
struct topic_check;

struct topic_check *
topic_check_new(struct kcluster *cluster);

void
topic_check_free(struct topic_check **check);

/*
 * ERR_OK; ERR_KAFKA_TOPIC: missing, or fewer partitions than wanted;
 * ERR_KAFKA: no leader for a partition of the mask (partition modulo 64), or
 * the cluster cannot be asked. again: do not answer from memory.
 */
enum err_code
topic_check_ask(struct topic_check *check, const char *topic, int partitions,
                uint64_t partition_mask, bool again,
                struct err *err) ERR_MUST_CHECK;

/*
 * Asks for all topics and partitions of a feed that the batches touch.
 * ERR_KAFKA_TOPIC also where its dead letters cannot be written: that parks
 * the feed, it must not stall the lane.
 */
enum err_code
topic_check_feed(struct topic_check *check, const struct feed *feed,
                 struct batch *const *batches, size_t count,
                 struct err *err) ERR_MUST_CHECK;

/*
 * Whether the topic of progress records is there, with a partition for each
 * lane, and, unless the deployment is for development, as safe as it must be.
 */
enum err_code
topic_check_progress(struct kcluster *cluster,
                     const struct deployment *deployment,
                     struct err *err) ERR_MUST_CHECK;
