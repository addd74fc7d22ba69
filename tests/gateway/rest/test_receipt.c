/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts and the status of the whole, from what the lanes have said.
 */
#include "gateway/rest/receipt.h"

#include <string.h>

#include "base/io/httpd.h"
#include "base/model/violation.h"
#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "gateway/rest/publish_answer.h"
#include "tests/unit.h"

static struct text body;
static struct http_response response;
static struct json *json;

static void
print(const struct receipt *receipts, size_t count, bool is_single,
      bool only_bad, bool forwarded)
{
	const struct publish_answer answer = { receipts, count, is_single,
		                               forwarded, only_bad };
	struct err err;

	text_reset(&body);
	json_free(&json);
	response = (struct http_response){ .status = 200,
		                           .content_type = "application/json",
		                           .body = &body };
	publish_answer_print(&answer, &response);
	assert_int_equal(json_parse(body.bytes, body.len, &json, &err), ERR_OK);
}

static const struct violation violation = { "avro.truncated", "/\"a\"", "more",
	                                    "", 4 };

static const struct receipt accepted = {
	.kind = RECEIPT_ACCEPTED, .incarnation = 1, .seq = 5, .partition = 3
};
static const struct receipt rejected = { .kind = RECEIPT_REJECTED,
	                                 .incarnation = 1,
	                                 .seq = 6,
	                                 .violation_count = 1,
	                                 .violations = &violation };
static const struct receipt duplicate = { .kind = RECEIPT_DUPLICATE,
	                                  .incarnation = 1,
	                                  .seq = 7,
	                                  .of_lane = 2,
	                                  .of_incarnation = 1,
	                                  .of_seq = 1 };
static const struct receipt conflict = { .kind = RECEIPT_CONFLICT,
	                                 .incarnation = 1,
	                                 .seq = 8,
	                                 .of_incarnation = 1,
	                                 .of_seq = 5 };
static const struct receipt refused = { .kind = RECEIPT_REFUSED };
static const struct receipt unknown = { .kind = RECEIPT_UNKNOWN };

static const char *
member(const struct json *receipt, const char *name)
{
	return json_string(json_get(receipt, name));
}

static void
test_one_message_has_its_status(void **state)
{
	static const struct {
		const struct receipt *receipt;
		int status;
		const char *type; /* NULL: no problem */
	} cases[] = {
		{ &accepted, 202, NULL },
		{ &duplicate, 202, NULL },
		{ &rejected, 422, "/docs/problems/message-rejected" },
		{ &conflict, 409, "/docs/problems/message-conflict" },
		{ &refused, 503, "/docs/problems/unavailable" },
		{ &unknown, 503, "/docs/problems/outcome-unknown" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print(cases[i].receipt, 1, true, false, false);
		assert_int_equal(response.status, cases[i].status);
		assert_int_equal(response.retry_after_s > 0,
		                 cases[i].status == 503);
		if (cases[i].type == NULL)
			assert_null(json_get(json, "type"));
		else
			assert_string_equal(member(json, "type"),
			                    cases[i].type);
		assert_int_equal(json_count(json_get(json, "receipts")), 1);
	}
	print(&accepted, 1, true, false, true);
	assert_int_equal(response.status, 200);
}

static void
test_many_are_good_mixed_or_not_there(void **state)
{
	const struct receipt good[] = { accepted, duplicate };
	const struct receipt mixed[] = { accepted, refused, unknown, rejected };
	const struct receipt none[] = { refused, refused };
	const struct receipt nobody_knows[] = { refused, unknown };
	const struct receipt bad[] = { rejected, conflict };

	print(good, 2, false, false, false);
	assert_int_equal(response.status, 202);
	print(mixed, 4, false, false, false);
	assert_int_equal(response.status, 207);
	print(bad, 2, false, false, false);
	assert_int_equal(response.status, 207);
	print(none, 2, false, false, false);
	assert_int_equal(response.status, 503);
	assert_string_equal(member(json, "type"), "/docs/problems/unavailable");
	print(nobody_knows, 2, false, false, false);
	assert_int_equal(response.status, 503);
	assert_string_equal(member(json, "type"),
	                    "/docs/problems/outcome-unknown");
}

static void
test_a_receipt_says_all_that_is_known(void **state)
{
	const struct receipt receipts[] = { accepted, rejected, duplicate,
		                            refused };
	const struct json *all, *found;

	print(receipts, 4, false, false, false);
	all = json_get(json, "receipts");
	found = json_at(all, 0);
	assert_string_equal(member(found, "id"), "0-1-5");
	assert_string_equal(member(found, "verdict"), "accepted");
	assert_string_equal(member(found, "level"), "recorded");
	assert_int_equal(json_integer(json_get(found, "partition"), -1), 3);
	assert_null(json_get(found, "of"));
	assert_null(json_get(found, "index"));
	found = json_at(json_get(json_at(all, 1), "violations"), 0);
	assert_string_equal(member(found, "rule"), "avro.truncated");
	assert_string_equal(member(found, "path"), "/\"a\"");
	assert_int_equal(json_integer(json_get(found, "offset"), -1), 4);
	assert_string_equal(member(json_at(all, 2), "of"), "2-1-1");
	assert_string_equal(member(json_at(all, 3), "level"), "refused");
	assert_null(json_get(json_at(all, 3), "id"));
	found = json_get(json, "counts");
	assert_int_equal(json_count(found), 4);
	assert_int_equal(json_integer(json_get(found, "refused"), 0), 1);
}

static void
test_only_the_bad_ones_and_ranges_of_the_others(void **state)
{
	struct receipt receipts[] = { accepted, accepted, rejected,
		                      accepted, accepted, duplicate };
	const struct json *ranges;

	receipts[1].seq = 6;
	receipts[3].lane = 1;
	receipts[3].seq = 1;
	receipts[4].seq = 9;
	receipts[5].seq = 10;
	print(receipts, 6, false, true, false);
	assert_int_equal(json_count(json_get(json, "receipts")), 1);
	assert_int_equal(
		json_integer(json_get(json_at(json_get(json, "receipts"), 0),
	                              "index"),
	                     -1),
		2);
	ranges = json_get(json, "recorded");
	assert_int_equal(json_count(ranges), 3);
	assert_string_equal(member(json_at(ranges, 0), "first"), "0-1-5");
	assert_string_equal(member(json_at(ranges, 0), "last"), "0-1-6");
	assert_string_equal(member(json_at(ranges, 1), "first"), "0-1-9");
	assert_string_equal(member(json_at(ranges, 1), "last"), "0-1-10");
	assert_string_equal(member(json_at(ranges, 2), "first"), "1-1-1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message_has_its_status),
		cmocka_unit_test(test_many_are_good_mixed_or_not_there),
		cmocka_unit_test(test_a_receipt_says_all_that_is_known),
		cmocka_unit_test(
			test_only_the_bad_ones_and_ranges_of_the_others),
	};
	int failed;

	alarm(60);
	text_init(&body, 1024 * 1024);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_free(&json);
	text_fini(&body);
	return failed;
}
