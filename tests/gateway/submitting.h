/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A lane whose feeds have no inputs, its door, and submissions to it, for the
 * tests of what becomes of them. The program defines the table of stages.
 */
#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/source.h"
#include "base/model/stage.h"
#include "base/model/submission.h"
#include "base/runtime/clock.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/door.h"
#include "gateway/input.h"
#include "gateway/lane.h"
#include "gateway/road_metric.h"
#include "tests/support/kafkamock.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

#define SUBMISSIONS_MAX 1000

static struct catalogue *catalogue;
static struct input *input;
static struct daemon_config config;
static struct door *door;
static struct lane *lane;
static struct kafkamock *mock;
static struct err err;
static int32_t rest_source;
extern const struct stage *const submitting_stages[];

static atomic_int done_count;
static struct submission *sent[SUBMISSIONS_MAX];
static size_t sent_count;

/* -- the fixture --------------------------------------------------------------- */

static inline int
submitting_begin(void **state)
{
	struct catalogue_options options = { .role = "waybill_daemon",
		                             .timeout_ms = 20000 };

	roadbase_begin(state);
	roadbase_run("update waybill.feed set input_cluster = null,"
	             " input_topic = null");
	roadbase_run("update waybill.cluster set is_output = false");
	roadbase_run("update waybill.deployment set lanes = 1");
	roadbase_run("select waybill.daemon_beat('test-1', '', 3600000)");
	rest_source = (int32_t)roadbase_number(
		"select waybill.source_take_own('rest', null, 'us', 'sales')");
	options.conninfo = roadbase_conninfo();
	assert_ok(catalogue_open(&options, &catalogue, &err));
	input = input_new();
	door = door_new(1024 * 1024);
	done_count = 0;
	sent_count = 0;
	config = (struct daemon_config){
		.daemon = (char *)"test-1",
		.connection = (char *)(uintptr_t)roadbase_conninfo(),
		.role = (char *)"waybill_daemon",
		.postgres_timeout_ms = 20000,
		.batch_messages = 1000,
		.batch_bytes = 1024 * 1024,
		.block_messages = 1000,
		.ring_bytes = 1024 * 1024,
		.transaction_messages = 1000,
		.transaction_bytes = 1024 * 1024,
		.drain_ms = 10000,
	};
	return 0;
}

static inline int
submitting_end(void **state)
{
	for (size_t i = 0; i < sent_count; i++) {
		submission_give_up(sent[i]);
		submission_unref(&sent[i]);
	}
	lane_stop(&lane);
	assert_int_equal(done_count, sent_count);
	door_free(&door);
	input_free(&input);
	catalogue_close(&catalogue);
	kafkamock_stop(&mock);
	return roadbase_end(state);
}

static inline void
submitting_start(void)
{
	const struct lane_options options = {
		.config = &config,
		.catalogue = catalogue,
		.input = input,
		.door = door,
		.stages = submitting_stages,
		.lane = 0,
	};

	lane = lane_start(&options);
}

static inline bool
becomes(enum lane_state state)
{
	for (int i = 0; i < 3000; i++) {
		if (lane_state(lane) == state)
			return true;
		clock_sleep_ms(10);
	}
	return false;
}

static inline void
done(struct submission *submission, void *context)
{
	atomic_fetch_add(&done_count, 1);
}

/* Messages of us/sales; each with its own reference in `sent`. */
static inline struct submission *
submission_of(const struct deployment *deployment, size_t count)
{
	const struct feed *feed = deployment_feed(deployment, "us", "sales");
	struct submission *s = submission_new(deployment, feed, count);

	s->origin = MESSAGE_ORIGIN_REST;
	s->principal = 42;
	s->source_id = rest_source;
	s->done = done;
	for (size_t i = 0; i < count; i++) {
		s->items[i].partition = (int32_t)(i % 4);
		s->items[i].body =
			(uint8_t *)arena_printf(&s->arena, "body %zu", i);
		s->items[i].body_len =
			(int32_t)strlen((const char *)s->items[i].body);
		s->items[i].key = (const uint8_t *)"key";
		s->items[i].key_len = 3;
		s->items[i].headers_len = -1;
		s->items[i].contract = feed->contract_id;
	}
	return s;
}

static inline enum submission_outcome
offer(void *context, struct submission_part *part)
{
	assert_int_equal(part->lane, 0);
	return door_offer(door, part);
}

static inline struct submission *
submit(struct submission *s)
{
	const struct submission_lanes lanes = { .offer = offer };

	sent[sent_count++] = s;
	submission_send(s, &lanes);
	return s;
}

static inline struct submission *
submit_new(size_t count)
{
	const struct deployment *deployment = catalogue_take(catalogue);
	struct submission *s = submit(submission_of(deployment, count));

	deployment_unref(&deployment);
	return s;
}

static inline bool
is_done(int count, int64_t timeout_ms)
{
	for (int64_t i = 0; i < timeout_ms; i += 5) {
		if (done_count >= count)
			return true;
		clock_sleep_ms(5);
	}
	return done_count >= count;
}

static inline int64_t
recorded(void)
{
	return roadbase_number("select coalesce(sum(count), 0)::int8"
	                       " from waybill.block");
}

static inline struct pgconn *
hold_lane(void)
{
	struct pgconn *other = roadbase_connect(NULL);

	assert_ok(pgconn_exec(
		other, "begin; select from waybill.lane for update", &err));
	return other;
}

static inline void
let_lane_go(struct pgconn *other)
{
	assert_ok(pgconn_exec(other, "rollback", &err));
	pgconn_close(&other);
}

static inline void
set_id(struct submission *s, size_t i, const char *id)
{
	s->items[i].dedup_id = (const uint8_t *)id;
	s->items[i].dedup_id_len = (int32_t)strlen(id);
}
