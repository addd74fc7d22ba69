/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/io/lines.h"

#include <string.h>

#define LINES_MARK "\xef\xbb\xbf"

/* How many bytes stand in front of the next LF, up to a limit; out_found: or
   there is none, and so many are left. */
static enum err_code
find_end(struct window *window, size_t limit, size_t *out_len, bool *out_found,
         struct err *err)
{
	const uint8_t *end = NULL;
	size_t len = 0;

	*out_found = false;
	while (len < limit) {
		size_t seen;

		if (window_fill(window, len + 1, err) != ERR_OK)
			return err->code;
		if (window->len == len)
			break;
		seen = window->len < limit ? window->len : limit;
		end = memchr(window->at + len, '\n', seen - len);
		if (end != NULL) {
			len = (size_t)(end - window->at);
			*out_found = true;
			break;
		}
		len = seen;
	}
	*out_len = len;
	return ERR_OK;
}

/* Behind the end of a line that is too long. */
static enum err_code
skip_rest(struct lines *lines, struct err *err)
{
	bool found = false;
	size_t len;

	do {
		if (find_end(lines->window, lines->line_bytes_max + 2, &len,
		             &found, err) != ERR_OK)
			return err->code;
		window_take(lines->window, len + found);
	} while (!found && len > 0);
	lines->skipping = false;
	return ERR_OK;
}

static enum err_code
skip_mark(struct lines *lines, struct err *err)
{
	struct window *window = lines->window;

	if (window_fill(window, 3, err) != ERR_OK)
		return err->code;
	if (window->len >= 3 && memcmp(window->at, LINES_MARK, 3) == 0)
		window_take(window, 3);
	return ERR_OK;
}

/* -- public -------------------------------------------------------------- */

void
lines_init(struct lines *lines, struct window *window, size_t line_bytes_max)
{
	*lines = (struct lines){
		.window = window,
		.line_bytes_max = line_bytes_max,
	};
}

enum err_code
lines_next(struct lines *lines, struct line *out, struct err *err)
{
	struct window *window = lines->window;
	enum err_code code = ERR_OK;
	bool found;
	size_t len;

	window_take(window, lines->taken);
	lines->taken = 0;
	if (lines->skipping)
		code = skip_rest(lines, err);
	if (code == ERR_OK && lines->number == 0)
		code = skip_mark(lines, err);
	if (code == ERR_OK)
		code = find_end(window, lines->line_bytes_max + 2, &len, &found,
		                err);
	if (code != ERR_OK)
		return code;
	out->is_end = len == 0 && !found;
	out->is_too_long = false;
	out->bytes = (const char *)window->at;
	out->offset = window->offset;
	out->number = lines->number + !out->is_end;
	lines->number = out->number;
	lines->taken = len + found;
	if (found && len > 0 && window->at[len - 1] == '\r')
		len--;
	if (len > lines->line_bytes_max) {
		len = lines->line_bytes_max;
		out->is_too_long = true;
		lines->skipping = !found;
	}
	out->len = len;
	return ERR_OK;
}
