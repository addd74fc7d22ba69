/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory with one end: what a batch, a request or a plan run allocates is
 * given back whole by arena_reset; nothing in it outlives that. Chunks are
 * kept for the next round, up to keep_bytes. Owner's thread only.
 */
#include <stddef.h>

struct arena {
	struct arena_chunk *chunks; /* the current one first */
	struct arena_chunk *spare;
	size_t chunk_bytes;
	size_t used_bytes;
};

void
arena_init(struct arena *arena, size_t chunk_bytes);

void
arena_fini(struct arena *arena);

void
arena_reset(struct arena *arena);

/* Aligned to 16 bytes, not cleared. Never NULL; size 0 is legal. */
void *
arena_alloc(struct arena *arena, size_t size);

void *
arena_calloc(struct arena *arena, size_t count, size_t size);

void *
arena_copy(struct arena *arena, const void *bytes, size_t len);

char *
arena_strdup(struct arena *arena, const char *text);

char *
arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
