/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A line is written whole: what is killed leaves whole lines.
 */
#include "gateway/file/filerejects.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/json.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "base/runtime/thread.h"
#include "gateway/rest/receipt.h"

#define LINE_BYTES_MAX (128 * 1024 * 1024)

struct filerejects {
	struct thread_lock lock;
	char *path; /* NULL: nowhere */
	int fd;     /* -1: there is none yet */
	int64_t count;
	struct text line;
	struct err failure; /* the first one */
};

static void
fail(struct filerejects *rejects, const char *what)
{
	if (rejects->failure.code == ERR_OK)
		err_set(&rejects->failure, ERR_IO, "failed to %s %s (%s)", what,
		        rejects->path, strerror(errno));
}

static void
add_base64(struct text *out, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	text_add(out, "\"");
	for (size_t i = 0; i < len; i += 3) {
		uint32_t three = (uint32_t)bytes[i] << 16;
		char four[4];

		three |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
		three |= i + 2 < len ? bytes[i + 2] : 0;
		four[0] = digits[three >> 18];
		four[1] = digits[three >> 12 & 63];
		four[2] = i + 1 < len ? digits[three >> 6 & 63] : '=';
		four[3] = i + 2 < len ? digits[three & 63] : '=';
		text_add_bytes(out, four, sizeof(four));
	}
	text_add(out, "\"");
}

static void
add_string(struct text *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	text_addf(out, ",\"%s\":", name);
	text_add_json(out, value, strlen(value));
}

static void
print(struct text *out, const struct filerejects_entry *entry)
{
	text_addf(out, "{\"record\":%" PRId64, entry->record);
	if (entry->line > 0)
		text_addf(out, ",\"line\":%" PRId64, entry->line);
	add_string(out, "verdict", entry->verdict);
	add_string(out, "id", entry->id);
	add_string(out, "of", entry->of);
	if (entry->told != NULL) {
		text_add(out, ",\"violations\":");
		json_print(entry->told, out);
	} else if (entry->violation_count > 0) {
		text_add(out, ",\"violations\":");
		receipt_print_violations(entry->violations,
		                         entry->violation_count, out);
	}
	if (entry->original != NULL &&
	    text_is_utf8(entry->original, entry->original_len)) {
		text_add(out, ",\"original\":");
		text_add_json(out, (const char *)entry->original,
		              entry->original_len);
	} else if (entry->original != NULL) {
		text_add(out, ",\"original_base64\":");
		add_base64(out, entry->original, entry->original_len);
	}
	text_add(out, "}\n");
}

static void
write_line(struct filerejects *rejects)
{
	const char *at = text_string(&rejects->line);
	size_t left = rejects->line.len;

	if (rejects->fd < 0)
		rejects->fd =
			open(rejects->path,
		             O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (rejects->fd < 0) {
		fail(rejects, "make");
		return;
	}
	while (left > 0) {
		ssize_t written = write(rejects->fd, at, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			fail(rejects, "write");
			return;
		}
		at += written;
		left -= (size_t)written;
	}
}

/* -- public ---------------------------------------------------------------- */

enum err_code
filerejects_open(const char *path, struct filerejects **out, struct err *err)
{
	struct filerejects *rejects;

	if (path != NULL && unlink(path) != 0 && errno != ENOENT)
		return err_set(err, ERR_IO, "failed to take away %s (%s)", path,
		               strerror(errno));
	rejects = memory_calloc(1, sizeof(*rejects));
	thread_lock_init(&rejects->lock, THREAD_RANK_QUEUE);
	rejects->path = path == NULL ? NULL : memory_strdup(path);
	rejects->fd = -1;
	text_init(&rejects->line, LINE_BYTES_MAX);
	*out = rejects;
	return ERR_OK;
}

enum err_code
filerejects_close(struct filerejects **handle, struct err *err)
{
	struct filerejects *rejects = *handle;
	enum err_code code;

	*handle = NULL;
	if (rejects == NULL)
		return ERR_OK;
	if (rejects->fd >= 0 && close(rejects->fd) != 0)
		fail(rejects, "close");
	code = rejects->failure.code;
	if (code != ERR_OK)
		*err = rejects->failure;
	thread_lock_fini(&rejects->lock);
	text_fini(&rejects->line);
	memory_release(rejects->path);
	memory_release(rejects);
	return code;
}

void
filerejects_add(struct filerejects *rejects,
                const struct filerejects_entry *entry)
{
	thread_lock(&rejects->lock);
	rejects->count++;
	if (rejects->path != NULL && rejects->failure.code == ERR_OK) {
		text_reset(&rejects->line);
		print(&rejects->line, entry);
		write_line(rejects);
	}
	thread_unlock(&rejects->lock);
}

int64_t
filerejects_count(struct filerejects *rejects)
{
	int64_t count;

	thread_lock(&rejects->lock);
	count = rejects->count;
	thread_unlock(&rejects->lock);
	return count;
}
