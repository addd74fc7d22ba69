/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of settings for a person: as YAML that setting_load reads again,
 * and as a page of reference.
 */
#include "base/runtime/setting.h"

#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/setting_value.h"
#include "base/runtime/text.h"

#define SETTING_HIDDEN "\"(secret)\""

struct setting_view {
	const struct setting *table;
	size_t count;
	const void *target;
	struct text *out;
};

static void
setting_indent(struct text *out, int depth)
{
	for (int i = 0; i < depth; i++)
		text_add(out, "  ");
}

/* Properties are passed through: what they are named must tell. */
static bool
setting_is_secret_property(const char *name)
{
	static const char *const parts[] = {
		"password", "secret", "token", "jaas", "key.pem", "credential"
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcasestr(name, parts[i]) != NULL)
			return true;
	return false;
}

static void
setting_print_text(const char *value, struct text *out)
{
	if (value == NULL)
		value = "";
	text_add_json(out, value, strlen(value));
}

static void
setting_print_list(const struct setting_list *list, int depth, struct text *out)
{
	if (list->count == 0)
		text_add(out, " []");
	for (size_t i = 0; i < list->count; i++) {
		text_add(out, "\n");
		setting_indent(out, depth);
		text_add(out, "- ");
		setting_print_text(list->values[i], out);
	}
}

static void
setting_print_properties(const struct setting_properties *properties, int depth,
                         struct text *out)
{
	if (properties->count == 0)
		text_add(out, " {}");
	for (size_t i = 0; i < properties->count; i++) {
		const struct setting_property *property =
			&properties->values[i];

		text_add(out, "\n");
		setting_indent(out, depth);
		setting_print_text(property->name, out);
		text_add(out, ": ");
		if (property->value[0] != '\0' &&
		    setting_is_secret_property(property->name))
			text_add(out, SETTING_HIDDEN);
		else
			setting_print_text(property->value, out);
	}
}

/* What stands behind "key:". */
static void
setting_print_value(const struct setting *setting, const void *member,
                    int depth, struct text *out)
{
	const char *const *string = member;

	if (setting->type == SETTING_LIST) {
		setting_print_list(member, depth + 1, out);
		return;
	}
	if (setting->type == SETTING_MAPS) {
		text_add(out, " []"); /* printed by its own table */
		return;
	}
	if (setting->type == SETTING_PROPERTIES) {
		setting_print_properties(member, depth + 1, out);
		return;
	}
	text_add(out, " ");
	switch (setting->type) {
	case SETTING_TEXT:
		setting_print_text(*string, out);
		break;
	case SETTING_SECRET:
		text_add(out,
		         *string != NULL && (*string)[0] != '\0'
		                 ? SETTING_HIDDEN
		                 : "\"\"");
		break;
	case SETTING_INTEGER:
	case SETTING_DURATION_MS:
		setting_value_print_number(setting, *(const int64_t *)member,
		                           out);
		break;
	case SETTING_BOOLEAN:
		text_add(out, *(const bool *)member ? "true" : "false");
		break;
	case SETTING_CHOICE:
		text_add(out, setting->choices[*(const int *)member]);
		break;
	case SETTING_LIST:
	case SETTING_PROPERTIES:
	case SETTING_MAPS:
		break;
	}
}

/* Whether a key before this one has the same parents, up to len. */
static bool
setting_stood_before(const struct setting_view *view, size_t index, size_t len)
{
	const char *key = view->table[index].key;

	for (size_t i = 0; i < index; i++)
		if (strncmp(view->table[i].key, key, len) == 0 &&
		    view->table[i].key[len] == '.')
			return true;
	return false;
}

/* All keys below parent_len letters of a key; each map is opened where its
   first key stands. Recursion: as deep as the keys have parts. */
static void
setting_print_level(const struct setting_view *view, const char *parent,
                    size_t parent_len, int depth)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct setting *setting = &view->table[i];
		const char *name = setting->key + parent_len;
		size_t len;

		if (strncmp(setting->key, parent, parent_len) != 0)
			continue;
		len = strcspn(name, ".");
		if (name[len] == '.' &&
		    setting_stood_before(view, i, parent_len + len))
			continue;
		setting_indent(view->out, depth);
		text_add_bytes(view->out, name, len);
		text_add(view->out, ":");
		if (name[len] == '.') {
			text_add(view->out, "\n");
			setting_print_level(view, setting->key,
			                    parent_len + len + 1, depth + 1);
			continue;
		}
		setting_print_value(
			setting, (const char *)view->target + setting->offset,
			depth, view->out);
		text_add(view->out, "\n");
	}
}

static void
setting_print_type(const struct setting *setting, struct text *out)
{
	static const char *const names[] = {
		[SETTING_TEXT] = "text",
		[SETTING_INTEGER] = "integer",
		[SETTING_DURATION_MS] = "duration",
		[SETTING_BOOLEAN] = "true or false",
		[SETTING_CHOICE] = "one of",
		[SETTING_SECRET] = "secret",
		[SETTING_LIST] = "list of texts",
		[SETTING_PROPERTIES] = "map of texts",
		[SETTING_MAPS] = "list of maps",
	};
	bool is_bounded = setting->min != 0 || setting->max != 0;

	text_add(out, names[setting->type]);
	if (setting->type == SETTING_CHOICE)
		for (int i = 0; setting->choices[i] != NULL; i++)
			text_addf(out, "%s `%s`", i == 0 ? "" : ",",
			          setting->choices[i]);
	if (is_bounded) {
		text_add(out, ", ");
		setting_value_print_range(setting, out);
	}
	/* a range in bytes has its units with it */
	if (setting->unit != NULL &&
	    !(is_bounded && strcmp(setting->unit, "bytes") == 0))
		text_addf(out, " %s%s", is_bounded ? "" : "in ", setting->unit);
}

static void
setting_print_help(const char *help, struct text *out)
{
	for (const char *at = help; *at != '\0'; at++)
		if (*at == '|')
			text_add(out, "\\|");
		else
			text_add_bytes(out, *at == '\n' ? " " : at, 1);
}

/* -- public -------------------------------------------------------------- */

void
setting_print(const struct setting *table, size_t count, const void *target,
              struct text *out)
{
	struct setting_view view = { table, count, target, out };

	setting_print_level(&view, "", 0, 0);
}

void
setting_print_reference(const struct setting *table, size_t count,
                        struct text *out)
{
	text_add(out,
	         "| key | type | default | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		const struct setting *setting = &table[i];

		CHECK(setting->help != NULL);
		text_addf(out, "| `%s` | ", setting->key);
		setting_print_type(setting, out);
		if (setting->standard == NULL)
			text_add(out, " | required | ");
		else if (setting->standard[0] == '\0')
			text_add(out, " | none | ");
		else
			text_addf(out, " | `%s` | ", setting->standard);
		setting_print_help(setting->help, out);
		if (setting->type == SETTING_SECRET)
			text_addf(out, " Or `%s-file`: the file it stands in.",
			          setting->key);
		text_add(out, " |\n");
	}
}
