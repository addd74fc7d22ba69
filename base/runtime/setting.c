/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Two walks: over the map, for keys that nobody knows; and over the table,
 * for the values. Each collects what is wrong instead of stopping at it, so
 * that a person mends a file in one go.
 */
#include "base/runtime/setting.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/setting_value.h"
#include "base/runtime/text.h"
#include "base/runtime/yaml.h"

#define SETTING_FAULTS_MAX  20
#define SETTING_KEY_MAX     128
#define SETTING_SECRET_MAX  ((size_t)64 << 10)
#define SETTING_FILE_SUFFIX "-file"

/* What the steps of one load share. */
struct setting_load {
	const struct setting *table;
	size_t count;
	const struct yaml *map;
	struct text faults;
	int fault_count;
};

static void *
setting_member(const struct setting *setting, void *target)
{
	return (char *)target + setting->offset;
}

/* One line: "FILE:LINE: KEY: what". node gives the place, if there is one. */
static void
setting_fault_at(struct setting_load *load, const char *file, int line,
                 const char *key, const char *what)
{
	load->fault_count++;
	if (load->fault_count > SETTING_FAULTS_MAX)
		return;
	if (load->faults.len > 0)
		text_add(&load->faults, "\n");
	if (file != NULL)
		text_addf(&load->faults, "%s:%d: ", file, line);
	text_addf(&load->faults, "%s%s%s", key, key[0] != '\0' ? ": " : "",
	          what);
}

static void
setting_fault(struct setting_load *load, const struct yaml *node,
              const char *key, const char *what)
{
	setting_fault_at(load, node != NULL ? yaml_file(node) : NULL,
	                 node != NULL ? yaml_line(node) : 0, key, what);
}

/* -- keys that nobody knows -- */

/* How many letters to insert, drop or change; keys are cut at the maximum. */
static size_t
setting_distance(const char *left, const char *right)
{
	size_t row[SETTING_KEY_MAX + 1];
	size_t left_len = strnlen(left, SETTING_KEY_MAX);
	size_t right_len = strnlen(right, SETTING_KEY_MAX);

	for (size_t r = 0; r <= right_len; r++)
		row[r] = r;
	for (size_t l = 1; l <= left_len; l++) {
		size_t diagonal = row[0];

		row[0] = l;
		for (size_t r = 1; r <= right_len; r++) {
			size_t best = diagonal +
				(left[l - 1] != right[r - 1] ? 1 : 0);

			diagonal = row[r];
			if (row[r] + 1 < best)
				best = row[r] + 1;
			if (row[r - 1] + 1 < best)
				best = row[r - 1] + 1;
			row[r] = best;
		}
	}
	return row[right_len];
}

static const char *
setting_last_part(const char *key)
{
	const char *dot = strrchr(key, '.');

	return dot != NULL ? dot + 1 : key;
}

/* The nearest known key, or one that ends alike; NULL: none is near. */
static const char *
setting_hint(const struct setting_load *load, const char *key)
{
	size_t nearest = strlen(key) / 3 + 2;
	const char *hint = NULL;

	for (size_t i = 0; i < load->count; i++) {
		size_t distance = setting_distance(key, load->table[i].key);

		if (distance < nearest) {
			nearest = distance;
			hint = load->table[i].key;
		}
	}
	for (size_t i = 0; i < load->count && hint == NULL; i++)
		if (strcmp(setting_last_part(load->table[i].key),
		           setting_last_part(key)) == 0)
			hint = load->table[i].key;
	return hint;
}

static bool
setting_is_file_key(const struct setting *setting, const char *key)
{
	size_t len = strlen(setting->key);

	return setting->type == SETTING_SECRET &&
		strncmp(key, setting->key, len) == 0 &&
		strcmp(key + len, SETTING_FILE_SUFFIX) == 0;
}

static bool
setting_is_known(const struct setting_load *load, const char *key)
{
	for (size_t i = 0; i < load->count; i++)
		if (strcmp(load->table[i].key, key) == 0 ||
		    setting_is_file_key(&load->table[i], key))
			return true;
	return false;
}

/* Whether other keys stand below this one. */
static bool
setting_is_parent(const struct setting_load *load, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < load->count; i++)
		if (strncmp(load->table[i].key, key, len) == 0 &&
		    load->table[i].key[len] == '.')
			return true;
	return false;
}

static void
setting_fault_unknown(struct setting_load *load, const struct yaml *map,
                      size_t index, const char *key)
{
	const char *hint = setting_hint(load, key);
	bool is_dotted = hint != NULL && strcmp(hint, key) == 0;
	char what[SETTING_KEY_MAX + 64];

	if (is_dotted)
		snprintf(what, sizeof(what),
		         "a dot means a map within a map: write it so");
	else if (hint != NULL)
		snprintf(what, sizeof(what), "unknown key (did you mean %.*s?)",
		         SETTING_KEY_MAX, hint);
	else
		snprintf(what, sizeof(what), "unknown key");
	setting_fault_at(load, yaml_file(map), yaml_key_line_at(map, index),
	                 key, what);
}

/* Recursion: as deep as the keys of the table have parts. */
static void
setting_check_keys(struct setting_load *load, const struct yaml *map,
                   const char *parent)
{
	for (size_t i = 0; i < yaml_count(map); i++) {
		const struct yaml *value = yaml_value_at(map, i);
		const char *name = yaml_key_at(map, i);
		char key[SETTING_KEY_MAX];
		int len = snprintf(key, sizeof(key), "%s%s%s", parent,
		                   parent[0] != '\0' ? "." : "", name);
		/* what cannot be looked up whole is named by its beginning */
		bool is_whole = len >= 0 && (size_t)len < sizeof(key) &&
			strchr(name, '.') == NULL;

		while (!text_is_utf8(key, strlen(key)))
			key[strlen(key) - 1] = '\0';
		if (is_whole && setting_is_known(load, key))
			continue;
		if (!is_whole || !setting_is_parent(load, key))
			setting_fault_unknown(load, map, i, key);
		else if (yaml_type(value) == YAML_MAP)
			setting_check_keys(load, value, key);
		else if (!yaml_is_null(value))
			setting_fault(load, value, key, "must be a map");
	}
}

/* -- values -- */

/* The value of a dotted key, NULL where it is absent or null; *out_place is
   the value, or the innermost map where it is missing. */
static const struct yaml *
setting_find(const struct yaml *map, const char *key,
             const struct yaml **out_place)
{
	const struct yaml *node = map;

	*out_place = map;
	while (node != NULL) {
		char part[SETTING_KEY_MAX];
		size_t len = strcspn(key, ".");

		CHECK(len < sizeof(part));
		memcpy(part, key, len);
		part[len] = '\0';
		node = yaml_get(node, part);
		if (node == NULL || yaml_is_null(node))
			return NULL;
		*out_place = node;
		if (key[len] == '\0')
			return node;
		key += len + 1;
	}
	return NULL;
}

static void
setting_load_list(struct setting_load *load, const struct setting *setting,
                  const struct yaml *node, void *member)
{
	struct text reason;

	if (yaml_type(node) != YAML_LIST) {
		setting_fault(load, node, setting->key, "must be a list");
		return;
	}
	for (size_t i = 0; i < yaml_count(node); i++) {
		const struct yaml *item = yaml_at(node, i);

		if (yaml_scalar(item) == NULL || yaml_is_null(item))
			setting_fault(load, item, setting->key,
			              "each item must be a text");
		else
			setting_value_add_item(member, yaml_scalar(item));
	}
	text_init(&reason, 256);
	if (!setting_value_check_count(setting, yaml_count(node), &reason))
		setting_fault(load, node, setting->key, text_string(&reason));
	text_fini(&reason);
}

static void
setting_load_properties(struct setting_load *load,
                        const struct setting *setting, const struct yaml *node,
                        void *member)
{
	if (yaml_type(node) != YAML_MAP) {
		setting_fault(load, node, setting->key, "must be a map");
		return;
	}
	for (size_t i = 0; i < yaml_count(node); i++) {
		const struct yaml *value = yaml_value_at(node, i);

		if (yaml_scalar(value) == NULL)
			setting_fault(load, value, setting->key,
			              "each property must be a text");
		else
			setting_value_add_property(
				member, yaml_key_at(node, i),
				yaml_is_null(value) ? "" : yaml_scalar(value));
	}
}

static void
setting_load_maps(struct setting_load *load, const struct setting *setting,
                  const struct yaml *node, void *member)
{
	bool is_list = yaml_type(node) == YAML_LIST;

	for (size_t i = 0; is_list && i < yaml_count(node); i++)
		if (yaml_type(yaml_at(node, i)) != YAML_MAP)
			setting_fault(load, yaml_at(node, i), setting->key,
			              "each item must be a map");
	if (is_list)
		*(const struct yaml **)member = node;
	else
		setting_fault(load, node, setting->key,
		              "must be a list of maps");
}

static void
setting_load_scalar(struct setting_load *load, const struct setting *setting,
                    const struct yaml *node, const char *value, void *member)
{
	struct text reason;

	text_init(&reason, 1024);
	if (!setting_value_parse(setting, value, member, &reason))
		setting_fault(load, node, setting->key, text_string(&reason));
	text_fini(&reason);
}

static void
setting_load_secret_file(struct setting_load *load,
                         const struct setting *setting, const struct yaml *node,
                         void *member)
{
	const char *path = yaml_scalar(node);
	const char *reason = NULL;
	struct text what;
	char *secret;

	if (path == NULL) {
		setting_fault(load, node, setting->key,
		              "the name of its file must be a text");
		return;
	}
	secret = setting_read_secret(path, &reason);
	if (secret == NULL) {
		text_init(&what, 512);
		text_addf(&what, "cannot read %s (%s)", path, reason);
		setting_fault(load, node, setting->key, text_string(&what));
		text_fini(&what);
		return;
	}
	setting_load_scalar(load, setting, node, secret, member);
	explicit_bzero(secret, strlen(secret));
	memory_free(&secret);
}

static const struct yaml *
setting_find_secret_file(struct setting_load *load,
                         const struct setting *setting)
{
	const struct yaml *place;
	char key[SETTING_KEY_MAX];

	if (setting->type != SETTING_SECRET)
		return NULL;
	snprintf(key, sizeof(key), "%s" SETTING_FILE_SUFFIX, setting->key);
	return setting_find(load->map, key, &place);
}

static void
setting_load_one(struct setting_load *load, const struct setting *setting,
                 void *member)
{
	const struct yaml *place;
	const struct yaml *node = setting_find(load->map, setting->key, &place);
	const struct yaml *file = setting_find_secret_file(load, setting);

	if (node != NULL && file != NULL)
		setting_fault(load, file, setting->key,
		              "stands here and in a file: keep one");
	else if (file != NULL)
		setting_load_secret_file(load, setting, file, member);
	else if (node == NULL && setting->standard != NULL)
		setting_value_parse_standard(setting, member);
	else if (node == NULL)
		setting_fault(load, place, setting->key, "is required");
	else if (setting->type == SETTING_LIST)
		setting_load_list(load, setting, node, member);
	else if (setting->type == SETTING_PROPERTIES)
		setting_load_properties(load, setting, node, member);
	else if (setting->type == SETTING_MAPS)
		setting_load_maps(load, setting, node, member);
	else if (yaml_scalar(node) == NULL)
		setting_fault(load, node, setting->key,
		              "must be a single value");
	else
		setting_load_scalar(load, setting, node, yaml_scalar(node),
		                    member);
}

/* -- public -------------------------------------------------------------- */

enum err_code
setting_load(const struct setting *table, size_t count, const struct yaml *map,
             void *target, struct err *err)
{
	struct setting_load load = { table, count, map, { 0 }, 0 };
	enum err_code code = ERR_OK;

	text_init(&load.faults, ERR_TEXT_MAX * 2);
	for (size_t i = 0; i < count; i++) {
		CHECK(strlen(table[i].key) + sizeof(SETTING_FILE_SUFFIX) <
		      SETTING_KEY_MAX);
		setting_value_clear(&table[i],
		                    setting_member(&table[i], target));
	}
	if (map != NULL && yaml_is_null(map))
		load.map = NULL; /* an empty document */
	else if (map != NULL && yaml_type(map) != YAML_MAP)
		setting_fault(&load, map, "", "must be a map of keys");
	else if (map != NULL)
		setting_check_keys(&load, map, "");
	if (load.fault_count == 0 || yaml_type(map) == YAML_MAP)
		for (size_t i = 0; i < count; i++)
			setting_load_one(&load, &table[i],
			                 setting_member(&table[i], target));

	if (load.fault_count > SETTING_FAULTS_MAX)
		text_addf(&load.faults, "\nand %d more",
		          load.fault_count - SETTING_FAULTS_MAX);
	if (load.fault_count > 0) {
		setting_release(table, count, target);
		code = err_set(err, ERR_CONFIG, "%s",
		               text_string(&load.faults));
	}
	text_fini(&load.faults);
	return code;
}

void
setting_release(const struct setting *table, size_t count, void *target)
{
	for (size_t i = 0; i < count; i++)
		setting_value_release(&table[i],
		                      setting_member(&table[i], target));
}

char *
setting_read_secret(const char *path, const char **out_reason)
{
	char *bytes = memory_alloc(SETTING_SECRET_MAX + 1);
	FILE *file = fopen(path, "re");
	char *secret = NULL;
	size_t len = 0;

	*out_reason = NULL;
	if (file == NULL) {
		*out_reason = strerror(errno);
		memory_free(&bytes);
		return NULL;
	}
	setvbuf(file, NULL, _IONBF, 0); /* no second copy of it */
	len = fread(bytes, 1, SETTING_SECRET_MAX + 1, file);
	if (ferror(file) != 0)
		*out_reason = strerror(errno);
	else if (len > SETTING_SECRET_MAX)
		*out_reason = "larger than 64 kB";
	else if (memchr(bytes, '\0', len) != NULL)
		*out_reason = "it has a NUL byte";
	fclose(file);
	if (*out_reason == NULL) {
		if (len > 0 && bytes[len - 1] == '\n')
			len--;
		if (len > 0 && bytes[len - 1] == '\r')
			len--;
		secret = memory_strndup(bytes, len);
	}
	explicit_bzero(bytes, SETTING_SECRET_MAX + 1);
	memory_free(&bytes);
	return secret;
}
