/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Every length is compared with what is left before it is believed.
 */
#include "gateway/rest/frame.h"

#include <string.h>

#include "base/model/violation.h"
#include "base/model/wire.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"

#define FRAME_FIXED_LEN 18 /* both lengths, the time, the id's length */

struct reader {
	const uint8_t *at;
	const uint8_t *end;
};

static bool
take_bytes(struct reader *r, int32_t len, const uint8_t **out)
{
	if (len < 0 || r->end - r->at < len)
		return false;
	*out = r->at;
	r->at += len;
	return true;
}

static bool
take_int4(struct reader *r, int32_t *out)
{
	if (r->end - r->at < 4)
		return false;
	*out = wire_get_int4(r->at);
	r->at += 4;
	return true;
}

/* A length, -1 for none, and so many bytes. */
static bool
take_field(struct reader *r, const uint8_t **out, int32_t *out_len)
{
	*out = NULL;
	return take_int4(r, out_len) &&
		(*out_len == -1 || take_bytes(r, *out_len, out));
}

static bool
take_time(struct reader *r, int64_t *out)
{
	int32_t high, low;

	if (!take_int4(r, &high) || !take_int4(r, &low))
		return false;
	*out = (int64_t)((uint64_t)(uint32_t)high << 32 | (uint32_t)low);
	return true;
}

/* The id with its flags, and the reasons. */
static bool
take_id(struct reader *r, struct frame *out, bool *out_has_body)
{
	int32_t len;
	bool is_rejected;

	if (r->end - r->at < 2)
		return false;
	len = r->at[0] << 8 | r->at[1];
	r->at += 2;
	*out_has_body = (len & FRAME_NO_BODY) == 0;
	is_rejected = (len & FRAME_REJECTED) != 0;
	out->id_len = len & ~(FRAME_NO_BODY | FRAME_REJECTED);
	out->id = NULL;
	out->reasons = NULL;
	out->reasons_len = 0;
	return out->id_len <= FRAME_ID_MAX &&
		(out->id_len == 0 || take_bytes(r, out->id_len, &out->id)) &&
		(!is_rejected ||
	         (take_int4(r, &out->reasons_len) &&
	          take_bytes(r, out->reasons_len, &out->reasons)));
}

static bool
read_fields(struct reader *r, struct frame *out)
{
	bool has_body;

	if (!take_field(r, &out->key, &out->key_len) ||
	    !take_field(r, &out->headers, &out->headers_len) ||
	    !take_time(r, &out->time_ms) || !take_id(r, out, &has_body))
		return false;
	out->body = has_body ? r->at : NULL;
	out->body_len = has_body ? (int32_t)(r->end - r->at) : -1;
	return has_body || r->at == r->end;
}

static void
add_int4(struct text *out, int32_t value)
{
	uint8_t bytes[4];

	wire_put_int4(bytes, value);
	text_add_bytes(out, bytes, sizeof(bytes));
}

static int32_t
length_of(int32_t len)
{
	return len > 0 ? len : 0;
}

/* -- reasons --------------------------------------------------------------- */

/* Not within a letter of more than one byte. */
static size_t
cut_len(const char *string)
{
	size_t len = strlen(string);

	if (len <= FRAME_REASON_MAX)
		return len;
	len = FRAME_REASON_MAX;
	while (len > 0 && ((uint8_t)string[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static void
add_string(struct text *out, const char *string)
{
	size_t len = cut_len(string);
	uint8_t bytes[2] = { (uint8_t)(len >> 8), (uint8_t)len };

	text_add_bytes(out, bytes, sizeof(bytes));
	text_add_bytes(out, string, len);
}

static bool
take_string(struct reader *r, struct arena *arena, const char **out)
{
	const uint8_t *bytes = NULL;
	char *copy;
	int32_t len;

	if (r->end - r->at < 2)
		return false;
	len = r->at[0] << 8 | r->at[1];
	r->at += 2;
	if (len > FRAME_REASON_MAX || !take_bytes(r, len, &bytes) ||
	    !text_is_utf8(bytes, (size_t)len) ||
	    memchr(bytes, 0, (size_t)len) != NULL)
		return false;
	copy = arena_alloc(arena, (size_t)len + 1);
	memcpy(copy, bytes, (size_t)len);
	copy[len] = 0;
	*out = copy;
	return true;
}

static bool
take_reason(struct reader *r, struct arena *arena, struct violation *out)
{
	return take_string(r, arena, &out->rule) &&
		take_string(r, arena, &out->path) &&
		take_string(r, arena, &out->expected) &&
		take_string(r, arena, &out->value) &&
		take_int4(r, &out->byte_offset) && out->rule[0] != 0;
}

/* -- public ---------------------------------------------------------------- */

void
frame_add(struct text *out, const struct frame *frame)
{
	int32_t id_len = frame->id_len |
		(frame->body_len < 0 ? FRAME_NO_BODY : 0) |
		(frame->reasons != NULL ? FRAME_REJECTED : 0);
	int32_t reasons_len =
		frame->reasons != NULL ? 4 + frame->reasons_len : 0;
	uint8_t tail[10];

	CHECK(frame->id_len >= 0 && frame->id_len <= FRAME_ID_MAX);
	add_int4(out,
	         FRAME_FIXED_LEN + length_of(frame->key_len) +
	                 length_of(frame->headers_len) + frame->id_len +
	                 reasons_len + length_of(frame->body_len));
	add_int4(out, frame->key_len);
	text_add_bytes(out, frame->key, (size_t)length_of(frame->key_len));
	add_int4(out, frame->headers_len);
	text_add_bytes(out, frame->headers,
	               (size_t)length_of(frame->headers_len));
	wire_put_int2(wire_put_int8(tail, frame->time_ms), (int16_t)id_len);
	text_add_bytes(out, tail, sizeof(tail));
	text_add_bytes(out, frame->id, (size_t)frame->id_len);
	if (frame->reasons != NULL) {
		add_int4(out, frame->reasons_len);
		text_add_bytes(out, frame->reasons, (size_t)frame->reasons_len);
	}
	text_add_bytes(out, frame->body, (size_t)length_of(frame->body_len));
}

enum err_code
frame_read(const uint8_t **at, const uint8_t *end, struct frame *out,
           struct err *err)
{
	struct reader whole = { *at, end }, inner;
	const uint8_t *content = NULL;
	int32_t len;

	if (!take_int4(&whole, &len) || !take_bytes(&whole, len, &content))
		return err_set(
			err, ERR_INVALID,
			"a frame is cut off, or longer than what is there");
	inner = (struct reader){ content, content + len };
	if (!read_fields(&inner, out))
		return err_set(err, ERR_INVALID,
		               "the lengths in a frame contradict its own");
	*at = whole.at;
	return ERR_OK;
}

void
frame_add_reasons(struct text *out, const struct violation *violations,
                  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add_string(out, violations[i].rule);
		add_string(out, violations[i].path);
		add_string(out, violations[i].expected);
		add_string(out, violations[i].value);
		add_int4(out, violations[i].byte_offset);
	}
}

enum err_code
frame_read_reasons(const struct frame *frame, struct arena *arena,
                   const struct violation **out, size_t *out_count,
                   struct err *err)
{
	struct reader r = { frame->reasons,
		            frame->reasons + frame->reasons_len };
	struct violation *violations =
		arena_alloc(arena, VIOLATIONS_MAX * sizeof(*violations));
	size_t count = 0;

	while (r.at < r.end && count < VIOLATIONS_MAX &&
	       take_reason(&r, arena, &violations[count]))
		count++;
	if (count == 0 || r.at < r.end)
		return err_set(err, ERR_INVALID,
		               "the reasons of a rejected message are none, "
		               "too many, or malformed");
	*out = violations;
	*out_count = count;
	return ERR_OK;
}
