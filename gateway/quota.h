/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Quotas: a token bucket for each tenant, one of messages and one of bytes,
 * of this daemon alone. The limits are those of the tenant in the catalogue;
 * a bucket is full when its tenant is seen first. Exact in integers.
 *
 * Thread: any.
 */
#include <stdbool.h>
#include <stdint.h>

struct deployment;
struct quota;
struct tenant;

enum quota_outcome {
	QUOTA_TAKEN,
	QUOTA_WAIT,  /* 429: try again in wait_ms; nothing was taken */
	QUOTA_NEVER, /* 413: larger than the full bucket; nothing was taken */
};

struct quota_bucket {
	int64_t burst; /* a full bucket; 0: no limit */
	int64_t asked;
	int64_t left;     /* after what was taken, rounded down */
	int64_t reset_ms; /* until there is enough; else until it is full */
};

struct quota_answer {
	enum quota_outcome outcome;
	int64_t wait_ms;  /* QUOTA_WAIT: until there is enough, if nobody else
	                    takes it; else 0 */
	int64_t window_s; /* the tenant's burst-seconds */
	struct quota_bucket messages;
	struct quota_bucket bytes;
};

struct quota *
quota_new(void);

void
quota_free(struct quota **quota);

/*
 * Takes both or nothing. tenant is of the deployment (deployment_tenant);
 * where an older snapshot asks again after a newer one, the newer one's
 * limits are kept.
 */
enum quota_outcome
quota_take(struct quota *quota, const struct deployment *deployment,
           const struct tenant *tenant, int64_t messages, int64_t bytes,
           struct quota_answer *out);

/* What was taken and then refused for another reason (503). */
void
quota_give_back(struct quota *quota, const struct tenant *tenant,
                int64_t messages, int64_t bytes);

/* Header texts of draft-ietf-httpapi-ratelimit-headers; "": no limit. */
#define QUOTA_TEXT_MAX 192
void
quota_policy_text(const struct quota_answer *answer, char out[QUOTA_TEXT_MAX]);
void
quota_limit_text(const struct quota_answer *answer, char out[QUOTA_TEXT_MAX]);

/* Of Retry-After: whole seconds, at least 1. */
int64_t
quota_retry_after_s(const struct quota_answer *answer);

/* QUOTA_WAIT, QUOTA_NEVER: one sentence for a problem's detail; says nothing of
   other tenants. */
void
quota_detail_text(const struct quota_answer *answer, char out[QUOTA_TEXT_MAX]);
