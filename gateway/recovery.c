/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps three to seven of recovery. Each is a function; recovery_find_progress
 * reads as the list in the design.
 */
#include "gateway/recovery.h"

#include <string.h>

#include "base/io/kcluster.h"
#include "base/io/kconsumer.h"
#include "base/io/pgconn.h"
#include "base/model/journal_reader.h"
#include "base/model/route.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"

#define TAIL_RECORDS 16
#define TAIL_WIDEN   16
#define POLL_MS      100

static const struct pgstatement read_owner = {
	.name = "recovery_read_owner",
	.sql = "select epoch, coalesce(owner, '') from waybill.lane"
	       " where lane = $1",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};

/* Step 3: the end of the progress partition, once nothing dangles below it. */
static enum err_code
wait_for_stable_end(const struct recovery *r, const char *topic,
                    int64_t *out_low, int64_t *out_high, struct err *err)
{
	int64_t deadline = clock_now_us() + r->timeout_ms * 1000;
	int64_t low = 0, high = 0, stable = 0;

	if (kcluster_watermarks(r->cluster, topic, r->lane, false,
	                        r->timeout_ms, &low, &high, err) != ERR_OK)
		return err->code;
	for (;;) {
		if (kcluster_watermarks(r->cluster, topic, r->lane, true,
		                        r->timeout_ms, &low, &stable,
		                        err) != ERR_OK)
			return err->code;
		if (stable >= high)
			break;
		if (clock_now_us() > deadline)
			return err_set(err, ERR_PROGRESS_BLOCKED,
			               "partition %d of %s is stable up to "
			               "%lld only, not %lld: a transaction "
			               "dangles",
			               r->lane, topic, (long long)stable,
			               (long long)high);
		clock_sleep_ms(POLL_MS);
	}
	*out_low = low;
	*out_high = high;
	return ERR_OK;
}

struct tail {
	const char *deployment;
	int lane;
	struct progress *last;
	bool found;
	bool bad;
	struct err err;
};

static bool
keep_last(const struct kmessage *message, void *context)
{
	struct tail *tail = context;

	if (message->body == NULL)
		return true;
	if (progress_parse(message->body, (size_t)message->body_len,
	                   tail->deployment, tail->last,
	                   &tail->err) != ERR_OK ||
	    tail->last->lane != tail->lane) {
		tail->bad = true;
		return false;
	}
	tail->found = true;
	return true;
}

/* Step 4: the last record, looking back further until there is one. */
static enum err_code
read_last(const struct recovery *r, const char *topic, int64_t low,
          int64_t high, struct progress *out, bool *out_found, struct err *err)
{
	struct tail tail = { .deployment = r->deployment,
		             .lane = r->lane,
		             .last = out };

	for (int64_t back = TAIL_RECORDS;; back *= TAIL_WIDEN) {
		int64_t from = high - back > low ? high - back : low;

		if (from < high &&
		    kcluster_read(r->cluster, topic, r->lane, from, high, true,
		                  r->timeout_ms, keep_last, &tail,
		                  err) != ERR_OK)
			return err->code;
		if (tail.bad) {
			*err = tail.err;
			return err_set(err, ERR_DIVERGED,
			               "partition %d of %s holds what this "
			               "deployment did not write",
			               r->lane, topic);
		}
		if (tail.found || from == low)
			break;
	}
	*out_found = tail.found;
	return ERR_OK;
}

/* Step 5: no record is legal only where nothing was ever delivered. */
static enum err_code
judge_nothing(const struct recovery *r, struct progress *out, struct err *err)
{
	bool ever = false;

	if (route_ever_delivered(r->conn, r->lane, r->cluster_name, &ever,
	                         err) != ERR_OK)
		return err->code;
	if (ever)
		return err_set(err, ERR_DIVERGED,
		               "cluster %s has no progress record of lane %d, "
		               "but was delivered to before",
		               r->cluster_name, r->lane);
	*out = (struct progress){ .lane = r->lane, .incarnation = 1 };
	return ERR_OK;
}

/* Also step 7: the lease, asked once more. A daemon's name is unique to its
   process, so the owner tells more than the epoch, which also grows when the
   same owner goes on after a lost connection. */
static enum err_code
check_owner(const struct recovery *r, int64_t *out_epoch, struct err *err)
{
	struct pgnumber room;
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = { pgvalue_int4(r->lane, &room) };
	bool is_mine;

	if (pgconn_query(r->conn, &read_owner, values, &rows, err) != ERR_OK)
		return err->code;
	CHECK(pgrows_count(rows) == 1);
	*out_epoch = pgrows_int(rows, 0, 0);
	is_mine = strcmp(pgrows_text(rows, 0, 1), r->daemon) == 0;
	pgrows_free(&rows);
	if (!is_mine)
		return err_set(err, ERR_LANE_LOST,
		               "lane %d has another owner at epoch %lld",
		               r->lane, (long long)*out_epoch);
	return ERR_OK;
}

/* Step 6: is it a past of ours? */
static enum err_code
judge_record(const struct recovery *r, const struct progress *p,
             struct err *err)
{
	struct journal_reader *reader;
	uint8_t chain[DIGEST_SHA256_LEN];
	enum err_code code;
	int64_t epoch = 0;

	if (check_owner(r, &epoch, err) != ERR_OK)
		return err->code;
	if (p->epoch > epoch)
		return err_set(err, ERR_DIVERGED,
		               "cluster %s was written to by epoch %lld of "
		               "lane %d, Postgres knows %lld: it was rolled "
		               "back",
		               r->cluster_name, (long long)p->epoch, r->lane,
		               (long long)epoch);
	reader = journal_reader_new(r->conn, r->lane, p->incarnation);
	code = journal_reader_chain(reader, p->seq, chain, err);
	journal_reader_free(&reader);
	if (code == ERR_OK && memcmp(chain, p->chain, sizeof(chain)) == 0)
		return ERR_OK;
	if (code != ERR_OK && code != ERR_NOT_FOUND)
		return code;
	return err_set(err, ERR_DIVERGED,
	               "cluster %s has %d-%d-%lld, which is %s in the journal",
	               r->cluster_name, r->lane, p->incarnation,
	               (long long)p->seq,
	               code == ERR_OK ? "another one" : "not");
}

/* -- public ---------------------------------------------------------------- */

enum err_code
recovery_check_owner(const struct recovery *r, struct err *err)
{
	int64_t epoch = 0;

	return check_owner(r, &epoch, err);
}

enum err_code
recovery_find_progress(const struct recovery *r, struct progress *out,
                       bool *out_found, struct err *err)
{
	char topic[PROGRESS_TOPIC_MAX];
	int64_t low = 0, high = 0, epoch = 0;

	progress_topic(r->deployment, topic);
	if (wait_for_stable_end(r, topic, &low, &high, err) != ERR_OK ||
	    read_last(r, topic, low, high, out, out_found, err) != ERR_OK)
		return err->code;
	if (!*out_found) {
		if (judge_nothing(r, out, err) != ERR_OK)
			return err->code;
	} else if (judge_record(r, out, err) != ERR_OK) {
		return err->code;
	}
	return check_owner(r, &epoch, err);
}
