/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Records of a file that travel in one request, in the order of the file, as
 * frames; and what is to be told of each that the gateway does not accept. One
 * thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/arena.h"
#include "base/runtime/text.h"

struct violation;

struct filebundle_record {
	int64_t number;
	int64_t line; /* 0: none */
	const uint8_t *original;
	size_t original_len;
	const struct violation *violations; /* what is known here already */
	size_t violation_count;
	size_t frame; /* where in the frames */
	size_t frame_len;
};

struct filebundle {
	struct arena arena;
	struct text frames;
	struct text scratch;
	struct filebundle_record *records;
	size_t count;
	size_t size;
	size_t bytes_max;
};

/* bytes_max: of all frames; one that is larger is taken in alone. */
struct filebundle *
filebundle_new(size_t bytes_max);

void
filebundle_free(struct filebundle **bundle);

void
filebundle_reset(struct filebundle *bundle);

struct filebundle_entry {
	int64_t number;
	int64_t line;
	const uint8_t *body; /* framed as the contract says; NULL: rejected */
	size_t body_len;
	const uint8_t *original; /* the body of what is rejected */
	size_t original_len;
	const struct violation *violations;
	size_t violation_count;
};

/* Copies everything. */
void
filebundle_add(struct filebundle *bundle, const struct filebundle_entry *entry);

/* Whether one more of so many bytes still fits. */
bool
filebundle_fits(const struct filebundle *bundle, size_t bytes,
                size_t records_max);

/* A record that no request can carry becomes a rejected one without body. */
void
filebundle_reject(struct filebundle *bundle, size_t index,
                  const struct violation *violation);

/* The frames of some records: indexes in ascending order. */
void
filebundle_print(const struct filebundle *bundle, const size_t *indexes,
                 size_t count, struct text *out);
