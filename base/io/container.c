/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The framing is read here, not by avro-c: that takes as much memory as a
 * block says it wants, and gives no offset for what is wrong.
 */
#include "base/io/container.h"

#include <string.h>

#include "base/io/codec.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define CONTAINER_MAGIC      "Obj\x01"
#define CONTAINER_SYNC_BYTES 16
#define CONTAINER_LONG_BYTES 10
/* Records without bytes that a block may have. */
#define CONTAINER_EMPTIES_MAX 65536

struct container {
	struct window *window;
	size_t block_bytes_max;
	enum codec codec;
	char *schema;
	uint8_t sync[CONTAINER_SYNC_BYTES];
	struct codec_buffer buffer;
	size_t taken; /* of the window: the block that was given last */
	bool broken;
};

static enum err_code
refuse(const struct container *container, struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "at byte %lld: %s",
	               (long long)container->window->offset, what);
}

/* So many bytes are in the window, or it is an error. */
static enum err_code
need(struct container *container, size_t len, struct err *err)
{
	if (window_fill(container->window, len, err) != ERR_OK)
		return err->code;
	if (container->window->len < len)
		return refuse(container, err, "the file ends in the middle");
	return ERR_OK;
}

static enum err_code
take_long(struct container *container, int64_t *out, struct err *err)
{
	struct window *window = container->window;
	uint64_t value = 0;

	if (window_fill(window, CONTAINER_LONG_BYTES, err) != ERR_OK)
		return err->code;
	for (size_t i = 0; i < CONTAINER_LONG_BYTES; i++) {
		if (i == window->len)
			return refuse(container, err,
			              "the file ends in the middle");
		if (i == 9 && window->at[i] > 1)
			break;
		value |= (uint64_t)(window->at[i] & 0x7f) << (7 * i);
		if (window->at[i] < 0x80) {
			window_take(window, i + 1);
			*out = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
			return ERR_OK;
		}
	}
	return refuse(container, err, "a number of more than 64 bits");
}

/* -- the header ------------------------------------------------------------- */

/* A length and as many bytes, which stay at the front of the window until they
   are taken. */
static enum err_code
need_blob(struct container *container, size_t *out_len, struct err *err)
{
	int64_t len = 0;

	if (take_long(container, &len, err) != ERR_OK)
		return err->code;
	if (len < 0)
		return refuse(container, err, "a length that is negative");
	if (len > CONTAINER_HEADER_MAX ||
	    container->window->offset + len > CONTAINER_HEADER_MAX)
		return err_set(err, ERR_TOO_LARGE,
		               "the head of the file has more than %d bytes",
		               CONTAINER_HEADER_MAX);
	*out_len = (size_t)len;
	return need(container, (size_t)len, err);
}

static enum err_code
take_text(struct container *container, char **out, struct err *err)
{
	size_t len = 0;

	if (need_blob(container, &len, err) != ERR_OK)
		return err->code;
	if (memchr(container->window->at, '\0', len) != NULL)
		return refuse(container, err, "a text with a NUL");
	memory_free(out);
	*out = memory_alloc(len + 1);
	memcpy(*out, container->window->at, len);
	(*out)[len] = '\0';
	window_take(container->window, len);
	return ERR_OK;
}

static enum err_code
take_entry(struct container *container, struct err *err)
{
	char *name = NULL, *codec = NULL;
	enum err_code code;
	size_t len = 0;

	code = take_text(container, &name, err);
	if (code != ERR_OK)
		return code;
	if (strcmp(name, "avro.schema") == 0) {
		code = take_text(container, &container->schema, err);
	} else if (strcmp(name, "avro.codec") == 0) {
		code = take_text(container, &codec, err);
		if (code == ERR_OK)
			code = codec_parse(codec, &container->codec, err);
	} else {
		code = need_blob(container, &len, err);
		if (code == ERR_OK)
			window_take(container->window, len);
	}
	memory_free(&name);
	memory_free(&codec);
	return code;
}

static enum err_code
take_entries(struct container *container, struct err *err)
{
	int64_t count = 0, size = 0;

	do {
		if (take_long(container, &count, err) != ERR_OK)
			return err->code;
		if (count < 0 && take_long(container, &size, err) != ERR_OK)
			return err->code;
		if (count == INT64_MIN)
			return refuse(container, err, "a count that is none");
		for (int64_t i = count < 0 ? -count : count; i > 0; i--)
			if (take_entry(container, err) != ERR_OK)
				return err->code;
	} while (count != 0);
	return ERR_OK;
}

static enum err_code
take_header(struct container *container, struct err *err)
{
	struct window *window = container->window;

	if (window_fill(window, 4, err) != ERR_OK)
		return err->code;
	if (window->len < 4 || memcmp(window->at, CONTAINER_MAGIC, 4) != 0)
		return refuse(container, err,
		              "this is no Avro object container file: it does "
		              "not begin with Obj and 01");
	window_take(window, 4);
	if (take_entries(container, err) != ERR_OK)
		return err->code;
	if (container->schema == NULL)
		return refuse(container, err, "the head has no avro.schema");
	if (need(container, CONTAINER_SYNC_BYTES, err) != ERR_OK)
		return err->code;
	memcpy(container->sync, window->at, CONTAINER_SYNC_BYTES);
	window_take(window, CONTAINER_SYNC_BYTES);
	return ERR_OK;
}

/* -- blocks ----------------------------------------------------------------- */

/* The block's bytes and its marker are in the window. */
static enum err_code
take_head(struct container *container, int64_t *out_count, size_t *out_len,
          struct err *err)
{
	struct window *window = container->window;
	int64_t size = 0;

	if (take_long(container, out_count, err) != ERR_OK ||
	    take_long(container, &size, err) != ERR_OK)
		return err->code;
	if (*out_count < 0 || size < 0)
		return refuse(container, err, "a block of negative size");
	if ((uint64_t)size > container->block_bytes_max)
		return err_set(err, ERR_TOO_LARGE,
		               "at byte %lld: a block of %lld bytes; at most "
		               "%zu",
		               (long long)window->offset, (long long)size,
		               container->block_bytes_max);
	*out_len = (size_t)size;
	if (need(container, *out_len + CONTAINER_SYNC_BYTES, err) != ERR_OK)
		return err->code;
	if (memcmp(window->at + size, container->sync, CONTAINER_SYNC_BYTES) !=
	    0)
		return refuse(
			container, err,
			"behind the block is not the marker of this file");
	return ERR_OK;
}

static enum err_code
take_block(struct container *container, struct container_block *out,
           struct err *err)
{
	struct window *window = container->window;
	size_t len = 0;

	out->offset = window->offset;
	if (window_fill(window, 1, err) != ERR_OK)
		return err->code;
	out->is_end = window->len == 0;
	if (out->is_end)
		return ERR_OK;
	if (take_head(container, &out->count, &len, err) != ERR_OK)
		return err->code;
	out->bytes = window->at;
	out->len = len;
	container->taken = len + CONTAINER_SYNC_BYTES;
	if (container->codec != CODEC_NULL) {
		if (codec_decode(container->codec, window->at, len,
		                 &container->buffer, err) != ERR_OK)
			return err_context(err, "the block at byte %lld",
			                   (long long)out->offset);
		out->bytes = container->buffer.bytes != NULL
			? container->buffer.bytes
			: window->at;
		out->len = container->buffer.len;
	}
	if (out->count > CONTAINER_EMPTIES_MAX &&
	    (uint64_t)out->count > out->len)
		return refuse(container, err,
		              "a block with more records than bytes");
	return ERR_OK;
}

/* -- public -------------------------------------------------------------- */

enum err_code
container_open(struct window *window, size_t block_bytes_max,
               struct container **out, struct err *err)
{
	struct container *container = memory_calloc(1, sizeof(*container));
	enum err_code code;

	CHECK(block_bytes_max <= CONTAINER_BLOCK_BYTES_MAX);
	container->window = window;
	container->block_bytes_max = block_bytes_max;
	container->buffer.bytes_max = block_bytes_max;
	code = take_header(container, err);
	if (code != ERR_OK)
		container_close(&container);
	else
		*out = container;
	return code;
}

void
container_close(struct container **container)
{
	if (*container == NULL)
		return;
	codec_buffer_fini(&(*container)->buffer);
	memory_free(&(*container)->schema);
	memory_free(container);
}

const char *
container_schema(const struct container *container)
{
	return container->schema;
}

const char *
container_codec(const struct container *container)
{
	return codec_name(container->codec);
}

enum err_code
container_next(struct container *container, struct container_block *out,
               struct err *err)
{
	enum err_code code;

	if (container->broken)
		return refuse(container, err, "it was broken before this");
	window_take(container->window, container->taken);
	container->taken = 0;
	code = take_block(container, out, err);
	container->broken = code != ERR_OK;
	return code;
}
