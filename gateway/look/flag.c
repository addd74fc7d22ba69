/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Not getopt: it knows no options of two values, and reorders.
 */
#include "gateway/look/flag.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/text.h"

#define HEADING_WIDTH 26

static const struct flag *
find_flag(const struct flag_table *table, const char *argument, size_t len)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct flag *flag = &table->flags[i];

		if (len == 2 && flag->letter != 0 &&
		    argument[1] == flag->letter)
			return flag;
		if (len > 2 && argument[1] == '-' &&
		    strlen(flag->name) == len - 2 &&
		    memcmp(flag->name, argument + 2, len - 2) == 0)
			return flag;
	}
	return NULL;
}

static enum err_code
parse_integer(const struct flag *flag, const char *text, int64_t *out,
              struct err *err)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0)
		return err_set(err, ERR_USAGE, "--%s takes a number, not '%s'",
		               flag->name, text);
	*out = value;
	return ERR_OK;
}

static enum err_code
add_to_list(const struct flag *flag, const char *value, struct flag_list *list,
            struct err *err)
{
	if (list->count == FLAG_LIST_MAX)
		return err_set(err, ERR_USAGE, "--%s more than %d times",
		               flag->name, FLAG_LIST_MAX);
	list->values[list->count++] = value;
	return ERR_OK;
}

/* inside: the value behind "=", or NULL. Takes what else it needs from argv
   behind *at. */
static enum err_code
take_flag(const struct flag *flag, const char *inside, int argc, char **argv,
          int *at, void *target, struct err *err)
{
	int wanted = flag->kind == FLAG_SWITCH ? 0
		: flag->kind == FLAG_PAIR      ? 2
					       : 1;
	const char *values[2] = { inside, NULL };
	void *member = (char *)target + flag->offset;

	if (inside != NULL && wanted == 0)
		return err_set(err, ERR_USAGE, "--%s takes no value",
		               flag->name);
	for (int i = inside != NULL ? 1 : 0; i < wanted; i++) {
		if (*at + 1 >= argc)
			return err_set(err, ERR_USAGE, "--%s needs %s",
			               flag->name, flag->value);
		values[i] = argv[++*at];
	}
	switch (flag->kind) {
	case FLAG_SWITCH:
		*(bool *)member = true;
		break;
	case FLAG_TEXT:
		*(const char **)member = values[0];
		break;
	case FLAG_PAIR:
		((const char **)member)[0] = values[0];
		((const char **)member)[1] = values[1];
		break;
	case FLAG_INTEGER:
		return parse_integer(flag, values[0], member, err);
	case FLAG_LIST:
		return add_to_list(flag, values[0], member, err);
	}
	return ERR_OK;
}

/* "-n, --limit N" */
static void
print_heading(const struct flag *flag, struct text *out)
{
	if (flag->letter != 0)
		text_addf(out, "-%c, ", flag->letter);
	text_addf(out, "--%s", flag->name);
	if (flag->value != NULL)
		text_addf(out, " %s", flag->value);
}

/* -- public ---------------------------------------------------------------- */

enum err_code
flag_parse(const struct flag_table *table, int argc, char **argv, void *target,
           const char **operands, struct err *err)
{
	bool only_operands = false;
	size_t operand_count = 0;

	CHECK(argc > 0);
	for (size_t i = 0; i < table->operands_max; i++)
		operands[i] = NULL;
	for (int at = 1; at < argc; at++) {
		const char *argument = argv[at];
		const char *equals = strchr(argument, '=');
		size_t len = equals != NULL ? (size_t)(equals - argument)
					    : strlen(argument);
		const struct flag *flag;

		if (!only_operands && strcmp(argument, "--") == 0) {
			only_operands = true;
			continue;
		}
		if (only_operands || argument[0] != '-' || len < 2) {
			if (operand_count == table->operands_max)
				return err_set(err, ERR_USAGE,
				               "'%s' is one argument too many",
				               argument);
			operands[operand_count++] = argument;
			continue;
		}
		flag = find_flag(table, argument, len);
		if (flag == NULL)
			return err_set(err, ERR_USAGE,
			               "there is no option '%.*s'", (int)len,
			               argument);
		if (take_flag(flag, equals != NULL ? equals + 1 : NULL, argc,
		              argv, &at, target, err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

void
flag_print(const struct flag_table *table, struct text *out)
{
	struct text heading;

	text_init(&heading, 256);
	for (size_t i = 0; i < table->count; i++) {
		text_reset(&heading);
		print_heading(&table->flags[i], &heading);
		text_addf(out, "  %-*s", HEADING_WIDTH, text_string(&heading));
		if (heading.len > HEADING_WIDTH)
			text_addf(out, "\n  %*s", HEADING_WIDTH, "");
		text_addf(out, "  %s\n", table->flags[i].help);
	}
	text_fini(&heading);
}

void
flag_print_reference(const struct flag_table *table, struct text *out)
{
	if (table->count == 0)
		return;
	text_add(out, "| option | meaning |\n|---|---|\n");
	for (size_t i = 0; i < table->count; i++) {
		text_add(out, "| `");
		print_heading(&table->flags[i], out);
		text_addf(out, "` | %s |\n", table->flags[i].help);
	}
}
