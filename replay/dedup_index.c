/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A first message, what repeats it, and what contradicts it.
 */
#include "replay/dedup_index.h"

#include <string.h>

#include "base/model/wire.h"
#include "base/runtime/digest.h"

static uint64_t
read_number(const uint8_t *bytes)
{
	uint64_t number;

	memcpy(&number, bytes, sizeof(number));
	return __builtin_bswap64(number);
}

static void
add_part(struct digest *digest, const uint8_t *bytes, int32_t len)
{
	uint8_t head[4];

	wire_put_int4(head, len);
	digest_add(digest, head, sizeof(head));
	if (len > 0)
		digest_add(digest, bytes, (size_t)len);
}

/* -- public ---------------------------------------------------------------- */

uint64_t
dedup_index_hash_content(struct digest *digest,
                         const struct dedup_content *content)
{
	uint8_t out[DIGEST_SHA256_LEN];

	digest_begin(digest);
	add_part(digest, content->key, content->key_len);
	add_part(digest, content->headers, content->headers_len);
	add_part(digest, content->body, content->body_len);
	digest_end(digest, out);
	return read_number(out);
}

uint64_t
dedup_index_read_content(const uint8_t *bytes)
{
	return read_number(bytes);
}

enum dedup_answer
dedup_index_judge(struct recent *index, const struct dedup_message *message,
                  struct dedup_first *out_first)
{
	const struct recent_entry *first = recent_find(index, message->id);
	bool same;

	if (first != NULL) {
		same = first->value == message->content;
		if (!recent_flag(first) || (same && message->is_rejected)) {
			out_first->incarnation = first->incarnation;
			out_first->seq = first->seq;
			out_first->is_rejected = recent_flag(first);
			return same ? DEDUP_DUPLICATE : DEDUP_CONFLICT;
		}
	}
	if (!recent_has_room(index, message->id))
		return DEDUP_FULL;
	recent_put(index, message->id, message->content, message->is_rejected,
	           message->tag);
	return DEDUP_FIRST;
}

void
dedup_index_load(struct recent *index, const struct dedup_message *message,
                 const struct dedup_first *itself, int64_t minute)
{
	const struct recent_entry entry = {
		.hash = message->id,
		.value = message->content,
		.seq = itself->seq,
		.incarnation = itself->incarnation,
		.stamp = recent_stamp(minute, message->is_rejected),
	};

	recent_load(index, &entry);
}
