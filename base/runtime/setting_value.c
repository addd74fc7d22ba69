/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What may stand behind a key. Numbers are whole, and never overflow
 * silently; no error repeats a value, which may be a secret.
 */
#include "base/runtime/setting_value.h"

#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/setting.h"
#include "base/runtime/text.h"

struct setting_unit {
	const char *name;
	int64_t factor;
};

/* From small to large. */
static const struct setting_unit setting_sizes[] = {
	{ "", 1 },
	{ "kB", INT64_C(1) << 10 },
	{ "MB", INT64_C(1) << 20 },
	{ "GB", INT64_C(1) << 30 },
	{ "TB", INT64_C(1) << 40 },
	{ NULL, 0 },
};

static const struct setting_unit setting_durations[] = {
	{ "ms", 1 },      { "s", 1000 },     { "min", 60000 },
	{ "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};

static bool
setting_is_bounded(const struct setting *setting)
{
	return setting->min != 0 || setting->max != 0;
}

static const struct setting_unit *
setting_units(const struct setting *setting)
{
	return setting->type == SETTING_DURATION_MS ? setting_durations
						    : setting_sizes;
}

/* Digits, perhaps with a sign in front; *at is left behind them. The value is
   kept negative, since there is one more of these. */
static bool
setting_parse_digits(const char **at, int64_t *out)
{
	bool negative = **at == '-';
	int64_t value = 0;

	if (negative)
		(*at)++;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, **at - '0', &value))
			return false;
	if (!negative && value == INT64_MIN)
		return false;
	*out = negative ? value : -value;
	return true;
}

static bool
setting_parse_number(const struct setting *setting, const char *from,
                     int64_t *out)
{
	const char *at = from;
	int64_t value;

	if (!setting_parse_digits(&at, &value))
		return false;
	if (*at == '\0' && value == 0) { /* needs no unit */
		*out = 0;
		return true;
	}
	for (const struct setting_unit *unit = setting_units(setting);
	     unit->name != NULL; unit++)
		if (strcmp(unit->name, at) == 0)
			return !__builtin_mul_overflow(value, unit->factor,
			                               out);
	return false;
}

static bool
setting_check_range(const struct setting *setting, int64_t value,
                    struct text *out_reason)
{
	if (!setting_is_bounded(setting) ||
	    (value >= setting->min && value <= setting->max))
		return true;
	text_add(out_reason, "must be ");
	setting_value_print_range(setting, out_reason);
	return false;
}

static bool
setting_take_number(const struct setting *setting, const char *from,
                    int64_t *out, struct text *out_reason)
{
	int64_t value;

	if (!setting_parse_number(setting, from, &value)) {
		text_add(
			out_reason,
			setting->type == SETTING_DURATION_MS
				? "must be a duration such as 500ms, 5s, 2min, "
				  "1h or 7d"
				: "must be a whole number such as 10, 64kB, 4MB "
				  "or 1GB");
		return false;
	}
	if (!setting_check_range(setting, value, out_reason))
		return false;
	*out = value;
	return true;
}

static bool
setting_take_choice(const struct setting *setting, const char *from, int *out,
                    struct text *out_reason)
{
	CHECK(setting->choices != NULL && setting->choices[0] != NULL);
	for (int i = 0; setting->choices[i] != NULL; i++)
		if (strcmp(setting->choices[i], from) == 0) {
			*out = i;
			return true;
		}
	text_add(out_reason, "must be ");
	for (int i = 0; setting->choices[i] != NULL; i++) {
		if (i > 0)
			text_add(out_reason,
			         setting->choices[i + 1] != NULL ? ", "
			                                         : " or ");
		text_add(out_reason, setting->choices[i]);
	}
	return false;
}

static bool
setting_take_boolean(const char *from, bool *out, struct text *out_reason)
{
	bool is_true = strcmp(from, "true") == 0;

	if (!is_true && strcmp(from, "false") != 0) {
		text_add(out_reason, "must be true or false");
		return false;
	}
	*out = is_true;
	return true;
}

static bool
setting_take_text(const struct setting *setting, const char *from, char **out,
                  struct text *out_reason)
{
	int64_t len = (int64_t)strlen(from);

	if (setting_is_bounded(setting) &&
	    (len < setting->min || len > setting->max)) {
		text_add(out_reason, "must have ");
		setting_value_print_range(setting, out_reason);
		text_add(out_reason, " bytes");
		return false;
	}
	*out = memory_strdup(from);
	return true;
}

static void
setting_release_list(struct setting_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		memory_free(&list->values[i]);
	memory_free(&list->values);
	list->count = 0;
}

static void
setting_release_properties(struct setting_properties *properties)
{
	for (size_t i = 0; i < properties->count; i++) {
		memory_free(&properties->values[i].name);
		memory_free(&properties->values[i].value);
	}
	memory_free(&properties->values);
	properties->count = 0;
}

/* "a,b": only as a default, where there are no YAML lists. */
static void
setting_parse_items(const char *from, void *member)
{
	while (*from != '\0') {
		size_t len = strcspn(from, ",");
		char *item = memory_strndup(from, len);

		setting_value_add_item(member, item);
		memory_free(&item);
		from += len;
		from += *from == ',';
	}
}

/* -- public -------------------------------------------------------------- */

void
setting_value_clear(const struct setting *setting, void *member)
{
	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_SECRET:
		*(char **)member = NULL;
		break;
	case SETTING_INTEGER:
	case SETTING_DURATION_MS:
		*(int64_t *)member = 0;
		break;
	case SETTING_BOOLEAN:
		*(bool *)member = false;
		break;
	case SETTING_CHOICE:
		*(int *)member = 0;
		break;
	case SETTING_LIST:
		*(struct setting_list *)member =
			(struct setting_list){ 0, NULL };
		break;
	case SETTING_PROPERTIES:
		*(struct setting_properties *)member =
			(struct setting_properties){ 0, NULL };
		break;
	case SETTING_MAPS:
		*(const struct yaml **)member = NULL;
		break;
	}
}

void
setting_value_release(const struct setting *setting, void *member)
{
	char **text = member;

	switch (setting->type) {
	case SETTING_SECRET:
		if (*text != NULL)
			explicit_bzero(*text, strlen(*text));
		memory_free(text);
		break;
	case SETTING_TEXT:
		memory_free(text);
		break;
	case SETTING_LIST:
		setting_release_list(member);
		break;
	case SETTING_PROPERTIES:
		setting_release_properties(member);
		break;
	case SETTING_MAPS: /* the document's */
	case SETTING_INTEGER:
	case SETTING_DURATION_MS:
	case SETTING_BOOLEAN:
	case SETTING_CHOICE:
		break;
	}
}

bool
setting_value_parse(const struct setting *setting, const char *from,
                    void *member, struct text *out_reason)
{
	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_SECRET:
		return setting_take_text(setting, from, member, out_reason);
	case SETTING_INTEGER:
	case SETTING_DURATION_MS:
		return setting_take_number(setting, from, member, out_reason);
	case SETTING_BOOLEAN:
		return setting_take_boolean(from, member, out_reason);
	case SETTING_CHOICE:
		return setting_take_choice(setting, from, member, out_reason);
	case SETTING_LIST:
		text_add(out_reason, "must be a list");
		return false;
	case SETTING_PROPERTIES:
		text_add(out_reason, "must be a map");
		return false;
	case SETTING_MAPS:
		text_add(out_reason, "must be a list of maps");
		return false;
	}
	CHECK(false); /* a type that is not known */
	return false;
}

void
setting_value_parse_standard(const struct setting *setting, void *member)
{
	const char *standard = setting->standard;
	struct text reason;

	CHECK(standard != NULL);
	if (setting->type == SETTING_LIST) {
		setting_parse_items(standard, member);
		return;
	}
	if (setting->type == SETTING_TEXT || setting->type == SETTING_SECRET) {
		/* "" is legal here also where a minimum is set: none */
		*(char **)member = memory_strdup(standard);
		return;
	}
	if (standard[0] == '\0') /* nothing, as it was cleared */
		return;
	text_init(&reason, 256);
	CHECK(setting_value_parse(setting, standard, member, &reason));
	text_fini(&reason);
}

void
setting_value_add_item(void *member, const char *item)
{
	struct setting_list *list = member;

	list->values = memory_realloc(
		list->values, (list->count + 1) * sizeof(list->values[0]));
	list->values[list->count++] = memory_strdup(item);
}

void
setting_value_add_property(void *member, const char *name, const char *value)
{
	struct setting_properties *properties = member;

	properties->values = memory_realloc(
		properties->values,
		(properties->count + 1) * sizeof(properties->values[0]));
	properties->values[properties->count].name = memory_strdup(name);
	properties->values[properties->count].value = memory_strdup(value);
	properties->count++;
}

bool
setting_value_check_count(const struct setting *setting, size_t count,
                          struct text *out_reason)
{
	if (!setting_is_bounded(setting) ||
	    ((int64_t)count >= setting->min && (int64_t)count <= setting->max))
		return true;
	text_add(out_reason, "must have ");
	setting_value_print_range(setting, out_reason);
	text_add(out_reason, " items");
	return false;
}

void
setting_value_print_number(const struct setting *setting, int64_t number,
                           struct text *out)
{
	const struct setting_unit *units = setting_units(setting);
	const struct setting_unit *best = &units[0];
	bool is_plain = setting->type != SETTING_DURATION_MS &&
		(setting->unit == NULL || strcmp(setting->unit, "bytes") != 0);

	for (const struct setting_unit *unit = units;
	     unit->name != NULL && number != 0 && !is_plain; unit++)
		if (number % unit->factor == 0)
			best = unit;
	text_addf(out, "%lld%s", (long long)(number / best->factor),
	          number != 0 ? best->name : "");
}

void
setting_value_print_range(const struct setting *setting, struct text *out)
{
	if (!setting_is_bounded(setting))
		return;
	if (setting->max == INT64_MAX) {
		text_add(out, "at least ");
		setting_value_print_number(setting, setting->min, out);
		return;
	}
	if (setting->min == INT64_MIN) {
		text_add(out, "at most ");
		setting_value_print_number(setting, setting->max, out);
		return;
	}
	setting_value_print_number(setting, setting->min, out);
	text_add(out, " to ");
	setting_value_print_number(setting, setting->max, out);
}
