/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A line is made aside and leaves by one write(2) of at most PIPE_BUF bytes,
 * so that it is not torn even where other processes write to the same pipe.
 * What repeats is counted in a small table of fixed size; its count leaves
 * with whichever line comes first after the 10 s, or at exit.
 */
#include "base/runtime/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"

#define LOG_LINE_MAX      4096 /* PIPE_BUF of Linux, with the newline */
#define LOG_MESSAGE_MAX   2048
#define LOG_VALUE_MAX     128
#define LOG_REPEAT_PRINTS 10
#define LOG_REPEAT_US     INT64_C(10000000)
#define LOG_REPEAT_SETS   32
#define LOG_REPEAT_WAYS   8
#define LOG_REPEAT_TEXT   512

/* What a line says, apart from its time. */
struct log_event {
	enum log_level level;
	const struct log_scope *scope;
	const char *message;
	int64_t repeated; /* 0: not a count */
};

/* One call site and scope in its 10 s. */
struct log_repeat {
	uint64_t key;
	int64_t end_us; /* 0: unused */
	int printed;
	int64_t suppressed;
	enum log_level level;
	int lane;
	char values[4][LOG_VALUE_MAX + 1];
	bool has_value[4];
	char message[LOG_REPEAT_TEXT];
};

static const char *const log_level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

static const char *const log_value_names[4] = { "part", "tenant", "feed",
	                                        "cluster" };

static _Atomic int log_format_set = LOG_LOGFMT;
static _Atomic int log_level_set = LOG_INFO;

static pthread_once_t log_once = PTHREAD_ONCE_INIT;
static struct thread_lock log_lock;
/* under the lock */
static void (*log_sink)(const char *line, void *context);
static void *log_sink_context;
static struct log_repeat log_repeats[LOG_REPEAT_SETS][LOG_REPEAT_WAYS];
static int64_t log_next_end_us = INT64_MAX; /* of a count that waits */

static const char *
log_scope_value(const struct log_scope *scope, int index)
{
	const char *const values[4] = { scope->part, scope->tenant, scope->feed,
		                        scope->cluster };

	return values[index];
}

/* len, or less: so that no UTF-8 sequence is cut in the middle. */
static size_t
log_cut(const char *bytes, size_t len, size_t len_max)
{
	if (len <= len_max)
		return len;
	while (len_max > 0 && ((unsigned char)bytes[len_max] & 0xc0) == 0x80)
		len_max--;
	return len_max;
}

static bool
log_is_plain(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (value[i] <= ' ' || value[i] >= 0x7f || value[i] == '"' ||
		    value[i] == '=' || value[i] == '\\')
			return false;
	return len > 0;
}

static void
log_add_name(struct text *line, enum log_format format, const char *name)
{
	if (format == LOG_JSON)
		text_addf(line, "%s\"%s\":", line->len == 0 ? "{" : ",", name);
	else
		text_addf(line, "%s%s=", line->len == 0 ? "" : " ", name);
}

static void
log_add_text(struct text *line, enum log_format format, const char *name,
             const char *value, size_t len)
{
	log_add_name(line, format, name);
	if (format == LOG_LOGFMT && log_is_plain(value, len))
		text_add_bytes(line, value, len);
	else
		text_add_json(line, value, len);
}

static void
log_add_integer(struct text *line, enum log_format format, const char *name,
                int64_t value)
{
	log_add_name(line, format, name);
	text_addf(line, "%lld", (long long)value);
}

static void
log_make_once(struct text *line, const struct log_event *event,
              size_t message_len, bool message_cut)
{
	enum log_format format = (enum log_format)atomic_load(&log_format_set);
	char time[CLOCK_TEXT_MAX];
	char message[LOG_MESSAGE_MAX + 4];

	if (format == LOG_PLAIN) {
		text_add(line, event->level >= LOG_WARN ? "waybill: " : "");
		text_add_bytes(line, event->message, message_len);
		text_add(line, message_cut ? "..." : "");
		return;
	}
	clock_format_ms(clock_wall_ms(), time);
	log_add_text(line, format, "time", time, strlen(time));
	log_add_name(line, format, "level");
	text_addf(line, format == LOG_JSON ? "\"%s\"" : "%s",
	          log_level_names[event->level]);
	for (int i = 0; i < 4; i++) {
		const char *value = log_scope_value(event->scope, i);

		if (value != NULL)
			log_add_text(
				line, format, log_value_names[i], value,
				log_cut(value, strlen(value), LOG_VALUE_MAX));
	}
	if (event->scope->lane >= 0)
		log_add_integer(line, format, "lane", event->scope->lane);
	memcpy(message, event->message, message_len);
	if (message_cut) {
		memcpy(message + message_len, "...", 3);
		message_len += 3;
	}
	log_add_text(line, format, "message", message, message_len);
	if (event->repeated > 0)
		log_add_integer(line, format, "repeated", event->repeated);
	if (format == LOG_JSON)
		text_add(line, "}");
}

/* Escapes may make a message six times as long: then less of it is said. */
static void
log_make(struct text *line, const struct log_event *event)
{
	size_t len = strlen(event->message);
	size_t len_max = LOG_MESSAGE_MAX;

	for (;;) {
		log_make_once(line, event,
		              log_cut(event->message, len, len_max),
		              len > len_max);
		if (!text_is_cut(line) || len_max == 0)
			break;
		len_max /= 2;
		text_reset(line);
	}
}

static void
log_write_out(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(STDERR_FILENO, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) /* nobody reads: there is no one to tell */
			return;
		bytes += written;
		len -= (size_t)written;
	}
}

/* Lock: held, which keeps the lines whole and in order. */
static void
log_emit(const struct log_event *event)
{
	struct text line;

	text_init(&line, LOG_LINE_MAX - 1);
	log_make(&line, event);
	if (log_sink != NULL) {
		log_sink(text_string(&line), log_sink_context);
	} else {
		/* the NUL behind the text gives its place to the newline */
		line.bytes[line.len] = '\n';
		log_write_out(line.bytes, line.len + 1);
	}
	text_fini(&line);
}

static uint64_t
log_hash(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ from[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* FNV-1a over call site and scope; NULL and "" differ. */
static uint64_t
log_key(const struct log_scope *scope, const char *file, int line)
{
	uint64_t hash =
		log_hash(UINT64_C(0xcbf29ce484222325), file, strlen(file) + 1);

	hash = log_hash(hash, &line, sizeof(line));
	hash = log_hash(hash, &scope->lane, sizeof(scope->lane));
	for (int i = 0; i < 4; i++) {
		const char *value = log_scope_value(scope, i);

		hash = value == NULL ? log_hash(hash, "\xff", 1)
				     : log_hash(hash, value, strlen(value) + 1);
	}
	return hash;
}

/* Says how often it was silent, if it was, and forgets it. */
static void
log_repeat_end(struct log_repeat *repeat)
{
	struct log_scope scope = { .lane = repeat->lane };
	struct log_event event = { repeat->level, &scope, repeat->message,
		                   repeat->suppressed };

	if (repeat->suppressed > 0) {
		if (repeat->has_value[0])
			scope.part = repeat->values[0];
		if (repeat->has_value[1])
			scope.tenant = repeat->values[1];
		if (repeat->has_value[2])
			scope.feed = repeat->values[2];
		if (repeat->has_value[3])
			scope.cluster = repeat->values[3];
		log_emit(&event);
	}
	repeat->end_us = 0;
	repeat->suppressed = 0;
	repeat->printed = 0;
}

static void
log_end_repeats(int64_t now_us)
{
	log_next_end_us = INT64_MAX;
	for (int set = 0; set < LOG_REPEAT_SETS; set++)
		for (int way = 0; way < LOG_REPEAT_WAYS; way++) {
			struct log_repeat *repeat = &log_repeats[set][way];

			if (repeat->suppressed == 0)
				continue;
			if (repeat->end_us <= now_us)
				log_repeat_end(repeat);
			else if (repeat->end_us < log_next_end_us)
				log_next_end_us = repeat->end_us;
		}
}

/* Its entry; a new one takes the place of the one that ends first. */
static struct log_repeat *
log_repeat_find(uint64_t key, int64_t now_us)
{
	struct log_repeat *set = log_repeats[key % LOG_REPEAT_SETS];
	struct log_repeat *oldest = &set[0];

	for (int way = 0; way < LOG_REPEAT_WAYS; way++) {
		if (set[way].end_us > now_us && set[way].key == key)
			return &set[way];
		if (set[way].end_us < oldest->end_us)
			oldest = &set[way];
	}
	log_repeat_end(oldest);
	oldest->key = key;
	oldest->end_us = now_us + LOG_REPEAT_US;
	return oldest;
}

static void
log_copy(char *out, size_t size, const char *from)
{
	size_t len = log_cut(from, strlen(from), size - 1);

	memcpy(out, from, len);
	out[len] = '\0';
}

static void
log_repeat_suppress(struct log_repeat *repeat, const struct log_event *event)
{
	repeat->suppressed++;
	repeat->level = event->level;
	repeat->lane = event->scope->lane;
	log_copy(repeat->message, sizeof(repeat->message), event->message);
	for (int i = 0; i < 4; i++) {
		const char *value = log_scope_value(event->scope, i);

		repeat->has_value[i] = value != NULL;
		log_copy(repeat->values[i], sizeof(repeat->values[i]),
		         value != NULL ? value : "");
	}
	if (repeat->end_us < log_next_end_us)
		log_next_end_us = repeat->end_us;
}

static void
log_at_exit(void)
{
	thread_lock(&log_lock);
	log_end_repeats(INT64_MAX);
	thread_unlock(&log_lock);
}

static void
log_prepare(void)
{
	thread_lock_init(&log_lock, THREAD_RANK_LOG);
	atexit(log_at_exit);
}

/* -- public -------------------------------------------------------------- */

void
log_setup(enum log_format format, enum log_level level)
{
	CHECK(format == LOG_LOGFMT || format == LOG_JSON ||
	      format == LOG_PLAIN);
	CHECK((unsigned int)level <= LOG_ERROR);
	atomic_store(&log_format_set, (int)format);
	atomic_store(&log_level_set, (int)level);
}

enum log_level
log_level(void)
{
	return (enum log_level)atomic_load_explicit(&log_level_set,
	                                            memory_order_relaxed);
}

void
log_set_sink(void (*sink)(const char *line, void *context), void *context)
{
	pthread_once(&log_once, log_prepare);
	thread_lock(&log_lock);
	log_sink = sink;
	log_sink_context = context;
	thread_unlock(&log_lock);
}

void
log_write(enum log_level level, const struct log_scope *scope, const char *file,
          int line, const char *format, ...)
{
	static const struct log_scope nobody = { .lane = -1 };
	char message[LOG_MESSAGE_MAX + 2];
	struct log_event event = { level, scope != NULL ? scope : &nobody,
		                   message, 0 };
	struct log_repeat *repeat;
	va_list args;
	int64_t now_us;

	CHECK((unsigned int)level <= LOG_ERROR);
	if (level < log_level())
		return;
	va_start(args, format);
	if (vsnprintf(message, sizeof(message), format, args) < 0)
		snprintf(message, sizeof(message), "%s", format);
	va_end(args);

	pthread_once(&log_once, log_prepare);
	now_us = clock_now_us();
	thread_lock(&log_lock);
	if (now_us >= log_next_end_us)
		log_end_repeats(now_us);
	repeat = log_repeat_find(log_key(event.scope, file, line), now_us);
	if (repeat->printed < LOG_REPEAT_PRINTS) {
		repeat->printed++;
		log_emit(&event);
	} else {
		log_repeat_suppress(repeat, &event);
	}
	thread_unlock(&log_lock);
}
