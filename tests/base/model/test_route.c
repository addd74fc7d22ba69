/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables route and parked.
 */
#include "base/model/route.h"

#include <string.h>

#include "base/io/pgconn.h"
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

static const char row[] =
	"select concat_ws(' ', lane, cluster, tenant, feed, first_seq, reason,"
	" release_wanted) from waybill.parked";

static struct route_parked
stock(int64_t seq, const char *reason)
{
	return (struct route_parked){ .lane = 1,
		                      .cluster = "main",
		                      .tenant = "us",
		                      .feed = "stock",
		                      .seq = seq,
		                      .reason = reason };
}

static void
a_feed_that_is_refused_again_has_the_new_reason(void **state)
{
	struct route_parked parked = stock(7, "too large");
	bool wanted = true;

	assert_ok(route_park(conn, &parked, &err));
	assert_string_equal(roadbase_text(row),
	                    "1 main us stock 7 too large f");
	assert_ok(route_release_wanted(conn, &parked, &wanted, &err));
	assert_false(wanted);
	roadbase_run("update waybill.parked set release_wanted = true,"
	             " since = '2026-01-01'");
	assert_ok(route_release_wanted(conn, &parked, &wanted, &err));
	assert_true(wanted);
	parked = stock(9, "no such topic");
	assert_ok(route_park(conn, &parked, &err));
	assert_string_equal(roadbase_text(row),
	                    "1 main us stock 9 no such topic f");
	assert_int_equal(roadbase_number("select extract(year from since)::int8"
	                                 " from waybill.parked"),
	                 2026);
	parked.seq = 12;
	assert_ok(route_move_parked(conn, &parked, &err));
	assert_string_equal(roadbase_text(row),
	                    "1 main us stock 12 no such topic f");
	assert_ok(route_unpark(conn, &parked, &err));
	assert_string_equal(roadbase_text(row), "");
}

static enum err_code
count(const struct route_parked *parked, void *context, struct err *unused)
{
	*(int *)context += parked->lane == 1 &&
		strcmp(parked->feed, "stock") == 0 && parked->seq == 7;
	return ERR_OK;
}

static void
routes_are_apart(void **state)
{
	struct route_parked parked = stock(7, "x");
	bool ever = true;
	int found = 0;

	assert_ok(route_park(conn, &parked, &err));
	parked.lane = 0;
	assert_ok(route_park(conn, &parked, &err));
	assert_ok(route_each_parked(conn, 1, "main", count, &found, &err));
	assert_int_equal(found, 1);
	assert_ok(route_ever_delivered(conn, 1, "main", &ever, &err));
	assert_false(ever);
	assert_ok(route_mark_delivered(conn, 1, "main", &err));
	assert_ok(route_ever_delivered(conn, 1, "main", &ever, &err));
	assert_true(ever);
	assert_ok(route_ever_delivered(conn, 0, "main", &ever, &err));
	assert_false(ever);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_feed_that_is_refused_again_has_the_new_reason, begin,
			end),
		cmocka_unit_test_setup_teardown(routes_are_apart, begin, end),
	};

	return roadbase_main(120, tests, sizeof(tests) / sizeof(tests[0]));
}
