/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The message's row, its violations, its deliveries, and what its feed's
 * clusters should have got. The body is judged again before it is printed as
 * JSON, since the printer trusts its bytes.
 */
#include "gateway/look/detail.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io/pgconn.h"
#include "base/model/wire.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "contracts/contract.h"
#include "gateway/look/look.h"
#include "gateway/look/show.h"

#define BODY_JSON_MAX     ((size_t)64 * 1024 * 1024)
#define ARENA_CHUNK_BYTES 65536

static const struct pgstatement find_message = {
	.name = "detail_message",
	.sql = "select m.id, m.day::text, m.tenant, m.feed, m.verdict,"
	       " m.origin, m.source_cluster, m.source_topic,"
	       " m.source_partition, m.source_offset, m.event_time,"
	       " m.recorded_at, m.block_first_seq, (select b.count"
	       " from waybill.block b where b.day = m.day"
	       " and b.lane = m.lane and b.incarnation = m.incarnation"
	       " and b.first_seq = m.block_first_seq), m.partition,"
	       " m.contract, c.name, c.version, c.avsc, m.key, m.body,"
	       " m.headers, m.hash, r.kind, r.of_id"
	       " from waybill.message_by_id($1, $2, $3) m"
	       " left join waybill.reference_of($1, $2, $3) r on true"
	       " left join waybill.contract c on c.contract = m.contract",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8 },
};

static const struct pgstatement find_violations = {
	.name = "detail_violations",
	.sql = "select rule, path, expected, value, byte_offset"
	       " from waybill.violation_of($1, $2, $3) order by ordinal",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8 },
};

static const struct pgstatement find_deliveries = {
	.name = "detail_deliveries",
	.sql = "select cluster, kind, topic, partition, \"offset\""
	       " from waybill.delivery_of($1, $2, $3)",
	.param_count = 3,
	.types = { PGTYPE_INT4, PGTYPE_INT4, PGTYPE_INT8 },
};

/* The last three columns are nulls for who may not read routes. */
#define OUTPUTS(route_columns, route_join)                                         \
	"select o.cluster, f.output_topic, f.dead_letter_topic,"                   \
	" p.first_seq, p.reason, p.since, " route_columns                          \
	" from waybill.feed_output o"                                              \
	" join waybill.feed f on f.tenant = o.tenant and f.feed = o.feed"          \
	" left join waybill.parked p on p.cluster = o.cluster"                     \
	" and p.lane = $3 and p.tenant = o.tenant and p.feed = o.feed " route_join \
	" where o.tenant = $1 and o.feed = $2 order by o.cluster"

static const struct pgstatement find_outputs = {
	.name = "detail_outputs",
	.sql = OUTPUTS("r.state, r.reason, r.incarnation, r.seq",
	               " left join waybill.route r on r.lane = $3"
	               " and r.cluster = o.cluster"),
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4 },
};

static const struct pgstatement find_outputs_only = {
	.name = "detail_outputs_only",
	.sql = OUTPUTS("null::text, null::text, null::int4, null::int8", ""),
	.param_count = 3,
	.types = { PGTYPE_TEXT, PGTYPE_TEXT, PGTYPE_INT4 },
};

enum {
	COLUMN_ID,
	COLUMN_DAY,
	COLUMN_TENANT,
	COLUMN_FEED,
	COLUMN_VERDICT,
	COLUMN_ORIGIN,
	COLUMN_SOURCE_CLUSTER,
	COLUMN_SOURCE_TOPIC,
	COLUMN_SOURCE_PARTITION,
	COLUMN_SOURCE_OFFSET,
	COLUMN_EVENT_TIME,
	COLUMN_RECORDED_AT,
	COLUMN_BLOCK_FIRST_SEQ,
	COLUMN_BLOCK_COUNT,
	COLUMN_PARTITION,
	COLUMN_CONTRACT,
	COLUMN_CONTRACT_NAME,
	COLUMN_CONTRACT_VERSION,
	COLUMN_AVSC,
	COLUMN_KEY,
	COLUMN_BODY,
	COLUMN_HEADERS,
	COLUMN_HASH,
	COLUMN_REFERENCE_KIND,
	COLUMN_REFERENCE_ID,
};

/* -- the message ----------------------------------------------------------- */

static void
read_message(struct detail *d)
{
	const struct pgrows *m = d->message;

	d->id = pgrows_text(m, 0, COLUMN_ID);
	d->day = pgrows_text(m, 0, COLUMN_DAY);
	d->tenant = pgrows_text(m, 0, COLUMN_TENANT);
	d->feed = pgrows_text(m, 0, COLUMN_FEED);
	d->verdict = pgrows_text(m, 0, COLUMN_VERDICT);
	d->origin = pgrows_text(m, 0, COLUMN_ORIGIN);
	d->source_cluster = pgrows_text(m, 0, COLUMN_SOURCE_CLUSTER);
	d->source_topic = pgrows_text(m, 0, COLUMN_SOURCE_TOPIC);
	d->source_partition = pgrows_int(m, 0, COLUMN_SOURCE_PARTITION);
	d->source_offset = pgrows_int(m, 0, COLUMN_SOURCE_OFFSET);
	d->event_ms = pgrows_int(m, 0, COLUMN_EVENT_TIME);
	d->recorded_ms = pgrows_time_ms(m, 0, COLUMN_RECORDED_AT);
	d->block_first_seq = pgrows_int(m, 0, COLUMN_BLOCK_FIRST_SEQ);
	d->block_count = pgrows_int(m, 0, COLUMN_BLOCK_COUNT);
	d->partition = pgrows_int(m, 0, COLUMN_PARTITION);
	d->contract_id = (int32_t)pgrows_int(m, 0, COLUMN_CONTRACT);
	d->contract_name = pgrows_text(m, 0, COLUMN_CONTRACT_NAME);
	d->contract_version = pgrows_int(m, 0, COLUMN_CONTRACT_VERSION);
	d->reference_kind = pgrows_text(m, 0, COLUMN_REFERENCE_KIND);
	d->reference_id = pgrows_text(m, 0, COLUMN_REFERENCE_ID);
	d->key = pgrows_bytes(m, 0, COLUMN_KEY, &d->key_len);
	d->body = pgrows_bytes(m, 0, COLUMN_BODY, &d->body_len);
	d->headers = pgrows_bytes(m, 0, COLUMN_HEADERS, &d->headers_len);
	d->hash = pgrows_bytes(m, 0, COLUMN_HASH, &d->hash_len);
	if (pgrows_is_null(m, 0, COLUMN_KEY))
		d->key = NULL;
	if (pgrows_is_null(m, 0, COLUMN_BODY))
		d->body = NULL;
	if (pgrows_is_null(m, 0, COLUMN_HEADERS))
		d->headers = NULL;
}

/* Whether the bytes can be walked: rules of other groups leave them so. */
static bool
is_readable(const struct contract *contract, const struct detail *d)
{
	struct contract_result *result = NULL;
	struct contract_input input = {
		.key = d->key,
		.body = d->body,
		.key_len = d->key != NULL ? d->key_len : -1,
		.body_len = d->body_len,
		.headers_len = -1,
		.body_bytes_max = INT32_MAX,
	};
	struct arena arena;
	bool readable = true;

	arena_init(&arena, ARENA_CHUNK_BYTES);
	result = arena_calloc(&arena, 1, sizeof(*result));
	contract_check(contract, &input, &arena, result);
	for (size_t i = 0; i < result->violation_count; i++) {
		const char *rule = result->violations[i].rule;

		if (strncmp(rule, "frame.", 6) == 0 ||
		    strncmp(rule, "avro.", 5) == 0 ||
		    strncmp(rule, "size.", 5) == 0)
			readable = false;
	}
	arena_fini(&arena);
	return readable;
}

static void
read_body(struct detail *d, const struct contract *contract, bool raw)
{
	struct err ignored;

	d->body_is = DETAIL_BYTES;
	if (d->body == NULL) {
		d->body_is = DETAIL_TOMBSTONE;
		return;
	}
	if (contract != NULL && !raw && is_readable(contract, d) &&
	    contract_print_json(contract, d->body, d->body_len, &d->json,
	                        &ignored) == ERR_OK &&
	    !text_is_cut(&d->json))
		d->body_is = DETAIL_JSON;
	else if (!raw && d->contract_id != 0 &&
	         (contract == NULL || contract_is_sensitive(contract)))
		d->body_is = DETAIL_WITHHELD;
}

/* A contract that this program cannot compile leaves the bytes as they are. */
static void
judge(struct detail *d, bool raw)
{
	struct contract *contract = NULL;
	const char *avsc = pgrows_text(d->message, 0, COLUMN_AVSC);
	struct err ignored;

	if (avsc != NULL &&
	    contract_compile(d->contract_id, d->contract_name,
	                     (int32_t)d->contract_version, avsc, &contract,
	                     &ignored) != ERR_OK)
		contract = NULL;
	read_body(d, contract, raw);
	d->key_withheld = !raw &&
		(contract != NULL ? contract_key_is_sensitive(contract)
	                          : d->contract_id != 0);
	contract_free(&contract);
}

/* -- deliveries ------------------------------------------------------------ */

static struct detail_delivery *
add_delivery(struct detail *d)
{
	struct detail_delivery *delivery = &d->deliveries[d->delivery_count];

	CHECK(d->delivery_count < DETAIL_DELIVERIES_MAX);
	d->delivery_count++;
	*delivery = (struct detail_delivery){ .offset = -1, .partition = -1 };
	return delivery;
}

static void
read_delivered(struct detail *d)
{
	const struct pgrows *rows = d->delivered;

	for (int row = 0; row < pgrows_count(rows) &&
	     d->delivery_count < DETAIL_DELIVERIES_MAX;
	     row++) {
		struct detail_delivery *to = add_delivery(d);

		to->cluster = pgrows_text(rows, row, 0);
		to->kind = pgrows_text(rows, row, 1);
		to->topic = pgrows_text(rows, row, 2);
		to->partition = pgrows_int(rows, row, 3);
		to->offset = pgrows_int(rows, row, 4);
		to->state = to->offset >= 0 ? DETAIL_DELIVERED : DETAIL_PASSED;
	}
}

static bool
is_delivered(const struct detail *d, const char *cluster)
{
	for (size_t i = 0; i < d->delivery_count; i++) {
		if (strcmp(d->deliveries[i].cluster, cluster) == 0 &&
		    strcmp(d->deliveries[i].kind, "replay") != 0)
			return true;
	}
	return false;
}

/* Why a message is not on a cluster, from the cluster's row of outputs. */
static void
read_waiting(const struct detail *d, int row, struct detail_delivery *to)
{
	const struct pgrows *rows = d->outputs;
	const char *state = pgrows_text(rows, row, 6);
	const char *reason = pgrows_text(rows, row, 7);
	char behind[SHOW_COUNT_MAX];
	int64_t seq = pgrows_int(rows, row, 9);

	if (!pgrows_is_null(rows, row, 3) &&
	    pgrows_int(rows, row, 3) < d->seq) {
		to->state = DETAIL_PARKED;
		to->since_ms = pgrows_time_ms(rows, row, 5);
		snprintf(to->reason, sizeof(to->reason), "%s",
		         pgrows_text(rows, row, 4));
		return;
	}
	to->state = DETAIL_WAITING;
	if (state == NULL)
		return;
	if (!pgrows_is_null(rows, row, 9) &&
	    pgrows_int(rows, row, 8) == d->incarnation) {
		if (seq >= d->seq) {
			to->state = DETAIL_PASSED;
			return;
		}
		snprintf(to->reason, sizeof(to->reason),
		         "the route is %s, %s of its lane before it%s%s", state,
		         show_count(d->seq - seq - 1, behind),
		         reason != NULL ? ": " : "",
		         reason != NULL ? reason : "");
		return;
	}
	snprintf(to->reason, sizeof(to->reason), "the route is %s%s%s", state,
	         reason != NULL ? ": " : "", reason != NULL ? reason : "");
}

static void
read_outputs(struct detail *d)
{
	bool accepted = strcmp(d->verdict, "accepted") == 0;
	bool rejected = strcmp(d->verdict, "rejected") == 0 ||
		strcmp(d->verdict, "conflict") == 0;

	for (int row = 0; row < pgrows_count(d->outputs) &&
	     d->delivery_count < DETAIL_DELIVERIES_MAX;
	     row++) {
		const char *cluster = pgrows_text(d->outputs, row, 0);
		struct detail_delivery *to;

		if (is_delivered(d, cluster))
			continue;
		to = add_delivery(d);
		to->cluster = cluster;
		to->kind = rejected ? "dead-letter" : "output";
		to->topic = pgrows_text(d->outputs, row, rejected ? 2 : 1);
		if (accepted || rejected)
			read_waiting(d, row, to);
		else
			to->state = DETAIL_UNASKED;
	}
}

static enum err_code
load_deliveries(struct look *look, const struct pgvalue *id, struct detail *d,
                struct err *err)
{
	struct pgnumber lane;
	struct pgvalue feed[3] = { pgvalue_text(d->tenant),
		                   pgvalue_text(d->feed),
		                   pgvalue_int4(d->lane, &lane) };

	if (pgconn_query(look->conn, &find_deliveries, id, &d->delivered,
	                 err) != ERR_OK)
		return err->code;
	if (pgconn_query(look->conn,
	                 look_may_read(look, "route") ? &find_outputs
	                                              : &find_outputs_only,
	                 feed, &d->outputs, err) != ERR_OK)
		return err->code;
	read_delivered(d);
	read_outputs(d);
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
detail_load(struct look *look, int lane, int incarnation, int64_t seq, bool raw,
            struct detail *out, struct err *err)
{
	struct pgnumber rooms[3];
	struct pgvalue id[3] = { pgvalue_int4(lane, &rooms[0]),
		                 pgvalue_int4(incarnation, &rooms[1]),
		                 pgvalue_int8(seq, &rooms[2]) };

	*out = (struct detail){ .lane = lane,
		                .incarnation = incarnation,
		                .seq = seq };
	text_init(&out->json, BODY_JSON_MAX);
	if (pgconn_query(look->conn, &find_message, id, &out->message, err) !=
	    ERR_OK)
		goto failed;
	if (pgrows_count(out->message) == 0) {
		err_set(err, ERR_NOT_FOUND,
		        "there is no message %d-%d-%" PRId64
		        " that role \"%s\" may see",
		        lane, incarnation, seq, look->user);
		goto failed;
	}
	read_message(out);
	judge(out, raw);
	if (pgconn_query(look->conn, &find_violations, id, &out->violations,
	                 err) != ERR_OK)
		goto failed;
	if (load_deliveries(look, id, out, err) != ERR_OK)
		goto failed;
	return ERR_OK;
failed:
	detail_free(out);
	return err->code;
}

void
detail_free(struct detail *detail)
{
	text_fini(&detail->json);
	pgrows_free(&detail->message);
	pgrows_free(&detail->violations);
	pgrows_free(&detail->delivered);
	pgrows_free(&detail->outputs);
}

const char *
detail_state_name(enum detail_state state)
{
	static const char *const names[] = {
		[DETAIL_DELIVERED] = "delivered", [DETAIL_PASSED] = "passed",
		[DETAIL_PARKED] = "parked",       [DETAIL_WAITING] = "waiting",
		[DETAIL_UNASKED] = "none",
	};

	return names[state];
}

bool
detail_each_header(const struct detail *detail,
                   void (*each)(void *context, const uint8_t *name,
                                int name_len, const uint8_t *value,
                                int value_len),
                   void *context)
{
	const uint8_t *at = detail->headers;
	const uint8_t *end = at + (at != NULL ? detail->headers_len : 0);

	while (at < end) {
		const uint8_t *name, *value;
		int name_len, value_len;

		if (end - at < 4)
			return false;
		name_len = wire_get_int4(at);
		name = at + 4;
		if (name_len < 0 || end - name < (ptrdiff_t)name_len + 4)
			return false;
		value_len = wire_get_int4(name + name_len);
		value = name + name_len + 4;
		if (value_len < -1 || end - value < value_len)
			return false;
		each(context, name, name_len, value_len < 0 ? NULL : value,
		     value_len < 0 ? 0 : value_len);
		at = value + (value_len < 0 ? 0 : value_len);
	}
	return true;
}
