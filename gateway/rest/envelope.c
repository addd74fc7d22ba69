/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One function a member, in a table; a member that is not there is a fault, as
 * is one that comes twice.
 */
#include "gateway/rest/envelope.h"

#include <string.h>

#include "base/runtime/arena.h"
#include "gateway/rest/headermap.h"
#include "gateway/rest/intake.h"
#include "gateway/rest/jsonslice.h"
#include "gateway/rest/moment.h"

static bool
read_key(struct jsonslice *slice, struct arena *arena,
         struct intake_message *out)
{
	const char *key;
	size_t len;

	if (jsonslice_null(slice))
		return true;
	if (!jsonslice_string(slice, arena, &key, &len))
		return false;
	out->key = (const uint8_t *)key;
	out->key_len = (int32_t)len;
	return true;
}

static bool
read_key_base64(struct jsonslice *slice, struct arena *arena,
                struct intake_message *out)
{
	const char *text;
	size_t len;

	if (!jsonslice_string(slice, arena, &text, &len))
		return false;
	if (out->key != NULL) {
		slice->fault = "there are two keys";
		return false;
	}
	out->key = envelope_base64(text, len, arena, &out->key_len);
	if (out->key == NULL)
		slice->fault = "a key is no base64";
	return out->key != NULL;
}

static bool
read_value(struct jsonslice *slice, struct arena *arena,
           struct intake_message *out)
{
	const char *value;
	size_t len;

	if (!jsonslice_value(slice, &value, &len))
		return false;
	if (len == 4 && memcmp(value, "null", 4) == 0)
		return true;
	out->body = (const uint8_t *)value;
	out->body_len = (int32_t)len;
	out->is_json = true;
	return true;
}

static bool
read_headers(struct jsonslice *slice, struct arena *arena,
             struct intake_message *out)
{
	return jsonslice_null(slice) ||
		headermap_read(slice, arena, &out->headers, &out->headers_len);
}

static bool
read_time(struct jsonslice *slice, struct arena *arena,
          struct intake_message *out)
{
	const char *text;
	size_t len;

	if (jsonslice_null(slice))
		return true;
	if (jsonslice_peek(slice) != '"')
		return jsonslice_integer(slice, &out->time_ms);
	if (!jsonslice_string(slice, arena, &text, &len))
		return false;
	if (!moment_parse(text, len, &out->time_ms)) {
		slice->fault = "a time must be as in RFC 3339, or milliseconds "
			       "since 1970";
		return false;
	}
	return true;
}

static bool
read_id(struct jsonslice *slice, struct arena *arena,
        struct intake_message *out)
{
	const char *text;
	size_t len;

	if (jsonslice_null(slice))
		return true;
	if (!jsonslice_string(slice, arena, &text, &len))
		return false;
	if (!intake_is_id((const uint8_t *)text, len)) {
		slice->fault = "an id must be 1 to 200 printable ASCII "
			       "characters";
		return false;
	}
	out->id = (const uint8_t *)text;
	out->id_len = (int32_t)len;
	return true;
}

static const struct {
	const char *name;
	bool (*read)(struct jsonslice *slice, struct arena *arena,
	             struct intake_message *out);
} members[] = {
	{ "value", read_value },     { "key", read_key },
	{ "id", read_id },           { "time", read_time },
	{ "headers", read_headers }, { "key_base64", read_key_base64 },
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static bool
read_member(struct jsonslice *slice, struct arena *arena, const char *name,
            size_t len, unsigned *seen, struct intake_message *out)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (strlen(members[i].name) != len ||
		    memcmp(members[i].name, name, len) != 0)
			continue;
		if ((*seen & 1U << i) != 0) {
			slice->fault = "a member of the envelope stands twice";
			return false;
		}
		*seen |= 1U << i;
		return members[i].read(slice, arena, out);
	}
	slice->fault = "an envelope has value, key, key_base64, headers, time "
		       "and id only";
	return false;
}

static int
digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* -- public ---------------------------------------------------------------- */

bool
envelope_read(struct jsonslice *slice, struct arena *arena,
              struct intake_message *out)
{
	const char *name;
	size_t len;
	unsigned seen = 0;
	bool first = true;

	while (jsonslice_next_member(slice, &first, arena, &name, &len)) {
		if (!read_member(slice, arena, name, len, &seen, out))
			return false;
	}
	if (slice->fault == NULL && (seen & 1) == 0)
		slice->fault = "the envelope has no value";
	return slice->fault == NULL;
}

uint8_t *
envelope_base64(const char *text, size_t len, struct arena *arena,
                int32_t *out_len)
{
	uint8_t *made = arena_alloc(arena, len / 4 * 3 + 3), *to = made;
	unsigned bits = 0;

	if (len % 4 == 0)
		for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
			len--;
	if (len % 4 == 1)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0)
			return NULL;
		bits = bits << 6 | (unsigned)digit;
		if (i % 4 != 0)
			*to++ = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	/* What the last digit has beyond the last byte must be zero. */
	if ((len % 4 == 2 && (bits & 15) != 0) ||
	    (len % 4 == 3 && (bits & 3) != 0))
		return NULL;
	*out_len = (int32_t)(to - made);
	return made;
}
