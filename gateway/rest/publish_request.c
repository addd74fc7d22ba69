/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One function a header that says something of a single message, in a table.
 */
#include "gateway/rest/publish_request.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/httpd.h"
#include "base/runtime/arena.h"
#include "base/runtime/text.h"
#include "gateway/rest/argument.h"
#include "gateway/rest/envelope.h"
#include "gateway/rest/headermap.h"
#include "gateway/rest/jsonslice.h"
#include "gateway/rest/media.h"
#include "gateway/rest/moment.h"
#include "gateway/rest/origin.h"
#include "gateway/rest/preparation.h"

/* -- headers about the one message ---------------------------------------------- */

static enum err_code
read_key(const char *value, struct arena *arena, struct intake_message *out,
         struct err *err)
{
	size_t len = strlen(value);

	if (!text_is_utf8(value, len))
		return err_set(err, ERR_USAGE,
		               "Waybill-Key is no UTF-8: take "
		               "Waybill-Key-Base64");
	out->key = (const uint8_t *)value;
	out->key_len = (int32_t)len;
	return ERR_OK;
}

static enum err_code
read_key_base64(const char *value, struct arena *arena,
                struct intake_message *out, struct err *err)
{
	if (out->key != NULL)
		return err_set(err, ERR_USAGE,
		               "Waybill-Key and Waybill-Key-Base64 are two "
		               "keys");
	out->key = envelope_base64(value, strlen(value), arena, &out->key_len);
	return out->key != NULL
		? ERR_OK
		: err_set(err, ERR_USAGE, "Waybill-Key-Base64 is no base64");
}

static enum err_code
read_time(const char *value, struct arena *arena, struct intake_message *out,
          struct err *err)
{
	if (moment_parse(value, strlen(value), &out->time_ms))
		return ERR_OK;
	return err_set(err, ERR_USAGE,
	               "Waybill-Time must be as in RFC 3339, or milliseconds "
	               "since 1970");
}

static enum err_code
read_headers(const char *value, struct arena *arena, struct intake_message *out,
             struct err *err)
{
	struct jsonslice slice;
	int64_t line, column;

	jsonslice_init(&slice, value, strlen(value));
	if (headermap_read(&slice, arena, &out->headers, &out->headers_len) &&
	    jsonslice_peek(&slice) != '\0')
		slice.fault = "there is more behind the object";
	if (slice.fault == NULL)
		return ERR_OK;
	jsonslice_place(&slice, &line, &column);
	return err_set(err, ERR_USAGE,
	               "Waybill-Headers, column %" PRId64 ": %s", column,
	               slice.fault);
}

static const struct {
	const char *name;
	enum err_code (*read)(const char *value, struct arena *arena,
	                      struct intake_message *out, struct err *err);
} single_headers[] = {
	{ "Waybill-Key", read_key },
	{ "Waybill-Key-Base64", read_key_base64 },
	{ "Waybill-Time", read_time },
	{ "Waybill-Headers", read_headers },
};

static enum err_code
read_single_headers(const struct http_request *request, struct arena *arena,
                    struct publish_request *out, struct err *err)
{
	for (size_t i = 0;
	     i < sizeof(single_headers) / sizeof(single_headers[0]); i++) {
		const char *name = single_headers[i].name;
		const char *value = http_request_header(request, name);

		if (value == NULL)
			continue;
		if (!media_is_single(out->intake.media))
			return err_set(err, ERR_USAGE,
			               "%s says something of one message; %s "
			               "has many",
			               name, media_name(out->intake.media));
		if (single_headers[i].read(value, arena, &out->intake.single,
		                           err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

/* With or without the quotes of a structured field. */
static enum err_code
read_id(const struct http_request *request, struct arena *arena,
        struct publish_request *out, struct err *err)
{
	const char *value = http_request_header(request, "Idempotency-Key");
	size_t len;

	if (value == NULL)
		return ERR_OK;
	len = strlen(value);
	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	if (!intake_is_id((const uint8_t *)value, len))
		return err_set(err, ERR_USAGE,
		               "Idempotency-Key must be 1 to %d printable "
		               "ASCII characters",
		               INTAKE_ID_MAX);
	out->intake.id = arena_printf(arena, "%.*s", (int)len, value);
	return ERR_OK;
}

/* -- the query --------------------------------------------------------------------- */

enum {
	ARGUMENT_WAIT,
	ARGUMENT_RECEIPTS,
	ARGUMENT_PARTITION,
	ARGUMENT_FILE,
	ARGUMENT_FIRST,
	ARGUMENT_CONTRACT,
	ARGUMENT_COUNT
};

static const char *const argument_names[ARGUMENT_COUNT] = {
	[ARGUMENT_WAIT] = "wait",           [ARGUMENT_RECEIPTS] = "receipts",
	[ARGUMENT_PARTITION] = "partition", [ARGUMENT_FILE] = "file",
	[ARGUMENT_FIRST] = "first",         [ARGUMENT_CONTRACT] = "contract",
};

/* One of two words; *out: the second. NULL: the first. */
static enum err_code
read_choice(const char *name, const char *value, const char *first,
            const char *second, bool *out, struct err *err)
{
	*out = value != NULL && strcmp(value, second) == 0;
	if (value == NULL || *out || strcmp(value, first) == 0)
		return ERR_OK;
	return err_set(err, ERR_USAGE, "%s must be %s or %s", name, first,
	               second);
}

static enum err_code
read_file(const char *file, const char *first, struct publish_request *out,
          struct err *err)
{
	if (file == NULL && first == NULL)
		return ERR_OK;
	if (file == NULL || strlen(file) != ORIGIN_FILE_LEN ||
	    strspn(file, "0123456789abcdef") != ORIGIN_FILE_LEN)
		return err_set(err, ERR_USAGE,
		               "file must be a SHA-256 in lower-case "
		               "hexadecimal");
	if (media_is_single(out->intake.media))
		return err_set(err, ERR_USAGE,
		               "a file's records come in a type of many");
	if (out->intake.id != NULL)
		return err_set(err, ERR_USAGE,
		               "a file's records have ids already: no "
		               "Idempotency-Key");
	out->file = out->intake.id = file;
	out->intake.is_file = true;
	return first == NULL
		? ERR_OK
		: argument_integer("first", first, 0, INT64_MAX / 2,
	                           &out->intake.first, err);
}

static enum err_code
read_partition(const struct http_request *request, const char *argument,
               struct publish_request *out, struct err *err)
{
	const char *header = http_request_header(request, "Waybill-Partition");

	if (header != NULL && argument != NULL)
		return err_set(err, ERR_USAGE,
		               "Waybill-Partition and partition= are two "
		               "partitions");
	if (header == NULL && argument == NULL)
		return ERR_OK;
	return argument_integer("the partition",
	                        header != NULL ? header : argument, 0,
	                        INT32_MAX, &out->partition, err);
}

static enum err_code
read_query(const struct http_request *request, struct arena *arena,
           struct publish_request *out, struct err *err)
{
	const char *values[ARGUMENT_COUNT] = { NULL };

	if (request->query[0] != '\0' &&
	    argument_read(request->query, argument_names, ARGUMENT_COUNT, arena,
	                  values, err) != ERR_OK)
		return err->code;
	if (read_choice("wait", values[ARGUMENT_WAIT], "recorded", "forwarded",
	                &out->wait_forwarded, err) != ERR_OK ||
	    read_choice("receipts", values[ARGUMENT_RECEIPTS], "all",
	                "rejected", &out->only_bad, err) != ERR_OK ||
	    read_partition(request, values[ARGUMENT_PARTITION], out, err) !=
	            ERR_OK)
		return err->code;
	if (values[ARGUMENT_CONTRACT] != NULL &&
	    argument_integer("contract", values[ARGUMENT_CONTRACT], 1,
	                     INT32_MAX, &out->contract, err) != ERR_OK)
		return err->code;
	return read_file(values[ARGUMENT_FILE], values[ARGUMENT_FIRST], out,
	                 err);
}

/* -- public ---------------------------------------------------------------- */

enum problem
publish_request_read(const struct http_request *request, struct arena *arena,
                     struct publish_request *out, struct err *err)
{
	*out = (struct publish_request){
		.partition = PREPARATION_NO_PARTITION,
		.intake = { .body = request->body,
		            .body_len = request->body_len,
		            .single = { .key_len = -1,
		                        .body_len = -1,
		                        .headers_len = -1,
		                        .time_ms = MOMENT_NONE } },
	};
	out->intake.media =
		media_parse(http_request_header(request, "Content-Type"));
	if (out->intake.media == MEDIA_COUNT) {
		err_set(err, ERR_USAGE, "see the header Accept-Post");
		return PROBLEM_MEDIA_TYPE;
	}
	if (!media_accepts_json(http_request_header(request, "Accept"))) {
		err_set(err, ERR_USAGE, "receipts are application/json");
		return PROBLEM_NOT_ACCEPTABLE;
	}
	if (read_id(request, arena, out, err) != ERR_OK ||
	    read_single_headers(request, arena, out, err) != ERR_OK ||
	    read_query(request, arena, out, err) != ERR_OK)
		return PROBLEM_BAD_REQUEST;
	return PROBLEM_COUNT;
}
