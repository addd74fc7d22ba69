/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 goes through OpenSSL's low-level functions: 203 ns for a message of
 * 300 bytes, where a kept EVP context takes 237 and EVP_Digest 275 (OpenSSL
 * 3.0, SHA extensions). They are called deprecated since 3.0, and have the
 * same assembly underneath; the compatibility level below says that we know.
 */
#define OPENSSL_API_COMPAT 0x10100000L

#include "base/runtime/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define DIGEST_MAGIC       0x64676573u
#define DIGEST_CRC64_EMPTY UINT64_C(0xc15d213aa4d7a795)
#define DIGEST_CRC32_POLY  0xedb88320u
#define DIGEST_STEP_MAX    ((size_t)1 << 20)
#define DIGEST_RANDOM_STEP 256 /* what getrandom never interrupts */

struct digest {
	uint32_t magic;
	bool begun;
	SHA256_CTX sha;
};

static pthread_once_t digest_once = PTHREAD_ONCE_INIT;
static uint64_t digest_crc64_table[256];
static uint32_t digest_crc32_table[256];
static EVP_CIPHER *digest_aes_ctr;

static void
digest_prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint64_t crc64 = i;
		uint32_t crc32 = i;

		for (int bit = 0; bit < 8; bit++) {
			crc64 = crc64 >> 1 ^
				((crc64 & 1) != 0 ? DIGEST_CRC64_EMPTY : 0);
			crc32 = crc32 >> 1 ^
				((crc32 & 1) != 0 ? DIGEST_CRC32_POLY : 0);
		}
		digest_crc64_table[i] = crc64;
		digest_crc32_table[i] = crc32;
	}
	digest_aes_ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	CHECK(digest_aes_ctr != NULL);
}

static inline uint32_t
digest_load32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
		(uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* -- public -------------------------------------------------------------- */

struct digest *
digest_new(void)
{
	struct digest *digest = memory_calloc(1, sizeof(*digest));

	digest->magic = DIGEST_MAGIC;
	return digest;
}

void
digest_free(struct digest **digest)
{
	if (*digest == NULL)
		return;
	CHECK_MAGIC(*digest, DIGEST_MAGIC);
	OPENSSL_cleanse(*digest, sizeof(**digest));
	memory_free(digest);
}

void
digest_begin(struct digest *digest)
{
	CHECK_MAGIC(digest, DIGEST_MAGIC);
	CHECK(SHA256_Init(&digest->sha) == 1);
	digest->begun = true;
}

void
digest_add(struct digest *digest, const void *bytes, size_t len)
{
	CHECK(digest->begun);
	if (len > 0)
		CHECK(SHA256_Update(&digest->sha, bytes, len) == 1);
}

void
digest_end(struct digest *digest, uint8_t out[DIGEST_SHA256_LEN])
{
	CHECK(digest->begun);
	CHECK(SHA256_Final(out, &digest->sha) == 1);
	digest->begun = false;
}

void
digest_sha256(const void *bytes, size_t len, uint8_t out[DIGEST_SHA256_LEN])
{
	SHA256_CTX sha;

	CHECK(SHA256_Init(&sha) == 1);
	if (len > 0)
		CHECK(SHA256_Update(&sha, bytes, len) == 1);
	CHECK(SHA256_Final(out, &sha) == 1);
}

bool
digest_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void
digest_wipe(void *bytes, size_t len)
{
	OPENSSL_cleanse(bytes, len);
}

void
digest_keystream(const uint8_t key[32], uint8_t *out, size_t len)
{
	static const uint8_t counter[16];
	EVP_CIPHER_CTX *context;

	pthread_once(&digest_once, digest_prepare);
	context = EVP_CIPHER_CTX_new();
	CHECK(context != NULL);
	CHECK(EVP_EncryptInit_ex2(context, digest_aes_ctr, key, counter,
	                          NULL) == 1);
	while (len > 0) {
		size_t step = len < DIGEST_STEP_MAX ? len : DIGEST_STEP_MAX;
		int written = 0;

		memset(out, 0, step);
		CHECK(EVP_EncryptUpdate(context, out, &written, out,
		                        (int)step) == 1);
		CHECK(written == (int)step);
		out += step;
		len -= step;
	}
	EVP_CIPHER_CTX_free(context);
}

void
digest_random(void *out, size_t len)
{
	uint8_t *bytes = out;

	while (len > 0) {
		size_t step =
			len < DIGEST_RANDOM_STEP ? len : DIGEST_RANDOM_STEP;
		ssize_t got = getrandom(bytes, step, 0);

		if (got < 0 && errno == EINTR)
			continue;
		CHECK(got > 0);
		bytes += got;
		len -= (size_t)got;
	}
}

uint64_t
digest_crc64_avro(const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	uint64_t crc = DIGEST_CRC64_EMPTY;

	pthread_once(&digest_once, digest_prepare);
	for (size_t i = 0; i < len; i++)
		crc = crc >> 8 ^ digest_crc64_table[(crc ^ from[i]) & 0xff];
	return crc;
}

uint32_t
digest_crc32(const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	uint32_t crc = 0xffffffffu;

	pthread_once(&digest_once, digest_prepare);
	for (size_t i = 0; i < len; i++)
		crc = crc >> 8 ^ digest_crc32_table[(crc ^ from[i]) & 0xff];
	return ~crc;
}

uint32_t
digest_murmur2(const void *bytes, size_t len)
{
	const uint32_t m = 0x5bd1e995u;
	const uint8_t *from = bytes;
	uint32_t hash = 0x9747b28cu ^ (uint32_t)len;
	size_t rest = len & 3;

	for (size_t i = 0; i + 4 <= len; i += 4) {
		uint32_t word = digest_load32(from + i);

		word *= m;
		word ^= word >> 24;
		word *= m;
		hash *= m;
		hash ^= word;
	}
	if (rest == 3)
		hash ^= (uint32_t)from[len - 1] << 16;
	if (rest >= 2)
		hash ^= (uint32_t)from[(len & ~(size_t)3) + 1] << 8;
	if (rest >= 1) {
		hash ^= (uint32_t)from[len & ~(size_t)3];
		hash *= m;
	}
	hash ^= hash >> 13;
	hash *= m;
	hash ^= hash >> 15;
	return hash;
}
