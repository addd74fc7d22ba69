/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Which statements the server has prepared. In a pipeline a statement is used
 * before the answer to its PREPARE is there. Within a group that is safe: if
 * the PREPARE is skipped after an error, so is its use. A later group cannot
 * know yet, so it prepares again, under a name of its own (a "generation"),
 * because the first one may exist after all.
 */
#include <stdio.h>
#include <string.h>

#include "base/io/pglib.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

/* Statements are constants of the program. */
#define PGPREPARE_STATEMENTS_MAX 1024

struct pgprepared {
	const struct pgstatement *statement;
	int generation; /* the newest that was sent; 0: none */
	int done;       /* the newest that the server has; 0: none */
	int64_t sent_group;
	struct pgprepared *next;
};

struct pgprepare {
	int count;
	struct pgprepared *buckets[256];
};

static struct pgprepared **
bucket_of(struct pgprepare *prepare, const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return &prepare->buckets[hash % 256];
}

/* -- public -- */

struct pgprepare *
pgprepare_new(void)
{
	return memory_calloc(1, sizeof(struct pgprepare));
}

void
pgprepare_free(struct pgprepare **prepare)
{
	if (*prepare == NULL)
		return;
	for (int i = 0; i < 256; i++) {
		struct pgprepared *at = (*prepare)->buckets[i];

		while (at) {
			struct pgprepared *next = at->next;

			memory_free(&at);
			at = next;
		}
	}
	memory_free(prepare);
}

struct pgprepared *
pgprepare_find(struct pgprepare *prepare, const struct pgstatement *statement)
{
	struct pgprepared **bucket = bucket_of(prepare, statement->name);
	struct pgprepared *at = *bucket;

	while (at && strcmp(at->statement->name, statement->name) != 0)
		at = at->next;
	if (at) {
		CHECK(at->statement == statement ||
		      strcmp(at->statement->sql, statement->sql) == 0);
		return at;
	}
	CHECK(prepare->count++ < PGPREPARE_STATEMENTS_MAX);
	at = memory_calloc(1, sizeof(*at));
	at->statement = statement;
	at->next = *bucket;
	*bucket = at;
	return at;
}

int
pgprepare_usable(const struct pgprepared *prepared, int64_t group)
{
	if (prepared->done)
		return prepared->done;
	return prepared->sent_group == group ? prepared->generation : 0;
}

int
pgprepare_sent(struct pgprepared *prepared, int64_t group)
{
	prepared->sent_group = group;
	return ++prepared->generation;
}

void
pgprepare_answered(struct pgprepared *prepared, int generation, bool is_done)
{
	if (is_done)
		prepared->done = generation;
	else if (generation == prepared->generation)
		prepared->sent_group = 0;
}

void
pgprepare_forget(struct pgprepared *prepared)
{
	prepared->done = 0;
	prepared->sent_group = 0;
}

const char *
pgprepare_name(const struct pgprepared *prepared, int generation,
               char out_name[PGPREPARE_NAME_MAX])
{
	const char *name = prepared->statement->name;

	CHECK(strlen(name) < 50);
	if (generation == 1)
		return name;
	snprintf(out_name, PGPREPARE_NAME_MAX, "%s/%d", name, generation);
	return out_name;
}
