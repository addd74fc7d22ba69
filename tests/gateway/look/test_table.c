/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One table, for people and for programs.
 */
#include "gateway/look/table.h"

#include "base/runtime/text.h"
#include "tests/unit.h"

static const struct table_column columns[] = {
	{ "name", "NAME", TABLE_TEXT },    { "lane", "LANE", TABLE_NUMBER },
	{ "count", "COUNT", TABLE_COUNT }, { "at", "AT", TABLE_TIME },
	{ "hidden", NULL, TABLE_TEXT },    { "ok", "OK", TABLE_FLAG },
	{ "why", "WHY", TABLE_TEXT },
};

static void
fill(struct table *table)
{
	table_init(table, columns, 7);
	table_row(table);
	table_text(table, 0, "na\xc3\xafve");
	table_number(table, 1, 1000);
	table_number(table, 2, 1234567);
	table_number(table, 3, 0);
	table_text(table, 4, "x");
	table_row(table);
	table_text(table, 0, "b\x1b");
	table_number(table, 2, 5);
	table_number(table, 5, 1);
}

static void
test_people(void **state)
{
	struct table_style style = { .indent = 2 };
	struct table table;
	struct text text;

	fill(&table);
	text_init(&text, 10000);
	table_print(&table, &style, &text);
	assert_string_equal(
		text_string(&text),
		"  NAME   LANE      COUNT  AT                           OK\n"
		"  na\xc3\xafve  1000  1,234,567  1970-01-01 00:00:00.000 UTC\n"
		"  b\\x1b                5                               yes\n");
	style.color = true;
	text_reset(&text);
	table_print(&table, &style, &text);
	assert_memory_equal(text.bytes, "\033[1m  NAME", 10);
	text_fini(&text);
	table_fini(&table);
}

static void
test_programs(void **state)
{
	struct table table;
	struct text text;

	fill(&table);
	text_init(&text, 10000);
	table_print_json(&table, &text);
	assert_string_equal(
		text_string(&text),
		"[{\"name\":\"na\xc3\xafve\",\"lane\":1000,\"count\":1234567,"
		"\"at\":\"1970-01-01T00:00:00.000Z\",\"hidden\":\"x\","
		"\"ok\":null,\"why\":null},{\"name\":\"b\\u001b\","
		"\"lane\":null,\"count\":5,\"at\":null,\"hidden\":null,"
		"\"ok\":true,\"why\":null}]");
	text_fini(&text);
	table_fini(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_people),
		cmocka_unit_test(test_programs),
	};

	unit_alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
