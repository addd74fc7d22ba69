/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a file is called by the journal: the SHA-256 of its bytes, or of a name
 * that somebody gives it, in hexadecimal. Any thread.
 */
#include <stdbool.h>

#include "base/runtime/err.h"
#include "contracts/records.h"

#define FILEID_TEXT_MAX 65

/* Reads from the beginning to the end, and goes back there. ERR_IO. */
enum err_code
fileid_of_fd(int fd, char out[FILEID_TEXT_MAX], struct err *err) ERR_MUST_CHECK;

/* A name's digest is never that of a file's bytes. */
void
fileid_of_name(const char *name, char out[FILEID_TEXT_MAX]);

/* Copies what comes out of from into a file without a name, below TMPDIR, which
   is the caller's then, at its beginning. ERR_IO. */
enum err_code
fileid_spool(int from, int *out_fd, char out[FILEID_TEXT_MAX],
             struct err *err) ERR_MUST_CHECK;

/* By the end of the name: .csv, .ndjson, .jsonl, .avro. False: none of them. */
bool
fileid_guess_format(const char *path, enum records_format *out);

/* csv, ndjson, avro. False: none of them. */
bool
fileid_parse_format(const char *name, enum records_format *out);
