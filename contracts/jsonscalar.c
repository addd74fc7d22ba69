/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "contracts/jsonscalar.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "contracts/jsonplan.h"

/* -- strings ---------------------------------------------------------------- */

bool
jsonscalar_take_string(struct jsonstate *state,
                       const struct contract_step *step,
                       struct jsontext_string *out, bool *out_good)
{
	*out_good = true;
	if (JSONSTATE_UNLIKELY(!jsontext_string(&state->text, out)))
		return jsonstate_tell_fault(state, step);
	if (JSONSTATE_UNLIKELY(out->has_high &&
	                       !text_is_utf8(out->bytes, out->len))) {
		*out_good = false;
		jsonstate_tell_value(state, step, CONTRACT_RULE_JSON_UTF8,
		                     out->bytes - 1, "valid UTF-8");
		return jsonstate_may_go_on(state);
	}
	return true;
}

/* Into room that is there: no longer than the string is. */
static bool
decode(struct jsonstate *state, const struct contract_step *step,
       const struct jsontext_string *string, uint8_t *out, size_t *out_len)
{
	if (JSONSTATE_LIKELY(!string->has_escape)) {
		memcpy(out, string->bytes, string->len);
		*out_len = string->len;
		return true;
	}
	*out_len = jsontext_decode(string, out);
	if (*out_len != SIZE_MAX)
		return true;
	*out_len = 0;
	jsonstate_tell_value(state, step, CONTRACT_RULE_JSON_UTF8,
	                     string->bytes - 1,
	                     "both halves of a surrogate pair");
	return false;
}

bool
jsonscalar_put_string(struct jsonstate *state, const struct contract_step *step,
                      const struct jsontext_string *string, size_t *out_len)
{
	uint8_t *behind;
	size_t len;

	if (JSONSTATE_UNLIKELY(!jsonstate_need(
		    state, string->len + VARINT_BYTES_MAX, step)))
		return false;
	if (JSONSTATE_LIKELY(!string->has_escape)) {
		state->to += varint_write(state->to, (int64_t)string->len);
		memcpy(state->to, string->bytes, string->len);
		state->to += string->len;
		*out_len = string->len;
		return true;
	}
	if (!decode(state, step, string, state->to + VARINT_BYTES_MAX, &len))
		return jsonstate_may_go_on(state);
	behind = state->to + varint_write(state->to, (int64_t)len);
	memmove(behind, state->to + VARINT_BYTES_MAX, len);
	state->to = behind + len;
	*out_len = len;
	return true;
}

bool
jsonscalar_read_string(struct jsonstate *state,
                       const struct contract_step *step)
{
	struct jsontext_string string;
	size_t len;
	bool good;

	if (JSONSTATE_UNLIKELY(jsontext_peek(&state->text) != '"'))
		return jsonstate_refuse_type(state, step, "a string");
	if (!jsonscalar_take_string(state, step, &string, &good))
		return false;
	return JSONSTATE_UNLIKELY(!good) ||
		jsonscalar_put_string(state, step, &string, &len);
}

/* UTF-8 in place to a byte for each character; false: one has no byte. */
static bool
shrink_to_bytes(uint8_t *bytes, size_t *len)
{
	size_t to = 0;

	for (size_t from = 0; from < *len; from++) {
		uint8_t byte = bytes[from];

		if (byte >= 0xc4)
			return false;
		if (byte >= 0x80)
			byte = (uint8_t)(byte << 6 | (bytes[++from] & 0x3f));
		bytes[to++] = byte;
	}
	*len = to;
	return true;
}

static bool
put_binary(struct jsonstate *state, const struct contract_step *step,
           const struct jsontext_string *string, const struct schema_node *node)
{
	bool is_fixed = node->type == SCHEMA_FIXED;
	char expected[64];
	uint8_t *at;
	size_t len;

	if (!jsonstate_need(state, string->len + VARINT_BYTES_MAX, step))
		return false;
	at = state->to + VARINT_BYTES_MAX;
	if (!decode(state, step, string, at, &len))
		return jsonstate_may_go_on(state);
	if (!shrink_to_bytes(at, &len)) {
		jsonstate_tell_value(
			state, step, CONTRACT_RULE_JSON_BYTES,
			string->bytes - 1,
			"characters from U+0000 to U+00FF, one a byte");
		return jsonstate_may_go_on(state);
	}
	if (is_fixed && len != node->size) {
		snprintf(expected, sizeof(expected), "%u characters",
		         node->size);
		jsonstate_tell_value(state, step, CONTRACT_RULE_JSON_BYTES,
		                     string->bytes - 1, expected);
		return jsonstate_may_go_on(state);
	}
	if (!is_fixed)
		state->to += varint_write(state->to, (int64_t)len);
	memmove(state->to, at, len);
	state->to += len;
	return true;
}

bool
jsonscalar_read_bytes(struct jsonstate *state, const struct schema_node *node,
                      const struct contract_step *step)
{
	struct jsontext_string string;
	bool good;

	if (jsontext_peek(&state->text) != '"')
		return jsonstate_refuse_type(
			state, step, "a string of one character a byte");
	if (!jsonscalar_take_string(state, step, &string, &good))
		return false;
	return !good || put_binary(state, step, &string, node);
}

bool
jsonscalar_find_name(struct jsonstate *state, const struct jsonplan_node *node,
                     const struct contract_step *step,
                     const struct jsontext_string *string, size_t *out)
{
	uint8_t *scratch;
	size_t len;

	if (JSONSTATE_LIKELY(!string->has_escape)) {
		*out = jsonplan_find(node, string->bytes, string->len);
		return true;
	}
	scratch = jsonstate_take_scratch(state, string->len);
	if (!decode(state, step, string, scratch, &len))
		return false;
	*out = jsonplan_find(node, scratch, len);
	return true;
}

void
jsonscalar_print_choice(char out[JSONSCALAR_CHOICE_MAX], const char *front,
                        const struct jsonplan_node *node)
{
	size_t len = (size_t)snprintf(out, JSONSCALAR_CHOICE_MAX, "%s", front);

	for (size_t i = 0; i < node->name_count; i++) {
		if (len + node->names[i].len + 8 > JSONSCALAR_CHOICE_MAX) {
			snprintf(out + len, JSONSCALAR_CHOICE_MAX - len,
			         ", ...");
			return;
		}
		len += (size_t)snprintf(out + len, JSONSCALAR_CHOICE_MAX - len,
		                        "%s%s", i > 0 ? ", " : " ",
		                        node->names[i].text);
	}
}

bool
jsonscalar_read_enum(struct jsonstate *state, const struct jsonplan_node *node,
                     const struct contract_step *step)
{
	struct jsontext_string string;
	char expected[JSONSCALAR_CHOICE_MAX];
	size_t number;
	bool good;

	if (jsontext_peek(&state->text) != '"')
		return jsonstate_refuse_type(state, step, "a string: a symbol");
	if (!jsonscalar_take_string(state, step, &string, &good))
		return false;
	if (!good || !jsonscalar_find_name(state, node, step, &string, &number))
		return jsonstate_may_go_on(state);
	if (JSONSTATE_LIKELY(number != JSONPLAN_NO_NAME))
		return jsonstate_put_long(state, (int64_t)number, step);
	jsonscalar_print_choice(expected, "one of", node);
	jsonstate_tell_value(state, step, CONTRACT_RULE_JSON_ENUM,
	                     string.bytes - 1, expected);
	return jsonstate_may_go_on(state);
}

/* -- numbers ---------------------------------------------------------------- */

static inline bool
begins_number(uint8_t byte)
{
	return byte == '-' || (uint8_t)(byte - '0') <= 9;
}

bool
jsonscalar_read_integer(struct jsonstate *state,
                        const struct contract_step *step, bool is_int)
{
	const uint8_t *at;
	struct numeral number;
	int64_t value;

	if (JSONSTATE_UNLIKELY(!begins_number(jsontext_peek(&state->text))))
		return jsonstate_refuse_type(state, step,
		                             is_int ? "a number: an int"
		                                    : "a number: a long");
	at = state->text.at;
	if (JSONSTATE_UNLIKELY(!jsontext_number(&state->text, &number)))
		return jsonstate_tell_fault(state, step);
	if (JSONSTATE_LIKELY(
		    numeral_to_integer(&number, is_int ? INT32_MIN : INT64_MIN,
	                               is_int ? INT32_MAX : INT64_MAX, &value)))
		return jsonstate_put_long(state, value, step);
	if (!number.is_integer)
		jsonstate_tell_value(state, step, CONTRACT_RULE_JSON_TYPE, at,
		                     "an integer, without point and exponent");
	else
		jsonstate_tell_value(
			state, step, CONTRACT_RULE_JSON_RANGE, at,
			is_int ? "an int, from -2147483648 to 2147483647"
			       : "a long, from -9223372036854775808 to "
				 "9223372036854775807");
	return jsonstate_may_go_on(state);
}

/* What JSON has no numbers for, as other implementations write it. */
static bool
read_special(struct jsonstate *state, const struct contract_step *step,
             double *out, bool *out_good)
{
	const uint8_t *at = state->text.at;
	struct jsontext_string string;

	*out_good = true;
	if (!jsontext_string(&state->text, &string))
		return jsonstate_tell_fault(state, step);
	if (string.len == 3 && memcmp(string.bytes, "NaN", 3) == 0) {
		*out = (double)NAN;
	} else if (string.len == 8 &&
	           memcmp(string.bytes, "Infinity", 8) == 0) {
		*out = (double)INFINITY;
	} else if (string.len == 9 &&
	           memcmp(string.bytes, "-Infinity", 9) == 0) {
		*out = (double)-INFINITY;
	} else {
		*out_good = false;
		jsonstate_tell_value(
			state, step, CONTRACT_RULE_JSON_TYPE, at,
			"a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
	}
	return *out_good || jsonstate_may_go_on(state);
}

static bool
put_real(struct jsonstate *state, const struct contract_step *step,
         bool is_float, double twice, float once)
{
	if (is_float)
		return jsonstate_put_bytes(state, &once, sizeof(once), step);
	return jsonstate_put_bytes(state, &twice, sizeof(twice), step);
}

bool
jsonscalar_read_real(struct jsonstate *state, const struct contract_step *step,
                     bool is_float)
{
	uint8_t first = jsontext_peek(&state->text);
	const uint8_t *at = state->text.at;
	struct numeral number;
	double twice = 0;
	float once = 0;
	bool good;

	if (first == '"') {
		if (!read_special(state, step, &twice, &good))
			return false;
		return !good ||
			put_real(state, step, is_float, twice, (float)twice);
	}
	if (!begins_number(first))
		return jsonstate_refuse_type(state, step,
		                             is_float ? "a number: a float"
		                                      : "a number: a double");
	if (!jsontext_number(&state->text, &number))
		return jsonstate_tell_fault(state, step);
	good = is_float ? numeral_to_float(&number, &once)
			: numeral_to_double(&number, &twice);
	if (JSONSTATE_LIKELY(good))
		return put_real(state, step, is_float, twice, once);
	jsonstate_tell_value(
		state, step, CONTRACT_RULE_JSON_RANGE, at,
		number.len > NUMERAL_LEN_MAX ? "at most 4096 characters"
			: is_float           ? "a float, up to 3.4028235e38"
				   : "a double, up to 1.7976931348623157e308");
	return jsonstate_may_go_on(state);
}

bool
jsonscalar_read_boolean(struct jsonstate *state,
                        const struct contract_step *step)
{
	uint8_t first = jsontext_peek(&state->text);

	if (first != 't' && first != 'f')
		return jsonstate_refuse_type(state, step, "true or false");
	if (!jsontext_word(&state->text, first == 't' ? "true" : "false"))
		return jsonstate_tell_fault(state, step);
	if (!jsonstate_need(state, 1, step))
		return false;
	*state->to++ = first == 't';
	return true;
}

bool
jsonscalar_read_null(struct jsonstate *state, const struct contract_step *step)
{
	if (jsontext_peek(&state->text) != 'n')
		return jsonstate_refuse_type(state, step, "null");
	return jsontext_word(&state->text, "null") ||
		jsonstate_tell_fault(state, step);
}
