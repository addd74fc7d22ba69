/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A contract version, compiled: an Avro schema with its annotations, and the
 * program that checks the bytes of a message in one pass. Immutable, any
 * thread.
 *
 * The seam for what comes later: rules run behind the checker on what it
 * walked over; a writer's schema that differs from the contract's is
 * resolved in front of it; both add violations to the same result.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/violation.h"
#include "base/runtime/err.h"

struct arena;
struct contract;
struct text;

enum contract_framing {
	CONTRACT_RAW,           /* the Avro binary alone */
	CONTRACT_CONFLUENT,     /* 0x00, int32 schema id, Avro binary */
	CONTRACT_SINGLE_OBJECT, /* C3 01, CRC-64-AVRO little-endian, binary */
};

enum contract_partitioner {
	CONTRACT_MURMUR2,
	CONTRACT_CRC32,
	CONTRACT_EXPLICIT, /* whatever partition the producer chose */
};

/* ERR_SCHEMA: the text has the JSON pointer of what is wrong. */
enum err_code
contract_compile(int32_t id, const char *name, int32_t version,
                 const char *avsc, struct contract **out,
                 struct err *err) ERR_MUST_CHECK;

void
contract_free(struct contract **contract);

/* What is legal and yet likely a mistake: logical types that Avro says to
   ignore. One line each, with the JSON pointer. */
void
contract_print_warnings(const struct contract *contract, struct text *out);

enum contract_framing
contract_framing(const struct contract *contract);
enum contract_partitioner
contract_partitioner(const struct contract *contract);
size_t
contract_key_count(const struct contract *contract);
const char *
contract_key(const struct contract *contract, size_t index);
int32_t
contract_id(const struct contract *contract);
/* Whether any field, or one that the key is made of, must not be shown. */
bool
contract_is_sensitive(const struct contract *contract);
bool
contract_key_is_sensitive(const struct contract *contract);

struct contract_input {
	const uint8_t *key;     /* NULL: null key */
	const uint8_t *body;    /* NULL: tombstone */
	const uint8_t *headers; /* in the journal's form; NULL: none */
	int32_t key_len;
	int32_t body_len;
	int32_t headers_len;
	int64_t body_bytes_max; /* the feed's limit: of the body, and of key,
	                           headers and body together */
	bool derive_key; /* a null key is not missing: the derived one is meant
	                  */
};

#define CONTRACT_KEY_BYTES_MAX 1024

struct contract_result {
	size_t violation_count; /* 0: the message keeps its contract */
	struct violation violations[VIOLATIONS_MAX]; /* strings in the arena */
	/* The derived key: the key fields' values, joined by 0x1F. Set when
	   there are no violations and the contract names key fields. */
	bool has_key;
	uint32_t key_hash; /* murmur2 or CRC-32 of it, as the contract says */
	int32_t key_len;
	uint8_t key[CONTRACT_KEY_BYTES_MAX];
	int64_t version; /* where the contract marks late messages, as struct
	                    message has it; else MESSAGE_VERSION_NONE */
};

/*
 * Judges one message: reserved headers, size, tombstone, framing, each byte
 * of the Avro binary, derived key against supplied key (where the contract
 * names key fields, a null key is a violation unless it says "key-optional").
 * Allocates from the arena only when it finds a violation. Only
 * out->violation_count and what it says is set are written.
 */
void
contract_check(const struct contract *contract,
               const struct contract_input *input, struct arena *arena,
               struct contract_result *out);

/* The partition of a derived key: toPositive(hash) % partitions, as Kafka's
   default partitioners do. -1: explicit. */
int
contract_partition(const struct contract *contract,
                   const struct contract_result *result, int partitions);

/*
 * One value of strict Avro JSON as the body of a message, framing included,
 * appended to out; docs/contracts.md says how JSON maps. Violations (rules
 * json.*) have the offset into the JSON, and line and column behind what was
 * expected; then out is as it was. A syntax error is the last. What has passed
 * keeps the schema: logical types, size and key are contract_check's to judge.
 * Only out->violation_count and what it says is set are written. The maximum
 * of body should leave 16 bytes more than a body may have: a string is written
 * where there is room for the longest head.
 */
void
contract_read_json(const struct contract *contract, const char *json,
                   size_t len, struct arena *arena, struct text *body,
                   struct contract_result *out);

/* Whether the Parsing Canonical Form of a writer's schema is the contract's.
   ERR_SCHEMA: the text says where they differ. */
enum err_code
contract_match_schema(const struct contract *contract, const char *avsc,
                      struct err *err) ERR_MUST_CHECK;

/* The length of the value of the contract's schema (no framing) that bytes
   begin with; -1: they do not. */
int64_t
contract_measure(const struct contract *contract, const uint8_t *bytes,
                 size_t len);

/* The bytes in front of the Avro binary. */
void
contract_add_framing(const struct contract *contract, struct text *out);

/* The message as JSON, for people; the bytes have passed the checker. */
enum err_code
contract_print_json(const struct contract *contract, const uint8_t *body,
                    int32_t body_len, struct text *out,
                    struct err *err) ERR_MUST_CHECK;

/* The reference page of annotations and of all structural rules. */
void
contract_print_reference(struct text *out);

/* The stages of the road that this folder brings. */
struct stage;
extern const struct stage contract_stage_validate;
