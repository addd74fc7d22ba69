/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One file at a time, in the order of their names within a feed. Nothing but
 * the journal remembers what is recorded: a file that is still there is begun
 * again, and what is recorded of it is not sent.
 */
#include "gateway/file/inbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io/pgconn.h"
#include "base/runtime/clock.h"
#include "base/runtime/log.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "gateway/file/filedelivery.h"
#include "gateway/file/fileid.h"

#define SCAN_EVERY_MS   1000
#define PATH_SIZE       4096
#define REPORT_SIZE_MAX 65536

struct inbox {
	struct inbox_options options;
	struct thread *thread;
	struct thread_flag *wake;
	atomic_bool stop;
	char told[PATH_SIZE]; /* what was complained of last */
};

/* One file that is worked on. */
struct drop {
	struct inbox *inbox;
	const char *tenant, *feed, *name;
	char folder[PATH_SIZE]; /* of the feed */
	char path[PATH_SIZE];
	char rejects[PATH_SIZE];
	char digest[FILEID_TEXT_MAX];
	struct filetally tally;
	enum records_format format;
	int64_t began_us;
	int fd;
};

static struct log_scope
scope_of(const struct drop *drop)
{
	return (struct log_scope){ .part = "inbox",
		                   .tenant = drop->tenant,
		                   .feed = drop->feed,
		                   .lane = -1 };
}

static bool
join(char out[PATH_SIZE], const char *folder, const char *name,
     const char *ending)
{
	int len = snprintf(out, PATH_SIZE, "%s/%s%s", folder, name, ending);

	return len > 0 && len < PATH_SIZE;
}

/* -- the end of a file --------------------------------------------------------- */

static void
print_report(const struct drop *drop, const struct err *err, struct text *out)
{
	text_add(out, "{\"name\":");
	text_add_json(out, drop->name, strlen(drop->name));
	text_addf(out, ",\"file\":\"%s\",\"complete\":%s,", drop->digest,
	          err->code == ERR_OK ? "true" : "false");
	filetally_print_json(&drop->tally, out);
	text_addf(out, ",\"seconds\":%.3f",
	          (double)(clock_now_us() - drop->began_us) / 1e6);
	if (err->code != ERR_OK) {
		text_addf(out, ",\"error\":{\"code\":\"%s\",\"text\":",
		          err_name(err->code));
		text_add_json(out, err->text, strlen(err->text));
		text_add(out, "}");
	}
	text_add(out, "}\n");
}

static void
write_report(const struct drop *drop, const char *path, const struct err *err)
{
	struct log_scope scope = scope_of(drop);
	struct text report;
	FILE *file = fopen(path, "we");

	text_init(&report, REPORT_SIZE_MAX);
	print_report(drop, err, &report);
	if (file == NULL || fputs(text_string(&report), file) < 0)
		log_warn(&scope, "failed to write %s (%s)", path,
		         strerror(errno));
	if (file != NULL)
		fclose(file);
	text_fini(&report);
}

/* The report first: who sees the file in its place finds it there. */
static void
put_away(struct drop *drop, const char *place, const struct err *err)
{
	struct log_scope scope = scope_of(drop);
	char folder[PATH_SIZE], to[PATH_SIZE], beside[PATH_SIZE];

	if (!join(folder, drop->folder, place, "") ||
	    !join(to, folder, drop->name, "") ||
	    !join(beside, folder, drop->name, ".report.json")) {
		log_error(&scope, "the name %s is too long", drop->path);
		return;
	}
	(void)mkdir(folder, 0777);
	write_report(drop, beside, err);
	if (join(beside, folder, drop->name, ".rejects.ndjson") &&
	    rename(drop->rejects, beside) != 0 && errno != ENOENT)
		log_warn(&scope, "failed to move %s (%s)", drop->rejects,
		         strerror(errno));
	if (rename(drop->path, to) != 0) {
		log_error(&scope, "failed to move %s to %s (%s)", drop->path,
		          to, strerror(errno));
		return;
	}
	if (err->code == ERR_OK)
		log_info(&scope,
		         "%s is recorded: %lld records, of them %lld new",
		         drop->name, (long long)atomic_load(&drop->tally.read),
		         (long long)(atomic_load(&drop->tally.read) -
		                     atomic_load(&drop->tally.known)));
	else
		log_error(&scope, "%s could not be read to its end (%s)",
		          drop->name, err->text);
}

/* -- one file -------------------------------------------------------------------- */

/* Whether nobody writes it any more, and nobody else works on it. */
static bool
take_hold(struct drop *drop)
{
	int64_t quiet_ms = drop->inbox->options.quiet_ms;
	struct stat held, there;
	int64_t age_ms;

	drop->fd = open(drop->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (drop->fd < 0)
		return false;
	if (fstat(drop->fd, &held) != 0 || !S_ISREG(held.st_mode) ||
	    flock(drop->fd, LOCK_EX | LOCK_NB) != 0)
		return false;
	age_ms = clock_wall_ms() -
		((int64_t)held.st_mtim.tv_sec * 1000 +
	         held.st_mtim.tv_nsec / 1000000);
	/* A clock that is behind must not hold it back for ever. */
	if (age_ms >= 0 && age_ms < quiet_ms)
		return false;
	/* Who had the lock before may have put it away meanwhile. */
	return stat(drop->path, &there) == 0 && there.st_ino == held.st_ino &&
		there.st_dev == held.st_dev;
}

static enum err_code
deliver(struct drop *drop, struct err *err)
{
	const struct inbox_options *o = &drop->inbox->options;
	static const char *const settings[] = { "TimeZone=UTC", NULL };
	const struct pgconn_options connecting = {
		.conninfo = o->conninfo,
		.application = "waybill inbox",
		.role = o->role,
		.timeout_ms = o->timeout_ms,
		.settings = settings,
	};
	struct filedelivery delivery = {
		.catalogue = o->catalogue,
		.lanes = o->lanes,
		.tenant = drop->tenant,
		.feed = drop->feed,
		.fd = drop->fd,
		.file = drop->digest,
		.format = drop->format,
		.rejects = drop->rejects,
		.stop = &drop->inbox->stop,
		.tally = &drop->tally,
	};
	enum err_code code;

	if (fileid_of_fd(drop->fd, drop->digest, err) != ERR_OK ||
	    pgconn_open(&connecting, &delivery.conn, err) != ERR_OK)
		return err->code;
	code = filedelivery_run(&delivery, err);
	pgconn_close(&delivery.conn);
	return code;
}

/* Told once for each file: it is looked at every second. */
static void
complain(struct drop *drop, const struct err *err)
{
	struct log_scope scope = scope_of(drop);

	if (err->code == ERR_STOPPED ||
	    strcmp(drop->inbox->told, drop->path) == 0)
		return;
	strcpy(drop->inbox->told, drop->path);
	log_warn(&scope, "%s waits (%s)", drop->name, err->text);
}

static bool
can_wait(enum err_code code)
{
	return code == ERR_NOT_FOUND || code == ERR_CONFLICT ||
		err_class(code) == ERR_CLASS_RETRY;
}

static void
work_on(struct drop *drop)
{
	struct err err = { .code = ERR_OK };
	enum err_code code;

	drop->began_us = clock_now_us();
	if (!take_hold(drop)) {
		if (drop->fd >= 0)
			close(drop->fd);
		return;
	}
	code = deliver(drop, &err);
	if (code == ERR_OK) {
		err.code = ERR_OK;
		put_away(drop, "done", &err);
	} else if (can_wait(code)) {
		complain(drop, &err);
	} else {
		put_away(drop, "failed", &err);
	}
	close(drop->fd);
}

/* -- the folder -------------------------------------------------------------------- */

/* Calls each for every name in a folder that begins with no dot, in order. */
static void
walk(struct inbox *inbox, const char *folder,
     void (*each)(struct inbox *inbox, const char *folder, const char *name,
                  void *context),
     void *context)
{
	struct dirent **names = NULL;
	int count = scandir(folder, &names, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.' && !atomic_load(&inbox->stop))
			each(inbox, folder, names[i]->d_name, context);
		free(names[i]);
	}
	free(names);
}

struct place {
	const char *tenant;
	const char *feed;
};

static void
see_file(struct inbox *inbox, const char *folder, const char *name,
         void *context)
{
	static const char rejects[] = ".rejects.ndjson";
	const struct place *place = context;
	struct drop *drop;
	size_t len = strlen(name), end = sizeof(rejects) - 1;
	enum records_format format;

	if (!fileid_guess_format(name, &format) ||
	    (len > end && strcmp(name + len - end, rejects) == 0))
		return;
	drop = memory_calloc(1, sizeof(*drop));
	drop->inbox = inbox;
	drop->tenant = place->tenant;
	drop->feed = place->feed;
	drop->name = name;
	drop->format = format;
	drop->fd = -1;
	if (join(drop->folder, folder, "", "") &&
	    join(drop->path, folder, name, "") &&
	    join(drop->rejects, folder, name, rejects))
		work_on(drop);
	memory_release(drop);
}

static void
see_feed(struct inbox *inbox, const char *folder, const char *name,
         void *context)
{
	struct place place = { context, name };
	char path[PATH_SIZE];

	if (join(path, folder, name, ""))
		walk(inbox, path, see_file, &place);
}

static void
see_tenant(struct inbox *inbox, const char *folder, const char *name,
           void *context)
{
	char path[PATH_SIZE], tenant[PATH_SIZE];

	if (!join(path, folder, name, ""))
		return;
	snprintf(tenant, sizeof(tenant), "%s", name);
	walk(inbox, path, see_feed, tenant);
}

static void
run(void *context)
{
	struct inbox *inbox = context;

	while (!atomic_load(&inbox->stop)) {
		walk(inbox, inbox->options.folder, see_tenant, NULL);
		(void)thread_flag_wait(inbox->wake, SCAN_EVERY_MS);
	}
}

/* -- public ---------------------------------------------------------------- */

struct inbox *
inbox_open(const struct inbox_options *options)
{
	struct inbox *inbox = memory_calloc(1, sizeof(*inbox));

	inbox->options = *options;
	inbox->wake = thread_flag_new();
	inbox->thread = thread_new("inbox", run, inbox);
	return inbox;
}

void
inbox_close(struct inbox **handle)
{
	struct inbox *inbox = *handle;

	*handle = NULL;
	if (inbox == NULL)
		return;
	atomic_store(&inbox->stop, true);
	thread_flag_set(inbox->wake);
	thread_join(&inbox->thread);
	thread_flag_free(&inbox->wake);
	memory_release(inbox);
}
