/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The numbers (table source) under which the journal knows REST and files,
 * for each feed: asked once, then remembered, in bounded memory. Any thread.
 */
#include <stdint.h>

#include "base/runtime/err.h"

struct feed;
struct origin;
struct pgconn;

#define ORIGIN_FILE_LEN 64 /* a SHA-256 in hexadecimal */

struct origin *
origin_new(void);

void
origin_free(struct origin **origin);

/* file: its digest; NULL: REST. 0: not known yet. */
int32_t
origin_known(struct origin *origin, const struct feed *feed, const char *file);

/* Asks, and remembers it. */
enum err_code
origin_take(struct origin *origin, struct pgconn *conn, const struct feed *feed,
            const char *file, int32_t *out, struct err *err) ERR_MUST_CHECK;
