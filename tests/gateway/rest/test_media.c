/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Media types, query parameters and times: what is taken, and what is not.
 */
#include "gateway/rest/media.h"

#include "tests/unit.h"

static void
test_types_are_found_without_regard_to_case(void **state)
{
	assert_int_equal(media_parse("application/json"), MEDIA_JSON);
	assert_int_equal(media_parse(" Application/JSON "), MEDIA_JSON);
	assert_int_equal(media_parse("application/x-ndjson"), MEDIA_JSON_LINES);
	assert_int_equal(media_parse("application/avro"), MEDIA_CONTAINER);
	assert_int_equal(media_parse("avro/binary; x=1"), MEDIA_AVRO);
	assert_int_equal(media_parse("application/vnd.waybill.frames"),
	                 MEDIA_FRAMES);
}

static void
test_other_types_and_charsets_are_none(void **state)
{
	assert_int_equal(media_parse(NULL), MEDIA_COUNT);
	assert_int_equal(media_parse(""), MEDIA_COUNT);
	assert_int_equal(media_parse("text/plain"), MEDIA_COUNT);
	assert_int_equal(media_parse("application/jsonx"), MEDIA_COUNT);
	assert_int_equal(media_parse("application/json;charset=utf-8"),
	                 MEDIA_JSON);
	assert_int_equal(media_parse("application/json; Charset=\"UTF-8\""),
	                 MEDIA_JSON);
	assert_int_equal(media_parse("application/json; charset=latin1"),
	                 MEDIA_COUNT);
	assert_int_equal(media_parse("application/json;"), MEDIA_JSON);
	assert_int_equal(media_parse("application/json; x; charset=latin1"),
	                 MEDIA_COUNT);
}

static void
test_the_most_specific_range_decides(void **state)
{
	assert_true(media_accepts_json(NULL));
	assert_true(media_accepts_json(""));
	assert_true(media_accepts_json("*/*"));
	assert_true(media_accepts_json("text/html, application/*;q=0.1"));
	assert_true(media_accepts_json("application/json"));
	assert_true(media_accepts_json("*/*;q=0, application/json;q=0.5"));
	assert_false(media_accepts_json("text/html"));
	assert_false(media_accepts_json("*/*, application/json;q=0"));
	assert_false(media_accepts_json("application/json; q=0.000, */*"));
	assert_false(media_accepts_json(",,;;,"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_are_found_without_regard_to_case),
		cmocka_unit_test(test_other_types_and_charsets_are_none),
		cmocka_unit_test(test_the_most_specific_range_decides),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
