/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The lanes refuse where they cannot record, and may not know: both go again,
 * in their order, with the same ids, before the next records.
 */
#include "gateway/file/filedelivery.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/model/source.h"
#include "base/model/violation.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/memory.h"
#include "base/runtime/thread.h"
#include "gateway/catalogue.h"
#include "gateway/file/fileranges.h"
#include "gateway/file/filerejects.h"
#include "gateway/rest/intake.h"
#include "gateway/rest/moment.h"
#include "gateway/rest/preparation.h"
#include "gateway/rest/receipt.h"

#define PIECE_RECORDS    2000
#define PIECE_BYTES      (4 * 1024 * 1024)
#define RECORD_BYTES_MAX (8 * 1024 * 1024)
#define DEADLINE_MS      2000
#define AGAIN_MS         200
#define SPAN             250000
#define CHUNK_BYTES      (256 * 1024)
#define CONTRACTS_MAX    100 /* that change while one file is read */

struct delivering {
	const struct filedelivery *d;
	const struct deployment *deployment; /* referenced */
	const struct feed *feed;
	struct filerejects *rejects;
	struct fileranges known;
	int32_t source_id;
	struct records *records;
	struct thread_flag *done;
	/* the piece under way */
	struct arena arena;
	struct intake_message messages[PIECE_RECORDS];
	size_t count;
	size_t bytes;
};

static const struct pgstatement find_records = {
	.name = "filedelivery_records",
	.sql = "select range_first, range_last,"
	       " waybill.file_last($1, $2, $3)"
	       " from (select) one left join"
	       " waybill.file_recorded($1, $2, $3, $4, $5) on true",
	.param_count = 5,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT8,
	           PGTYPE_INT8 },
};

/* -- what is recorded already ------------------------------------------------ */

/* *from: where to ask on; -1: that was all. */
static enum err_code
ask_span(struct delivering *g, int64_t *from, struct err *err)
{
	struct pgnumber rooms[2];
	const struct pgvalue values[5] = {
		pgvalue_text(g->d->tenant),    pgvalue_text(g->d->feed),
		pgvalue_text(g->d->file),      pgvalue_int8(*from, &rooms[0]),
		pgvalue_int8(SPAN, &rooms[1]),
	};
	struct pgrows *rows = NULL;
	int64_t last;

	if (pgconn_query(g->d->conn, &find_records, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	CHECK(pgrows_count(rows) > 0);
	for (int row = 0; row < pgrows_count(rows); row++)
		if (!pgrows_is_null(rows, row, 0))
			CHECK(fileranges_add(&g->known,
			                     pgrows_int(rows, row, 0),
			                     pgrows_int(rows, row, 1)));
	last = pgrows_is_null(rows, 0, 2) ? -1 : pgrows_int(rows, 0, 2);
	*from = last >= *from + SPAN ? *from + SPAN : -1;
	pgrows_free(&rows);
	return ERR_OK;
}

static enum err_code
ask_recorded(struct delivering *g, struct err *err)
{
	int64_t from = 0;

	while (from >= 0) {
		if (ask_span(g, &from, err) != ERR_OK)
			return err->code;
	}
	return ERR_OK;
}

/* -- a piece into the lanes ---------------------------------------------------- */

static void
on_done(struct submission *submission, void *context)
{
	thread_flag_set(context);
}

static void
list(struct delivering *g, const struct intake_message *message,
     const struct receipt *receipt)
{
	char id[MESSAGE_ID_MAX] = "", of[MESSAGE_ID_MAX] = "";
	struct filerejects_entry entry = {
		.record = message->number,
		.line = message->line,
		.verdict = "rejected",
		.violations = message->violations,
		.violation_count = message->violation_count,
		.original = message->body,
		.original_len =
			message->body_len > 0 ? (size_t)message->body_len : 0,
	};

	if (receipt != NULL) {
		message_id_print(id, receipt->lane, receipt->incarnation,
		                 receipt->seq);
		entry.id = id;
		entry.verdict = receipt_kind_name(receipt->kind);
		entry.violations = receipt->violations;
		entry.violation_count = receipt->violation_count;
		if (receipt->of_seq > 0) {
			message_id_print(of, receipt->of_lane,
			                 receipt->of_incarnation,
			                 receipt->of_seq);
			entry.of = of;
		}
	}
	filerejects_add(g->rejects, &entry);
}

/* True: it has to go again. */
static bool
take_receipt(struct delivering *g, const struct intake_message *message,
             const struct receipt *receipt)
{
	struct filetally *tally = g->d->tally;

	switch (receipt->kind) {
	case RECEIPT_ACCEPTED:
		atomic_fetch_add(&tally->accepted, 1);
		return false;
	case RECEIPT_DUPLICATE:
		atomic_fetch_add(&tally->duplicate, 1);
		return false;
	case RECEIPT_REJECTED:
		atomic_fetch_add(&tally->rejected, 1);
		break;
	case RECEIPT_CONFLICT:
		atomic_fetch_add(&tally->conflict, 1);
		break;
	default:
		return true;
	}
	list(g, message, receipt);
	return false;
}

/* The messages that have to go again, in front. *stale: the contract has
   changed. */
static size_t
take_receipts(struct delivering *g, struct submission *submission,
              struct intake_message *messages, size_t count, bool *stale)
{
	struct receipt *receipts =
		arena_alloc(&g->arena, count * sizeof(*receipts));
	size_t again = 0;

	*stale = receipt_take(submission, NULL, receipts) > 0;
	for (size_t i = 0; i < count; i++)
		if (take_receipt(g, &messages[i], &receipts[i]))
			messages[again++] = messages[i];
	return again;
}

static void
send(struct delivering *g, struct submission *submission)
{
	thread_flag_clear(g->done);
	submission->source_id = g->source_id;
	submission->file = arena_strdup(&submission->arena, g->d->file);
	submission->done = on_done;
	submission->context = g->done;
	submission_send(submission, &g->d->lanes);
	if (thread_flag_wait(g->done, DEADLINE_MS))
		return;
	submission_give_up(submission);
	(void)thread_flag_wait(g->done, INT32_MAX);
}

static void
pause_a_bit(const struct delivering *g)
{
	if (!atomic_load(g->d->stop))
		clock_sleep_ms(AGAIN_MS);
}

static void
reject_too_large(struct intake_message *message)
{
	static const struct violation too_large = {
		.rule = "size.exceeded",
		.path = "",
		.expected = "what the feed takes, with its key",
		.value = "more",
		.byte_offset = -1,
	};

	message->violations = &too_large;
	message->violation_count = 1;
}

/* Until each is recorded. ERR_CONFLICT: by another contract. */
static enum err_code
settle(struct delivering *g, struct intake_message *messages, size_t count,
       struct err *err)
{
	const struct preparation preparation = {
		.deployment = g->deployment,
		.feed = g->feed,
		.partition = PREPARATION_NO_PARTITION,
		.is_file = true,
	};

	while (count > 0) {
		const struct intake intake = { messages, count };
		struct submission *submission = NULL;
		bool stale = false;

		if (atomic_load(g->d->stop))
			return err_set(err, ERR_STOPPED, "stopped");
		if (preparation_make(&preparation, &intake, &submission, err) !=
		    ERR_OK) {
			if (err->code != ERR_TOO_LARGE)
				return err->code;
			if (count == 1) {
				CHECK(messages[0].violation_count == 0);
				reject_too_large(&messages[0]);
				continue;
			}
			if (settle(g, messages, count / 2, err) != ERR_OK)
				return err->code;
			messages += count / 2;
			count -= count / 2;
			continue;
		}
		send(g, submission);
		count = take_receipts(g, submission, messages, count, &stale);
		submission_unref(&submission);
		if (stale)
			return err_set(err, ERR_CONFLICT,
			               "another contract is in force");
		if (count > 0)
			pause_a_bit(g);
	}
	return ERR_OK;
}

/* -- the file -------------------------------------------------------------------- */

static enum err_code
flush(struct delivering *g, struct err *err)
{
	enum err_code code = settle(g, g->messages, g->count, err);

	g->count = 0;
	g->bytes = 0;
	arena_reset(&g->arena);
	return code;
}

static void
keep(struct delivering *g, const struct record *record)
{
	struct arena *arena = &g->arena;
	bool is_good = record->body != NULL;
	size_t len = is_good ? (size_t)record->body_len : record->original_len;
	const char *id =
		arena_printf(arena, "%s#%" PRId64, g->d->file, record->number);

	g->messages[g->count++] = (struct intake_message){
		.body = arena_copy(
			arena, is_good ? record->body : record->original, len),
		.body_len = (int32_t)len,
		.id = (const uint8_t *)id,
		.id_len = (int32_t)strlen(id),
		.key_len = -1,
		.headers_len = -1,
		.number = record->number,
		.line = record->line,
		.time_ms = MOMENT_NONE,
		.violations = record->violations, /* in the arena */
		.violation_count = record->violation_count,
	};
	g->bytes += len;
}

static enum err_code
read_all(struct delivering *g, struct err *err)
{
	struct filetally *tally = g->d->tally;
	struct record record = { .is_end = false };
	enum err_code code;

	for (;;) {
		if (atomic_load(g->d->stop))
			return err_set(err, ERR_STOPPED, "stopped");
		code = records_next(g->records, &g->arena, &record, err);
		if (code != ERR_OK || record.is_end)
			break;
		atomic_fetch_add(&tally->read, 1);
		if (fileranges_has(&g->known, record.number)) {
			atomic_fetch_add(&tally->known, 1);
			if (g->count == 0)
				arena_reset(&g->arena);
			continue;
		}
		keep(g, &record);
		if ((g->count == PIECE_RECORDS || g->bytes >= PIECE_BYTES) &&
		    flush(g, err) != ERR_OK)
			return err->code;
	}
	/* What stands in front of a break is recorded all the same. */
	if (g->count > 0) {
		struct err other = { .code = ERR_OK };

		if (flush(g, &other) != ERR_OK) {
			*err = other;
			return other.code;
		}
	}
	return code;
}

static enum err_code
find_feed(struct delivering *g, struct err *err)
{
	const struct filedelivery *d = g->d;

	g->deployment = catalogue_take(d->catalogue);
	g->feed = deployment_feed(g->deployment, d->tenant, d->feed);
	if (g->feed == NULL || g->feed->is_removed)
		return err_set(err, ERR_NOT_FOUND, "there is no feed %s/%s",
		               d->tenant, d->feed);
	if (g->feed->contract == NULL)
		return err_set(
			err, ERR_NOT_FOUND,
			"the contract of feed %s/%s is not in force here",
			d->tenant, d->feed);
	return ERR_OK;
}

static enum err_code
run_pass(struct delivering *g, struct err *err)
{
	const struct filedelivery *d = g->d;
	const struct records_options options = {
		.format = d->format,
		.fd = d->fd,
		.record_bytes_max = RECORD_BYTES_MAX,
	};

	if (find_feed(g, err) != ERR_OK || ask_recorded(g, err) != ERR_OK ||
	    source_take_own(d->conn, MESSAGE_ORIGIN_FILE, d->file, g->feed,
	                    &g->source_id, err) != ERR_OK)
		return err->code;
	atomic_store(&d->tally->read, 0);
	atomic_store(&d->tally->known, 0);
	atomic_store(&d->tally->known, -filetally_settled(d->tally));
	if (lseek(d->fd, 0, SEEK_SET) != 0)
		return err_set(err, ERR_IO, "failed to go back to the start");
	if (records_open(g->feed->contract, &options, &g->records, err) !=
	    ERR_OK)
		return err->code;
	return read_all(g, err);
}

static void
end_pass(struct delivering *g)
{
	records_close(&g->records);
	deployment_unref(&g->deployment);
	fileranges_fini(&g->known);
	arena_reset(&g->arena);
	g->count = 0;
	g->bytes = 0;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
filedelivery_run(const struct filedelivery *delivery, struct err *err)
{
	struct delivering *g;
	struct err closing = { .code = ERR_OK };
	enum err_code code = ERR_OK;
	struct filerejects *rejects = NULL;

	if (filerejects_open(delivery->rejects, &rejects, err) != ERR_OK)
		return err->code;
	g = memory_calloc(1, sizeof(*g));
	g->d = delivery;
	g->rejects = rejects;
	g->done = thread_flag_new();
	arena_init(&g->arena, CHUNK_BYTES);
	fileranges_init(&g->known);
	for (int i = 0; i < CONTRACTS_MAX; i++) {
		code = run_pass(g, err);
		end_pass(g);
		if (code != ERR_CONFLICT)
			break;
		/* This daemon has it in a moment. */
		clock_sleep_ms(AGAIN_MS);
	}
	arena_fini(&g->arena);
	thread_flag_free(&g->done);
	memory_release(g);
	if (filerejects_close(&rejects, &closing) != ERR_OK && code == ERR_OK) {
		*err = closing;
		code = closing.code;
	}
	return code;
}
