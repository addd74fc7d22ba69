/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Avro object container files that avro-c has written, in memory: what tests
 * read back. Records {"n": long, "s": string}, n from 0, s of so many bytes.
 */
#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit.h"

#define CONTAINERFILE_AVSC                                                     \
	"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\","     \
	"\"type\":\"long\"},{\"name\":\"s\",\"type\":\"string\"}]}"

static inline void
containerfile_fill(avro_file_writer_t writer, avro_schema_t schema, int count,
                   int text_len)
{
	avro_value_iface_t *class = avro_generic_class_from_schema(schema);
	char *text = malloc((size_t)text_len + 1);
	avro_value_t value, field;

	memset(text, 'x', (size_t)text_len);
	text[text_len] = '\0';
	avro_generic_value_new(class, &value);
	for (int i = 0; i < count; i++) {
		avro_value_get_by_index(&value, 0, &field, NULL);
		avro_value_set_long(&field, i);
		avro_value_get_by_index(&value, 1, &field, NULL);
		avro_value_set_string(&field, text);
		assert_int_equal(avro_file_writer_append_value(writer, &value),
		                 0);
	}
	avro_value_decref(&value);
	avro_value_iface_decref(class);
	free(text);
}

/* To be freed. block: how large one may get before it is compressed. */
static inline uint8_t *
containerfile_write(const char *codec, int count, int text_len, size_t block,
                    size_t *out_len)
{
	char path[] = "/tmp/waybill-container-XXXXXX";
	int fd = mkstemp(path);
	avro_file_writer_t writer;
	avro_schema_t schema;
	uint8_t *bytes;
	FILE *file;

	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(avro_schema_from_json_length(
				 CONTAINERFILE_AVSC, strlen(CONTAINERFILE_AVSC),
				 &schema),
	                 0);
	assert_int_equal(avro_file_writer_create_with_codec(
				 path, schema, &writer, codec, block),
	                 0);
	containerfile_fill(writer, schema, count, text_len);
	assert_int_equal(avro_file_writer_close(writer), 0);
	avro_schema_decref(schema);
	file = fopen(path, "rb");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*out_len = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(*out_len);
	assert_int_equal(fread(bytes, 1, *out_len, file), *out_len);
	fclose(file);
	unlink(path);
	return bytes;
}
