/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The metrics of the road, and the cells that its threads keep at hand.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/metric.h"

struct batch;
struct deployment;
struct input_metric;
struct route_metric;
struct lane_metric;

extern const struct metric_def road_metric_table[];
extern const int road_metric_count;

struct lane_metric *
road_metric_lane(int lane);
void
road_metric_lane_free(struct lane_metric **metric);
void
road_metric_recorded(struct lane_metric *metric, const struct batch *batch,
                     int64_t took_us);
void
road_metric_state(struct lane_metric *metric, int64_t epoch, int64_t next_seq,
                  int is_running);

struct route_metric *
road_metric_route(int lane, const char *cluster);
void
road_metric_route_free(struct route_metric **metric);
void
road_metric_forwarded(struct route_metric *metric, size_t messages,
                      size_t bytes);
void
road_metric_transaction(struct route_metric *metric, int64_t took_us);
void
road_metric_lag(struct route_metric *metric, int64_t messages,
                size_t parked_feeds);

/* A lane's input from one cluster. */
struct road_input {
	int64_t lag;    /* messages */
	size_t waiting; /* partitions that cannot be read now */
	size_t gaps;    /* partitions that wait for a person */
};

struct input_metric *
road_metric_input(int lane, const char *cluster);
void
road_metric_input_free(struct input_metric **metric);
void
road_metric_input_set(struct input_metric *metric,
                      const struct road_input *input);

/* Of a snapshot that comes into force. */
void
road_metric_feeds(const struct deployment *deployment);
