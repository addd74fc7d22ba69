/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What was sent, message by message, for a checker that comes later:
 *
 *   topic TAB partition TAB offset TAB sha256 TAB kind
 *
 * in the order of sending; sha256 is the hex digest of the key's bytes followed
 * by the body's (a null is no bytes).  Offset -1: not delivered.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "examples/orange-juice/oj_err.h"
#include "examples/orange-juice/oj_message.h"

struct oj_ledger_entry {
	int64_t offset;
	int32_t partition;
	uint8_t feed;
	uint8_t kind;
	bool delivered;
	uint8_t digest[32];
};

struct oj_ledger;

struct oj_ledger *
oj_ledger_new(size_t entries_max);

/* Adds a message, not yet delivered.  The entry stays where it is. */
struct oj_ledger_entry *
oj_ledger_add(struct oj_ledger *ledger, const struct oj_message *message,
              int32_t partition);

const struct oj_ledger_entry *
oj_ledger_entries(const struct oj_ledger *ledger, size_t *out_count);

/* Writes aside and renames: the file is whole or it is not there. */
bool
oj_ledger_write(const struct oj_ledger *ledger, const char *path,
                struct oj_err *err);

void
oj_ledger_free(struct oj_ledger **ledger);
