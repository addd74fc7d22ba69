/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Each header becomes: int4 length, name, int4 length (-1: null), value.
 */
#include "gateway/rest/headermap.h"

#include <stddef.h>
#include <string.h>

#include "base/model/wire.h"
#include "base/runtime/arena.h"
#include "base/runtime/text.h"
#include "gateway/rest/jsonslice.h"

struct header {
	const char *name;
	const char *value; /* NULL: null */
	size_t name_len;
	size_t value_len;
};

struct headers {
	struct header items[HEADERMAP_COUNT_MAX];
	size_t count;
	size_t bytes;
};

static bool
is_name(const char *name, size_t len)
{
	return len > 0 && memchr(name, '\0', len) == NULL;
}

static bool
is_known(const struct headers *headers, const struct header *wanted)
{
	for (size_t i = 0; i < headers->count; i++) {
		const struct header *header = &headers->items[i];

		if (header->name_len == wanted->name_len &&
		    memcmp(header->name, wanted->name, wanted->name_len) == 0)
			return true;
	}
	return false;
}

static bool
read_header(struct jsonslice *slice, struct arena *arena,
            struct headers *headers, struct header *header)
{
	if (!is_name(header->name, header->name_len)) {
		slice->fault = "a header's name must not be empty or hold NUL";
		return false;
	}
	if (headers->count == HEADERMAP_COUNT_MAX) {
		slice->fault = "there are more than 100 headers";
		return false;
	}
	if (is_known(headers, header)) {
		slice->fault = "a header stands twice";
		return false;
	}
	if (!jsonslice_null(slice) &&
	    !jsonslice_string(slice, arena, &header->value, &header->value_len))
		return false;
	headers->items[headers->count++] = *header;
	headers->bytes += 8 + header->name_len + header->value_len;
	return true;
}

static uint8_t *
put(uint8_t *at, const char *bytes, size_t len)
{
	at = wire_put_int4(at, bytes == NULL ? -1 : (int32_t)len);
	if (len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

/* -- public ---------------------------------------------------------------- */

bool
headermap_read(struct jsonslice *slice, struct arena *arena,
               const uint8_t **out, int32_t *out_len)
{
	struct headers headers = { .count = 0 };
	struct header header = { .value = NULL };
	uint8_t *made, *at;
	bool first = true;

	while (jsonslice_next_member(slice, &first, arena, &header.name,
	                             &header.name_len)) {
		if (!read_header(slice, arena, &headers, &header))
			return false;
		header = (struct header){ .value = NULL };
	}
	if (slice->fault != NULL)
		return false;
	*out = NULL;
	*out_len = -1;
	if (headers.count == 0)
		return true;
	if (headers.bytes > INT32_MAX) {
		slice->fault = "the headers are too long";
		return false;
	}
	made = at = arena_alloc(arena, headers.bytes);
	for (size_t i = 0; i < headers.count; i++) {
		const struct header *h = &headers.items[i];

		at = put(at, h->name, h->name_len);
		at = put(at, h->value, h->value_len);
	}
	*out = made;
	*out_len = (int32_t)headers.bytes;
	return true;
}

bool
headermap_is_sound(const uint8_t *bytes, int32_t len)
{
	const uint8_t *at = bytes, *end = bytes + len;

	while (at < end) {
		int32_t name_len, value_len;

		if (end - at < 8)
			return false;
		name_len = wire_get_int4(at);
		at += 4;
		if (name_len < 0 || end - at - 4 < name_len ||
		    !is_name((const char *)at, (size_t)name_len) ||
		    !text_is_utf8(at, (size_t)name_len))
			return false;
		at += name_len;
		value_len = wire_get_int4(at);
		at += 4;
		if (value_len < -1 || end - at < value_len)
			return false;
		at += value_len > 0 ? value_len : 0;
	}
	return true;
}
