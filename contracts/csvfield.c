/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "contracts/csvfield.h"

#include <math.h>
#include <string.h>

#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "contracts/isotime.h"
#include "contracts/numeral.h"
#include "contracts/varint.h"

static bool
add_plain(const struct jsonplan_node *node, const uint8_t *bytes, size_t len,
          struct text *out, struct csvfield_fault *fault);

/* Always false. */
static bool
refuse(struct csvfield_fault *fault, enum contract_rule rule,
       const char *expected)
{
	fault->rule = rule;
	fault->expected = expected;
	return false;
}

static void
add_long(struct text *out, int64_t value)
{
	uint8_t bytes[VARINT_BYTES_MAX];

	text_add_bytes(out, bytes, (size_t)varint_write(bytes, value));
}

static bool
is_word(const uint8_t *bytes, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(bytes, word, len) == 0;
}

static bool
read_number(const uint8_t *bytes, size_t len, struct numeral *out)
{
	return numeral_read(bytes, bytes + len, out) == bytes + len;
}

/* -- numbers ---------------------------------------------------------------- */

static bool
add_integer(bool is_int, const uint8_t *bytes, size_t len, struct text *out,
            struct csvfield_fault *fault)
{
	struct numeral number;
	int64_t value;

	if (!read_number(bytes, len, &number) || !number.is_integer)
		return refuse(fault, CONTRACT_RULE_CSV_VALUE, "an integer");
	if (!numeral_to_integer(&number, is_int ? INT32_MIN : INT64_MIN,
	                        is_int ? INT32_MAX : INT64_MAX, &value))
		return refuse(fault, CONTRACT_RULE_CSV_RANGE,
		              is_int ? "an int, from -2147483648 to 2147483647"
		                     : "a long, from -9223372036854775808 to "
		                       "9223372036854775807");
	add_long(out, value);
	return true;
}

static bool
read_special(const uint8_t *bytes, size_t len, double *out)
{
	if (is_word(bytes, len, "NaN"))
		*out = (double)NAN;
	else if (is_word(bytes, len, "Infinity"))
		*out = (double)INFINITY;
	else if (is_word(bytes, len, "-Infinity"))
		*out = (double)-INFINITY;
	else
		return false;
	return true;
}

static bool
add_real(bool is_float, const uint8_t *bytes, size_t len, struct text *out,
         struct csvfield_fault *fault)
{
	struct numeral number;
	double twice = 0;
	float once = 0;
	bool good = true;

	if (read_special(bytes, len, &twice))
		once = (float)twice;
	else if (!read_number(bytes, len, &number))
		return refuse(fault, CONTRACT_RULE_CSV_VALUE, "a number");
	else
		good = is_float ? numeral_to_float(&number, &once)
				: numeral_to_double(&number, &twice);
	if (!good)
		return refuse(fault, CONTRACT_RULE_CSV_RANGE,
		              is_float ? "a float" : "a double");
	if (is_float)
		text_add_bytes(out, &once, sizeof(once));
	else
		text_add_bytes(out, &twice, sizeof(twice));
	return true;
}

static bool
add_decimal(const struct schema_node *node, const uint8_t *bytes, size_t len,
            struct text *out, struct csvfield_fault *fault)
{
	uint8_t value[NUMERAL_DECIMAL_MAX], fill;
	struct numeral number;
	size_t value_len;

	if (!read_number(bytes, len, &number))
		return refuse(fault, CONTRACT_RULE_CSV_VALUE, "a decimal");
	switch (numeral_to_decimal(&number, node->precision, node->scale, value,
	                           &value_len)) {
	case NUMERAL_SCALE:
		return refuse(fault, CONTRACT_RULE_CSV_RANGE,
		              "no more digits behind the point than the scale");
	case NUMERAL_LARGE:
		return refuse(fault, CONTRACT_RULE_CSV_RANGE,
		              "no more digits than the precision");
	default:
		break;
	}
	if (node->type == SCHEMA_BYTES)
		add_long(out, (int64_t)value_len);
	else if (value_len > node->size)
		return refuse(fault, CONTRACT_RULE_CSV_RANGE,
		              "no more digits than the fixed has room for");
	fill = value[0] >= 0x80 ? 0xff : 0;
	for (size_t i = value_len; node->type == SCHEMA_FIXED && i < node->size;
	     i++)
		text_add_bytes(out, &fill, 1);
	text_add_bytes(out, value, value_len);
	return true;
}

/* -- dates and times -------------------------------------------------------- */

static const struct {
	enum schema_logical logical;
	const char *expected;
	int digits; /* behind the second */
	enum isotime_zone zone;
} csvfield_times[] = {
	{ SCHEMA_TIMESTAMP_MILLIS, "a time as 2025-01-31T23:59:59.999Z", 3,
	  ISOTIME_ZONE },
	{ SCHEMA_TIMESTAMP_MICROS, "a time as 2025-01-31T23:59:59.999999Z", 6,
	  ISOTIME_ZONE },
	{ SCHEMA_TIMESTAMP_NANOS, "a time as 2025-01-31T23:59:59.999999999Z", 9,
	  ISOTIME_ZONE },
	{ SCHEMA_LOCAL_MILLIS, "a time as 2025-01-31T23:59:59.999", 3,
	  ISOTIME_LOCAL },
	{ SCHEMA_LOCAL_MICROS, "a time as 2025-01-31T23:59:59.999999", 6,
	  ISOTIME_LOCAL },
	{ SCHEMA_LOCAL_NANOS, "a time as 2025-01-31T23:59:59.999999999", 9,
	  ISOTIME_LOCAL },
	{ SCHEMA_TIME_MILLIS, "a time of day as 23:59:59.999", 3,
	  ISOTIME_OF_DAY },
	{ SCHEMA_TIME_MICROS, "a time of day as 23:59:59.999999", 6,
	  ISOTIME_OF_DAY },
	{ SCHEMA_DATE, "a date as 2025-01-31", 0, ISOTIME_DATE },
};

#define CSVFIELD_TIMES (sizeof(csvfield_times) / sizeof(csvfield_times[0]))

static bool
is_time(const struct schema_node *node)
{
	for (size_t i = 0; i < CSVFIELD_TIMES; i++)
		if (csvfield_times[i].logical == node->logical)
			return true;
	return false;
}

static bool
add_time(const struct schema_node *node, const uint8_t *bytes, size_t len,
         struct text *out, struct csvfield_fault *fault)
{
	int64_t value;

	for (size_t i = 0; i < CSVFIELD_TIMES; i++) {
		if (csvfield_times[i].logical != node->logical)
			continue;
		switch (isotime_read(bytes, len, csvfield_times[i].zone,
		                     csvfield_times[i].digits, &value)) {
		case ISOTIME_GOOD:
			add_long(out, value);
			return true;
		case ISOTIME_RANGE:
			return refuse(fault, CONTRACT_RULE_CSV_RANGE,
			              csvfield_times[i].expected);
		default:
			return refuse(fault, CONTRACT_RULE_CSV_VALUE,
			              csvfield_times[i].expected);
		}
	}
	return false;
}

/* -- texts and bytes -------------------------------------------------------- */

static int
hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Hexadecimal, as messages are printed; a uuid has its dashes. */
static bool
add_hex(const struct schema_node *node, const uint8_t *bytes, size_t len,
        struct text *out, struct csvfield_fault *fault)
{
	bool is_uuid = node->logical == SCHEMA_UUID;
	const char *expected = is_uuid ? "a uuid" : "hexadecimal digits";
	size_t count = is_uuid ? 16 : len / 2;

	if ((is_uuid && len != 36) || (!is_uuid && len % 2 != 0))
		return refuse(fault, CONTRACT_RULE_CSV_VALUE, expected);
	if (node->type == SCHEMA_FIXED && count != node->size)
		return refuse(fault, CONTRACT_RULE_CSV_VALUE,
		              "two hexadecimal digits for each byte of the "
		              "fixed");
	if (node->type == SCHEMA_BYTES)
		add_long(out, (int64_t)count);
	for (size_t i = 0; i < len; i += 2) {
		uint8_t byte;

		if (is_uuid && (i == 8 || i == 13 || i == 18 || i == 23)) {
			if (bytes[i] != '-')
				return refuse(fault, CONTRACT_RULE_CSV_VALUE,
				              expected);
			i++;
		}
		if (hex_digit(bytes[i]) < 0 || hex_digit(bytes[i + 1]) < 0)
			return refuse(fault, CONTRACT_RULE_CSV_VALUE, expected);
		byte = (uint8_t)(hex_digit(bytes[i]) << 4 |
		                 hex_digit(bytes[i + 1]));
		text_add_bytes(out, &byte, 1);
	}
	return true;
}

static bool
add_text(const struct schema_node *node, const uint8_t *bytes, size_t len,
         struct text *out, struct csvfield_fault *fault)
{
	if (!text_is_utf8(bytes, len))
		return refuse(fault, CONTRACT_RULE_CSV_UTF8, "valid UTF-8");
	add_long(out, (int64_t)len);
	text_add_bytes(out, bytes, len);
	return true;
}

static bool
add_symbol(const struct jsonplan_node *node, const uint8_t *bytes, size_t len,
           struct text *out, struct csvfield_fault *fault)
{
	size_t number = jsonplan_find(node, bytes, len);

	if (number == JSONPLAN_NO_NAME)
		return refuse(fault, CONTRACT_RULE_CSV_VALUE,
		              "a symbol of the enum");
	add_long(out, (int64_t)number);
	return true;
}

static bool
add_boolean(const uint8_t *bytes, size_t len, struct text *out,
            struct csvfield_fault *fault)
{
	uint8_t truth = is_word(bytes, len, "true");

	if (!truth && !is_word(bytes, len, "false"))
		return refuse(fault, CONTRACT_RULE_CSV_VALUE, "true or false");
	text_add_bytes(out, &truth, 1);
	return true;
}

static bool
add_plain(const struct jsonplan_node *node, const uint8_t *bytes, size_t len,
          struct text *out, struct csvfield_fault *fault)
{
	const struct schema_node *schema = node->schema;

	if (is_time(schema))
		return add_time(schema, bytes, len, out, fault);
	if (schema->logical == SCHEMA_DECIMAL)
		return add_decimal(schema, bytes, len, out, fault);
	switch (schema->type) {
	case SCHEMA_BOOLEAN:
		return add_boolean(bytes, len, out, fault);
	case SCHEMA_INT:
	case SCHEMA_LONG:
		return add_integer(schema->type == SCHEMA_INT, bytes, len, out,
		                   fault);
	case SCHEMA_FLOAT:
	case SCHEMA_DOUBLE:
		return add_real(schema->type == SCHEMA_FLOAT, bytes, len, out,
		                fault);
	case SCHEMA_STRING:
		return add_text(schema, bytes, len, out, fault);
	case SCHEMA_ENUM:
		return add_symbol(node, bytes, len, out, fault);
	default:
		return add_hex(schema, bytes, len, out, fault);
	}
}

/* The branch of a union that is not null. */
static size_t
other_branch(const struct jsonplan_node *node)
{
	return node->null_branch == 0 ? 1 : 0;
}

/* -- public -------------------------------------------------------------- */

bool
csvfield_is_known(const struct schema_node *node)
{
	if (node->type == SCHEMA_UNION) {
		const struct schema_node *other;

		if (node->child_count != 2)
			return false;
		if (node->children[0]->type != SCHEMA_NULL &&
		    node->children[1]->type != SCHEMA_NULL)
			return false;
		other = node->children[node->children[0]->type == SCHEMA_NULL];
		return other->type != SCHEMA_UNION && csvfield_is_known(other);
	}
	return node->type != SCHEMA_RECORD && node->type != SCHEMA_ARRAY &&
		node->type != SCHEMA_MAP && node->type != SCHEMA_NULL;
}

bool
csvfield_add(const struct jsonplan_node *node, const uint8_t *bytes, size_t len,
             bool is_quoted, struct text *out, struct csvfield_fault *out_fault)
{
	if (node->schema->type == SCHEMA_UNION) {
		if (len == 0 && !is_quoted) {
			add_long(out, (int64_t)node->null_branch);
			return true;
		}
		add_long(out, (int64_t)other_branch(node));
		node = node->children[other_branch(node)];
	}
	if (len == 0 && node->schema->type != SCHEMA_STRING &&
	    node->schema->type != SCHEMA_BYTES)
		return refuse(out_fault, CONTRACT_RULE_CSV_EMPTY, "a value");
	return add_plain(node, bytes, len, out, out_fault);
}
