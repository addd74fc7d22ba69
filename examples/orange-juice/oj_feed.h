/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The four feeds: two country tenants with contracts that have nothing in
 * common, each with sales and inventory.  A feed turns a store-week into the
 * key and the framed body of a message.  The contracts are in deploy/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "examples/orange-juice/oj_avro.h"
#include "examples/orange-juice/oj_week.h"

enum oj_feed_id {
	OJ_FEED_US_SALES,
	OJ_FEED_US_INVENTORY,
	OJ_FEED_CA_SALES,
	OJ_FEED_CA_INVENTORY,
	OJ_FEEDS,
};

enum oj_framing {
	OJ_FRAMING_RAW,
	OJ_FRAMING_CONFLUENT,     /* 0x00, schema id (4 bytes, big-endian) */
	OJ_FRAMING_SINGLE_OBJECT, /* 0xC3 0x01, fingerprint (8 bytes) */
};

enum { OJ_FEED_KEY_BYTES_MAX = 48 };

/* What a spoiled message has different; all zero: nothing. */
struct oj_flaw {
	const char *description; /* instead of the item's */
	int64_t index_shift;     /* added to the index of a union or an enum */
	uint64_t schema_flip;    /* xored into the schema id or fingerprint */
};

struct oj_feed {
	const char *tenant;
	const char *name;
	const char *topic_in;
	const char *topic_out;
	const char *topic_dead;
	const char *schema; /* below deploy/ */
	enum oj_framing framing;
	uint64_t schema_id; /* or the fingerprint, CRC-64-AVRO */
	size_t body_bytes_max;
	bool tombstones;
	size_t (*key)(const struct oj_week *week, char *key, size_t size);
	void (*body)(const struct oj_week *week, const struct oj_flaw *flaw,
	             struct oj_avro *out);
};

const struct oj_feed *
oj_feed_get(enum oj_feed_id id);

/* The feed one of whose three topics this is, or null. */
const struct oj_feed *
oj_feed_of_topic(const char *topic);

/* The feeds of a tenant are neighbours: sales, then inventory. */
enum oj_feed_id
oj_feed_of_tenant(int tenant, bool inventory);

/* Bytes before the body proper. */
size_t
oj_feed_frame_size(const struct oj_feed *feed);

/* Key, as bytes hashed by the partitioner; returns its size. */
size_t
oj_feed_key(const struct oj_feed *feed, const struct oj_week *week,
            uint8_t key[OJ_FEED_KEY_BYTES_MAX]);

/* Frame and body; out is emptied first. */
void
oj_feed_body(const struct oj_feed *feed, const struct oj_week *week,
             const struct oj_flaw *flaw, struct oj_avro *out);
