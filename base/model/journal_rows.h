/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The rows of a batch: blocks, ranges, violations and the commit, as binary
 * parameters of pipelined INSERTs. Buffers are kept from batch to batch.
 * Part of the journal: nobody else includes this.
 */
#include <stddef.h>

#include "base/runtime/err.h"

struct batch;
struct journal_rows;
struct pgconn;

struct journal_rows *
journal_rows_new(void);

void
journal_rows_free(struct journal_rows **rows);

/* Sends the INSERTs of a sealed batch; *out_sent: how many statements. */
enum err_code
journal_rows_send(struct journal_rows *rows, struct pgconn *conn,
                  const struct batch *batch, size_t *out_sent,
                  struct err *err) ERR_MUST_CHECK;
