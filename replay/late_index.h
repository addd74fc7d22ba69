/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The newest version of each key that a lane has recorded in its window, and
 * which message has it: what is older comes late. Owner's thread only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "replay/recent.h"

enum late_answer {
	LATE_NOT,
	LATE_OLDER,   /* than *out_newer */
	LATE_NO_ROOM, /* the key is not known, and cannot be remembered */
};

struct late_message {
	struct recent_hash key;
	int64_t version;
	uint32_t tag;
};

/* The one that is newer; incarnation 0: seq is the tag of one of the batch. */
struct late_newer {
	int32_t incarnation;
	int64_t seq;
};

/* The entries are recent's. A version that is the newest so far is
   remembered; the same again is not late, and changes nothing. */
enum late_answer
late_index_judge(struct recent *index, const struct late_message *message,
                 struct late_newer *out_newer);

/* One that the journal has, in whatever order. */
void
late_index_load(struct recent *index, const struct late_message *message,
                const struct late_newer *itself, int64_t minute);
