/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole file in memory, decompressed where it is xz or gzip: R saves its
 * data in either, or plain.  Bounded: a bomb ends at OJ_UNPACK_BYTES_MAX.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "examples/orange-juice/oj_err.h"

enum { OJ_UNPACK_BYTES_MAX = 256 * 1024 * 1024 };

/*
 * Reads the file at path.  *out_bytes is malloc'ed and belongs to the caller.
 */
bool
oj_unpack_file(const char *path, uint8_t **out_bytes, size_t *out_size,
               struct oj_err *err);
