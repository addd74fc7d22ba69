/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * What was received, message by message, for a checker that comes later:
 *
 *   topic TAB partition TAB offset TAB sha256 TAB waybill-id TAB waybill-source
 *
 * sha256 is that of the ledger of what was sent: the key's bytes followed by
 * the body's.  A header that is not there is an empty field.
 */
#pragma once

#include "examples/orange-juice/oj_client.h"

struct oj_receipts;

/* Begins the file anew; NULL where it cannot be written. */
struct oj_receipts *
oj_receipt_open(const char *path, struct oj_err *err);

void
oj_receipt_add(struct oj_receipts *receipts, const rd_kafka_message_t *message);

/* Takes NULL; false where the file is not whole. */
bool
oj_receipt_close(struct oj_receipts **receipts, struct oj_err *err);
