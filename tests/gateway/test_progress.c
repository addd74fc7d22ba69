/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The progress record, there and back; what is not one is refused, since it
 * would be taken for what a cluster has.
 */
#include "gateway/progress.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "tests/unit.h"

#define ZEROS "00000000000000000000000000000000"
#define CHAIN ZEROS ZEROS

static struct progress in, out;
static struct err err;

static enum err_code
parse(const char *text)
{
	err = (struct err){ .code = ERR_OK };
	return progress_parse((const uint8_t *)text, strlen(text), "test", &out,
	                      &err);
}

static void
there_and_back(void **state)
{
	struct text text;

	memset(&in, 0, sizeof(in));
	in.lane = 63;
	in.incarnation = 7;
	in.epoch = INT64_MAX;
	in.seq = 9007199254740993; /* no double holds it */
	in.system_id = 7654321098765432109;
	in.timeline = 3;
	for (int i = 0; i < DIGEST_SHA256_LEN; i++)
		in.chain[i] = (uint8_t)(i * 37);
	in.parked_count = 2;
	strcpy(in.parked[0].tenant, "us");
	strcpy(in.parked[0].feed, "sales");
	strcpy(in.parked[1].tenant, "\"q\"\\");
	strcpy(in.parked[1].feed, "\xc3\xa9");
	in.parked[1].seq = 12;
	text_init(&text, 65536);
	progress_print(&in, "test", &text);
	memset(&out, 0xff, sizeof(out));
	if (parse(text_string(&text)) != ERR_OK)
		fail_msg("%s", err.text);
	assert_memory_equal(&in, &out, sizeof(in));
	text_fini(&text);
}

/* As many feeds as can be parked, with names as long as can be. */
static void
the_longest_record_fits(void **state)
{
	struct text text;

	memset(&in, 0, sizeof(in));
	in.incarnation = 1;
	in.epoch = in.seq = INT64_MAX;
	in.parked_count = PROGRESS_PARKED_MAX;
	for (int i = 0; i < PROGRESS_PARKED_MAX; i++) {
		memset(in.parked[i].tenant, 'a', PROGRESS_NAME_MAX - 1);
		memset(in.parked[i].feed, 'b', PROGRESS_NAME_MAX - 1);
		in.parked[i].seq = INT64_MAX;
	}
	text_init(&text, 256 * 1024);
	progress_print(&in, "test", &text);
	assert_false(text_is_cut(&text));
	if (parse(text_string(&text)) != ERR_OK)
		fail_msg("%s", err.text);
	assert_memory_equal(&in, &out, sizeof(in));
	text_fini(&text);
}

/* A good one, with one member replaced. */
static void
assert_refused(const char *what, const char *by)
{
	char text[1024] = "{\"deployment\":\"test\",\"lane\":0,"
			  "\"incarnation\":1,\"epoch\":1,\"seq\":1,"
			  "\"chain\":\"" CHAIN "\",\"parked\":[],"
			  "\"system_id\":1,\"timeline\":1}";
	char rest[1024], *at = what == NULL ? NULL : strstr(text, what);

	if (what != NULL) {
		assert_non_null(at);
		snprintf(rest, sizeof(rest), "%s", at + strlen(what));
		snprintf(at, sizeof(text) - (size_t)(at - text), "%s%s", by,
		         rest);
	}
	out.seq = -77;
	if (what == NULL) {
		assert_int_equal(parse(text), ERR_OK);
		return;
	}
	if (parse(text) != ERR_INVALID)
		fail_msg("%s was taken for %s", by, what);
	assert_int_equal(out.seq, -77);
}

static void
garbage_is_refused(void **state)
{
	static const char *const texts[] = { "",           "{}",   "[]",
		                             "null",       "17",   "garbage",
		                             "{\"lane\":", "\"x\"" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(parse(texts[i]), ERR_INVALID);
	err = (struct err){ .code = ERR_OK };
	assert_int_equal(progress_parse(NULL, 0, "test", &out, &err),
	                 ERR_INVALID);
}

static void
what_is_not_a_record_is_refused(void **state)
{
	assert_refused(NULL, NULL);
	assert_refused("\"test\"", "\"other\"");
	assert_refused("\"lane\":0", "\"lane\":-1");
	assert_refused("\"lane\":0", "\"lane\":\"0\"");
	assert_refused("\"lane\":0", "\"lane\":4294967296");
	assert_refused("\"lane\":0,", "");
	assert_refused("\"incarnation\":1", "\"incarnation\":0");
	assert_refused("\"incarnation\":1", "\"incarnation\":4294967297");
	assert_refused("\"incarnation\":1", "\"incarnation\":1.5");
	assert_refused("\"epoch\":1", "\"epoch\":0");
	assert_refused("\"seq\":1", "\"seq\":0");
	assert_refused("\"seq\":1", "\"seq\":99999999999999999999");
	assert_refused("\"chain\":\"00", "\"chain\":\"0");
	assert_refused("\"chain\":\"00", "\"chain\":\"0g");
	assert_refused("\"chain\":\"00", "\"chain\":\"AB");
	/* without the list, what waits would be taken for delivered */
	assert_refused(",\"parked\":[]", "");
	assert_refused("\"parked\":[]", "\"parked\":null");
	assert_refused("\"parked\":[]", "\"parked\":{}");
	assert_refused("\"parked\":[]", "\"parked\":[1]");
	assert_refused("\"parked\":[]", "\"parked\":[{\"tenant\":\"us\"}]");
	assert_refused("\"parked\":[]",
	               "\"parked\":[{\"tenant\":\"us\",\"seq\":1}]");
	assert_refused("\"parked\":[]",
	               "\"parked\":[{\"tenant\":\"us\","
	               "\"feed\":\"sales\",\"seq\":-1}]");
}

static void
too_many_parked_are_refused(void **state)
{
	struct text text;

	text_init(&text, 65536);
	text_add(&text,
	         "{\"deployment\":\"test\",\"lane\":0,"
	         "\"incarnation\":1,\"epoch\":1,\"seq\":1,"
	         "\"chain\":\"" CHAIN "\",\"parked\":[");
	for (int i = 0; i <= PROGRESS_PARKED_MAX; i++)
		text_add(&text,
		         i == 0 ? "{\"tenant\":\"a\",\"feed\":\"b\","
		                  "\"seq\":1}"
		                : ",{\"tenant\":\"a\",\"feed\":\"b\","
		                  "\"seq\":1}");
	text_add(&text, "],\"system_id\":1,\"timeline\":1}");
	assert_int_equal(parse(text_string(&text)), ERR_INVALID);
	text_fini(&text);
}

static void
names(void **state)
{
	char name[PROGRESS_TOPIC_MAX];

	progress_topic("quickstart", name);
	assert_string_equal(name, "waybill.quickstart.progress");
	progress_transactional_id("quickstart", 12, name);
	assert_string_equal(name, "waybill.quickstart.12");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(the_longest_record_fits),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(what_is_not_a_record_is_refused),
		cmocka_unit_test(too_many_parked_are_refused),
		cmocka_unit_test(names),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
