/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression of a whole file: xz by liblzma, gzip by zlib.  Both are asked
 * for all that is in the file, and a stream that ends early is an error, so
 * a truncated download is noticed here and not as a strange number later.
 */
#include "examples/orange-juice/oj_unpack.h"

#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct room {
	uint8_t *bytes;
	size_t size;
	size_t capacity;
};

/* Makes room for more bytes at the end; false where the limit is reached. */
static bool
room_grow(struct room *room)
{
	size_t capacity = room->capacity == 0 ? 1 << 20 : 2 * room->capacity;

	if (room->size < room->capacity)
		return true;
	if (room->capacity >= OJ_UNPACK_BYTES_MAX)
		return false;
	uint8_t *bytes = realloc(room->bytes, capacity);
	if (bytes == NULL)
		return false;
	room->bytes = bytes;
	room->capacity = capacity;
	return true;
}

static bool
file_read(const char *path, struct room *room, struct oj_err *err)
{
	FILE *file = fopen(path, "re");
	bool ok = true;

	if (file == NULL)
		return oj_err_set(err, "%s: %s", path, strerror(errno));
	while (ok && feof(file) == 0) {
		if (!room_grow(room))
			ok = oj_err_set(err, "%s: larger than %d bytes", path,
			                OJ_UNPACK_BYTES_MAX);
		else
			room->size += fread(room->bytes + room->size, 1,
			                    room->capacity - room->size, file);
		if (ok && ferror(file) != 0)
			ok = oj_err_set(err, "%s: %s", path, strerror(errno));
	}
	(void)fclose(file);
	return ok;
}

static bool
xz_unpack(const struct room *in, struct room *out, struct oj_err *err)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret code =
		lzma_stream_decoder(&stream, 512 << 20, LZMA_CONCATENATED);

	stream.next_in = in->bytes;
	stream.avail_in = in->size;
	while (code == LZMA_OK && room_grow(out)) {
		stream.next_out = out->bytes + out->size;
		stream.avail_out = out->capacity - out->size;
		code = lzma_code(&stream, LZMA_FINISH);
		out->size = out->capacity - stream.avail_out;
	}
	lzma_end(&stream);
	if (code == LZMA_STREAM_END)
		return true;
	if (code == LZMA_BUF_ERROR)
		return oj_err_set(err, "the xz data ends too early");
	if (code == LZMA_OK)
		return oj_err_set(err, "unpacks to more than %d bytes",
		                  OJ_UNPACK_BYTES_MAX);
	return oj_err_set(err, "the xz data is damaged (lzma code %d)", code);
}

static bool
gzip_unpack(const struct room *in, struct room *out, struct oj_err *err)
{
	z_stream stream = { .next_in = in->bytes,
		            .avail_in = (unsigned int)in->size };
	int code = inflateInit2(&stream, 15 + 16);

	if (code != Z_OK)
		return oj_err_set(err, "zlib does not start (%d)", code);
	while (code == Z_OK && room_grow(out)) {
		stream.next_out = out->bytes + out->size;
		stream.avail_out = (unsigned int)(out->capacity - out->size);
		code = inflate(&stream, Z_NO_FLUSH);
		out->size = out->capacity - stream.avail_out;
	}
	(void)inflateEnd(&stream);
	if (code == Z_STREAM_END)
		return true;
	if (code == Z_BUF_ERROR)
		return oj_err_set(err, "the gzip data ends too early");
	if (code == Z_OK)
		return oj_err_set(err, "unpacks to more than %d bytes",
		                  OJ_UNPACK_BYTES_MAX);
	return oj_err_set(err, "the gzip data is damaged (zlib code %d)", code);
}

/* -- public -------------------------------------------------------------- */

bool
oj_unpack_file(const char *path, uint8_t **out_bytes, size_t *out_size,
               struct oj_err *err)
{
	static const uint8_t XZ[] = { 0xFD, '7', 'z', 'X', 'Z', 0 };
	static const uint8_t GZIP[] = { 0x1F, 0x8B };
	struct room in = { 0 }, out = { 0 };
	struct oj_err inner;

	if (!file_read(path, &in, err)) {
		free(in.bytes);
		return false;
	}
	bool ok = true;
	if (in.size >= sizeof(XZ) && memcmp(in.bytes, XZ, sizeof(XZ)) == 0) {
		ok = xz_unpack(&in, &out, &inner);
	} else if (in.size >= sizeof(GZIP) &&
	           memcmp(in.bytes, GZIP, sizeof(GZIP)) == 0) {
		ok = gzip_unpack(&in, &out, &inner);
	} else {
		out = in;
		in.bytes = NULL;
	}
	free(in.bytes);
	if (!ok) {
		free(out.bytes);
		return oj_err_set(err, "%s: %.400s", path, inner.text);
	}
	*out_bytes = out.bytes;
	*out_size = out.size;
	return true;
}
