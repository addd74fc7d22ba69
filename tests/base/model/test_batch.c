/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Grouping keeps the order of each feed, sealing numbers without a gap, and
 * hashes and chain are those of docs/journal-format.md: their bytes are
 * spelled out here once more, by hand.
 */
#include "base/model/batch.h"

#include <string.h>

#include "base/model/deployment.h"
#include "tests/support/roadbase.h"
#include "tests/unit.h"

static const struct deployment *deployment;
static const struct feed *us_sales, *us_stock, *ca_sales;
static struct digest *digest;
static const uint8_t zero_chain[DIGEST_SHA256_LEN];

static int
begin(void **state)
{
	roadbase_begin(state);
	deployment = roadbase_load();
	us_sales = deployment_feed(deployment, "us", "sales");
	us_stock = deployment_feed(deployment, "us", "stock");
	ca_sales = deployment_feed(deployment, "ca", "sales");
	digest = digest_new();
	return 0;
}

static int
end(void **state)
{
	digest_free(&digest);
	deployment_unref(&deployment);
	return roadbase_end(state);
}

static struct message *
add(struct batch *batch, const struct feed *feed, int64_t offset,
    const char *body)
{
	struct message *m = batch_add(batch, NULL);

	m->feed = feed;
	m->source_offset = offset;
	m->source_id = 1;
	m->key_len = -1;
	m->headers_len = -1;
	m->body = (const uint8_t *)body;
	m->body_len = (int32_t)strlen(body);
	return m;
}

static void
assert_block(const struct block *block, const struct feed *feed, size_t first,
             size_t count)
{
	assert_ptr_equal(block->feed, feed);
	assert_int_equal(block->first, first);
	assert_int_equal(block->count, count);
}

static void
grouping_keeps_the_order_of_each_feed(void **state)
{
	const struct feed *feeds[] = { us_stock, ca_sales, us_stock, us_sales,
		                       ca_sales, us_sales, us_stock };
	static const int64_t offsets[] = { 0, 2, 6, 1, 4, 3, 5 };
	struct batch *batch = batch_new(deployment, 10);

	for (int i = 0; i < 7; i++)
		add(batch, feeds[i], i, "x");
	batch_group(batch, 100, 1000);
	assert_int_equal(batch->block_count, 3);
	assert_int_equal(batch->bytes, 7);
	assert_block(&batch->blocks[0], us_stock, 0, 3);
	assert_block(&batch->blocks[1], ca_sales, 3, 2);
	assert_block(&batch->blocks[2], us_sales, 5, 2);
	for (int i = 0; i < 7; i++)
		assert_int_equal(batch->messages[i].source_offset, offsets[i]);
	for (size_t i = 0; i < 7; i++)
		assert_ptr_equal(batch_block_of(batch, i)->feed,
		                 batch->messages[i].feed);
	batch_unref(&batch);
}

static void
blocks_are_cut_by_count_and_by_bytes(void **state)
{
	struct batch *batch = batch_new(deployment, 20);

	for (int i = 0; i < 7; i++)
		add(batch, us_sales, i, "x");
	batch_group(batch, 3, 1000);
	assert_int_equal(batch->block_count, 3);
	assert_block(&batch->blocks[2], us_sales, 6, 1);
	batch_unref(&batch);

	batch = batch_new(deployment, 20);
	add(batch, us_sales, 0, "1234");
	add(batch, us_sales, 1, "1234");
	add(batch, us_sales, 2, "1234567890"); /* larger than a block */
	add(batch, us_sales, 3, "12");
	add(batch, us_sales, 4, "123456");
	batch_group(batch, 100, 8);
	assert_int_equal(batch->block_count, 3);
	assert_block(&batch->blocks[0], us_sales, 0, 2);
	assert_block(&batch->blocks[1], us_sales, 2, 1);
	assert_block(&batch->blocks[2], us_sales, 3, 2);
	assert_int_equal(batch->bytes, 26);
	for (size_t i = 0; i < 5; i++) {
		const struct block *block = batch_block_of(batch, i);

		assert_true(i >= block->first &&
		            i < block->first + block->count);
	}
	batch_unref(&batch);
}

static void
sealing_numbers_without_a_gap(void **state)
{
	struct batch *batch = batch_new(deployment, 20);

	for (int i = 0; i < 9; i++)
		add(batch, i % 2 == 0 ? us_sales : ca_sales, i, "x");
	batch_group(batch, 2, 1000);
	batch_seal(batch, 1, 2, 77, 1000, zero_chain, digest);
	assert_int_equal(batch->first_seq, 1000);
	assert_int_equal(batch->last_seq, 1008);
	assert_int_equal(batch->commit_no, 77);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(batch->messages[i].seq, 1000 + (int64_t)i);
	for (size_t b = 0; b < batch->block_count; b++)
		assert_int_equal(batch->blocks[b].first_seq,
		                 batch->messages[batch->blocks[b].first].seq);
	batch_unref(&batch);
}

/* One message with everything, and one with nothing. */
static const uint8_t canonical_full[] = {
	0x01,                                           /* version */
	0x00, 0x00, 0x00, 0x07,                         /* lane 7 */
	0x00, 0x00, 0x00, 0x02,                         /* incarnation 2 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xa0, /* seq 100000 */
	0x00, 0x00, 0x01, 0x02,                         /* source 258 */
	0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x05, /* offset 4294967301 */
	0x00, 0x00, 0x00, 0x03,                         /* partition 3 */
	0x00, 0x00, 0x00, 0x09,                         /* contract 9 */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, /* event time -2 */
	0x00, 0x01,                                     /* rejected */
	0x00, 0x00, 0x00, 0x02, 'k',  'y',              /* key */
	0x00, 0x00, 0x00, 0x0a,                         /* headers */
	0x00, 0x00, 0x00, 0x01, 'h',                    /* a name */
	0x00, 0x00, 0x00, 0x01, 'v',                    /* its value */
	0x00, 0x00, 0x00, 0x03, 'a',  'b',  'c',        /* body */
};
static const uint8_t canonical_bare[] = {
	0x01,                                           /* version */
	0x00, 0x00, 0x00, 0x07,                         /* lane 7 */
	0x00, 0x00, 0x00, 0x02,                         /* incarnation 2 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xa1, /* seq 100001 */
	0x00, 0x00, 0x01, 0x02,                         /* source 258 */
	0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x06, /* offset */
	0x00, 0x00, 0x00, 0x03,                         /* partition 3 */
	0x00, 0x00, 0x00, 0x00,                         /* contract: none */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* event time 0 */
	0x00, 0x00,                                     /* accepted */
	0xff, 0xff, 0xff, 0xff,                         /* null key */
	0xff, 0xff, 0xff, 0xff,                         /* no headers */
	0xff, 0xff, 0xff, 0xff,                         /* tombstone */
};

static struct batch *
canonical_batch(void)
{
	struct batch *batch = batch_new(deployment, 2);
	struct message *m = add(batch, us_sales, 4294967301, "abc");

	m->source_id = 258;
	m->partition = 3;
	m->contract = 9;
	m->event_time_ms = -2;
	m->verdict = VERDICT_REJECTED;
	m->key = (const uint8_t *)"ky";
	m->key_len = 2;
	m->headers = (const uint8_t *)"\0\0\0\1h\0\0\0\1v";
	m->headers_len = 10;
	m = add(batch, us_sales, 4294967302, "");
	m->source_id = 258;
	m->partition = 3;
	m->body = NULL;
	m->body_len = -1;
	return batch;
}

static void
assert_hash(const uint8_t *salt, const uint8_t *canonical, size_t len,
            const uint8_t *hash)
{
	uint8_t bytes[256], expected[DIGEST_SHA256_LEN];

	memcpy(bytes, salt, 16);
	memcpy(bytes + 16, canonical, len);
	digest_sha256(bytes, 16 + len, expected);
	assert_memory_equal(hash, expected, sizeof(expected));
}

static void
hash_is_that_of_the_canonical_encoding(void **state)
{
	struct batch *batch = canonical_batch();
	uint8_t salts[32];

	batch_group(batch, 100, 1000);
	batch_seal(batch, 7, 2, 5, 100000, zero_chain, digest);
	digest_keystream(batch->blocks[0].salt, salts, sizeof(salts));
	assert_hash(salts, canonical_full, sizeof(canonical_full),
	            batch->blocks[0].hashes);
	assert_hash(salts + 16, canonical_bare, sizeof(canonical_bare),
	            batch->blocks[0].hashes + DIGEST_SHA256_LEN);
	batch_unref(&batch);
}

/* An empty key is not a null one, an empty body no tombstone. */
static void
hash_tells_empty_from_null(void **state)
{
	uint8_t canonical[sizeof(canonical_bare)], salts[32];
	struct batch *batch = canonical_batch();

	batch->messages[1].key = (const uint8_t *)"";
	batch->messages[1].key_len = 0;
	batch->messages[1].body = (const uint8_t *)"";
	batch->messages[1].body_len = 0;
	batch_group(batch, 100, 1000);
	batch_seal(batch, 7, 2, 5, 100000, zero_chain, digest);
	digest_keystream(batch->blocks[0].salt, salts, sizeof(salts));
	memcpy(canonical, canonical_bare, sizeof(canonical));
	memset(canonical + sizeof(canonical) - 12, 0, 4);
	memset(canonical + sizeof(canonical) - 4, 0, 4);
	assert_hash(salts + 16, canonical, sizeof(canonical),
	            batch->blocks[0].hashes + DIGEST_SHA256_LEN);
	batch_unref(&batch);
}

static void
chain_is_that_of_the_canonical_encoding(void **state)
{
	static const uint8_t head[] = {
		0x00, 0x00, 0x00, 0x07, /* lane */
		0x00, 0x00, 0x00, 0x02, /* incarnation */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, /* commit */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xa0, /* first */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xa1, /* last */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xa0, /* a block */
		0x00, 0x00, 0x00, 0x02,                         /* of two */
		0x00, 0x00, 0x00, 0x02, 'u',  's',              /* tenant */
		0x00, 0x00, 0x00, 0x05, 's',  'a',  'l',  'e',  's',
	};
	uint8_t bytes[32 + sizeof(head) + 64], expected[DIGEST_SHA256_LEN];
	uint8_t before[DIGEST_SHA256_LEN];
	struct batch *batch = canonical_batch();

	memset(before, 0xab, sizeof(before));
	batch_group(batch, 100, 1000);
	batch_seal(batch, 7, 2, 5, 100000, before, digest);
	memcpy(bytes, before, 32);
	memcpy(bytes + 32, head, sizeof(head));
	memcpy(bytes + 32 + sizeof(head), batch->blocks[0].hashes, 64);
	digest_sha256(bytes, sizeof(bytes), expected);
	assert_memory_equal(batch->chain, expected, sizeof(expected));
	batch_unref(&batch);
}

/* A batch that Postgres refuses goes again and again, each time with new
   numbers and salts; it must not grow. */
static void
sealing_again_does_not_grow(void **state)
{
	struct batch *batch = batch_new(deployment, 5000);
	size_t used;

	for (int i = 0; i < 5000; i++)
		add(batch, us_sales, i, "x");
	batch_group(batch, 5000, 1000000);
	batch_seal(batch, 1, 1, 1, 1, zero_chain, digest);
	used = batch->arena.used_bytes;
	for (int i = 0; i < 10; i++)
		batch_seal(batch, 1, 1, 2, 100, zero_chain, digest);
	assert_int_equal(batch->arena.used_bytes, used);
	assert_int_equal(batch->last_seq, 5099);
	batch_unref(&batch);
}

static void
the_last_reference_frees(void **state)
{
	struct batch *batch = batch_new(deployment, 1), *other;

	other = batch_ref(batch);
	batch_unref(&batch);
	assert_null(batch);
	add(other, us_sales, 1, "still here");
	batch_unref(&other);
	batch_unref(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grouping_keeps_the_order_of_each_feed),
		cmocka_unit_test(blocks_are_cut_by_count_and_by_bytes),
		cmocka_unit_test(sealing_numbers_without_a_gap),
		cmocka_unit_test(hash_is_that_of_the_canonical_encoding),
		cmocka_unit_test(hash_tells_empty_from_null),
		cmocka_unit_test(chain_is_that_of_the_canonical_encoding),
		cmocka_unit_test(sealing_again_does_not_grow),
		cmocka_unit_test(the_last_reference_frees),
	};
	int code;

	unit_alarm(120);
	if ((code = roadbase_open()) != 0)
		return code;
	code = cmocka_run_group_tests(tests, begin, end);
	roadbase_close();
	return code;
}
