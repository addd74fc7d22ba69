/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A media type is a token "/" a token, then parameters behind semicolons, all
 * without regard to case.
 */
#include "gateway/rest/media.h"

#include <string.h>
#include <strings.h>

#include "base/runtime/check.h"
#include "base/runtime/text.h"

static const struct {
	const char *name;
	bool is_single;
	bool is_text;
} medias[MEDIA_COUNT] = {
	[MEDIA_JSON] = { "application/json", true, true },
	[MEDIA_JSON_LINES] = { "application/x-ndjson", false, true },
	[MEDIA_ENVELOPE] = { "application/vnd.waybill.envelope+json", false,
	                     true },
	[MEDIA_ENVELOPE_LINES] = { "application/vnd.waybill.envelope+x-ndjson",
	                           false, true },
	[MEDIA_AVRO] = { "avro/binary", true, false },
	[MEDIA_AVRO_MANY] = { "application/vnd.waybill.messages+avro", false,
	                      false },
	[MEDIA_FRAMES] = { "application/vnd.waybill.frames", false, false },
	[MEDIA_CONTAINER] = { "application/avro", false, false },
};

#define SPACE " \t"

static bool
is_word(const char *at, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(at, word, len) == 0;
}

/* Up to one of the ends, without spaces around it. */
static const char *
take_word(const char **at, const char *ends, size_t *out_len)
{
	const char *begin = *at + strspn(*at, SPACE);
	size_t len = strcspn(begin, ends);

	*at = begin + len;
	while (len > 0 && strchr(SPACE, begin[len - 1]) != NULL)
		len--;
	*out_len = len;
	return begin;
}

/* Parameters of a media type: whether they leave it UTF-8. */
static bool
is_utf8(const char *at)
{
	while (*at == ';') {
		const char *name, *value;
		size_t name_len, len;

		at++;
		name = take_word(&at, "=;", &name_len);
		if (*at != '=')
			continue;
		at++;
		value = take_word(&at, ";", &len);
		if (!is_word(name, name_len, "charset"))
			continue;
		if (!is_word(value, len, "utf-8") &&
		    !is_word(value, len, "\"utf-8\""))
			return false;
	}
	return true;
}

/* "q=0", "q=0.0" ...: not acceptable at all. */
static bool
is_refused(const char *at, const char *end)
{
	while (at < end && *at == ';') {
		const char *name, *value;
		size_t name_len, len;

		at++;
		name = take_word(&at, "=;,", &name_len);
		if (*at != '=')
			continue;
		at++;
		value = take_word(&at, ";,", &len);
		if (is_word(name, name_len, "q"))
			return len > 0 && strspn(value, "0.") >= len;
	}
	return false;
}

/* -- public ---------------------------------------------------------------- */

enum media
media_parse(const char *content_type)
{
	const char *at = content_type, *name;
	size_t len;

	if (content_type == NULL)
		return MEDIA_COUNT;
	name = take_word(&at, ";", &len);
	for (int i = 0; i < MEDIA_COUNT; i++) {
		if (is_word(name, len, medias[i].name))
			return !medias[i].is_text || is_utf8(at) ? (enum media)i
								 : MEDIA_COUNT;
	}
	return MEDIA_COUNT;
}

const char *
media_name(enum media media)
{
	CHECK(media < MEDIA_COUNT);
	return medias[media].name;
}

bool
media_is_single(enum media media)
{
	CHECK(media < MEDIA_COUNT);
	return medias[media].is_single;
}

bool
media_accepts_json(const char *accept)
{
	const char *at = accept;
	bool any = false, all = false, ours = false;
	bool ours_named = false, all_named = false;

	if (accept == NULL || accept[strspn(accept, SPACE)] == '\0')
		return true;
	while (*at != '\0') {
		size_t len;
		const char *range = take_word(&at, ";,", &len);
		const char *end = at + strcspn(at, ",");
		bool taken = !is_refused(at, end);

		if (is_word(range, len, "application/json")) {
			ours_named = true;
			ours = taken;
		} else if (is_word(range, len, "application/*")) {
			all_named = true;
			all = taken;
		} else if (is_word(range, len, "*/*")) {
			any = taken;
		}
		at = *end == ',' ? end + 1 : end;
	}
	/* The most specific range decides. */
	return ours_named ? ours : all_named ? all : any;
}

void
media_list(struct text *out)
{
	for (int i = 0; i < MEDIA_COUNT; i++)
		text_addf(out, "%s%s", i > 0 ? ", " : "", medias[i].name);
}
