/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Values are written as they come. The members of an object may come in any
 * order: where each field's bytes are is remembered, and a record that did not
 * come in the order of its schema is put in order when it is complete.
 */
#include "contracts/jsonreader.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "contracts/jsonplan.h"
#include "contracts/jsonscalar.h"
#include "contracts/jsonstate.h"

#define JSONREADER_ROOM     64  /* more than any number takes */
#define JSONREADER_SPANS    128 /* that need no memory */
#define JSONREADER_PAIR_MAX 8   /* keys of a map that are compared in pairs */

static bool
read_value(struct jsonstate *state, const struct jsonplan_node *node,
           const struct contract_step *step);

/* -- records ---------------------------------------------------------------- */

/* A member's name and its colon. number: of the field. out_good false: it is
   not to be read, which is told. */
static bool
take_member(struct jsonstate *state, const struct jsonplan_node *node,
            const struct contract_step *step, size_t next, size_t *out_number,
            bool *out_good)
{
	struct jsontext *text = &state->text;
	struct jsontext_string name;
	const uint8_t *at;

	if (JSONSTATE_UNLIKELY(jsontext_peek(text) != '"')) {
		jsontext_fail(text, "a name in quotes");
		return jsonstate_tell_fault(state, step);
	}
	at = text->at;
	*out_good = true;
	/* most often it is the field that comes next in the schema */
	if (next < node->name_count &&
	    (size_t)(text->end - at) > node->names[next].len + 1 &&
	    at[node->names[next].len + 1] == '"' &&
	    memcmp(at + 1, node->names[next].text, node->names[next].len) ==
	            0) {
		text->at += node->names[next].len + 2;
		*out_number = next;
	} else {
		if (!jsonscalar_take_string(state, step, &name, out_good))
			return false;
		if (*out_good)
			*out_good = jsonscalar_find_name(state, node, step,
			                                 &name, out_number);
		if (!jsonstate_may_go_on(state))
			return false;
		if (*out_good && *out_number == JSONPLAN_NO_NAME) {
			*out_good = false;
			jsonstate_tell_value(state, step,
			                     CONTRACT_RULE_JSON_UNKNOWN, at,
			                     "the name of a field");
		}
	}
	if (JSONSTATE_UNLIKELY(!jsontext_take(text, ':', "\":\"")))
		return jsonstate_tell_fault(state, step);
	return jsonstate_may_go_on(state);
}

/* A value that nobody wants; out keeps nothing of it. */
static bool
pass_value(struct jsonstate *state, const struct contract_step *step)
{
	return jsontext_skip(&state->text) || jsonstate_tell_fault(state, step);
}

static bool
read_field(struct jsonstate *state, const struct jsonplan_node *node,
           const struct contract_step *step, size_t number, size_t base)
{
	const struct schema_field *field = &node->schema->fields[number];
	const struct contract_step inside = {
		.up = step,
		.name = field->name,
		.sensitive = step->sensitive || field->sensitive,
	};
	size_t from = jsonstate_written(state);

	if (JSONSTATE_UNLIKELY(state->spans[base + number].from !=
	                       JSONSTATE_ABSENT)) {
		jsonstate_tell(state, &inside, CONTRACT_RULE_JSON_DUPLICATE,
		               state->text.at, "each member once", "once more");
		return jsonstate_may_go_on(state) && pass_value(state, &inside);
	}
	state->spans[base + number].from = from;
	if (!read_value(state, node->children[number], &inside))
		return false;
	state->spans[base + number].len = jsonstate_written(state) - from;
	return true;
}

/* What is not there: told, or taken from the defaults. */
static bool
tell_missing(struct jsonstate *state, const struct jsonplan_node *node,
             const struct contract_step *step, size_t base)
{
	for (size_t i = 0; i < node->name_count; i++) {
		const struct contract_step inside = {
			.up = step,
			.name = node->schema->fields[i].name,
			.sensitive = step->sensitive,
		};

		if (JSONSTATE_LIKELY(state->spans[base + i].from !=
		                             JSONSTATE_ABSENT ||
		                     node->defaults[i].bytes != NULL))
			continue;
		jsonstate_tell(state, &inside, CONTRACT_RULE_JSON_MISSING,
		               state->text.at - 1,
		               "a member, for it has no default", "none");
		if (!jsonstate_may_go_on(state))
			return false;
	}
	return true;
}

/* Puts the fields in the order of the schema. first: the first one that is not
   at its place, which is behind those before it. */
static bool
arrange(struct jsonstate *state, const struct jsonplan_node *node,
        const struct contract_step *step, size_t base, size_t first,
        size_t place)
{
	size_t moved = jsonstate_written(state) - place;
	uint8_t *scratch = jsonstate_take_scratch(state, moved);

	memcpy(scratch, (uint8_t *)state->out->bytes + place, moved);
	state->to -= moved;
	for (size_t i = first; i < node->name_count; i++) {
		const struct jsonstate_span *span = &state->spans[base + i];

		if (span->from == JSONSTATE_ABSENT) {
			if (!jsonstate_put_bytes(state, node->defaults[i].bytes,
			                         node->defaults[i].len, step))
				return false;
			continue;
		}
		if (span->len == 0)
			continue;
		CHECK(span->from >= place);
		if (!jsonstate_put_bytes(state, scratch + (span->from - place),
		                         span->len, step))
			return false;
	}
	return true;
}

static bool
finish_record(struct jsonstate *state, const struct jsonplan_node *node,
              const struct contract_step *step, size_t base, size_t begin)
{
	size_t place = begin;

	for (size_t i = 0; i < node->name_count; i++) {
		const struct jsonstate_span *span = &state->spans[base + i];

		if (JSONSTATE_LIKELY(span->from == place)) {
			place += span->len;
			continue;
		}
		if (span->from != JSONSTATE_ABSENT && span->len == 0)
			continue;
		if (!tell_missing(state, node, step, base))
			return false;
		/* what has errors is thrown away: no need for order */
		if (state->result->violation_count > 0)
			return true;
		return arrange(state, node, step, base, i, place);
	}
	return true;
}

static bool
read_record(struct jsonstate *state, const struct jsonplan_node *node,
            const struct contract_step *step)
{
	size_t base = state->span_count, begin, next = 0, number;
	bool more = true, good;

	if (JSONSTATE_UNLIKELY(jsontext_peek(&state->text) != '{'))
		return jsonstate_refuse_type(state, step,
		                             "an object: a record");
	if (!jsontext_enter(&state->text))
		return jsonstate_tell_fault(state, step);
	begin = jsonstate_written(state);
	jsonstate_push_spans(state, node->name_count);
	for (size_t i = 0; i < node->name_count; i++)
		state->spans[base + i].from = JSONSTATE_ABSENT;
	if (jsontext_is_empty(&state->text, true))
		more = false;
	while (more) {
		if (!take_member(state, node, step, next, &number, &good))
			return false;
		if (JSONSTATE_LIKELY(good)) {
			if (!read_field(state, node, step, number, base))
				return false;
			next = number + 1;
		} else if (!pass_value(state, step)) {
			return false;
		}
		if (!jsontext_more(&state->text, true, &more))
			return jsonstate_tell_fault(state, step);
	}
	if (!finish_record(state, node, step, base, begin))
		return false;
	state->span_count = base;
	return true;
}

/* -- arrays and maps ---------------------------------------------------------- */

static bool
read_array(struct jsonstate *state, const struct jsonplan_node *node,
           const struct contract_step *step)
{
	struct contract_step inside = {
		.up = step,
		.sensitive = step->sensitive,
	};
	bool more = true;
	size_t place;

	if (jsontext_peek(&state->text) != '[')
		return jsonstate_refuse_type(state, step, "an array");
	if (!jsontext_enter(&state->text))
		return jsonstate_tell_fault(state, step);
	if (!jsonstate_need(state, 1, step))
		return false;
	place = jsonstate_written(state);
	*state->to++ = 0;
	if (jsontext_is_empty(&state->text, false))
		return true;
	while (more) {
		if (!read_value(state, node->children[0], &inside))
			return false;
		inside.index++;
		if (!jsontext_more(&state->text, false, &more))
			return jsonstate_tell_fault(state, step);
	}
	return jsonstate_put_count(state, place, inside.index, step);
}

static int
compare_spans(const void *left, const void *right, void *context)
{
	const struct jsonstate_span *a = left, *b = right;
	const uint8_t *bytes = context;
	int order = 0;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->len > 0)
		order = memcmp(bytes + a->from, bytes + b->from, a->len);
	if (order != 0)
		return order;
	return a->at < b->at ? -1 : a->at > b->at;
}

static bool
tell_repeated(struct jsonstate *state, const struct contract_step *step,
              const struct jsonstate_span *key)
{
	const struct contract_step inside = {
		.up = step,
		.key = (uint8_t *)state->out->bytes + key->from,
		.key_len = (uint32_t)key->len,
		.sensitive = step->sensitive,
	};

	jsonstate_tell(state, &inside, CONTRACT_RULE_JSON_DUPLICATE, key->at,
	               "each key once", "once more");
	return jsonstate_may_go_on(state);
}

/* Whether no key of a map is there twice. */
static bool
check_keys(struct jsonstate *state, const struct contract_step *step,
           size_t base)
{
	struct jsonstate_span *keys;
	size_t count = state->span_count - base;
	uint8_t *bytes = (uint8_t *)state->out->bytes;

	if (count < 2)
		return true;
	keys = state->spans + base;
	if (count > JSONREADER_PAIR_MAX)
		qsort_r(keys, count, sizeof(*keys), compare_spans, bytes);
	for (size_t i = 1; i < count; i++) {
		size_t from = count > JSONREADER_PAIR_MAX ? i - 1 : 0;

		for (size_t k = from; k < i; k++) {
			if (keys[k].len != keys[i].len ||
			    memcmp(bytes + keys[k].from, bytes + keys[i].from,
			           keys[i].len) != 0)
				continue;
			if (!tell_repeated(state, step, &keys[i]))
				return false;
			break;
		}
	}
	return true;
}

static bool
read_entry(struct jsonstate *state, const struct jsonplan_node *node,
           const struct contract_step *step)
{
	struct jsontext *text = &state->text;
	struct contract_step inside = {
		.up = step,
		.sensitive = step->sensitive,
	};
	struct jsontext_string key;
	size_t len = JSONSTATE_ABSENT;
	const uint8_t *at;
	bool good;

	if (jsontext_peek(text) != '"') {
		jsontext_fail(text, "a key in quotes");
		return jsonstate_tell_fault(state, step);
	}
	at = text->at;
	if (!jsonscalar_take_string(state, step, &key, &good))
		return false;
	if (good && !jsonscalar_put_string(state, step, &key, &len))
		return false;
	if (!jsontext_take(text, ':', "\":\""))
		return jsonstate_tell_fault(state, step);
	inside.key = key.bytes;
	inside.key_len = (uint32_t)key.len;
	if (len != JSONSTATE_ABSENT) {
		jsonstate_push_spans(state, 1);
		state->spans[state->span_count - 1] = (struct jsonstate_span){
			.from = jsonstate_written(state) - len,
			.len = len,
			.at = at,
		};
	}
	return read_value(state, node->children[0], &inside);
}

static bool
read_map(struct jsonstate *state, const struct jsonplan_node *node,
         const struct contract_step *step)
{
	size_t base = state->span_count, place;
	bool more = true;
	int64_t count = 0;

	if (jsontext_peek(&state->text) != '{')
		return jsonstate_refuse_type(state, step, "an object: a map");
	if (!jsontext_enter(&state->text))
		return jsonstate_tell_fault(state, step);
	if (!jsonstate_need(state, 1, step))
		return false;
	place = jsonstate_written(state);
	*state->to++ = 0;
	if (jsontext_is_empty(&state->text, true))
		return true;
	while (more) {
		if (!read_entry(state, node, step))
			return false;
		count++;
		if (!jsontext_more(&state->text, true, &more))
			return jsonstate_tell_fault(state, step);
	}
	if (!check_keys(state, step, base))
		return false;
	state->span_count = base;
	return jsonstate_put_count(state, place, count, step);
}

/* -- unions ----------------------------------------------------------------- */

static bool
read_branch(struct jsonstate *state, const struct jsonplan_node *node,
            const struct contract_step *step, size_t number)
{
	struct jsontext *text = &state->text;
	const uint8_t *at;
	bool more;

	if (!jsonstate_put_long(state, (int64_t)number, step) ||
	    !read_value(state, node->children[number], step))
		return false;
	at = text->at;
	if (!jsontext_more(text, true, &more))
		return jsonstate_tell_fault(state, step);
	if (JSONSTATE_LIKELY(!more))
		return true;
	jsonstate_tell(state, step, CONTRACT_RULE_JSON_UNION, at,
	               "one member: the type of the value", "more");
	while (more) {
		struct jsontext_string name;

		if (!jsonstate_may_go_on(state))
			return false;
		if (jsontext_peek(text) != '"') {
			jsontext_fail(text, "a name in quotes");
			return jsonstate_tell_fault(state, step);
		}
		if (!jsontext_string(text, &name) ||
		    !jsontext_take(text, ':', "\":\"") ||
		    !jsontext_skip(text) || !jsontext_more(text, true, &more))
			return jsonstate_tell_fault(state, step);
	}
	return true;
}

static bool
refuse_branch(struct jsonstate *state, const struct jsonplan_node *node,
              const struct contract_step *step, const uint8_t *at)
{
	char expected[JSONSCALAR_CHOICE_MAX];

	jsonscalar_print_choice(
		expected,
		node->null_branch != JSONPLAN_NO_NAME
			? "null, or an object with one member: the type, "
			  "one of"
			: "an object with one member: the type, one of",
		node);
	jsonstate_tell_value(state, step, CONTRACT_RULE_JSON_UNION, at,
	                     expected);
	return jsonstate_may_go_on(state);
}

static bool
read_union(struct jsonstate *state, const struct jsonplan_node *node,
           const struct contract_step *step)
{
	struct jsontext *text = &state->text;
	uint8_t first = jsontext_peek(text);
	const uint8_t *start = text->at, *at;
	struct jsontext_string name;
	bool good = true;
	size_t number;

	if (first == 'n' && node->null_branch != JSONPLAN_NO_NAME) {
		if (!jsontext_word(text, "null"))
			return jsonstate_tell_fault(state, step);
		return jsonstate_put_long(state, (int64_t)node->null_branch,
		                          step);
	}
	if (JSONSTATE_UNLIKELY(first != '{')) {
		if (!jsontext_skip(text))
			return jsonstate_tell_fault(state, step);
		return refuse_branch(state, node, step, start);
	}
	if (!jsontext_enter(text))
		return jsonstate_tell_fault(state, step);
	at = jsontext_peek(text) == '"' ? text->at : NULL;
	if (at != NULL) {
		if (!jsonscalar_take_string(state, step, &name, &good))
			return false;
		if (!jsontext_take(text, ':', "\":\""))
			return jsonstate_tell_fault(state, step);
		good = good &&
			jsonscalar_find_name(state, node, step, &name, &number);
		if (good && number != JSONPLAN_NO_NAME &&
		    number != node->null_branch)
			return read_branch(state, node, step, number);
		if (!jsonstate_may_go_on(state))
			return false;
	}
	text->at = start;
	text->depth--;
	if (!jsontext_skip(text))
		return jsonstate_tell_fault(state, step);
	if (!good)
		return true;
	if (at != NULL) {
		const uint8_t *behind = text->at;

		text->at = name.bytes + name.len + 1;
		good = refuse_branch(state, node, step, at);
		text->at = behind;
		return good;
	}
	return refuse_branch(state, node, step, start);
}

static bool
read_value(struct jsonstate *state, const struct jsonplan_node *node,
           const struct contract_step *step)
{
	switch (node->schema->type) {
	case SCHEMA_NULL:
		return jsonscalar_read_null(state, step);
	case SCHEMA_BOOLEAN:
		return jsonscalar_read_boolean(state, step);
	case SCHEMA_INT:
		return jsonscalar_read_integer(state, step, true);
	case SCHEMA_LONG:
		return jsonscalar_read_integer(state, step, false);
	case SCHEMA_FLOAT:
		return jsonscalar_read_real(state, step, true);
	case SCHEMA_DOUBLE:
		return jsonscalar_read_real(state, step, false);
	case SCHEMA_BYTES:
	case SCHEMA_FIXED:
		return jsonscalar_read_bytes(state, node->schema, step);
	case SCHEMA_STRING:
		return jsonscalar_read_string(state, step);
	case SCHEMA_RECORD:
		return read_record(state, node, step);
	case SCHEMA_ENUM:
		return jsonscalar_read_enum(state, node, step);
	case SCHEMA_ARRAY:
		return read_array(state, node, step);
	case SCHEMA_MAP:
		return read_map(state, node, step);
	default:
		return read_union(state, node, step);
	}
}

/* -- public -------------------------------------------------------------- */

void
jsonreader_run(const struct jsonplan *plan,
               const struct jsonreader_source *source, struct arena *arena,
               struct text *out, struct contract_result *result)
{
	const struct contract_step root = { .up = NULL };
	struct jsonstate_span spans[JSONREADER_SPANS];
	size_t before = out->len, room = out->size_max - out->len;
	struct jsonstate state;

	state.text.start = (const uint8_t *)source->json;
	state.text.at = state.text.start;
	state.text.end = state.text.start + source->len;
	state.text.line = source->line;
	state.text.depth = 0;
	state.text.fault = NULL;
	state.arena = arena;
	state.result = result;
	state.out = out;
	state.spans = spans;
	state.span_count = 0;
	state.span_size = JSONREADER_SPANS;
	state.scratch = NULL;
	state.scratch_size = 0;
	if (room > source->len + JSONREADER_ROOM)
		room = source->len + JSONREADER_ROOM;
	state.to = (uint8_t *)text_make_room(out, room);
	if (state.to == NULL) {
		jsonstate_tell_full(&state, &root);
		return;
	}
	state.to_end = state.to + room;
	if (read_value(&state, plan->root, &root) &&
	    (jsontext_peek(&state.text) != 0 ||
	     state.text.at < state.text.end)) {
		jsontext_fail(&state.text, "nothing behind the value");
		jsonstate_tell_fault(&state, &root);
	}
	jsonstate_sync(&state);
	if (result->violation_count > 0)
		out->len = before;
	out->bytes[out->len] = '\0';
}
