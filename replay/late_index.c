/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A version is an entry's value.
 */
#include "replay/late_index.h"

#include <stddef.h>

/* Of two with the same version the first one counts, as while it runs. */
static bool
takes_place_of(const struct recent_entry *entry,
               const struct recent_entry *newest)
{
	if (entry->value != newest->value)
		return (int64_t)entry->value > (int64_t)newest->value;
	if (entry->incarnation != newest->incarnation)
		return entry->incarnation < newest->incarnation;
	return entry->seq < newest->seq;
}

/* -- public ---------------------------------------------------------------- */

enum late_answer
late_index_judge(struct recent *index, const struct late_message *message,
                 struct late_newer *out_newer)
{
	const struct recent_entry *newest = recent_find(index, message->key);

	if (newest != NULL && message->version < (int64_t)newest->value) {
		out_newer->incarnation = newest->incarnation;
		out_newer->seq = newest->seq;
		return LATE_OLDER;
	}
	if (newest != NULL && message->version == (int64_t)newest->value)
		return LATE_NOT;
	if (!recent_has_room(index, message->key))
		return LATE_NO_ROOM;
	recent_put(index, message->key, (uint64_t)message->version, false,
	           message->tag);
	return LATE_NOT;
}

void
late_index_load(struct recent *index, const struct late_message *message,
                const struct late_newer *itself, int64_t minute)
{
	const struct recent_entry *newest = recent_find(index, message->key);
	const struct recent_entry entry = {
		.hash = message->key,
		.value = (uint64_t)message->version,
		.seq = itself->seq,
		.incarnation = itself->incarnation,
		.stamp = recent_stamp(minute, false),
	};

	if (newest != NULL && !takes_place_of(&entry, newest))
		return;
	if (recent_has_room(index, message->key))
		recent_load(index, &entry);
}
