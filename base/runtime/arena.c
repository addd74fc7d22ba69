/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks from the heap, cut from the front. What does not fit into the rest
 * of the current chunk opens a new one; what is larger than a chunk gets one
 * of its own, put behind the current one so that its rest is not lost. Under
 * ASan whatever is not handed out is poisoned.
 */
#include "base/runtime/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#endif
#ifdef ARENA_POISON
/* as in the sanitizer's own header, which only some compilers bring along */
void
__asan_poison_memory_region(const volatile void *address, size_t size);
void
__asan_unpoison_memory_region(const volatile void *address, size_t size);
#define arena_poison(address, size) __asan_poison_memory_region(address, size)
#define arena_unpoison(address, size)                                          \
	__asan_unpoison_memory_region(address, size)
#else
#define arena_poison(address, size)   ((void)(address))
#define arena_unpoison(address, size) ((void)(address))
#endif

#define ARENA_ALIGN      16
#define ARENA_SIZE_MAX   (SIZE_MAX / 4)
#define ARENA_KEEP_BYTES ((size_t)64 << 20)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of bytes */
	size_t used;
	size_t unused; /* keeps bytes aligned */
	char bytes[];
};

_Static_assert(sizeof(struct arena_chunk) % ARENA_ALIGN == 0,
               "a chunk's bytes are aligned");

static inline size_t
arena_round(size_t size)
{
	return (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
}

static void
arena_chunk_free(struct arena_chunk *chunk)
{
	arena_unpoison(chunk->bytes, chunk->size);
	memory_release(chunk);
}

static void
arena_list_free(struct arena_chunk **list)
{
	while (*list != NULL) {
		struct arena_chunk *chunk = *list;

		*list = chunk->next;
		arena_chunk_free(chunk);
	}
}

/* An empty chunk of at least size bytes: a spare one, or a new one. */
static struct arena_chunk *
arena_chunk_take(struct arena *arena, size_t size)
{
	struct arena_chunk **link = &arena->spare;
	struct arena_chunk *chunk;

	for (; *link != NULL; link = &(*link)->next)
		if ((*link)->size >= size) {
			chunk = *link;
			*link = chunk->next;
			return chunk;
		}
	if (size < arena->chunk_bytes)
		size = arena->chunk_bytes;
	chunk = memory_alloc(sizeof(*chunk) + size);
	chunk->size = size;
	chunk->used = 0;
	arena_poison(chunk->bytes, chunk->size);
	return chunk;
}

static inline void *
arena_cut(struct arena *arena, struct arena_chunk *chunk, size_t size,
          size_t rounded)
{
	void *bytes = chunk->bytes + chunk->used;

	chunk->used += rounded;
	arena->used_bytes += rounded;
	arena_unpoison(bytes, size);
	return bytes;
}

static void *
arena_alloc_slowly(struct arena *arena, size_t size, size_t rounded)
{
	struct arena_chunk *current = arena->chunks;
	struct arena_chunk *chunk = arena_chunk_take(arena, rounded);

	if (current != NULL &&
	    chunk->size - rounded < current->size - current->used) {
		chunk->next = current->next;
		current->next = chunk;
	} else {
		chunk->next = current;
		arena->chunks = chunk;
	}
	return arena_cut(arena, chunk, size, rounded);
}

/* -- public -------------------------------------------------------------- */

void
arena_init(struct arena *arena, size_t chunk_bytes)
{
	CHECK(chunk_bytes > 0 && chunk_bytes <= ARENA_SIZE_MAX);
	memset(arena, 0, sizeof(*arena));
	arena->chunk_bytes = arena_round(chunk_bytes);
}

void
arena_fini(struct arena *arena)
{
	arena_list_free(&arena->chunks);
	arena_list_free(&arena->spare);
	arena->used_bytes = 0;
}

void
arena_reset(struct arena *arena)
{
	struct arena_chunk *lists[2] = { arena->chunks, arena->spare };
	struct arena_chunk **tail = &arena->spare;
	size_t kept = 0;

	arena->chunks = NULL;
	arena->spare = NULL;
	arena->used_bytes = 0;
	for (int i = 0; i < 2; i++)
		while (lists[i] != NULL) {
			struct arena_chunk *chunk = lists[i];

			lists[i] = chunk->next;
			if (chunk->size > ARENA_KEEP_BYTES - kept) {
				arena_chunk_free(chunk);
				continue;
			}
			kept += chunk->size;
			arena_poison(chunk->bytes, chunk->used);
			chunk->used = 0;
			chunk->next = NULL;
			*tail = chunk;
			tail = &chunk->next;
		}
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	size_t rounded;

	CHECK(size <= ARENA_SIZE_MAX);
	rounded = size > 0 ? arena_round(size) : ARENA_ALIGN;
	if (__builtin_expect(
		    chunk != NULL && chunk->size - chunk->used >= rounded, 1))
		return arena_cut(arena, chunk, size, rounded);
	return arena_alloc_slowly(arena, size, rounded);
}

void *
arena_calloc(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	void *bytes;

	CHECK(!__builtin_mul_overflow(count, size, &total));
	bytes = arena_alloc(arena, total);
	memset(bytes, 0, total);
	return bytes;
}

void *
arena_copy(struct arena *arena, const void *bytes, size_t len)
{
	void *copy = arena_alloc(arena, len);

	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	CHECK(text != NULL);
	return arena_copy(arena, text, strlen(text) + 1);
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	char small[256];
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	CHECK(len >= 0);
	if ((size_t)len < sizeof(small))
		return arena_copy(arena, small, (size_t)len + 1);

	text = arena_alloc(arena, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}
