/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What was recorded is read back as it was, byte for byte; and what is not as
 * this program writes it is told, never forwarded.
 */
#include "base/model/journal_reader.h"

#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/model/journal.h"
#include "base/model/source.h"
#include "base/model/violation.h"
#include "base/runtime/memory.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static const struct deployment *deployment;
static struct recorder *recorder;
static struct batch *batch, *back;
static struct pgconn *conn;
static struct journal_reader *reader;
static struct err err;

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	recorder = recorder_new("test-1", 0);
	conn = roadbase_connect("waybill_daemon");
	reader = journal_reader_new(conn, 0, 1);
	return 0;
}

static int
end(void **state)
{
	batch_unref(&batch);
	batch_unref(&back);
	journal_reader_free(&reader);
	pgconn_close(&conn);
	recorder_free(&recorder);
	deployment_unref(&deployment);
	return roadbase_end(state);
}

static void
record(const char *words)
{
	batch_unref(&batch);
	batch = recorder_record(recorder, deployment, words);
}

static enum err_code
read_next(void)
{
	batch_unref(&back);
	err = (struct err){ .code = ERR_OK };
	return journal_reader_next(reader, deployment, &back, &err);
}

static void
assert_bytes(const uint8_t *left, int32_t left_len, const uint8_t *right,
             int32_t right_len)
{
	assert_int_equal(left_len, right_len);
	assert_int_equal(left == NULL, right == NULL);
	if (left_len > 0)
		assert_memory_equal(left, right, left_len);
}

static void
assert_same(const struct message *a, const struct message *b)
{
	assert_ptr_equal(a->feed, b->feed);
	assert_bytes(a->key, a->key_len, b->key, b->key_len);
	assert_bytes(a->body, a->body_len, b->body, b->body_len);
	assert_bytes(a->headers, a->headers_len, b->headers, b->headers_len);
	assert_int_equal(a->partition, b->partition);
	assert_int_equal(a->source_offset, b->source_offset);
	assert_int_equal(a->source_id, b->source_id);
	assert_int_equal(a->event_time_ms, b->event_time_ms);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->contract, b->contract);
	assert_int_equal(a->verdict, b->verdict);
	assert_string_equal(a->source->topic, b->source->topic);
	assert_int_equal(a->source->partition, b->source->partition);
	assert_int_equal(a->violation_count, b->violation_count);
	for (int i = 0; i < a->violation_count; i++) {
		assert_string_equal(a->violations[i].rule,
		                    b->violations[i].rule);
		assert_string_equal(a->violations[i].path,
		                    b->violations[i].path);
		assert_string_equal(a->violations[i].expected,
		                    b->violations[i].expected);
		assert_string_equal(a->violations[i].value,
		                    b->violations[i].value);
		assert_int_equal(a->violations[i].byte_offset,
		                 b->violations[i].byte_offset);
	}
}

static void
assert_read_back(void)
{
	assert_ok(read_next());
	assert_non_null(back);
	assert_int_equal(back->lane, batch->lane);
	assert_int_equal(back->incarnation, batch->incarnation);
	assert_int_equal(back->commit_no, batch->commit_no);
	assert_int_equal(back->first_seq, batch->first_seq);
	assert_int_equal(back->last_seq, batch->last_seq);
	assert_memory_equal(back->chain, batch->chain, DIGEST_SHA256_LEN);
	assert_int_equal(back->bytes, batch->bytes);
	assert_int_equal(back->count, batch->count);
	for (size_t i = 0; i < batch->count; i++)
		assert_same(&batch->messages[i], &back->messages[i]);
	assert_int_equal(back->block_count, batch->block_count);
	for (size_t i = 0; i < batch->block_count; i++) {
		assert_ptr_equal(back->blocks[i].feed, batch->blocks[i].feed);
		assert_int_equal(back->blocks[i].first, batch->blocks[i].first);
		assert_int_equal(back->blocks[i].count, batch->blocks[i].count);
		assert_int_equal(back->blocks[i].first_seq,
		                 batch->blocks[i].first_seq);
		assert_int_equal(back->blocks[i].day, batch->blocks[i].day);
	}
}

static void
send_and_wait(void)
{
	struct journal *journal = recorder_journal(recorder);

	assert_ok(journal_send(journal, batch, &err));
	assert_ok(journal_wait(journal, &err));
}

/* -- as it was --------------------------------------------------------------- */

static void
reads_back_what_was_recorded(void **state)
{
	record("us/sales:0*3 us/sales:3!*2 ca/sales:1 us/stock:2!");
	assert_read_back();
	record("us/sales:1*300 us/sales:0");
	assert_read_back();
	assert_ok(read_next());
	assert_null(back);
	record("us/sales:1");
	assert_read_back();
}

static void
reads_back_what_is_null_or_empty_or_extreme(void **state)
{
	static const uint8_t headers[] = "\0\0\0\1a\377\377\377\377"
					 "\0\0\0\0\0\0\0\0";
	static const int64_t times[] = { INT64_MIN, INT64_MAX, -1, 0 };
	uint8_t *large = memory_calloc(1, 5 * 1024 * 1024);

	batch = recorder_batch(recorder, deployment, "us/sales:0*8");
	for (int i = 0; i < 8; i++)
		batch->messages[i].event_time_ms = times[i % 4];
	batch->messages[0].key = NULL;
	batch->messages[0].key_len = -1;
	batch->messages[1].key = (const uint8_t *)"";
	batch->messages[1].key_len = 0;
	batch->messages[2].body = NULL;
	batch->messages[2].body_len = -1;
	batch->messages[3].body = (const uint8_t *)"";
	batch->messages[3].body_len = 0;
	batch->messages[4].headers = headers;
	batch->messages[4].headers_len = sizeof(headers) - 1;
	batch->messages[5].headers = (const uint8_t *)"";
	batch->messages[5].headers_len = 0;
	memset(large, 0xa5, 5 * 1024 * 1024);
	batch->messages[6].body = large;
	batch->messages[6].body_len = 5 * 1024 * 1024;
	batch->messages[7].source_offset = INT64_MAX;
	batch->bytes = 0;
	for (int i = 0; i < 8; i++) {
		const struct message *m = &batch->messages[i];

		batch->bytes += (m->key_len > 0 ? (size_t)m->key_len : 0) +
			(m->body_len > 0 ? (size_t)m->body_len : 0) +
			(m->headers_len > 0 ? (size_t)m->headers_len : 0);
	}
	send_and_wait();
	assert_read_back();
	memory_release(large);
}

static void
reads_from_any_commit_on(void **state)
{
	uint8_t chain[DIGEST_SHA256_LEN];

	record("us/sales:0*3");
	record("us/sales:0*4");
	journal_reader_seek(reader, 3);
	assert_read_back();
	journal_reader_seek(reader, 3);
	assert_read_back();
	assert_ok(journal_reader_chain(reader, 7, chain, &err));
	assert_memory_equal(chain, batch->chain, sizeof(chain));
	assert_int_equal(journal_reader_chain(reader, 6, chain, &err),
	                 ERR_NOT_FOUND);
	journal_reader_seek(reader, 7);
	assert_ok(read_next());
	assert_null(back);
	/* there is no such seq: nothing is skipped silently */
	journal_reader_seek(reader, 5);
	assert_int_equal(read_next(), ERR_INVALID);
}

static void
play_day(int ahead)
{
	roadbase_run("create or replace function waybill.today() returns date"
	             " language sql stable as 'select (now() at time zone"
	             " ''utc'')::date + %d'",
	             ahead);
}

static void
reads_across_days(void **state)
{
	struct batch *batches[4];

	for (int i = 0; i < 4; i++) {
		play_day(i / 2);
		batches[i] = recorder_record(recorder, deployment,
		                             "us/sales:0*2 us/sales:1!");
	}
	/* the clock of Postgres went back: the lane's day does not */
	play_day(0);
	record("us/sales:0*2");
	assert_int_equal(batch->blocks[0].day, batches[3]->blocks[0].day);
	assert_int_equal(batches[3]->blocks[0].day,
	                 batches[0]->blocks[0].day + 1);
	batch_unref(&batch);
	for (int i = 0; i < 4; i++) {
		batch = batches[i];
		assert_read_back();
		batch_unref(&batch);
	}
	assert_ok(read_next());
	assert_int_equal(back->count, 2);
	journal_reader_seek(reader, 6); /* the first of the second day */
	assert_ok(read_next());
	assert_int_equal(back->first_seq, 7);
}

static void
reads_one_incarnation(void **state)
{
	struct journal *journal = recorder_journal(recorder);
	struct journal_reader *second = journal_reader_new(conn, 0, 2);

	record("us/sales:0*3");
	assert_ok(journal_reader_next(second, deployment, &back, &err));
	assert_null(back);
	roadbase_run("update waybill.lane set timeline = timeline + 1");
	assert_ok(journal_accept_timeline(journal, &err));
	record("us/sales:0*4");
	assert_ok(journal_reader_next(second, deployment, &back, &err));
	assert_int_equal(back->count, 4);
	assert_ok(read_next());
	assert_int_equal(back->count, 3);
	assert_ok(read_next());
	assert_null(back);
	journal_reader_free(&second);
}

/* -- as it must not be ---------------------------------------------------------- */

static void
assert_invalid(const char *why)
{
	if (read_next() != ERR_INVALID)
		fail_msg("%s: %s", why, err.text);
	assert_null(back);
}

static void
a_missing_commit_is_told(void **state)
{
	record("us/sales:0*3");
	record("us/sales:0*3");
	record("us/sales:0*3");
	assert_ok(read_next());
	roadbase_run("delete from waybill.lane_commit where first_seq = 4");
	assert_invalid("gap between commits");
}

static void
a_missing_block_is_told(void **state)
{
	record("us/sales:0*3 ca/sales:0*2 us/stock:0*3");
	roadbase_run("delete from waybill.block where tenant = 'ca'");
	assert_invalid("gap between blocks");
}

static void
blocks_that_overlap_are_told(void **state)
{
	record("us/sales:0*3 ca/sales:0*3");
	roadbase_run("update waybill.block set first_seq = 2"
	             " where tenant = 'us'");
	assert_invalid("overlap");
}

static void
a_block_that_says_more_than_its_commit_is_told(void **state)
{
	record("us/sales:0*3");
	roadbase_run("alter table waybill.block drop constraint if exists"
	             " block_check");
	roadbase_run("update waybill.block set count = 4,"
	             " keys = keys || '\\x00'::bytea,"
	             " bodies = bodies || '\\x00'::bytea,"
	             " source_offsets = source_offsets || 9::int8,"
	             " event_times = event_times || 9::int8");
	assert_invalid("too many");
}

static void
columns_of_another_length_are_told(void **state)
{
	record("us/sales:0*3");
	roadbase_run("update waybill.block set keys = keys[1:2]");
	assert_invalid("a column is short");
}

static void
a_newer_format_is_told(void **state)
{
	record("us/sales:0*3");
	roadbase_run("update waybill.block set format = 99");
	assert_invalid("format");
	assert_non_null(strstr(err.text, "newer"));
}

static void
a_feed_that_is_not_in_the_catalogue_is_told(void **state)
{
	record("us/sales:0*3 us/stock:0*3");
	roadbase_run("delete from waybill.feed_output where feed = 'stock'");
	roadbase_run("delete from waybill.feed_topic where feed = 'stock'");
	roadbase_run("delete from waybill.feed where feed = 'stock'");
	batch_unref(&batch);
	deployment_unref(&deployment);
	deployment = roadbase_load();
	assert_int_equal(read_next(), ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "us/stock"));
}

/* Out of the catalogue is not gone: what is recorded still leaves. */
static void
a_feed_that_is_removed_is_read(void **state)
{
	record("us/sales:0*3 us/stock:0*3");
	roadbase_run("update waybill.feed set removed_at = now()"
	             " where feed = 'stock'");
	deployment_unref(&deployment);
	deployment = roadbase_load();
	assert_ok(read_next());
	assert_int_equal(back->count, 6);
	assert_true(back->blocks[1].feed->is_removed);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(reads_back_what_was_recorded),
		TEST(reads_back_what_is_null_or_empty_or_extreme),
		TEST(reads_from_any_commit_on),
		TEST(reads_across_days),
		TEST(reads_one_incarnation),
		TEST(a_missing_commit_is_told),
		TEST(a_missing_block_is_told),
		TEST(blocks_that_overlap_are_told),
		TEST(a_block_that_says_more_than_its_commit_is_told),
		TEST(columns_of_another_length_are_told),
		TEST(a_newer_format_is_told),
		TEST(a_feed_that_is_not_in_the_catalogue_is_told),
		TEST(a_feed_that_is_removed_is_read),
	};

	return roadbase_main(280, tests, sizeof(tests) / sizeof(tests[0]));
}
