/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The written form of an id: there and back, and what is not one.
 */
#include "base/model/message.h"

#include <string.h>

#include "tests/unit.h"

static void
assert_round_trip(int lane, int incarnation, int64_t seq, const char *text)
{
	char printed[MESSAGE_ID_MAX];
	int back_lane = -1, back_incarnation = -1;
	int64_t back_seq = -1;

	assert_int_equal(message_id_print(printed, lane, incarnation, seq),
	                 strlen(text));
	assert_string_equal(printed, text);
	assert_true(message_id_parse(text, &back_lane, &back_incarnation,
	                             &back_seq));
	assert_int_equal(back_lane, lane);
	assert_int_equal(back_incarnation, incarnation);
	assert_int_equal(back_seq, seq);
}

static void
id_there_and_back(void **state)
{
	assert_round_trip(0, 1, 1, "0-1-1");
	assert_round_trip(63, 2, 1000000, "63-2-1000000");
	assert_round_trip(INT32_MAX, INT32_MAX, INT64_MAX,
	                  "2147483647-2147483647-9223372036854775807");
	assert_round_trip(0, 0, 0, "0-0-0");
}

static void
id_that_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		"-",
		"--",
		"1-1",
		"1-1-",
		"1--1",
		"-1-1-1",
		"1-1-1-",
		"1-1-1-1",
		"1-1-1 ",
		" 1-1-1",
		"+1-1-1",
		"1-+1-1",
		"01-1-1",
		"1-1-00",
		"1-1-0x1",
		"a-1-1",
		"1-1-9223372036854775808",
		"1-1-99999999999999999999",
		"2147483648-1-1",
		"1-2147483648-1",
		"1-4294967297-1",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int lane = 7, incarnation = 8;
		int64_t seq = 9;

		if (message_id_parse(texts[i], &lane, &incarnation, &seq))
			fail_msg("\"%s\" was taken for an id", texts[i]);
		assert_int_equal(lane, 7);
		assert_int_equal(incarnation, 8);
		assert_int_equal(seq, 9);
	}
}

static void
verdict_names(void **state)
{
	assert_string_equal(message_verdict_name(VERDICT_ACCEPTED), "accepted");
	assert_string_equal(message_verdict_name(VERDICT_REJECTED), "rejected");
	assert_string_equal(message_verdict_name(VERDICT_DUPLICATE),
	                    "duplicate");
	assert_string_equal(message_verdict_name(VERDICT_CONFLICT), "conflict");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_there_and_back),
		cmocka_unit_test(id_that_is_none),
		cmocka_unit_test(verdict_names),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
