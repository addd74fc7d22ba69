/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How far a lane is on a cluster: one record on the topic
 * waybill.<deployment>.progress, partition = lane, written in the same Kafka
 * transaction as the messages that it counts. docs/progress-record.md.
 */
#include <stdint.h>

#include "base/runtime/digest.h"
#include "base/runtime/err.h"

struct text;

#define PROGRESS_PARKED_MAX 256
#define PROGRESS_NAME_MAX   128
#define PROGRESS_TOPIC_MAX  256

/* A feed whose messages behind seq are held back. */
struct progress_parked {
	char tenant[PROGRESS_NAME_MAX];
	char feed[PROGRESS_NAME_MAX];
	int64_t seq;
};

struct progress {
	int lane;
	int incarnation;
	int64_t epoch;
	int64_t seq; /* everything up to here is on the cluster, or parked */
	int64_t system_id;
	int timeline;
	uint8_t chain[DIGEST_SHA256_LEN];
	size_t parked_count;
	struct progress_parked parked[PROGRESS_PARKED_MAX];
};

void
progress_topic(const char *deployment, char out[PROGRESS_TOPIC_MAX]);

void
progress_transactional_id(const char *deployment, int lane,
                          char out[PROGRESS_TOPIC_MAX]);

void
progress_print(const struct progress *progress, const char *deployment,
               struct text *out);

/* ERR_INVALID: not a progress record of this deployment. */
enum err_code
progress_parse(const uint8_t *bytes, size_t len, const char *deployment,
               struct progress *out, struct err *err) ERR_MUST_CHECK;
