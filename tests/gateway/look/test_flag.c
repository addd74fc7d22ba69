/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a command.
 */
#include "gateway/look/flag.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/text.h"
#include "tests/unit.h"

struct given {
	bool full;
	const char *tenant;
	const char *between[2];
	int64_t limit;
	struct flag_list scopes;
};

static const struct flag flags[] = {
	{ "full", 0, FLAG_SWITCH, offsetof(struct given, full), NULL, "All." },
	{ "tenant", 't', FLAG_TEXT, offsetof(struct given, tenant), "TENANT",
	  "Whose." },
	{ "between", 0, FLAG_PAIR, offsetof(struct given, between), "FROM TO",
	  "When." },
	{ "limit", 'n', FLAG_INTEGER, offsetof(struct given, limit), "N",
	  "How many." },
	{ "scope", 's', FLAG_LIST, offsetof(struct given, scopes), "SCOPE",
	  "What." },
};
static const struct flag_table table = { flags, 5, 1 };

static struct err err;

/* words: separated by blanks. */
static enum err_code
parse(const char *words, struct given *out, const char **operand)
{
	static char room[1000];
	char *argv[32] = { room };
	int argc = 0;

	*out = (struct given){ .limit = 50 };
	snprintf(room, sizeof(room), "history %s", words);
	for (char *w = strtok(room, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	return flag_parse(&table, argc, argv, out, operand, &err);
}

static void
test_what_is_given_is_set(void **state)
{
	const char *operand;
	struct given given;

	assert_int_equal(parse("--tenant=us 0-1-1 --between -2h now --full",
	                       &given, &operand),
	                 ERR_OK);
	assert_string_equal(given.tenant, "us");
	assert_string_equal(operand, "0-1-1");
	assert_string_equal(given.between[0], "-2h");
	assert_string_equal(given.between[1], "now");
	assert_true(given.full);
	assert_int_equal(given.limit, 50);
	assert_int_equal(parse("-n 7 -t ca -- -x", &given, &operand), ERR_OK);
	assert_int_equal(given.limit, 7);
	assert_string_equal(given.tenant, "ca");
	assert_string_equal(operand, "-x");
}

static void
test_what_is_wrong_is_said(void **state)
{
	static const char *const wrong[][2] = {
		{ "--ful", "--ful" },
		{ "--tenant", "needs TENANT" },
		{ "--between now", "needs FROM TO" },
		{ "--full=yes", "no value" },
		{ "-n x", "a number" },
		{ "-n -1", "a number" },
		{ "-n 99999999999999999999", "a number" },
		{ "a b", "'b' is one argument too many" },
	};
	const char *operand;
	struct given given;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(wrong[i][0], &given, &operand),
		                 ERR_USAGE);
		if (strstr(err.text, wrong[i][1]) == NULL)
			fail_msg("%s: %s", wrong[i][0], err.text);
	}
}

static void
test_help_has_all(void **state)
{
	struct text text;

	text_init(&text, 10000);
	flag_print(&table, &text);
	assert_non_null(strstr(text_string(&text), "-t, --tenant TENANT "));
	assert_non_null(strstr(text_string(&text), "  When.\n"));
	text_reset(&text);
	flag_print_reference(&table, &text);
	assert_non_null(strstr(text_string(&text),
	                       "| `-n, --limit N` | How many. |\n"));
	text_fini(&text);
}

static void
test_lists_grow(void **state)
{
	const char *operand;
	struct given given;
	char many[200] = "";

	assert_int_equal(parse("--scope=a -s b --scope c", &given, &operand),
	                 ERR_OK);
	assert_int_equal(given.scopes.count, 3);
	assert_string_equal(given.scopes.values[0], "a");
	assert_string_equal(given.scopes.values[2], "c");
	for (int i = 0; i <= FLAG_LIST_MAX; i++)
		strcat(many, "-s=a ");
	assert_int_equal(parse(many, &given, &operand), ERR_USAGE);
	assert_int_equal(parse("-s", &given, &operand), ERR_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_given_is_set),
		cmocka_unit_test(test_lists_grow),
		cmocka_unit_test(test_what_is_wrong_is_said),
		cmocka_unit_test(test_help_has_all),
	};

	unit_alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
