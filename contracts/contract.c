/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Ties the parts together: what is compiled once, and the order in which a
 * message is judged. Framing, Avro and key depend on each other; header, size
 * and a null key are told besides.
 */
#include "contracts/contract.h"

#include <stdio.h>
#include <string.h>

#include "base/model/message.h"
#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/digest.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "contracts/annotation.h"
#include "contracts/avrojson.h"
#include "contracts/canonical.h"
#include "contracts/checker.h"
#include "contracts/contract_finding.h"
#include "contracts/contract_plan.h"
#include "contracts/contract_reference.h"
#include "contracts/explainer.h"
#include "contracts/framing.h"
#include "contracts/jsonplan.h"
#include "contracts/jsonreader.h"
#include "contracts/measure.h"
#include "contracts/program.h"
#include "contracts/schema.h"

#define CONTRACT_SEPARATOR     0x1f
#define CONTRACT_HEADER_PREFIX "waybill-"

_Static_assert(ANNOTATION_KEYS_MAX < PROGRAM_KEYS_MAX,
               "a slot for each key, and for the version");

struct contract {
	int32_t id;
	int32_t version;
	char *name;
	struct schema *schema;
	struct annotation annotation;
	struct framing framing;
	struct program program;
	struct jsonplan plan;
	bool key_sensitive;
	int version_slot; /* where the checker leaves the version; -1: none */
};

/* What one check works on. */
struct judge {
	const struct contract *contract;
	const struct contract_input *input;
	struct arena *arena;
	struct contract_result *out;
	struct checker_key keys[PROGRAM_KEYS_MAX];
};

static void
find(struct judge *judge, enum contract_rule rule, const char *expected,
     const char *value, int32_t offset)
{
	struct contract_finding finding = {
		.rule = rule,
		.expected = expected,
		.value = value,
		.offset = offset,
	};

	contract_finding_add(judge->out, judge->arena, &finding);
}

/* -- headers and size ----------------------------------------------------------- */

static int32_t
header_int(const uint8_t *bytes)
{
	return (int32_t)((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	                 (uint32_t)bytes[2] << 8 | bytes[3]);
}

/* A length and as many bytes; NULL: that is not there. */
static const uint8_t *
header_part(const uint8_t *at, const uint8_t *end, const uint8_t **out,
            int32_t *out_len)
{
	if (end - at < 4)
		return NULL;
	*out_len = header_int(at);
	*out = at + 4;
	if (*out_len <= 0)
		return at + 4;
	return *out_len <= end - *out ? *out + *out_len : NULL;
}

static void
judge_headers(struct judge *judge)
{
	const size_t prefix_len = strlen(CONTRACT_HEADER_PREFIX);
	const uint8_t *at = judge->input->headers, *end;
	const uint8_t *name, *value;
	int32_t name_len, value_len;

	if (at == NULL || judge->input->headers_len <= 0)
		return;
	end = at + judge->input->headers_len;
	while (at < end) {
		at = header_part(at, end, &name, &name_len);
		if (at != NULL)
			at = header_part(at, end, &value, &value_len);
		if (at == NULL)
			return;
		if (name_len >= (int32_t)prefix_len &&
		    memcmp(name, CONTRACT_HEADER_PREFIX, prefix_len) == 0) {
			char shown[CONTRACT_FINDING_VALUE_MAX] = "";

			contract_finding_print(shown, sizeof(shown), name,
			                       (size_t)name_len);
			find(judge, CONTRACT_RULE_HEADER_RESERVED,
			     "no header that begins with waybill-", shown, -1);
		}
	}
}

static bool
size_exceeded(struct judge *judge, int64_t max, int64_t size,
              const char *of_what)
{
	char expected[64], value[96];

	snprintf(expected, sizeof(expected), "at most %lld bytes",
	         (long long)max);
	snprintf(value, sizeof(value), "%lld bytes%s", (long long)size,
	         of_what);
	find(judge, CONTRACT_RULE_SIZE_EXCEEDED, expected, value, -1);
	return false;
}

/* Whether the body may be looked into. A cluster counts the key and the
   headers too: what it would refuse for ever is refused here. */
static bool
judge_size(struct judge *judge)
{
	const struct contract_input *input = judge->input;
	int64_t max = judge->contract->annotation.body_bytes_max;
	int64_t whole = (int64_t)(input->body_len > 0 ? input->body_len : 0) +
		(input->key_len > 0 ? input->key_len : 0) +
		(input->headers_len > 0 ? input->headers_len : 0);

	if (input->body_bytes_max < max)
		max = input->body_bytes_max;
	if (__builtin_expect(input->body_len > max, 0))
		return size_exceeded(judge, max, input->body_len, "");
	if (__builtin_expect(whole > input->body_bytes_max, 0))
		return size_exceeded(judge, input->body_bytes_max, whole,
		                     " with key and headers");
	return true;
}

/* -- the key -------------------------------------------------------------------- */

static void
hash_key(const struct contract *contract, struct contract_result *out)
{
	out->has_key = true;
	out->key_hash = 0;
	if (contract->annotation.partitioner == CONTRACT_MURMUR2)
		out->key_hash = digest_murmur2(out->key, (size_t)out->key_len);
	if (contract->annotation.partitioner == CONTRACT_CRC32)
		out->key_hash = digest_crc32(out->key, (size_t)out->key_len);
}

/* Decimal digits, two at a time from the back; gives the first. */
static const uint8_t *
print_number(uint8_t out[24], int64_t number, size_t *out_len)
{
	static const char pairs[] = "00010203040506070809101112131415161718192"
				    "02122232425262728293031323334353637383940"
				    "41424344454647484950515253545556575859606"
				    "16263646566676869707172737475767778798081"
				    "828384858687888990919293949596979899";
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	uint8_t *at = out + 24;

	for (; rest >= 100; rest /= 100) {
		at -= 2;
		memcpy(at, pairs + 2 * (rest % 100), 2);
	}
	if (rest >= 10) {
		at -= 2;
		memcpy(at, pairs + 2 * rest, 2);
	} else {
		*--at = (uint8_t)('0' + rest);
	}
	if (number < 0)
		*--at = '-';
	*out_len = (size_t)(out + 24 - at);
	return at;
}

/* Appends one field's text to the key; false: a violation, or too long. */
static bool
add_key_field(struct judge *judge, size_t slot)
{
	const struct schema_node *node = judge->contract->program.keys[slot];
	const struct checker_key *key = &judge->keys[slot];
	struct contract_result *out = judge->out;
	const uint8_t *bytes = key->bytes;
	size_t len = key->len;
	uint8_t number[24];

	if (node->type == SCHEMA_ENUM) {
		bytes = (const uint8_t *)node->symbols[key->number];
		len = strlen(node->symbols[key->number]);
	} else if (node->type != SCHEMA_STRING) {
		bytes = print_number(number, key->number, &len);
	} else if (judge->contract->program.key_count > 1 && len > 0 &&
	           memchr(bytes, CONTRACT_SEPARATOR, len) != NULL) {
		find(judge, CONTRACT_RULE_KEY_SEPARATOR,
		     "no byte 1F in a field of the key",
		     judge->contract->annotation.keys[slot], -1);
		return false;
	}
	if ((size_t)out->key_len + len + 1 > CONTRACT_KEY_BYTES_MAX + 1) {
		find(judge, CONTRACT_RULE_KEY_SIZE, "at most 1024 bytes",
		     "more", -1);
		return false;
	}
	if (len > 0)
		memcpy(out->key + out->key_len, bytes, len);
	out->key_len += (int32_t)len;
	return true;
}

static bool
derive_key(struct judge *judge)
{
	struct contract_result *out = judge->out;
	size_t count = judge->contract->program.key_count;

	out->key_len = 0;
	for (size_t i = 0; i < count; i++) {
		if (!add_key_field(judge, i))
			return false;
		if (i + 1 == count)
			break;
		if (out->key_len == CONTRACT_KEY_BYTES_MAX) {
			find(judge, CONTRACT_RULE_KEY_SIZE,
			     "at most 1024 bytes", "more", -1);
			return false;
		}
		out->key[out->key_len++] = CONTRACT_SEPARATOR;
	}
	return true;
}

static void
tell_mismatch(struct judge *judge)
{
	char expected[CONTRACT_FINDING_VALUE_MAX] = "";
	char value[CONTRACT_FINDING_VALUE_MAX] = "";

	if (judge->contract->key_sensitive) {
		find(judge, CONTRACT_RULE_KEY_MISMATCH, "(redacted)",
		     "(redacted)", -1);
		return;
	}
	contract_finding_print(expected, sizeof(expected), judge->out->key,
	                       (size_t)judge->out->key_len);
	contract_finding_print(value, sizeof(value), judge->input->key,
	                       (size_t)judge->input->key_len);
	find(judge, CONTRACT_RULE_KEY_MISMATCH, expected, value, -1);
}

static void
tell_missing(struct judge *judge)
{
	const struct annotation *annotation = &judge->contract->annotation;
	char expected[CONTRACT_FINDING_VALUE_MAX];
	size_t len = 0;

	for (size_t i = 0; i < annotation->key_count; i++) {
		int added = snprintf(expected + len, sizeof(expected) - len,
		                     "%s%s", i > 0 ? ", " : "a key of ",
		                     annotation->keys[i]);

		len += (size_t)added;
		if (len >= sizeof(expected))
			break;
	}
	find(judge, CONTRACT_RULE_KEY_MISSING, expected, "null", -1);
}

/* derived: whether out->key has what the body says. */
static void
judge_key(struct judge *judge, bool derived)
{
	const struct contract_input *input = judge->input;
	const struct contract_result *out = judge->out;

	if (input->key == NULL) {
		if (!judge->contract->annotation.key_optional &&
		    !input->derive_key)
			tell_missing(judge);
		return;
	}
	if (!derived)
		return;
	if (input->key_len != out->key_len ||
	    memcmp(input->key, out->key, (size_t)out->key_len) != 0)
		tell_mismatch(judge);
}

/* -- the body --------------------------------------------------------------------- */

/* A tombstone's key is what it is about; it cannot be derived. */
static void
judge_tombstone(struct judge *judge)
{
	const struct contract_input *input = judge->input;
	struct contract_result *out = judge->out;

	if (!judge->contract->annotation.tombstones)
		find(judge, CONTRACT_RULE_TOMBSTONE_REFUSED, "a body", "null",
		     -1);
	if (input->key == NULL)
		find(judge, CONTRACT_RULE_TOMBSTONE_KEYLESS, "a key", "null",
		     -1);
	if (judge->contract->program.key_count == 0 || input->key == NULL)
		return;
	if (input->key_len > CONTRACT_KEY_BYTES_MAX) {
		find(judge, CONTRACT_RULE_KEY_SIZE, "at most 1024 bytes",
		     "more", -1);
		return;
	}
	memcpy(out->key, input->key, (size_t)input->key_len);
	out->key_len = input->key_len;
	if (out->violation_count == 0)
		hash_key(judge->contract, out);
}

/* Whether the key fields could be read. */
static bool
judge_body(struct judge *judge)
{
	const struct framing *framing = &judge->contract->framing;
	const uint8_t *body = judge->input->body;
	int32_t body_len = judge->input->body_len;
	char expected[64], value[64];
	enum checker_answer answer;
	enum contract_rule rule;
	int32_t offset;

	if (!framing_matches(framing, body, body_len)) {
		rule = framing_explain(framing, body, body_len, expected, value,
		                       &offset);
		find(judge, rule, expected, value, offset);
		return false;
	}
	answer = checker_run(&judge->contract->program, body + framing->len,
	                     (size_t)(body_len - framing->len), judge->keys);
	if (__builtin_expect(answer == CHECKER_GOOD, 1))
		return true;
	if (explainer_run(judge->contract->schema, body, body_len, framing->len,
	                  judge->arena, judge->out) == 0)
		find(judge, CONTRACT_RULE_INVALID, "a value of the schema", "",
		     -1);
	return answer == CHECKER_ILLOGICAL;
}

/* The key fields take the first slots; the version has one of its own, unless
   it is one of them, and only where somebody asks for it. */
static void
compile_program(struct contract *contract)
{
	const struct annotation *annotation = &contract->annotation;
	const char *paths[PROGRAM_KEYS_MAX];
	size_t count = annotation->key_count;

	contract->version_slot = -1;
	memcpy(paths, annotation->keys, count * sizeof(paths[0]));
	for (size_t i = 0; annotation->marks_late && i < count; i++)
		if (strcmp(paths[i], annotation->version) == 0)
			contract->version_slot = (int)i;
	if (annotation->marks_late && contract->version_slot < 0) {
		contract->version_slot = (int)count;
		paths[count++] = annotation->version;
	}
	program_compile(contract->schema, paths, count, &contract->program);
	contract->program.key_count = annotation->key_count;
}

/* -- public ------------------------------------------------------------------------- */

enum err_code
contract_compile(int32_t id, const char *name, int32_t version,
                 const char *avsc, struct contract **out, struct err *err)
{
	struct contract *contract = memory_calloc(1, sizeof(*contract));
	struct annotation *annotation = &contract->annotation;
	enum err_code code;

	contract->id = id;
	contract->version = version;
	contract->name = memory_strdup(name);
	code = schema_parse(avsc, &contract->schema, err);
	if (code == ERR_OK)
		code = annotation_read(contract->schema, annotation, err);
	if (code == ERR_OK)
		code = jsonplan_init(&contract->plan, contract->schema, err);
	if (code != ERR_OK) {
		contract_free(&contract);
		return err_context(err, "contract %s", name);
	}
	framing_init(&contract->framing, annotation->framing,
	             annotation->schema_id,
	             canonical_fingerprint(contract->schema));
	compile_program(contract);
	for (size_t i = 0; i < annotation->key_count; i++)
		if (schema_is_sensitive(contract->schema, annotation->keys[i]))
			contract->key_sensitive = true;
	*out = contract;
	return ERR_OK;
}

void
contract_free(struct contract **contract)
{
	if (*contract == NULL)
		return;
	program_fini(&(*contract)->program);
	jsonplan_fini(&(*contract)->plan);
	schema_free(&(*contract)->schema);
	memory_free(&(*contract)->name);
	memory_free(contract);
}

void
contract_print_warnings(const struct contract *contract, struct text *out)
{
	const struct schema *schema = contract->schema;

	for (size_t i = 0; i < schema->node_count; i++)
		if (schema->nodes[i]->logical_ignored != NULL)
			text_addf(out, "%s: logical type %s; it is ignored\n",
			          schema->nodes[i]->pointer,
			          schema->nodes[i]->logical_ignored);
}

enum contract_framing
contract_framing(const struct contract *contract)
{
	return contract->annotation.framing;
}

enum contract_partitioner
contract_partitioner(const struct contract *contract)
{
	return contract->annotation.partitioner;
}

size_t
contract_key_count(const struct contract *contract)
{
	return contract->annotation.key_count;
}

const char *
contract_key(const struct contract *contract, size_t index)
{
	CHECK(index < contract->annotation.key_count);
	return contract->annotation.keys[index];
}

int32_t
contract_id(const struct contract *contract)
{
	return contract->id;
}

bool
contract_is_sensitive(const struct contract *contract)
{
	const struct schema *schema = contract->schema;

	for (size_t i = 0; i < schema->node_count; i++) {
		const struct schema_node *node = schema->nodes[i];

		for (size_t f = 0; f < node->field_count; f++)
			if (node->fields[f].sensitive)
				return true;
	}
	return false;
}

bool
contract_key_is_sensitive(const struct contract *contract)
{
	return contract->key_sensitive;
}

void
contract_check(const struct contract *contract,
               const struct contract_input *input, struct arena *arena,
               struct contract_result *out)
{
	struct judge judge;
	bool has_keys = contract->program.key_count > 0;
	bool derived = false;

	judge.contract = contract;
	judge.input = input;
	judge.arena = arena;
	judge.out = out;
	out->violation_count = 0;
	out->has_key = false;
	out->version = MESSAGE_VERSION_NONE;
	judge_headers(&judge);
	if (input->body == NULL) {
		judge_tombstone(&judge);
		return;
	}
	CHECK(input->body_len >= 0);
	if (judge_size(&judge) && judge_body(&judge)) {
		derived = has_keys && derive_key(&judge);
		if (contract->version_slot >= 0)
			out->version =
				judge.keys[contract->version_slot].number;
	}
	if (!has_keys)
		return;
	judge_key(&judge, derived);
	if (out->violation_count == 0)
		hash_key(contract, out);
}

int
contract_partition(const struct contract *contract,
                   const struct contract_result *result, int partitions)
{
	uint32_t hash = result->key_hash;

	if (contract->annotation.partitioner == CONTRACT_EXPLICIT ||
	    !result->has_key)
		return -1;
	CHECK(partitions > 0);
	/* Java makes murmur2 positive; librdkafka takes CRC-32 as it is */
	if (contract->annotation.partitioner == CONTRACT_MURMUR2)
		hash &= INT32_MAX;
	return (int)(hash % (uint32_t)partitions);
}

void
contract_read_json(const struct contract *contract, const char *json,
                   size_t len, struct arena *arena, struct text *body,
                   struct contract_result *out)
{
	size_t before = body->len;

	CHECK(!text_is_cut(body));
	out->violation_count = 0;
	out->has_key = false;
	contract_add_framing(contract, body);
	jsonreader_run(&contract->plan,
	               &(struct jsonreader_source){
			       .json = json, .len = len, .line = 1 },
	               arena, body, out);
	if (out->violation_count > 0) {
		body->len = before;
		body->cut = false;
	}
}

enum err_code
contract_match_schema(const struct contract *contract, const char *avsc,
                      struct err *err)
{
	enum err_code code;
	struct schema *schema = NULL;
	struct text own, other;
	size_t same = 0, from;

	code = schema_parse(avsc, &schema, err);
	if (code != ERR_OK)
		return err_context(err, "the schema of the writer");
	text_init(&own, CANONICAL_BYTES_MAX);
	text_init(&other, CANONICAL_BYTES_MAX);
	canonical_print(contract->schema, &own);
	canonical_print(schema, &other);
	while (same < own.len && own.bytes[same] == text_string(&other)[same])
		same++;
	if (same < own.len || own.len != other.len) {
		from = same < 40 ? 0 : same - 40;
		code = err_set(err, ERR_SCHEMA,
		               "the schema of the writer is not that of the "
		               "contract %s: from character %zu of the Parsing "
		               "Canonical Form it is %.80s, not %.80s",
		               contract->name, from + 1,
		               text_string(&other) + from,
		               text_string(&own) + from);
	}
	text_fini(&own);
	text_fini(&other);
	schema_free(&schema);
	return code;
}

const struct jsonplan *
contract_plan(const struct contract *contract)
{
	return &contract->plan;
}

int64_t
contract_measure(const struct contract *contract, const uint8_t *bytes,
                 size_t len)
{
	return measure_run(contract->schema, bytes, len);
}

void
contract_add_framing(const struct contract *contract, struct text *out)
{
	text_add_bytes(out, contract->framing.bytes,
	               (size_t)contract->framing.len);
}

enum err_code
contract_print_json(const struct contract *contract, const uint8_t *body,
                    int32_t body_len, struct text *out, struct err *err)
{
	int32_t frame_len = contract->framing.len;

	if (body == NULL) {
		text_add(out, "null");
		return ERR_OK;
	}
	if (!framing_matches(&contract->framing, body, body_len))
		return err_set(err, ERR_INVALID,
		               "the body has not the %s "
		               "framing of its contract",
		               framing_name(contract->framing.kind));
	return avrojson_print(contract->schema, body + frame_len,
	                      (size_t)(body_len - frame_len), out, err);
}

void
contract_print_reference(struct text *out)
{
	contract_reference_print(out);
}
