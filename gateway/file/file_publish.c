/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * This thread reads and judges, strands send. A key has one strand, so its
 * records are recorded in the order of the file.
 *
 * Where another contract comes into force meanwhile the gateway takes nothing
 * more of what was made for the old one; then the file is read again, by the
 * new one, without what is recorded.
 */
#include "gateway/file/file_publish.h"

#include <string.h>
#include <unistd.h>

#include "base/model/violation.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "gateway/file/filebundle.h"
#include "gateway/file/filefeed.h"
#include "gateway/file/fileprogress.h"
#include "gateway/file/fileranges.h"
#include "gateway/file/filerejects.h"
#include "gateway/file/reach.h"
#include "gateway/file/strand.h"

#define BUNDLE_BYTES      (4 * 1024 * 1024)
#define RECORD_BYTES_MIN  (1024 * 1024)
#define ARENA_CHUNK_BYTES (64 * 1024)
#define REQUEST_SPARE     1024
#define CONTRACTS_MAX     100 /* that change while one file is read */

struct pass {
	const struct file_publish *publish;
	struct filefeed feed;
	struct fileranges known;
	struct strand_common common;
	struct strand *strands[FILE_PUBLISH_STRANDS_MAX];
	struct filebundle *filling[FILE_PUBLISH_STRANDS_MAX];
	int strand_count;
	size_t bundle_records;
	struct records *records;
	struct arena arena; /* of a record */
	int64_t *listed;    /* up to where what is known was listed */
	struct contract_result result;
};

static void
waiting(void *context, const char *why)
{
	const struct pass *pass = context;

	atomic_fetch_add(&pass->publish->tally->tries, 1);
	fileprogress_waiting(pass->publish->progress, why);
}

/* -- one record -------------------------------------------------------------- */

static void
judge(struct pass *pass, const struct record *record,
      struct filebundle_entry *entry)
{
	struct contract_result *result = &pass->result;
	const struct contract_input input = {
		.body = record->body,
		.key_len = -1,
		.body_len = record->body_len,
		.headers_len = -1,
		.body_bytes_max = pass->feed.message_bytes_max,
		.derive_key = true,
	};

	result->has_key = false;
	*entry = (struct filebundle_entry){
		.number = record->number,
		.line = record->line,
		.body = record->body,
		.body_len = (size_t)record->body_len,
		.original = record->original,
		.original_len = record->original_len,
		.violations = record->violations,
		.violation_count = record->violation_count,
	};
	if (record->body == NULL)
		return;
	contract_check(pass->feed.contract, &input, &pass->arena, result);
	if (result->violation_count == 0)
		return;
	entry->body = NULL;
	entry->violations = result->violations;
	entry->violation_count = result->violation_count;
}

static void
list(struct pass *pass, const struct filebundle_entry *entry)
{
	const struct filerejects_entry line = {
		.record = entry->number,
		.line = entry->line,
		.verdict = "rejected",
		.violations = entry->violations,
		.violation_count = entry->violation_count,
		.original = entry->original,
		.original_len = entry->original_len,
	};

	filerejects_add(pass->common.rejects, &line);
}

/* False: it is stopped. */
static bool
send(struct pass *pass, const struct filebundle_entry *entry)
{
	const struct contract_result *result = &pass->result;
	bool has_key = entry->body != NULL && result->has_key;
	/* What has no key has no order. */
	uint64_t spread = has_key ? result->key_hash : (uint64_t)entry->number;
	int at = (int)(spread * 0x9e3779b97f4a7c15u >> 32) & INT32_MAX;
	struct strand *strand = pass->strands[at % pass->strand_count];
	struct filebundle **filling = &pass->filling[at % pass->strand_count];
	size_t bytes =
		entry->body != NULL ? entry->body_len : entry->original_len;

	if (*filling != NULL &&
	    !filebundle_fits(*filling, bytes, pass->bundle_records)) {
		strand_push(strand, *filling);
		*filling = NULL;
	}
	if (*filling == NULL)
		*filling = strand_take(strand);
	if (*filling == NULL)
		return false;
	filebundle_add(*filling, entry);
	return true;
}

/* False: it is stopped. */
static bool
take(struct pass *pass, const struct record *record)
{
	struct filetally *tally = pass->publish->tally;
	struct filebundle_entry entry;

	judge(pass, record, &entry);
	atomic_fetch_add_explicit(&tally->read, 1, memory_order_relaxed);
	if (fileranges_has(&pass->known, record->number)) {
		atomic_fetch_add(&tally->known, 1);
		if (entry.body == NULL) {
			atomic_fetch_add(&tally->bad_known, 1);
			if (record->number > *pass->listed)
				list(pass, &entry);
		}
		*pass->listed = record->number;
		return true;
	}
	*pass->listed = record->number;
	if (!pass->publish->dry_run)
		return send(pass, &entry);
	if (entry.body == NULL) {
		atomic_fetch_add(&tally->rejected, 1);
		list(pass, &entry);
	} else {
		atomic_fetch_add_explicit(&tally->accepted, 1,
		                          memory_order_relaxed);
	}
	return true;
}

/* -- the file ----------------------------------------------------------------- */

static enum err_code
open_records(struct pass *pass, struct err *err)
{
	size_t max = pass->feed.request_bytes_max / 2;
	const struct records_options options = {
		.format = pass->publish->format,
		.fd = pass->publish->fd,
		.record_bytes_max =
			max < RECORD_BYTES_MIN ? RECORD_BYTES_MIN : max,
	};

	if (lseek(pass->publish->fd, 0, SEEK_SET) != 0)
		return err_set(err, ERR_IO,
		               "failed to go back to the beginning");
	return records_open(pass->feed.contract, &options, &pass->records, err);
}

/* ERR_OK also where it is stopped. */
static enum err_code
read_all(struct pass *pass, struct err *err)
{
	struct record record;

	while (!atomic_load_explicit(&pass->common.stop,
	                             memory_order_relaxed)) {
		arena_reset(&pass->arena);
		if (records_next(pass->records, &pass->arena, &record, err) !=
		    ERR_OK)
			return err->code;
		if (record.is_end || !take(pass, &record))
			return ERR_OK;
	}
	return ERR_OK;
}

static enum err_code
open_strands(struct pass *pass, struct err *err)
{
	int count = pass->publish->strands;

	count = count == 0 ? FILE_PUBLISH_STRANDS : count;
	CHECK(count <= FILE_PUBLISH_STRANDS_MAX);
	while (pass->strand_count < count) {
		if (strand_open(&pass->common,
		                &pass->strands[pass->strand_count],
		                err) != ERR_OK)
			return err->code;
		pass->strand_count++;
	}
	return ERR_OK;
}

/* Everything that was read is settled behind it, or there is a failure. */
static void
close_strands(struct pass *pass)
{
	for (int i = 0; i < pass->strand_count; i++) {
		struct filebundle *left = pass->filling[i];

		if (left != NULL)
			strand_push(pass->strands[i], left);
	}
	for (int i = 0; i < pass->strand_count; i++)
		strand_close(&pass->strands[i]);
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static enum err_code
ask(struct pass *pass, struct err *err)
{
	const struct file_publish *publish = pass->publish;
	struct reach *reach = NULL;
	enum err_code code = reach_open(&pass->common.reach, &reach, err);

	if (code == ERR_OK)
		code = filefeed_ask(reach, &pass->feed, err);
	if (code == ERR_OK && !publish->dry_run)
		code = filefeed_ask_recorded(reach, publish->file, &pass->known,
		                             err);
	reach_close(&reach);
	if (code != ERR_OK)
		return code;
	pass->common.contract = pass->feed.contract_id;
	pass->common.bundle_bytes = smaller(
		BUNDLE_BYTES, pass->feed.request_bytes_max - REQUEST_SPARE);
	pass->bundle_records =
		smaller(publish->bundle_records == 0 ? FILE_PUBLISH_RECORDS
	                                             : publish->bundle_records,
	                pass->feed.request_messages_max);
	return ERR_OK;
}

/* What an earlier pass has sent was not recorded before. */
static void
begin_tally(struct filetally *tally)
{
	atomic_store(&tally->read, 0);
	atomic_store(&tally->known, 0);
	atomic_store(&tally->known, -filetally_settled(tally));
	atomic_store(&tally->bad_known, 0);
}

static enum err_code
run_pass(const struct file_publish *publish, struct filerejects *rejects,
         int64_t *listed, struct err *err)
{
	struct pass pass = {
		.publish = publish,
		.listed = listed,
		.common = {
			.reach = { .url = publish->url,
			           .tenant = publish->tenant,
			           .feed = publish->feed,
			           .token = publish->token,
			           .ca_file = publish->ca_file,
			           .patience_ms = publish->patience_ms,
			           .waiting = waiting },
			.file = publish->file,
			.tally = publish->tally,
			.rejects = rejects,
		},
	};
	enum err_code code;

	pass.common.reach.stop = &pass.common.stop;
	pass.common.reach.context = &pass;
	begin_tally(publish->tally);
	thread_lock_init(&pass.common.lock, THREAD_RANK_QUEUE);
	arena_init(&pass.arena, ARENA_CHUNK_BYTES);
	fileranges_init(&pass.known);
	code = ask(&pass, err);
	if (code == ERR_OK)
		code = open_records(&pass, err);
	if (code == ERR_OK && !publish->dry_run)
		code = open_strands(&pass, err);
	if (code == ERR_OK)
		code = read_all(&pass, err);
	close_strands(&pass);
	/* What failed to be sent comes before what could not be read. */
	if (pass.common.failure.code != ERR_OK) {
		*err = pass.common.failure;
		code = err->code;
	}
	records_close(&pass.records);
	fileranges_fini(&pass.known);
	filefeed_fini(&pass.feed);
	arena_fini(&pass.arena);
	thread_lock_fini(&pass.common.lock);
	return code;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
file_publish_run(const struct file_publish *publish, struct err *err)
{
	struct filerejects *rejects = NULL;
	enum err_code code = filerejects_open(publish->rejects, &rejects, err);
	struct err closing = { .code = ERR_OK };
	int64_t listed = -1;

	if (code != ERR_OK)
		return code;
	for (int i = 0; i < CONTRACTS_MAX; i++) {
		code = run_pass(publish, rejects, &listed, err);
		if (code != ERR_CONFLICT)
			break;
		fileprogress_waiting(publish->progress,
		                     "another contract is in force");
	}
	*publish->rejects_listed = filerejects_count(rejects);
	if (filerejects_close(&rejects, &closing) != ERR_OK && code == ERR_OK) {
		*err = closing;
		code = closing.code;
	}
	return code;
}
