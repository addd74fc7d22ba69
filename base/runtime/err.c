/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The codes are one table, read from err_codes.def; the texts are formatted
 * aside first, since a caller may well hand in err->text as an argument.
 */
#include "base/runtime/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/check.h"

struct err_entry {
	const char *name;
	enum err_class class;
	int http;
	const char *text;
};

static const struct err_entry err_table[ERR_CODE_COUNT] = {
#define ERR_CODE(name, class, http, text)                                      \
	[ERR_##name] = { #name, ERR_CLASS_##class, http, text },
#include "base/runtime/err_codes.def"
#undef ERR_CODE
};

static const struct err_entry *
err_entry(enum err_code code)
{
	CHECK((unsigned int)code < ERR_CODE_COUNT);
	return &err_table[code];
}

/* Takes a UTF-8 sequence that was cut in the middle away from the end. */
static void
err_trim(char *text, size_t len)
{
	size_t start = len;
	unsigned char lead;
	size_t need;

	while (start > 0 && len - start < 3 &&
	       ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return;
	lead = (unsigned char)text[start - 1];
	need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (len - (start - 1) < need)
		text[start - 1] = '\0';
}

static void __attribute__((format(printf, 2, 0)))
err_format(char out[ERR_TEXT_MAX], const char *format, va_list args)
{
	int len = vsnprintf(out, ERR_TEXT_MAX, format, args);

	if (len < 0) /* an argument that cannot be converted */
		snprintf(out, ERR_TEXT_MAX, "%s", format);
	else if (len >= ERR_TEXT_MAX)
		err_trim(out, ERR_TEXT_MAX - 1);
}

/* -- public -------------------------------------------------------------- */

enum err_code
err_set(struct err *err, enum err_code code, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	CHECK(err != NULL);
	CHECK(code != ERR_OK && (unsigned int)code < ERR_CODE_COUNT);
	va_start(args, format);
	err_format(text, format, args);
	va_end(args);
	err->code = code;
	memcpy(err->text, text, strlen(text) + 1);
	return code;
}

enum err_code
err_context(struct err *err, const char *format, ...)
{
	char what[ERR_TEXT_MAX];
	char text[ERR_TEXT_MAX];
	va_list args;
	size_t what_len, text_len;

	CHECK(err != NULL);
	CHECK(err->code != ERR_OK);
	va_start(args, format);
	err_format(what, format, args);
	va_end(args);

	if (strlen(what) > ERR_TEXT_MAX - 3) {
		what[ERR_TEXT_MAX - 3] = '\0';
		err_trim(what, ERR_TEXT_MAX - 3);
	}
	what_len = strlen(what);
	text_len = strlen(err->text);
	memcpy(text, what, what_len);
	memcpy(text + what_len, ": ", 2);
	if (what_len + 2 + text_len > ERR_TEXT_MAX - 1)
		text_len = ERR_TEXT_MAX - 1 - what_len - 2;
	memcpy(text + what_len + 2, err->text, text_len);
	text[what_len + 2 + text_len] = '\0';
	if (err->text[text_len] != '\0')
		err_trim(text, what_len + 2 + text_len);
	memcpy(err->text, text, strlen(text) + 1);
	return err->code;
}

const char *
err_name(enum err_code code)
{
	return err_entry(code)->name;
}

const char *
err_text(enum err_code code)
{
	return err_entry(code)->text;
}

enum err_class
err_class(enum err_code code)
{
	return err_entry(code)->class;
}

int
err_http_status(enum err_code code)
{
	return err_entry(code)->http;
}
