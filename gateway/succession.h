/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A feed that comes where another one was: with the name of a removed feed,
 * or with topics of one that was removed or is about to be. The journal still
 * has the old one's messages, and not all of them may have left.
 */
#include "base/runtime/err.h"

struct manifest;
struct pgconn;
struct revision;
struct text;

/*
 * Looks at what a revision adds, changes and removes. out_warnings: what a
 * person should know, one a line. ERR_CONFLICT: what must not be; one
 * "FILE:LINE: feed NAME: KEY ..." a line.
 */
enum err_code
succession_check(struct pgconn *conn, const struct manifest *manifest,
                 const struct revision *diff, struct text *out_warnings,
                 struct err *err) ERR_MUST_CHECK;
