/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "contracts/jsonstate.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "contracts/contract_finding.h"

/* -- public -------------------------------------------------------------- */

void
jsonstate_tell(struct jsonstate *state, const struct contract_step *step,
               enum contract_rule rule, const uint8_t *at, const char *expected,
               const char *value)
{
	char path[CONTRACT_FINDING_PATH_MAX] = "", with_place[320];
	struct contract_finding finding = {
		.rule = rule,
		.path = path,
		.expected = with_place,
		.value = step->sensitive ? "(redacted)" : value,
		.offset = (int32_t)(at - state->text.start),
	};
	int64_t line;
	long column;

	contract_path_print(path, sizeof(path), step);
	jsontext_place(&state->text, at, &line, &column);
	snprintf(with_place, sizeof(with_place), "%s (line %lld, column %ld)",
	         expected, (long long)line, column);
	contract_finding_add(state->result, state->arena, &finding);
}

bool
jsonstate_tell_fault(struct jsonstate *state, const struct contract_step *step)
{
	const struct jsontext *text = &state->text;
	char value[CONTRACT_FINDING_VALUE_MAX] = "";
	size_t left = (size_t)(text->end - text->at), len = 1;

	if (left == 0) {
		snprintf(value, sizeof(value), "the end of the text");
	} else {
		if (text->at[0] >= 0xc0)
			len = text->at[0] < 0xe0     ? 2
				: text->at[0] < 0xf0 ? 3
						     : 4;
		contract_finding_print(value, sizeof(value), text->at,
		                       len < left ? len : left);
	}
	jsonstate_tell(state, step,
	               jsontext_has_depth_fault(text)
	                       ? CONTRACT_RULE_JSON_DEPTH
	                       : CONTRACT_RULE_JSON_SYNTAX,
	               text->at, text->fault, value);
	return false;
}

void
jsonstate_tell_value(struct jsonstate *state, const struct contract_step *step,
                     enum contract_rule rule, const uint8_t *at,
                     const char *expected)
{
	char value[CONTRACT_FINDING_VALUE_MAX] = "";

	if (*at == '{')
		snprintf(value, sizeof(value), "an object");
	else if (*at == '[')
		snprintf(value, sizeof(value), "an array");
	else
		contract_finding_print(value, sizeof(value), at,
		                       (size_t)(state->text.at - at));
	jsonstate_tell(state, step, rule, at, expected, value);
}

bool
jsonstate_refuse(struct jsonstate *state, const struct contract_step *step,
                 enum contract_rule rule, const char *expected)
{
	const uint8_t *at = state->text.at;

	if (!jsontext_skip(&state->text))
		return jsonstate_tell_fault(state, step);
	jsonstate_tell_value(state, step, rule, at, expected);
	return jsonstate_may_go_on(state);
}

bool
jsonstate_refuse_type(struct jsonstate *state, const struct contract_step *step,
                      const char *expected)
{
	return jsonstate_refuse(state, step, CONTRACT_RULE_JSON_TYPE, expected);
}

void
jsonstate_sync(struct jsonstate *state)
{
	if (state->to != NULL)
		state->out->len =
			(size_t)(state->to - (uint8_t *)state->out->bytes);
}

bool
jsonstate_tell_full(struct jsonstate *state, const struct contract_step *step)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "at most %zu bytes of Avro",
	         state->out->size_max);
	jsonstate_tell(state, step, CONTRACT_RULE_SIZE_EXCEEDED, state->text.at,
	               expected, "more");
	return false;
}

bool
jsonstate_grow(struct jsonstate *state, size_t len,
               const struct contract_step *step)
{
	struct text *out = state->out;
	size_t room, wanted;

	jsonstate_sync(state);
	room = out->size_max - out->len;
	wanted = len > out->len ? len : out->len;
	if (wanted > room)
		wanted = room;
	if (len <= room) {
		state->to = (uint8_t *)text_make_room(out, wanted);
		CHECK(state->to != NULL);
		state->to_end = state->to + wanted;
		return true;
	}
	return jsonstate_tell_full(state, step);
}

bool
jsonstate_put_bytes(struct jsonstate *state, const void *bytes, size_t len,
                    const struct contract_step *step)
{
	if (!jsonstate_need(state, len, step))
		return false;
	memcpy(state->to, bytes, len);
	state->to += len;
	return true;
}

bool
jsonstate_put_count(struct jsonstate *state, size_t place, int64_t count,
                    const struct contract_step *step)
{
	uint8_t bytes[VARINT_BYTES_MAX];
	size_t len = (size_t)varint_write(bytes, count);
	uint8_t *at;

	if (!jsonstate_need(state, len, step))
		return false;
	at = (uint8_t *)state->out->bytes + place;
	if (len > 1)
		memmove(at + len, at + 1, (size_t)(state->to - at - 1));
	memcpy(at, bytes, len);
	state->to += len - 1;
	if (count > 0)
		*state->to++ = 0;
	return true;
}

void
jsonstate_push_spans(struct jsonstate *state, size_t count)
{
	struct jsonstate_span *spans;

	if (JSONSTATE_LIKELY(state->span_count + count <= state->span_size)) {
		state->span_count += count;
		return;
	}
	state->span_size = 2 * (state->span_count + count) + 64;
	spans = arena_alloc(state->arena, state->span_size * sizeof(*spans));
	if (state->span_count > 0)
		memcpy(spans, state->spans, state->span_count * sizeof(*spans));
	state->spans = spans;
	state->span_count += count;
}

uint8_t *
jsonstate_take_scratch(struct jsonstate *state, size_t len)
{
	if (len >= state->scratch_size) {
		state->scratch_size = 2 * len + 512;
		state->scratch = arena_alloc(state->arena, state->scratch_size);
	}
	return state->scratch;
}
