/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A difference for people, one line an item, and for programs.
 */
#include "gateway/revision.h"

#include <string.h>

#include "base/runtime/text.h"

static const char op_signs[] = {
	[REVISION_KEEP] = '=',   [REVISION_SAME] = ' ',   [REVISION_ADD] = '+',
	[REVISION_CHANGE] = '~', [REVISION_REMOVE] = '-',
};

/* " (lanes 2, durability development)" or " (title A -> B)". */
static void
print_fields(const struct revision_item *item, struct text *out)
{
	const char *const *fields = revision_fields(item->kind);
	bool is_first = true;

	for (size_t i = 0; fields[i]; i++) {
		if (strcmp(item->from[i], item->to[i]) == 0)
			continue;
		text_addf(out, "%s%s ", is_first ? " (" : ", ", fields[i]);
		if (item->op == REVISION_CHANGE)
			text_addf(out, "%s -> ",
			          item->from[i][0] ? item->from[i] : "none");
		text_add(out, item->to[i][0] ? item->to[i] : "none");
		is_first = false;
	}
	if (!is_first)
		text_add(out, ")");
}

static void
print_item_json(const struct revision_item *item, struct text *out)
{
	const char *const *fields = revision_fields(item->kind);
	bool is_first = true;

	text_addf(out, "{\"op\":\"%c\",\"kind\":\"%s\",\"name\":",
	          op_signs[item->op], revision_kind_name(item->kind));
	text_add_json(out, item->name, strlen(item->name));
	text_add(out, ",\"changes\":{");
	for (size_t i = 0; fields[i] && item->op != REVISION_REMOVE; i++) {
		if (strcmp(item->from[i], item->to[i]) == 0)
			continue;
		text_addf(out, "%s\"%s\":{\"from\":", is_first ? "" : ",",
		          fields[i]);
		text_add_json(out, item->from[i], strlen(item->from[i]));
		text_add(out, ",\"to\":");
		text_add_json(out, item->to[i], strlen(item->to[i]));
		text_add(out, "}");
		is_first = false;
	}
	text_add(out, "}}");
}

/* -- public ---------------------------------------------------------------- */

void
revision_print(const struct revision *diff, struct text *out)
{
	for (size_t i = 0; i < diff->count; i++) {
		const struct revision_item *item = &diff->items[i];

		if (item->op == REVISION_SAME)
			continue;
		text_addf(out, "%c %s %s", op_signs[item->op],
		          revision_kind_name(item->kind), item->name);
		if (item->op == REVISION_KEEP)
			text_add(out, " is not in the files; it is kept");
		else if (item->op != REVISION_REMOVE)
			print_fields(item, out);
		text_add(out, "\n");
	}
}

void
revision_print_json(const struct revision *diff, struct text *out)
{
	bool is_first = true;

	text_add(out, "[");
	for (size_t i = 0; i < diff->count; i++) {
		if (diff->items[i].op == REVISION_SAME ||
		    diff->items[i].op == REVISION_KEEP)
			continue;
		if (!is_first)
			text_add(out, ",");
		is_first = false;
		print_item_json(&diff->items[i], out);
	}
	text_add(out, "]");
}
