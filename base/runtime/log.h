/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One event a line on stderr, as logfmt or JSON. Lower case, the reason in
 * brackets, and what to do when a person has to act:
 *
 *   log_warn(&scope, "failed to record batch (%s)", err.text);
 *
 * Any thread. A line that repeats (same call site and scope) is printed at
 * most 10 times in 10 s, then once with a count.
 */
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
/* LOG_PLAIN: the message alone, behind "waybill: " when it warns; for a
   command that a person has typed. */
enum log_format { LOG_LOGFMT, LOG_JSON, LOG_PLAIN };

/* Whom the line is about; unset members are NULL or -1. Never a payload. */
struct log_scope {
	const char *part; /* "lane", "forward", "lease" ... */
	const char *tenant;
	const char *feed;
	const char *cluster;
	int lane; /* -1: none */
};

#define LOG_SCOPE(name) ((struct log_scope){ .part = (name), .lane = -1 })

void
log_setup(enum log_format format, enum log_level level);

enum log_level
log_level(void);

/* Where lines go, in place of stderr; for tests. */
void
log_set_sink(void (*sink)(const char *line, void *context), void *context);

void
log_write(enum log_level level, const struct log_scope *scope, const char *file,
          int line, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#define log_debug(scope, ...)                                                  \
	log_write(LOG_DEBUG, scope, __FILE__, __LINE__, __VA_ARGS__)
#define log_info(scope, ...)                                                   \
	log_write(LOG_INFO, scope, __FILE__, __LINE__, __VA_ARGS__)
#define log_warn(scope, ...)                                                   \
	log_write(LOG_WARN, scope, __FILE__, __LINE__, __VA_ARGS__)
#define log_error(scope, ...)                                                  \
	log_write(LOG_ERROR, scope, __FILE__, __LINE__, __VA_ARGS__)
