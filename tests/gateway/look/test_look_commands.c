/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The smaller commands against a real Postgres: lane, tail, unpark; and
 * completion, as bash takes it.
 */
#include "gateway/look/look_commands.h"

#include "base/model/module.h"
#include "gateway/look/completion.h"
#include "gateway/look/lane_show.h"
#include "gateway/look/tail.h"
#include "gateway/look/unpark.h"
#include "tests/gateway/look/world.h"

static int
lane(const char *user, const char *const *arguments)
{
	return world_run(&lane_show_command, user, false, arguments);
}

static int
tail(const char *user, const char *const *arguments)
{
	return world_run(&tail_command, user, false, arguments);
}

static void
test_lane(void **state)
{
	struct json *json;

	world_expect_status(lane("operator", WORLD_ARGS("0")), CLI_OK);
	world_expect("near     us.in          3          104  us      sales");
	world_expect("cdcdcdcd");
	world_expect("no broker answers");
	world_expect_not("ca.in");
	world_expect_status(lane("operator", WORLD_NO_ARGS), CLI_OK);
	world_expect_not("Positions");
	world_expect_status(world_run(&lane_show_command, "operator", true,
	                              WORLD_ARGS("1")),
	                    CLI_OK);
	json = world_json();
	assert_int_equal(json_count(json_get(json, "lanes")), 1);
	assert_int_equal(
		json_integer(json_get(json_at(json_get(json, "positions"), 0),
	                              "next_offset"),
	                     0),
		12);
	assert_int_equal(json_count(json_get(json, "commits")), 1);
	json_free(&json);
	world_expect_status(lane("operator", WORLD_ARGS("2")), CLI_NOT_FOUND);
	world_expect_status(lane("operator", WORLD_ARGS("x")), CLI_USAGE);
	world_expect_status(lane("auditor", WORLD_ARGS("0")), CLI_FAILED);
	assert_non_null(strstr(world_complained, "GRANT waybill_read TO"));
}

static void
test_tail(void **state)
{
	const char *at;

	world_expect_status(tail("operator", WORLD_ARGS("-n", "3")), CLI_OK);
	world_expect_not("0-1-3");
	at = strstr(world_said, "0-1-4");
	assert_non_null(at);
	at = strstr(at, "1-1-1");
	assert_non_null(at);
	assert_non_null(strstr(at, "1-1-2"));
	world_expect("(redacted)");
	world_expect_status(
		tail("operator",
	             WORLD_ARGS("--verdict", "rejected", "-t", "us")),
		CLI_OK);
	world_expect("0-1-2");
	world_expect("avro.trailing +1\n");
	world_expect_not("0-1-1 ");
	world_expect_not("1-1-2");
	world_expect_status(tail("operator",
	                         WORLD_ARGS("--verdict", "accepted", "-n", "2",
	                                    "-t", "us")),
	                    CLI_OK);
	world_expect("0-1-3");
	world_expect("0-1-4");
	world_expect_not("0-1-1 ");
	world_expect_status(tail("auditor", WORLD_ARGS("-n", "100")), CLI_OK);
	world_expect("0-1-1");
	world_expect_not("1-1-1");
	world_expect_status(tail("operator", WORLD_ARGS("-f", "none")),
	                    CLI_NOT_FOUND);
	assert_non_null(strstr(world_complained, "there is no feed none "));
	world_expect_status(tail("auditor", WORLD_ARGS("-t", "ca")),
	                    CLI_NOT_FOUND);
	assert_non_null(strstr(world_complained, "there is no tenant ca "));
	world_expect_status(tail("operator", WORLD_ARGS("-f", "us/none")),
	                    CLI_NOT_FOUND);
	assert_non_null(strstr(world_complained, "tenant us has no feed none"));
	world_expect_status(
		tail("operator", WORLD_ARGS("--verdict", "conflict")), CLI_OK);
	world_expect("No such message");
	world_expect_status(tail("operator", WORLD_ARGS("--verdict", "good")),
	                    CLI_USAGE);
}

static void
test_rules_as_json(void **state)
{
	world_expect_status(world_run(&tail_command, "operator", true,
	                              WORLD_ARGS("-t", "us")),
	                    CLI_OK);
	world_expect("\"rules\":[\"avro.trailing\",\"key.mismatch\"]}");
	world_expect("\"rules\":null}");
}

static void
test_tail_follows(void **state)
{
	const char *first;

	world_do("begin; create function waybill.late() returns void language"
	         " sql as $$ insert into waybill.block select day, 1, 1, 3, 1,"
	         " tenant, feed, format, origin, clock_timestamp(), 0, 0, salt,"
	         " dedup_ids, event_times, keys, key_hashes, bodies, headers,"
	         " principals, sources, source_offsets, verdicts, contracts,"
	         " partitions, hashes from waybill.block where lane = 0"
	         " and first_seq = 4 $$; commit");
	if (fork() == 0) {
		usleep(1000 * 1000);
		world_do("select waybill.late()");
		_exit(0);
	}
	world_expect_status(
		tail("operator",
	             WORLD_ARGS("--follow", "--seconds", "3", "-n", "1")),
		CLI_OK);
	world_expect("MESSAGE");
	first = strstr(world_said, "1-1-3");
	assert_non_null(first);
	assert_null(strstr(first + 1, "1-1-3"));
	world_do("delete from waybill.block where lane = 1 and first_seq = 3;"
	         "drop function waybill.late()");
}

static void
test_unpark(void **state)
{
	static const char *const arguments[] = {
		"--cluster", "far", "--tenant", "us", "--feed", "sales", NULL
	};

	world_expect_status(
		world_run(&unpark_command, "mover", false, arguments),
		CLI_NOT_FOUND);
	world_expect_status(world_run(&unpark_command, "mover", false,
	                              WORLD_ARGS("--cluster", "far")),
	                    CLI_USAGE);
	world_do("insert into waybill.parked (cluster, lane, tenant, feed,"
	         " first_seq, reason) values ('far', 0, 'us', 'sales', 3,"
	         " 'too large')");
	world_expect_status(
		world_run(&unpark_command, "operator", false, arguments),
		CLI_FAILED);
	assert_non_null(strstr(world_complained,
	                       "GRANT waybill_forward TO \"operator\""));
	world_expect_status(
		world_run(&unpark_command, "mover", false, arguments), CLI_OK);
	world_expect("too large");
	world_expect_status(world_run(&unpark_command, "mover", true,
	                              WORLD_ARGS("--feed", "us/sales")),
	                    CLI_OK);
	world_expect("{\"released\":[{\"cluster\":\"far\"");
	world_do("do $$ begin if (select count(*) from waybill.parked"
	         " where release_wanted) <> 1 then raise 'not wanted'; end if;"
	         " end $$; delete from waybill.parked");
}

static void
test_completion(void **state)
{
	const struct command *commands[LOOK_COMMANDS_MAX];
	char path[] = "/tmp/waybill-completion.XXXXXX", shell[512];
	int file = mkstemp(path);
	FILE *script;

	for (size_t i = 0; i < look_commands_count; i++)
		commands[i] = &look_commands[i]->command;
	completion_set(commands, look_commands_count);
	world_expect_status(world_run(&completion_command, "nobody", false,
	                              WORLD_ARGS("zsh")),
	                    CLI_USAGE);
	world_expect_status(world_run(&completion_command, "nobody", false,
	                              WORLD_ARGS("bash")),
	                    CLI_OK);
	script = fdopen(file, "w");
	fputs(world_said, script);
	fclose(script);
	snprintf(
		shell, sizeof(shell),
		"bash -c 'set -u; . %s; COMP_WORDS=(waybill --postgres x "
		"history --del); COMP_CWORD=4; _waybill;"
		" test \"${COMPREPLY[*]}\" = --delivery || exit 1;"
		" COMP_WORDS=(waybill tail --tenant \"\"); COMP_CWORD=3; _waybill;"
		" test \"${COMPREPLY[*]}\" = \"\" || exit 1;"
		" COMP_WORDS=(waybill sta); COMP_CWORD=1; _waybill;"
		" test \"${COMPREPLY[*]}\" = status'",
		path);
	assert_int_equal(system(shell), 0);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lane),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_rules_as_json),
		cmocka_unit_test(test_tail_follows),
		cmocka_unit_test(test_unpark),
		cmocka_unit_test(test_completion),
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
