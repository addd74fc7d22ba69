/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * All that is known about one message: how it came, how it was judged and
 * recorded, where it went or why not yet. Gathered by a few look-ups, then
 * told to a person or printed as JSON. Strings are borrowed from the rows
 * that the detail holds. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "base/runtime/text.h"

struct contract;
struct look;
struct pgrows;

enum detail_body {
	DETAIL_TOMBSTONE, /* there is none */
	DETAIL_JSON,      /* it reads as its contract says */
	DETAIL_BYTES,     /* it does not */
	DETAIL_WITHHELD,  /* nor may its bytes be shown: sensitive fields */
};

/* How far it is on a cluster. */
enum detail_state {
	DETAIL_DELIVERED,
	DETAIL_PASSED,  /* it is there; where will be written down soon */
	DETAIL_PARKED,  /* its feed waits on this cluster */
	DETAIL_WAITING, /* not yet */
	DETAIL_UNASKED, /* by its verdict it goes nowhere */
};

struct detail_delivery {
	const char *cluster;
	const char *kind; /* output, dead-letter, replay */
	const char *topic;
	enum detail_state state;
	int64_t partition;
	int64_t offset;    /* DETAIL_DELIVERED only */
	int64_t since_ms;  /* DETAIL_PARKED */
	char reason[1024]; /* why it waits; "" */
};

#define DETAIL_DELIVERIES_MAX 32

struct detail {
	const char *id;
	int lane;
	int incarnation;
	int64_t seq;
	const char *day; /* 2026-03-29 */
	const char *tenant;
	const char *feed;
	const char *verdict;
	const char *reference_kind; /* duplicate, conflict, late; NULL: none */
	const char *reference_id;   /* to which message */
	const char *origin;
	const char *source_cluster; /* NULL: not by Kafka */
	const char *source_topic;
	int64_t source_partition;
	int64_t source_offset;
	int64_t event_ms;
	int64_t recorded_ms;
	int64_t block_first_seq;
	int64_t block_count;
	int64_t partition;
	int32_t contract_id; /* 0: none judged it */
	const char *contract_name;
	int64_t contract_version;
	const uint8_t *key, *body, *headers, *hash; /* NULL: none */
	int key_len, body_len, headers_len, hash_len;
	bool key_withheld; /* made of sensitive fields */
	enum detail_body body_is;
	struct text json; /* DETAIL_JSON */
	struct pgrows *violations;
	struct detail_delivery deliveries[DETAIL_DELIVERIES_MAX];
	size_t delivery_count;
	struct pgrows *message, *delivered, *outputs; /* hold the strings */
};

/* Columns of detail.violations. */
enum {
	DETAIL_VIOLATION_RULE,
	DETAIL_VIOLATION_PATH,
	DETAIL_VIOLATION_EXPECTED,
	DETAIL_VIOLATION_VALUE,
	DETAIL_VIOLATION_OFFSET,
};

/*
 * raw: nothing is withheld. ERR_NOT_FOUND: no such message, or not for this
 * role. detail_free is to be called only after ERR_OK.
 */
enum err_code
detail_load(struct look *look, int lane, int incarnation, int64_t seq, bool raw,
            struct detail *out, struct err *err) ERR_MUST_CHECK;

void
detail_free(struct detail *detail);

/* "delivered", "parked", ... as in JSON. */
const char *
detail_state_name(enum detail_state state);

/* Calls each for every header in the journal's form; values may be NULL. False
   where the bytes are not in that form. */
bool
detail_each_header(const struct detail *detail,
                   void (*each)(void *context, const uint8_t *name,
                                int name_len, const uint8_t *value,
                                int value_len),
                   void *context);
