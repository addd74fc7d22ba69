/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by a context that is kept: making one costs more than the hash. */
#include "examples/orange-juice/oj_digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct oj_digest {
	EVP_MD_CTX *context;
};

/* -- public -------------------------------------------------------------- */

struct oj_digest *
oj_digest_new(void)
{
	struct oj_digest *digest = calloc(1, sizeof(*digest));

	if (digest == NULL)
		abort();
	digest->context = EVP_MD_CTX_new();
	if (digest->context == NULL)
		abort();
	return digest;
}

void
oj_digest_of(struct oj_digest *digest, const void *key, size_t key_size,
             const void *body, size_t body_size, uint8_t out[OJ_DIGEST_SIZE])
{
	if (EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(digest->context, key, key_size) != 1 ||
	    EVP_DigestUpdate(digest->context, body, body_size) != 1 ||
	    EVP_DigestFinal_ex(digest->context, out, NULL) != 1)
		abort();
}

void
oj_digest_hex(const uint8_t digest[OJ_DIGEST_SIZE], char out[OJ_DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < OJ_DIGEST_SIZE; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[OJ_DIGEST_HEX - 1] = '\0';
}

void
oj_digest_free(struct oj_digest **digest)
{
	if (*digest == NULL)
		return;
	EVP_MD_CTX_free((*digest)->context);
	free(*digest);
	*digest = NULL;
}
