/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A quote opens a value only at its beginning. A row in which a value goes on
 * behind its closing quote ends with its line if its quotes are even in number:
 * else somebody may have meant what follows to be within quotes, and nothing
 * behind it can be trusted.
 */
#include "contracts/csvrows.h"

#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define CSVROWS_MARK "\xef\xbb\xbf"

enum csvrows_state {
	CSVROWS_BEGIN,  /* of a value */
	CSVROWS_PLAIN,  /* in one without quotes */
	CSVROWS_QUOTED, /* in one with */
	CSVROWS_CLOSED, /* behind the closing quote, or within a doubled one */
};

/* A walk through one row. */
struct scan {
	struct csvrows *rows;
	enum csvrows_state state;
	size_t at;   /* from the row's beginning */
	size_t from; /* of the value */
	size_t opened;
	size_t quotes; /* in the row */
	size_t lines;  /* ends of lines within quotes */
	bool has_quotes;
	bool torn; /* a value goes on behind its closing quote */
	const char *fault;
	size_t fault_at;
};

static void
find_fault(struct scan *scan, const char *fault)
{
	if (scan->fault != NULL)
		return;
	scan->fault = fault;
	scan->fault_at = scan->at;
}

static void
end_value(struct scan *scan)
{
	struct csvrows *rows = scan->rows;
	bool quoted = scan->state == CSVROWS_CLOSED;

	if (rows->value_count == CSVROWS_VALUES_MAX) {
		find_fault(scan, "at most 16384 values");
		return;
	}
	if (rows->value_count == rows->value_size) {
		rows->value_size = 2 * rows->value_size + 64;
		rows->values = memory_realloc(
			rows->values, rows->value_size * sizeof(*rows->values));
	}
	rows->values[rows->value_count++] = (struct csvrows_value){
		.from = scan->from,
		.len = scan->at - scan->from - quoted,
		.is_quoted = quoted,
		.has_quotes = scan->has_quotes,
	};
	scan->has_quotes = false;
}

/* Over what needs no look. */
static size_t
skip_plain(const uint8_t *bytes, size_t at, size_t len, bool quoted)
{
	for (; at < len; at++) {
		uint8_t byte = bytes[at];

		if (byte == '"' || byte == '\n')
			break;
		if (!quoted && byte == ',')
			break;
	}
	return at;
}

/* One byte that means something; whether the row ends in front of it. */
static bool
take_byte(struct scan *scan, uint8_t byte, bool is_cr_end)
{
	bool behind = scan->state == CSVROWS_CLOSED;

	if (byte == '\n' || is_cr_end)
		return true;
	if (byte == ',') {
		end_value(scan);
		scan->state = CSVROWS_BEGIN;
		scan->from = scan->at + 1;
		return false;
	}
	if (byte != '"') {
		if (behind) {
			find_fault(scan, "a comma behind the closing quote");
			scan->torn = true;
		}
		scan->state = CSVROWS_PLAIN;
		return false;
	}
	scan->quotes++;
	if (scan->state == CSVROWS_BEGIN) {
		scan->state = CSVROWS_QUOTED;
		scan->opened = scan->at;
		scan->from = scan->at + 1;
	} else if (behind) {
		scan->state = CSVROWS_QUOTED;
		scan->has_quotes = true;
	} else {
		find_fault(scan, "no quote in a value without quotes");
	}
	return false;
}

static bool
take_quoted(struct scan *scan, uint8_t byte)
{
	if (byte == '"') {
		scan->quotes++;
		scan->state = CSVROWS_CLOSED;
	} else {
		scan->lines += byte == '\n';
	}
	return false;
}

/* Up to the row's end, or the window's; whether the row has ended. */
static bool
scan_bytes(struct scan *scan)
{
	const struct window *window = scan->rows->window;
	size_t max = scan->rows->row_bytes_max + 2;
	size_t len = window->len < max ? window->len : max;

	while (scan->at < len) {
		bool quoted = scan->state == CSVROWS_QUOTED, cr_end;
		uint8_t byte;

		if (quoted || scan->state == CSVROWS_PLAIN) {
			scan->at =
				skip_plain(window->at, scan->at, len, quoted);
			if (scan->at == len)
				return false;
		}
		byte = window->at[scan->at];
		if (byte == '\r' && scan->at + 1 == window->len &&
		    !window->ended)
			return false;
		cr_end = byte == '\r' && scan->at + 1 < window->len &&
			window->at[scan->at + 1] == '\n';
		if (quoted ? take_quoted(scan, byte)
		           : take_byte(scan, byte, cr_end))
			return true;
		scan->at++;
	}
	return false;
}

static enum err_code
refuse_open(struct scan *scan, int64_t line, struct err *err)
{
	const uint8_t *row = scan->rows->window->at;
	size_t at =
		scan->state == CSVROWS_QUOTED ? scan->opened : scan->fault_at;
	long column = 1;

	for (size_t i = 0; i < at; i++) {
		line += row[i] == '\n';
		column =
			row[i] == '\n' ? 1 : column + ((row[i] & 0xc0) != 0x80);
	}
	return err_set(err, ERR_INVALID,
	               "line %lld, column %ld: a quote is open; it cannot be "
	               "told where the next row begins",
	               (long long)line, column);
}

/* The rest of a row that is too long; a quote in it may hide its end. */
static enum err_code
skip_rest(struct csvrows *rows, struct err *err)
{
	struct window *window = rows->window;
	const uint8_t *end;

	for (;;) {
		if (window_fill(window, 1, err) != ERR_OK)
			return err->code;
		end = memchr(window->at, '\n', window->len);
		if (memchr(window->at, '"',
		           end != NULL ? (size_t)(end - window->at)
		                       : window->len) != NULL)
			return err_set(err, ERR_INVALID,
			               "line %lld: it is longer than %zu bytes "
			               "and has quotes; it cannot be told "
			               "where the next row begins",
			               (long long)rows->line,
			               rows->row_bytes_max);
		if (end != NULL || window->len == 0)
			break;
		window_take(window, window->len);
	}
	if (end != NULL)
		window_take(window, (size_t)(end - window->at) + 1);
	rows->line++;
	rows->skipping = false;
	return ERR_OK;
}

/* Until the row or the text has ended, or it is too long. */
static enum err_code
scan_row(struct scan *scan, bool *out_ended, struct err *err)
{
	struct csvrows *rows = scan->rows;
	size_t before;

	for (;;) {
		*out_ended = scan_bytes(scan);
		if (*out_ended || scan->at >= rows->row_bytes_max + 2)
			return ERR_OK;
		before = rows->window->len;
		if (window_fill(rows->window, before + 1, err) != ERR_OK)
			return err->code;
		/* a CR that was waited for is looked at once more */
		if (rows->window->len == before && scan->at >= before)
			return ERR_OK;
	}
}

/* What stands at the end of the row, and of what it is made. */
static enum err_code
finish_row(struct scan *scan, bool ended, struct csvrows_row *out,
           struct err *err)
{
	struct csvrows *rows = scan->rows;
	const uint8_t *row = rows->window->at;
	size_t end = scan->at;

	if (scan->state == CSVROWS_QUOTED ||
	    (scan->torn && scan->quotes % 2 != 0))
		return refuse_open(scan, rows->line, err);
	out->bytes = row;
	out->line = rows->line;
	/* in a value without quotes CR was passed over */
	if (scan->state == CSVROWS_PLAIN && ended && end > scan->from &&
	    row[end - 1] == '\r')
		scan->at = --end;
	rows->line += (int64_t)scan->lines;
	out->is_too_long = end > rows->row_bytes_max;
	if (out->is_too_long) {
		out->len = rows->row_bytes_max;
		rows->skipping = !ended;
	} else {
		end_value(scan);
		out->len = end;
	}
	if (ended) {
		rows->taken = end + 1 + (row[end] == '\r');
		rows->line++;
	} else {
		rows->taken = end;
	}
	if (out->is_too_long)
		return ERR_OK;
	out->fault = scan->fault;
	out->fault_at = scan->fault_at;
	return ERR_OK;
}

static enum err_code
skip_mark(struct csvrows *rows, struct err *err)
{
	struct window *window = rows->window;

	if (window_fill(window, 3, err) != ERR_OK)
		return err->code;
	if (window->len >= 3 && memcmp(window->at, CSVROWS_MARK, 3) == 0)
		window_take(window, 3);
	return ERR_OK;
}

/* Over lines that have nothing. */
static enum err_code
skip_empty(struct csvrows *rows, struct err *err)
{
	struct window *window = rows->window;

	for (;;) {
		size_t len;

		if (window_fill(window, 2, err) != ERR_OK)
			return err->code;
		if (window->len > 0 && window->at[0] == '\n')
			len = 1;
		else if (window->len > 1 && memcmp(window->at, "\r\n", 2) == 0)
			len = 2;
		else
			return ERR_OK;
		window_take(window, len);
		rows->line++;
	}
}

/* -- public -------------------------------------------------------------- */

void
csvrows_init(struct csvrows *rows, struct window *window, size_t row_bytes_max)
{
	*rows = (struct csvrows){
		.window = window,
		.row_bytes_max = row_bytes_max,
	};
}

void
csvrows_fini(struct csvrows *rows)
{
	memory_free(&rows->values);
}

enum err_code
csvrows_next(struct csvrows *rows, struct csvrows_row *out, struct err *err)
{
	struct scan scan = { .rows = rows };
	enum err_code code = ERR_OK;
	bool ended;

	memset(out, 0, sizeof(*out));
	window_take(rows->window, rows->taken);
	rows->taken = 0;
	rows->value_count = 0;
	if (rows->line == 0) {
		rows->line = 1;
		code = skip_mark(rows, err);
	}
	if (code == ERR_OK && rows->skipping)
		code = skip_rest(rows, err);
	if (code == ERR_OK)
		code = skip_empty(rows, err);
	if (code != ERR_OK)
		return code;
	out->is_end = rows->window->len == 0;
	if (out->is_end)
		return ERR_OK;
	code = scan_row(&scan, &ended, err);
	if (code == ERR_OK)
		code = finish_row(&scan, ended, out, err);
	return code;
}
