/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch: gathered in the order of arrival, ordered by feed, cut into
 * blocks, numbered, hashed and chained as docs/journal-format.md says.
 */
#include "base/model/batch.h"

#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/batch_part.h"
#include "base/model/deployment.h"
#include "base/model/wire.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define ARENA_CHUNK (256 * 1024)
#define ORIGINS     (MESSAGE_ORIGIN_RECOVERED + 1)

/* How many messages a feed has of one origin in the batch, and where its next
   one goes. */
struct share {
	const struct feed *feed;
	int16_t origin;
	size_t count;
	size_t next;
};

static bool
is_share_of(const struct share *share, const struct message *m)
{
	return share->feed == m->feed && share->origin == m->origin;
}

/* Slot of a feed, in order of first arrival. Few feeds, long runs. */
static size_t
share_of(struct share *shares, size_t *count, const struct message *m,
         size_t hint)
{
	if (hint < *count && is_share_of(&shares[hint], m))
		return hint;
	for (size_t i = 0; i < *count; i++) {
		if (is_share_of(&shares[i], m))
			return i;
	}
	shares[*count] = (struct share){ .feed = m->feed, .origin = m->origin };
	return (*count)++;
}

static bool
is_grouped(const struct batch *batch)
{
	for (size_t i = 1; i < batch->count; i++) {
		if (batch->messages[i].feed != batch->messages[0].feed ||
		    batch->messages[i].origin != batch->messages[0].origin)
			return false;
	}
	return true;
}

/* Stable distribution by feed: arrival order is kept within each feed. */
static void
order_by_feed(struct batch *batch)
{
	size_t shares_max = batch->deployment->feed_count * ORIGINS;
	struct share *shares;
	struct message *ordered;
	size_t share_count = 0, hint = 0, at = 0;

	if (is_grouped(batch))
		return;
	shares = arena_alloc(&batch->arena, (shares_max + 1) * sizeof(*shares));
	for (size_t i = 0; i < batch->count; i++) {
		hint = share_of(shares, &share_count, &batch->messages[i],
		                hint);
		CHECK(share_count <= shares_max);
		shares[hint].count++;
	}
	for (size_t i = 0; i < share_count; i++) {
		shares[i].next = at;
		at += shares[i].count;
	}
	ordered = memory_alloc(batch->count_max * sizeof(*ordered));
	for (size_t i = 0; i < batch->count; i++) {
		hint = share_of(shares, &share_count, &batch->messages[i],
		                hint);
		ordered[shares[hint].next++] = batch->messages[i];
	}
	memory_release(batch->messages);
	batch->messages = ordered;
}

static size_t
message_bytes(const struct message *message)
{
	size_t bytes = 0;

	if (message->key_len > 0)
		bytes += (size_t)message->key_len;
	if (message->body_len > 0)
		bytes += (size_t)message->body_len;
	if (message->headers_len > 0)
		bytes += (size_t)message->headers_len;
	return bytes;
}

/* What refers to another message of the batch learns its id; few do. */
static void
resolve_references(struct batch *batch)
{
	int64_t *seqs = NULL;

	for (size_t i = 0; i < batch->count; i++) {
		struct message_reference *reference =
			batch->messages[i].reference;

		if (reference == NULL || !reference->by_tag)
			continue;
		if (seqs == NULL) {
			seqs = memory_alloc(batch->count * sizeof(*seqs));
			for (size_t k = 0; k < batch->count; k++)
				seqs[batch->messages[k].tag] =
					batch->first_seq + (int64_t)k;
		}
		CHECK(reference->tag < batch->count);
		reference->lane = batch->lane;
		reference->incarnation = batch->incarnation;
		reference->seq = seqs[reference->tag];
	}
	memory_release(seqs);
}

static void
hash_block(struct batch *batch, struct block *block, struct digest *digest)
{
	uint8_t *salts;

	/* Once: a batch that Postgres refuses is sealed again and again. The
	   salts are used here only, but stand behind the hashes for that. */
	if (block->hashes == NULL)
		block->hashes = arena_alloc(
			&batch->arena,
			block->count *
				(DIGEST_SHA256_LEN + MESSAGE_SALT_BYTES));
	salts = block->hashes + block->count * DIGEST_SHA256_LEN;
	digest_random(block->salt, sizeof(block->salt));
	digest_keystream(block->salt, salts, block->count * MESSAGE_SALT_BYTES);
	for (size_t i = 0; i < block->count; i++) {
		struct message *m = &batch->messages[block->first + i];

		m->seq = block->first_seq + (int64_t)i;
		message_hash(digest, salts + i * MESSAGE_SALT_BYTES,
		             batch->lane, batch->incarnation, m,
		             block->hashes + i * DIGEST_SHA256_LEN);
	}
}

static void
chain_block(const struct block *block, struct digest *digest)
{
	uint8_t head[12], len[4];
	const char *const names[] = { block->feed->tenant, block->feed->name };

	wire_put_int4(wire_put_int8(head, block->first_seq),
	              (int32_t)block->count);
	digest_add(digest, head, sizeof(head));
	for (int i = 0; i < 2; i++) {
		wire_put_int4(len, (int32_t)strlen(names[i]));
		digest_add(digest, len, sizeof(len));
		digest_add(digest, names[i], strlen(names[i]));
	}
	digest_add(digest, block->hashes, block->count * DIGEST_SHA256_LEN);
}

static void
chain_batch(struct batch *batch, const uint8_t *chain, struct digest *digest)
{
	uint8_t head[32], *at = head;

	at = wire_put_int4(at, batch->lane);
	at = wire_put_int4(at, batch->incarnation);
	at = wire_put_int8(at, batch->commit_no);
	at = wire_put_int8(at, batch->first_seq);
	at = wire_put_int8(at, batch->last_seq);
	CHECK(at == head + sizeof(head));
	digest_begin(digest);
	digest_add(digest, chain, DIGEST_SHA256_LEN);
	digest_add(digest, head, sizeof(head));
	for (size_t i = 0; i < batch->block_count; i++)
		chain_block(&batch->blocks[i], digest);
	digest_end(digest, batch->chain);
}

/* -- public ---------------------------------------------------------------- */

struct batch *
batch_new(const struct deployment *deployment, size_t count_max)
{
	struct batch *batch = memory_calloc(1, sizeof(*batch));

	CHECK(count_max > 0);
	atomic_init(&batch->references, 1);
	arena_init(&batch->arena, ARENA_CHUNK);
	batch->deployment = deployment_ref(deployment);
	batch->count_max = count_max;
	batch->messages = memory_alloc(count_max * sizeof(*batch->messages));
	return batch;
}

struct batch *
batch_ref(struct batch *batch)
{
	atomic_fetch_add(&batch->references, 1);
	return batch;
}

void
batch_unref(struct batch **handle)
{
	struct batch *batch = *handle;

	*handle = NULL;
	if (batch == NULL || atomic_fetch_sub(&batch->references, 1) > 1)
		return;
	for (size_t i = 0; i < batch->held_count; i++)
		kmessage_release(&batch->held[i]);
	for (size_t i = 0; i < batch->row_count; i++)
		pgrows_free(&batch->rows[i]);
	batch_part_release(batch);
	memory_release(batch->held);
	memory_release(batch->rows);
	memory_release(batch->messages);
	arena_fini(&batch->arena);
	deployment_unref(&batch->deployment);
	memory_release(batch);
}

struct message *
batch_add(struct batch *batch, const struct kmessage *held)
{
	struct message *message;

	CHECK(batch->count < batch->count_max);
	CHECK(batch->block_count == 0);
	if (held != NULL) {
		if (batch->held == NULL)
			batch->held = memory_alloc(batch->count_max *
			                           sizeof(*batch->held));
		batch->held[batch->held_count++] = *held;
	}
	message = &batch->messages[batch->count];
	memset(message, 0, sizeof(*message));
	message->tag = (uint32_t)batch->count++;
	message->version = MESSAGE_VERSION_NONE;
	return message;
}

void
batch_group(struct batch *batch, size_t block_messages_max,
            size_t block_bytes_max)
{
	size_t block_bytes = 0;
	struct block *block = NULL;

	CHECK(batch->count > 0 && batch->block_count == 0);
	order_by_feed(batch);
	batch->blocks = arena_alloc(&batch->arena,
	                            batch->count * sizeof(*batch->blocks));
	batch->bytes = 0;
	for (size_t i = 0; i < batch->count; i++) {
		const struct message *m = &batch->messages[i];
		size_t bytes = message_bytes(m);

		if (block == NULL || block->feed != m->feed ||
		    block->origin != m->origin ||
		    block->count == block_messages_max ||
		    block_bytes + bytes > block_bytes_max) {
			block = &batch->blocks[batch->block_count++];
			memset(block, 0, sizeof(*block));
			block->feed = m->feed;
			block->origin = m->origin;
			block->first = i;
			block_bytes = 0;
		}
		block->count++;
		block_bytes += bytes;
		batch->bytes += bytes;
	}
}

void
batch_seal(struct batch *batch, int lane, int incarnation, int64_t commit_no,
           int64_t first_seq, const uint8_t chain[DIGEST_SHA256_LEN],
           struct digest *digest)
{
	int64_t seq = first_seq;

	CHECK(batch->block_count > 0 && first_seq > 0 && commit_no > 0);
	batch->lane = lane;
	batch->incarnation = incarnation;
	batch->commit_no = commit_no;
	batch->first_seq = first_seq;
	for (size_t i = 0; i < batch->block_count; i++) {
		batch->blocks[i].first_seq = seq;
		hash_block(batch, &batch->blocks[i], digest);
		seq += (int64_t)batch->blocks[i].count;
	}
	batch->last_seq = seq - 1;
	resolve_references(batch);
	CHECK(batch->last_seq - batch->first_seq + 1 == (int64_t)batch->count);
	chain_batch(batch, chain, digest);
}

const struct block *
batch_block_of(const struct batch *batch, size_t message_index)
{
	size_t low = 0, high = batch->block_count;

	CHECK(message_index < batch->count);
	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (batch->blocks[middle].first <= message_index)
			low = middle;
		else
			high = middle;
	}
	return &batch->blocks[low];
}
