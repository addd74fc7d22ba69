/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of table delivery and delivery_range, of blocks whose messages went
 * different ways.
 */
#include "base/model/delivery.h"

#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch.h"
#include "base/model/deployment.h"
#include "base/runtime/memory.h"
#include "tests/support/recorder.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static const struct deployment *deployment;
static struct recorder *recorder;
static struct batch *batch;
static struct pgconn *conn;
static struct delivery *delivery;
static struct err err;

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	recorder = recorder_new("test-1", 0);
	conn = roadbase_connect("waybill_daemon");
	delivery = delivery_new(conn, "main");
	return 0;
}

static int
end(void **state)
{
	batch_unref(&batch);
	delivery_free(&delivery);
	pgconn_close(&conn);
	recorder_free(&recorder);
	deployment_unref(&deployment);
	return roadbase_end(state);
}

/* Sends rows of the batch with these offsets. */
static enum err_code
deliver(int64_t *offsets)
{
	err = (struct err){ .code = ERR_OK };
	if (delivery_send(delivery, &batch, &offsets, 1, &err) == ERR_OK)
		return delivery_wait(delivery, &err);
	return err.code;
}

static void
rows_of_mixed_blocks(void **state)
{
	int64_t offsets[] = { 10, 5, 11, DELIVERY_NONE, 6, 12, 70 };

	batch = recorder_record(recorder, deployment,
	                        "us/sales:0 us/sales:3! us/sales:0*2"
	                        " us/sales:1! us/sales:0 ca/sales:2");
	assert_int_equal(deliver(offsets), ERR_OK);
	assert_string_equal(
		roadbase_text("select string_agg(concat_ws(' ', tenant, kind,"
	                      " first_seq, count, partitions, offsets), '|'"
	                      " order by first_seq, kind)"
	                      " from waybill.delivery"),
		"us 0 1 6 {10,NULL,11,NULL,NULL,12}|"
		"us 1 1 6 {0,1,0,0,1,0} {NULL,5,NULL,NULL,6,NULL}|"
		"ca 0 7 1 {70}");
	assert_string_equal(
		roadbase_text("select string_agg(concat_ws(' ', tenant, topic,"
	                      " partition, offset_first, offset_last,"
	                      " first_seq), '|' order by topic)"
	                      " from waybill.delivery_range"),
		"ca ca.sales 2 70 70 7|us us.sales 0 10 12 1|"
		"us us.sales.dead 1 5 6 1");
	assert_string_equal(
		roadbase_text("select string_agg(concat_ws(' ', topic,"
	                      " partition, offset_first), '|' order by topic)"
	                      " from waybill.delivery_day"),
		"ca.sales 2 70|us.sales 0 10|us.sales.dead 1 5");
}

static void
nothing_went_is_no_row(void **state)
{
	int64_t offsets[] = { DELIVERY_NONE, DELIVERY_NONE, 7 };

	batch = recorder_record(recorder, deployment,
	                        "us/sales:0*2 ca/sales:0");
	assert_int_equal(deliver(offsets), ERR_OK);
	assert_string_equal(roadbase_text("select string_agg(tenant, '')"
	                                  " from waybill.delivery"),
	                    "ca");
	assert_ok(delivery_wait(delivery, &err)); /* of nothing */
}

/* Delivered, but nobody said where. */
static void
an_unknown_offset_is_no_range(void **state)
{
	int64_t offsets[] = { DELIVERY_UNKNOWN, 4, DELIVERY_UNKNOWN };

	batch = recorder_record(recorder, deployment, "us/sales:0*3");
	assert_int_equal(deliver(offsets), ERR_OK);
	assert_string_equal(
		roadbase_text("select offsets::text from waybill.delivery"),
		"{-1,4,-1}");
	assert_string_equal(
		roadbase_text("select concat_ws(' ', offset_first,"
	                      " offset_last) from waybill.delivery_range"),
		"4 4");
}

static void
told_twice_is_told_once(void **state)
{
	int64_t offsets[] = { 3, 4, 5 }, none[] = { 3, DELIVERY_NONE, 5 };

	batch = recorder_record(recorder, deployment, "us/sales:0*3");
	assert_int_equal(deliver(offsets), ERR_OK);
	assert_int_equal(deliver(none), ERR_OK);
	assert_string_equal(
		roadbase_text("select string_agg(offsets::text, '|')"
	                      " from waybill.delivery"),
		"{3,4,5}");
}

static void
tells_how_far_it_is(void **state)
{
	int64_t offsets[] = { 3, 4, 5, DELIVERY_NONE, DELIVERY_NONE }, seq = -1;

	assert_ok(delivery_last_seq(delivery, 0, 1, &seq, &err));
	assert_int_equal(seq, 0);
	assert_ok(delivery_last_offset(delivery, 0, "us.sales", 0, &seq, &err));
	assert_int_equal(seq, -1);
	batch = recorder_record(recorder, deployment,
	                        "us/sales:0*3 us/stock:0*2");
	assert_int_equal(deliver(offsets), ERR_OK);
	/* the end of the commit, not of the last block that has rows */
	assert_ok(delivery_last_seq(delivery, 0, 1, &seq, &err));
	assert_int_equal(seq, 5);
	assert_ok(delivery_last_seq(delivery, 0, 2, &seq, &err));
	assert_int_equal(seq, 0);
	assert_ok(delivery_last_seq(delivery, 1, 1, &seq, &err));
	assert_int_equal(seq, 0);
	assert_ok(delivery_last_offset(delivery, 0, "us.sales", 0, &seq, &err));
	assert_int_equal(seq, 5);
	assert_ok(delivery_last_offset(delivery, 1, "us.sales", 0, &seq, &err));
	assert_int_equal(seq, -1);
}

static void
many_batches_at_once(void **state)
{
	struct batch *batches[64];
	int64_t *offsets[64];

	for (int i = 0; i < 64; i++) {
		batches[i] = recorder_record(recorder, deployment,
		                             "us/sales:0 us/sales:1!");
		offsets[i] = memory_alloc(2 * sizeof(int64_t));
		offsets[i][0] = i;
		offsets[i][1] = i;
	}
	assert_ok(delivery_send(delivery, batches, offsets, 64, &err));
	assert_ok(delivery_wait(delivery, &err));
	for (int i = 0; i < 64; i++) {
		batch_unref(&batches[i]);
		memory_release(offsets[i]);
	}
	assert_int_equal(
		roadbase_number("select count(*) from waybill.delivery"), 128);
}

/* A lost connection is an error of wait, and nothing is half there. */
static void
a_lost_connection_is_told(void **state)
{
	int64_t offsets[] = { 3, 4, 5 };

	batch = recorder_record(recorder, deployment, "us/sales:0*3");
	roadbase_run("select pg_terminate_backend(pid) from pg_stat_activity"
	             " where application_name = 'test'"
	             " and pid <> pg_backend_pid()");
	assert_int_equal(deliver(offsets), ERR_POSTGRES_LOST);
	assert_int_equal(
		roadbase_number("select count(*) from waybill.delivery"), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(rows_of_mixed_blocks),
		TEST(nothing_went_is_no_row),
		TEST(told_twice_is_told_once),
		TEST(an_unknown_offset_is_no_range),
		TEST(tells_how_far_it_is),
		TEST(many_batches_at_once),
		TEST(a_lost_connection_is_told),
	};

	return roadbase_main(180, tests, sizeof(tests) / sizeof(tests[0]));
}
