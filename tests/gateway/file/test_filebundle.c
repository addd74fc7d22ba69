/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What is put into a bundle comes out of its frames on the other side, with
 * number and reasons, as often as any part of it is sent.
 */
#include "gateway/file/filebundle.h"

#include <string.h>
#include <unistd.h>

#include "base/model/violation.h"
#include "contracts/contract.h"
#include "gateway/rest/frame.h"
#include "gateway/rest/intake.h"
#include "tests/unit.h"

#define FILE_NAME                                                              \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct violation broken = {
	.rule = "csv.value",
	.path = "/units",
	.expected = "a number (line 3)",
	.value = "many",
	.byte_offset = 4,
};

static void
add(struct filebundle *bundle, int64_t number, const char *text, bool is_good)
{
	const struct filebundle_entry entry = {
		.number = number,
		.line = number + 2,
		.body = is_good ? (const uint8_t *)text : NULL,
		.body_len = strlen(text),
		.original = (const uint8_t *)text,
		.original_len = strlen(text),
		.violations = is_good ? NULL : &broken,
		.violation_count = is_good ? 0 : 1,
	};

	filebundle_add(bundle, &entry);
}

static enum err_code
take_in(const struct text *frames, struct arena *arena, struct intake *out,
        struct err *err)
{
	const struct intake_request request = {
		.media = MEDIA_FRAMES,
		.body = (const uint8_t *)text_string(frames),
		.body_len = frames->len,
		.count_max = 100,
		.id = FILE_NAME,
		.is_file = true,
	};

	return intake_read(&request, arena, out, err);
}

static void
test_the_gateway_takes_in_what_was_put_in(void **state)
{
	struct filebundle *bundle = filebundle_new(1000);
	struct arena arena;
	struct intake intake;
	struct err err;

	arena_init(&arena, 4096);
	add(bundle, 7, "good", true);
	add(bundle, 9, "bad,row", false);
	add(bundle, 1234567, "", true);
	assert_int_equal(take_in(&bundle->frames, &arena, &intake, &err),
	                 ERR_OK);
	assert_int_equal(intake.count, 3);
	assert_int_equal(intake.messages[0].number, 7);
	assert_memory_equal(intake.messages[0].id, FILE_NAME "#7", 66);
	assert_int_equal(intake.messages[0].id_len, 66);
	assert_int_equal(intake.messages[0].key_len, -1);
	assert_memory_equal(intake.messages[0].body, "good", 4);
	assert_int_equal(intake.messages[0].violation_count, 0);
	assert_memory_equal(intake.messages[1].body, "bad,row", 7);
	assert_int_equal(intake.messages[1].violation_count, 1);
	assert_string_equal(intake.messages[1].violations[0].rule, "csv.value");
	assert_string_equal(intake.messages[1].violations[0].path, "/units");
	assert_string_equal(intake.messages[1].violations[0].expected,
	                    "a number (line 3)");
	assert_string_equal(intake.messages[1].violations[0].value, "many");
	assert_int_equal(intake.messages[1].violations[0].byte_offset, 4);
	assert_int_equal(intake.messages[2].number, 1234567);
	assert_int_equal(intake.messages[2].body_len, 0);
	arena_fini(&arena);
	filebundle_free(&bundle);
}

static void
test_parts_of_it_are_sent_again_in_their_order(void **state)
{
	static const size_t some[] = { 1, 3 };
	struct filebundle *bundle = filebundle_new(1000);
	struct arena arena;
	struct intake intake;
	struct text frames;
	struct err err;

	arena_init(&arena, 4096);
	text_init(&frames, 1000);
	for (int i = 0; i < 5; i++)
		add(bundle, i, "body", true);
	filebundle_reject(bundle, 3, &broken);
	filebundle_print(bundle, some, 2, &frames);
	assert_int_equal(take_in(&frames, &arena, &intake, &err), ERR_OK);
	assert_int_equal(intake.count, 2);
	assert_int_equal(intake.messages[0].number, 1);
	assert_int_equal(intake.messages[1].number, 3);
	assert_int_equal(intake.messages[1].body_len, -1);
	assert_int_equal(intake.messages[1].violation_count, 1);
	text_fini(&frames);
	arena_fini(&arena);
	filebundle_free(&bundle);
}

static void
test_it_is_bounded_but_takes_one_of_any_size(void **state)
{
	struct filebundle *bundle = filebundle_new(200);

	assert_true(filebundle_fits(bundle, 5000, 3));
	add(bundle, 0, "a", true);
	assert_false(filebundle_fits(bundle, 5000, 3));
	assert_true(filebundle_fits(bundle, 1, 3));
	assert_false(filebundle_fits(bundle, 1, 1));
	filebundle_reset(bundle);
	assert_true(filebundle_fits(bundle, 5000, 1));
	filebundle_free(&bundle);
}

static void
test_reasons_that_are_none_are_refused(void **state)
{
	static const uint8_t cut[] = { 0, 9, 'a' };
	static const uint8_t nul[] = { 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	const struct frame frames[] = {
		{ .reasons = cut, .reasons_len = 0 },
		{ .reasons = cut, .reasons_len = sizeof(cut) },
		{ .reasons = nul, .reasons_len = sizeof(nul) },
	};
	const struct violation *found = NULL;
	struct arena arena;
	size_t count = 0;
	struct err err;

	arena_init(&arena, 4096);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(frame_read_reasons(&frames[i], &arena, &found,
		                                    &count, &err),
		                 ERR_INVALID);
	arena_fini(&arena);
}

static void
test_ids_that_are_no_numbers_are_refused(void **state)
{
	static const char *const ids[] = { "07", "-1", "1x",
		                           "1234567890123456789", " 1" };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const struct frame frame = {
			.id = (const uint8_t *)ids[i],
			.id_len = (int32_t)strlen(ids[i]),
			.key_len = -1,
			.headers_len = -1,
			.body_len = -1,
			.time_ms = FRAME_NO_TIME,
		};
		struct intake intake;
		struct arena arena;
		struct text text;
		struct err err;

		arena_init(&arena, 4096);
		text_init(&text, 1000);
		frame_add(&text, &frame);
		assert_int_equal(take_in(&text, &arena, &intake, &err),
		                 ERR_INVALID);
		text_fini(&text);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_gateway_takes_in_what_was_put_in),
		cmocka_unit_test(
			test_parts_of_it_are_sent_again_in_their_order),
		cmocka_unit_test(test_it_is_bounded_but_takes_one_of_any_size),
		cmocka_unit_test(test_reasons_that_are_none_are_refused),
		cmocka_unit_test(test_ids_that_are_no_numbers_are_refused),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
