/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables source and source_gap.
 */
#include "base/model/source.h"

#include <stdio.h>
#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "base/model/deployment.h"
#include "base/model/message.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define SALT_KEY_BYTES 32

static const struct pgstatement take_source = {
	.name = "source_take",
	.sql = "select waybill.source_take('kafka', $1, $2, $3, $4, $5, $6)",
	.param_count = 6,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4,
	           PGTYPE_TEXT, PGTYPE_TEXT },
};

enum {
	COLUMN_CLUSTER_ID,
	COLUMN_HAS_GAP,
	COLUMN_LANE,
	COLUMN_INCARNATION,
	COLUMN_SEQ,
	COLUMN_CONTRACT,
	COLUMN_VERDICT,
	COLUMN_PLACE,
	COLUMN_SALT,
	COLUMN_HASH,
};

static const struct pgstatement recall = {
	.name = "source_recall",
	.sql = "select cluster_id, has_gap, lane, incarnation, seq, contract,"
	       " verdict, place, salt, hash"
	       " from waybill.source_standing($1, $2) order by no",
	.param_count = 2,
	.types = { PGTYPE_INT4_ARRAY, PGTYPE_INT8_ARRAY },
};

static const struct pgstatement confirm = {
	.name = "source_confirm",
	.sql = "select waybill.source_confirm($1, $2)",
	.param_count = 2,
	.types = { PGTYPE_INT4, PGTYPE_TEXT },
};

static const struct pgstatement take_own = {
	.name = "source_take_own",
	.sql = "select waybill.source_take_own($1, $2, $3, $4)",
	.param_count = 4,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_TEXT },
};

static const struct pgstatement insert_gap = {
	.name = "source_record_gap",
	.sql = "insert into waybill.source_gap"
	       " (source, lane, wanted, low, reason)"
	       " values ($1, $2, $3, $4, $5)"
	       " on conflict (source) do nothing",
	.param_count = 5,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8, PGTYPE_INT8,
	           PGTYPE_TEXT },
};

/* The salt of the message at place, out of what its block has. */
static bool
salt_of(const struct pgrows *rows, int row, uint8_t *out)
{
	size_t place = (size_t)pgrows_int(rows, row, COLUMN_PLACE) - 1;
	int len = 0;
	const uint8_t *salt = pgrows_bytes(rows, row, COLUMN_SALT, &len);
	uint8_t *stream;

	if (len == MESSAGE_SALT_BYTES) {
		memcpy(out, salt, MESSAGE_SALT_BYTES);
		return true;
	}
	if (len != SALT_KEY_BYTES)
		return false; /* it is forgotten */
	stream = memory_alloc((place + 1) * MESSAGE_SALT_BYTES);
	digest_keystream(salt, stream, (place + 1) * MESSAGE_SALT_BYTES);
	memcpy(out, stream + place * MESSAGE_SALT_BYTES, MESSAGE_SALT_BYTES);
	memory_release(stream);
	return true;
}

static void
fill_standing(const struct pgrows *rows, int row, struct source_standing *out)
{
	const char *cluster_id = pgrows_text(rows, row, COLUMN_CLUSTER_ID);
	const uint8_t *hash;
	int len = 0;

	snprintf(out->cluster_id, sizeof(out->cluster_id), "%s",
	         cluster_id == NULL ? "" : cluster_id);
	out->has_gap = pgrows_bool(rows, row, COLUMN_HAS_GAP);
	out->has_record = !pgrows_is_null(rows, row, COLUMN_SEQ) &&
		salt_of(rows, row, out->salt);
	if (!out->has_record)
		return;
	out->lane = (int)pgrows_int(rows, row, COLUMN_LANE);
	out->incarnation = (int)pgrows_int(rows, row, COLUMN_INCARNATION);
	out->seq = pgrows_int(rows, row, COLUMN_SEQ);
	out->contract = (int32_t)pgrows_int(rows, row, COLUMN_CONTRACT);
	out->verdict = (enum verdict)pgrows_int(rows, row, COLUMN_VERDICT);
	hash = pgrows_bytes(rows, row, COLUMN_HASH, &len);
	CHECK(len == DIGEST_SHA256_LEN);
	memcpy(out->hash, hash, DIGEST_SHA256_LEN);
}

/* -- public ---------------------------------------------------------------- */

enum err_code
source_take(struct pgconn *conn, const struct feed *feed,
            const char *cluster_id, int partition, int32_t *out_id,
            struct err *err)
{
	struct pgnumber room;
	struct pgrows *rows = NULL;
	const struct pgvalue values[] = {
		pgvalue_text(feed->input_cluster->name),
		/* Not known is no id, or a later one would be another. */
		pgvalue_text(cluster_id[0] == '\0' ? NULL : cluster_id),
		pgvalue_text(feed->input_topic),
		pgvalue_int4(partition, &room),
		pgvalue_text(feed->tenant),
		pgvalue_text(feed->name),
	};

	if (pgconn_query(conn, &take_source, values, &rows, err) != ERR_OK)
		return err_context(err, "topic %s", feed->input_topic);
	CHECK(pgrows_count(rows) == 1);
	*out_id = (int32_t)pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	CHECK(*out_id > 0);
	return ERR_OK;
}

enum err_code
source_recall(struct pgconn *conn, struct source_standing *standings,
              size_t count, struct err *err)
{
	struct pgarray ids = { 0 }, offsets = { 0 };
	struct pgrows *rows = NULL;
	struct pgvalue values[2];

	if (count == 0)
		return ERR_OK;
	pgarray_begin(&ids, PGTYPE_INT4);
	pgarray_begin(&offsets, PGTYPE_INT8);
	for (size_t i = 0; i < count; i++) {
		pgarray_add_int4(&ids, standings[i].source_id);
		pgarray_add_int8(&offsets, standings[i].offset);
	}
	values[0] = pgarray_end(&ids);
	values[1] = pgarray_end(&offsets);
	if (pgconn_query(conn, &recall, values, &rows, err) == ERR_OK) {
		CHECK((size_t)pgrows_count(rows) == count);
		for (size_t i = 0; i < count; i++)
			fill_standing(rows, (int)i, &standings[i]);
	}
	pgrows_free(&rows);
	pgarray_fini(&ids);
	pgarray_fini(&offsets);
	return err->code;
}

bool
source_is_recorded(const struct source_standing *standing,
                   struct message *message, struct digest *digest)
{
	uint8_t hash[DIGEST_SHA256_LEN];

	CHECK(standing->has_record);
	message->seq = standing->seq;
	message->contract = standing->contract;
	message->verdict = standing->verdict;
	message_hash(digest, standing->salt, standing->lane,
	             standing->incarnation, message, hash);
	return memcmp(hash, standing->hash, sizeof(hash)) == 0;
}

enum err_code
source_confirm(struct pgconn *conn, int32_t source_id, const char *cluster_id,
               struct err *err)
{
	struct pgnumber room;
	const struct pgvalue values[] = {
		pgvalue_int4(source_id, &room),
		pgvalue_text(cluster_id[0] == '\0' ? NULL : cluster_id),
	};

	return pgconn_query(conn, &confirm, values, NULL, err);
}

enum err_code
source_take_own(struct pgconn *conn, int kind, const char *name,
                const struct feed *feed, int32_t *out_id, struct err *err)
{
	static const char *const kinds[] = {
		[MESSAGE_ORIGIN_REST] = "rest",
		[MESSAGE_ORIGIN_FILE] = "file",
		[MESSAGE_ORIGIN_PLAN] = "plan",
	};
	struct pgrows *rows = NULL;

	CHECK(kind >= MESSAGE_ORIGIN_REST && kind <= MESSAGE_ORIGIN_PLAN);

	const struct pgvalue values[] = {
		pgvalue_text(kinds[kind]),
		pgvalue_text(name),
		pgvalue_text(feed->tenant),
		pgvalue_text(feed->name),
	};

	if (pgconn_query(conn, &take_own, values, &rows, err) != ERR_OK)
		return err_context(err, "source of %s/%s", feed->tenant,
		                   feed->name);
	CHECK(pgrows_count(rows) == 1);
	*out_id = (int32_t)pgrows_int(rows, 0, 0);
	pgrows_free(&rows);
	CHECK(*out_id > 0);
	return ERR_OK;
}

enum err_code
source_record_gap(struct pgconn *conn, int32_t source_id, int lane,
                  int64_t wanted, int64_t low, const char *reason,
                  struct err *err)
{
	struct pgnumber rooms[4];
	const struct pgvalue values[] = {
		pgvalue_int4(source_id, &rooms[0]),
		pgvalue_int4(lane, &rooms[1]),
		pgvalue_int8(wanted, &rooms[2]),
		pgvalue_int8(low, &rooms[3]),
		pgvalue_text(reason),
	};

	return pgconn_query(conn, &insert_gap, values, NULL, err);
}
