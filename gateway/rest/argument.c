/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * application/x-www-form-urlencoded, read once from the front.
 */
#include "gateway/rest/argument.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/text.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL: it is malformed. */
static const char *
decode(struct arena *arena, const char *from, size_t len)
{
	char *made = arena_alloc(arena, len + 1), *to = made;

	for (size_t i = 0; i < len; i++) {
		char c = from[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high, low;

			if (len - i < 3 ||
			    (high = hex_value(from[i + 1])) < 0 ||
			    (low = hex_value(from[i + 2])) < 0)
				return NULL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return NULL;
		*to++ = c;
	}
	*to = '\0';
	return text_is_utf8(made, (size_t)(to - made)) ? made : NULL;
}

static size_t
find(const char *const *names, size_t count, const char *name)
{
	size_t i = 0;

	while (i < count && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static enum err_code
take(const char *at, size_t len, const char *const *names, size_t count,
     struct arena *arena, const char **out_values, struct err *err)
{
	const char *equals = memchr(at, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - at) : len;
	const char *name = decode(arena, at, name_len), *value;
	size_t i;

	if (name == NULL)
		return err_set(err, ERR_USAGE,
		               "the query has a name that is malformed");
	i = find(names, count, name);
	if (i == count)
		return err_set(err, ERR_USAGE,
		               "there is no query parameter %.64s", name);
	if (out_values[i] != NULL)
		return err_set(err, ERR_USAGE,
		               "the query parameter %s is there twice", name);
	value = equals == NULL ? ""
			       : decode(arena, equals + 1, len - name_len - 1);
	if (value == NULL)
		return err_set(err, ERR_USAGE,
		               "the query parameter %s is malformed", name);
	out_values[i] = value;
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
argument_read(const char *query, const char *const *names, size_t count,
              struct arena *arena, const char **out_values, struct err *err)
{
	memset(out_values, 0, count * sizeof(*out_values));
	while (query != NULL && *query != '\0') {
		size_t len = strcspn(query, "&");

		if (len > 0 &&
		    take(query, len, names, count, arena, out_values, err) !=
		            ERR_OK)
			return err->code;
		query += len + (query[len] == '&');
	}
	return ERR_OK;
}

enum err_code
argument_integer(const char *name, const char *value, int64_t min, int64_t max,
                 int64_t *out, struct err *err)
{
	size_t digits = value[0] == '-' ? 1 : 0;
	long long number;

	errno = 0;
	number = strtoll(value, NULL, 10);
	if (value[digits] == '\0' ||
	    value[digits + strspn(value + digits, "0123456789")] != '\0' ||
	    errno != 0 || number < min || number > max)
		return err_set(err, ERR_USAGE,
		               "%s must be a number from %" PRId64
		               " to %" PRId64,
		               name, min, max);
	*out = number;
	return ERR_OK;
}
