/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Digests and randomness (OpenSSL underneath, included in digest.c only).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SHA256_LEN 32

/* A context that is kept: 178 ns for a 300-byte message where the one-shot
   call takes 438. One thread at a time. */
struct digest;

struct digest *
digest_new(void);
void
digest_free(struct digest **digest);
void
digest_begin(struct digest *digest);
void
digest_add(struct digest *digest, const void *bytes, size_t len);
void
digest_end(struct digest *digest, uint8_t out[DIGEST_SHA256_LEN]);

void
digest_sha256(const void *bytes, size_t len, uint8_t out[DIGEST_SHA256_LEN]);

/* In a time that says nothing about where they differ. */
bool
digest_equal(const void *a, const void *b, size_t len);

/* Clears what was secret; the compiler may not leave it out. */
void
digest_wipe(void *bytes, size_t len);

/* The keystream of AES-256-CTR with a zero counter under key: how a block's
   one salt becomes a salt for each of its messages. */
void
digest_keystream(const uint8_t key[32], uint8_t *out, size_t len);

/* From the operating system's generator. */
void
digest_random(void *out, size_t len);

/* CRC-64-AVRO (Rabin), of the Avro specification. */
uint64_t
digest_crc64_avro(const void *bytes, size_t len);

/* CRC-32 (IEEE 802.3), as zlib and librdkafka's consistent partitioner. */
uint32_t
digest_crc32(const void *bytes, size_t len);

/* murmur2 as in Kafka's Java client (seed 0x9747b28c), not made positive. */
uint32_t
digest_murmur2(const void *bytes, size_t len);
