/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of feeds and the bodies, field by field in the order of the
 * schemas in deploy/.
 */
#include "examples/orange-juice/oj_feed.h"

#include <stdio.h>
#include <string.h>

#define KEY_SEPARATOR "\x1F"

static const double LITRES_PER_OUNCE = 0.0295735295625;
static const int64_t DAY_MS = 86400000;

static const char *
text_of(const struct oj_flaw *flaw, const char *own)
{
	return flaw->description != NULL ? flaw->description : own;
}

static size_t
us_sales_key(const struct oj_week *week, char *key, size_t size)
{
	return (size_t)snprintf(key, size, "%d" KEY_SEPARATOR "%d", week->store,
	                        week->item);
}

static void
us_sales_body(const struct oj_week *week, const struct oj_flaw *flaw,
              struct oj_avro *out)
{
	bool known = week->margin > 0;

	oj_avro_long(out, week->store);
	oj_avro_long(out, week->item);
	oj_avro_string(out, text_of(flaw, oj_week_item(week->item)->name_en));
	oj_avro_long(out, week->week);
	oj_avro_long(out, oj_week_ending(week->week));
	oj_avro_long(out, week->units);
	oj_avro_decimal(out, week->price_cents);
	oj_avro_boolean(out, week->deal);
	oj_avro_double(out, (double)week->feature);
	oj_avro_long(out, (known ? 1 : 0) + flaw->index_shift);
	if (known)
		oj_avro_float(out, week->margin);
}

static size_t
us_inventory_key(const struct oj_week *week, char *key, size_t size)
{
	return (size_t)snprintf(key, size, "%d", week->store);
}

static void
us_inventory_body(const struct oj_week *week, const struct oj_flaw *flaw,
                  struct oj_avro *out)
{
	const struct oj_stock *stock = &week->stock;
	int32_t regular = stock->received - stock->expedited;
	int64_t receipts = (regular > 0) + (stock->expedited > 0);
	bool due = stock->on_order > 0;

	oj_avro_long(out, week->store);
	oj_avro_long(out, week->item);
	oj_avro_string(out, text_of(flaw, oj_week_item(week->item)->name_en));
	oj_avro_long(out, oj_week_ending(week->week));
	oj_avro_long(out, stock->on_hand);
	oj_avro_long(out, stock->on_order);
	oj_avro_long(out, stock->order_up_to);
	if (receipts > 0)
		oj_avro_long(out, receipts);
	if (regular > 0) {
		oj_avro_long(out, regular);
		oj_avro_boolean(out, false);
	}
	if (stock->expedited > 0) {
		oj_avro_long(out, stock->expedited);
		oj_avro_boolean(out, true);
	}
	oj_avro_long(out, 0); /* the end of the array */
	oj_avro_long(out, (due ? 1 : 0) + flaw->index_shift);
	if (due)
		oj_avro_long(out, oj_week_ending(week->week + 1));
}

static size_t
ca_sales_key(const struct oj_week *week, char *key, size_t size)
{
	return (size_t)snprintf(key, size, "S%04d", week->store);
}

static void
ca_codes(const struct oj_week *week, struct oj_avro *out)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "S%04d", week->store);
	oj_avro_string(out, text);
	(void)snprintf(text, sizeof(text), "JO-%02d", week->item);
	oj_avro_string(out, text);
}

static void
ca_sales_body(const struct oj_week *week, const struct oj_flaw *flaw,
              struct oj_avro *out)
{
	const struct oj_item *item = oj_week_item(week->item);
	bool featured = week->feature > 0;

	ca_codes(week, out);
	oj_avro_string(out, item->name_en);
	oj_avro_string(out, text_of(flaw, item->name_fr));
	oj_avro_long(out, oj_week_ending(week->week) * DAY_MS);
	oj_avro_long(out, week->units);
	oj_avro_long(out, 0 + flaw->index_shift); /* EACH */
	oj_avro_double(out, week->units * item->ounces * LITRES_PER_OUNCE);
	oj_avro_long(out, week->price_cents);
	if (!week->deal && !featured) {
		oj_avro_long(out, 0);
		return;
	}
	oj_avro_long(out, 1);
	oj_avro_long(out, !featured ? 0 : !week->deal ? 1 : 2);
	oj_avro_float(out, week->feature);
}

static size_t
ca_inventory_key(const struct oj_week *week, char *key, size_t size)
{
	return (size_t)snprintf(key, size, "S%04d" KEY_SEPARATOR "JO-%02d",
	                        week->store, week->item);
}

static void
ca_inventory_body(const struct oj_week *week, const struct oj_flaw *flaw,
                  struct oj_avro *out)
{
	const struct oj_stock *stock = &week->stock;
	const struct {
		const char *name;
		int32_t units;
	} balances[] = {
		{ "onHand", stock->on_hand },
		{ "onOrder", stock->on_order },
		{ "orderUpTo", stock->order_up_to },
		{ "received", stock->received },
	};

	ca_codes(week, out);
	oj_avro_long(out, week->week);
	oj_avro_long(out, oj_week_ending(week->week) * DAY_MS);
	oj_avro_string(out, text_of(flaw, oj_week_item(week->item)->name_fr));
	oj_avro_long(out, 0 + flaw->index_shift); /* EACH */
	oj_avro_long(out, sizeof(balances) / sizeof(balances[0]));
	for (size_t i = 0; i < sizeof(balances) / sizeof(balances[0]); i++) {
		oj_avro_string(out, balances[i].name);
		oj_avro_long(out, balances[i].units);
	}
	oj_avro_long(out, 0); /* the end of the map */
}

static const struct oj_feed FEEDS[OJ_FEEDS] = {
	[OJ_FEED_US_SALES] = { "us", "sales", "us.sales.in", "us.sales",
	                       "us.sales.dead", "us/sales.avsc",
	                       OJ_FRAMING_CONFLUENT, 1001, 512, false,
	                       us_sales_key, us_sales_body },
	[OJ_FEED_US_INVENTORY] = { "us", "inventory", "us.inventory.in",
	                           "us.inventory", "us.inventory.dead",
	                           "us/inventory.avsc", OJ_FRAMING_RAW, 0, 1024,
	                           false, us_inventory_key, us_inventory_body },
	[OJ_FEED_CA_SALES] = { "ca", "sales", "ca.sales.in", "ca.sales",
	                       "ca.sales.dead", "ca/sales.avsc",
	                       OJ_FRAMING_SINGLE_OBJECT,
	                       UINT64_C(0x29333D9CBFE97778), 1024, false,
	                       ca_sales_key, ca_sales_body },
	[OJ_FEED_CA_INVENTORY] = { "ca", "inventory", "ca.inventory.in",
	                           "ca.inventory", "ca.inventory.dead",
	                           "ca/inventory.avsc", OJ_FRAMING_CONFLUENT,
	                           2002, 2048, true, ca_inventory_key,
	                           ca_inventory_body },
};

static void
frame_write(const struct oj_feed *feed, uint64_t id, struct oj_avro *out)
{
	uint8_t confluent[5] = { 0x00 };
	uint8_t single[10] = { 0xC3, 0x01 };

	switch (feed->framing) {
	case OJ_FRAMING_RAW:
		break;
	case OJ_FRAMING_CONFLUENT:
		for (int i = 0; i < 4; i++)
			confluent[1 + i] = (uint8_t)(id >> (24 - 8 * i));
		oj_avro_raw(out, confluent, sizeof(confluent));
		break;
	case OJ_FRAMING_SINGLE_OBJECT:
		for (int i = 0; i < 8; i++)
			single[2 + i] = (uint8_t)(id >> (8 * i));
		oj_avro_raw(out, single, sizeof(single));
		break;
	}
}

/* -- public -------------------------------------------------------------- */

const struct oj_feed *
oj_feed_get(enum oj_feed_id id)
{
	return &FEEDS[id];
}

const struct oj_feed *
oj_feed_of_topic(const char *topic)
{
	for (size_t i = 0; i < OJ_FEEDS; i++) {
		if (strcmp(topic, FEEDS[i].topic_in) == 0 ||
		    strcmp(topic, FEEDS[i].topic_out) == 0 ||
		    strcmp(topic, FEEDS[i].topic_dead) == 0)
			return &FEEDS[i];
	}
	return NULL;
}

enum oj_feed_id
oj_feed_of_tenant(int tenant, bool inventory)
{
	return (enum oj_feed_id)(2 * tenant + (inventory ? 1 : 0));
}

size_t
oj_feed_frame_size(const struct oj_feed *feed)
{
	return feed->framing == OJ_FRAMING_RAW          ? 0
		: feed->framing == OJ_FRAMING_CONFLUENT ? 5
							: 10;
}

size_t
oj_feed_key(const struct oj_feed *feed, const struct oj_week *week,
            uint8_t key[OJ_FEED_KEY_BYTES_MAX])
{
	return feed->key(week, (char *)key, OJ_FEED_KEY_BYTES_MAX);
}

void
oj_feed_body(const struct oj_feed *feed, const struct oj_week *week,
             const struct oj_flaw *flaw, struct oj_avro *out)
{
	out->size = 0;
	frame_write(feed, feed->schema_id ^ flaw->schema_flip, out);
	feed->body(week, flaw, out);
}
