/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The codecs of blocks in Avro object container files, read. What comes out is
 * bounded before memory is taken for it.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

enum codec {
	CODEC_NULL,
	CODEC_DEFLATE, /* without head and checksum */
	CODEC_SNAPPY,  /* with a CRC-32 behind it */
	CODEC_LZMA,    /* LZMA2 without a head, as avro-c has it */
	CODEC_XZ,
	CODEC_COUNT,
};

struct codec_buffer {
	uint8_t *bytes;
	size_t len;
	size_t size;
	size_t bytes_max;
};

/* ERR_INVALID: the text names those that there are. */
enum err_code
codec_parse(const char *name, enum codec *out, struct err *err) ERR_MUST_CHECK;

const char *
codec_name(enum codec codec);

/* Into the buffer, which is emptied before; not for CODEC_NULL. ERR_INVALID:
   the codec does not understand it; ERR_TOO_LARGE. */
enum err_code
codec_decode(enum codec codec, const uint8_t *bytes, size_t len,
             struct codec_buffer *out, struct err *err) ERR_MUST_CHECK;

void
codec_buffer_fini(struct codec_buffer *buffer);
