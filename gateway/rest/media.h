/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The media types that messages may come in, and whether what the server
 * answers is acceptable to the client. Any thread.
 */
#include <stdbool.h>
#include <stddef.h>

struct text;

enum media {
	MEDIA_JSON,
	MEDIA_JSON_LINES,
	MEDIA_ENVELOPE,
	MEDIA_ENVELOPE_LINES,
	MEDIA_AVRO,
	MEDIA_AVRO_MANY,
	MEDIA_FRAMES,
	MEDIA_CONTAINER,
	MEDIA_COUNT /* none of them */
};

/* The value of Content-Type; NULL: there is none. A charset must be UTF-8 where
   the type is text; other parameters mean nothing. */
enum media
media_parse(const char *content_type);

const char *
media_name(enum media media);

/* Whether a body is one message, whose key, time and headers are in headers of
   the request. */
bool
media_is_single(enum media media);

/* Whether the value of Accept takes application/json (and so problem+json);
   NULL: it does. */
bool
media_accepts_json(const char *accept);

/* All of them, as a header's value. */
void
media_list(struct text *out);
