/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording: the claim of a lane, and the pipelined transaction of a batch.
 * The rows of a batch are built in journal_rows.c.
 */
#include "base/model/journal.h"

#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/journal_rows.h"
#include "base/runtime/check.h"
#include "base/runtime/crash.h"
#include "base/runtime/memory.h"

#define FULL_POSITIONS_EVERY 1000

static const struct pgstatement begin = { .name = "journal_begin",
	                                  .sql = "begin" };
static const struct pgstatement commit = { .name = "journal_commit",
	                                   .sql = "commit" };
static const struct pgstatement rollback = { .name = "journal_rollback",
	                                     .sql = "rollback" };

static const struct pgstatement claim_lane = {
	.name = "journal_claim_lane",
	.sql = "select incarnation, epoch, next_seq, chain, commit_no,"
	       " system_id, timeline, state,"
	       " nullif(day, '-infinity') as day"
	       " from waybill.lane_claim($1, $2)",
	.param_count = 2,
	.types = { PGTYPE_INT4, PGTYPE_TEXT },
};

static const struct pgstatement release_lane = {
	.name = "journal_release_lane",
	.sql = "select waybill.lane_release($1, $2, $3)",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT8, PGTYPE_TEXT },
};

/* The same owner goes on after an unknown outcome: waits for a backend that
   still works on the old transaction (it holds the row), and shuts out one
   that has not begun it yet (it has the old epoch). */
static const struct pgstatement resume_lane = {
	.name = "journal_resume_lane",
	.sql = "select incarnation, epoch, next_seq, chain, commit_no,"
	       " system_id, timeline, state,"
	       " nullif(day, '-infinity') as day"
	       " from waybill.lane_resume($1, $2, $3)",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT8, PGTYPE_TEXT },
};

static const struct pgstatement advance_lane = {
	.name = "journal_advance_lane",
	.sql = "select waybill.lane_advance($1, $2, $3, $4, $5, $6)",
	.param_count = 6,
	.types = { PGTYPE_INT4, PGTYPE_INT8, PGTYPE_INT4, PGTYPE_INT8,
	           PGTYPE_INT8, PGTYPE_BYTEA },
};

static const struct pgstatement mark_lane = {
	.name = "journal_mark_lane",
	.sql = "update waybill.lane set state = $3, reason = $4, since = now()"
	       " where lane = $1 and epoch = $2",
	.param_count = 4,
	.types = { PGTYPE_INT4, PGTYPE_INT8, PGTYPE_TEXT, PGTYPE_TEXT },
};

/* The state stays; the next commit takes the reason away. */
static const struct pgstatement note_reason = {
	.name = "journal_note_reason",
	.sql = "update waybill.lane set reason = nullif($3, '')"
	       " where lane = $1 and epoch = $2"
	       " and reason is distinct from nullif($3, '')",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT8, PGTYPE_TEXT },
};

static const struct pgstatement pass_barrier = {
	.name = "journal_pass_barrier",
	.sql = "select waybill.barrier_pass($1)",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};

static const struct pgstatement read_identity = {
	.name = "journal_read_identity",
	.sql = "select system_id, timeline from waybill.postgres_identity()",
};

static const struct pgstatement accept_identity = {
	.name = "journal_accept_identity",
	.sql = "select incarnation, epoch, next_seq, chain, commit_no,"
	       " system_id, timeline, state,"
	       " nullif(day, '-infinity') as day"
	       " from waybill.lane_accept_identity($1, $2, $3, $4)",
	.param_count = 4,
	.types = { PGTYPE_INT4, PGTYPE_INT8, PGTYPE_INT8, PGTYPE_INT4 },
};

static const struct pgstatement read_positions = {
	.name = "journal_read_positions",
	.sql = "select source, next from waybill.lane_positions($1)",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};

struct journal {
	struct journal_options options;
	struct pgconn *conn;
	struct journal_lane lane;
	struct journal_rows *rows;
	struct digest *digest;
	struct batch *pending; /* sent, answer not read */
	size_t pending_answers;
	bool wants_full;
};

static enum err_code
connect_anew(struct journal *journal, struct err *err)
{
	/* A recorder that waits for the standby must not be cut off by a
	   statement timeout: the wait is bounded by timeout_ms. */
	static const char *const settings[] = { "synchronous_commit=on",
		                                "search_path=waybill", NULL };
	const struct pgconn_options options = {
		.conninfo = journal->options.conninfo,
		.application = "waybill record",
		.role = journal->options.role,
		.timeout_ms = journal->options.timeout_ms,
		.settings = settings,
	};

	pgconn_close(&journal->conn);
	return pgconn_open(&options, &journal->conn, err);
}

static void
take_lane_row(const struct pgrows *rows, int lane, struct journal_lane *out)
{
	int len = 0;
	const uint8_t *chain = pgrows_bytes(rows, 0, 3, &len);

	CHECK(len == DIGEST_SHA256_LEN);
	*out = (struct journal_lane){
		.lane = lane,
		.incarnation = (int)pgrows_int(rows, 0, 0),
		.epoch = pgrows_int(rows, 0, 1),
		.next_seq = pgrows_int(rows, 0, 2),
		.commit_no = pgrows_int(rows, 0, 4),
		.system_id = pgrows_int(rows, 0, 5),
		.timeline = (int)pgrows_int(rows, 0, 6),
		.day = (int32_t)pgrows_int(rows, 0, 8),
		.is_diverged = strcmp(pgrows_text(rows, 0, 7), "diverged") == 0,
	};
	memcpy(out->chain, chain, DIGEST_SHA256_LEN);
	CHECK(out->incarnation > 0 && out->next_seq > 0);
}

/* A commit without a warning: what was committed before it is on the standby
   too, since WAL is replicated in order. */
static enum err_code
barrier(struct journal *journal, struct err *err)
{
	struct pgnumber room;
	const struct pgvalue values[] = {
		pgvalue_int4(journal->options.lane, &room),
	};
	enum err_code code;

	pgconn_warning_reset(journal->conn);
	code = pgconn_query(journal->conn, &pass_barrier, values, NULL, err);
	if (code != ERR_OK)
		return code;
	if (pgconn_warning_count(journal->conn) > 0)
		return err_set(err, ERR_POSTGRES_UNKNOWN,
		               "warning during a barrier commit: %s",
		               pgconn_warning_text(journal->conn));
	return ERR_OK;
}

/* ERR_POSTGRES_TIMELINE where the server is not the one the lane knows. */
static enum err_code
check_identity(struct journal *journal, struct err *err)
{
	struct pgrows *rows = NULL;
	int64_t system_id;
	int timeline;

	if (pgconn_query(journal->conn, &read_identity, NULL, &rows, err) !=
	    ERR_OK)
		return err->code;
	CHECK(pgrows_count(rows) == 1);
	system_id = pgrows_int(rows, 0, 0);
	timeline = (int)pgrows_int(rows, 0, 1);
	pgrows_free(&rows);
	if (system_id == journal->lane.system_id &&
	    timeline == journal->lane.timeline)
		return ERR_OK;
	return err_set(err, ERR_POSTGRES_TIMELINE,
	               "lane %d: Postgres was system %lld timeline %d, is "
	               "system %lld timeline %d",
	               journal->lane.lane, (long long)journal->lane.system_id,
	               journal->lane.timeline, (long long)system_id, timeline);
}

/* Connects anew and takes the lane again under the next epoch; what was
   committed before is then known, and on the standby too. */
static enum err_code
resume(struct journal *journal, struct journal_lane *out, struct err *err)
{
	struct pgnumber rooms[2];
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_int4(journal->options.lane, &rooms[0]),
		pgvalue_int8(journal->lane.epoch, &rooms[1]),
		pgvalue_text(journal->options.daemon),
	};

	if (connect_anew(journal, err) != ERR_OK ||
	    pgconn_query(journal->conn, &resume_lane, values, &rows, err) !=
	            ERR_OK)
		return err->code;
	if (pgrows_count(rows) == 0) {
		pgrows_free(&rows);
		return err_set(err, ERR_LANE_LOST,
		               "lane %d has another owner or epoch",
		               journal->options.lane);
	}
	take_lane_row(rows, journal->options.lane, out);
	pgrows_free(&rows);
	journal->lane.epoch = out->epoch;
	/* The lane row alone shows a commit that the standby may lack. */
	if (barrier(journal, err) != ERR_OK ||
	    check_identity(journal, err) != ERR_OK)
		return err->code;
	return ERR_OK;
}

static enum err_code
send_advance(struct journal *journal, const struct batch *batch,
             struct err *err)
{
	const struct journal_lane *lane = &journal->lane;
	struct pgnumber rooms[5];
	const struct pgvalue values[] = {
		pgvalue_int4(lane->lane, &rooms[0]),
		pgvalue_int8(lane->epoch, &rooms[1]),
		pgvalue_int4(lane->incarnation, &rooms[2]),
		pgvalue_int8(lane->next_seq, &rooms[3]),
		pgvalue_int8(batch->last_seq + 1, &rooms[4]),
		pgvalue_bytes(batch->chain, DIGEST_SHA256_LEN),
	};

	return pgconn_send(journal->conn, &advance_lane, values, err);
}

/* begin, the compare-and-set, the rows; COMMIT is not part of it. */
static enum err_code
send_rows(struct journal *journal, struct batch *batch, struct err *err)
{
	size_t sent = 0;

	pgconn_warning_reset(journal->conn);
	if (pgconn_pipeline_begin(journal->conn, err) != ERR_OK ||
	    pgconn_send(journal->conn, &begin, NULL, err) != ERR_OK ||
	    send_advance(journal, batch, err) != ERR_OK ||
	    journal_rows_send(journal->rows, journal->conn, batch, &sent,
	                      err) != ERR_OK ||
	    pgconn_flush(journal->conn, err) != ERR_OK)
		return err_context(err, "sending a batch");
	journal->pending_answers = sent + 3; /* begin, advance, commit */
	return ERR_OK;
}

/* The lane has moved on behind a recorded batch. */
static void
move_on(struct journal *journal)
{
	struct batch *batch = journal->pending;

	journal->lane.next_seq = batch->last_seq + 1;
	journal->lane.commit_no = batch->commit_no;
	memcpy(journal->lane.chain, batch->chain, DIGEST_SHA256_LEN);
	journal->wants_full = batch->commit_no % FULL_POSITIONS_EVERY == 0;
	journal->pending = NULL;
}

/* Reads the answers in order; remembers the first error. The second answer is
   that of lane_advance: the day on which the batch was recorded. */
static enum err_code
read_answers(struct journal *journal, struct err *err)
{
	struct err first = { .code = ERR_OK };

	for (size_t i = 0; i < journal->pending_answers; i++) {
		struct pgrows *rows = NULL;
		struct err e = { .code = ERR_OK };

		if (pgconn_receive(journal->conn, &rows, &e) != ERR_OK) {
			if (first.code == ERR_OK)
				first = e;
			if (pgconn_is_lost(journal->conn))
				break;
			continue;
		}
		if (i == 1) {
			int day = (int)pgrows_int(rows, 0, 0);

			for (size_t b = 0; b < journal->pending->block_count;
			     b++)
				journal->pending->blocks[b].day = day;
		}
		pgrows_free(&rows);
	}
	if (!pgconn_is_lost(journal->conn)) {
		struct err e = { .code = ERR_OK };

		if (pgconn_receive_sync(journal->conn, &e) != ERR_OK &&
		    first.code == ERR_OK)
			first = e;
	}
	if (first.code != ERR_OK)
		*err = first;
	return first.code;
}

/* Nothing of a refused transaction stays open behind it. */
static void
roll_back(struct journal *journal)
{
	struct err ignored = { .code = ERR_OK };

	/* When this fails the connection is lost, and Postgres rolls back. */
	if (pgconn_pipeline_end(journal->conn, &ignored) != ERR_OK ||
	    (pgconn_in_transaction(journal->conn) &&
	     pgconn_query(journal->conn, &rollback, NULL, NULL, &ignored) !=
	             ERR_OK))
		pgconn_close(&journal->conn);
}

/* -- public ---------------------------------------------------------------- */

enum err_code
journal_open(const struct journal_options *options, struct journal **out,
             struct err *err)
{
	struct journal *journal = memory_calloc(1, sizeof(*journal));

	journal->options = *options;
	journal->options.conninfo = memory_strdup(options->conninfo);
	if (options->role != NULL)
		journal->options.role = memory_strdup(options->role);
	journal->options.daemon = memory_strdup(options->daemon);
	journal->rows = journal_rows_new();
	journal->digest = digest_new();
	journal->wants_full = true;
	if (connect_anew(journal, err) != ERR_OK) {
		journal_close(&journal);
		return err->code;
	}
	*out = journal;
	return ERR_OK;
}

void
journal_close(struct journal **handle)
{
	struct journal *journal = *handle;

	*handle = NULL;
	if (journal == NULL)
		return;
	pgconn_close(&journal->conn);
	journal_rows_free(&journal->rows);
	digest_free(&journal->digest);
	memory_release((void *)(uintptr_t)journal->options.conninfo);
	memory_release((void *)(uintptr_t)journal->options.role);
	memory_release((void *)(uintptr_t)journal->options.daemon);
	memory_release(journal);
}

struct pgconn *
journal_conn(struct journal *journal)
{
	CHECK(journal->pending == NULL);
	return journal->conn;
}

enum err_code
journal_claim(struct journal *journal, struct err *err)
{
	struct pgnumber room;
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_int4(journal->options.lane, &room),
		pgvalue_text(journal->options.daemon),
	};

	CHECK(journal->pending == NULL);
	if (pgconn_query(journal->conn, &claim_lane, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	if (pgrows_count(rows) == 0) {
		pgrows_free(&rows);
		return err_set(err, ERR_LANE_LOST, "lane %d has a living owner",
		               journal->options.lane);
	}
	take_lane_row(rows, journal->options.lane, &journal->lane);
	pgrows_free(&rows);
	crash_at(CRASH_LANE_CLAIMED);
	if (barrier(journal, err) != ERR_OK)
		return err->code;
	if (journal->lane.timeline == 0)
		return journal_accept_timeline(journal, err);
	return check_identity(journal, err);
}

const struct journal_lane *
journal_lane(const struct journal *journal)
{
	return &journal->lane;
}

enum err_code
journal_accept_timeline(struct journal *journal, struct err *err)
{
	struct pgnumber rooms[4];
	struct pgrows *rows = NULL;
	int64_t system_id, timeline;

	if (pgconn_query(journal->conn, &read_identity, NULL, &rows, err) !=
	    ERR_OK)
		return err->code;
	system_id = pgrows_int(rows, 0, 0);
	timeline = pgrows_int(rows, 0, 1);
	pgrows_free(&rows);

	const struct pgvalue values[] = {
		pgvalue_int4(journal->lane.lane, &rooms[0]),
		pgvalue_int8(journal->lane.epoch, &rooms[1]),
		pgvalue_int8(system_id, &rooms[2]),
		pgvalue_int4((int32_t)timeline, &rooms[3]),
	};

	if (pgconn_query(journal->conn, &accept_identity, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	if (pgrows_count(rows) == 0) {
		pgrows_free(&rows);
		return err_set(err, ERR_LANE_LOST, "lane %d has another owner",
		               journal->lane.lane);
	}
	take_lane_row(rows, journal->lane.lane, &journal->lane);
	pgrows_free(&rows);
	journal->wants_full = true;
	return ERR_OK;
}

enum err_code
journal_release(struct journal *journal, struct err *err)
{
	struct pgnumber rooms[2];
	const struct pgvalue values[] = {
		pgvalue_int4(journal->lane.lane, &rooms[0]),
		pgvalue_int8(journal->lane.epoch, &rooms[1]),
		pgvalue_text(journal->options.daemon),
	};

	CHECK(journal->pending == NULL);
	if (pgconn_query(journal->conn, &release_lane, values, NULL, err) !=
	    ERR_OK)
		return err->code;
	crash_at(CRASH_LANE_RELEASED);
	return ERR_OK;
}

enum err_code
journal_mark_diverged(struct journal *journal, const char *reason,
                      struct err *err)
{
	struct pgnumber rooms[2];
	const struct pgvalue values[] = {
		pgvalue_int4(journal->lane.lane, &rooms[0]),
		pgvalue_int8(journal->lane.epoch, &rooms[1]),
		pgvalue_text("diverged"),
		pgvalue_text(reason),
	};

	journal->lane.is_diverged = true;
	return pgconn_query(journal->conn, &mark_lane, values, NULL, err);
}

enum err_code
journal_note(struct journal *journal, const char *reason, struct err *err)
{
	struct pgnumber rooms[2];
	const struct pgvalue values[] = {
		pgvalue_int4(journal->lane.lane, &rooms[0]),
		pgvalue_int8(journal->lane.epoch, &rooms[1]),
		pgvalue_text(reason),
	};

	CHECK(journal->pending == NULL);
	return pgconn_query(journal->conn, &note_reason, values, NULL, err);
}

enum err_code
journal_positions(struct journal *journal,
                  void (*each)(int32_t source_id, int64_t next, void *context),
                  void *context, struct err *err)
{
	struct pgnumber room;
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_int4(journal->lane.lane, &room),
	};

	if (pgconn_query(journal->conn, &read_positions, values, &rows, err) !=
	    ERR_OK)
		return err->code;
	for (int i = 0; i < pgrows_count(rows); i++)
		each((int32_t)pgrows_int(rows, i, 0), pgrows_int(rows, i, 1),
		     context);
	pgrows_free(&rows);
	return ERR_OK;
}

bool
journal_wants_full(const struct journal *journal)
{
	return journal->wants_full;
}

enum err_code
journal_send(struct journal *journal, struct batch *batch, struct err *err)
{
	const struct journal_lane *lane = &journal->lane;

	CHECK(journal->pending == NULL && batch->count > 0);
	CHECK(!lane->is_diverged);
	if (journal->conn == NULL)
		return err_set(err, ERR_POSTGRES_LOST, "not connected");
	batch_seal(batch, lane->lane, lane->incarnation, lane->commit_no + 1,
	           lane->next_seq, lane->chain, journal->digest);
	if (send_rows(journal, batch, err) != ERR_OK) {
		pgconn_close(&journal->conn);
		return err->code;
	}
	crash_at(CRASH_RECORD_SENT);
	/* From here on the outcome may be unknown. */
	journal->pending = batch;
	if (pgconn_send(journal->conn, &commit, NULL, err) == ERR_OK &&
	    pgconn_sync(journal->conn, err) == ERR_OK &&
	    pgconn_flush(journal->conn, err) == ERR_OK)
		crash_at(CRASH_RECORD_COMMIT_SENT);
	/* An error shows again when the answer is read. */
	return ERR_OK;
}

bool
journal_is_waiting(const struct journal *journal)
{
	return journal->pending != NULL;
}

bool
journal_has_answer(struct journal *journal, int64_t timeout_ms)
{
	CHECK(journal->pending != NULL);
	return pgconn_has_answer(journal->conn, timeout_ms);
}

enum err_code
journal_wait(struct journal *journal, struct err *err)
{
	enum err_code code;

	CHECK(journal->pending != NULL);
	code = read_answers(journal, err);
	if (pgconn_is_lost(journal->conn)) {
		err->code = ERR_POSTGRES_UNKNOWN;
		return err_context(err, "no answer to COMMIT");
	}
	if (code == ERR_OK && pgconn_warning_count(journal->conn) > 0)
		return err_set(err, ERR_POSTGRES_UNKNOWN,
		               "warning during COMMIT: %s",
		               pgconn_warning_text(journal->conn));
	if (code != ERR_OK) {
		journal->pending = NULL;
		roll_back(journal);
		return code;
	}
	crash_at(CRASH_RECORDED);
	move_on(journal);
	/* Where this fails the connection is lost: the next use says so. */
	if (pgconn_pipeline_end(journal->conn, err) != ERR_OK)
		*err = (struct err){ .code = ERR_OK };
	return ERR_OK;
}

enum err_code
journal_reconnect(struct journal *journal, struct err *err)
{
	struct journal_lane now;

	CHECK(journal->pending == NULL);
	if (resume(journal, &now, err) != ERR_OK)
		return err->code;
	if (now.next_seq != journal->lane.next_seq)
		return err_set(err, ERR_LANE_LOST,
		               "lane %d is at seq %lld, not %lld", now.lane,
		               (long long)now.next_seq,
		               (long long)journal->lane.next_seq);
	return ERR_OK;
}

enum err_code
journal_resolve(struct journal *journal, bool *out_recorded, struct err *err)
{
	struct journal_lane now;
	struct batch *batch = journal->pending;

	CHECK(batch != NULL);
	if (resume(journal, &now, err) != ERR_OK)
		return err->code;
	if (now.next_seq == batch->last_seq + 1 &&
	    memcmp(now.chain, batch->chain, DIGEST_SHA256_LEN) == 0) {
		for (size_t b = 0; b < batch->block_count; b++)
			batch->blocks[b].day = now.day;
		move_on(journal);
		*out_recorded = true;
		return ERR_OK;
	}
	/* At neither place: another Postgres, or an older state of this one. */
	if (now.next_seq != journal->lane.next_seq)
		return err_set(err, ERR_LANE_LOST,
		               "lane %d is at seq %lld, neither before nor "
		               "behind the batch of %lld to %lld",
		               now.lane, (long long)now.next_seq,
		               (long long)batch->first_seq,
		               (long long)batch->last_seq);
	journal->pending = NULL;
	*out_recorded = false;
	return ERR_OK;
}
