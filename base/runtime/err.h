/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the world did to us. Three kinds of trouble are never mixed: a bug is
 * a CHECK, a bad message is a verdict, the world failing is an err_code.
 *
 * A function that can fail returns enum err_code and takes a struct err * as
 * its last parameter (never NULL); ERR_OK leaves it untouched. The text is
 * for a person: it says what failed and where; err_context puts the
 * caller's view in front of it on the way up. Only the owner of a loop or a
 * request logs it.
 */
#if defined(__clang__)
#define ERR_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ERR_MUST_CHECK
#endif

enum err_code {
#define ERR_CODE(name, class, http, text) ERR_##name,
#include "base/runtime/err_codes.def"
#undef ERR_CODE
	ERR_CODE_COUNT
};

/* What the owner of a loop does about it. */
enum err_class {
	ERR_CLASS_NONE,   /* ERR_OK */
	ERR_CLASS_RETRY,  /* the same call may work later */
	ERR_CLASS_REJECT, /* the caller's input is at fault; do not repeat */
	ERR_CLASS_FATAL,  /* stop rather than lie */
};

#define ERR_TEXT_MAX 1024

struct err {
	enum err_code code;
	char text[ERR_TEXT_MAX]; /* UTF-8, cut at the end when too long */
};

/* Sets *err and returns the code, so that "return err_set(...)" reads well. */
enum err_code
err_set(struct err *err, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what: " in front of the text; returns err->code. */
enum err_code
err_context(struct err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

const char *
err_name(enum err_code code); /* "POSTGRES_LOST" */

const char *
err_text(enum err_code code); /* one line that explains the code */

enum err_class
err_class(enum err_code code);

int
err_http_status(enum err_code code);
