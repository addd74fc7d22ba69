/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted per block or batch, never per message.
 */
#include "gateway/road_metric.h"

#include <stdio.h>

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/runtime/memory.h"
#include "base/runtime/metric.h"

static const double seconds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
	                          0.25,  0.5,    1,     2.5,  5,     10 };
#define SECONDS .buckets = seconds, .bucket_count = 13

enum {
	MESSAGES,
	BYTES,
	MISROUTED,
	LATE,
	RECORD_SECONDS,
	LANE_RUNNING,
	LANE_EPOCH,
	LANE_NEXT_SEQ,
	FORWARDED,
	FORWARDED_BYTES,
	TRANSACTION_SECONDS,
	LAG,
	PARKED,
	FEEDS_BROKEN,
	INPUT_LAG,
	INPUT_WAITING,
	SOURCE_GAPS,
};

const struct metric_def road_metric_table[] = {
	[MESSAGES] = { "waybill_recorded_messages_total",
	               METRIC_COUNTER,
	               "Messages recorded in the journal, by verdict.",
	               { "tenant", "feed", "verdict" },
	               NULL,
	               0 },
	[BYTES] = { "waybill_recorded_bytes_total",
	            METRIC_COUNTER,
	            "Bytes of keys, bodies and headers recorded.",
	            { "lane" },
	            NULL,
	            0 },
	[MISROUTED] = { "waybill_misrouted_messages_total",
	                METRIC_COUNTER,
	                "Messages whose partition contradicts their key.",
	                { "tenant", "feed" },
	                NULL,
	                0 },
	[LATE] = { "waybill_late_messages_total",
	           METRIC_COUNTER,
	           "Accepted messages with an older version than one that was "
	           "recorded of their key, where the contract marks them.",
	           { "tenant", "feed" },
	           NULL,
	           0 },
	[RECORD_SECONDS] = { "waybill_record_seconds",
	                     METRIC_HISTOGRAM,
	                     "From sending a batch to Postgres to its durable "
	                     "commit.",
	                     { "lane" },
	                     SECONDS },
	[LANE_RUNNING] = { "waybill_lane_running",
	                   METRIC_GAUGE,
	                   "1 while this daemon records for the lane.",
	                   { "lane" },
	                   NULL,
	                   0 },
	[LANE_EPOCH] = { "waybill_lane_epoch",
	                 METRIC_GAUGE,
	                 "The lane's owner number; it grows at each takeover.",
	                 { "lane" },
	                 NULL,
	                 0 },
	[LANE_NEXT_SEQ] = { "waybill_lane_next_seq",
	                    METRIC_GAUGE,
	                    "The number that the next message gets.",
	                    { "lane" },
	                    NULL,
	                    0 },
	[FORWARDED] = { "waybill_forwarded_messages_total",
	                METRIC_COUNTER,
	                "Messages of transactions committed on a cluster "
	                "(parked ones included).",
	                { "cluster", "lane" },
	                NULL,
	                0 },
	[FORWARDED_BYTES] = { "waybill_forwarded_bytes_total",
	                      METRIC_COUNTER,
	                      "Bytes of those messages.",
	                      { "cluster", "lane" },
	                      NULL,
	                      0 },
	[TRANSACTION_SECONDS] = { "waybill_transaction_seconds",
	                          METRIC_HISTOGRAM,
	                          "From the begin of a Kafka transaction to its "
	                          "commit.",
	                          { "cluster", "lane" },
	                          SECONDS },
	[LAG] = { "waybill_route_lag_messages",
	          METRIC_GAUGE,
	          "Recorded messages that the cluster does not have yet.",
	          { "cluster", "lane" },
	          NULL,
	          0 },
	[PARKED] = { "waybill_parked_feeds",
	             METRIC_GAUGE,
	             "Feeds whose messages are held back on a route.",
	             { "cluster", "lane" },
	             NULL,
	             0 },
	[FEEDS_BROKEN] = { "waybill_feeds_without_contract",
	                   METRIC_GAUGE,
	                   "Feeds whose contract does not compile with this "
	                   "daemon: nothing new of them is read.",
	                   { NULL },
	                   NULL,
	                   0 },
	[INPUT_LAG] = { "waybill_input_lag_messages",
	                METRIC_GAUGE,
	                "Offsets of input partitions that are not gathered "
	                "yet, as the last fetch told.",
	                { "cluster", "lane" },
	                NULL,
	                0 },
	[INPUT_WAITING] = { "waybill_input_waiting_partitions",
	                    METRIC_GAUGE,
	                    "Input partitions that cannot be read now: no "
	                    "broker answers, or the topic is not there. 0: all "
	                    "is well.",
	                    { "cluster", "lane" },
	                    NULL,
	                    0 },
	[SOURCE_GAPS] = { "waybill_source_gaps",
	                  METRIC_GAUGE,
	                  "Input partitions that wait for a person, since "
	                  "Kafka no longer has what comes next.",
	                  { "cluster", "lane" },
	                  NULL,
	                  0 },
};
const int road_metric_count =
	sizeof(road_metric_table) / sizeof(road_metric_table[0]);

struct lane_metric {
	struct metric_cell *bytes, *record_seconds, *running, *epoch, *next_seq;
};

struct route_metric {
	struct metric_cell *forwarded, *bytes, *transaction_seconds, *lag,
		*parked;
};

struct input_metric {
	struct metric_cell *lag, *waiting, *gaps;
};

static struct metric_cell *
lane_cell(int metric, int lane)
{
	char text[16];
	const char *values[] = { text };

	snprintf(text, sizeof(text), "%d", lane);
	return metric_cell(&road_metric_table[metric], values);
}

static struct metric_cell *
route_cell(int metric, int lane, const char *cluster)
{
	char text[16];
	const char *values[] = { cluster, text };

	snprintf(text, sizeof(text), "%d", lane);
	return metric_cell(&road_metric_table[metric], values);
}

static void
count_block(const struct batch *batch, const struct block *block)
{
	int64_t verdicts[VERDICT_CONFLICT + 1] = { 0 }, misrouted = 0;
	int64_t late = 0;
	const char *values[] = { block->feed->tenant, block->feed->name, "" };

	for (size_t i = 0; i < block->count; i++) {
		const struct message *m = &batch->messages[block->first + i];

		verdicts[m->verdict]++;
		misrouted += m->misrouted;
		late += m->reference != NULL &&
			m->reference->kind == MESSAGE_LATE;
	}
	for (int v = 0; v <= VERDICT_CONFLICT; v++) {
		if (verdicts[v] == 0)
			continue;
		values[2] = message_verdict_name((enum verdict)v);
		metric_add(metric_cell(&road_metric_table[MESSAGES], values),
		           verdicts[v]);
	}
	if (misrouted > 0)
		metric_add(metric_cell(&road_metric_table[MISROUTED], values),
		           misrouted);
	if (late > 0)
		metric_add(metric_cell(&road_metric_table[LATE], values), late);
}

/* -- public ---------------------------------------------------------------- */

struct lane_metric *
road_metric_lane(int lane)
{
	struct lane_metric *m = memory_calloc(1, sizeof(*m));

	m->bytes = lane_cell(BYTES, lane);
	m->record_seconds = lane_cell(RECORD_SECONDS, lane);
	m->running = lane_cell(LANE_RUNNING, lane);
	m->epoch = lane_cell(LANE_EPOCH, lane);
	m->next_seq = lane_cell(LANE_NEXT_SEQ, lane);
	return m;
}

void
road_metric_lane_free(struct lane_metric **metric)
{
	memory_free(metric);
}

void
road_metric_recorded(struct lane_metric *m, const struct batch *batch,
                     int64_t took_us)
{
	for (size_t i = 0; i < batch->block_count; i++)
		count_block(batch, &batch->blocks[i]);
	metric_add(m->bytes, (int64_t)batch->bytes);
	metric_observe(m->record_seconds, (double)took_us / 1e6);
}

void
road_metric_state(struct lane_metric *m, int64_t epoch, int64_t next_seq,
                  int is_running)
{
	metric_set(m->running, is_running);
	metric_set(m->epoch, (double)epoch);
	metric_set(m->next_seq, (double)next_seq);
}

struct route_metric *
road_metric_route(int lane, const char *cluster)
{
	struct route_metric *m = memory_calloc(1, sizeof(*m));

	m->forwarded = route_cell(FORWARDED, lane, cluster);
	m->bytes = route_cell(FORWARDED_BYTES, lane, cluster);
	m->transaction_seconds = route_cell(TRANSACTION_SECONDS, lane, cluster);
	m->lag = route_cell(LAG, lane, cluster);
	m->parked = route_cell(PARKED, lane, cluster);
	return m;
}

void
road_metric_route_free(struct route_metric **metric)
{
	memory_free(metric);
}

void
road_metric_forwarded(struct route_metric *m, size_t messages, size_t bytes)
{
	metric_add(m->forwarded, (int64_t)messages);
	metric_add(m->bytes, (int64_t)bytes);
}

void
road_metric_transaction(struct route_metric *m, int64_t took_us)
{
	metric_observe(m->transaction_seconds, (double)took_us / 1e6);
}

void
road_metric_lag(struct route_metric *m, int64_t messages, size_t parked_feeds)
{
	metric_set(m->lag, (double)messages);
	metric_set(m->parked, (double)parked_feeds);
}

struct input_metric *
road_metric_input(int lane, const char *cluster)
{
	struct input_metric *m = memory_calloc(1, sizeof(*m));

	m->lag = route_cell(INPUT_LAG, lane, cluster);
	m->waiting = route_cell(INPUT_WAITING, lane, cluster);
	m->gaps = route_cell(SOURCE_GAPS, lane, cluster);
	return m;
}

void
road_metric_input_free(struct input_metric **metric)
{
	memory_free(metric);
}

void
road_metric_input_set(struct input_metric *m, const struct road_input *input)
{
	metric_set(m->lag, (double)input->lag);
	metric_set(m->waiting, (double)input->waiting);
	metric_set(m->gaps, (double)input->gaps);
}

void
road_metric_feeds(const struct deployment *deployment)
{
	int broken = 0;

	for (size_t i = 0; i < deployment->feed_count; i++)
		broken += deployment->feeds[i].contract_fault != NULL &&
			!deployment->feeds[i].is_removed;
	metric_set(metric_cell(&road_metric_table[FEEDS_BROKEN], NULL), broken);
}
