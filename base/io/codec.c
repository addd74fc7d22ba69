/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams are decoded piece by piece into a buffer that doubles.
 */
#include "base/io/codec.h"

#include <lzma.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "base/io/snappy.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"

#define CODEC_MEMORY_MAX  (128 * 1024 * 1024) /* that a decoder of xz takes */
#define CODEC_BYTES_FIRST 65536
/* What may stand behind a deflated block: Python's avro leaves the rest of a
   checksum there. */
#define CODEC_REST_MAX 4

static const char *const codec_names[CODEC_COUNT] = {
	[CODEC_NULL] = "null",     [CODEC_DEFLATE] = "deflate",
	[CODEC_SNAPPY] = "snappy", [CODEC_LZMA] = "lzma",
	[CODEC_XZ] = "xz",
};

static enum err_code
refuse(enum codec codec, struct err *err)
{
	return err_set(err, ERR_INVALID,
	               "the block is not what the codec %s makes",
	               codec_names[codec]);
}

static enum err_code
grow(struct codec_buffer *buffer, size_t size, struct err *err)
{
	if (size <= buffer->size)
		return ERR_OK;
	if (buffer->size >= buffer->bytes_max || size > buffer->bytes_max)
		return err_set(err, ERR_TOO_LARGE,
		               "the block has more than %zu bytes when it is "
		               "decompressed",
		               buffer->bytes_max);
	if (size < 2 * buffer->size)
		size = 2 * buffer->size;
	if (size > buffer->bytes_max)
		size = buffer->bytes_max;
	buffer->bytes = memory_realloc(buffer->bytes, size);
	buffer->size = size;
	return ERR_OK;
}

/* Room for at least one more byte. */
static enum err_code
make_room(struct codec_buffer *buffer, struct err *err)
{
	if (buffer->len < buffer->size)
		return ERR_OK;
	return grow(buffer,
	            buffer->size > 0 ? buffer->size + 1
	                    : buffer->bytes_max < CODEC_BYTES_FIRST
	                    ? buffer->bytes_max
	                    : CODEC_BYTES_FIRST,
	            err);
}

static enum err_code
decode_deflate(const uint8_t *bytes, size_t len, struct codec_buffer *out,
               struct err *err)
{
	z_stream stream = { 0 };
	enum err_code code;
	int status;

	CHECK(len <= UINT32_MAX && out->bytes_max <= UINT32_MAX);
	CHECK(inflateInit2(&stream, -MAX_WBITS) == Z_OK);
	stream.next_in = (Bytef *)bytes;
	stream.avail_in = (uInt)len;
	do {
		code = make_room(out, err);
		if (code != ERR_OK)
			break;
		stream.next_out = out->bytes + out->len;
		stream.avail_out = (uInt)(out->size - out->len);
		status = inflate(&stream, Z_NO_FLUSH);
		out->len = out->size - stream.avail_out;
		if (status != Z_OK && status != Z_STREAM_END)
			code = refuse(CODEC_DEFLATE, err);
	} while (code == ERR_OK && status == Z_OK);
	if (code == ERR_OK && stream.avail_in > CODEC_REST_MAX)
		code = refuse(CODEC_DEFLATE, err);
	inflateEnd(&stream);
	return code;
}

static enum err_code
decode_snappy(const uint8_t *bytes, size_t len, struct codec_buffer *out,
              struct err *err)
{
	uint32_t wanted, sum;

	if (len < 4 || !snappy_length(bytes, len - 4, &wanted))
		return refuse(CODEC_SNAPPY, err);
	if (grow(out, wanted, err) != ERR_OK)
		return err->code;
	if (!snappy_decode(bytes, len - 4, out->bytes, wanted))
		return refuse(CODEC_SNAPPY, err);
	out->len = wanted;
	bytes += len - 4;
	sum = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		(uint32_t)bytes[2] << 8 | bytes[3];
	if (digest_crc32(wanted > 0 ? out->bytes : bytes, wanted) != sum)
		return err_set(err, ERR_INVALID,
		               "the checksum of the block is not that of its "
		               "bytes");
	return ERR_OK;
}

static bool
open_lzma(enum codec codec, lzma_stream *stream)
{
	lzma_options_lzma options;
	lzma_filter filters[2] = {
		{ .id = LZMA_FILTER_LZMA2, .options = &options },
		{ .id = LZMA_VLI_UNKNOWN },
	};

	if (codec == CODEC_XZ)
		return lzma_stream_decoder(stream, CODEC_MEMORY_MAX, 0) ==
			LZMA_OK;
	return !lzma_lzma_preset(&options, LZMA_PRESET_DEFAULT) &&
		lzma_raw_decoder(stream, filters) == LZMA_OK;
}

static enum err_code
decode_lzma(enum codec codec, const uint8_t *bytes, size_t len,
            struct codec_buffer *out, struct err *err)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret status = LZMA_OK;
	enum err_code code = ERR_OK;

	CHECK(open_lzma(codec, &stream));
	stream.next_in = bytes;
	stream.avail_in = len;
	while (code == ERR_OK && status == LZMA_OK) {
		code = make_room(out, err);
		if (code != ERR_OK)
			break;
		stream.next_out = out->bytes + out->len;
		stream.avail_out = out->size - out->len;
		status = lzma_code(&stream, LZMA_FINISH);
		out->len = out->size - stream.avail_out;
	}
	if (code == ERR_OK &&
	    (status != LZMA_STREAM_END || stream.avail_in > 0))
		code = refuse(codec, err);
	lzma_end(&stream);
	return code;
}

/* -- public -------------------------------------------------------------- */

enum err_code
codec_parse(const char *name, enum codec *out, struct err *err)
{
	for (int i = 0; i < CODEC_COUNT; i++) {
		if (strcmp(codec_names[i], name) == 0) {
			*out = (enum codec)i;
			return ERR_OK;
		}
	}
	return err_set(err, ERR_INVALID,
	               "there is no codec %.32s here, but null, deflate, "
	               "snappy, lzma and xz",
	               name);
}

const char *
codec_name(enum codec codec)
{
	CHECK((unsigned)codec < CODEC_COUNT);
	return codec_names[codec];
}

enum err_code
codec_decode(enum codec codec, const uint8_t *bytes, size_t len,
             struct codec_buffer *out, struct err *err)
{
	out->len = 0;
	switch (codec) {
	case CODEC_DEFLATE:
		return decode_deflate(bytes, len, out, err);
	case CODEC_SNAPPY:
		return decode_snappy(bytes, len, out, err);
	default:
		CHECK(codec == CODEC_LZMA || codec == CODEC_XZ);
		return decode_lzma(codec, bytes, len, out, err);
	}
}

void
codec_buffer_fini(struct codec_buffer *buffer)
{
	memory_free(&buffer->bytes);
	buffer->len = 0;
	buffer->size = 0;
}
