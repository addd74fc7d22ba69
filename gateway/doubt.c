/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch after the other: its partitions' tails are read from the last
 * offset that is known, until all of its messages are found.
 */
#include "gateway/doubt.h"

#include <string.h>

#include "base/io/kcluster.h"
#include "base/io/kconsumer.h"
#include "base/model/batch.h"
#include "base/model/delivery.h"
#include "base/model/deployment.h"
#include "base/model/journal_reader.h"
#include "base/model/route.h"
#include "base/model/wire.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "gateway/parking.h"

#define HEADERS_BYTES_MAX (64 * 1024 * 1024)

struct search {
	const struct batch *batch;
	const struct feed *only; /* NULL: all feeds */
	int64_t *offsets;
	size_t wanted; /* messages of this partition still to be found */
	struct text headers;
	int64_t filled;
};

/* The value of the last waybill-id: a producer cannot have set one. */
static bool
find_id(const struct text *headers, char out[MESSAGE_ID_MAX])
{
	const uint8_t *at = (const uint8_t *)headers->bytes;
	const uint8_t *end = at + headers->len;
	bool found = false;

	while (at < end) {
		int32_t name_len = wire_get_int4(at);
		const uint8_t *name = at + 4;
		int32_t value_len = wire_get_int4(name + name_len);
		const uint8_t *value = name + name_len + 4;

		if (name_len == 10 && memcmp(name, "waybill-id", 10) == 0 &&
		    value_len > 0 && value_len < MESSAGE_ID_MAX) {
			memcpy(out, value, (size_t)value_len);
			out[value_len] = '\0';
			found = true;
		}
		at = value + (value_len > 0 ? value_len : 0);
	}
	return found;
}

static bool
note_offset(const struct kmessage *message, void *context)
{
	struct search *search = context;
	const struct batch *batch = search->batch;
	char id[MESSAGE_ID_MAX];
	int lane = 0, incarnation = 0;
	int64_t seq = 0;

	text_reset(&search->headers);
	if (message->has_headers)
		kmessage_headers(message, &search->headers);
	if (!find_id(&search->headers, id) ||
	    !message_id_parse(id, &lane, &incarnation, &seq) ||
	    lane != batch->lane || incarnation != batch->incarnation ||
	    seq < batch->first_seq || seq > batch->last_seq)
		return true;
	if (search->offsets[seq - batch->first_seq] == DELIVERY_NONE) {
		search->offsets[seq - batch->first_seq] = message->offset;
		search->filled++;
		search->wanted--;
	}
	return search->wanted > 0;
}

/* What does not go to this cluster, or waits for it, is not looked for: its
   topics may not even be there. */
static bool
was_delivered(const struct doubt *doubt, const struct block *block)
{
	const struct parking_place *place =
		parking_find(doubt->parking, block->feed);

	return deployment_goes_to(doubt->deployment, block->feed,
	                          doubt->cluster_name) &&
		(place == NULL || block->first_seq <= place->parked.seq);
}

static bool
goes_to(const struct message *m, bool dead_letter, int partition)
{
	if (dead_letter)
		return m->verdict != VERDICT_ACCEPTED && message_leaves(m) &&
			m->partition % m->feed->dead_letter_partitions ==
			partition;
	return m->verdict == VERDICT_ACCEPTED && m->partition == partition;
}

/* Reads the tail of one partition for the messages of one block. */
static enum err_code
search_partition(const struct doubt *doubt, struct search *search,
                 const struct block *block, bool dead_letter, int partition,
                 struct err *err)
{
	const char *topic = dead_letter ? block->feed->dead_letter_topic
					: block->feed->output_topic;
	int64_t low = 0, high = 0, from = 0;

	search->wanted = 0;
	for (size_t i = 0; i < block->count; i++) {
		size_t at = block->first + i;

		search->wanted += search->offsets[at] == DELIVERY_NONE &&
			goes_to(&search->batch->messages[at], dead_letter,
		                partition);
	}
	if (search->wanted == 0)
		return ERR_OK;
	if (kcluster_watermarks(doubt->cluster, topic, partition, true,
	                        doubt->timeout_ms, &low, &high,
	                        err) != ERR_OK) {
		/* Somebody has taken the topic away. */
		if (err->code != ERR_KAFKA_TOPIC)
			return err->code;
		*err = (struct err){ .code = ERR_OK };
		return ERR_OK;
	}
	if (delivery_last_offset(doubt->delivery, doubt->lane, topic, partition,
	                         &from, err) != ERR_OK)
		return err->code;
	from = from + 1 > low ? from + 1 : low;
	if (from >= high)
		return ERR_OK;
	return kcluster_read(doubt->cluster, topic, partition, from, high, true,
	                     doubt->timeout_ms, note_offset, search, err);
}

static enum err_code
search_block(const struct doubt *doubt, struct search *search,
             const struct block *block, struct err *err)
{
	const struct feed *feed = block->feed;

	if ((search->only != NULL && feed != search->only) ||
	    !was_delivered(doubt, block))
		return ERR_OK;
	for (int p = 0; p < feed->partitions; p++) {
		if (search_partition(doubt, search, block, false, p, err) !=
		    ERR_OK)
			return err->code;
	}
	for (int p = 0; p < feed->dead_letter_partitions; p++) {
		if (search_partition(doubt, search, block, true, p, err) !=
		    ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

static enum err_code
fill_batch(const struct doubt *doubt, struct batch *batch,
           const struct feed *only, int64_t *out_filled, struct err *err)
{
	struct search search = { .batch = batch, .only = only };
	enum err_code code = ERR_OK;

	search.offsets = memory_alloc(batch->count * sizeof(int64_t));
	for (size_t i = 0; i < batch->count; i++)
		search.offsets[i] = DELIVERY_NONE;
	text_init(&search.headers, HEADERS_BYTES_MAX);
	for (size_t b = 0; b < batch->block_count && code == ERR_OK; b++)
		code = search_block(doubt, &search, &batch->blocks[b], err);
	/* What is not found is parked, or the topic has dropped it. */
	if (code == ERR_OK)
		code = delivery_send(doubt->delivery, &batch, &search.offsets,
		                     1, err);
	if (code == ERR_OK)
		code = delivery_wait(doubt->delivery, err);
	*out_filled += search.filled;
	text_fini(&search.headers);
	memory_release(search.offsets);
	return code;
}

/* From behind seq `last` on, up to and including seq `to`. */
static enum err_code
fill_from(const struct doubt *doubt, int64_t last, int64_t to,
          const struct feed *only, int64_t *out_filled, struct err *err)
{
	struct journal_reader *reader;
	enum err_code code = ERR_OK;
	int64_t oldest = 1;
	int incarnation = 1;

	if (last >= to)
		return ERR_OK;
	/* What was dropped has no rows to be filled. */
	if (journal_reader_oldest(doubt->conn, doubt->lane, &incarnation,
	                          &oldest, err) != ERR_OK)
		return err->code;
	if (incarnation > doubt->incarnation)
		return ERR_OK;
	if (incarnation == doubt->incarnation && last < oldest - 1)
		last = oldest - 1;
	reader = journal_reader_new(doubt->conn, doubt->lane,
	                            doubt->incarnation);
	journal_reader_seek(reader, last);
	while (code == ERR_OK && last < to) {
		struct batch *batch = NULL;

		code = journal_reader_next(reader, doubt->deployment, &batch,
		                           err);
		if (code != ERR_OK || batch == NULL)
			break;
		last = batch->last_seq;
		if (last <= to)
			code = fill_batch(doubt, batch, only, out_filled, err);
		batch_unref(&batch);
	}
	journal_reader_free(&reader);
	return code;
}

/* Of another incarnation, it is no end of a commit. */
static enum err_code
is_commit_end(const struct doubt *doubt, int64_t seq, bool *out,
              struct err *err)
{
	uint8_t chain[DIGEST_SHA256_LEN];
	struct journal_reader *reader = journal_reader_new(
		doubt->conn, doubt->lane, doubt->incarnation);
	enum err_code code = journal_reader_chain(reader, seq, chain, err);

	journal_reader_free(&reader);
	*out = code == ERR_OK;
	if (code != ERR_NOT_FOUND)
		return code;
	*err = (struct err){ .code = ERR_OK };
	return ERR_OK;
}

struct leaving {
	const struct doubt *doubt;
	int64_t *filled;
};

/* The table may be behind what the progress record says, never before it. */
static enum err_code
fill_parked(const struct route_parked *row, void *context, struct err *err)
{
	const struct leaving *leaving = context;
	const struct doubt *doubt = leaving->doubt;
	const struct feed *feed =
		deployment_feed(doubt->deployment, row->tenant, row->feed);
	const struct parking_place *place =
		feed == NULL ? NULL : parking_find(doubt->parking, feed);
	int64_t to = place == NULL ? doubt->seq : place->parked.seq;
	bool is_ours = row->seq == 0;

	if (feed == NULL)
		return ERR_OK;
	if (!is_ours && row->seq < to &&
	    is_commit_end(doubt, row->seq, &is_ours, err) != ERR_OK)
		return err->code;
	if (is_ours &&
	    fill_from(doubt, row->seq, to, feed, leaving->filled, err) !=
	            ERR_OK)
		return err->code;
	return place == NULL ? route_unpark(doubt->conn, row, err) : ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
doubt_fill(const struct doubt *doubt, int64_t *out_filled, struct err *err)
{
	int64_t last = 0, marked = 0;

	*out_filled = 0;
	/* Marked behind its rows, on the same connection: where the mark is,
	   they are. Of many commits nothing may go to this cluster. */
	if (delivery_last_seq(doubt->delivery, doubt->lane, doubt->incarnation,
	                      &last, err) != ERR_OK ||
	    route_marked_seq(doubt->conn, doubt->lane, doubt->cluster_name,
	                     doubt->incarnation, &marked, err) != ERR_OK)
		return err->code;
	if (marked > last)
		last = marked;
	return fill_from(doubt, last, doubt->seq, NULL, out_filled, err);
}

enum err_code
doubt_fill_parked(const struct doubt *doubt, int64_t *out_filled,
                  struct err *err)
{
	struct leaving leaving = { .doubt = doubt, .filled = out_filled };

	*out_filled = 0;
	return route_each_parked(doubt->conn, doubt->lane, doubt->cluster_name,
	                         fill_parked, &leaving, err);
}
