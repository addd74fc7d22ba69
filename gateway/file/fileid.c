/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The name's digest is taken behind a prefix that no file of records begins
 * with.
 */
#include "gateway/file/fileid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"

#define PIECE_BYTES (256 * 1024)

static const struct {
	const char *name;
	const char *endings[3];
	enum records_format format;
} formats[] = {
	{ "csv", { ".csv" }, RECORDS_CSV },
	{ "ndjson", { ".ndjson", ".jsonl" }, RECORDS_NDJSON },
	{ "avro", { ".avro" }, RECORDS_CONTAINER },
};
#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

static void
print(struct digest *digest, char out[FILEID_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[DIGEST_SHA256_LEN];

	digest_end(digest, bytes);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * sizeof(bytes)] = '\0';
}

static enum err_code
write_all(int fd, const uint8_t *bytes, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t written = write(fd, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return err_set(err, ERR_IO,
			               "failed to write a temporary file (%s)",
			               strerror(errno));
		bytes += written;
		len -= (size_t)written;
	}
	return ERR_OK;
}

/* to -1: only the digest. */
static enum err_code
pass(int from, int to, char out[FILEID_TEXT_MAX], struct err *err)
{
	struct digest *digest = digest_new();
	uint8_t *piece = memory_alloc(PIECE_BYTES);
	enum err_code code = ERR_OK;
	ssize_t got;

	digest_begin(digest);
	do {
		got = read(from, piece, PIECE_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			code = err_set(err, ERR_IO, "failed to read (%s)",
			               strerror(errno));
		else
			digest_add(digest, piece, (size_t)got);
		if (code == ERR_OK && to >= 0)
			code = write_all(to, piece, (size_t)got, err);
	} while (code == ERR_OK && got != 0);
	if (code == ERR_OK)
		print(digest, out);
	digest_free(&digest);
	memory_release(piece);
	return code;
}

static enum err_code
rewind_fd(int fd, struct err *err)
{
	if (lseek(fd, 0, SEEK_SET) == 0)
		return ERR_OK;
	return err_set(err, ERR_IO, "failed to go back to the beginning (%s)",
	               strerror(errno));
}

static enum err_code
open_nameless(int *out, struct err *err)
{
	const char *folder = getenv("TMPDIR");
	struct text path;

	text_init(&path, 4096);
	text_addf(&path, "%s/waybill.XXXXXX",
	          folder != NULL && folder[0] != '\0' ? folder : "/tmp");
	*out = text_is_cut(&path) ? -1 : mkostemp(path.bytes, O_CLOEXEC);
	if (*out < 0)
		err_set(err, ERR_IO, "failed to make a temporary file %s (%s)",
		        text_string(&path), strerror(errno));
	else
		(void)unlink(path.bytes);
	text_fini(&path);
	return *out < 0 ? err->code : ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
fileid_of_fd(int fd, char out[FILEID_TEXT_MAX], struct err *err)
{
	if (rewind_fd(fd, err) != ERR_OK || pass(fd, -1, out, err) != ERR_OK)
		return err->code;
	return rewind_fd(fd, err);
}

void
fileid_of_name(const char *name, char out[FILEID_TEXT_MAX])
{
	static const char prefix[] = "\0waybill file by name";
	struct digest *digest = digest_new();

	digest_begin(digest);
	digest_add(digest, prefix, sizeof(prefix));
	digest_add(digest, name, strlen(name));
	print(digest, out);
	digest_free(&digest);
}

enum err_code
fileid_spool(int from, int *out_fd, char out[FILEID_TEXT_MAX], struct err *err)
{
	int fd = -1;

	if (open_nameless(&fd, err) != ERR_OK)
		return err->code;
	if (pass(from, fd, out, err) == ERR_OK &&
	    rewind_fd(fd, err) == ERR_OK) {
		*out_fd = fd;
		return ERR_OK;
	}
	close(fd);
	return err->code;
}

bool
fileid_guess_format(const char *path, enum records_format *out)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < FORMAT_COUNT; i++)
		for (size_t e = 0; formats[i].endings[e] != NULL; e++) {
			size_t end = strlen(formats[i].endings[e]);

			if (len <= end ||
			    strcmp(path + len - end, formats[i].endings[e]) !=
			            0)
				continue;
			*out = formats[i].format;
			return true;
		}
	return false;
}

bool
fileid_parse_format(const char *name, enum records_format *out)
{
	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (strcmp(name, formats[i].name) == 0) {
			*out = formats[i].format;
			return true;
		}
	return false;
}
