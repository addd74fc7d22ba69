/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* Messages and the ways to spoil them. */
#include "examples/orange-juice/oj_message.h"

#include <string.h>

static const char *const NAMES[OJ_KINDS] = {
	[OJ_KIND_GOOD] = "good",
	[OJ_KIND_TOMBSTONE] = "tombstone",
	[OJ_KIND_MISROUTED] = "misrouted",
	[OJ_KIND_TRUNCATED] = "truncated",
	[OJ_KIND_OVERSIZED] = "oversized",
	[OJ_KIND_WRONG_SCHEMA] = "wrong-schema",
	[OJ_KIND_WRONG_TENANT] = "wrong-tenant",
	[OJ_KIND_WRONG_KEY] = "wrong-key",
	[OJ_KIND_GARBAGE] = "garbage",
	[OJ_KIND_INVALID_UTF8] = "invalid-utf8",
	[OJ_KIND_BAD_INDEX] = "bad-index",
	[OJ_KIND_TRAILING_BYTES] = "trailing-bytes",
	[OJ_KIND_FORBIDDEN_TOMBSTONE] = "forbidden-tombstone",
};

static void
random_bytes(struct oj_random *random, struct oj_avro *out, size_t size)
{
	while (size-- > 0) {
		uint8_t byte = (uint8_t)oj_random_below(random, 256);
		oj_avro_raw(out, &byte, 1);
	}
}

static void
oversize(struct oj_message *message, const struct oj_week *week,
         struct oj_random *random)
{
	const struct oj_feed *feed = oj_feed_get(message->feed);
	char text[4096];
	struct oj_flaw flaw = { .description = text };
	size_t size = feed->body_bytes_max + oj_random_below(random, 1000);

	memset(text, 'o', size);
	text[size] = '\0';
	oj_feed_body(feed, week, &flaw, &message->body);
}

static void
spoil_text(struct oj_message *message, const struct oj_week *week,
           struct oj_random *random)
{
	/* a byte that cannot occur, one that continues nothing, an overlong
	 * slash, a surrogate, beyond U+10FFFF, a character cut short */
	static const char *const WRONG[] = {
		"Jus \xFF",         "Jus \x80 d'orange",    "Jus \xC0\xAF",
		"Jus \xED\xA0\x80", "Jus \xF4\x90\x80\x80", "Jus \xC3"
	};
	struct oj_flaw flaw = {
		.description = WRONG[oj_random_below(
			random, sizeof(WRONG) / sizeof(WRONG[0]))]
	};

	oj_feed_body(oj_feed_get(message->feed), week, &flaw, &message->body);
}

static void
spoil_index(struct oj_message *message, const struct oj_week *week,
            struct oj_random *random)
{
	static const int64_t SHIFTS[] = { 7, -5, 1000000, INT64_C(1) << 40 };
	struct oj_flaw flaw = {
		.index_shift = SHIFTS[oj_random_below(
			random, sizeof(SHIFTS) / sizeof(SHIFTS[0]))]
	};

	oj_feed_body(oj_feed_get(message->feed), week, &flaw, &message->body);
}

static void
spoil_schema(struct oj_message *message, const struct oj_week *week,
             struct oj_random *random)
{
	struct oj_flaw flaw = { .schema_flip =
		                        (1 + oj_random_below(random, 255))
		                        << 12 };

	oj_feed_body(oj_feed_get(message->feed), week, &flaw, &message->body);
}

/* What the other tenant would have sent about this week, key and all. */
static void
become_tenants(struct oj_message *message, const struct oj_week *week)
{
	int tenant = (week->tenant + 1) % OJ_WEEK_TENANTS;
	const struct oj_feed *feed =
		oj_feed_get(oj_feed_of_tenant(tenant, message->feed % 2 == 1));
	struct oj_flaw none = { 0 };

	message->key_size = oj_feed_key(feed, week, message->key);
	oj_feed_body(feed, week, &none, &message->body);
}

static void
become_keyed_wrong(struct oj_message *message, const struct oj_week *week)
{
	struct oj_week neighbour = *week;

	neighbour.store++;
	message->key_size = oj_feed_key(oj_feed_get(message->feed), &neighbour,
	                                message->key);
}

/* -- public -------------------------------------------------------------- */

const char *
oj_message_kind_name(enum oj_kind kind)
{
	return NAMES[kind];
}

void
oj_message_good(struct oj_message *message, enum oj_feed_id id,
                const struct oj_week *week)
{
	const struct oj_feed *feed = oj_feed_get(id);
	struct oj_flaw none = { 0 };

	message->feed = id;
	message->kind = OJ_KIND_GOOD;
	message->body_null = false;
	message->partition_shift = 0;
	message->key_size = oj_feed_key(feed, week, message->key);
	oj_feed_body(feed, week, &none, &message->body);
}

void
oj_message_tombstone(struct oj_message *message, enum oj_feed_id feed,
                     const struct oj_week *week)
{
	oj_message_good(message, feed, week);
	message->kind = OJ_KIND_TOMBSTONE;
	message->body_null = true;
	message->body.size = 0;
}

bool
oj_message_can_spoil(enum oj_feed_id id, enum oj_kind kind)
{
	const struct oj_feed *feed = oj_feed_get(id);

	if (kind == OJ_KIND_WRONG_SCHEMA)
		return feed->framing != OJ_FRAMING_RAW;
	if (kind == OJ_KIND_FORBIDDEN_TOMBSTONE)
		return !feed->tombstones;
	return true;
}

void
oj_message_spoiled(struct oj_message *message, enum oj_feed_id feed,
                   enum oj_kind kind, const struct oj_week *week,
                   struct oj_random *random)
{
	struct oj_avro *body = &message->body;

	oj_message_good(message, feed, week);
	message->kind = kind;
	switch (kind) {
	case OJ_KIND_TRUNCATED:
		body->size = 1 + oj_random_below(random, body->size - 1);
		break;
	case OJ_KIND_OVERSIZED:
		oversize(message, week, random);
		break;
	case OJ_KIND_WRONG_SCHEMA:
		spoil_schema(message, week, random);
		break;
	case OJ_KIND_WRONG_TENANT:
		become_tenants(message, week);
		break;
	case OJ_KIND_WRONG_KEY:
		become_keyed_wrong(message, week);
		break;
	case OJ_KIND_GARBAGE:
		body->size = 0;
		random_bytes(random, body, 16 + oj_random_below(random, 80));
		break;
	case OJ_KIND_INVALID_UTF8:
		spoil_text(message, week, random);
		break;
	case OJ_KIND_BAD_INDEX:
		spoil_index(message, week, random);
		break;
	case OJ_KIND_TRAILING_BYTES:
		random_bytes(random, body, 1 + oj_random_below(random, 8));
		break;
	case OJ_KIND_FORBIDDEN_TOMBSTONE:
		message->body_null = true;
		body->size = 0;
		break;
	default:
		break;
	}
}
