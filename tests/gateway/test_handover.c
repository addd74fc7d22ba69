/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read is what was written; what was cut or changed on the way is
 * refused or harmless.
 */
#include "gateway/handover.h"

#include <string.h>

#include "base/runtime/digest.h"
#include "base/runtime/text.h"
#include "tests/gateway/handing.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static const struct deployment *deployment;
static struct text written;
static int lane;

static enum submission_outcome
refuse(void *context, struct submission_part *part)
{
	lane = part->lane;
	handover_write_part(&written, part);
	return SUBMISSION_REFUSED;
}

static void
done(struct submission *submission, void *context)
{
}

static struct submission *
write_one(void)
{
	const struct submission_lanes lanes = { .offer = refuse };
	struct submission *s = handing_new(deployment);

	s->done = done;
	text_reset(&written);
	handover_write_request(&written, 1234, 1);
	submission_send(s, &lanes);
	return s;
}

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	text_init(&written, HANDOVER_BYTES_MAX);
	return 0;
}

static int
end(void **state)
{
	text_fini(&written);
	deployment_unref(&deployment);
	return roadbase_end(state);
}

static enum submission_outcome
read_one(const uint8_t *bytes, size_t len, bool *out_failed,
         struct submission **out)
{
	struct handover_reader reader = { bytes, bytes + len, false };
	enum submission_outcome outcome = SUBMISSION_REFUSED;
	int64_t wait_ms;
	size_t count = 0;

	*out = NULL;
	if (handover_read_request(&reader, &wait_ms, &count))
		outcome = handover_read_part(&reader, deployment, lane, out);
	*out_failed = reader.has_failed;
	return outcome;
}

static void
assert_same(const void *a, int32_t a_len, const void *b, int32_t b_len)
{
	assert_int_equal(a_len, b_len);
	assert_int_equal(a == NULL, b == NULL);
	if (a_len > 0)
		assert_memory_equal(a, b, (size_t)a_len);
}

static void
reads_what_was_written(void **state)
{
	struct submission *s = write_one(), *got;
	bool has_failed;

	assert_int_equal(read_one((const uint8_t *)written.bytes, written.len,
	                          &has_failed, &got),
	                 SUBMISSION_WAITING);
	assert_false(has_failed);
	assert_int_equal(got->count, 2);
	assert_int_equal(got->principal, 42);
	assert_int_equal(got->source_id, 7);
	assert_int_equal(got->origin, MESSAGE_ORIGIN_REST);
	assert_null(got->file);
	for (size_t i = 0; i < 2; i++) {
		const struct submission_item *a = &s->items[i];
		const struct submission_item *b = &got->items[i];

		assert_same(a->key, a->key_len, b->key, b->key_len);
		assert_same(a->body, a->body_len, b->body, b->body_len);
		assert_same(a->headers, a->headers_len, b->headers,
		            b->headers_len);
		assert_int_equal(a->dedup_id_len, b->dedup_id_len);
		assert_true(a->event_time_ms == b->event_time_ms);
		assert_true(a->version == b->version);
		assert_int_equal(a->verdict, b->verdict);
		assert_int_equal(a->violation_count, b->violation_count);
	}
	assert_memory_equal(got->items[0].dedup_id, "id#1", 4);
	assert_string_equal(got->items[1].violations[0].rule, "avro.truncated");
	assert_int_equal(got->items[1].violations[0].byte_offset, 3);
	submission_unref(&got);
	submission_unref(&s);
}

static void
another_lane_is_stale(void **state)
{
	struct submission *s = write_one(), *got;
	bool has_failed;

	lane = 1 - lane;
	assert_int_equal(read_one((const uint8_t *)written.bytes, written.len,
	                          &has_failed, &got),
	                 SUBMISSION_STALE);
	assert_false(has_failed);
	assert_null(got);
	submission_unref(&s);
}

static void
what_is_cut_is_not_read(void **state)
{
	struct submission *s = write_one(), *got;

	for (size_t len = 0; len < written.len; len++) {
		/* Its own memory: a sanitizer sees a byte too far. */
		uint8_t *bytes = test_malloc(len + (len == 0));
		bool has_failed;

		memcpy(bytes, written.bytes, len);
		read_one(bytes, len, &has_failed, &got);
		assert_true(has_failed);
		assert_null(got);
		test_free(bytes);
	}
	submission_unref(&s);
}

static void
what_is_changed_is_harmless(void **state)
{
	struct submission *s = write_one(), *got;

	for (size_t i = 0; i < written.len * 16; i++) {
		uint8_t *bytes = test_malloc(written.len);
		bool has_failed;

		memcpy(bytes, written.bytes, written.len);
		if (i % 16 < 8)
			bytes[i / 16] ^= (uint8_t)(1u << i % 8);
		else
			bytes[i / 16] = (uint8_t)(i * 37);
		read_one(bytes, written.len, &has_failed, &got);
		for (size_t j = 0; got != NULL && j < got->count; j++) {
			assert_in_range(got->items[j].partition, 0, 3);
			assert_in_range(got->items[j].verdict, VERDICT_ACCEPTED,
			                VERDICT_REJECTED);
		}
		submission_unref(&got);
		test_free(bytes);
	}
	submission_unref(&s);
}

static void
answers_come_back(void **state)
{
	struct submission *s = write_one();
	const struct submission_part *part = s->items[0].part;
	struct handover_reader reader, results;

	s->items[0].seq = 1ll << 40;
	s->items[0].incarnation = 3;
	s->items[0].verdict = VERDICT_DUPLICATE;
	s->items[0].of_seq = 5;
	s->items[0].of_rejected = true;
	text_reset(&written);
	handover_write_answer(&written, 2);
	handover_write_outcome(&written, SUBMISSION_RECORDED, s);
	handover_write_outcome(&written, SUBMISSION_STALE, NULL);
	s->items[0].seq = s->items[0].of_seq = s->items[0].incarnation = 0;
	s->items[0].of_rejected = false;
	for (size_t len = 0; len <= written.len; len++) {
		reader = (struct handover_reader){
			(const uint8_t *)written.bytes,
			(const uint8_t *)written.bytes + len, false
		};
		if (!handover_read_answer(&reader, 2) ||
		    handover_read_outcome(&reader, part, &results) !=
		            SUBMISSION_RECORDED)
			continue;
		assert_int_equal(handover_read_outcome(&reader, part, NULL),
		                 len == written.len ? SUBMISSION_STALE
		                                    : SUBMISSION_UNKNOWN);
	}
	handover_take_results(&results, part);
	assert_true(s->items[0].seq == 1ll << 40);
	assert_int_equal(s->items[0].incarnation, 3);
	assert_int_equal(s->items[0].verdict, VERDICT_DUPLICATE);
	assert_int_equal(s->items[0].of_seq, 5);
	assert_true(s->items[0].of_rejected);
	submission_unref(&s);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(reads_what_was_written),
		TEST(another_lane_is_stale),
		TEST(what_is_cut_is_not_read),
		TEST(what_is_changed_is_harmless),
		TEST(answers_come_back),
	};

	return roadbase_main(60, tests, sizeof(tests) / sizeof(tests[0]));
}
