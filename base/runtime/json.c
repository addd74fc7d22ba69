/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Jansson parses; its tree is then copied into one arena, where members have
 * an index (its own have not) and the order of the document.
 */
#include "base/runtime/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some of our names are jansson's too: it gets others while it is read. */
#define JSON_ARRAY   JANSSON_ARRAY
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_NULL    JANSSON_NULL
#define JSON_OBJECT  JANSSON_OBJECT
#define JSON_REAL    JANSSON_REAL
#define JSON_STRING  JANSSON_STRING
#define json_integer jansson_integer
#define json_real    jansson_real
#define json_string  jansson_string
#define json_type    jansson_type
#include <jansson.h>
#undef JSON_ARRAY
#undef JSON_INTEGER
#undef JSON_NULL
#undef JSON_OBJECT
#undef JSON_REAL
#undef JSON_STRING
#undef json_boolean
#undef json_integer
#undef json_real
#undef json_string
#undef json_type

#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"

#define JSON_DEPTH_MAX   512
#define JSON_CHUNK_BYTES 4096
/* up to so many members are looked up one by one */
#define JSON_SCAN_MAX 8

struct json_members {
	size_t count;
	struct json *values;
	const char **keys; /* NULL: an array */
	size_t *sorted;    /* by key; NULL: few */
};

struct json {
	enum json_type type;
	bool is_root;
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct {
			const char *bytes;
			size_t len;
		} string;
		struct json_members members;
	};
};

struct json_document {
	struct json root; /* the first: what the caller has */
	struct arena arena;
};

/* Column counts characters. */
struct json_place {
	int line;
	int column;
};

/* Looks for what jansson lets pass: a depth that is too much for recursion,
   and a NUL, which it takes for the end. What is wrong at place, or NULL. */
static const char *
json_scan(const char *bytes, size_t len, struct json_place *place)
{
	bool in_string = false;
	int depth = 0;

	*place = (struct json_place){ 1, 0 };
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];

		if (c == '\n') {
			place->line++;
			place->column = 0;
		} else if (((unsigned char)c & 0xc0) != 0x80) {
			place->column++;
		}
		if (c == '\0')
			return "a NUL byte";
		if (in_string) {
			if (c == '\\' && i + 1 < len && bytes[i + 1] > ' ') {
				i++;
				place->column++;
			} else if (c == '"') {
				in_string = false;
			}
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > JSON_DEPTH_MAX)
				return "nested deeper than 512";
		} else if (c == ']' || c == '}') {
			depth--;
		}
	}
	return NULL;
}

/* By key, then by place: there are no equal keys. */
static int
json_compare_keys(const void *left, const void *right, void *context)
{
	const char *const *keys = context;

	return strcmp(keys[*(const size_t *)left],
	              keys[*(const size_t *)right]);
}

static void
json_sort(struct arena *arena, struct json_members *members)
{
	if (members->count <= JSON_SCAN_MAX)
		return;
	members->sorted = arena_alloc(arena, members->count * sizeof(size_t));
	for (size_t i = 0; i < members->count; i++)
		members->sorted[i] = i;
	qsort_r(members->sorted, members->count, sizeof(size_t),
	        json_compare_keys, members->keys);
}

static void
json_take(struct arena *arena, json_t *from, struct json *to);

static void
json_take_array(struct arena *arena, json_t *from, struct json *to)
{
	size_t count = json_array_size(from);

	to->type = JSON_ARRAY;
	to->members.count = count;
	to->members.values = arena_calloc(arena, count, sizeof(struct json));
	for (size_t i = 0; i < count; i++)
		json_take(arena, json_array_get(from, i),
		          &to->members.values[i]);
}

static void
json_take_object(struct arena *arena, json_t *from, struct json *to)
{
	size_t count = json_object_size(from), i = 0;

	to->type = JSON_OBJECT;
	to->members.count = count;
	to->members.values = arena_calloc(arena, count, sizeof(struct json));
	to->members.keys = arena_calloc(arena, count, sizeof(char *));
	for (void *iter = json_object_iter(from); iter != NULL;
	     iter = json_object_iter_next(from, iter), i++) {
		CHECK(i < count);
		to->members.keys[i] =
			arena_strdup(arena, json_object_iter_key(iter));
		json_take(arena, json_object_iter_value(iter),
		          &to->members.values[i]);
	}
	CHECK(i == count);
	json_sort(arena, &to->members);
}

/* Recursion: json_scan has bounded it. */
static void
json_take(struct arena *arena, json_t *from, struct json *to)
{
	switch (json_typeof(from)) {
	case JANSSON_OBJECT:
		json_take_object(arena, from, to);
		break;
	case JANSSON_ARRAY:
		json_take_array(arena, from, to);
		break;
	case JANSSON_STRING:
		to->type = JSON_STRING;
		to->string.len = json_string_length(from);
		to->string.bytes = arena_copy(arena, json_string_value(from),
		                              to->string.len + 1);
		break;
	case JANSSON_INTEGER:
		to->type = JSON_INTEGER;
		to->integer = json_integer_value(from);
		break;
	case JANSSON_REAL:
		to->type = JSON_REAL;
		to->real = json_real_value(from);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		to->type = JSON_BOOLEAN;
		to->boolean = json_typeof(from) == JSON_TRUE;
		break;
	case JANSSON_NULL:
		to->type = JSON_NULL;
		break;
	}
}

/* Jansson quotes what is near; it may cut a character in the middle. */
static enum err_code
json_fail(const json_error_t *error, struct err *err)
{
	char text[JSON_ERROR_TEXT_LENGTH];

	snprintf(text, sizeof(text), "%s", error->text);
	if (!text_is_utf8(text, strlen(text)))
		for (char *at = text; *at != '\0'; at++)
			if ((unsigned char)*at >= 0x80)
				*at = '?';
	return err_set(err, ERR_INVALID, "line %d, column %d: %s",
	               error->line > 0 ? error->line : 1,
	               error->column > 0 ? error->column : 0, text);
}

static bool
json_has_members(const struct json *json)
{
	return json != NULL &&
		(json->type == JSON_ARRAY || json->type == JSON_OBJECT);
}

/* The shortest text that reads back as the same real number. */
static void
json_print_real(double real, struct text *out)
{
	char text[40];

	CHECK(isfinite(real));
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	text_add(out, text);
	if (strpbrk(text, ".e") == NULL)
		text_add(out, ".0");
}

static void
json_print_members(const struct json *json, struct text *out)
{
	bool is_object = json->type == JSON_OBJECT;

	text_add(out, is_object ? "{" : "[");
	for (size_t i = 0; i < json->members.count; i++) {
		if (i > 0)
			text_add(out, ",");
		if (is_object) {
			text_add_json(out, json->members.keys[i],
			              strlen(json->members.keys[i]));
			text_add(out, ":");
		}
		json_print(&json->members.values[i], out);
	}
	text_add(out, is_object ? "}" : "]");
}

/* -- public -------------------------------------------------------------- */

enum err_code
json_parse(const char *bytes, size_t len, struct json **out, struct err *err)
{
	struct json_document *document;
	struct json_place place;
	const char *fault;
	json_error_t error;
	json_t *tree;

	fault = json_scan(bytes, len, &place);
	if (fault != NULL)
		return err_set(err, ERR_INVALID, "line %d, column %d: %s",
		               place.line, place.column, fault);
	memset(&error, 0, sizeof(error));
	tree = json_loadb(len > 0 ? bytes : "", len,
	                  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
	                          JSON_ALLOW_NUL,
	                  &error);
	if (tree == NULL)
		return json_fail(&error, err);

	document = memory_calloc(1, sizeof(*document));
	arena_init(&document->arena, JSON_CHUNK_BYTES);
	json_take(&document->arena, tree, &document->root);
	document->root.is_root = true;
	json_decref(tree);
	*out = &document->root;
	return ERR_OK;
}

void
json_free(struct json **json)
{
	struct json_document *document = (struct json_document *)*json;

	if (document == NULL)
		return;
	CHECK(document->root.is_root);
	arena_fini(&document->arena);
	memory_free(&document);
	*json = NULL;
}

enum json_type
json_type(const struct json *json)
{
	return json == NULL ? JSON_NULL : json->type;
}

const char *
json_string(const struct json *json)
{
	return json_type(json) == JSON_STRING ? json->string.bytes : NULL;
}

size_t
json_string_len(const struct json *json)
{
	return json_type(json) == JSON_STRING ? json->string.len : 0;
}

int64_t
json_integer(const struct json *json, int64_t otherwise)
{
	return json_type(json) == JSON_INTEGER ? json->integer : otherwise;
}

double
json_real(const struct json *json, double otherwise)
{
	if (json_type(json) == JSON_INTEGER)
		return (double)json->integer;
	return json_type(json) == JSON_REAL ? json->real : otherwise;
}

bool
json_boolean(const struct json *json, bool otherwise)
{
	return json_type(json) == JSON_BOOLEAN ? json->boolean : otherwise;
}

size_t
json_count(const struct json *json)
{
	return json_has_members(json) ? json->members.count : 0;
}

struct json *
json_at(const struct json *json, size_t index)
{
	if (json_type(json) != JSON_ARRAY || index >= json->members.count)
		return NULL;
	return &json->members.values[index];
}

struct json *
json_get(const struct json *json, const char *key)
{
	const struct json_members *members;
	size_t low = 0, high;

	if (json_type(json) != JSON_OBJECT)
		return NULL;
	members = &json->members;
	if (members->sorted == NULL) {
		for (size_t i = 0; i < members->count; i++)
			if (strcmp(members->keys[i], key) == 0)
				return &members->values[i];
		return NULL;
	}
	high = members->count;
	while (low < high) {
		size_t middle = members->sorted[low + (high - low) / 2];
		int order = strcmp(members->keys[middle], key);

		if (order == 0)
			return &members->values[middle];
		if (order < 0)
			low += (high - low) / 2 + 1;
		else
			high = low + (high - low) / 2;
	}
	return NULL;
}

const char *
json_key_at(const struct json *json, size_t index)
{
	if (json_type(json) != JSON_OBJECT || index >= json->members.count)
		return NULL;
	return json->members.keys[index];
}

struct json *
json_value_at(const struct json *json, size_t index)
{
	if (json_type(json) != JSON_OBJECT || index >= json->members.count)
		return NULL;
	return &json->members.values[index];
}

void
json_print(const struct json *json, struct text *out)
{
	switch (json_type(json)) {
	case JSON_NULL:
		text_add(out, "null");
		break;
	case JSON_BOOLEAN:
		text_add(out, json->boolean ? "true" : "false");
		break;
	case JSON_INTEGER:
		text_addf(out, "%lld", (long long)json->integer);
		break;
	case JSON_REAL:
		json_print_real(json->real, out);
		break;
	case JSON_STRING:
		text_add_json(out, json->string.bytes, json->string.len);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_print_members(json, out);
		break;
	}
}
