/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What one message becomes when it leaves: topic, partition, headers. Buffers
 * are kept from message to message. Owner's thread only.
 */
#include "base/io/kproducer.h"
#include "base/runtime/text.h"

struct batch;
struct block;
struct message;

struct parcel {
	struct kheader *headers;
	size_t headers_size;
	char *names; /* of the producer's headers, NUL-terminated */
	size_t names_size;
	char id[64];
	char reference[64];
	char source[320];
	char time[32]; /* of time_ms, which neighbours often share */
	int time_len;
	int64_t time_ms;
	char contract[256];
	struct text violations;
};

void
parcel_init(struct parcel *parcel);

void
parcel_fini(struct parcel *parcel);

/*
 * Fills *out for a message of a batch: to the output topic when it was
 * accepted, to the dead-letter topic otherwise. topic is one of these two.
 * Borrows from the parcel until the next call; librdkafka copies headers.
 */
void
parcel_fill(struct parcel *parcel, const struct batch *batch,
            const struct message *message, struct ktopic *topic,
            struct ksend *out);
