/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the functions that read JSON share: the text, what is written, what is
 * told. A function that gives false has told why the text cannot be read on;
 * after true it may have told what is wrong, and has read over it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "contracts/contract_path.h"
#include "contracts/contract_rule.h"
#include "contracts/jsontext.h"
#include "contracts/varint.h"

#define JSONSTATE_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define JSONSTATE_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define JSONSTATE_ABSENT SIZE_MAX

/* Bytes that were written: of a field, or of a map's key. */
struct jsonstate_span {
	size_t from; /* in out; JSONSTATE_ABSENT: the field was not there */
	size_t len;
	const uint8_t *at; /* a key's place in the JSON */
};

struct jsonstate {
	struct jsontext text;
	struct arena *arena;
	struct contract_result *result;
	struct text *out;
	uint8_t *to; /* where the next byte goes, and the end of the room */
	uint8_t *to_end;
	struct jsonstate_span *spans; /* a stack: of what is being read */
	size_t span_count;
	size_t span_size;
	uint8_t *scratch;
	size_t scratch_size;
};

/* -- what is told ----------------------------------------------------------- */

void
jsonstate_tell(struct jsonstate *state, const struct contract_step *step,
               enum contract_rule rule, const uint8_t *at, const char *expected,
               const char *value);

/* What the grammar is broken by: one character, which gives nothing away.
   Always false. */
bool
jsonstate_tell_fault(struct jsonstate *state, const struct contract_step *step);

/* A value as it stands there, up to where the text is now. */
void
jsonstate_tell_value(struct jsonstate *state, const struct contract_step *step,
                     enum contract_rule rule, const uint8_t *at,
                     const char *expected);

/* The Avro takes more than out may have. Always false. */
bool
jsonstate_tell_full(struct jsonstate *state, const struct contract_step *step);

/* Reads over a value that cannot be this one. */
bool
jsonstate_refuse(struct jsonstate *state, const struct contract_step *step,
                 enum contract_rule rule, const char *expected);

/* The same with json.type. */
bool
jsonstate_refuse_type(struct jsonstate *state, const struct contract_step *step,
                      const char *expected);

/* Whether more may be told; else there is no use in reading on. */
static inline bool
jsonstate_may_go_on(const struct jsonstate *state)
{
	return state->result->violation_count < VIOLATIONS_MAX;
}

/* -- what is written -------------------------------------------------------- */

static inline size_t
jsonstate_written(const struct jsonstate *state)
{
	return (size_t)(state->to - (uint8_t *)state->out->bytes);
}

/* Gives out the length of what was written. */
void
jsonstate_sync(struct jsonstate *state);

bool
jsonstate_grow(struct jsonstate *state, size_t len,
               const struct contract_step *step);

/* Room for so many bytes. */
static inline bool
jsonstate_need(struct jsonstate *state, size_t len,
               const struct contract_step *step)
{
	if (JSONSTATE_LIKELY((size_t)(state->to_end - state->to) >= len))
		return true;
	return jsonstate_grow(state, len, step);
}

static inline bool
jsonstate_put_long(struct jsonstate *state, int64_t value,
                   const struct contract_step *step)
{
	if (!jsonstate_need(state, VARINT_BYTES_MAX, step))
		return false;
	state->to += varint_write(state->to, value);
	return true;
}

bool
jsonstate_put_bytes(struct jsonstate *state, const void *bytes, size_t len,
                    const struct contract_step *step);

/* The number of elements, where a byte was left for it; and their end. */
bool
jsonstate_put_count(struct jsonstate *state, size_t place, int64_t count,
                    const struct contract_step *step);

/* -- memory that is borrowed ------------------------------------------------ */

void
jsonstate_push_spans(struct jsonstate *state, size_t count);

/* Until the next call. */
uint8_t *
jsonstate_take_scratch(struct jsonstate *state, size_t len);
