/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/digest.h"

#include <string.h>

#include "base/runtime/text.h"
#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

static void
assert_hex(const char *expected, const void *bytes, size_t len)
{
	struct text text;

	text_init(&text, 1000);
	text_add_hex(&text, bytes, len);
	assert_string_equal(expected, text_string(&text));
	text_fini(&text);
}

/* FIPS 180-4's examples. */
static void
test_sha256_known_answers(void **state)
{
	uint8_t out[DIGEST_SHA256_LEN];

	digest_sha256("abc", 3, out);
	assert_hex("ba7816bf8f01cfea414140de5dae2223"
	           "b00361a396177a9cb410ff61f20015ad",
	           out, sizeof(out));
	digest_sha256(NULL, 0, out);
	assert_hex("e3b0c44298fc1c149afbf4c8996fb924"
	           "27ae41e4649b934ca495991b7852b855",
	           out, sizeof(out));
}

static void
test_sha256_in_pieces_and_again(void **state)
{
	struct digest *digest = digest_new();
	uint8_t bytes[300], whole[DIGEST_SHA256_LEN], out[DIGEST_SHA256_LEN];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	digest_sha256(bytes, sizeof(bytes), whole);
	for (size_t cut = 0; cut <= sizeof(bytes); cut += 37) {
		digest_begin(digest);
		digest_add(digest, bytes, cut);
		digest_add(digest, NULL, 0);
		digest_add(digest, bytes + cut, sizeof(bytes) - cut);
		digest_end(digest, out);
		assert_memory_equal(whole, out, sizeof(out));
	}
	/* one that is begun again forgets what it had */
	digest_begin(digest);
	digest_add(digest, "other", 5);
	digest_begin(digest);
	digest_add(digest, bytes, sizeof(bytes));
	digest_end(digest, out);
	assert_memory_equal(whole, out, sizeof(out));
	digest_free(&digest);
	assert_null(digest);
	digest_free(&digest);
}

static void
add_before_begin(void)
{
	struct digest *digest = digest_new();

	digest_add(digest, "x", 1);
}

static void
end_twice(void)
{
	struct digest *digest = digest_new();
	uint8_t out[DIGEST_SHA256_LEN];

	digest_begin(digest);
	digest_end(digest, out);
	digest_end(digest, out);
}

static void
test_misuse_is_a_bug(void **state)
{
	assert_true(dies(add_before_begin));
	assert_true(dies(end_twice));
}

/* The first block under the key of zeros is AES-256 of a block of zeros. */
static void
test_keystream(void **state)
{
	static const uint8_t key[32];
	static uint8_t large[(2 << 20) + 5], again[(2 << 20) + 5];
	uint8_t other[32] = { 1 };

	digest_keystream(key, large, 0);
	digest_keystream(key, large, sizeof(large));
	assert_hex("dc95c078a2408989ad48a21492842087"
	           "530f8afbc74536b9a963b4f1c4cb738b",
	           large, 32);
	/* a shorter one is a prefix, whatever was there before */
	memset(again, 0xff, sizeof(again));
	digest_keystream(key, again, 1000);
	assert_memory_equal(large, again, 1000);
	assert_int_equal(0xff, again[1000]);
	digest_keystream(key, again, sizeof(again));
	assert_memory_equal(large, again, sizeof(again));
	digest_keystream(other, again, 32);
	assert_memory_not_equal(large, again, 32);
}

static void
test_random(void **state)
{
	uint8_t one[1000] = { 0 }, two[1000] = { 0 };
	static const uint8_t zeros[100];

	digest_random(one, 0);
	assert_memory_equal(zeros, one, 100);
	digest_random(one, sizeof(one));
	digest_random(two, sizeof(two));
	assert_memory_not_equal(one, two, sizeof(one));
	for (int i = 0; i < 1000; i += 100)
		assert_memory_not_equal(zeros, one + i, 100);
}

/* Fingerprints that the Avro project publishes (share/test/data). */
static void
test_crc64_avro(void **state)
{
	static const struct {
		const char *schema;
		uint64_t fingerprint;
	} known[] = {
		{ "", UINT64_C(0xc15d213aa4d7a795) },
		{ "\"null\"", UINT64_C(7195948357588979594) },
		{ "\"boolean\"", (uint64_t)INT64_C(-6970731678124411036) },
		{ "\"int\"", UINT64_C(8247732601305521295) },
		{ "\"long\"", (uint64_t)INT64_C(-3434872931120570953) },
		{ "\"string\"", (uint64_t)INT64_C(-8142146995180207161) },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(known[i].fingerprint ==
		            digest_crc64_avro(known[i].schema,
		                              strlen(known[i].schema)));
	assert_true(UINT64_C(0x7275d51a3f395c8f) ==
	            digest_crc64_avro("\"int\"", 5));
	assert_true(UINT64_C(0x63dd24e7cc258f8a) ==
	            digest_crc64_avro("\"null\"", 6));
}

static void
test_crc32(void **state)
{
	assert_true(0xcbf43926u == digest_crc32("123456789", 9));
	assert_true(0 == digest_crc32("", 0));
	assert_true(0 == digest_crc32(NULL, 0));
	assert_true(0xe8b7be43u == digest_crc32("a", 1));
}

/* The answers of Kafka's own test (UtilsTest.testMurmur2). */
static void
test_murmur2(void **state)
{
	static const struct {
		const char *key;
		int32_t hash;
	} known[] = {
		{ "21", -973932308 },
		{ "foobar", -790332482 },
		{ "a-little-bit-long-string", -985981536 },
		{ "a-little-bit-longer-string", -1486304829 },
		{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
		  -58897971 },
		{ "abc", 479470107 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(known[i].hash,
		                 (int32_t)digest_murmur2(known[i].key,
		                                         strlen(known[i].key)));
	assert_int_equal(275646681, (int32_t)digest_murmur2("", 0));
}

/* Bytes above 0x7f are unsigned, and no alignment is needed. */
static void
test_murmur2_bytes(void **state)
{
	char bytes[16] = "\xff\xfe\xfd\xfc\xfb\xfa\xf9";
	uint32_t hashes[8];

	for (size_t len = 0; len < 8; len++)
		hashes[len] = digest_murmur2(bytes, len);
	memmove(bytes + 1, bytes, 8);
	for (size_t len = 0; len < 8; len++)
		assert_true(hashes[len] == digest_murmur2(bytes + 1, len));
	for (size_t len = 1; len < 8; len++)
		assert_true(hashes[len] != hashes[len - 1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_known_answers),
		cmocka_unit_test(test_sha256_in_pieces_and_again),
		cmocka_unit_test(test_misuse_is_a_bug),
		cmocka_unit_test(test_keystream),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_crc64_avro),
		cmocka_unit_test(test_crc32),
		cmocka_unit_test(test_murmur2),
		cmocka_unit_test(test_murmur2_bytes),
	};

	unit_alarm(30);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
