/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a lane remembers of its last hours: for each hash, a value and the id
 * of the message that brought it. Exact, in memory, bounded; what is older
 * than the window is never found, and is swept out a little at each turn.
 *
 * Beside it, a log of what is not known to be recorded yet: entries begin
 * under the tag of a message of the batch that is judged (recent_begin,
 * recent_put), get their seqs when the batch is sent (recent_number), and are
 * taken back where it turns out that it was not recorded (recent_forget).
 * Confirmed is what lies before the next batch that is numbered.
 *
 * 40 bytes a slot, 50 to 67 an entry, 57 on average. Owner's thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent;

/* Of a good digest: hash tables within rely on its bits. */
struct recent_hash {
	uint64_t high, low;
};

struct digest;
/* What identifies something within a feed: half of a SHA-256, so that nobody
   can make two of them meet. */
struct recent_hash
recent_hash_of(struct digest *digest, const char *tenant, const char *feed,
               const uint8_t *bytes, size_t len);

struct recent_entry {
	struct recent_hash hash;
	uint64_t value;
	int64_t seq;         /* incarnation 0: the tag in the batch */
	int32_t incarnation; /* 0: it has no seq yet */
	uint32_t stamp;      /* minute and flag, see below */
};

/* Minutes since 1970; one bit is the caller's. */
static inline uint32_t
recent_stamp(int64_t minute, bool flag)
{
	return (uint32_t)minute << 1 | flag;
}
static inline int64_t
recent_minute(const struct recent_entry *entry)
{
	return entry->stamp >> 1;
}
static inline bool
recent_flag(const struct recent_entry *entry)
{
	return entry->stamp & 1;
}

/* count_max: of entries; takes no memory before the first one. */
struct recent *
recent_new(size_t count_max, int64_t window_minutes);
void
recent_free(struct recent **recent);

/* The time is now at least that; never goes back. Sweeps for at most about a
   millisecond. */
void
recent_advance(struct recent *recent, int64_t minute);
int64_t
recent_now(const struct recent *recent);

size_t
recent_count(const struct recent *recent); /* those not swept out included */
size_t
recent_bytes(const struct recent *recent);

/* NULL: it is not there, or too old. Until the next change. */
const struct recent_entry *
recent_find(struct recent *recent, struct recent_hash hash);

/* Whether one more hash can be put. Where not, sweeps a little: a caller that
   comes again may find room. */
bool
recent_has_room(struct recent *recent, struct recent_hash hash);

/* What is recorded, as the journal says: takes the place of an older one,
   beyond count_max if need be. Too old: nothing. Not between recent_begin and
   recent_number. */
void
recent_load(struct recent *recent, const struct recent_entry *entry);

/* A batch is to be judged: what was put and not numbered is taken back. */
void
recent_begin(struct recent *recent);

/* By the message of the batch with this tag, now. */
void
recent_put(struct recent *recent, struct recent_hash hash, uint64_t value,
           bool flag, uint32_t tag);

/* The batch was sent: message of tag t has seqs[t]. first_seq: its smallest;
   what came before it is recorded. Again for a batch that goes once more. */
void
recent_number(struct recent *recent, int32_t incarnation, int64_t first_seq,
              const int64_t *seqs, size_t count);

/* Whatever has no seq, or one from next_seq on, was not recorded. */
void
recent_forget(struct recent *recent, int64_t next_seq);

/* Whether anything is not known to be recorded: else recent_number has nothing
   to do. */
bool
recent_is_pending(const struct recent *recent);

/* Everything goes. */
void
recent_clear(struct recent *recent);
