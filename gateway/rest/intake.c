/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One reader a media type, in a table. A message goes into an array that grows
 * in the arena by doubling.
 */
#include "gateway/rest/intake.h"

#include <inttypes.h>
#include <string.h>

#include "base/model/wire.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"
#include "contracts/records.h"
#include "gateway/rest/envelope.h"
#include "gateway/rest/frame.h"
#include "gateway/rest/headermap.h"
#include "gateway/rest/jsonslice.h"
#include "gateway/rest/moment.h"

#define INTAKE_ROOM_FIRST 16
#define RECORD_DIGITS_MAX 18

struct reading {
	const struct intake_request *request;
	struct arena *arena;
	struct intake *out;
	struct err *err;
	size_t room;
};

/* A new message; NULL: there are too many. */
static struct intake_message *
add(struct reading *r)
{
	struct intake *out = r->out;
	struct intake_message *message;

	if (out->count == r->request->count_max) {
		err_set(r->err, ERR_TOO_LARGE,
		        "there are more than %zu messages",
		        r->request->count_max);
		return NULL;
	}
	if (out->count == r->room) {
		struct intake_message *larger;

		r->room = r->room == 0 ? INTAKE_ROOM_FIRST : r->room * 4;
		larger = arena_alloc(r->arena, r->room * sizeof(*larger));
		if (out->count > 0)
			memcpy(larger, out->messages,
			       out->count * sizeof(*larger));
		out->messages = larger;
	}
	message = &out->messages[out->count];
	*message = (struct intake_message){
		.number = (int64_t)out->count++,
		.key_len = -1,
		.body_len = -1,
		.headers_len = -1,
		.time_ms = MOMENT_NONE,
	};
	return message;
}

/* -- one ------------------------------------------------------------------- */

static enum err_code
read_single(struct reading *r)
{
	const struct intake_request *request = r->request;
	struct intake_message *message = add(r);

	if (message == NULL)
		return r->err->code;
	*message = request->single;
	message->number = 0;
	message->body = request->body;
	message->body_len = (int32_t)request->body_len;
	message->is_json = request->media == MEDIA_JSON;
	return ERR_OK;
}

/* -- JSON in lines, and envelopes -------------------------------------------- */

static bool
is_blank(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != ' ' && at[i] != '\t' && at[i] != '\r')
			return false;
	return true;
}

static enum err_code
fault_of(struct reading *r, const struct jsonslice *slice, int64_t line)
{
	int64_t of_slice, column;

	jsonslice_place(slice, &of_slice, &column);
	return err_set(r->err, ERR_INVALID,
	               "line %" PRId64 ", column %" PRId64 ": %s",
	               line + of_slice - 1, column, slice->fault);
}

static enum err_code
take_envelope(struct reading *r, struct jsonslice *slice, int64_t line)
{
	struct intake_message *message = add(r);

	if (message == NULL)
		return r->err->code;
	message->line = line;
	if (!envelope_read(slice, r->arena, message))
		return fault_of(r, slice, line > 0 ? line : 1);
	return ERR_OK;
}

static enum err_code
take_line(struct reading *r, const char *at, size_t len, int64_t line)
{
	struct intake_message *message;
	struct jsonslice slice;

	if (r->request->media == MEDIA_JSON_LINES) {
		message = add(r);
		if (message == NULL)
			return r->err->code;
		if (len > 0 && at[len - 1] == '\r')
			len--;
		message->body = (const uint8_t *)at;
		message->body_len = (int32_t)len;
		message->is_json = true;
		message->line = line;
		return ERR_OK;
	}
	jsonslice_init(&slice, at, len);
	if (take_envelope(r, &slice, line) != ERR_OK)
		return r->err->code;
	if (jsonslice_peek(&slice) != '\0' || slice.at != slice.end) {
		slice.fault = "there is more behind the envelope";
		return fault_of(r, &slice, line);
	}
	return ERR_OK;
}

static enum err_code
read_lines(struct reading *r)
{
	const char *at = (const char *)r->request->body;
	const char *end = at + r->request->body_len;

	for (int64_t line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop != NULL ? stop : end) - at);

		if (!is_blank(at, len) && take_line(r, at, len, line) != ERR_OK)
			return r->err->code;
		at += len + (stop != NULL);
	}
	return ERR_OK;
}

static enum err_code
read_envelopes(struct reading *r)
{
	struct jsonslice slice;
	bool first = true;

	jsonslice_init(&slice, (const char *)r->request->body,
	               r->request->body_len);
	if (jsonslice_peek(&slice) != '[') {
		if (take_envelope(r, &slice, 0) != ERR_OK)
			return r->err->code;
	} else {
		while (jsonslice_next_item(&slice, &first)) {
			if (take_envelope(r, &slice, 0) != ERR_OK)
				return r->err->code;
		}
	}
	if (slice.fault == NULL &&
	    (jsonslice_peek(&slice) != '\0' || slice.at != slice.end))
		slice.fault = "there is more behind the last envelope";
	return slice.fault != NULL ? fault_of(r, &slice, 1) : ERR_OK;
}

/* -- binary ------------------------------------------------------------------ */

static enum err_code
read_prefixed(struct reading *r)
{
	const uint8_t *begin = r->request->body;
	const uint8_t *at = begin, *end = begin + r->request->body_len;

	while (at < end) {
		struct intake_message *message;
		int32_t len = end - at < 4 ? -1 : wire_get_int4(at);

		if (len < 0 || end - at - 4 < len)
			return err_set(r->err, ERR_INVALID,
			               "byte %td: a message is cut off, or its "
			               "length is wrong",
			               at - begin);
		message = add(r);
		if (message == NULL)
			return r->err->code;
		message->body = at + 4;
		message->body_len = len;
		at += 4 + len;
	}
	return ERR_OK;
}

/* The number of a file's record, in front of which the file's name comes. */
static enum err_code
take_number(struct reading *r, const struct frame *frame,
            struct intake_message *message)
{
	int64_t number = 0;

	if (frame->id_len == 0)
		return ERR_OK;
	for (int32_t i = 0; i < frame->id_len; i++) {
		uint8_t c = frame->id[i];

		if (c < '0' || c > '9' || frame->id_len > RECORD_DIGITS_MAX ||
		    (frame->id[0] == '0' && frame->id_len > 1))
			return err_set(r->err, ERR_INVALID,
			               "the id of a file's record must be its "
			               "number");
		number = number * 10 + (c - '0');
	}
	message->number = number - r->request->first;
	message->id = NULL;
	message->id_len = 0;
	return ERR_OK;
}

static enum err_code
take_reasons(struct reading *r, const struct frame *frame,
             struct intake_message *message)
{
	if (frame->reasons == NULL)
		return ERR_OK;
	return frame_read_reasons(frame, r->arena, &message->violations,
	                          &message->violation_count, r->err);
}

static enum err_code
take_frame(struct reading *r, const struct frame *frame)
{
	struct intake_message *message = add(r);

	if (message == NULL)
		return r->err->code;
	if (frame->id_len > 0 &&
	    !intake_is_id(frame->id, (size_t)frame->id_len))
		return err_set(r->err, ERR_INVALID,
		               "an id must be 1 to 200 printable ASCII "
		               "characters");
	*message = (struct intake_message){
		.number = message->number,
		.key = frame->key,
		.body = frame->body,
		.headers = frame->headers,
		.id = frame->id,
		.key_len = frame->key_len,
		.body_len = frame->body_len,
		.headers_len = frame->headers_len,
		.id_len = frame->id_len,
		.time_ms = frame->time_ms == FRAME_NO_TIME ? MOMENT_NONE
							   : frame->time_ms,
	};
	if (frame->headers_len >= 0 &&
	    !headermap_is_sound(frame->headers, frame->headers_len))
		return err_set(r->err, ERR_INVALID,
		               "headers are not in the journal's form");
	if (frame->headers_len == 0) {
		message->headers = NULL;
		message->headers_len = -1;
	}
	if (r->request->is_file && take_number(r, frame, message) != ERR_OK)
		return r->err->code;
	return take_reasons(r, frame, message);
}

static enum err_code
read_frames(struct reading *r)
{
	const uint8_t *begin = r->request->body;
	const uint8_t *at = begin, *end = begin + r->request->body_len;

	while (at < end) {
		const uint8_t *here = at;
		struct frame frame;

		if (frame_read(&at, end, &frame, r->err) != ERR_OK ||
		    take_frame(r, &frame) != ERR_OK)
			return r->err->code == ERR_TOO_LARGE
				? ERR_TOO_LARGE
				: err_context(r->err, "byte %td", here - begin);
	}
	return ERR_OK;
}

static enum err_code
take_record(struct reading *r, const struct record *record)
{
	struct intake_message *message;

	message = add(r);
	if (message == NULL)
		return r->err->code;
	if (record->body == NULL) {
		message->violation_count = record->violation_count;
		message->violations = record->violations;
		message->body = arena_copy(r->arena, record->original,
		                           record->original_len);
		message->body_len = (int32_t)record->original_len;
		return ERR_OK;
	}
	message->body =
		arena_copy(r->arena, record->body, (size_t)record->body_len);
	message->body_len = record->body_len;
	return ERR_OK;
}

static enum err_code
read_container(struct reading *r)
{
	const struct records_options options = {
		.format = RECORDS_CONTAINER,
		.fd = -1,
		.bytes = r->request->body,
		.len = r->request->body_len,
	};
	struct records *records = NULL;
	struct record record = { .is_end = false };

	if (records_open(r->request->contract, &options, &records, r->err) !=
	    ERR_OK)
		return r->err->code;
	while (records_next(records, r->arena, &record, r->err) == ERR_OK &&
	       !record.is_end) {
		if (take_record(r, &record) != ERR_OK)
			break;
	}
	records_close(&records);
	return record.is_end ? ERR_OK : r->err->code;
}

/* -- ids ----------------------------------------------------------------------- */

/* Each "#" and number is at most 21 bytes: one piece of memory for all. */
static void
number_ids(struct reading *r)
{
	const char *id = r->request->id;
	size_t len = strlen(id);
	uint8_t *room;

	CHECK(len <= INTAKE_ID_MAX);
	room = arena_alloc(r->arena, r->out->count * (len + 1 + TEXT_INT_MAX));
	for (size_t i = 0; i < r->out->count; i++) {
		struct intake_message *message = &r->out->messages[i];

		if (message->id_len > 0)
			continue;
		message->id = room;
		memcpy(room, id, len);
		room += len;
		if (!media_is_single(r->request->media)) {
			*room++ = '#';
			room += text_print_int(
				(char *)room,
				r->request->first + message->number);
		}
		message->id_len = (int32_t)(room - message->id);
	}
}

/* -- public ---------------------------------------------------------------- */

enum err_code
intake_read(const struct intake_request *request, struct arena *arena,
            struct intake *out, struct err *err)
{
	static enum err_code (*const readers[MEDIA_COUNT])(struct reading *) = {
		[MEDIA_JSON] = read_single,
		[MEDIA_JSON_LINES] = read_lines,
		[MEDIA_ENVELOPE] = read_envelopes,
		[MEDIA_ENVELOPE_LINES] = read_lines,
		[MEDIA_AVRO] = read_single,
		[MEDIA_AVRO_MANY] = read_prefixed,
		[MEDIA_FRAMES] = read_frames,
		[MEDIA_CONTAINER] = read_container,
	};
	struct reading reading = { request, arena, out, err, 0 };

	CHECK(request->media < MEDIA_COUNT);
	CHECK(request->body_len <= INT32_MAX);
	*out = (struct intake){ .count = 0 };
	if (readers[request->media](&reading) != ERR_OK)
		return err->code;
	if (request->id != NULL && out->count > 0)
		number_ids(&reading);
	return ERR_OK;
}

bool
intake_is_id(const uint8_t *bytes, size_t len)
{
	if (len == 0 || len > INTAKE_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return false;
	return true;
}
