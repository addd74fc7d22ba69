/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's share of the lanes, on a real Postgres: feeds without inputs
 * and no output cluster, since this is about who owns what.
 */
#include "gateway/keeper.h"

#include <stdio.h>

#include "base/model/stage.h"
#include "base/runtime/clock.h"
#include "base/runtime/metric.h"
#include "gateway/catalogue.h"
#include "gateway/daemon_config.h"
#include "gateway/input.h"
#include "gateway/road_metric.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static const struct stage *const stages[] = { NULL };
static struct daemon_config config;
static struct catalogue *catalogue;
static struct input *input;
static struct keeper *keeper;

static void
start(void)
{
	const struct catalogue_options options = {
		.conninfo = roadbase_conninfo(),
		.role = "waybill_daemon",
		.timeout_ms = 5000,
	};
	const struct keeper_options own = {
		.config = &config,
		.stages = stages,
	};
	struct keeper_options all = own;
	struct err err = { .code = ERR_OK };

	config = (struct daemon_config){
		.daemon = (char *)"one",
		.connection = (char *)roadbase_conninfo(),
		.role = (char *)"waybill_daemon",
		.url = (char *)"",
		.postgres_timeout_ms = 5000,
		.lease_ms = 1000,
		.lanes_max = 64,
		.batch_messages = 100,
		.batch_bytes = 100000,
		.block_messages = 100,
		.ring_bytes = 1000000,
		.transaction_messages = 100,
		.transaction_bytes = 100000,
	};
	roadbase_run("update waybill.feed set input_cluster = null,"
	             " input_topic = null");
	roadbase_run("update waybill.cluster set is_output = false");
	if (catalogue_open(&options, &catalogue, &err) != ERR_OK)
		fail_msg("%s", err.text);
	input = input_new();
	all.catalogue = catalogue;
	all.input = input;
	if (keeper_start(&all, &keeper, &err) != ERR_OK)
		fail_msg("%s", err.text);
}

static void
stop(void)
{
	keeper_stop(&keeper);
	input_free(&input);
	catalogue_close(&catalogue);
}

static void
wait_for(const char *condition)
{
	for (int i = 0; i < 1500; i++) {
		if (roadbase_number("select count(*) from waybill.lane a,"
		                    " waybill.lane b where a.lane = 0 and"
		                    " b.lane = 1 and %s",
		                    condition) == 1)
			return;
		clock_sleep_ms(10);
	}
	fail_msg("never: %s", condition);
}

/* A second daemon came while a lane could not release itself: its row said the
   first one for ever, which lives and runs others. */
static void
gives_back_a_lane_that_ended_without_a_release(void **state)
{
	roadbase_run("update waybill.lane set state = 'diverged',"
	             " reason = 'planted' where lane = 1");
	start();
	wait_for("a.owner = 'one' and b.owner = 'one'");
	roadbase_run("insert into waybill.daemon (daemon, deadline)"
	             " values ('two', now() + interval '1 hour')");
	wait_for("a.owner = 'one' and b.owner is null");
	/* Who took it again has not written over why. */
	assert_string_equal(roadbase_text("select reason from waybill.lane"
	                                  " where lane = 1"),
	                    "planted");
	stop();
}

static void
frees_its_lanes_when_it_stops(void **state)
{
	start();
	wait_for("a.owner = 'one' and b.owner = 'one'");
	stop();
	wait_for("a.owner is null and b.owner is null");
	assert_int_equal(roadbase_number("select count(*) from waybill.daemon"),
	                 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			gives_back_a_lane_that_ended_without_a_release,
			roadbase_begin, roadbase_end),
		cmocka_unit_test_setup_teardown(frees_its_lanes_when_it_stops,
		                                roadbase_begin, roadbase_end),
	};
	int code;

	unit_alarm(120);
	if ((code = roadbase_open()) != 0)
		return code;
	metric_register(road_metric_table, road_metric_count);
	code = cmocka_run_group_tests(tests, NULL, NULL);
	roadbase_close();
	return code;
}
