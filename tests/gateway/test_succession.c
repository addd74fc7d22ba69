/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* A feed where another one was, by waybill apply against a real Postgres. */
#include "gateway/succession.h"

#include <stdio.h>

#include "tests/gateway/applybase.h"
#include "tests/gateway/files.h"
#include "tests/unit.h"

#define FEED(name, input, output, dead)                                        \
	"  - feed: " name "\n    contract: us/sales.avsc\n"                    \
	"    input: {cluster: main, topic: " input "}\n"                       \
	"    output: {topic: " output "}\n"                                    \
	"    dead-letter: {topic: " dead ", partitions: 4}\n"                  \
	"    partitions: 8\n"

/* Ten messages of us/sales in lane 1, forwarded up to seq. */
static void
record(int seq)
{
	char sql[1024];

	applybase_run(
		"select waybill.journal_create_days(2);"
		"insert into waybill.lane_day values (1, 1, waybill.today(), 1);"
		"update waybill.lane set next_seq = 11 where lane = 1;"
		"insert into waybill.block (day, lane, incarnation, first_seq,"
		" count, tenant, feed, format, origin, event_time_min,"
		" event_time_max, salt, event_times, bodies, sources,"
		" source_offsets, verdicts, contracts, partitions, hashes)"
		" select waybill.today(), 1, 1, 1 + 5 * i, 5, 'us', 'sales', 1, 0,"
		" 0, 0, '', '{0}', array_fill(''::bytea, array[5]), '{1}',"
		" array_fill(0::int8, array[5]), '{0}', '{1}', '{0}',"
		" decode(repeat('00', 160), 'hex') from generate_series(0, 1) i");
	snprintf(sql, sizeof(sql),
	         "insert into waybill.route (lane, cluster, incarnation, seq,"
	         " state) values (1, 'main', 1, %d, 'down')",
	         seq);
	applybase_run(sql);
}

static void
removed_feed_keeps_its_partitions(void **state)
{
	char warnings[4096];

	applybase_quietly(false, warnings, sizeof(warnings));
	files_put("us.yaml", FILES_TENANT);
	applybase_quietly(true, warnings, sizeof(warnings));
	files_put("us.yaml",
	          "tenant: us\nfeeds:\n"
	          "  - feed: sales\n    contract: us/sales.avsc\n"
	          "    output: {topic: us.sales}\n"
	          "    dead-letter: {topic: us.sales.dead, partitions: 2}\n"
	          "    partitions: 16\n");
	applybase_refused(
		ERR_CONFLICT,
		"us.yaml:3: feed us/sales: partitions was 8 when the feed was "
		"removed and cannot become 16");
	applybase_refused(
		ERR_CONFLICT,
		"us.yaml:3: feed us/sales: dead-letter.partitions was 4");
	files_put("us.yaml", FILES_TENANT FILES_FEED("sales", ""));
	applybase_quietly(false, warnings, sizeof(warnings));
}

/* Nothing was ever recorded: nothing can be mixed up. */
static void
topics_of_an_unused_feed_pass_on(void **state)
{
	char warnings[4096];

	applybase_quietly(false, warnings, sizeof(warnings));
	files_put("us.yaml",
	          FILES_TENANT FEED("till", "us.sales.in", "us.sales",
	                            "us.sales.dead"));
	applybase_refused_keeping(ERR_CONFIG, "of feed us/sales already");
	applybase_quietly(true, warnings, sizeof(warnings));
	assert_string_equal(warnings, "");
	assert_int_equal(
		applybase_number("select count(*) from waybill.feed where "
	                         "removed_at is null"),
		1);
}

static void
topics_of_a_used_feed(void **state)
{
	char warnings[4096];

	applybase_quietly(false, warnings, sizeof(warnings));
	record(5);
	/* The same way twice. */
	files_put("us.yaml",
	          FILES_TENANT FEED("till", "us.sales.in", "us.sales",
	                            "us.till.dead"));
	applybase_refused(
		ERR_CONFLICT,
		"us.yaml:4: feed us/till: input: it would read us.sales.in "
		"from its beginning");
	/* On their way. */
	files_put(
		"us.yaml",
		FILES_TENANT FEED("till", "us.till.in", "us.till", "us.sales"));
	applybase_refused(
		ERR_CONFLICT,
		"us.yaml:4: feed us/till: us.sales: feed us/sales, which is to "
		"go, still has recorded messages that are not on cluster main "
		"yet");
	files_put("us.yaml", FILES_TENANT);
	applybase_quietly(true, warnings, sizeof(warnings));
	assert_string_equal(warnings,
	                    "feed us/sales: what is recorded of it and is not "
	                    "yet on cluster main still goes there\n");
	files_put(
		"us.yaml",
		FILES_TENANT FEED("till", "us.till.in", "us.till", "us.sales"));
	applybase_refused(ERR_CONFLICT,
	                  "which was removed, still has recorded");
	applybase_run("update waybill.route set seq = 10");
	applybase_run(
		"insert into waybill.parked (cluster, lane, tenant, feed,"
		" first_seq, reason) values ('main', 1, 'us', 'sales', 5, '')");
	applybase_refused(ERR_CONFLICT,
	                  "which was removed, still has recorded");
	applybase_run("delete from waybill.parked");
	applybase_quietly(true, warnings, sizeof(warnings));
	assert_string_equal(warnings, "");
}

static void
input_of_a_used_feed_is_warned_of(void **state)
{
	char warnings[4096];

	applybase_quietly(false, warnings, sizeof(warnings));
	record(10);
	files_put("us.yaml",
	          FILES_TENANT FEED("till", "us.sales.in", "us.till",
	                            "us.till.dead"));
	applybase_quietly(true, warnings, sizeof(warnings));
	assert_string_equal(warnings,
	                    "feed us/till reads us.sales.in from its "
	                    "beginning: what was recorded of it for feed "
	                    "us/sales is recorded again\n");
}
int
main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, applybase_begin, applybase_end)
	const struct CMUnitTest tests[] = {
		TEST(removed_feed_keeps_its_partitions),
		TEST(topics_of_an_unused_feed_pass_on),
		TEST(topics_of_a_used_feed),
		TEST(input_of_a_used_feed_is_warned_of),
	};

	return applybase_main(tests, sizeof(tests) / sizeof(tests[0]));
}
