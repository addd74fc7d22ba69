/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * For differential tests with avro-c: random schemas, and random values of them.
 */
#include <avro.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/text.h"
#include "tests/unit.h"

static uint64_t peer_state = 88172645463325252u;

static inline uint32_t
peer_below(uint32_t limit)
{
	peer_state ^= peer_state << 13;
	peer_state ^= peer_state >> 7;
	peer_state ^= peer_state << 17;
	return (uint32_t)(peer_state >> 32) % limit;
}

/* -- random schemas -------------------------------------------------------- */

struct peer_maker {
	struct text text;
	int names;
	int records; /* that are complete or being made: may be referred to */
	int record_names[64];
};

static inline void
peer_make_type(struct peer_maker *maker, int depth, bool in_union);

static inline void
peer_make_record(struct peer_maker *maker, int depth)
{
	/* avro-c cannot hold elements without fields */
	int name = maker->names++, fields = 1 + (int)peer_below(5);

	text_addf(&maker->text,
	          "{\"type\":\"record\",\"name\":\"N%d\",\"fields\":[", name);
	if (maker->records < 64)
		maker->record_names[maker->records++] = name;
	for (int i = 0; i < fields; i++) {
		text_addf(&maker->text,
		          "%s{\"name\":\"f%d\",\"type\":", i > 0 ? "," : "", i);
		peer_make_type(maker, depth + 1, false);
		text_add(&maker->text, "}");
	}
	text_add(&maker->text, "]}");
}

static inline void
peer_make_union(struct peer_maker *maker, int depth)
{
	static const char *const branches[] = { "null",   "int",     "string",
		                                "double", "boolean", "bytes",
		                                "long",   "float" };
	int first = (int)peer_below(8), count = 1 + (int)peer_below(4);

	text_add(&maker->text, "[");
	for (int i = 0; i < count; i++)
		text_addf(&maker->text, "%s\"%s\"", i > 0 ? "," : "",
		          branches[(first + i) % 8]);
	if (peer_below(3) == 0) {
		text_add(&maker->text, ",");
		peer_make_record(maker, depth + 1);
	} else if (maker->records > 0 && peer_below(2) == 0) {
		text_addf(&maker->text, ",\"N%d\"",
		          maker->record_names[peer_below(
				  (uint32_t)maker->records)]);
	}
	text_add(&maker->text, "]");
}

static inline void
peer_make_type(struct peer_maker *maker, int depth, bool in_union)
{
	static const char *const primitives[] = { "null",  "boolean", "int",
		                                  "long",  "float",   "double",
		                                  "bytes", "string" };
	uint32_t kind = depth == 0 ? 8 : peer_below(depth > 5 ? 8 : 15);

	if (kind < 8) {
		text_addf(&maker->text, "\"%s\"", primitives[kind]);
	} else if (kind == 8 || kind == 14) {
		peer_make_record(maker, depth);
	} else if (kind == 9) {
		text_addf(&maker->text,
		          "{\"type\":\"enum\",\"name\":\"N%d\",\"symbols\":["
		          "\"A\",\"B\",\"C\"]}",
		          maker->names++);
	} else if (kind == 10) {
		text_addf(&maker->text,
		          "{\"type\":\"fixed\",\"name\":\"N%d\",\"size\":%u}",
		          maker->names++, 1 + peer_below(20));
	} else if (kind == 11) {
		text_add(&maker->text, "{\"type\":\"array\",\"items\":");
		peer_make_type(maker, depth + 1, false);
		text_add(&maker->text, "}");
	} else if (kind == 12) {
		text_add(&maker->text, "{\"type\":\"map\",\"values\":");
		peer_make_type(maker, depth + 1, false);
		text_add(&maker->text, "}");
	} else {
		peer_make_union(maker, depth);
	}
}

/* -- random values ----------------------------------------------------------- */

static inline int64_t
peer_random_long(void)
{
	uint64_t bits =
		(uint64_t)peer_below(UINT32_MAX) << 32 | peer_below(UINT32_MAX);

	return (int64_t)(bits >> peer_below(64)) *
		(peer_below(2) == 0 ? 1 : -1);
}

static inline const char *
peer_random_string(void)
{
	static const char *const strings[] = {
		"",
		"a",
		"store",
		"12345678",
		"123456789",
		"z\xc3\xbcrich",
		"\xf0\x9f\x8d\x8a",
		"a longer one, with a \xe2\x82\xac in it, of 50 bytes"
	};

	return strings[peer_below(8)];
}

static inline void
peer_fill(avro_value_t *value, int depth);

static inline void
peer_fill_union(avro_value_t *value, int depth)
{
	avro_schema_t schema = avro_value_get_schema(value);
	uint32_t count = (uint32_t)avro_schema_union_size(schema);
	avro_value_t branch;

	/* the first branch is primitive, so recursion ends */
	avro_value_set_branch(value, depth > 8 ? 0 : (int)peer_below(count),
	                      &branch);
	peer_fill(&branch, depth + 1);
}

static inline void
peer_fill_elements(avro_value_t *value, int depth, bool is_map)
{
	uint32_t count = depth > 8 ? 0 : peer_below(4);
	avro_value_t element;
	char key[32];

	for (uint32_t i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "%s%u", peer_random_string(), i);
		if (is_map)
			avro_value_add(value, key, &element, NULL, NULL);
		else
			avro_value_append(value, &element, NULL);
		peer_fill(&element, depth + 1);
	}
}

static inline void
peer_fill_record(avro_value_t *value, int depth)
{
	avro_value_t field;
	size_t count = 0;

	avro_value_get_size(value, &count);
	for (size_t i = 0; i < count; i++) {
		avro_value_get_by_index(value, i, &field, NULL);
		peer_fill(&field, depth + 1);
	}
}

static inline void
peer_fill_fixed(avro_value_t *value)
{
	static char bytes[64];

	/* no NUL: avro-c's JSON ends there */
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)((i * 37) % 255 + 1);

	avro_value_set_fixed(
		value, bytes,
		(size_t)avro_schema_fixed_size(avro_value_get_schema(value)));
}

static inline void
peer_fill(avro_value_t *value, int depth)
{
	switch (avro_value_get_type(value)) {
	case AVRO_NULL:
		avro_value_set_null(value);
		break;
	case AVRO_BOOLEAN:
		avro_value_set_boolean(value, (int)peer_below(2));
		break;
	case AVRO_INT32:
		avro_value_set_int(value, (int32_t)peer_random_long());
		break;
	case AVRO_INT64:
		avro_value_set_long(value, peer_random_long());
		break;
	case AVRO_FLOAT:
		avro_value_set_float(value, 1.5f);
		break;
	case AVRO_DOUBLE:
		avro_value_set_double(value, -2.5);
		break;
	case AVRO_BYTES:
		avro_value_set_bytes(value, (void *)"\xff\x01\x80\x7f",
		                     peer_below(5));
		break;
	case AVRO_STRING:
		avro_value_set_string(value, peer_random_string());
		break;
	case AVRO_ENUM:
		avro_value_set_enum(value, (int)peer_below(3));
		break;
	case AVRO_FIXED:
		peer_fill_fixed(value);
		break;
	case AVRO_RECORD:
		peer_fill_record(value, depth);
		break;
	case AVRO_ARRAY:
		peer_fill_elements(value, depth, false);
		break;
	case AVRO_MAP:
		peer_fill_elements(value, depth, true);
		break;
	case AVRO_UNION:
		peer_fill_union(value, depth);
		break;
	default:
		fail_msg("a type that nobody made");
	}
}
