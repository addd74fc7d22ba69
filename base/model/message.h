/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A message on the road. Its bytes are borrowed from whoever holds them (a
 * Kafka message, a row of the journal, an arena) until its batch is freed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/io/kconsumer.h"

struct feed;
struct source;
struct violation;

enum verdict {
	VERDICT_ACCEPTED,
	VERDICT_REJECTED,
	VERDICT_DUPLICATE,
	VERDICT_CONFLICT,
};

const char *
message_verdict_name(enum verdict verdict);

struct message {
	const struct feed *feed;
	const struct source *source;
	const uint8_t *key;     /* NULL: null key */
	const uint8_t *body;    /* NULL: tombstone */
	const uint8_t *headers; /* in the journal's form; NULL: none */
	int32_t key_len;        /* -1: null key */
	int32_t body_len;       /* -1: tombstone */
	int32_t headers_len;    /* -1: none */
	int32_t partition;      /* of the input, and so of the output */
	int64_t source_offset;
	int64_t event_time_ms;
	int64_t seq;       /* 0: not yet assigned */
	int32_t contract;  /* id of the contract that judged it; 0: none */
	int32_t source_id; /* of table source; 0: none */
	enum verdict verdict;
	uint16_t violation_count;
	bool misrouted; /* its partition contradicts its key */
	const struct violation *violations;
};

/* The written form of an id: "lane-incarnation-seq". */
#define MESSAGE_ID_MAX 48
int
message_id_print(char out[MESSAGE_ID_MAX], int lane, int incarnation,
                 int64_t seq);
bool
message_id_parse(const char *text, int *out_lane, int *out_incarnation,
                 int64_t *out_seq);
