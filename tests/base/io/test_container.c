/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Container files of avro-c, whole, cut off at every byte and falsified; and
 * blocks that would become very large.
 */
#include "base/io/container.h"

#include <stdlib.h>
#include <string.h>

#include "base/runtime/err.h"
#include "base/runtime/memory.h"
#include "tests/support/containerfile.h"
#include "tests/unit.h"

struct outcome {
	int64_t records;
	int64_t bytes;
	enum err_code code;
	struct err err;
};

/* Reads to the end. The bytes stand at the end of a heap block of their own. */
static struct outcome
read_all(const uint8_t *bytes, size_t len, size_t block_bytes_max)
{
	struct outcome outcome = { .code = ERR_OK };
	struct container *container = NULL;
	struct container_block block;
	struct window window;
	uint8_t *tight = malloc(len > 0 ? len : 1);

	memcpy(tight, bytes, len);
	window_init_bytes(&window, tight, len);
	outcome.code = container_open(&window, block_bytes_max, &container,
	                              &outcome.err);
	while (outcome.code == ERR_OK) {
		outcome.code = container_next(container, &block, &outcome.err);
		if (outcome.code != ERR_OK || block.is_end)
			break;
		outcome.records += block.count;
		outcome.bytes += (int64_t)block.len;
	}
	if (outcome.code != ERR_OK)
		assert_string_not_equal(outcome.err.text, "");
	container_close(&container);
	window_fini(&window);
	free(tight);
	return outcome;
}

static const char *const codecs[] = { "null", "deflate", "snappy", "lzma" };

static void
test_reads_what_avro_c_writes(void **state)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		size_t len;
		uint8_t *file =
			containerfile_write(codecs[i], 1000, 50, 8192, &len);
		struct outcome outcome = read_all(file, len, 1 << 20);

		if (outcome.code != ERR_OK)
			fail_msg("%s: %s", codecs[i], outcome.err.text);
		assert_int_equal(outcome.records, 1000);
		assert_int_equal(outcome.bytes, 64 + 936 * 2 + 1000 * 51);
		free(file);
	}
}

static void
test_cut_off_at_every_byte(void **state)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		size_t len;
		uint8_t *file =
			containerfile_write(codecs[i], 20, 10, 100, &len);
		int whole = 0;

		for (size_t part = 0; part < len; part++) {
			struct outcome outcome = read_all(file, part, 1 << 20);

			/* between two blocks it looks whole */
			whole += outcome.code == ERR_OK;
			assert_true(outcome.code == ERR_OK ||
			            outcome.code == ERR_INVALID);
			assert_true(outcome.records < 20);
		}
		assert_true(whole >= 1 && whole <= 10);
		free(file);
	}
}

static void
test_changed_at_every_byte(void **state)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		size_t len;
		uint8_t *file =
			containerfile_write(codecs[i], 20, 10, 100, &len);

		for (size_t at = 0; at < len; at++) {
			file[at] ^= 0x55;
			read_all(file, len, 1 << 16);
			file[at] ^= 0x55;
		}
		file[len - 1] ^= 1;
		assert_non_null(strstr(read_all(file, len, 1 << 16).err.text,
		                       "not the marker of this file"));
		free(file);
	}
}

static void
test_sizes_are_bounded(void **state)
{
	for (size_t i = 1; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		size_t len;
		uint8_t *file = containerfile_write(codecs[i], 300, 100000,
		                                    40000000, &len);
		struct outcome outcome = read_all(file, len, 1 << 21);

		assert_int_equal(outcome.code, ERR_TOO_LARGE);
		assert_int_equal(outcome.records, 0);
		assert_non_null(strstr(outcome.err.text, "2097152"));
		free(file);
	}
}

static void
test_absurd_heads(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} heads[] = {
		{ "", 0, "no Avro object container file" },
		{ "Obj\2", 4, "no Avro object container file" },
		{ "Obj\1", 4, "ends in the middle" },
		{ "Obj\1\0", 5, "no avro.schema" },
		{ "Obj\1\2\1", 6, "negative" },
		{ "Obj\1\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 15,
		  "negative" },
		{ "Obj\1\2\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", 15,
		  "more than 4194304" },
		{ "Obj\1\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 15,
		  "more than 64 bits" },
		{ "Obj\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0", 15,
		  "count that is none" },
		{ "Obj\1\2\x14"
		  "avro.codec\x12zstandard",
		  26, "there is no codec zstandard here, but null, deflate" },
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct outcome outcome = read_all(
			(const uint8_t *)heads[i].bytes, heads[i].len, 1000);

		if (outcome.code == ERR_OK ||
		    strstr(outcome.err.text, heads[i].text) == NULL)
			fail_msg("%zu: %s", i, outcome.err.text);
	}
}

static void
test_absurd_blocks(void **state)
{
	static const char head[] = "Obj\1\2\x16"
				   "avro.schema\x0c\"null\"\0"
				   "0123456789abcdef";
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} blocks[] = {
		{ "\2", 1, "ends in the middle" },
		{ "\1\0", 2, "negative size" },
		{ "\2\1", 2, "negative size" },
		{ "\2\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", 11,
		  "at most 1000" },
		{ "\2\xd2\x0f", 3, "at most 1000" },
		{ "\2\4ab", 4, "ends in the middle" },
		{ "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1\0"
		  "0123456789abcdef",
		  27, "more records than bytes" },
	};
	uint8_t file[200];

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct outcome outcome;

		memcpy(file, head, sizeof(head) - 1);
		memcpy(file + sizeof(head) - 1, blocks[i].bytes, blocks[i].len);
		outcome =
			read_all(file, sizeof(head) - 1 + blocks[i].len, 1000);
		if (outcome.code == ERR_OK ||
		    strstr(outcome.err.text, blocks[i].text) == NULL)
			fail_msg("%zu: %s", i, outcome.err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_what_avro_c_writes),
		cmocka_unit_test(test_cut_off_at_every_byte),
		cmocka_unit_test(test_changed_at_every_byte),
		cmocka_unit_test(test_sizes_are_bounded),
		cmocka_unit_test(test_absurd_heads),
		cmocka_unit_test(test_absurd_blocks),
	};

	unit_alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
