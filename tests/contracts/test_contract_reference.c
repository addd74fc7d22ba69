/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/reference/contracts.md is what the program prints. After a change of
 * the tables: WAYBILL_PRINT=1 tests/contracts/test_contract_reference prints
 * the new page.
 */
#include "contracts/contract_reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/text.h"
#include "tests/unit.h"

static void
test_the_page_is_fresh(void **state)
{
	const char *source = getenv("WAYBILL_SOURCE");
	static char page[65536];
	struct text text;
	char path[4096];
	FILE *file;
	size_t len;

	if (source == NULL)
		skip();
	snprintf(path, sizeof(path), "%s/docs/reference/contracts.md", source);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(page, 1, sizeof(page) - 1, file);
	fclose(file);
	page[len] = '\0';
	text_init(&text, sizeof(page));
	contract_reference_print(&text);
	assert_string_equal(page, text_string(&text));
	text_fini(&text);
}

static int
print_page(void)
{
	struct text text;

	text_init(&text, 65536);
	contract_reference_print(&text);
	fputs(text_string(&text), stdout);
	text_fini(&text);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_page_is_fresh),
	};

	unit_alarm(20);
	if (getenv("WAYBILL_PRINT") != NULL)
		return print_page();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
