/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that is rejected has no derived key. It goes where the key that
 * came with it leads, else its id, else its content: so that what is sent
 * again meets the lane that knows it.
 */
#include "gateway/rest/preparation.h"

#include <inttypes.h>
#include <string.h>

#include "base/model/deployment.h"
#include "base/model/submission.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "gateway/rest/intake.h"

struct making {
	const struct preparation *preparation;
	struct submission *submission;
	struct text transcoded;
	struct contract_result result;
};

static int32_t
length_of(int32_t len)
{
	return len > 0 ? len : 0;
}

static const uint8_t *
copy(struct making *making, const uint8_t *bytes, int32_t len)
{
	return bytes == NULL
		? NULL
		: arena_copy(&making->submission->arena, bytes, (size_t)len);
}

static int
partition_by(const struct feed *feed, const uint8_t *bytes, int32_t len)
{
	uint32_t hash = digest_murmur2(bytes, (size_t)len) & INT32_MAX;

	return (int)(hash % (uint32_t)feed->partitions);
}

/* Where no key was derived. */
static int
choose_partition(const struct making *making,
                 const struct submission_item *item)
{
	const struct preparation *p = making->preparation;

	if (p->partition != PREPARATION_NO_PARTITION)
		return (int)p->partition;
	if (item->key_len >= 0)
		return partition_by(p->feed, item->key, item->key_len);
	if (item->dedup_id_len > 0)
		return partition_by(p->feed, item->dedup_id,
		                    item->dedup_id_len);
	if (item->body_len > 0)
		return partition_by(p->feed, item->body, item->body_len);
	return 0;
}

static void
reject(struct making *making, struct submission_item *item, size_t count,
       const struct violation *violations)
{
	item->verdict = VERDICT_REJECTED;
	item->violation_count = (uint16_t)count;
	item->violations = arena_copy(&making->submission->arena, violations,
	                              count * sizeof(*violations));
}

/* What was found before: its strings are the request's, which ends first. */
static void
reject_as_told(struct making *making, struct submission_item *item,
               const struct intake_message *message)
{
	struct arena *arena = &making->submission->arena;
	struct violation *copies =
		arena_alloc(arena, message->violation_count * sizeof(*copies));

	for (size_t i = 0; i < message->violation_count; i++) {
		const struct violation *told = &message->violations[i];

		copies[i] = (struct violation){
			.rule = arena_strdup(arena, told->rule),
			.path = arena_strdup(arena, told->path),
			.expected = arena_strdup(arena, told->expected),
			.value = arena_strdup(arena, told->value),
			.byte_offset = told->byte_offset,
		};
	}
	item->verdict = VERDICT_REJECTED;
	item->violation_count = (uint16_t)message->violation_count;
	item->violations = copies;
}

/* Into making->transcoded; false: the item is rejected, with its original. */
static bool
transcode(struct making *making, const struct intake_message *message,
          struct submission_item *item)
{
	struct contract_result *result = &making->result;

	text_reset(&making->transcoded);
	contract_read_json(
		making->preparation->feed->contract,
		(const char *)message->body, (size_t)message->body_len,
		&making->submission->arena, &making->transcoded, result);
	if (result->violation_count > 0) {
		reject(making, item, result->violation_count,
		       result->violations);
		return false;
	}
	item->body = (const uint8_t *)text_string(&making->transcoded);
	item->body_len = (int32_t)making->transcoded.len;
	return true;
}

/* What the body, which is as the feed carries it, and its key say. */
static void
judge(struct making *making, struct submission_item *item)
{
	const struct feed *feed = making->preparation->feed;
	struct contract_result *result = &making->result;
	const struct contract_input input = {
		.key = item->key,
		.body = item->body,
		.headers = item->headers,
		.key_len = item->key_len,
		.body_len = item->body_len,
		.headers_len = item->headers_len,
		.body_bytes_max = feed->message_bytes_max,
		.derive_key = true,
	};

	contract_check(feed->contract, &input, &making->submission->arena,
	               result);
	if (result->violation_count > 0) {
		reject(making, item, result->violation_count,
		       result->violations);
		return;
	}
	if (item->key == NULL && result->has_key) {
		item->key_len = result->key_len;
		item->key = copy(making, result->key, result->key_len);
	}
	item->version = result->version;
	item->partition =
		contract_partition(feed->contract, result, feed->partitions);
}

/* A derived key may make it larger than what came. */
static enum err_code
check_size(const struct making *making, const struct submission_item *item,
           int64_t number, struct err *err)
{
	int64_t size = (int64_t)length_of(item->key_len) +
		length_of(item->headers_len) + length_of(item->body_len);
	int64_t max = making->preparation->feed->message_bytes_max;

	if (size <= max)
		return ERR_OK;
	return err_set(err, ERR_TOO_LARGE,
	               "message %" PRId64 " has %" PRId64
	               " bytes with key and headers; the feed takes %" PRId64,
	               number, size, max);
}

static enum err_code
make_item(struct making *making, const struct intake_message *message,
          size_t index, struct err *err)
{
	const struct preparation *p = making->preparation;
	struct submission_item *item = &making->submission->items[index];

	*item = (struct submission_item){
		.key = copy(making, message->key, message->key_len),
		.body = message->body,
		.headers = copy(making, message->headers, message->headers_len),
		.dedup_id = copy(making, message->id, message->id_len),
		.key_len = message->key_len,
		.body_len = message->body_len,
		.headers_len = message->headers_len,
		.dedup_id_len = message->id_len,
		.partition = -1,
		.contract = contract_id(p->feed->contract),
		.event_time_ms = message->time_ms,
		.source_offset = p->is_file ? p->first + message->number : 0,
		.version = MESSAGE_VERSION_NONE,
		.verdict = VERDICT_ACCEPTED,
	};
	if (message->violation_count > 0)
		reject_as_told(making, item, message);
	else if (!message->is_json || transcode(making, message, item))
		judge(making, item);
	/* What is too large to be forwarded is rejected by who read it, and
	   leaves as a reference. */
	if (message->violation_count == 0 &&
	    check_size(making, item, message->number, err) != ERR_OK)
		return err->code;
	item->body = copy(making, item->body, item->body_len);
	if (item->partition < 0)
		item->partition = choose_partition(making, item);
	CHECK(item->partition >= 0 && item->partition < p->feed->partitions);
	return ERR_OK;
}

static enum err_code
check_partition(const struct preparation *p, struct err *err)
{
	if (p->partition == PREPARATION_NO_PARTITION)
		return ERR_OK;
	if (contract_partitioner(p->feed->contract) != CONTRACT_EXPLICIT)
		return err_set(err, ERR_USAGE,
		               "the partition follows from the key: the "
		               "contract says how");
	if (p->partition < 0 || p->partition >= p->feed->partitions)
		return err_set(err, ERR_USAGE,
		               "the feed has partitions 0 to %d",
		               p->feed->partitions - 1);
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
preparation_make(const struct preparation *preparation,
                 const struct intake *intake, struct submission **out,
                 struct err *err)
{
	struct making making;
	enum err_code code = ERR_OK;

	CHECK(preparation->feed->contract != NULL);
	CHECK(intake->count > 0 && intake->count <= SUBMISSION_ITEMS_MAX);
	if (check_partition(preparation, err) != ERR_OK)
		return err->code;
	making.preparation = preparation;
	making.submission = submission_new(preparation->deployment,
	                                   preparation->feed, intake->count);
	text_init(&making.transcoded, SUBMISSION_BYTES_MAX);
	for (size_t i = 0; i < intake->count && code == ERR_OK; i++)
		code = make_item(&making, &intake->messages[i], i, err);
	if (code == ERR_OK &&
	    submission_bytes(making.submission) > SUBMISSION_BYTES_MAX)
		code = err_set(err, ERR_TOO_LARGE,
		               "the messages have more than %d bytes together",
		               SUBMISSION_BYTES_MAX);
	text_fini(&making.transcoded);
	if (code != ERR_OK) {
		submission_unref(&making.submission);
		return code;
	}
	making.submission->origin = preparation->is_file ? MESSAGE_ORIGIN_FILE
							 : MESSAGE_ORIGIN_REST;
	*out = making.submission;
	return ERR_OK;
}
