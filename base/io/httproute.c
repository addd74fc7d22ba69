/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns are cut into segments once, a request's path at each request; then
 * it is a loop over the table.
 */
#include <string.h>

#include "base/io/httplib.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

struct segment {
	const char *text; /* without braces */
	size_t len;
	bool is_name;
};

struct pattern {
	const struct http_route *route;
	size_t count;
	struct segment segments[HTTPD_SEGMENTS_MAX];
};

struct httproute_table {
	size_t count;
	struct pattern patterns[];
};

/* "/a/b" is two segments, "/" is one that is empty. False: too many, or it
   does not begin with a slash. */
static bool
split(const char *path, struct segment *out, size_t *out_count)
{
	size_t count = 0;

	if (*path != '/')
		return false;
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (count == HTTPD_SEGMENTS_MAX)
			return false;
		out[count++] = (struct segment){ .text = path, .len = len };
		path += len;
	}
	*out_count = count;
	return true;
}

static void
compile(const struct http_route *route, struct pattern *out)
{
	size_t names = 0;

	CHECK((route->handle != NULL) != (route->begin != NULL));
	CHECK(split(route->path, out->segments, &out->count));
	out->route = route;
	for (size_t i = 0; i < out->count; i++) {
		struct segment *at = &out->segments[i];

		if (at->len == 0 || at->text[0] != '{')
			continue;
		CHECK(at->len > 2 && at->text[at->len - 1] == '}');
		at->is_name = true;
		at->text++;
		at->len -= 2;
		names++;
	}
	CHECK(names <= HTTPD_VALUES_MAX);
}

static bool
is_method(const struct http_route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
		(strcmp(method, "HEAD") == 0 &&
	         strcmp(route->method, "GET") == 0);
}

static bool
fits(const struct pattern *pattern, const struct segment *segments,
     size_t count)
{
	if (pattern->count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct segment *at = &pattern->segments[i];

		if (at->is_name ? segments[i].len == 0
		                : at->len != segments[i].len ||
		                    memcmp(at->text, segments[i].text,
		                           at->len) != 0)
			return false;
	}
	return true;
}

static bool
has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* False: one of them is nothing that a name could be. */
static bool
take_values(const struct pattern *pattern, const struct segment *segments,
            struct httpd_connection *connection)
{
	struct httpd_incoming *in = &connection->in;

	in->value_count = 0;
	for (size_t i = 0; i < pattern->count; i++) {
		char *value;

		if (!pattern->segments[i].is_name)
			continue;
		if (segments[i].len > 3 * HTTP_PATH_VALUE_MAX)
			return false;
		value = arena_alloc(&connection->exchange.arena,
		                    segments[i].len + 1);
		if (!http_decode(segments[i].text, segments[i].len, false,
		                 value) ||
		    strlen(value) > HTTP_PATH_VALUE_MAX || has_control(value) ||
		    !text_is_utf8(value, strlen(value)))
			return false;
		in->values[in->value_count++] = (struct httpd_value){
			.name = pattern->segments[i].text,
			.name_len = pattern->segments[i].len,
			.value = value,
		};
	}
	return true;
}

/* -- public -- */

struct httproute_table *
httproute_new(const struct http_route *const *routes)
{
	struct httproute_table *table;
	size_t count = 0;

	while (routes[count])
		count++;
	table = memory_calloc(
		1, sizeof(*table) + count * sizeof(table->patterns[0]));
	table->count = count;
	for (size_t i = 0; i < count; i++)
		compile(routes[i], &table->patterns[i]);
	return table;
}

void
httproute_free(struct httproute_table **table)
{
	memory_free(table);
}

int
httproute_find(const struct httproute_table *table,
               struct httpd_connection *connection)
{
	const struct http_request *request = &connection->exchange.request;
	struct segment segments[HTTPD_SEGMENTS_MAX];
	size_t count = 0;
	int status = 404;

	if (!split(request->path, segments, &count))
		return 404;
	for (size_t i = 0; i < table->count; i++) {
		const struct pattern *pattern = &table->patterns[i];

		if (!fits(pattern, segments, count))
			continue;
		status = 405;
		if (!is_method(pattern->route, request->method))
			continue;
		if (!take_values(pattern, segments, connection))
			return 404;
		connection->in.route = pattern->route;
		return 0;
	}
	return status;
}

void
httproute_add_allowed(const struct httproute_table *table, const char *path,
                      struct text *out)
{
	struct segment segments[HTTPD_SEGMENTS_MAX];
	size_t count = 0;

	if (!split(path, segments, &count))
		return;
	for (size_t i = 0; i < table->count; i++) {
		const char *method = table->patterns[i].route->method;

		if (!fits(&table->patterns[i], segments, count))
			continue;
		text_addf(out, "%s%s", out->len ? ", " : "", method);
		if (strcmp(method, "GET") == 0)
			text_add(out, ", HEAD");
	}
}
