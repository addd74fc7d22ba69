/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of RDX2.  After the line "RDX2\n" and "X\n" come three versions
 * and one value; each value is a word of flags (its type in the low byte), its
 * content, and its attributes as a pairlist.  Every count is checked against
 * the bytes that are left before memory is asked for, and the depth is
 * bounded, so that no file can hurt.
 */
#include "examples/orange-juice/oj_rdata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEPTH_MAX = 64,
	PAIRS_MAX = 100000,

	SYMBOL = 1,
	PAIRLIST = 2,
	CHARS = 9,
	LOGICALS = 10,
	INTEGERS = 13,
	DOUBLES = 14,
	STRINGS = 16,
	LIST = 19,
	NULL_VALUE = 254,
	REFERENCE = 255,

	HAS_ATTRIBUTES = 1 << 9,
	HAS_TAG = 1 << 10,
};

struct chunk {
	struct chunk *next;
	max_align_t bytes[];
};

struct oj_rdata_file {
	const uint8_t *bytes;
	size_t size;
	size_t position;
	unsigned int depth;
	struct chunk *chunks; /* all memory of the tree */
	const struct oj_rdata **symbols;
	size_t symbols_count;
	size_t symbols_capacity;
	const struct oj_rdata *root;
	struct oj_err *err;
};

static const struct oj_rdata NOTHING = { .type = OJ_RDATA_NULL };

static const struct oj_rdata *
value_read(struct oj_rdata_file *file);

static const struct oj_rdata *
broken(struct oj_rdata_file *file, const char *what)
{
	(void)oj_err_set(file->err,
	                 "not R data that can be read: %s at byte %zu", what,
	                 file->position);
	return NULL;
}

static void *
take_memory(struct oj_rdata_file *file, size_t count, size_t each)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + count * each);

	if (chunk == NULL)
		abort(); /* sizes are bounded by the file's */
	chunk->next = file->chunks;
	file->chunks = chunk;
	return chunk->bytes;
}

static struct oj_rdata *
value_new(struct oj_rdata_file *file, enum oj_rdata_type type, size_t count)
{
	struct oj_rdata *value = take_memory(file, 1, sizeof(*value));

	value->type = type;
	value->count = count;
	return value;
}

static size_t
left(const struct oj_rdata_file *file)
{
	return file->size - file->position;
}

static bool
word_read(struct oj_rdata_file *file, uint32_t *out_word)
{
	const uint8_t *at = file->bytes + file->position;

	if (left(file) < 4) {
		(void)broken(file, "it ends too early");
		return false;
	}
	*out_word = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
		(uint32_t)at[2] << 8 | at[3];
	file->position += 4;
	return true;
}

/* A count of things of at least each_min bytes that must still follow. */
static bool
count_read(struct oj_rdata_file *file, size_t each_min, size_t *out_count)
{
	uint32_t word;

	if (!word_read(file, &word))
		return false;
	if (word > INT32_MAX || word > left(file) / each_min) {
		(void)broken(file, "a length is larger than what is left");
		return false;
	}
	*out_count = word;
	return true;
}

static const struct oj_rdata *
string_read(struct oj_rdata_file *file)
{
	uint32_t word;

	if (left(file) >= 4 &&
	    memcmp(file->bytes + file->position, "\xFF\xFF\xFF\xFF", 4) == 0) {
		(void)word_read(file, &word);
		return &NOTHING; /* NA */
	}
	size_t size;
	if (!count_read(file, 1, &size))
		return NULL;
	struct oj_rdata *value = value_new(file, OJ_RDATA_STRING, size);
	value->text = take_memory(file, size + 1, 1);
	memcpy(value->text, file->bytes + file->position, size);
	file->position += size;
	return value;
}

static const struct oj_rdata *
symbol_read(struct oj_rdata_file *file)
{
	const struct oj_rdata *name = value_read(file);

	if (name == NULL)
		return NULL;
	if (name->type != OJ_RDATA_STRING)
		return broken(file, "a symbol without a name");
	if (file->symbols_count == file->symbols_capacity) {
		size_t capacity = 2 * file->symbols_capacity + 16;
		const struct oj_rdata **symbols =
			realloc(file->symbols, capacity * sizeof(*symbols));
		if (symbols == NULL)
			abort();
		file->symbols = symbols;
		file->symbols_capacity = capacity;
	}
	file->symbols[file->symbols_count++] = name;
	return name;
}

static const struct oj_rdata *
reference_read(struct oj_rdata_file *file, uint32_t flags)
{
	size_t index = flags >> 8;

	if (index == 0 || index > file->symbols_count)
		return broken(file, "a reference to nothing");
	return file->symbols[index - 1];
}

static const struct oj_rdata *
integers_read(struct oj_rdata_file *file)
{
	size_t count;

	if (!count_read(file, 4, &count))
		return NULL;
	struct oj_rdata *value = value_new(file, OJ_RDATA_INTEGERS, count);
	value->integers = take_memory(file, count, sizeof(int32_t));
	for (size_t i = 0; i < count; i++) {
		uint32_t word;
		if (!word_read(file, &word))
			return NULL;
		value->integers[i] = (int32_t)word;
	}
	return value;
}

static const struct oj_rdata *
doubles_read(struct oj_rdata_file *file)
{
	size_t count;

	if (!count_read(file, 8, &count))
		return NULL;
	struct oj_rdata *value = value_new(file, OJ_RDATA_DOUBLES, count);
	value->doubles = take_memory(file, count, sizeof(double));
	for (size_t i = 0; i < count; i++) {
		uint32_t high, low;
		if (!word_read(file, &high) || !word_read(file, &low))
			return NULL;
		uint64_t bits = (uint64_t)high << 32 | low;
		memcpy(&value->doubles[i], &bits, sizeof(bits));
	}
	return value;
}

static const struct oj_rdata *
items_read(struct oj_rdata_file *file, enum oj_rdata_type type)
{
	size_t count;

	if (!count_read(file, 4, &count))
		return NULL;
	struct oj_rdata *value = value_new(file, type, count);
	value->items = take_memory(file, count, sizeof(*value->items));
	for (size_t i = 0; i < count; i++) {
		value->items[i] = value_read(file);
		if (value->items[i] == NULL)
			return NULL;
	}
	return value;
}

/*
 * One pair: its attributes are skipped, its tag and its value appended.  A
 * pairlist is a chain; it is walked in a loop, or a long one would be deep.
 */
static bool
pair_read(struct oj_rdata_file *file, uint32_t flags,
          const struct oj_rdata **tag, const struct oj_rdata **value)
{
	*tag = &NOTHING;
	if ((flags & HAS_ATTRIBUTES) != 0 && value_read(file) == NULL)
		return false;
	if ((flags & HAS_TAG) != 0)
		*tag = value_read(file);
	*value = *tag != NULL ? value_read(file) : NULL;
	return *value != NULL;
}

static const struct oj_rdata *
pairlist_read(struct oj_rdata_file *file, uint32_t flags)
{
	struct oj_rdata *list = value_new(file, OJ_RDATA_LIST, 0);
	struct oj_rdata *names = value_new(file, OJ_RDATA_STRINGS, 0);
	size_t capacity = 0;

	list->names = names;
	for (; (flags & 0xFF) == PAIRLIST; list->count++, names->count++) {
		if (list->count == capacity) {
			size_t grown = 2 * capacity + 8;
			const struct oj_rdata **items =
				take_memory(file, 2 * grown, sizeof(*items));
			if (capacity > 0) {
				memcpy(items, list->items,
				       capacity * sizeof(*items));
				memcpy(items + grown, names->items,
				       capacity * sizeof(*items));
			}
			list->items = items;
			names->items = items + grown;
			capacity = grown;
		}
		if (list->count == PAIRS_MAX)
			return broken(file, "a pairlist without an end");
		if (!pair_read(file, flags, &names->items[names->count],
		               &list->items[list->count]) ||
		    !word_read(file, &flags))
			return NULL;
	}
	if ((flags & 0xFF) != NULL_VALUE)
		return broken(file, "a pairlist with a strange end");
	return list;
}

static const struct oj_rdata *
content_read(struct oj_rdata_file *file, uint32_t flags)
{
	char what[64];

	switch (flags & 0xFF) {
	case NULL_VALUE:
		return &NOTHING;
	case REFERENCE:
		return reference_read(file, flags);
	case SYMBOL:
		return symbol_read(file);
	case CHARS:
		return string_read(file);
	case PAIRLIST:
		return pairlist_read(file, flags);
	case LOGICALS:
	case INTEGERS:
		return integers_read(file);
	case DOUBLES:
		return doubles_read(file);
	case STRINGS:
		return items_read(file, OJ_RDATA_STRINGS);
	case LIST:
		return items_read(file, OJ_RDATA_LIST);
	default:
		(void)snprintf(what, sizeof(what),
		               "type %u, which is not known,", flags & 0xFF);
		return broken(file, what);
	}
}

static bool
attributes_read(struct oj_rdata_file *file, struct oj_rdata *value)
{
	const struct oj_rdata *attributes = value_read(file);

	if (attributes == NULL)
		return false;
	if (attributes->type != OJ_RDATA_LIST)
		return true;
	const struct oj_rdata *names = oj_rdata_get(attributes, "names");
	if (names != NULL && names->type == OJ_RDATA_STRINGS)
		value->names = names;
	return true;
}

static const struct oj_rdata *
value_read(struct oj_rdata_file *file)
{
	const struct oj_rdata *value = NULL;
	uint32_t flags;

	if (file->depth == DEPTH_MAX)
		return broken(file, "too deep");
	if (!word_read(file, &flags))
		return NULL;
	file->depth++;
	value = content_read(file, flags);
	/* Attributes of a pairlist stand before it; those of strings in the
	 * low types (their encoding) are flags only. */
	if (value != NULL && (flags & HAS_ATTRIBUTES) != 0 &&
	    (flags & 0xFF) >= LOGICALS && (flags & 0xFF) <= LIST &&
	    !attributes_read(file, (struct oj_rdata *)value))
		value = NULL;
	file->depth--;
	return value;
}

static bool
header_read(struct oj_rdata_file *file)
{
	static const char MAGIC[] = "RDX2\nX\n";
	uint32_t version, writer, reader;

	if (file->size >= 5 && memcmp(file->bytes, "RDX3\n", 5) == 0)
		return oj_err_set(
			file->err,
			"R data of version 3 (RDX3); only version 2 is read");
	if (file->size < sizeof(MAGIC) - 1 ||
	    memcmp(file->bytes, MAGIC, sizeof(MAGIC) - 1) != 0)
		return oj_err_set(file->err,
		                  "not R data: it does not begin with RDX2");
	file->position = sizeof(MAGIC) - 1;
	if (!word_read(file, &version) || !word_read(file, &writer) ||
	    !word_read(file, &reader))
		return false;
	if (version != 2) {
		(void)broken(file, "a version other than 2");
		return false;
	}
	return true;
}

/* -- public -------------------------------------------------------------- */

bool
oj_rdata_parse(const uint8_t *bytes, size_t size,
               struct oj_rdata_file **out_file, struct oj_err *err)
{
	struct oj_rdata_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		abort();
	file->bytes = bytes;
	file->size = size;
	file->err = err;
	if (header_read(file))
		file->root = value_read(file);
	if (file->root != NULL && left(file) != 0) {
		(void)broken(file, "more than one value");
		file->root = NULL;
	}
	if (file->root == NULL) {
		oj_rdata_free(&file);
		return false;
	}
	file->bytes = NULL;
	*out_file = file;
	return true;
}

const struct oj_rdata *
oj_rdata_root(const struct oj_rdata_file *file)
{
	return file->root;
}

const struct oj_rdata *
oj_rdata_get(const struct oj_rdata *list, const char *name)
{
	if (list == NULL || list->type != OJ_RDATA_LIST || list->names == NULL)
		return NULL;
	for (size_t i = 0; i < list->count && i < list->names->count; i++) {
		const struct oj_rdata *own = list->names->items[i];
		if (own->type == OJ_RDATA_STRING &&
		    strcmp(own->text, name) == 0)
			return list->items[i];
	}
	return NULL;
}

void
oj_rdata_free(struct oj_rdata_file **file)
{
	if (*file == NULL)
		return;
	for (struct chunk *chunk = (*file)->chunks; chunk != NULL;) {
		struct chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
	free((*file)->symbols);
	free(*file);
	*file = NULL;
}
