/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* The ledger: one array, filled by sending, completed by delivery reports. */
#include "examples/orange-juice/oj_ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/orange-juice/oj_digest.h"

struct oj_ledger {
	struct oj_digest *digest;
	size_t count;
	size_t entries_max;
	struct oj_ledger_entry *entries;
};

static void
entry_print(FILE *file, const struct oj_ledger_entry *entry)
{
	char hex[OJ_DIGEST_HEX];

	oj_digest_hex(entry->digest, hex);
	fprintf(file, "%s\t%d\t%lld\t%s\t%s\n",
	        oj_feed_get(entry->feed)->topic_in, entry->partition,
	        (long long)(entry->delivered ? entry->offset : -1), hex,
	        oj_message_kind_name(entry->kind));
}

/* -- public -------------------------------------------------------------- */

struct oj_ledger *
oj_ledger_new(size_t entries_max)
{
	struct oj_ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger == NULL)
		abort();
	ledger->entries_max = entries_max;
	ledger->entries = calloc(entries_max + 1, sizeof(*ledger->entries));
	ledger->digest = oj_digest_new();
	if (ledger->entries == NULL)
		abort();
	return ledger;
}

struct oj_ledger_entry *
oj_ledger_add(struct oj_ledger *ledger, const struct oj_message *message,
              int32_t partition)
{
	if (ledger->count == ledger->entries_max)
		abort(); /* the caller said how many there are */
	struct oj_ledger_entry *entry = &ledger->entries[ledger->count++];
	entry->feed = (uint8_t)message->feed;
	entry->kind = (uint8_t)message->kind;
	entry->partition = partition;
	entry->offset = -1;
	oj_digest_of(ledger->digest, message->key, message->key_size,
	             message->body.bytes,
	             message->body_null ? 0 : message->body.size,
	             entry->digest);
	return entry;
}

const struct oj_ledger_entry *
oj_ledger_entries(const struct oj_ledger *ledger, size_t *out_count)
{
	*out_count = ledger->count;
	return ledger->entries;
}

bool
oj_ledger_write(const struct oj_ledger *ledger, const char *path,
                struct oj_err *err)
{
	char aside[4096];
	int size = snprintf(aside, sizeof(aside), "%s.%d", path, (int)getpid());
	bool ok = false;

	if (size < 0 || (size_t)size >= sizeof(aside))
		return oj_err_set(err, "%.100s...: too long a path", path);
	FILE *file = fopen(aside, "we");
	if (file != NULL) {
		for (size_t i = 0; i < ledger->count; i++)
			entry_print(file, &ledger->entries[i]);
		ok = ferror(file) == 0;
		ok = fclose(file) == 0 && ok;
		ok = ok && rename(aside, path) == 0;
	}
	if (!ok) {
		(void)oj_err_set(err, "%s: %s", path, strerror(errno));
		(void)unlink(aside);
	}
	return ok;
}

void
oj_ledger_free(struct oj_ledger **ledger)
{
	if (*ledger == NULL)
		return;
	oj_digest_free(&(*ledger)->digest);
	free((*ledger)->entries);
	free(*ledger);
	*ledger = NULL;
}
