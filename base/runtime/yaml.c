/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Libyaml's events become a tree in one arena. What a configuration has no
 * use for, and what hides things from its reader, is refused: aliases, tags,
 * keys that are no scalars or stand twice.
 */
#include "base/runtime/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"

#define YAML_DEPTH_MAX   32
#define YAML_FILE_MAX    ((size_t)16 << 20)
#define YAML_KEYS_MAX    10000 /* of one map: each is compared with all */
#define YAML_CHUNK_BYTES 8192
#define YAML_FIRST_ROOM  8

struct yaml_key {
	const char *name;
	int line;
};

struct yaml {
	enum yaml_type type;
	bool is_root;
	bool is_null;
	int line;
	const char *file;
	const char *scalar;
	size_t count;
	size_t room;
	struct yaml **values;
	struct yaml_key *keys; /* of a map */
};

struct yaml_tree {
	struct yaml root; /* the first: what the caller has */
	struct arena arena;
};

/* What the steps of one load share. */
struct yaml_load {
	yaml_parser_t parser;
	struct arena *arena;
	const char *file;
	const char *bytes;
	size_t len;
	struct err *err;
};

static int
yaml_event_line(const yaml_event_t *event)
{
	return (int)event->start_mark.line + 1;
}

static enum err_code
yaml_fail(struct yaml_load *load, int line, const char *problem)
{
	return err_set(load->err, ERR_CONFIG, "%s:%d: %s", load->file, line,
	               problem);
}

/* A fault of the encoding has an offset only, all others have a line. */
static enum err_code
yaml_fail_parser(struct yaml_load *load)
{
	const yaml_parser_t *parser = &load->parser;
	const char *problem =
		parser->problem != NULL ? parser->problem : "is no YAML";
	int line = (int)parser->problem_mark.line + 1;

	CHECK(parser->error != YAML_MEMORY_ERROR);
	if (parser->error == YAML_READER_ERROR) {
		line = 1;
		for (size_t i = 0; i < load->len && i < parser->problem_offset;
		     i++)
			line += load->bytes[i] == '\n';
	}
	if (parser->context != NULL)
		return err_set(load->err, ERR_CONFIG, "%s:%d: %s, %s",
		               load->file, line, parser->context, problem);
	return yaml_fail(load, line, problem);
}

static enum err_code
yaml_next(struct yaml_load *load, yaml_event_t *event)
{
	if (yaml_parser_parse(&load->parser, event) == 0)
		return yaml_fail_parser(load);
	return ERR_OK;
}

static struct yaml *
yaml_new(struct yaml_load *load, enum yaml_type type, int line)
{
	struct yaml *node = arena_calloc(load->arena, 1, sizeof(*node));

	node->type = type;
	node->file = load->file;
	node->line = line;
	return node;
}

static void
yaml_add(struct arena *arena, struct yaml *node, const struct yaml_key *key,
         struct yaml *value)
{
	if (node->count == node->room) {
		struct yaml **values = node->values;
		struct yaml_key *keys = node->keys;

		node->room = node->room > 0 ? node->room * 2 : YAML_FIRST_ROOM;
		node->values =
			arena_calloc(arena, node->room, sizeof(struct yaml *));
		if (node->count > 0)
			memcpy(node->values, values,
			       node->count * sizeof(struct yaml *));
		if (node->type == YAML_MAP) {
			node->keys =
				arena_calloc(arena, node->room, sizeof(*keys));
			if (node->count > 0)
				memcpy(node->keys, keys,
				       node->count * sizeof(*keys));
		}
	}
	if (node->type == YAML_MAP)
		node->keys[node->count] = *key;
	node->values[node->count++] = value;
}

/* Whether a plain scalar stands for nothing. */
static bool
yaml_means_null(const char *scalar)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		if (strcmp(scalar, nulls[i]) == 0)
			return true;
	return false;
}

static enum err_code
yaml_take_scalar(struct yaml_load *load, const yaml_event_t *event,
                 struct yaml **out)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	struct yaml *node;

	if (memchr(value, '\0', len) != NULL)
		return yaml_fail(load, yaml_event_line(event),
		                 "a text must not hold a NUL byte");
	node = yaml_new(load, YAML_SCALAR, yaml_event_line(event));
	node->scalar = arena_copy(load->arena, value, len + 1);
	node->is_null = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		yaml_means_null(node->scalar);
	*out = node;
	return ERR_OK;
}

/* An explicit tag would have to be obeyed: there is none that we know. */
static bool
yaml_has_tag(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.tag != NULL;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.tag != NULL;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.tag != NULL;
	default:
		return false;
	}
}

static enum err_code
yaml_take_node(struct yaml_load *load, const yaml_event_t *event, int depth,
               struct yaml **out);

/* Reads on from the start of a list up to its end. */
static enum err_code
yaml_take_list(struct yaml_load *load, struct yaml *list, int depth)
{
	for (;;) {
		struct yaml *value = NULL;
		yaml_event_t event;
		enum err_code code = yaml_next(load, &event);
		bool ended;

		if (code != ERR_OK)
			return code;
		ended = event.type == YAML_SEQUENCE_END_EVENT;
		if (!ended)
			code = yaml_take_node(load, &event, depth, &value);
		yaml_event_delete(&event);
		if (ended || code != ERR_OK)
			return code;
		yaml_add(load->arena, list, NULL, value);
	}
}

static enum err_code
yaml_take_key(struct yaml_load *load, const struct yaml *map,
              const yaml_event_t *event, struct yaml_key *out)
{
	struct yaml *scalar = NULL;
	enum err_code code;

	out->line = yaml_event_line(event);
	if (event->type == YAML_ALIAS_EVENT)
		return yaml_fail(load, out->line, "aliases are not supported");
	if (event->type != YAML_SCALAR_EVENT)
		return yaml_fail(load, out->line, "a key must be a text");
	if (yaml_has_tag(event))
		return yaml_fail(load, out->line, "tags are not supported");
	code = yaml_take_scalar(load, event, &scalar);
	if (code != ERR_OK)
		return code;
	if (map->count == YAML_KEYS_MAX)
		return yaml_fail(load, out->line, "a map has too many keys");
	out->name = scalar->scalar;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->keys[i].name, out->name) == 0)
			return err_set(
				load->err, ERR_CONFIG,
				"%s:%d: the key \"%s\" stands here again, "
				"after line %d",
				load->file, out->line, out->name,
				map->keys[i].line);
	return ERR_OK;
}

static enum err_code
yaml_take_map(struct yaml_load *load, struct yaml *map, int depth)
{
	for (;;) {
		struct yaml_key key = { NULL, 0 };
		struct yaml *value = NULL;
		yaml_event_t event;
		enum err_code code = yaml_next(load, &event);
		bool ended;

		if (code != ERR_OK)
			return code;
		ended = event.type == YAML_MAPPING_END_EVENT;
		if (!ended)
			code = yaml_take_key(load, map, &event, &key);
		yaml_event_delete(&event);
		if (ended || code != ERR_OK)
			return code;

		code = yaml_next(load, &event);
		if (code != ERR_OK)
			return code;
		code = yaml_take_node(load, &event, depth, &value);
		yaml_event_delete(&event);
		if (code != ERR_OK)
			return code;
		yaml_add(load->arena, map, &key, value);
	}
}

/* The node that begins with event; depth counts the lists and maps around. */
static enum err_code
yaml_take_node(struct yaml_load *load, const yaml_event_t *event, int depth,
               struct yaml **out)
{
	int line = yaml_event_line(event);

	if (event->type == YAML_ALIAS_EVENT)
		return yaml_fail(load, line, "aliases are not supported");
	if (yaml_has_tag(event))
		return yaml_fail(load, line, "tags are not supported");
	if (event->type == YAML_SCALAR_EVENT)
		return yaml_take_scalar(load, event, out);
	CHECK(event->type == YAML_SEQUENCE_START_EVENT ||
	      event->type == YAML_MAPPING_START_EVENT);
	if (depth >= YAML_DEPTH_MAX)
		return err_set(load->err, ERR_CONFIG,
		               "%s:%d: nested deeper than %d", load->file, line,
		               YAML_DEPTH_MAX);
	if (event->type == YAML_SEQUENCE_START_EVENT) {
		*out = yaml_new(load, YAML_LIST, line);
		return yaml_take_list(load, *out, depth + 1);
	}
	*out = yaml_new(load, YAML_MAP, line);
	return yaml_take_map(load, *out, depth + 1);
}

static enum err_code
yaml_take_documents(struct yaml_load *load, struct yaml *root)
{
	for (;;) {
		struct yaml *document = NULL;
		enum err_code code = ERR_OK;
		yaml_event_t event;
		bool ended;

		code = yaml_next(load, &event);
		if (code != ERR_OK)
			return code;
		ended = event.type == YAML_STREAM_END_EVENT;
		if (event.type != YAML_STREAM_START_EVENT &&
		    event.type != YAML_DOCUMENT_START_EVENT &&
		    event.type != YAML_DOCUMENT_END_EVENT && !ended)
			code = yaml_take_node(load, &event, 0, &document);
		yaml_event_delete(&event);
		if (ended || code != ERR_OK)
			return code;
		if (document != NULL)
			yaml_add(load->arena, root, NULL, document);
	}
}

static enum err_code
yaml_read(FILE *file, const char *path, struct text *out, struct err *err)
{
	char bytes[8192];
	size_t got;

	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		text_add_bytes(out, bytes, got);
	if (ferror(file) != 0)
		return err_set(err, ERR_IO, "%s: cannot read (%s)", path,
		               strerror(errno));
	if (text_is_cut(out))
		return err_set(err, ERR_TOO_LARGE, "%s: larger than %zu MB",
		               path, YAML_FILE_MAX >> 20);
	return ERR_OK;
}

static const struct yaml *
yaml_of_type(const struct yaml *node, enum yaml_type type)
{
	return node != NULL && node->type == type ? node : NULL;
}

/* -- public -------------------------------------------------------------- */

enum err_code
yaml_load_file(const char *path, struct yaml **out, struct err *err)
{
	FILE *file = fopen(path, "re");
	enum err_code code;
	struct text text;

	if (file == NULL)
		return err_set(err, ERR_IO, "%s: cannot open (%s)", path,
		               strerror(errno));
	text_init(&text, YAML_FILE_MAX);
	code = yaml_read(file, path, &text, err);
	fclose(file);
	if (code == ERR_OK)
		code = yaml_load_text(path, text_string(&text), text.len, out,
		                      err);
	text_fini(&text);
	return code;
}

enum err_code
yaml_load_text(const char *name, const char *bytes, size_t len,
               struct yaml **out, struct err *err)
{
	struct yaml_tree *tree = memory_calloc(1, sizeof(*tree));
	struct yaml *root = &tree->root;
	struct yaml_load load = {
		.arena = &tree->arena, .bytes = bytes, .len = len, .err = err
	};
	enum err_code code;

	arena_init(&tree->arena, YAML_CHUNK_BYTES);
	load.file = arena_strdup(&tree->arena, name);
	root->type = YAML_LIST;
	root->is_root = true;
	root->file = load.file;
	root->line = 1;
	CHECK(yaml_parser_initialize(&load.parser) == 1);
	yaml_parser_set_encoding(&load.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&load.parser, (const unsigned char *)(len > 0 ? bytes : ""),
		len);
	code = yaml_take_documents(&load, root);
	yaml_parser_delete(&load.parser);
	if (code != ERR_OK)
		yaml_free(&root);
	else
		*out = root;
	return code;
}

void
yaml_free(struct yaml **root)
{
	struct yaml_tree *tree = (struct yaml_tree *)*root;

	if (tree == NULL)
		return;
	CHECK(tree->root.is_root);
	arena_fini(&tree->arena);
	memory_free(&tree);
	*root = NULL;
}

enum yaml_type
yaml_type(const struct yaml *node)
{
	CHECK(node != NULL);
	return node->type;
}

const char *
yaml_file(const struct yaml *node)
{
	CHECK(node != NULL);
	return node->file;
}

int
yaml_line(const struct yaml *node)
{
	CHECK(node != NULL);
	return node->line;
}

const char *
yaml_scalar(const struct yaml *node)
{
	return yaml_of_type(node, YAML_SCALAR) != NULL ? node->scalar : NULL;
}

bool
yaml_is_null(const struct yaml *node)
{
	return yaml_of_type(node, YAML_SCALAR) != NULL && node->is_null;
}

size_t
yaml_count(const struct yaml *node)
{
	return node != NULL ? node->count : 0;
}

const struct yaml *
yaml_at(const struct yaml *node, size_t index)
{
	if (yaml_of_type(node, YAML_LIST) == NULL || index >= node->count)
		return NULL;
	return node->values[index];
}

const struct yaml *
yaml_get(const struct yaml *map, const char *key)
{
	if (yaml_of_type(map, YAML_MAP) == NULL)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->keys[i].name, key) == 0)
			return map->values[i];
	return NULL;
}

const char *
yaml_key_at(const struct yaml *map, size_t index)
{
	if (yaml_of_type(map, YAML_MAP) == NULL || index >= map->count)
		return NULL;
	return map->keys[index].name;
}

int
yaml_key_line_at(const struct yaml *map, size_t index)
{
	if (yaml_of_type(map, YAML_MAP) == NULL || index >= map->count)
		return 0;
	return map->keys[index].line;
}

const struct yaml *
yaml_value_at(const struct yaml *map, size_t index)
{
	if (yaml_of_type(map, YAML_MAP) == NULL || index >= map->count)
		return NULL;
	return map->values[index];
}
