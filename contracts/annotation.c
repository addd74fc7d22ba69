/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of keys: type, reader, and the sentences of the reference page.
 */
#include "contracts/annotation.h"

#include <string.h>

#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "contracts/framing.h"
#include "contracts/schema.h"

#define HERE "/waybill/"

static const char *const annotation_partitioners[] = {
	[CONTRACT_MURMUR2] = "murmur2",
	[CONTRACT_CRC32] = "crc32",
	[CONTRACT_EXPLICIT] = "explicit",
};

static enum err_code
read_partitioner(const struct schema *schema, const struct json *value,
                 struct annotation *out, struct err *err)
{
	const char *name = json_string(value);

	for (int i = CONTRACT_MURMUR2; i <= CONTRACT_EXPLICIT; i++) {
		if (name != NULL &&
		    strcmp(annotation_partitioners[i], name) == 0) {
			out->partitioner = (enum contract_partitioner)i;
			out->has_partitioner = true;
			return ERR_OK;
		}
	}
	return err_set(err, ERR_SCHEMA,
	               HERE "partitioner: is not murmur2, "
	                    "crc32 or explicit");
}

/* A key must have one text: numbers and strings, no unions. */
static bool
is_keyable(const struct schema_node *node)
{
	return node->type == SCHEMA_STRING || node->type == SCHEMA_INT ||
		node->type == SCHEMA_LONG || node->type == SCHEMA_ENUM;
}

static enum err_code
read_key_field(const struct schema *schema, const char *path,
               struct annotation *out, struct err *err)
{
	const struct schema_field *field = schema_find(schema, path);

	if (field == NULL)
		return err_set(err, ERR_SCHEMA,
		               HERE "key/%zu: the schema has "
		                    "no field \"%s\"",
		               out->key_count, path);
	if (!is_keyable(field->node))
		return err_set(err, ERR_SCHEMA,
		               HERE "key/%zu: \"%s\" has type "
		                    "%s; a key is made of "
		                    "string, int, long and "
		                    "enum",
		               out->key_count, path,
		               schema_type_name(field->node->type));
	for (size_t i = 0; i < out->key_count; i++)
		if (strcmp(out->keys[i], path) == 0)
			return err_set(err, ERR_SCHEMA,
			               HERE "key/%zu: \"%s\" "
			                    "is there twice",
			               out->key_count, path);
	out->keys[out->key_count++] = path;
	return ERR_OK;
}

static enum err_code
read_key(const struct schema *schema, const struct json *value,
         struct annotation *out, struct err *err)
{
	size_t count = json_count(value);

	if (json_type(value) != JSON_ARRAY || count == 0 ||
	    count > ANNOTATION_KEYS_MAX)
		return err_set(err, ERR_SCHEMA,
		               HERE "key: is not an array of 1 "
		                    "to %d names of fields",
		               ANNOTATION_KEYS_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *path = json_string(json_at(value, i));

		if (path == NULL)
			return err_set(err, ERR_SCHEMA,
			               HERE "key/%zu: is not a string", i);
		if (read_key_field(schema, path, out, err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

static enum err_code
read_framing(const struct schema *schema, const struct json *value,
             struct annotation *out, struct err *err)
{
	if (json_string(value) == NULL ||
	    !framing_parse(json_string(value), &out->framing))
		return err_set(err, ERR_SCHEMA,
		               HERE "framing: is not raw, "
		                    "confluent or "
		                    "single-object");
	return ERR_OK;
}

static enum err_code
read_schema_id(const struct schema *schema, const struct json *value,
               struct annotation *out, struct err *err)
{
	int64_t id = json_integer(value, -1);

	if (json_type(value) != JSON_INTEGER || id < 0 || id > INT32_MAX)
		return err_set(err, ERR_SCHEMA,
		               HERE "schema-id: is not an "
		                    "integer from 0 to %d",
		               INT32_MAX);
	out->schema_id = (int32_t)id;
	out->has_schema_id = true;
	return ERR_OK;
}

static enum err_code
read_key_optional(const struct schema *schema, const struct json *value,
                  struct annotation *out, struct err *err)
{
	if (json_type(value) != JSON_BOOLEAN)
		return err_set(err, ERR_SCHEMA,
		               HERE "key-optional: is not true "
		                    "or false");
	out->key_optional = json_boolean(value, false);
	return ERR_OK;
}

static enum err_code
read_tombstones(const struct schema *schema, const struct json *value,
                struct annotation *out, struct err *err)
{
	if (json_type(value) != JSON_BOOLEAN)
		return err_set(err, ERR_SCHEMA,
		               HERE "tombstones: is not true "
		                    "or false");
	out->tombstones = json_boolean(value, false);
	return ERR_OK;
}

static enum err_code
read_body_bytes_max(const struct schema *schema, const struct json *value,
                    struct annotation *out, struct err *err)
{
	int64_t bytes = json_integer(value, -1);

	if (json_type(value) != JSON_INTEGER || bytes < 1)
		return err_set(err, ERR_SCHEMA,
		               HERE "body-bytes-max: is not a "
		                    "positive integer");
	out->body_bytes_max = bytes;
	return ERR_OK;
}

static enum err_code
read_version(const struct schema *schema, const struct json *value,
             struct annotation *out, struct err *err)
{
	const char *path = json_string(value);
	const struct schema_field *field =
		path != NULL ? schema_find(schema, path) : NULL;

	if (field == NULL)
		return err_set(err, ERR_SCHEMA,
		               HERE "version: is not the name "
		                    "of a field");
	if (field->node->type != SCHEMA_INT && field->node->type != SCHEMA_LONG)
		return err_set(err, ERR_SCHEMA,
		               HERE "version: \"%s\" is not an "
		                    "int or long",
		               path);
	out->version = path;
	return ERR_OK;
}

static enum err_code
read_late(const struct schema *schema, const struct json *value,
          struct annotation *out, struct err *err)
{
	const char *what = json_string(value);

	if (what == NULL ||
	    (strcmp(what, "ignore") != 0 && strcmp(what, "mark") != 0))
		return err_set(err, ERR_SCHEMA,
		               HERE "late: is not ignore or mark");
	out->marks_late = strcmp(what, "mark") == 0;
	return ERR_OK;
}

static const struct {
	const char *key;
	enum err_code (*read)(const struct schema *schema,
	                      const struct json *value, struct annotation *out,
	                      struct err *err);
	const char *values;
	const char *text;
} annotation_keys[] = {
	{ "key", read_key, "array of 1 to 8 names of fields",
	  "What identifies a message's item: the fields' text (a string "
	  "as it is, an int or long in decimal, an enum's symbol), joined "
	  "by the byte 1F. `a.b` is field b of record a. A key that is "
	  "supplied must equal it." },
	{ "partitioner", read_partitioner,
	  "`murmur2` (default with a key), `crc32`, `explicit` (default "
	  "without)",
	  "How the partition follows from the key: as Java clients do, "
	  "as librdkafka does, or as the producer likes." },
	{ "key-optional", read_key_optional, "`false` (default), `true`",
	  "Whether a null key is legal though there are key fields." },
	{ "framing", read_framing,
	  "`raw` (default), `confluent`, `single-object`",
	  "What stands in front of the Avro binary." },
	{ "schema-id", read_schema_id, "integer",
	  "The schema id of confluent framing; needed there, and refused "
	  "elsewhere." },
	{ "tombstones", read_tombstones, "`false` (default), `true`",
	  "Whether a message may have a key and no body." },
	{ "body-bytes-max", read_body_bytes_max, "positive integer",
	  "The longest body, framing included. The feed's own limit "
	  "holds besides." },
	{ "version", read_version, "name of an int or long field",
	  "The field that grows with each change of the same key, by "
	  "which a late message is known; a timestamp will do." },
	{ "late", read_late, "`ignore` (default), `mark`",
	  "What is done with a message whose version is older than the "
	  "newest one recorded of its key: with `mark` it leaves with the "
	  "header `waybill-late`, and the journal says which is newer." },
};

#define ANNOTATION_COUNT (sizeof(annotation_keys) / sizeof(annotation_keys[0]))

static enum err_code
read_member(const struct schema *schema, const char *key,
            const struct json *value, struct annotation *out, struct err *err)
{
	for (size_t i = 0; i < ANNOTATION_COUNT; i++)
		if (strcmp(annotation_keys[i].key, key) == 0)
			return annotation_keys[i].read(schema, value, out, err);
	return err_set(err, ERR_SCHEMA, HERE "%s: there is no such annotation",
	               key);
}

/* What depends on more than one key. */
static enum err_code
check_together(struct annotation *out, struct err *err)
{
	bool confluent = out->framing == CONTRACT_CONFLUENT;

	if (!out->has_partitioner)
		out->partitioner = out->key_count > 0 ? CONTRACT_MURMUR2
						      : CONTRACT_EXPLICIT;
	if (out->partitioner != CONTRACT_EXPLICIT && out->key_count == 0)
		return err_set(err, ERR_SCHEMA,
		               HERE "partitioner: %s needs key "
		                    "fields",
		               annotation_partitioners[out->partitioner]);
	if (confluent && !out->has_schema_id)
		return err_set(err, ERR_SCHEMA,
		               HERE "framing: confluent needs "
		                    "schema-id");
	if (!confluent && out->has_schema_id)
		return err_set(err, ERR_SCHEMA,
		               HERE "schema-id: only confluent "
		                    "framing has one");
	if (out->marks_late && out->version == NULL)
		return err_set(err, ERR_SCHEMA,
		               HERE "late: mark needs version");
	if (out->key_optional && out->key_count == 0)
		return err_set(err, ERR_SCHEMA,
		               HERE "key-optional: there are "
		                    "no key fields");
	return ERR_OK;
}

/* -- public -------------------------------------------------------------- */

enum err_code
annotation_read(const struct schema *schema, struct annotation *out,
                struct err *err)
{
	const struct json *json = json_get(schema->document, "waybill");

	memset(out, 0, sizeof(*out));
	out->framing = CONTRACT_RAW;
	out->body_bytes_max = INT64_MAX;
	if (json != NULL && json_type(json) != JSON_OBJECT)
		return err_set(err, ERR_SCHEMA, "/waybill: is not an object");
	for (size_t i = 0; i < json_count(json); i++)
		if (read_member(schema, json_key_at(json, i),
		                json_value_at(json, i), out, err) != ERR_OK)
			return err->code;
	return check_together(out, err);
}

void
annotation_print_reference(struct text *out)
{
	text_add(out, "| annotation | values | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < ANNOTATION_COUNT; i++)
		text_addf(out, "| `%s` | %s | %s |\n", annotation_keys[i].key,
		          annotation_keys[i].values, annotation_keys[i].text);
}
