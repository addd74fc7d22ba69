/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A watched folder: what is put into FOLDER/TENANT/FEED/ as *.csv, *.ndjson,
 * *.jsonl or *.avro is recorded, each record exactly once, and moved to done/
 * or failed/ below that, with a report beside it. A thread of its own.
 *
 * A file is to be put there by rename(2), whole. So that a copy under way does
 * not do harm, a file is left alone until it has not changed for a while; and
 * so are names that begin with a dot or end in anything else.
 *
 * Daemons may share the folder: each locks (flock) the file that it works on;
 * where that does not reach the other machine, a record that is sent twice is
 * recorded once all the same.
 */
#include <stdint.h>

#include "base/model/submission.h"

struct catalogue;
struct inbox;

struct inbox_options {
	const char *folder;
	int64_t quiet_ms; /* unchanged for so long */
	const char *conninfo;
	const char *role; /* NULL: the user's own */
	int64_t timeout_ms;
	struct catalogue *catalogue;
	struct submission_lanes lanes;
};

/* Options are copied, not what they point to. */
struct inbox *
inbox_open(const struct inbox_options *options);

/* What is under way is left where it is: the next start goes on with it. */
void
inbox_close(struct inbox **inbox);
