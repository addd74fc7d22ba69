/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct-threaded interpreter: each operation ends in a jump of its own to
 * the next, which branch predictors like. The helpers return the place behind
 * what they have read, or NULL.
 */
#include "contracts/checker.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "base/runtime/text.h"
#include "contracts/program.h"
#include "contracts/schema_logical.h"
#include "contracts/varint.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* A loop over the elements of a block, or a call. */
struct frame {
	int64_t left;             /* elements of the block */
	const uint8_t *block_end; /* NULL: the block did not say its size */
	const struct program_op *back; /* of a call */
};

static inline uint64_t
load_word(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

/* -- one value ------------------------------------------------------------ */

static __attribute__((noinline)) const uint8_t *
skip_varint_slowly(const uint8_t *at, const uint8_t *end, int len_max)
{
	int64_t value;
	int len = varint_read(at, end, &value);

	if (len <= 0 || len > len_max)
		return NULL;
	if (len_max == 5 && (value < INT32_MIN || value > INT32_MAX))
		return NULL;
	return at + len;
}

static inline const uint8_t *
skip_long(const uint8_t *at, const uint8_t *end)
{
	if (LIKELY(end - at >= 8)) {
		uint64_t stops = ~load_word(at) & HIGH_BITS;

		if (LIKELY(stops != 0))
			return at + (__builtin_ctzll(stops) >> 3) + 1;
	}
	return skip_varint_slowly(at, end, 10);
}

static inline const uint8_t *
skip_int(const uint8_t *at, const uint8_t *end)
{
	if (LIKELY(end - at >= 4)) {
		uint32_t word;

		memcpy(&word, at, sizeof(word));
		word = ~le32toh(word) & (uint32_t)HIGH_BITS;
		if (LIKELY(word != 0))
			return at + (__builtin_ctz(word) >> 3) + 1;
	}
	return skip_varint_slowly(at, end, 5);
}

/* A number that is not negative: a length or an index. */
static inline const uint8_t *
read_natural(const uint8_t *at, const uint8_t *end, int len_max, uint64_t *out)
{
	int64_t value;
	int len;

	if (UNLIKELY(at == end))
		return NULL;
	if (LIKELY(*at < 0x80)) {
		*out = *at >> 1;
		return (*at & 1) == 0 ? at + 1 : NULL;
	}
	len = varint_read(at, end, &value);
	if (len <= 0 || len > len_max || value < 0)
		return NULL;
	*out = (uint64_t)value;
	return at + len;
}

/* bytes and string: their length is a long. */
static inline const uint8_t *
read_blob(const uint8_t *at, const uint8_t *end, uint64_t *out_len)
{
	at = read_natural(at, end, 10, out_len);
	if (UNLIKELY(at == NULL || *out_len > (uint64_t)(end - at)))
		return NULL;
	return at;
}

static inline bool
is_string(const uint8_t *at, uint64_t len, const uint8_t *end)
{
	uint64_t seen = 0;

	if (len >= 8) {
		for (uint64_t i = 0; i + 8 < len; i += 8)
			seen |= load_word(at + i);
		seen |= load_word(at + len - 8);
	} else if (LIKELY(end - at >= 8)) {
		/* reads into what follows, and shifts that out */
		if (len > 0)
			seen = load_word(at) << (64 - 8 * len);
	} else {
		for (uint64_t i = 0; i < len; i++)
			seen |= at[i];
	}
	return LIKELY((seen & HIGH_BITS) == 0) || text_is_utf8(at, len);
}

static inline const uint8_t *
skip_string(const uint8_t *at, const uint8_t *end)
{
	uint64_t len;

	at = read_blob(at, end, &len);
	if (UNLIKELY(at == NULL || !is_string(at, len, end)))
		return NULL;
	return at + len;
}

static inline const uint8_t *
skip_blob(const uint8_t *at, const uint8_t *end)
{
	uint64_t len;

	at = read_blob(at, end, &len);
	return at != NULL ? at + len : NULL;
}

/* -- arrays and maps -------------------------------------------------------- */

/* The head of a block; left 0: that was the last. width: what an element takes
   at least, so that a count cannot promise more than there is. */
static const uint8_t *
read_block(const uint8_t *at, const uint8_t *end, uint32_t width,
           struct frame *frame)
{
	uint64_t room, size;
	int64_t count;
	int len = varint_read(at, end, &count);

	if (len <= 0)
		return NULL;
	at += len;
	frame->block_end = NULL;
	room = (uint64_t)(end - at);
	if (count < 0) {
		at = read_natural(at, end, 10, &size);
		if (at == NULL || count == INT64_MIN ||
		    size > (uint64_t)(end - at))
			return NULL;
		count = -count;
		frame->block_end = at + size;
		room = size;
	}
	if ((uint64_t)count > room / width)
		return NULL;
	frame->left = count;
	return at;
}

/* Elements without bytes are only counted. */
static const uint8_t *
skip_empties(const uint8_t *at, const uint8_t *end, int64_t *empties)
{
	for (;;) {
		int64_t count, size;
		int len = varint_read(at, end, &count);

		if (len <= 0)
			return NULL;
		at += len;
		if (count == 0)
			return at;
		if (count < 0) {
			len = varint_read(at, end, &size);
			if (len <= 0 || size != 0 || count == INT64_MIN)
				return NULL;
			at += len;
			count = -count;
		}
		if (count > CHECKER_EMPTIES_MAX - *empties)
			return NULL;
		*empties += count;
	}
}

/* -- logical types and keys -------------------------------------------------- */

static const uint8_t *
check_decimal(const uint8_t *at, const uint8_t *end,
              const struct program_op *op, bool *out_illogical)
{
	uint64_t len = op->target;

	if (op->code == PROGRAM_DECIMAL) {
		at = read_blob(at, end, &len);
		if (at == NULL)
			return NULL;
	} else if (len > (uint64_t)(end - at)) {
		return NULL;
	}
	if (!schema_logical_decimal_fits(at, (uint32_t)len, (int)op->count))
		*out_illogical = true;
	return at + len;
}

static const uint8_t *
check_uuid(const uint8_t *at, const uint8_t *end, bool *out_illogical)
{
	uint64_t len;

	at = read_blob(at, end, &len);
	if (at == NULL || !is_string(at, len, end))
		return NULL;
	if (!schema_logical_is_uuid(at, (uint32_t)len))
		*out_illogical = true;
	return at + len;
}

static const uint8_t *
check_time(const uint8_t *at, const uint8_t *end, enum schema_logical logical,
           bool *out_illogical)
{
	int64_t value;
	int len = varint_read(at, end, &value);

	if (len <= 0)
		return NULL;
	if (logical == SCHEMA_TIME_MILLIS &&
	    (len > 5 || value < INT32_MIN || value > INT32_MAX))
		return NULL;
	if (!schema_logical_time_fits(logical, value))
		*out_illogical = true;
	return at + len;
}

static const uint8_t *
take_key(const uint8_t *at, const uint8_t *end, const struct program_op *op,
         struct checker_key *key, bool *out_illogical)
{
	bool is_int = op->code != PROGRAM_KEY_LONG;
	uint64_t size;
	int len;

	if (op->code == PROGRAM_KEY_STRING) {
		at = read_blob(at, end, &size);
		if (at == NULL || !is_string(at, size, end))
			return NULL;
		key->bytes = at;
		key->len = (uint32_t)size;
		if (op->target == SCHEMA_UUID &&
		    !schema_logical_is_uuid(at, (uint32_t)size))
			*out_illogical = true;
		return at + size;
	}
	len = varint_read(at, end, &key->number);
	if (len <= 0)
		return NULL;
	if (is_int &&
	    (len > 5 || key->number < INT32_MIN || key->number > INT32_MAX))
		return NULL;
	if (op->code == PROGRAM_KEY_ENUM &&
	    (key->number < 0 || key->number >= (int64_t)op->count))
		return NULL;
	if ((op->target == SCHEMA_TIME_MILLIS ||
	     op->target == SCHEMA_TIME_MICROS) &&
	    !schema_logical_time_fits((enum schema_logical)op->target,
	                              key->number))
		*out_illogical = true;
	return at + len;
}

/* -- public ------------------------------------------------------------------- */

#define NEXT()                                                                 \
	do {                                                                   \
		op++;                                                          \
		goto *codes[op->code];                                         \
	} while (0)

#define NEED(condition)                                                        \
	do {                                                                   \
		if (UNLIKELY(!(condition)))                                    \
			return CHECKER_BROKEN;                                 \
	} while (0)

enum checker_answer
checker_run(const struct program *program, const uint8_t *bytes, size_t len,
            struct checker_key *keys)
{
	static const void *const codes[PROGRAM_CODE_COUNT] = {
		[PROGRAM_END] = &&op_end,
		[PROGRAM_SKIP] = &&op_skip,
		[PROGRAM_BOOLEANS] = &&op_booleans,
		[PROGRAM_INTS] = &&op_ints,
		[PROGRAM_LONGS] = &&op_longs,
		[PROGRAM_BYTES] = &&op_bytes,
		[PROGRAM_STRINGS] = &&op_strings,
		[PROGRAM_ENUM] = &&op_enum,
		[PROGRAM_NULLABLE] = &&op_nullable,
		[PROGRAM_UNION] = &&op_union,
		[PROGRAM_JUMP] = &&op_jump,
		[PROGRAM_ARRAY] = &&op_array,
		[PROGRAM_NEXT] = &&op_next,
		[PROGRAM_EMPTIES] = &&op_empties,
		[PROGRAM_CALL] = &&op_call,
		[PROGRAM_RETURN] = &&op_return,
		[PROGRAM_DECIMAL] = &&op_decimal,
		[PROGRAM_DECIMAL_FIXED] = &&op_decimal,
		[PROGRAM_UUID] = &&op_uuid,
		[PROGRAM_TIME_MILLIS] = &&op_time_millis,
		[PROGRAM_TIME_MICROS] = &&op_time_micros,
		[PROGRAM_KEY_STRING] = &&op_key,
		[PROGRAM_KEY_INT] = &&op_key,
		[PROGRAM_KEY_LONG] = &&op_key,
		[PROGRAM_KEY_ENUM] = &&op_key,
	};
	struct frame frames[CHECKER_DEPTH_MAX + 1];
	struct frame *frame = frames; /* the innermost; the first is none */
	const struct frame *frames_end = frames + CHECKER_DEPTH_MAX + 1;
	const struct program_op *op = program->ops;
	const uint8_t *at = bytes, *end = bytes + len;
	int64_t empties = 0;
	bool illogical = false;
	uint64_t natural;

	goto *codes[op->code];
op_skip:
	NEED((size_t)(end - at) >= op->count);
	at += op->count;
	NEXT();
op_booleans:
	NEED((size_t)(end - at) >= op->count);
	for (uint32_t i = 0; i < op->count; i++)
		NEED(*at++ <= 1);
	NEXT();
op_ints:
	for (uint32_t i = op->count; i > 0; i--)
		NEED((at = skip_int(at, end)) != NULL);
	NEXT();
op_longs:
	for (uint32_t i = op->count; i > 0; i--)
		NEED((at = skip_long(at, end)) != NULL);
	NEXT();
op_bytes:
	for (uint32_t i = op->count; i > 0; i--)
		NEED((at = skip_blob(at, end)) != NULL);
	NEXT();
op_strings:
	for (uint32_t i = op->count; i > 0; i--)
		NEED((at = skip_string(at, end)) != NULL);
	NEXT();
op_enum:
	NEED((at = read_natural(at, end, 5, &natural)) != NULL);
	NEED(natural < op->count);
	NEXT();
op_nullable:
	NEED((at = read_natural(at, end, 10, &natural)) != NULL);
	NEED(natural <= 1);
	if (natural != op->count)
		NEXT();
	op = program->ops + op->target;
	goto *codes[op->code];
op_union:
	NEED((at = read_natural(at, end, 10, &natural)) != NULL);
	NEED(natural < op->count);
	op = program->ops + program->targets[op->target + natural];
	goto *codes[op->code];
op_jump:
	op = program->ops + op->target;
	goto *codes[op->code];
op_array : {
	struct frame first;

	NEED((at = read_block(at, end, op->count, &first)) != NULL);
	if (first.left == 0) {
		op = program->ops + op->target;
		goto *codes[op->code];
	}
	NEED(frame + 1 < frames_end);
	*++frame = first;
	NEXT();
}
op_next:
	if (--frame->left == 0) {
		NEED(frame->block_end == NULL || frame->block_end == at);
		NEED((at = read_block(at, end, op->count, frame)) != NULL);
		if (frame->left == 0) {
			frame--;
			NEXT();
		}
	}
	op = program->ops + op->target;
	goto *codes[op->code];
op_empties:
	NEED((at = skip_empties(at, end, &empties)) != NULL);
	NEXT();
op_call:
	NEED(frame + 1 < frames_end);
	frame++;
	frame->back = op;
	op = program->ops + op->target;
	goto *codes[op->code];
op_return:
	op = frame->back;
	frame--;
	NEXT();
op_decimal:
	NEED((at = check_decimal(at, end, op, &illogical)) != NULL);
	NEXT();
op_uuid:
	NEED((at = check_uuid(at, end, &illogical)) != NULL);
	NEXT();
op_time_millis:
	NEED((at = check_time(at, end, SCHEMA_TIME_MILLIS, &illogical)) !=
	     NULL);
	NEXT();
op_time_micros:
	NEED((at = check_time(at, end, SCHEMA_TIME_MICROS, &illogical)) !=
	     NULL);
	NEXT();
op_key:
	NEED((at = take_key(at, end, op, &keys[op->slot], &illogical)) != NULL);
	NEXT();
op_end:
	NEED(at == end);
	return illogical ? CHECKER_ILLOGICAL : CHECKER_GOOD;
}
