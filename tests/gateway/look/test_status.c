/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * waybill status and what it warns of, for an operator and for a tenant.
 */
#include "gateway/look/status.h"

#include "tests/gateway/look/world.h"

static int
run(const char *user)
{
	return world_run(&status_command, user, false, WORLD_NO_ARGS);
}

static void
test_the_page(void **state)
{
	world_expect_status(run("operator"), CLI_NEEDS_PERSON);
	world_expect("DEPLOYMENT  DURABILITY   LANES  TENANTS  FEEDS");
	world_expect("test        development      2        2      2");
	world_expect("d1      yes        2  http://127.0.0.1:1");
	world_expect("ready  d1     yes");
	world_expect("near     running");
	world_expect("no broker answers\n");
	world_expect("us      sales         3         1");
	world_expect("ca      sales         1         1");
	world_expect("!  durability: development");
	world_expect("!! lane 0 on cluster far is down since ");
	world_expect_not("Parked");
	world_do("update waybill.route set state = 'catching-up'"
	         " where state = 'down'");
	world_expect_status(run("operator"), CLI_OK);
	world_expect_not("!! ");
}

static void
test_the_page_as_json(void **state)
{
	struct json *json, *route;

	world_expect_status(
		world_run(&status_command, "operator", true, WORLD_NO_ARGS),
		CLI_OK);
	json = world_json();
	assert_string_equal(json_string(json_get(json_get(json, "deployment"),
	                                         "durability")),
	                    "development");
	route = json_at(json_get(json, "routes"), 0);
	assert_string_equal(json_string(json_get(route, "cluster")), "far");
	assert_int_equal(json_integer(json_get(route, "behind"), -1), 4);
	assert_int_equal(json_count(json_get(json, "parked")), 0);
	assert_false(json_boolean(json_get(json, "needs_person"), true));
	assert_true(json_count(json_get(json, "warnings")) >= 1);
	json_free(&json);
}

static void
test_a_tenant_sees_its_part(void **state)
{
	world_expect_status(run("auditor"), CLI_OK);
	world_expect("As role auditor you see your tenants' part only");
	world_expect("us      sales         3         1");
	world_expect_not("ca");
	world_expect_not("Lanes\n");
}

static void
expect_needs_person(const char *cause, const char *told, const char *undo)
{
	struct json *json;

	world_do(cause);
	world_expect_status(run("operator"), CLI_NEEDS_PERSON);
	world_expect("!! ");
	world_expect(told);
	world_expect_status(
		world_run(&status_command, "operator", true, WORLD_NO_ARGS),
		CLI_NEEDS_PERSON);
	json = world_json();
	assert_true(json_boolean(json_get(json, "needs_person"), false));
	json_free(&json);
	world_do(undo);
	world_expect_status(run("operator"), CLI_OK);
}

static void
test_what_needs_a_person(void **state)
{
	expect_needs_person(
		"update waybill.lane set state = 'diverged', reason = 'lost'"
		" where lane = 1",
		"lane 1 has diverged: lost\n",
		"update waybill.lane set state = 'ready', reason = null");
	expect_needs_person(
		"insert into waybill.source_gap values (1, 0, 103, 200,"
		" 'retention')",
		"us.in/3 on cluster near is not read from offset 103 on:"
		" retention (Kafka has it from offset 200 on)",
		"delete from waybill.source_gap");
	expect_needs_person(
		"insert into waybill.parked (cluster, lane, tenant, feed,"
		" first_seq, reason) values ('far', 0, 'us', 'sales', 3,"
		" 'too large')",
		"waybill unpark --cluster far --tenant us --feed sales\n",
		"delete from waybill.parked");
	expect_needs_person(
		"update waybill.route set state = 'diverged', reason = 'x'"
		" where lane = 0 and cluster = 'far'",
		"lane 0 on cluster far has diverged: x\n",
		"update waybill.route set state = 'catching-up'"
		" where state = 'diverged'");
	expect_needs_person(
		"update waybill.lane set reason = 'no broker answers'"
		" where lane = 1",
		"no broker answers\n", "update waybill.lane set reason = null");
	expect_needs_person(
		"with c as (insert into waybill.contract (tenant, name,"
		" version, avsc, digest) values ('us', 'us/sale', 4, '{', '')"
		" returning contract) update waybill.feed set contract ="
		" (select contract from c) where tenant = 'us'",
		"feed us/sales: its contract us/sale, version 4, does not"
		" compile",
		"update waybill.feed set contract = 1 where tenant = 'us';"
		"delete from waybill.contract where version = 4");
}

static void
test_routes_that_need_a_person(void **state)
{
	static const char *const states[] = { "down", "stalled",
		                              "progress-blocked" };
	char cause[128], told[128];

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		snprintf(cause, sizeof(cause),
		         "update waybill.route set state = '%s'"
		         " where lane = 0 and cluster = 'far'",
		         states[i]);
		snprintf(told, sizeof(told), "lane 0 on cluster far is %s",
		         states[i]);
		expect_needs_person(cause, told,
		                    "update waybill.route set state ="
		                    " 'running' where lane = 0");
	}
}

static void
test_a_dead_daemon(void **state)
{
	world_do("update waybill.daemon set deadline = now() - interval '1 s'");
	world_expect_status(run("operator"), CLI_NEEDS_PERSON);
	world_expect("!! no daemon is alive");
	world_expect("start one: waybilld -c FILE");
	world_do("update waybill.daemon set deadline = now() + interval '1 h';"
	         "update waybill.lane set owner = null where lane = 1");
	world_expect_status(run("operator"), CLI_NEEDS_PERSON);
	world_expect("!! lane 1 has no living owner");
	world_do("update waybill.lane set owner = 'd1'");
}

static void
test_nothing_applied(void **state)
{
	world_do("begin; alter table waybill.deployment rename to kept;"
	         "create table waybill.deployment (like waybill.kept);"
	         "grant select on waybill.deployment to waybill_read; commit");
	world_expect_status(run("operator"), CLI_OK);
	world_expect("No deployment has been applied yet.");
	world_expect("waybill apply -f DIR");
	world_do("begin; drop table waybill.deployment;"
	         "alter table waybill.kept rename to deployment; commit");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_page),
		cmocka_unit_test(test_the_page_as_json),
		cmocka_unit_test(test_a_tenant_sees_its_part),
		cmocka_unit_test(test_what_needs_a_person),
		cmocka_unit_test(test_routes_that_need_a_person),
		cmocka_unit_test(test_a_dead_daemon),
		cmocka_unit_test(test_nothing_applied),
	};
	int opened;

	unit_alarm(120);
	if (getenv("WAYBILL_SOURCE") == NULL)
		return 77;
	opened = postgres_open(NULL, &world_server);
	if (opened != 0)
		return opened;
	return cmocka_run_group_tests(tests, world_make, world_end);
}
