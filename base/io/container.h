/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Avro object container files, block by block: null, deflate, snappy, lzma (as
 * avro-c writes it) and xz. Any bytes are safe: sizes are bounded before memory
 * is taken, also those of what comes out of a codec. Where a record ends within
 * a block only its schema knows. One thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io/window.h"
#include "base/runtime/err.h"

struct container;

#define CONTAINER_BLOCK_BYTES_MAX (64 * 1024 * 1024)
#define CONTAINER_HEADER_MAX      (4 * 1024 * 1024)

struct container_block {
	const uint8_t *bytes; /* the records' Avro binary; until the next call */
	size_t len;
	int64_t count;  /* of records */
	int64_t offset; /* of the block, in the file */
	bool is_end;    /* there is no block any more */
};

/* Reads the header; the window is borrowed, and must hold a block and 26 bytes more.
   block_bytes_max: of a block as it is in the file, and of what it becomes.
   ERR_INVALID: no container file, or a codec that is not there; the text has
   the offset. */
enum err_code
container_open(struct window *window, size_t block_bytes_max,
               struct container **out, struct err *err) ERR_MUST_CHECK;

void
container_close(struct container **container);

/* The schema of who wrote it, as JSON; NUL-terminated. */
const char *
container_schema(const struct container *container);

const char *
container_codec(const struct container *container); /* "deflate" */

/* ERR_INVALID: cut off, another file's sync marker, or bytes that the codec
   does not understand; ERR_TOO_LARGE. Both end it: what was given before is
   good. */
enum err_code
container_next(struct container *container, struct container_block *out,
               struct err *err) ERR_MUST_CHECK;
