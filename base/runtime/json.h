/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON trees for the control plane (jansson underneath, included in json.c
 * only). Not for the ingest path. Borrowed values live as long as their
 * document. Every getter takes NULL and a value of another type, and then
 * answers its default.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct text;
struct json; /* one value */

/* Jansson exports functions of these names, and calls them itself; avro-c
   does too. Ours are linked under other names, or they would get them. */
#define JSON_LINK(name) __asm__("json_own_" #name)

enum json_type {
	JSON_NULL,
	JSON_BOOLEAN,
	JSON_INTEGER,
	JSON_REAL,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* Duplicate keys, invalid UTF-8, depth over 512 and anything behind the value
   are refused; the text of the error has line and column. */
enum err_code
json_parse(const char *bytes, size_t len, struct json **out,
           struct err *err) ERR_MUST_CHECK;

/* Frees a whole document: only for what json_parse or json_new_* gave. */
void
json_free(struct json **json);

enum json_type
json_type(const struct json *json);
const char *
json_string(const struct json *json) JSON_LINK(string); /* NULL: not a string */
size_t
json_string_len(const struct json *json);
int64_t
json_integer(const struct json *json, int64_t otherwise) JSON_LINK(integer);
double
json_real(const struct json *json, double otherwise)
	JSON_LINK(real); /* integers too */
bool
json_boolean(const struct json *json, bool otherwise);

size_t
json_count(const struct json *json); /* of an array or an object */
struct json *
json_at(const struct json *json, size_t index);
struct json *
json_get(const struct json *json, const char *key);
/* The members in the order of the document. */
const char *
json_key_at(const struct json *json, size_t index);
struct json *
json_value_at(const struct json *json, size_t index);

/* Printed compactly; members in the order of the document. */
void
json_print(const struct json *json, struct text *out);
