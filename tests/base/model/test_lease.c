/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives and who has which lane, by the clock of Postgres.
 */
#include "base/model/lease.h"

#include "base/io/pgconn.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static struct pgconn *conn;
static struct err err;

static int
begin(void **state)
{
	roadbase_begin(state);
	conn = roadbase_connect("waybill_daemon");
	return 0;
}

static int
end(void **state)
{
	pgconn_close(&conn);
	return roadbase_end(state);
}

static void
nobody_has_a_lane_at_first(void **state)
{
	struct lease_view view;

	assert_ok(lease_look(conn, "a", &view, &err));
	assert_int_equal(view.lanes, 2);
	assert_int_equal(view.daemons, 0);
	assert_true(view.free[0] && view.free[1]);
	assert_false(view.mine[0] || view.mine[1]);
}

static void
lanes_of_the_living_are_not_free(void **state)
{
	struct recorder *recorder = recorder_new("a", 1);
	struct lease_view view;

	assert_ok(lease_beat(conn, "b", "http://b", 60000, &err));
	assert_ok(lease_look(conn, "a", &view, &err));
	assert_int_equal(view.daemons, 2);
	assert_true(view.free[0] && !view.free[1]);
	assert_true(view.mine[1] && !view.mine[0]);
	assert_ok(lease_look(conn, "b", &view, &err));
	assert_false(view.free[1] || view.mine[1]);

	/* a dies */
	roadbase_run("update waybill.daemon set deadline = now() - interval"
	             " '1 ms' where daemon = 'a'");
	assert_ok(lease_look(conn, "b", &view, &err));
	assert_int_equal(view.daemons, 1);
	assert_true(view.free[1]);
	/* and was only asleep */
	assert_ok(lease_beat(conn, "a", "", 60000, &err));
	assert_ok(lease_look(conn, "b", &view, &err));
	assert_int_equal(view.daemons, 2);
	assert_false(view.free[1]);

	assert_ok(lease_leave(conn, "a", &err));
	assert_ok(lease_look(conn, "b", &view, &err));
	assert_int_equal(view.daemons, 1);
	assert_true(view.free[1]);
	recorder_free(&recorder);
}

static void
a_beat_lasts_as_long_as_it_says(void **state)
{
	struct lease_view view;

	assert_ok(lease_beat(conn, "a", "", 300, &err));
	assert_ok(lease_look(conn, "a", &view, &err));
	assert_int_equal(view.daemons, 1);
	roadbase_run("select pg_sleep(0.4)");
	assert_ok(lease_look(conn, "a", &view, &err));
	assert_int_equal(view.daemons, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(nobody_has_a_lane_at_first),
		TEST(lanes_of_the_living_are_not_free),
		TEST(a_beat_lasts_as_long_as_it_says),
	};

	return roadbase_main(60, tests, sizeof(tests) / sizeof(tests[0]));
}
