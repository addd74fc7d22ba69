/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * One table; the reference page is printed from it.
 */
#include "contracts/contract_rule.h"

#include "base/runtime/check.h"

static const struct {
	const char *id;
	const char *text;
} contract_rules[CONTRACT_RULE_TABLE_LEN] = {
	[CONTRACT_RULE_JSON_SYNTAX] = { "json.syntax",
	                                "The text is one value of JSON, and nothing follows. What breaks "
	                                "this is the last violation: nothing behind it is read." },
	[CONTRACT_RULE_JSON_DEPTH] = { "json.depth",
	                               "Objects and arrays are nested at most 512 deep." },
	[CONTRACT_RULE_JSON_UTF8] = { "json.utf8",
	                              "Strings and names are valid UTF-8, and of a surrogate pair both "
	                              "halves are there." },
	[CONTRACT_RULE_JSON_TYPE] = { "json.type",
	                              "A value is what strict Avro JSON writes for its type: an int or "
	                              "long has neither point nor exponent." },
	[CONTRACT_RULE_JSON_RANGE] = { "json.range",
	                               "A number is within its type. Digits that a float or double "
	                               "cannot hold are rounded." },
	[CONTRACT_RULE_JSON_BYTES] = { "json.bytes",
	                               "Bytes and fixed are a string of characters from U+0000 to "
	                               "U+00FF, one a byte; a fixed has its size." },
	[CONTRACT_RULE_JSON_ENUM] = { "json.enum",
	                              "An enum is the name of a symbol." },
	[CONTRACT_RULE_JSON_UNION] = { "json.union",
	                               "A union is null, or an object whose one member is named for the "
	                               "type: its name with its namespace, or `string` and the like." },
	[CONTRACT_RULE_JSON_UNKNOWN] = { "json.unknown",
	                                 "A member of a record is named for a field." },
	[CONTRACT_RULE_JSON_DUPLICATE] = { "json.duplicate",
	                                   "No member is there twice, and no key of a map." },
	[CONTRACT_RULE_JSON_MISSING] = { "json.missing",
	                                 "Each field is there, unless the schema gives it a default, which "
	                                 "is then taken." },
	[CONTRACT_RULE_CSV_QUOTE] = { "csv.quote",
	                              "A value in quotes ends with its closing quote, and a quote within "
	                              "it is doubled; a value without has no quote." },
	[CONTRACT_RULE_CSV_COLUMNS] = { "csv.columns",
	                                "A row has as many values as the header." },
	[CONTRACT_RULE_CSV_UTF8] = { "csv.utf8", "A value is valid UTF-8." },
	[CONTRACT_RULE_CSV_EMPTY] = { "csv.empty",
	                              "A value is empty only for a string, for bytes, or for a field that may "
	                              "be null." },
	[CONTRACT_RULE_CSV_VALUE] = { "csv.value",
	                              "A value is written as its type or logical type says." },
	[CONTRACT_RULE_CSV_RANGE] = { "csv.range",
	                              "A number, date or time is within its type; a decimal has no more "
	                              "digits than its precision and scale." },
	[CONTRACT_RULE_HEADER_RESERVED] = { "header.reserved",
	                                    "No header of a producer begins with `waybill-`." },
	[CONTRACT_RULE_SIZE_EXCEEDED] = { "size.exceeded",
	                                  "The body is no longer than the limit of its feed and of its "
	                                  "contract. A longer one is not looked into." },
	[CONTRACT_RULE_TOMBSTONE_REFUSED] = { "tombstone.refused",
	                                      "A null body is legal only where the contract says "
	                                      "`\"tombstones\": true`." },
	[CONTRACT_RULE_TOMBSTONE_KEYLESS] = { "tombstone.keyless",
	                                      "A tombstone has a key: it would delete nothing." },
	[CONTRACT_RULE_FRAME_TRUNCATED] = { "frame.truncated",
	                                    "The body is at least as long as its framing." },
	[CONTRACT_RULE_FRAME_MAGIC] = { "frame.magic",
	                                "The body begins with the marker of its framing: `00` "
	                                "(confluent), `c3 01` (single-object)." },
	[CONTRACT_RULE_FRAME_SCHEMA_ID] = { "frame.schema-id",
	                                    "The schema id of a confluent frame is the contract's." },
	[CONTRACT_RULE_FRAME_FINGERPRINT] = { "frame.fingerprint",
	                                      "The fingerprint of a single-object frame is that of the "
	                                      "contract's schema." },
	[CONTRACT_RULE_TRUNCATED] = { "avro.truncated",
	                              "The body does not end in the middle of a value." },
	[CONTRACT_RULE_VARINT] = { "avro.varint",
	                           "An int has at most 5 bytes and 32 bits, a long at most 10 "
	                           "bytes and 64 bits." },
	[CONTRACT_RULE_BOOLEAN] = { "avro.boolean", "A boolean is 0 or 1." },
	[CONTRACT_RULE_LENGTH] = { "avro.length",
	                           "The length of a string or of bytes is not negative." },
	[CONTRACT_RULE_UTF8] = { "avro.utf8",
	                         "A string, and the key of a map, is valid UTF-8." },
	[CONTRACT_RULE_ENUM] = { "avro.enum",
	                         "An enum is one of its symbols." },
	[CONTRACT_RULE_UNION] = { "avro.union",
	                          "A union is one of its branches." },
	[CONTRACT_RULE_COUNT] = { "avro.count",
	                          "The elements of an array or map could fit into the bytes that "
	                          "are left; those that take no bytes are at most 65536 in a "
	                          "message." },
	[CONTRACT_RULE_BLOCK_SIZE] = { "avro.block-size",
	                               "A block that says its size in bytes has that size." },
	[CONTRACT_RULE_DEPTH] = { "avro.depth",
	                          "Arrays, maps and records that are used in several places are "
	                          "nested at most 64 deep." },
	[CONTRACT_RULE_TRAILING] = { "avro.trailing",
	                             "Nothing follows the value." },
	[CONTRACT_RULE_INVALID] = { "avro.invalid",
	                            "The body is a value of the schema (said where no other rule "
	                            "says it better)." },
	[CONTRACT_RULE_DECIMAL] = { "logical.decimal",
	                            "A decimal has at least one byte and no more digits than its "
	                            "precision." },
	[CONTRACT_RULE_UUID] = { "logical.uuid",
	                         "A uuid in a string has 8-4-4-4-12 hexadecimal digits." },
	[CONTRACT_RULE_TIME] = { "logical.time",
	                         "A time of day is not negative and less than a day." },
	[CONTRACT_RULE_KEY_SEPARATOR] = { "key.separator",
	                                  "No field of a key of several fields contains the byte 1F that "
	                                  "joins them." },
	[CONTRACT_RULE_KEY_SIZE] = { "key.size",
	                             "The key made of the key fields has at most 1024 bytes." },
	[CONTRACT_RULE_KEY_MISSING] = { "key.missing",
	                                "A message has a key where the contract names key fields, "
	                                "unless it says `\"key-optional\": true`." },
	[CONTRACT_RULE_KEY_MISMATCH] = { "key.mismatch",
	                                 "The key is what the key fields make: their text, joined by "
	                                 "the byte 1F." },
};

/* -- public -------------------------------------------------------------- */

const char *
contract_rule_id(enum contract_rule rule)
{
	CHECK((unsigned)rule < CONTRACT_RULE_TABLE_LEN);
	return contract_rules[rule].id;
}

const char *
contract_rule_text(enum contract_rule rule)
{
	CHECK((unsigned)rule < CONTRACT_RULE_TABLE_LEN);
	return contract_rules[rule].text;
}
