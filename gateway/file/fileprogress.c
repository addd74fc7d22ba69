/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * How much is left is estimated by bytes: how many records there are nobody
 * knows before the end.
 */
#include "gateway/file/fileprogress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "gateway/file/filetally.h"

#define BAR_EVERY_MS      200
#define LINE_EVERY_MS     10000
#define BAR_CELLS         30
#define WHY_MAX           400
#define PROGRESS_LINE_MAX 1000

struct fileprogress {
	struct fileprogress_options options;
	bool is_terminal;
	int64_t began_us;
	int64_t known; /* when it began to send */
	struct thread *thread;
	struct thread_flag *stop;
	struct thread_lock lock;
	char why[WHY_MAX]; /* what was told last */
};

/* 0 to 1: of what is recorded, as far as can be told. */
static double
part_done(const struct fileprogress *p)
{
	int64_t read = atomic_load(&p->options.tally->read);
	int64_t settled = filetally_settled(p->options.tally);
	off_t offset = lseek(p->options.fd, 0, SEEK_CUR);
	double part;

	if (read == 0 || offset <= 0 || p->options.bytes <= 0)
		return 0;
	part = (double)offset / (double)p->options.bytes * (double)settled /
		(double)read;
	return part > 1 ? 1 : part;
}

static void
add_duration(struct text *out, double seconds)
{
	int64_t s = (int64_t)(seconds + 0.5);

	if (s >= 3600)
		text_addf(out, "%" PRId64 "h%02" PRId64 "m", s / 3600,
		          s / 60 % 60);
	else if (s >= 60)
		text_addf(out, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else
		text_addf(out, "%" PRId64 "s", s);
}

static void
add_bar(struct text *out, double part)
{
	int full = (int)(part * BAR_CELLS);

	text_add(out, "[");
	for (int i = 0; i < BAR_CELLS; i++)
		text_add(out, i < full ? "=" : i == full ? ">" : " ");
	text_addf(out, "] %3d%% ", (int)(part * 100));
}

static void
add_numbers(const struct fileprogress *p, double part, struct text *out)
{
	const struct filetally *tally = p->options.tally;
	double seconds = (double)(clock_now_us() - p->began_us) / 1e6;
	int64_t settled = filetally_settled(tally);
	int64_t known = atomic_load(&tally->known);
	int64_t bad =
		atomic_load(&tally->rejected) + atomic_load(&tally->conflict);
	double rate = seconds > 0.1 ? (double)(settled - known) / seconds : 0;
	char number[FILETALLY_NUMBER_MAX];

	text_addf(out, "%s records", filetally_number(settled, number));
	text_addf(out, ", %s/s", filetally_number((int64_t)rate, number));
	if (bad > 0)
		text_addf(out, ", %s not accepted",
		          filetally_number(bad, number));
	if (part > 0.01 && part < 1 && seconds > 1) {
		text_add(out, ", ");
		add_duration(out, seconds / part * (1 - part));
		text_add(out, " left");
	}
}

static void
show(struct fileprogress *p)
{
	double part = part_done(p);
	struct text line;

	text_init(&line, PROGRESS_LINE_MAX);
	if (p->is_terminal) {
		text_add(&line, "\r");
		add_bar(&line, part);
	} else if (p->options.bytes > 0) {
		text_addf(&line, "%3d%% ", (int)(part * 100));
	}
	add_numbers(p, part, &line);
	text_add(&line, p->is_terminal ? "\033[K" : "\n");
	thread_lock(&p->lock);
	fputs(text_string(&line), p->options.out);
	fflush(p->options.out);
	thread_unlock(&p->lock);
	text_fini(&line);
}

static void
run(void *context)
{
	struct fileprogress *p = context;
	int64_t every_ms = p->is_terminal ? BAR_EVERY_MS : LINE_EVERY_MS;

	while (!thread_flag_wait(p->stop, every_ms))
		show(p);
}

/* -- public ---------------------------------------------------------------- */

struct fileprogress *
fileprogress_new(const struct fileprogress_options *options)
{
	struct fileprogress *p = memory_calloc(1, sizeof(*p));

	p->options = *options;
	p->is_terminal = isatty(fileno(options->out)) == 1;
	p->began_us = clock_now_us();
	p->stop = thread_flag_new();
	thread_lock_init(&p->lock, THREAD_RANK_QUEUE);
	if (!options->quiet)
		p->thread = thread_new("progress", run, p);
	return p;
}

void
fileprogress_free(struct fileprogress **handle)
{
	struct fileprogress *p = *handle;

	*handle = NULL;
	if (p == NULL)
		return;
	thread_flag_set(p->stop);
	thread_join(&p->thread);
	if (!p->options.quiet && p->is_terminal) {
		fputs("\r\033[K", p->options.out);
		fflush(p->options.out);
	}
	thread_flag_free(&p->stop);
	thread_lock_fini(&p->lock);
	memory_release(p);
}

void
fileprogress_waiting(void *progress, const char *why)
{
	struct fileprogress *p = progress;

	thread_lock(&p->lock);
	if (!p->options.quiet && strncmp(p->why, why, WHY_MAX - 1) != 0) {
		snprintf(p->why, WHY_MAX, "%s", why);
		fprintf(p->options.out, "%s%s; trying again\n",
		        p->is_terminal ? "\r\033[K" : "", why);
		fflush(p->options.out);
	}
	thread_unlock(&p->lock);
}
