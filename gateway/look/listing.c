/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a key may be shown says the contract that judged the message.
 */
#include "gateway/look/listing.h"

#include "base/io/pgconn.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "gateway/look/look.h"
#include "gateway/look/show.h"

#define KEY_SHOWN_MAX 4096

enum {
	COLUMN_CONTRACT = LISTING_COLUMN_COUNT,
	COLUMN_LANE,
	COLUMN_INCARNATION,
	COLUMN_SEQ,
};

static const struct table_column columns[LISTING_COLUMN_COUNT] = {
	[LISTING_ID] = { "id", "MESSAGE", TABLE_TEXT },
	[LISTING_RECORDED_AT] = { "recorded_at", "RECORDED", TABLE_TIME },
	[LISTING_TENANT] = { "tenant", "TENANT", TABLE_TEXT },
	[LISTING_FEED] = { "feed", "FEED", TABLE_TEXT },
	[LISTING_VERDICT] = { "verdict", "VERDICT", TABLE_TEXT },
	[LISTING_KEY] = { "key", "KEY", TABLE_TEXT },
	[LISTING_SOURCE_CLUSTER] = { "source_cluster", NULL, TABLE_TEXT },
	[LISTING_SOURCE_TOPIC] = { "source_topic", "FROM", TABLE_TEXT },
	[LISTING_SOURCE_PARTITION] = { "source_partition", "PARTITION",
	                               TABLE_NUMBER },
	[LISTING_SOURCE_OFFSET] = { "source_offset", "OFFSET", TABLE_NUMBER },
	[LISTING_EVENT_TIME] = { "event_time", NULL, TABLE_TIME },
	[LISTING_BYTES] = { "body_bytes", "BYTES", TABLE_COUNT },
	[LISTING_RULES] = { "rules", "RULE", TABLE_WORDS },
};

static const struct pgstatement find_contract = {
	.name = "listing_contract",
	.sql = "select name, version, avsc from waybill.contract"
	       " where contract = $1",
	.param_count = 1,
	.types = { PGTYPE_INT4 },
};

static enum err_code
ask_contract(struct look *look, int32_t id, bool *out_withheld, struct err *err)
{
	struct pgnumber room;
	struct pgvalue value = pgvalue_int4(id, &room);
	struct contract *contract = NULL;
	struct pgrows *rows = NULL;
	struct err ignored;

	if (pgconn_query(look->conn, &find_contract, &value, &rows, err) !=
	    ERR_OK)
		return err->code;
	*out_withheld = true;
	if (pgrows_count(rows) == 1 &&
	    contract_compile(id, pgrows_text(rows, 0, 0),
	                     (int32_t)pgrows_int(rows, 0, 1),
	                     pgrows_text(rows, 0, 2), &contract,
	                     &ignored) == ERR_OK) {
		*out_withheld = contract_key_is_sensitive(contract);
		contract_free(&contract);
	}
	pgrows_free(&rows);
	return ERR_OK;
}

/* With more contracts than there is room for, the last place is shared. */
static enum err_code
key_is_withheld(struct listing *listing, struct look *look, int32_t id,
                bool *out, struct err *err)
{
	size_t at = listing->contract_count;

	*out = false;
	if (listing->raw || id == 0)
		return ERR_OK;
	for (size_t i = 0; i < listing->contract_count; i++) {
		if (listing->contracts[i].id == id) {
			*out = listing->contracts[i].withheld;
			return ERR_OK;
		}
	}
	if (ask_contract(look, id, out, err) != ERR_OK)
		return err->code;
	if (at == LISTING_CONTRACTS_MAX)
		at--;
	listing->contracts[at].id = id;
	listing->contracts[at].withheld = *out;
	listing->contract_count = at + 1;
	return ERR_OK;
}

static void
set_key(struct table *table, const struct pgrows *rows, int row, bool withheld)
{
	struct text shown;
	int len;
	const uint8_t *key = pgrows_bytes(rows, row, LISTING_KEY, &len);

	if (key == NULL)
		return;
	text_init(&shown, KEY_SHOWN_MAX);
	if (withheld)
		text_add(&shown, "(redacted)");
	else
		show_bytes(&shown, key, (size_t)len);
	table_text(table, LISTING_KEY, text_string(&shown));
	text_fini(&shown);
}

static void
set_texts(struct table *table, const struct pgrows *rows, int row)
{
	static const int texts[] = {
		LISTING_ID,          LISTING_TENANT,  LISTING_FEED,
		LISTING_RULES,       LISTING_VERDICT, LISTING_SOURCE_CLUSTER,
		LISTING_SOURCE_TOPIC
	};
	static const int numbers[] = { LISTING_SOURCE_PARTITION,
		                       LISTING_SOURCE_OFFSET,
		                       LISTING_EVENT_TIME, LISTING_BYTES };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		table_text(table, (size_t)texts[i],
		           pgrows_text(rows, row, texts[i]));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!pgrows_is_null(rows, row, numbers[i]))
			table_number(table, (size_t)numbers[i],
			             pgrows_int(rows, row, numbers[i]));
	}
	table_number(table, LISTING_RECORDED_AT,
	             pgrows_time_ms(rows, row, LISTING_RECORDED_AT));
}

static enum err_code
add_row(struct listing *listing, struct look *look, const struct pgrows *rows,
        int row, struct err *err)
{
	bool withheld;

	if (key_is_withheld(listing, look,
	                    (int32_t)pgrows_int(rows, row, COLUMN_CONTRACT),
	                    &withheld, err) != ERR_OK)
		return err->code;
	table_row(&listing->table);
	set_texts(&listing->table, rows, row);
	set_key(&listing->table, rows, row, withheld);
	listing->places = memory_realloc(
		listing->places,
		(listing->place_count + 1) * sizeof(*listing->places));
	listing->places[listing->place_count++] = (struct listing_place){
		.lane = (int)pgrows_int(rows, row, COLUMN_LANE),
		.incarnation = (int)pgrows_int(rows, row, COLUMN_INCARNATION),
		.seq = pgrows_int(rows, row, COLUMN_SEQ),
	};
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

void
listing_init(struct listing *listing, bool raw)
{
	*listing = (struct listing){ .raw = raw };
	table_init(&listing->table, columns, LISTING_COLUMN_COUNT);
}

void
listing_fini(struct listing *listing)
{
	table_fini(&listing->table);
	memory_free(&listing->places);
	listing->place_count = 0;
}

void
listing_clear(struct listing *listing)
{
	listing_fini(listing);
	table_init(&listing->table, columns, LISTING_COLUMN_COUNT);
}

enum err_code
listing_add(struct listing *listing, struct look *look,
            const struct pgstatement *statement, const struct pgvalue *values,
            size_t rows_max, bool *out_left, struct err *err)
{
	struct pgrows *rows = NULL;
	enum err_code code = ERR_OK;

	if (pgconn_query(look->conn, statement, values, &rows, err) != ERR_OK)
		return err->code;
	CHECK(pgrows_columns(rows) == COLUMN_SEQ + 1);
	*out_left = (size_t)pgrows_count(rows) > rows_max;
	for (int row = 0; code == ERR_OK && row < pgrows_count(rows) &&
	     (size_t)row < rows_max;
	     row++)
		code = add_row(listing, look, rows, row, err);
	pgrows_free(&rows);
	return code;
}
