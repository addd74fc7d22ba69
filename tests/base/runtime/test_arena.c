/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "base/runtime/arena.h"

#include <stdint.h>
#include <string.h>

#include "tests/unit.h"

#include "tests/base/runtime/dies.h"

static void
test_alignment_and_size_zero(void **state)
{
	struct arena arena;
	char *last = NULL;

	arena_init(&arena, 1000);
	for (size_t size = 0; size < 300; size++) {
		char *bytes = arena_alloc(&arena, size);

		assert_int_equal(0, (uintptr_t)bytes % 16);
		assert_ptr_not_equal(last, bytes);
		memset(bytes, 0xee, size);
		last = bytes;
	}
	arena_fini(&arena);
}

/* Nothing that was handed out overlaps, whatever the sizes. */
static void
test_blocks_are_apart(void **state)
{
	enum { COUNT = 2000 };
	static unsigned char *blocks[COUNT];
	static size_t sizes[COUNT];
	struct arena arena;
	uint32_t seed = 1;

	arena_init(&arena, 4096);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < COUNT; i++) {
			seed = seed * 1664525 + 1013904223;
			sizes[i] = (seed >> 16) % (i % 50 == 0 ? 20000 : 200);
			blocks[i] = arena_alloc(&arena, sizes[i]);
			memset(blocks[i], i & 255, sizes[i]);
		}
		for (int i = 0; i < COUNT; i++)
			for (size_t b = 0; b < sizes[i]; b++)
				assert_int_equal(i & 255, blocks[i][b]);
		arena_reset(&arena);
	}
	arena_fini(&arena);
}

static void
test_reset_reuses_chunks(void **state)
{
	struct arena arena;
	void *first, *again;

	arena_init(&arena, 65536);
	first = arena_alloc(&arena, 1000);
	assert_int_equal(1008, arena.used_bytes);
	arena_reset(&arena);
	assert_int_equal(0, arena.used_bytes);
	again = arena_alloc(&arena, 10);
	assert_ptr_equal(first, again);
	arena_fini(&arena);
}

/* A large one in between does not cost the rest of the current chunk. */
static void
test_large_block_keeps_the_current_chunk(void **state)
{
	struct arena arena;
	char *small, *next;

	arena_init(&arena, 4096);
	small = arena_alloc(&arena, 16);
	memset(arena_alloc(&arena, 100000), 1, 100000);
	next = arena_alloc(&arena, 16);
	assert_ptr_equal(small + 16, next);
	arena_fini(&arena);
}

/* What is kept over a reset is bounded. */
static void
test_reset_gives_back_what_is_too_much(void **state)
{
	struct arena arena;
	size_t spare = 0;

	arena_init(&arena, 4096);
	for (int i = 0; i < 20; i++)
		arena_alloc(&arena, (size_t)10 << 20);
	arena_reset(&arena);
	assert_non_null(arena.spare);
	for (int i = 0; i < 6; i++)
		arena_alloc(&arena, (size_t)10 << 20);
	spare = arena.used_bytes;
	assert_int_equal((size_t)60 << 20, spare);
	assert_null(arena.spare);
	arena_alloc(&arena, (size_t)200 << 20);
	arena_reset(&arena);
	arena_fini(&arena);
	arena_fini(&arena); /* twice is harmless */
}

static void
test_copies(void **state)
{
	struct arena arena;
	char large[5000];
	uint8_t *cleared;

	arena_init(&arena, 1024);
	assert_memory_equal("a\0b", arena_copy(&arena, "a\0b", 3), 3);
	assert_non_null(arena_copy(&arena, NULL, 0));
	assert_string_equal("", arena_strdup(&arena, ""));
	assert_string_equal("text", arena_strdup(&arena, "text"));
	assert_string_equal("7 x", arena_printf(&arena, "%d %s", 7, "x"));
	memset(large, 'y', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_string_equal(large, arena_printf(&arena, "%s", large));
	for (size_t len = 254; len < 258; len++) {
		large[len] = '\0';
		assert_string_equal(large, arena_printf(&arena, "%s", large));
		large[len] = 'y';
	}
	cleared = arena_calloc(&arena, 100, 7);
	for (int i = 0; i < 700; i++)
		assert_int_equal(0, cleared[i]);
	assert_non_null(arena_calloc(&arena, 0, 7));
	arena_fini(&arena);
}

static void
overflow_count(void)
{
	struct arena arena;

	arena_init(&arena, 1024);
	arena_calloc(&arena, SIZE_MAX / 2, 3);
}

static void
overflow_size(void)
{
	struct arena arena;

	arena_init(&arena, 1024);
	arena_alloc(&arena, SIZE_MAX - 3);
}

static void
chunk_of_nothing(void)
{
	struct arena arena;

	arena_init(&arena, 0);
}

static void
test_misuse_is_a_bug(void **state)
{
	assert_true(dies(overflow_count));
	assert_true(dies(overflow_size));
	assert_true(dies(chunk_of_nothing));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment_and_size_zero),
		cmocka_unit_test(test_blocks_are_apart),
		cmocka_unit_test(test_reset_reuses_chunks),
		cmocka_unit_test(test_large_block_keeps_the_current_chunk),
		cmocka_unit_test(test_reset_gives_back_what_is_too_much),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_misuse_is_a_bug),
	};

	unit_alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
