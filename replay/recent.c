/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing with linear probing, in 1,024 shards that grow one by one:
 * the longest pause is that of rebuilding one shard. What is too old is not
 * found from that minute on; its memory comes back when its shard is rebuilt,
 * to grow or by the sweep, which goes round once in some minutes, and faster
 * where there is no room.
 */
#include "replay/recent.h"

#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"

#define SHARD_BITS    10
#define SHARDS        (1 << SHARD_BITS)
#define SHARD_MIN     8
#define SWEEP_SHARDS  4 /* at one turn, of those that have something to sweep */
#define SWEEP_MINUTES 8 /* for all shards */

struct shard {
	struct recent_entry *slots; /* stamp 0: empty */
	uint32_t size;
	uint32_t count;
	int64_t oldest; /* no entry is of an earlier minute */
};

/* What recent_put has changed. */
struct change {
	struct recent_hash hash;
	struct recent_entry before; /* stamp 0: nothing was there */
	int64_t seq;                /* 0: not numbered */
	uint32_t tag;
};

struct recent {
	size_t count_max;
	int64_t window;
	int64_t now;
	struct shard *shards; /* NULL: nothing was ever put */
	size_t count;
	size_t slot_count;
	size_t hand;       /* the next shard to sweep */
	size_t sweep_left; /* shards that wait for it */
	struct change *changes;
	size_t change_count;
	size_t change_size;
	size_t numbered_count; /* of changes; the rest waits for a seq */
};

static struct shard *
shard_of(struct recent *recent, struct recent_hash hash)
{
	return &recent->shards[hash.high >> (64 - SHARD_BITS)];
}

static uint32_t
home_of(const struct shard *shard, struct recent_hash hash)
{
	return (uint32_t)(((unsigned __int128)hash.low * shard->size) >> 64);
}

static bool
is_equal(struct recent_hash a, struct recent_hash b)
{
	return a.high == b.high && a.low == b.low;
}

static bool
is_old(const struct recent *recent, const struct recent_entry *entry)
{
	return recent_minute(entry) < recent->now - recent->window;
}

/* The entry, or the empty slot where it would be. Some slot is empty. */
static struct recent_entry *
probe(const struct shard *shard, struct recent_hash hash)
{
	uint32_t at = home_of(shard, hash);

	while (shard->slots[at].stamp != 0 &&
	       !is_equal(shard->slots[at].hash, hash))
		at = at + 1 < shard->size ? at + 1 : 0;
	return &shard->slots[at];
}

/* Into slots of a new size, without what is too old. */
static void
rebuild(struct recent *recent, struct shard *shard, uint32_t more)
{
	struct shard old = *shard;
	uint32_t alive = 0;

	for (uint32_t i = 0; i < old.size; i++)
		alive += old.slots[i].stamp != 0 &&
			!is_old(recent, &old.slots[i]);
	*shard = (struct shard){ .oldest = INT64_MAX };
	if (alive + more > 0) {
		CHECK(alive + more < UINT32_MAX / 2);
		shard->size = (alive + more) + (alive + more) * 2 / 3;
		if (shard->size < SHARD_MIN)
			shard->size = SHARD_MIN;
		shard->slots =
			memory_calloc(shard->size, sizeof(*shard->slots));
	}
	for (uint32_t i = 0; i < old.size; i++) {
		const struct recent_entry *entry = &old.slots[i];

		if (entry->stamp == 0 || is_old(recent, entry))
			continue;
		*probe(shard, entry->hash) = *entry;
		if (recent_minute(entry) < shard->oldest)
			shard->oldest = recent_minute(entry);
	}
	shard->count = alive;
	recent->count = recent->count - old.count + alive;
	recent->slot_count = recent->slot_count - old.size + shard->size;
	memory_free(&old.slots);
}

static bool
has_old(const struct recent *recent, const struct shard *shard)
{
	return shard->count > 0 && shard->oldest < recent->now - recent->window;
}

/* Rebuilds at most that many shards, looks at no more than all. */
static void
sweep(struct recent *recent, size_t shard_count)
{
	while (recent->shards != NULL && recent->sweep_left > 0 &&
	       shard_count > 0) {
		struct shard *shard = &recent->shards[recent->hand];

		recent->hand = (recent->hand + 1) % SHARDS;
		recent->sweep_left--;
		if (!has_old(recent, shard))
			continue;
		rebuild(recent, shard, 0);
		shard_count--;
	}
}

/* Sets or adds, and gives what was there before (stamp 0: nothing). */
static struct recent_entry
set(struct recent *recent, const struct recent_entry *entry)
{
	struct recent_entry *slot, before;
	struct shard *shard;

	CHECK(entry->stamp >> 1 != 0);
	if (recent->shards == NULL)
		recent->shards = memory_calloc(SHARDS, sizeof(*recent->shards));
	shard = shard_of(recent, entry->hash);
	/* At most four in five slots are taken. */
	if ((shard->count + 1) * 5ull > shard->size * 4ull)
		rebuild(recent, shard, 1);
	slot = probe(shard, entry->hash);
	before = *slot;
	if (before.stamp == 0) {
		shard->count++;
		recent->count++;
	}
	*slot = *entry;
	if (shard->count == 1 || recent_minute(entry) < shard->oldest)
		shard->oldest = recent_minute(entry);
	return before;
}

/* Closes the gap: what lies behind it moves up, unless it is at home. */
static void
unset(struct recent *recent, struct recent_hash hash)
{
	struct shard *shard;
	struct recent_entry *slot;
	uint32_t gap, at;

	shard = shard_of(recent, hash);
	if (shard->count == 0)
		return;
	slot = probe(shard, hash);
	if (slot->stamp == 0)
		return;
	gap = (uint32_t)(slot - shard->slots);
	for (at = gap;;) {
		uint32_t home;

		at = at + 1 < shard->size ? at + 1 : 0;
		if (shard->slots[at].stamp == 0)
			break;
		home = home_of(shard, shard->slots[at].hash);
		/* whether home is not behind the gap, on the way to at */
		if (gap <= at ? (home <= gap || home > at)
		              : (home <= gap && home > at)) {
			shard->slots[gap] = shard->slots[at];
			gap = at;
		}
	}
	shard->slots[gap].stamp = 0;
	shard->count--;
	recent->count--;
}

static const struct recent_entry *
look(struct recent *recent, struct recent_hash hash)
{
	struct shard *shard;
	const struct recent_entry *slot;

	if (recent->shards == NULL)
		return NULL;
	shard = shard_of(recent, hash);
	if (shard->count == 0)
		return NULL;
	slot = probe(shard, hash);
	return slot->stamp == 0 ? NULL : slot;
}

/* Takes the changes behind the first count back, the last one first. */
static void
take_back(struct recent *recent, size_t count)
{
	while (recent->change_count > count) {
		const struct change *change =
			&recent->changes[--recent->change_count];

		if (change->before.stamp == 0)
			unset(recent, change->hash);
		else
			set(recent, &change->before);
	}
	if (recent->numbered_count > count)
		recent->numbered_count = count;
}

static struct change *
add_change(struct recent *recent)
{
	if (recent->change_count == recent->change_size) {
		recent->change_size = recent->change_size * 2 + 64;
		recent->changes = memory_realloc(
			recent->changes,
			recent->change_size * sizeof(*recent->changes));
	}
	return &recent->changes[recent->change_count++];
}

static uint64_t
read_number(const uint8_t *bytes)
{
	uint64_t number;

	memcpy(&number, bytes, sizeof(number));
	return number;
}

/* -- public ---------------------------------------------------------------- */

struct recent_hash
recent_hash_of(struct digest *digest, const char *tenant, const char *feed,
               const uint8_t *bytes, size_t len)
{
	uint8_t out[DIGEST_SHA256_LEN];

	digest_begin(digest);
	digest_add(digest, tenant, strlen(tenant) + 1);
	digest_add(digest, feed, strlen(feed) + 1);
	digest_add(digest, bytes, len);
	digest_end(digest, out);
	return (struct recent_hash){ read_number(out), read_number(out + 8) };
}

struct recent *
recent_new(size_t count_max, int64_t window_minutes)
{
	struct recent *recent = memory_calloc(1, sizeof(*recent));

	CHECK(count_max > 0 && window_minutes > 0);
	recent->count_max = count_max;
	recent->window = window_minutes;
	return recent;
}

void
recent_free(struct recent **handle)
{
	struct recent *recent = *handle;

	*handle = NULL;
	if (recent == NULL)
		return;
	recent_clear(recent);
	memory_release(recent->changes);
	memory_release(recent);
}

void
recent_advance(struct recent *recent, int64_t minute)
{
	if (minute > recent->now) {
		recent->now = minute;
		recent->sweep_left += SHARDS / SWEEP_MINUTES;
		if (recent->sweep_left > SHARDS)
			recent->sweep_left = SHARDS;
	}
	sweep(recent, SWEEP_SHARDS);
}

int64_t
recent_now(const struct recent *recent)
{
	return recent->now;
}

size_t
recent_count(const struct recent *recent)
{
	return recent->count;
}

size_t
recent_bytes(const struct recent *recent)
{
	return recent->slot_count * sizeof(struct recent_entry) +
		recent->change_size * sizeof(struct change) +
		(recent->shards == NULL ? 0 : SHARDS * sizeof(struct shard)) +
		sizeof(*recent);
}

const struct recent_entry *
recent_find(struct recent *recent, struct recent_hash hash)
{
	const struct recent_entry *entry = look(recent, hash);

	return entry == NULL || is_old(recent, entry) ? NULL : entry;
}

bool
recent_has_room(struct recent *recent, struct recent_hash hash)
{
	if (recent->count < recent->count_max || look(recent, hash) != NULL)
		return true;
	if (has_old(recent, shard_of(recent, hash)))
		rebuild(recent, shard_of(recent, hash), 0);
	recent->sweep_left = SHARDS;
	sweep(recent, 1);
	return recent->count < recent->count_max;
}

void
recent_load(struct recent *recent, const struct recent_entry *entry)
{
	CHECK(recent->change_count == recent->numbered_count);
	CHECK(entry->incarnation > 0 && entry->seq > 0);
	if (!is_old(recent, entry))
		set(recent, entry);
}

void
recent_begin(struct recent *recent)
{
	take_back(recent, recent->numbered_count);
}

void
recent_put(struct recent *recent, struct recent_hash hash, uint64_t value,
           bool flag, uint32_t tag)
{
	const struct recent_entry entry = {
		.hash = hash,
		.value = value,
		.seq = tag,
		.stamp = recent_stamp(recent->now, flag),
	};
	struct change *change = add_change(recent);

	change->hash = hash;
	change->seq = 0;
	change->tag = tag;
	change->before = set(recent, &entry);
}

/* Whether an entry is what the change put there. */
static bool
is_of(const struct recent_entry *entry, const struct change *change,
      int32_t incarnation)
{
	if (change->seq == 0)
		return entry->incarnation == 0 && entry->seq == change->tag;
	return entry->incarnation == incarnation && entry->seq == change->seq;
}

void
recent_number(struct recent *recent, int32_t incarnation, int64_t first_seq,
              const int64_t *seqs, size_t count)
{
	size_t recorded = 0;

	CHECK(incarnation > 0 && first_seq > 0);
	while (recorded < recent->numbered_count &&
	       recent->changes[recorded].seq < first_seq)
		recorded++;
	recent->change_count -= recorded;
	if (recorded > 0 && recent->change_count > 0)
		memmove(recent->changes, recent->changes + recorded,
		        recent->change_count * sizeof(*recent->changes));
	for (size_t i = 0; i < recent->change_count; i++) {
		struct change *change = &recent->changes[i];
		struct recent_entry *entry =
			(void *)(uintptr_t)look(recent, change->hash);

		CHECK(change->tag < count && seqs[change->tag] >= first_seq);
		/* Another message of the batch may have taken its place. */
		if (entry != NULL && is_of(entry, change, incarnation)) {
			entry->incarnation = incarnation;
			entry->seq = seqs[change->tag];
		}
		change->seq = seqs[change->tag];
	}
	recent->numbered_count = recent->change_count;
}

void
recent_forget(struct recent *recent, int64_t next_seq)
{
	size_t recorded = 0;

	while (recorded < recent->numbered_count &&
	       recent->changes[recorded].seq < next_seq)
		recorded++;
	take_back(recent, recorded);
	recent->change_count = 0;
	recent->numbered_count = 0;
}

bool
recent_is_pending(const struct recent *recent)
{
	return recent->change_count > 0;
}

void
recent_clear(struct recent *recent)
{
	for (size_t i = 0; recent->shards != NULL && i < SHARDS; i++)
		memory_release(recent->shards[i].slots);
	memory_free(&recent->shards);
	recent->count = 0;
	recent->slot_count = 0;
	recent->change_count = 0;
	recent->numbered_count = 0;
}
