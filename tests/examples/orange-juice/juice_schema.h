/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The contracts of deploy/ for tests: as JSON, and the fingerprint that Avro's
 * specification gives a schema, computed here from the rules and not from the
 * program.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline char *
juice_schema_path(const char *schema, char *path, size_t size)
{
	const char *source = getenv("WAYBILL_SOURCE");

	(void)snprintf(path, size, "%s/examples/orange-juice/deploy/%s",
	               source != NULL ? source : ".", schema);
	return path;
}

static inline json_t *
juice_schema_load(const char *schema)
{
	char path[4096];
	json_error_t error;
	json_t *json = json_load_file(
		juice_schema_path(schema, path, sizeof(path)), 0, &error);

	if (json == NULL) {
		fprintf(stderr, "%s: %s\n", path, error.text);
		abort();
	}
	return json;
}

/* Parsing canonical form; names are given their namespace. */
static inline void
juice_schema_canonical(const json_t *schema, const char *space, FILE *out)
{
	static const char *const PRIMITIVE[] = { "null",  "boolean", "int",
		                                 "long",  "float",   "double",
		                                 "bytes", "string" };
	const json_t *type = json_is_object(schema)
		? json_object_get(schema, "type")
		: schema;
	const char *text = json_string_value(type);
	json_t *child;
	size_t i;

	if (json_is_array(type)) {
		fputc('[', out);
		json_array_foreach(type, i, child)
		{
			fputs(i > 0 ? "," : "", out);
			juice_schema_canonical(child, space, out);
		}
		fputc(']', out);
		return;
	}
	if (json_is_object(type)) {
		juice_schema_canonical(type, space, out);
		return;
	}
	for (i = 0; i < sizeof(PRIMITIVE) / sizeof(PRIMITIVE[0]); i++) {
		if (strcmp(text, PRIMITIVE[i]) == 0) {
			fprintf(out, "\"%s\"", text);
			return;
		}
	}
	if (strcmp(text, "array") == 0 || strcmp(text, "map") == 0) {
		const char *of = text[0] == 'a' ? "items" : "values";
		fprintf(out, "{\"type\":\"%s\",\"%s\":", text, of);
		juice_schema_canonical(json_object_get(schema, of), space, out);
		fputc('}', out);
		return;
	}
	if (!json_is_object(schema)) {
		fprintf(out, "\"%s.%s\"", space, text);
		return;
	}
	fprintf(out, "{\"name\":\"%s.%s\",\"type\":\"%s\",\"%s\":[", space,
	        json_string_value(json_object_get(schema, "name")), text,
	        text[0] == 'e' ? "symbols" : "fields");
	json_array_foreach(json_object_get(schema, "symbols"), i, child)
		fprintf(out, "%s\"%s\"", i > 0 ? "," : "",
	                json_string_value(child));
	json_array_foreach(json_object_get(schema, "fields"), i, child)
	{
		fprintf(out, "%s{\"name\":\"%s\",\"type\":", i > 0 ? "," : "",
		        json_string_value(json_object_get(child, "name")));
		juice_schema_canonical(json_object_get(child, "type"), space,
		                       out);
		fputc('}', out);
	}
	fputs("]}", out);
}

static inline uint64_t
juice_schema_crc64(const char *text, size_t size)
{
	const uint64_t empty = UINT64_C(0xC15D213AA4D7A795);
	uint64_t crc = empty;

	for (size_t i = 0; i < size; i++) {
		uint64_t part = (crc ^ (uint8_t)text[i]) & 0xFF;
		for (int j = 0; j < 8; j++)
			part = part >> 1 ^ (empty & -(part & 1));
		crc = crc >> 8 ^ part;
	}
	return crc;
}

static inline uint64_t
juice_schema_fingerprint(const json_t *schema)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const char *space =
		json_string_value(json_object_get(schema, "namespace"));

	juice_schema_canonical(schema, space, out);
	(void)fclose(out);
	uint64_t fingerprint = juice_schema_crc64(text, size);
	free(text);
	return fingerprint;
}
