/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels are op indices. Nothing may be merged with an op in front of a label,
 * so "barrier" is the youngest label. Subroutines are compiled behind the
 * main program, from a queue that grows meanwhile; their calls are patched at
 * the end.
 */
#include "contracts/program.h"

#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "contracts/schema.h"

/* A key field that is still to be reached. */
struct wanted {
	const char *path; /* from here on */
	uint16_t slot;
};

struct compiler {
	struct program *program;
	size_t op_size;
	size_t target_size;
	size_t barrier;
	uint32_t *entries; /* by node index; 0: no subroutine, 1: wanted */
	const struct schema_node **queue;
	size_t queued;
};

static void
compile_node(struct compiler *compiler, const struct schema_node *node,
             const struct wanted *wanted, size_t wanted_count);

static uint32_t
emit(struct compiler *compiler, enum program_code code, uint32_t count)
{
	struct program *program = compiler->program;
	struct program_op *op;

	if (program->op_count == compiler->op_size) {
		compiler->op_size = compiler->op_size * 2 + 64;
		program->ops = memory_realloc(
			program->ops,
			compiler->op_size * sizeof(*program->ops));
	}
	op = &program->ops[program->op_count];
	memset(op, 0, sizeof(*op));
	op->code = (uint16_t)code;
	op->count = count;
	return (uint32_t)program->op_count++;
}

static uint32_t
label(struct compiler *compiler)
{
	compiler->barrier = compiler->program->op_count;
	return (uint32_t)compiler->program->op_count;
}

/* Lengthens the last op where it is of the same kind. */
static void
emit_run(struct compiler *compiler, enum program_code code, uint32_t count)
{
	struct program *program = compiler->program;
	struct program_op *last = NULL;

	if (count == 0)
		return;
	if (program->op_count > compiler->barrier)
		last = &program->ops[program->op_count - 1];
	if (last != NULL && last->code == code &&
	    last->count <= INT32_MAX - count)
		last->count += count;
	else
		emit(compiler, code, count);
}

static uint32_t
emit_targets(struct compiler *compiler, size_t count)
{
	struct program *program = compiler->program;
	size_t first = program->target_count;

	program->target_count += count;
	if (program->target_count > compiler->target_size) {
		compiler->target_size = program->target_count * 2;
		program->targets = memory_realloc(
			program->targets,
			compiler->target_size * sizeof(*program->targets));
	}
	return (uint32_t)first;
}

static void
compile_nullable(struct compiler *compiler, const struct schema_node *node,
                 uint32_t null_branch)
{
	uint32_t op = emit(compiler, PROGRAM_NULLABLE, null_branch);

	compile_node(compiler, node->children[1 - null_branch], NULL, 0);
	compiler->program->ops[op].target = label(compiler);
}

static void
compile_union(struct compiler *compiler, const struct schema_node *node)
{
	struct program *program = compiler->program;
	uint32_t count = (uint32_t)node->child_count;
	uint32_t first, op, end;

	for (uint32_t i = 0; i < count && count == 2; i++) {
		if (node->children[i]->type == SCHEMA_NULL) {
			compile_nullable(compiler, node, i);
			return;
		}
	}
	first = emit_targets(compiler, count);
	op = emit(compiler, PROGRAM_UNION, count);
	program->ops[op].target = first;
	for (uint32_t i = 0; i < count; i++) {
		program->targets[first + i] = label(compiler);
		compile_node(compiler, node->children[i], NULL, 0);
		emit(compiler, PROGRAM_JUMP, 0);
	}
	end = label(compiler);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t stop =
			i + 1 < count ? program->targets[first + i + 1] : end;

		program->ops[stop - 1].target = end;
	}
}

/* An array; or a map, as an array of a string and a value. */
static void
compile_array(struct compiler *compiler, const struct schema_node *node)
{
	const struct schema_node *element = node->children[0];
	uint32_t width = element->width_min + (node->type == SCHEMA_MAP);
	uint32_t array, body, next;

	if (width == 0) {
		emit(compiler, PROGRAM_EMPTIES, 0);
		return;
	}
	array = emit(compiler, PROGRAM_ARRAY, width);
	body = label(compiler);
	if (node->type == SCHEMA_MAP)
		emit_run(compiler, PROGRAM_STRINGS, 1);
	compile_node(compiler, element, NULL, 0);
	next = emit(compiler, PROGRAM_NEXT, width);
	compiler->program->ops[next].target = body;
	compiler->program->ops[array].target = label(compiler);
}

static void
compile_fields(struct compiler *compiler, const struct schema_node *node,
               const struct wanted *wanted, size_t wanted_count)
{
	for (size_t i = 0; i < node->field_count; i++) {
		const struct schema_field *field = &node->fields[i];
		struct wanted inside[PROGRAM_KEYS_MAX];
		size_t count = 0;

		for (size_t k = 0; k < wanted_count; k++) {
			const char *path = wanted[k].path;
			size_t len = strcspn(path, ".");

			if (strlen(field->name) != len ||
			    memcmp(field->name, path, len) != 0)
				continue;
			inside[count].path = path + len + (path[len] == '.');
			inside[count++].slot = wanted[k].slot;
		}
		compile_node(compiler, field->node, inside, count);
	}
}

static void
compile_record(struct compiler *compiler, const struct schema_node *node,
               const struct wanted *wanted, size_t wanted_count)
{
	uint32_t call;

	if (node->use_count == 1 || wanted_count > 0) {
		compile_fields(compiler, node, wanted, wanted_count);
		return;
	}
	if (compiler->entries[node->index] == 0) {
		compiler->entries[node->index] = 1;
		compiler->queue[compiler->queued++] = node;
	}
	call = emit(compiler, PROGRAM_CALL, 0);
	compiler->program->ops[call].target = (uint32_t)node->index;
}

static void
compile_key(struct compiler *compiler, const struct schema_node *node,
            const struct wanted *wanted)
{
	static const enum program_code codes[SCHEMA_TYPE_COUNT] = {
		[SCHEMA_STRING] = PROGRAM_KEY_STRING,
		[SCHEMA_INT] = PROGRAM_KEY_INT,
		[SCHEMA_LONG] = PROGRAM_KEY_LONG,
		[SCHEMA_ENUM] = PROGRAM_KEY_ENUM,
	};
	uint32_t op;

	CHECK(codes[node->type] != PROGRAM_END && wanted->path[0] == '\0');
	op = emit(compiler, codes[node->type], (uint32_t)node->symbol_count);
	compiler->program->ops[op].slot = wanted->slot;
	compiler->program->ops[op].target = node->logical;
	compiler->program->keys[wanted->slot] = node;
}

/* Types whose values have more to obey than their bytes; false: none. */
static bool
compile_logical(struct compiler *compiler, const struct schema_node *node)
{
	uint32_t op;

	switch (node->logical) {
	case SCHEMA_DECIMAL:
		op = emit(compiler,
		          node->type == SCHEMA_FIXED ? PROGRAM_DECIMAL_FIXED
		                                     : PROGRAM_DECIMAL,
		          (uint32_t)node->precision);
		compiler->program->ops[op].target = node->size;
		return true;
	case SCHEMA_UUID:
		if (node->type == SCHEMA_FIXED)
			return false;
		emit(compiler, PROGRAM_UUID, 0);
		return true;
	case SCHEMA_TIME_MILLIS:
		emit(compiler, PROGRAM_TIME_MILLIS, 0);
		return true;
	case SCHEMA_TIME_MICROS:
		emit(compiler, PROGRAM_TIME_MICROS, 0);
		return true;
	default:
		return false;
	}
}

static void
compile_node(struct compiler *compiler, const struct schema_node *node,
             const struct wanted *wanted, size_t wanted_count)
{
	static const struct {
		enum program_code code;
		uint32_t count;
	} simple[SCHEMA_TYPE_COUNT] = {
		[SCHEMA_BOOLEAN] = { PROGRAM_BOOLEANS, 1 },
		[SCHEMA_INT] = { PROGRAM_INTS, 1 },
		[SCHEMA_LONG] = { PROGRAM_LONGS, 1 },
		[SCHEMA_FLOAT] = { PROGRAM_SKIP, 4 },
		[SCHEMA_DOUBLE] = { PROGRAM_SKIP, 8 },
		[SCHEMA_BYTES] = { PROGRAM_BYTES, 1 },
		[SCHEMA_STRING] = { PROGRAM_STRINGS, 1 },
	};

	if (node->width_min == 0) {
		return;
	} else if (node->type == SCHEMA_RECORD) {
		compile_record(compiler, node, wanted, wanted_count);
	} else if (wanted_count > 0) {
		compile_key(compiler, node, wanted);
	} else if (compile_logical(compiler, node)) {
		return;
	} else if (node->type == SCHEMA_ENUM) {
		emit(compiler, PROGRAM_ENUM, (uint32_t)node->symbol_count);
	} else if (node->type == SCHEMA_ARRAY || node->type == SCHEMA_MAP) {
		compile_array(compiler, node);
	} else if (node->type == SCHEMA_UNION) {
		compile_union(compiler, node);
	} else if (node->type == SCHEMA_FIXED) {
		emit_run(compiler, PROGRAM_SKIP, node->size);
	} else {
		emit_run(compiler, simple[node->type].code,
		         simple[node->type].count);
	}
}

static void
compile_subroutines(struct compiler *compiler)
{
	struct program *program = compiler->program;

	for (size_t i = 0; i < compiler->queued; i++) {
		const struct schema_node *node = compiler->queue[i];

		compiler->entries[node->index] = label(compiler);
		compile_fields(compiler, node, NULL, 0);
		emit(compiler, PROGRAM_RETURN, 0);
	}
	for (size_t i = 0; i < program->op_count; i++) {
		struct program_op *op = &program->ops[i];

		if (op->code == PROGRAM_CALL)
			op->target = compiler->entries[op->target];
	}
}

/* -- public -------------------------------------------------------------- */

void
program_compile(const struct schema *schema, const char *const *keys,
                size_t key_count, struct program *out)
{
	struct compiler compiler = { .program = out };
	struct wanted wanted[PROGRAM_KEYS_MAX];

	CHECK(key_count <= PROGRAM_KEYS_MAX);
	memset(out, 0, sizeof(*out));
	out->key_count = key_count;
	compiler.entries =
		memory_calloc(schema->node_count, sizeof(*compiler.entries));
	compiler.queue =
		memory_calloc(schema->node_count, sizeof(*compiler.queue));
	for (size_t i = 0; i < key_count; i++) {
		wanted[i].path = keys[i];
		wanted[i].slot = (uint16_t)i;
	}
	compile_node(&compiler, schema->root, wanted, key_count);
	emit(&compiler, PROGRAM_END, 0);
	compile_subroutines(&compiler);
	memory_free(&compiler.entries);
	memory_free(&compiler.queue);
	for (size_t i = 0; i < key_count; i++)
		CHECK(out->keys[i] != NULL);
}

void
program_fini(struct program *program)
{
	memory_free(&program->ops);
	memory_free(&program->targets);
}
