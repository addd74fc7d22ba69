/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of each media type as messages, and those that cannot be cut.
 */
#include "gateway/rest/intake.h"

#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/text.h"
#include "gateway/rest/frame.h"
#include "gateway/rest/moment.h"
#include "tests/unit.h"

static struct arena arena;
static struct err err;
static struct intake intake;

static enum err_code
read_bytes(enum media media, const void *bytes, size_t len, const char *id)
{
	/* Of its exact size, so that a sanitizer sees one byte too many. */
	uint8_t *body = test_malloc(len + (len == 0));
	struct intake_request request = {
		.media = media,
		.body = body,
		.body_len = len,
		.count_max = 4,
		.id = id,
		.single = { .key_len = -1,
		            .body_len = -1,
		            .headers_len = -1,
		            .time_ms = MOMENT_NONE },
	};
	enum err_code code;

	memcpy(body, bytes, len);
	arena_reset(&arena);
	err = (struct err){ .code = ERR_OK };
	code = intake_read(&request, &arena, &intake, &err);
	/* What is borrowed from the body is looked at by the tests. */
	for (size_t i = 0; code == ERR_OK && i < intake.count; i++) {
		struct intake_message *m = &intake.messages[i];

		if (m->body != NULL)
			m->body = arena_copy(&arena, m->body,
			                     (size_t)m->body_len);
		if (m->key != NULL)
			m->key = arena_copy(&arena, m->key, (size_t)m->key_len);
		if (m->id != NULL)
			m->id = arena_copy(&arena, m->id, (size_t)m->id_len);
		if (m->headers != NULL)
			m->headers = arena_copy(&arena, m->headers,
			                        (size_t)m->headers_len);
	}
	test_free(body);
	return code;
}

static enum err_code
read_text(enum media media, const char *text, const char *id)
{
	return read_bytes(media, text, strlen(text), id);
}

static void
assert_bytes(const uint8_t *bytes, int32_t len, const char *expected)
{
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(bytes, expected, strlen(expected));
}

#define ENVELOPE "{\"value\":{\"a\":[1,\"}\\\"\"]},\"key\":\"k\\u00e9\"}"

static void
test_one_is_the_body_itself(void **state)
{
	assert_int_equal(read_text(MEDIA_JSON, "{}", "K"), ERR_OK);
	assert_int_equal(intake.count, 1);
	assert_true(intake.messages[0].is_json);
	assert_bytes(intake.messages[0].id, intake.messages[0].id_len, "K");
	assert_int_equal(read_text(MEDIA_AVRO, "", NULL), ERR_OK);
	assert_int_equal(intake.count, 1);
	assert_int_equal(intake.messages[0].body_len, 0);
	assert_null(intake.messages[0].id);
}

static void
test_lines_may_end_as_they_like(void **state)
{
	assert_int_equal(read_text(MEDIA_JSON_LINES, "{}\r\n\n  \n[1]", "K"),
	                 ERR_OK);
	assert_int_equal(intake.count, 2);
	assert_bytes(intake.messages[0].body, intake.messages[0].body_len,
	             "{}");
	assert_bytes(intake.messages[1].body, intake.messages[1].body_len,
	             "[1]");
	assert_int_equal(intake.messages[1].line, 4);
	assert_bytes(intake.messages[0].id, intake.messages[0].id_len, "K#0");
	assert_bytes(intake.messages[1].id, intake.messages[1].id_len, "K#1");
	assert_int_equal(read_text(MEDIA_JSON_LINES, "1\n2\n3\n4\n", NULL),
	                 ERR_OK);
	assert_int_equal(read_text(MEDIA_JSON_LINES, "1\n2\n3\n4\n5", NULL),
	                 ERR_TOO_LARGE);
}

static void
test_an_envelope_has_everything(void **state)
{
	struct intake_message *m;

	assert_int_equal(
		read_text(
			MEDIA_ENVELOPE,
			"[" ENVELOPE ", {\"id\":\"own\",\"time\":"
			"\"1970-01-01T00:00:01Z\",\"headers\":{\"a\":\"b\","
			"\"n\":null},\"value\":null,\"key_base64\":\"AB-_\"}]",
			"K"),
		ERR_OK);
	assert_int_equal(intake.count, 2);
	m = &intake.messages[0];
	assert_bytes(m->key, m->key_len, "k\xc3\xa9");
	assert_bytes(m->body, m->body_len, "{\"a\":[1,\"}\\\"\"]}");
	assert_bytes(m->id, m->id_len, "K#0");
	m = &intake.messages[1];
	assert_bytes(m->id, m->id_len, "own");
	assert_int_equal(m->time_ms, 1000);
	assert_null(m->body);
	assert_int_equal(m->body_len, -1);
	assert_int_equal(m->key_len, 3);
	assert_memory_equal(m->key, "\x00\x1f\xbf", 3);
	assert_int_equal(m->headers_len, 19);
	assert_memory_equal(m->headers,
	                    "\0\0\0\1a\0\0\0\1b\0\0\0\1n\xff\xff\xff\xff", 19);
}

static void
test_an_envelope_alone_is_many_of_one(void **state)
{
	assert_int_equal(read_text(MEDIA_ENVELOPE, ENVELOPE, "K"), ERR_OK);
	assert_bytes(intake.messages[0].id, intake.messages[0].id_len, "K#0");
	assert_int_equal(read_text(MEDIA_ENVELOPE, " [ ] ", "K"), ERR_OK);
	assert_int_equal(intake.count, 0);
	assert_int_equal(read_text(MEDIA_ENVELOPE_LINES,
	                           ENVELOPE "\n\n" ENVELOPE "  \n", NULL),
	                 ERR_OK);
	assert_int_equal(intake.count, 2);
	assert_int_equal(intake.messages[1].line, 3);
}

static void
test_an_envelope_that_is_wrong_says_where(void **state)
{
	static const char *const wrong[] = {
		"",
		"1",
		"{}",
		"[",
		"[1]",
		"{\"value\":1",
		"{\"value\":}",
		"{\"value\":1,}",
		"{\"value\":1}}",
		"{\"value\":1}{\"value\":1}",
		"{\"value\":1,\"value\":1}",
		"{\"value\":1,\"val\\u0075e\":1}",
		"{\"value\":1,\"other\":1}",
		"{\"key\":\"a\"}",
		"{\"key\":1,\"value\":1}",
		"{\"key\":\"\\ud800\",\"value\":1}",
		"{\"key\":\"\\ud800\\u0041\",\"value\":1}",
		"{\"key\":\"\\x\",\"value\":1}",
		"{\"key\":\"a\tb\",\"value\":1}",
		"{\"key\":\"\xff\",\"value\":1}",
		"{\"key\":\"a",
		"{\"key\":\"a\\",
		"{\"key\":\"a\",\"key_base64\":\"aaaa\",\"value\":1}",
		"{\"key_base64\":\"a\",\"value\":1}",
		"{\"key_base64\":\"ab==c\",\"value\":1}",
		"{\"time\":1.5,\"value\":1}",
		"{\"time\":\"x\",\"value\":1}",
		"{\"time\":01,\"value\":1}",
		"{\"time\":9999999999999999999,\"value\":1}",
		"{\"id\":\"\",\"value\":1}",
		"{\"id\":\"\\n\",\"value\":1}",
		"{\"headers\":{\"a\":1},\"value\":1}",
		"{\"headers\":{\"a\":\"\",\"a\":\"\"},\"value\":1}",
		"{\"headers\":{\"\":\"\"},\"value\":1}",
		"{\"headers\":{\"\\u0000\":\"\"},\"value\":1}",
		"{\"headers\":[],\"value\":1}",
		"{\"value\":[}",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(read_text(MEDIA_ENVELOPE, wrong[i], NULL),
		                 ERR_INVALID);
		assert_int_equal(strncmp(err.text, "line 1, column ", 15), 0);
	}
	assert_int_equal(read_text(MEDIA_ENVELOPE_LINES,
	                           ENVELOPE "\n{\"value\" 1}", NULL),
	                 ERR_INVALID);
	assert_string_equal(err.text,
	                    "line 2, column 10: a colon should be here");
}

static void
test_depth_is_no_recursion(void **state)
{
	struct text deep;

	text_init(&deep, 10000000);
	text_add(&deep, "{\"value\":");
	for (int i = 0; i < 1000000; i++)
		text_add(&deep, "[");
	assert_int_equal(read_text(MEDIA_ENVELOPE, text_string(&deep), NULL),
	                 ERR_INVALID);
	text_fini(&deep);
}

static void
test_prefixed_binary_is_cut_where_it_says(void **state)
{
	assert_int_equal(
		read_bytes(MEDIA_AVRO_MANY, "\0\0\0\2ab\0\0\0\0", 10, "K"),
		ERR_OK);
	assert_int_equal(intake.count, 2);
	assert_bytes(intake.messages[0].body, intake.messages[0].body_len,
	             "ab");
	assert_int_equal(intake.messages[1].body_len, 0);
	for (size_t len = 1; len < 10; len++)
		assert_int_equal(read_bytes(MEDIA_AVRO_MANY,
		                            "\0\0\0\2ab\0\0\0\0", len, NULL),
		                 len == 6 ? ERR_OK : ERR_INVALID);
	assert_int_equal(
		read_bytes(MEDIA_AVRO_MANY, "\xff\xff\xff\xff", 4, NULL),
		ERR_INVALID);
	assert_int_equal(
		read_bytes(MEDIA_AVRO_MANY, "\x7f\xff\xff\xff", 4, NULL),
		ERR_INVALID);
}

static void
test_frames_come_back_as_they_went(void **state)
{
	static const uint8_t headers[] = "\0\0\0\1a\0\0\0\1b";
	const struct frame one = {
		.key = (const uint8_t *)"k",
		.key_len = 1,
		.headers = headers,
		.headers_len = 10,
		.id = (const uint8_t *)"own",
		.id_len = 3,
		.body = (const uint8_t *)"body",
		.body_len = 4,
		.time_ms = -12345678901,
	};
	const struct frame none = {
		.key_len = -1,
		.headers_len = -1,
		.body_len = -1,
		.time_ms = FRAME_NO_TIME,
	};
	struct intake_message *m;
	struct text out;

	text_init(&out, 10000);
	frame_add(&out, &one);
	frame_add(&out, &none);
	assert_int_equal(read_bytes(MEDIA_FRAMES, out.bytes, out.len, "K"),
	                 ERR_OK);
	assert_int_equal(intake.count, 2);
	m = &intake.messages[0];
	assert_bytes(m->key, m->key_len, "k");
	assert_bytes(m->body, m->body_len, "body");
	assert_bytes(m->id, m->id_len, "own");
	assert_int_equal(m->time_ms, -12345678901);
	assert_int_equal(m->headers_len, 10);
	assert_memory_equal(m->headers, headers, 10);
	m = &intake.messages[1];
	assert_int_equal(m->key_len, -1);
	assert_int_equal(m->body_len, -1);
	assert_int_equal(m->headers_len, -1);
	assert_int_equal(m->time_ms, MOMENT_NONE);
	assert_bytes(m->id, m->id_len, "K#1");
	/* Cut anywhere, or with any one byte changed, nothing is read beyond. */
	for (size_t len = 0; len < out.len; len++) {
		enum err_code code =
			read_bytes(MEDIA_FRAMES, out.bytes, len, NULL);

		assert_true(code == ERR_INVALID || len == 0 || len == 40);
	}
	for (size_t i = 0; i < out.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			enum err_code ignored;

			out.bytes[i] = (char)(out.bytes[i] ^ 1 << bit);
			ignored = read_bytes(MEDIA_FRAMES, out.bytes, out.len,
			                     NULL);
			(void)ignored;
			out.bytes[i] = (char)(out.bytes[i] ^ 1 << bit);
		}
	text_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_is_the_body_itself),
		cmocka_unit_test(test_lines_may_end_as_they_like),
		cmocka_unit_test(test_an_envelope_has_everything),
		cmocka_unit_test(test_an_envelope_alone_is_many_of_one),
		cmocka_unit_test(test_an_envelope_that_is_wrong_says_where),
		cmocka_unit_test(test_depth_is_no_recursion),
		cmocka_unit_test(test_prefixed_binary_is_cut_where_it_says),
		cmocka_unit_test(test_frames_come_back_as_they_went),
	};
	int failed;

	alarm(60);
	arena_init(&arena, 65536);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_fini(&arena);
	return failed;
}
