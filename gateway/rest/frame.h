/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The frames of application/vnd.waybill.frames: messages one after the other,
 * with all that belongs to each. All numbers in network order:
 *
 *   uint32 length of what follows
 *   int32  length of the key, -1: null     the key
 *   int32  length of the headers, -1: none the headers, in the journal's form
 *   int64  event time in ms, FRAME_NO_TIME: none
 *   uint16 length of the dedup id, 0: none; | FRAME_NO_BODY: a tombstone;
 *          | FRAME_REJECTED: see below
 *          the dedup id
 *   the body: the rest
 *
 * Who reads messages out of something else knows some to be broken already.
 * Such a frame has its reasons between id and body, which is the original:
 *
 *   uint32 length of what follows
 *   for each: uint16 length and UTF-8 of rule, path, expected, value; int32
 *   offset
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct arena;
struct text;
struct violation;

#define FRAME_NO_TIME  INT64_MIN
#define FRAME_NO_BODY  0x8000
#define FRAME_REJECTED 0x4000
#define FRAME_ID_MAX   255
/* Of a rule, a path and so on; what is longer is cut. */
#define FRAME_REASON_MAX 2048

struct frame {
	const uint8_t *key, *headers, *id, *body; /* NULL: none */
	int32_t key_len, headers_len, body_len;   /* -1: none */
	int32_t id_len;                           /* 0: none */
	const uint8_t *reasons; /* as frame_add_reasons has them; NULL: none */
	int32_t reasons_len;
	int64_t time_ms;
};

void
frame_add(struct text *out, const struct frame *frame);

/* The frame at *at, which is moved behind it; borrowed. ERR_INVALID: it does
   not fit what is there. */
enum err_code
frame_read(const uint8_t **at, const uint8_t *end, struct frame *out,
           struct err *err) ERR_MUST_CHECK;

void
frame_add_reasons(struct text *out, const struct violation *violations,
                  size_t count);

/* Into the arena. ERR_INVALID: there are none, too many, or not like this. */
enum err_code
frame_read_reasons(const struct frame *frame, struct arena *arena,
                   const struct violation **out, size_t *out_count,
                   struct err *err) ERR_MUST_CHECK;
