/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells keep what they were given; how it looks is decided when printing.
 */
#include "gateway/look/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "gateway/look/show.h"

#define CELL_BYTES_MAX 65536
#define ROWS_FIRST     16
#define COLUMN_GAP     2
#define BOLD           "\033[1m"
#define PLAIN          "\033[0m"

static struct table_cell *
cell_of_last(struct table *table, size_t column)
{
	CHECK(table->row_count > 0 && column < table->column_count);
	return &table->cells[(table->row_count - 1) * table->column_count +
	                     column];
}

static bool
is_right(enum table_kind kind)
{
	return kind == TABLE_NUMBER || kind == TABLE_COUNT || kind == TABLE_AGE;
}

static bool
is_text(enum table_kind kind)
{
	return kind == TABLE_TEXT || kind == TABLE_WORDS;
}

/* "a b c" as "a +2". */
static void
print_words(const char *words, struct text *out)
{
	size_t len = strcspn(words, " "), more = 0;
	char *first = memory_strndup(words, len);

	for (const char *at = words; *at != '\0'; at++)
		more += *at == ' ';
	show_string(out, first);
	if (more > 0)
		text_addf(out, " +%zu", more);
	memory_free(&first);
}

static void
print_json_words(const char *words, struct text *out)
{
	const char *comma = "";

	text_add(out, "[");
	while (*words != '\0') {
		size_t len = strcspn(words, " ");

		text_add(out, comma);
		text_add_json(out, words, len);
		words += len + (words[len] == ' ');
		comma = ",";
	}
	text_add(out, "]");
}

static void
print_cell(const struct table_column *column, const struct table_cell *cell,
           int64_t now_ms, struct text *out)
{
	char room[SHOW_TIME_MAX];

	text_reset(out);
	if (cell->is_null)
		return;
	switch (column->kind) {
	case TABLE_TEXT:
		show_string(out, cell->text);
		break;
	case TABLE_NUMBER:
		text_addf(out, "%" PRId64, cell->number);
		break;
	case TABLE_COUNT:
		text_add(out, show_count(cell->number, room));
		break;
	case TABLE_TIME:
		text_add(out, show_time(cell->number, room));
		break;
	case TABLE_WORDS:
		print_words(cell->text, out);
		break;
	case TABLE_AGE:
		text_add(out, show_age(cell->number, now_ms, room));
		break;
	case TABLE_FLAG:
		text_add(out, cell->number != 0 ? "yes" : "");
		break;
	}
}

static void
print_json_cell(const struct table_column *column,
                const struct table_cell *cell, struct text *out)
{
	char iso[CLOCK_TEXT_MAX];

	if (cell->is_null) {
		text_add(out, "null");
		return;
	}
	switch (column->kind) {
	case TABLE_TEXT:
		text_add_json(out, cell->text, strlen(cell->text));
		break;
	case TABLE_WORDS:
		print_json_words(cell->text, out);
		break;
	case TABLE_NUMBER:
	case TABLE_COUNT:
		text_addf(out, "%" PRId64, cell->number);
		break;
	case TABLE_TIME:
	case TABLE_AGE:
		text_addf(out, "\"%s\"", clock_format_ms(cell->number, iso));
		break;
	case TABLE_FLAG:
		text_add(out, cell->number != 0 ? "true" : "false");
		break;
	}
}

/* The width of a column for people; 0: it is not shown. */
static size_t
column_width(const struct table *table, size_t column, int64_t now_ms,
             struct text *room)
{
	const struct table_column *is = &table->columns[column];
	size_t width = 0;

	for (size_t row = 0; row < table->row_count; row++) {
		print_cell(is, table_cell(table, row, column), now_ms, room);
		if (show_width(text_string(room)) > width)
			width = show_width(text_string(room));
	}
	if (width == 0 || is->heading == NULL)
		return 0;
	return show_width(is->heading) > width ? show_width(is->heading)
					       : width;
}

/* One line; blanks at its end are not written. */
static void
print_line(const struct table *table, const size_t *widths,
           const struct table_style *style, int64_t row, struct text *out)
{
	struct text cell;
	size_t owed = (size_t)style->indent;

	text_init(&cell, CELL_BYTES_MAX);
	for (size_t i = 0; i < table->column_count; i++) {
		const struct table_column *column = &table->columns[i];
		size_t pad, width;

		if (widths[i] == 0)
			continue;
		if (row >= 0) {
			print_cell(column, table_cell(table, (size_t)row, i),
			           style->now_ms, &cell);
		} else {
			text_reset(&cell);
			text_add(&cell, column->heading);
		}
		width = show_width(text_string(&cell));
		pad = widths[i] > width ? widths[i] - width : 0;
		if (is_right(column->kind)) {
			owed += pad;
			pad = 0;
		}
		if (width > 0) {
			text_addf(out, "%*s%s", (int)owed, "",
			          text_string(&cell));
			owed = 0;
		}
		owed += pad + COLUMN_GAP;
	}
	text_fini(&cell);
}

/* -- public ---------------------------------------------------------------- */

void
table_init(struct table *table, const struct table_column *columns,
           size_t column_count)
{
	CHECK(column_count > 0 && column_count <= TABLE_COLUMNS_MAX);
	*table = (struct table){ .columns = columns,
		                 .column_count = column_count };
}

void
table_fini(struct table *table)
{
	for (size_t i = 0; i < table->row_count * table->column_count; i++)
		memory_release(table->cells[i].text);
	memory_free(&table->cells);
	table->row_count = table->row_size = 0;
}

void
table_row(struct table *table)
{
	CHECK(table->row_count < TABLE_ROWS_MAX);
	if (table->row_count == table->row_size) {
		table->row_size =
			table->row_size == 0 ? ROWS_FIRST : table->row_size * 2;
		table->cells =
			memory_realloc(table->cells,
		                       table->row_size * table->column_count *
		                               sizeof(*table->cells));
	}
	table->row_count++;
	for (size_t i = 0; i < table->column_count; i++)
		*cell_of_last(table, i) = (struct table_cell){
			.is_null = true,
		};
}

void
table_text(struct table *table, size_t column, const char *text)
{
	struct table_cell *cell = cell_of_last(table, column);

	CHECK(is_text(table->columns[column].kind));
	memory_free(&cell->text);
	cell->is_null = text == NULL;
	if (text != NULL)
		cell->text = memory_strdup(text);
}

void
table_number(struct table *table, size_t column, int64_t number)
{
	struct table_cell *cell = cell_of_last(table, column);

	CHECK(!is_text(table->columns[column].kind));
	cell->is_null = false;
	cell->number = number;
}

void
table_fill(struct table *table, const struct pgrows *rows)
{
	CHECK((size_t)pgrows_columns(rows) >= table->column_count);
	for (int row = 0; row < pgrows_count(rows); row++) {
		table_row(table);
		for (int i = 0; i < (int)table->column_count; i++) {
			enum table_kind kind = table->columns[i].kind;

			if (pgrows_is_null(rows, row, i))
				continue;
			if (is_text(kind))
				table_text(table, (size_t)i,
				           pgrows_text(rows, row, i));
			else if (kind == TABLE_FLAG)
				table_number(table, (size_t)i,
				             pgrows_bool(rows, row, i));
			else if (pgrows_type(rows, i) == PGTYPE_TIMESTAMPTZ)
				table_number(table, (size_t)i,
				             pgrows_time_ms(rows, row, i));
			else
				table_number(table, (size_t)i,
				             pgrows_int(rows, row, i));
		}
	}
}

const struct table_cell *
table_cell(const struct table *table, size_t row, size_t column)
{
	CHECK(row < table->row_count && column < table->column_count);
	return &table->cells[row * table->column_count + column];
}

void
table_measure(const struct table *table, const struct table_style *style)
{
	struct text room;

	text_init(&room, CELL_BYTES_MAX);
	for (size_t i = 0; i < table->column_count; i++) {
		size_t width = column_width(table, i, style->now_ms, &room);

		if (width > style->widths[i])
			style->widths[i] = width;
	}
	text_fini(&room);
}

void
table_print_heading(const struct table *table, const struct table_style *style,
                    struct text *out)
{
	text_add(out, style->color ? BOLD : "");
	print_line(table, style->widths, style, -1, out);
	text_add(out, style->color ? PLAIN "\n" : "\n");
}

void
table_print_row(const struct table *table, const struct table_style *style,
                size_t row, struct text *out)
{
	print_line(table, style->widths, style, (int64_t)row, out);
	text_add(out, "\n");
}

void
table_print(const struct table *table, const struct table_style *style,
            struct text *out)
{
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };
	struct table_style measured = *style;

	if (measured.widths == NULL)
		measured.widths = widths;
	table_measure(table, &measured);
	table_print_heading(table, &measured, out);
	for (size_t row = 0; row < table->row_count; row++)
		table_print_row(table, &measured, row, out);
}

void
table_print_json_row(const struct table *table, size_t row, struct text *out)
{
	for (size_t i = 0; i < table->column_count; i++) {
		text_addf(out, "%s\"%s\":", i > 0 ? "," : "",
		          table->columns[i].name);
		print_json_cell(&table->columns[i], table_cell(table, row, i),
		                out);
	}
}

void
table_print_json(const struct table *table, struct text *out)
{
	text_add(out, "[");
	for (size_t row = 0; row < table->row_count; row++) {
		text_add(out, row > 0 ? ",{" : "{");
		table_print_json_row(table, row, out);
		text_add(out, "}");
	}
	text_add(out, "]");
}
