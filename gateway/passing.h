/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Passes parts of submissions on to the daemons that own their lanes: a bounded
 * queue, and a few threads that each take what waits for one lane, as much as
 * there is, and send it in one request. What the owner did not get is refused;
 * what it may have got and nobody knows of is unknown. Nothing is sent twice,
 * and the owner passes nothing further.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/model/lease.h"
#include "base/model/submission.h"

struct passing;

struct passing_options {
	/* Where the owner of a lane is reached; false: there is none but this
	   daemon, or it does not say. Any thread. */
	bool (*owner)(void *context, int lane, char out_url[LEASE_URL_MAX]);
	void *context;
	uint8_t secret[LEASE_SECRET_LEN];
	const char *tls_ca_file; /* NULL: the system's */
	int64_t deadline_ms;     /* of a part, from its offer on */
	size_t bytes_max;        /* of what waits and what is under way */
	int threads;
};

#define PASSING_AUTHORIZATION_MAX 96

/* The value of the header Authorization that shows the secret. */
void
passing_authorization(const uint8_t secret[LEASE_SECRET_LEN],
                      char out[PASSING_AUTHORIZATION_MAX]);

struct passing *
passing_new(const struct passing_options *options);

/* What waits is refused; what is under way is waited for. */
void
passing_free(struct passing **passing);

/* As of submission_lanes: takes a part in, with its reference, or refuses. */
enum submission_outcome
passing_offer(struct passing *passing, struct submission_part *part);
