/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message is when it leaves, header by header, as docs/headers.md
 * promises it to consumers.
 */
#include "gateway/parcel.h"

#include <stdio.h>
#include <string.h>

#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/source.h"
#include "base/model/violation.h"
#include "base/runtime/json.h"
#include "base/runtime/memory.h"
#include "tests/unit.h"

static struct feed feed = {
	.tenant = "us",
	.name = "sales",
	.dead_letter_partitions = 3,
	.message_bytes_max = 1000,
	.contract_id = 9,
	.contract_name = "us/sales",
	.contract_version = 4,
};
static const struct source source = { .topic = "us.sales.in", .partition = 7 };

static struct parcel parcel;
static struct ksend out;
static struct batch batch = {
	.lane = 3,
	.incarnation = 2,
	.recorded_ms = 1700000000123,
};

static int
begin(void **state)
{
	parcel_init(&parcel);
	return 0;
}

static int
end(void **state)
{
	parcel_fini(&parcel);
	return 0;
}

static struct message
message_of(const char *body)
{
	return (struct message){
		.feed = &feed,
		.source = &source,
		.key = (const uint8_t *)"key",
		.key_len = 3,
		.body = (const uint8_t *)body,
		.body_len = body == NULL ? -1 : (int32_t)strlen(body),
		.headers_len = -1,
		.partition = 7,
		.source_offset = 42,
		.event_time_ms = -5,
		.seq = 99,
		.contract = 9,
	};
}

static void
assert_header(size_t i, const char *name, const char *value)
{
	assert_true(i < out.header_count);
	assert_string_equal(out.headers[i].name, name);
	if (value == NULL) {
		assert_null(out.headers[i].value);
		return;
	}
	assert_non_null(out.headers[i].value);
	assert_int_equal(out.headers[i].value_len, strlen(value));
	assert_memory_equal(out.headers[i].value, value, strlen(value));
}

static void
an_accepted_message(void **state)
{
	struct message m = message_of("body");

	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_int_equal(out.partition, 7);
	assert_int_equal(out.time_ms, 1700000000123);
	assert_ptr_equal(out.key, m.key);
	assert_int_equal(out.key_len, 3);
	assert_ptr_equal(out.body, m.body);
	assert_int_equal(out.body_len, 4);
	assert_false(out.copy);
	assert_int_equal(out.header_count, 3);
	assert_header(0, "waybill-id", "3-2-99");
	assert_header(1, "waybill-source", "us.sales.in/7/42");
	assert_header(2, "waybill-time", "-5");
}

static void
null_and_empty_stay_apart(void **state)
{
	struct message m = message_of(NULL);

	m.key = NULL;
	m.key_len = -1;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_null(out.key);
	assert_null(out.body);
	assert_int_equal(out.key_len, 0);
	assert_int_equal(out.body_len, 0);
	m.key = m.body = (const uint8_t *)"";
	m.key_len = m.body_len = 0;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_non_null(out.key);
	assert_non_null(out.body);
	assert_int_equal(out.key_len, 0);
	assert_int_equal(out.body_len, 0);
}

static void
producers_headers_come_first(void **state)
{
	static const uint8_t headers[] = "\0\0\0\1a\0\0\0\3xyz"
					 "\0\0\0\2bb\377\377\377\377"
					 "\0\0\0\1a\0\0\0\0"
					 "\0\0\0\0\0\0\0\1v";
	struct message m = message_of("body");

	m.headers = headers;
	m.headers_len = sizeof(headers) - 1;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_int_equal(out.header_count, 7);
	assert_header(0, "a", "xyz");
	assert_header(1, "bb", NULL);
	assert_header(2, "a", "");
	assert_header(3, "", "v");
	assert_header(4, "waybill-id", "3-2-99");
	m.headers_len = 0;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_int_equal(out.header_count, 3);
}

/* Twenty thousand of the smallest, and one of the largest. */
static void
many_headers_and_large_ones(void **state)
{
	size_t len = 20000 * 8;
	uint8_t *headers = memory_calloc(1, 4 * 1024 * 1024);
	struct message m = message_of("body");

	feed.message_bytes_max = 8 * 1024 * 1024;
	m.headers = headers;
	m.headers_len = (int32_t)len;
	m.verdict = VERDICT_REJECTED;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_int_equal(out.header_count, 20000 + 7);
	assert_header(19999, "", "");
	memcpy(headers, "\0\0\0\1n\0\x30\0\0", 9); /* 3 MB */
	m.headers_len = 9 + 0x300000;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_int_equal(out.headers[0].value_len, 0x300000);
	assert_int_equal(out.header_count, 8);
	/* more than the cluster takes: neither they nor the body */
	feed.message_bytes_max = 1000;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_null(out.body);
	assert_int_equal(out.header_count, 8);
	assert_header(0, "waybill-id", "3-2-99");
	assert_header(7, "waybill-body", "reference");
	memory_release(headers);
}

static void
a_rejected_message(void **state)
{
	static const struct violation violations[] = {
		{ "avro.truncated", "/price", "8 bytes", "\"3\"", 17 },
		{ "key.missing", "", "", "", -1 },
	};
	struct message m = message_of("body");

	m.verdict = VERDICT_REJECTED;
	m.violations = violations;
	m.violation_count = 2;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_int_equal(out.partition, 7 % 3);
	assert_int_equal(out.body_len, 4);
	assert_int_equal(out.header_count, 7);
	assert_header(0, "waybill-id", "3-2-99");
	assert_header(3, "waybill-tenant", "us");
	assert_header(4, "waybill-feed", "sales");
	assert_header(5, "waybill-contract", "us/sales/4");
	assert_header(6, "waybill-violations",
	              "[{\"rule\":\"avro.truncated\",\"path\":\"/price\","
	              "\"expected\":\"8 bytes\",\"value\":\"\\\"3\\\"\","
	              "\"offset\":17},{\"rule\":\"key.missing\",\"path\":\"\","
	              "\"expected\":\"\",\"value\":\"\",\"offset\":-1}]");
	/* judged by a contract that is no longer the feed's */
	m.contract = 8;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_header(5, "waybill-contract", "id 8");
}

static void
too_large_a_body_is_referred_to(void **state)
{
	char body[1100];
	struct message m = message_of("body");

	memset(body, 'x', sizeof(body));
	m.body = (const uint8_t *)body;
	m.body_len = 1001;
	m.verdict = VERDICT_REJECTED;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_null(out.body);
	assert_int_equal(out.body_len, 0);
	assert_int_equal(out.header_count, 8);
	assert_header(7, "waybill-body", "reference");
	m.body_len = 1000; /* and three bytes of key */
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_null(out.body);
	m.body_len = 997;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_int_equal(out.body_len, 997);
	assert_int_equal(out.header_count, 7);
}

/* As many as a message may have, as long as they may be: the header must be
   JSON none the less, and not so large that the record is refused. */
static void
many_violations_stay_json(void **state)
{
	struct violation violations[VIOLATIONS_MAX];
	struct message m = message_of("body");
	struct err err = { .code = ERR_OK };
	struct json *parsed = NULL;
	char path[8000], value[97];

	memset(path, '\1', sizeof(path)); /* six bytes each in JSON */
	path[sizeof(path) - 1] = '\0';
	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < VIOLATIONS_MAX; i++)
		violations[i] =
			(struct violation){ "rule", path, value, value, i };
	m.verdict = VERDICT_REJECTED;
	m.violations = violations;
	m.violation_count = VIOLATIONS_MAX;
	parcel_fill(&parcel, &batch, &m, NULL, &out);
	assert_true(out.headers[6].value_len < 40 * 1024);
	if (json_parse(out.headers[6].value, (size_t)out.headers[6].value_len,
	               &parsed, &err) != ERR_OK)
		fail_msg("%s", err.text);
	json_free(&parsed);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(an_accepted_message),
		TEST(null_and_empty_stay_apart),
		TEST(producers_headers_come_first),
		TEST(many_headers_and_large_ones),
		TEST(a_rejected_message),
		TEST(too_large_a_body_is_referred_to),
		TEST(many_violations_stay_json),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
