/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The SHA-256 that ledgers have of a message: the key's bytes followed by the
 * body's; a null is no bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { OJ_DIGEST_SIZE = 32, OJ_DIGEST_HEX = 2 * OJ_DIGEST_SIZE + 1 };

struct oj_digest;

struct oj_digest *
oj_digest_new(void);

void
oj_digest_of(struct oj_digest *digest, const void *key, size_t key_size,
             const void *body, size_t body_size, uint8_t out[OJ_DIGEST_SIZE]);

void
oj_digest_hex(const uint8_t digest[OJ_DIGEST_SIZE], char out[OJ_DIGEST_HEX]);

void
oj_digest_free(struct oj_digest **digest);
