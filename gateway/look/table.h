/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows for people and for programs out of one declaration: aligned columns
 * of plain text, or a JSON array of objects. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pgrows;
struct text;

enum table_kind {
	TABLE_TEXT,
	TABLE_WORDS, /* text; for people the first and "+2", in JSON an array */
	TABLE_NUMBER, /* a name made of digits: no separators */
	TABLE_COUNT,  /* for people with separators */
	TABLE_TIME,   /* ms since 1970; in JSON as 2026-03-29T01:59:59.123Z */
	TABLE_AGE,    /* the same; for people how long ago */
	TABLE_FLAG,   /* for people "yes" or nothing */
};

struct table_column {
	const char *name;    /* the member in JSON */
	const char *heading; /* for people; NULL: only in JSON */
	enum table_kind kind;
};

struct table_cell {
	char *text; /* TABLE_TEXT, TABLE_WORDS; owned */
	int64_t number;
	bool is_null;
};

#define TABLE_COLUMNS_MAX 16
#define TABLE_ROWS_MAX    1000000

struct table {
	const struct table_column *columns; /* borrowed */
	size_t column_count;
	struct table_cell *cells;
	size_t row_count;
	size_t row_size;
};

void
table_init(struct table *table, const struct table_column *columns,
           size_t column_count);

void
table_fini(struct table *table);

/* A new row of nulls. */
void
table_row(struct table *table);

/* Into the last row. text: control characters are made visible when it is
   printed; NULL is null. */
void
table_text(struct table *table, size_t column, const char *text);
void
table_number(struct table *table, size_t column, int64_t number);

/* Adds the rows of an answer, its columns in the order of the table's. */
void
table_fill(struct table *table, const struct pgrows *rows);

const struct table_cell *
table_cell(const struct table *table, size_t row, size_t column);

struct table_style {
	bool color;     /* headings bold */
	int indent;     /* blanks before each line */
	int64_t now_ms; /* for ages */
	size_t *widths; /* of TABLE_COLUMNS_MAX columns; NULL: as the table is */
};

/* Columns without a single value are left out. */
void
table_print(const struct table *table, const struct table_style *style,
            struct text *out);

/* In pieces, for tables that follow each other as one: style->widths grows
   with each table that is measured. */
void
table_measure(const struct table *table, const struct table_style *style);
void
table_print_heading(const struct table *table, const struct table_style *style,
                    struct text *out);
void
table_print_row(const struct table *table, const struct table_style *style,
                size_t row, struct text *out);

/* [{"lane":0,...},...] */
void
table_print_json(const struct table *table, struct text *out);

/* The members of one row, without the braces. */
void
table_print_json_row(const struct table *table, size_t row, struct text *out);
