/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * waybill history against a real Postgres: each way to look, what an operator
 * and what a tenant's role sees, what is redacted, and what cannot be found.
 */
#include "gateway/look/history.h"

#include "tests/gateway/look/world.h"

static int
run(const char *user, const char *const *arguments)
{
	return world_run(&history_command, user, false, arguments);
}

static int
run_json(const char *user, const char *const *arguments)
{
	return world_run(&history_command, user, true, arguments);
}

static void
test_an_accepted_message_is_told(void **state)
{
	world_expect_status(run("operator", WORLD_ARGS("0-1-1")), CLI_OK);
	world_expect("Message 0-1-1 of tenant us, feed sales: accepted\n");
	world_expect("topic us.in, partition 3, offset 100 on cluster near\n");
	world_expect("2026-03-28 23:59:59.123 UTC");
	world_expect("by contract us/sale version 3: accepted\n");
	world_expect("in block 0-1-1, message 1 of 3\n");
	world_expect("SHA-256 1111");
	world_expect("to cluster near: topic us.out, partition 3, offset 50\n");
	world_expect("to cluster far: not yet, the route is down, 0 of its "
	             "lane before it: no broker answers\n");
	world_expect("key        7\n");
	world_expect("header     trace: abc\n");
	world_expect("body       {\"store\":7,\"amount\":3}\n");
}

static void
test_a_rejected_message_is_told_with_its_reasons(void **state)
{
	world_expect_status(run("operator", WORLD_ARGS("0-1-2")), CLI_OK);
	world_expect("feed sales: rejected\n");
	world_expect("rejected for 2 reasons\n");
	world_expect("1. avro.trailing (byte 2): expected the end, "
	             "found 2 bytes more\n");
	world_expect("2. key.mismatch at /store: expected -14, "
	             "found b\\x1bad\n");
	world_expect("cluster near: dead-letter topic us.dead, partition 1, "
	             "offset 9\n");
	world_expect("body       4 bytes: 1b5b324a\n");
	world_expect_not("\x1b");
}

static void
test_a_message_that_left_but_where_is_not_known(void **state)
{
	world_expect_status(run("operator", WORLD_ARGS("0-1-4")), CLI_OK);
	world_expect("9223372036854775807 ms since 1970");
	world_expect("near: us.out, partition 3; at which offset is not yet");
}

static void
test_each_way_finds(void **state)
{
	static const char *const ways[][8] = {
		{ "0-1-3" },
		{ "--source", "us.in/3/102" },
		{ "--source=us.in/3/102", "--cluster", "near" },
		{ "--delivery", "near", "us.out/3/51" },
		{ "--key", "9", "-t", "us", "-f", "sales" },
		{ "--key", "\\x39", "-t", "us", "-f", "sales", "--since=-1h" },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		world_expect_status(run("operator", ways[i]), CLI_OK);
		world_expect("Message 0-1-3 of");
	}
	world_expect_status(
		run("operator",
	            WORLD_ARGS("--delivery", "near", "us.dead/1/9")),
		CLI_OK);
	world_expect("Message 0-1-2 of");
}

static void
test_several_are_a_table(void **state)
{
	world_expect_status(run("operator",
	                        WORLD_ARGS("--key", "7", "--tenant", "us",
	                                   "--feed", "sales")),
	                    CLI_OK);
	world_expect("MESSAGE  RECORDED");
	world_expect("0-1-1 ");
	world_expect("0-1-4 ");
	assert_true(strstr(world_said, "0-1-4") < strstr(world_said, "0-1-1"));
	world_expect_status(run("operator",
	                        WORLD_ARGS("--between", "-1h", "now",
	                                   "--tenant", "us", "--limit", "2")),
	                    CLI_OK);
	assert_true(strstr(world_said, "0-1-1") < strstr(world_said, "0-1-2"));
	world_expect_not("0-1-3");
	world_expect("more than these 2");
}

static void
test_json_of_one_and_of_many(void **state)
{
	struct json *json, *message;

	world_expect_status(run_json("operator", WORLD_ARGS("0-1-2")), CLI_OK);
	json = world_json();
	message = json_at(json_get(json, "messages"), 0);
	assert_string_equal(json_string(json_get(message, "verdict")),
	                    "rejected");
	assert_int_equal(json_count(json_get(message, "violations")), 2);
	assert_string_equal(json_string(json_get(message, "body_hex")),
	                    "1b5b324a");
	assert_string_equal(
		json_string(json_get(
			json_at(json_get(message, "deliveries"), 0), "state")),
		"delivered");
	json_free(&json);
	world_expect_status(run_json("operator",
	                             WORLD_ARGS("--between", "-1h", "now", "-t",
	                                        "us", "--full")),
	                    CLI_OK);
	json = world_json();
	assert_int_equal(json_count(json_get(json, "messages")), 4);
	message = json_at(json_get(json, "messages"), 0);
	assert_int_equal(
		json_integer(json_get(json_get(message, "body"), "amount"), 0),
		3);
	json_free(&json);
}

/* One of each that refers to another. */
static void
test_references(void **state)
{
	struct json *json, *reference;

	world_do("insert into waybill.verdict_reference select waybill.today(),"
	         " 'us', 0, 1, v.seq, 0, 1, 1, v.kind from (values"
	         " (3, 'late'), (4, 'duplicate')) v(seq, kind);"
	         "update waybill.block set verdicts = '{2}'"
	         " where first_seq = 4");
	for (int i = 0; i < 2; i++) {
		world_expect_status(run(i == 0 ? "operator" : "auditor",
		                        WORLD_ARGS("0-1-3")),
		                    CLI_OK);
		world_expect("version 3: accepted, but late: 0-1-1 has a newer "
		             "version");
	}
	world_expect_status(run("operator", WORLD_ARGS("0-1-4")), CLI_OK);
	world_expect("version 3: duplicate of 0-1-1\n");
	world_expect_status(run_json("operator", WORLD_ARGS("0-1-3")), CLI_OK);
	json = world_json();
	reference =
		json_get(json_at(json_get(json, "messages"), 0), "reference");
	assert_string_equal(json_string(json_get(reference, "kind")), "late");
	assert_string_equal(json_string(json_get(reference, "id")), "0-1-1");
	json_free(&json);
	world_do("delete from waybill.verdict_reference;"
	         "update waybill.block set verdicts = '{0}'"
	         " where first_seq = 4");
}

static void
test_sensitive_values_are_redacted(void **state)
{
	world_expect_status(run("operator", WORLD_ARGS("1-1-1")), CLI_OK);
	world_expect("key        (redacted)\n");
	world_expect("\"amount\":\"(redacted)\"");
	/* the second cannot be read, so nobody knows which bytes are which */
	world_expect_status(run("operator", WORLD_ARGS("1-1-2")), CLI_OK);
	world_expect("1 bytes that cannot be read");
	world_expect_status(run_json("operator", WORLD_ARGS("1-1-2")), CLI_OK);
	world_expect("\"body_withheld\":true");
	world_expect_not("body_hex");
	world_expect_status(
		run("operator",
	            WORLD_ARGS("--between", "-1h", "now", "--tenant", "ca")),
		CLI_OK);
	world_expect("(redacted)");
	world_expect_status(run("operator", WORLD_ARGS("1-1-2", "--raw")),
	                    CLI_OK);
	world_expect("1 bytes: 10\n");
	world_expect("key        8\n");
}

static void
test_a_tenant_sees_its_own_only(void **state)
{
	world_expect_status(run("auditor", WORLD_ARGS("0-1-1")), CLI_OK);
	world_expect("by contract us/sale version 3: accepted\n");
	world_expect("to cluster near: topic us.out, partition 3, offset 50\n");
	world_expect("to cluster far: not yet\n");
	world_expect_status(run("auditor", WORLD_ARGS("1-1-1")), CLI_NOT_FOUND);
	assert_string_equal(world_said, "");
	world_expect_status(
		run("auditor", WORLD_ARGS("--source", "ca.in/1/10")),
		CLI_NOT_FOUND);
	world_expect_status(
		run("auditor",
	            WORLD_ARGS("--between", "-1h", "now", "--tenant", "ca")),
		CLI_NOT_FOUND);
}

/* The daemon's own role, which waybill -c FILE takes. */
static void
test_who_serves_sees_all(void **state)
{
	world_expect_status(run("serving", WORLD_ARGS("1-1-1")), CLI_OK);
	world_expect("to cluster far: not yet, the route is recovering\n");
	/* more than 16 messages of a block are read through the view */
	world_do("insert into waybill.block select day, 1, 1, 100,"
	         " 20, tenant, feed, format, origin, now(), 0, 0,"
	         " salt, null, '{5}', null, null,"
	         " array_fill('\\x0e06'::bytea, array[20]), null,"
	         " null, '{2}', array(select generate_series(20, 39)),"
	         " '{0}', '{2}', '{1}', decode(repeat('00', 640),"
	         " 'hex') from waybill.block where lane = 1"
	         " and first_seq = 1");
	world_expect_status(
		run("serving",
	            WORLD_ARGS("--between", "-1h", "now", "-t", "ca")),
		CLI_OK);
	world_expect("1-1-119");
	world_do("delete from waybill.block where first_seq = 100");
}

static void
test_parked(void **state)
{
	world_do("insert into waybill.parked (cluster, lane, tenant, feed,"
	         " first_seq, reason) values ('far', 0, 'us', 'sales', 3,"
	         " 'too large')");
	world_expect_status(run("auditor", WORLD_ARGS("0-1-4")), CLI_OK);
	world_expect("to cluster far: parked since ");
	world_expect(": too large\n");
	world_expect_status(run("auditor", WORLD_ARGS("0-1-3")), CLI_OK);
	world_expect("to cluster far: not yet\n");
	world_do("delete from waybill.parked");
}

static void
test_what_is_wrong_is_said(void **state)
{
	world_expect_status(run("operator", WORLD_NO_ARGS), CLI_USAGE);
	world_expect_status(run("operator", WORLD_ARGS("4711")), CLI_USAGE);
	world_expect_status(
		run("operator", WORLD_ARGS("0-1-1", "--source", "x")),
		CLI_USAGE);
	world_expect_status(run("operator", WORLD_ARGS("--source", "us.in/3")),
	                    CLI_USAGE);
	world_expect_status(run("operator", WORLD_ARGS("--nonsense")),
	                    CLI_USAGE);
	assert_non_null(strstr(world_complained, "--nonsense"));
	world_expect_status(
		run("operator",
	            WORLD_ARGS("--between", "yestermorn", "now", "-t", "us")),
		CLI_USAGE);
	assert_non_null(strstr(world_complained, "a time is such as"));
	world_expect_status(
		run("operator",
	            WORLD_ARGS("--between", "-1h", "2026-02-31", "-t", "us")),
		CLI_USAGE);
	world_expect_status(
		run("operator",
	            WORLD_ARGS("--between", "-1 fortnit", "now", "-t", "us")),
		CLI_USAGE);
	world_expect_status(
		run("operator",
	            WORLD_ARGS("--between", "-1h", "now", "-t", "nl")),
		CLI_NOT_FOUND);
	assert_non_null(strstr(world_complained, "there is no tenant nl"));
	world_expect_status(run("operator", WORLD_ARGS("--key", "7")),
	                    CLI_USAGE);
	world_expect_status(run("operator", WORLD_ARGS("0-9-9")),
	                    CLI_NOT_FOUND);
	world_expect_status(run("nobody", WORLD_ARGS("0-1-1")), CLI_FAILED);
	assert_non_null(strstr(world_complained, "GRANT waybill_read TO"));
	world_expect_status(run("operator", WORLD_ARGS("--help")), CLI_OK);
	world_expect("--delivery CLUSTER TOPIC/PARTITION/OFFSET");
}

static void
test_no_postgres_and_no_waybill(void **state)
{
	char name[] = "history", id[] = "0-1-1";
	char *argv[] = { name, id, NULL };
	struct look_options options = {
		.conninfo = "host=/nonexistent user=x dbname=x",
		.out = stdout,
		.err = tmpfile(),
	};
	char conninfo[1200];

	world_expect_status(history_command.look(&options, 2, argv),
	                    CLI_UNREACHABLE);
	snprintf(conninfo, sizeof(conninfo), "host=%s user=%s dbname=%s",
	         postgres_folder(world_server), "postgres", "template1");
	options.conninfo = conninfo;
	world_expect_status(history_command.look(&options, 2, argv),
	                    CLI_FAILED);
	fclose(options.err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_accepted_message_is_told),
		cmocka_unit_test(
			test_a_rejected_message_is_told_with_its_reasons),
		cmocka_unit_test(
			test_a_message_that_left_but_where_is_not_known),
		cmocka_unit_test(test_each_way_finds),
		cmocka_unit_test(test_several_are_a_table),
		cmocka_unit_test(test_json_of_one_and_of_many),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_sensitive_values_are_redacted),
		cmocka_unit_test(test_a_tenant_sees_its_own_only),
		cmocka_unit_test(test_who_serves_sees_all),
		cmocka_unit_test(test_parked),
		cmocka_unit_test(test_what_is_wrong_is_said),
		cmocka_unit_test(test_no_postgres_and_no_waybill),
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
