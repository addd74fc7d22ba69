/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "contracts/csvtable.h"

#include <stdio.h>
#include <string.h>

#include "base/runtime/arena.h"
#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "contracts/contract_finding.h"
#include "contracts/csvfield.h"
#include "contracts/jsonplan.h"

/* -- what is told ----------------------------------------------------------- */

static void
place_of(const struct csvrows_row *row, size_t at, long long *out_line,
         long *out_column)
{
	*out_line = row->line;
	*out_column = 1;
	for (size_t i = 0; i < at; i++) {
		if (row->bytes[i] == '\n') {
			++*out_line;
			*out_column = 1;
		} else if ((row->bytes[i] & 0xc0) != 0x80) {
			++*out_column;
		}
	}
}

static void
tell(const struct csvrows_row *row, struct arena *arena,
     struct contract_result *result, struct contract_finding *finding)
{
	char with_place[320];
	long long line;
	long column;

	place_of(row, (size_t)finding->offset, &line, &column);
	snprintf(with_place, sizeof(with_place), "%s (line %lld, column %ld)",
	         finding->expected, line, column);
	finding->expected = with_place;
	contract_finding_add(result, arena, finding);
}

/* -- values ----------------------------------------------------------------- */

/* The value's bytes; doubled quotes are made one. */
static const uint8_t *
value_of(struct csvtable *table, const struct csvrows_row *row,
         const struct csvrows_value *value, size_t *out_len)
{
	const uint8_t *at = row->bytes + value->from, *end = at + value->len;

	*out_len = value->len;
	if (!value->has_quotes)
		return at;
	text_reset(table->value);
	while (at < end) {
		const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
		const uint8_t *behind = quote != NULL ? quote + 1 : end;

		text_add_bytes(table->value, at, (size_t)(behind - at));
		at = behind + (quote != NULL);
	}
	*out_len = table->value->len;
	return (const uint8_t *)table->value->bytes;
}

static void
tell_value(struct csvtable *table, const struct csvrows_row *row, size_t field,
           const struct csvfield_fault *fault, struct arena *arena,
           struct contract_result *result)
{
	const struct schema_field *schema =
		&table->plan->root->schema->fields[field];
	const struct csvrows_value *value =
		&table->rows.values[table->columns[field]];
	char path[CONTRACT_FINDING_PATH_MAX];
	char shown[CONTRACT_FINDING_VALUE_MAX] = "";
	struct contract_finding finding = {
		.rule = fault->rule,
		.path = path,
		.expected = fault->expected,
		.value = schema->sensitive ? "(redacted)" : shown,
		.offset = (int32_t)value->from,
	};

	snprintf(path, sizeof(path), "/%s", schema->name);
	contract_finding_print(shown, sizeof(shown), row->bytes + value->from,
	                       value->len);
	tell(row, arena, result, &finding);
}

static void
read_values(struct csvtable *table, const struct csvrows_row *row,
            struct arena *arena, struct text *body,
            struct contract_result *result)
{
	const struct jsonplan_node *root = table->plan->root;

	for (size_t i = 0; i < root->name_count; i++) {
		const struct csvrows_value *value;
		struct csvfield_fault fault;
		const uint8_t *bytes;
		size_t len;

		if (table->columns[i] == CSVTABLE_ABSENT) {
			text_add_bytes(body, root->defaults[i].bytes,
			               root->defaults[i].len);
			continue;
		}
		value = &table->rows.values[table->columns[i]];
		bytes = value_of(table, row, value, &len);
		if (!csvfield_add(root->children[i], bytes, len,
		                  value->is_quoted, body, &fault))
			tell_value(table, row, i, &fault, arena, result);
	}
}

/* Whether the row has what a record needs. */
static bool
check_row(struct csvtable *table, const struct csvrows_row *row,
          struct arena *arena, struct contract_result *result)
{
	char expected[64], value[64];
	struct contract_finding finding = {
		.expected = expected,
		.value = value,
	};

	value[0] = '\0';
	if (row->is_too_long) {
		finding.rule = CONTRACT_RULE_SIZE_EXCEEDED;
		snprintf(expected, sizeof(expected), "at most %zu bytes",
		         table->rows.row_bytes_max);
		snprintf(value, sizeof(value), "more");
	} else if (row->fault != NULL) {
		finding.rule = CONTRACT_RULE_CSV_QUOTE;
		finding.offset = (int32_t)row->fault_at;
		finding.expected = row->fault;
		if (row->fault_at < row->len)
			contract_finding_print(value, sizeof(value),
			                       row->bytes + row->fault_at, 1);
	} else if (table->rows.value_count != table->column_count) {
		finding.rule = CONTRACT_RULE_CSV_COLUMNS;
		snprintf(expected, sizeof(expected), "%zu values",
		         table->column_count);
		snprintf(value, sizeof(value), "%zu", table->rows.value_count);
	} else {
		return true;
	}
	tell(row, arena, result, &finding);
	return false;
}

/* -- the header ------------------------------------------------------------- */

static enum err_code
refuse_column(const struct csvrows_row *row, size_t at, struct err *err,
              const char *what, const uint8_t *name, size_t len)
{
	char shown[CONTRACT_FINDING_VALUE_MAX] = "";
	long long line;
	long column;

	contract_finding_print(shown, sizeof(shown), name, len);
	place_of(row, at, &line, &column);
	return err_set(err, ERR_INVALID,
	               "the header, line %lld, column %ld: %s: \"%s\"", line,
	               column, what, shown);
}

static enum err_code
map_column(struct csvtable *table, const struct csvrows_row *row, size_t column,
           struct err *err)
{
	const struct jsonplan_node *root = table->plan->root;
	const struct csvrows_value *value = &table->rows.values[column];
	size_t len, field;
	const uint8_t *name = value_of(table, row, value, &len);

	field = jsonplan_find(root, name, len);
	if (field == JSONPLAN_NO_NAME)
		return refuse_column(row, value->from, err,
		                     "the contract has no field of this name",
		                     name, len);
	if (table->columns[field] != CSVTABLE_ABSENT)
		return refuse_column(row, value->from, err,
		                     "the column is there twice", name, len);
	if (!csvfield_is_known(root->schema->fields[field].node))
		return refuse_column(row, value->from, err,
		                     "a CSV cannot hold values of this field's "
		                     "type",
		                     name, len);
	table->columns[field] = column;
	return ERR_OK;
}

static enum err_code
check_missing(const struct csvtable *table, struct err *err)
{
	const struct jsonplan_node *root = table->plan->root;

	for (size_t i = 0; i < root->name_count; i++)
		if (table->columns[i] == CSVTABLE_ABSENT &&
		    root->defaults[i].bytes == NULL)
			return err_set(err, ERR_INVALID,
			               "the header has no column %s, and the "
			               "field has no default",
			               root->names[i].text);
	return ERR_OK;
}

static enum err_code
read_header(struct csvtable *table, struct err *err)
{
	struct csvrows_row row;
	enum err_code code;

	code = csvrows_next(&table->rows, &row, err);
	if (code != ERR_OK)
		return err_context(err, "the header");
	if (row.is_end)
		return err_set(err, ERR_INVALID,
		               "there is no header: the text is empty");
	if (row.is_too_long)
		return err_set(err, ERR_INVALID,
		               "the header is longer than %zu bytes",
		               table->rows.row_bytes_max);
	if (row.fault != NULL)
		return refuse_column(&row, row.fault_at, err, row.fault,
		                     row.bytes + row.fault_at,
		                     row.fault_at < row.len);
	table->column_count = table->rows.value_count;
	for (size_t i = 0; i < table->column_count && code == ERR_OK; i++)
		code = map_column(table, &row, i, err);
	return code == ERR_OK ? check_missing(table, err) : code;
}

/* -- public -------------------------------------------------------------- */

enum err_code
csvtable_init(struct csvtable *table, const struct jsonplan *plan,
              struct window *window, size_t row_bytes_max, struct err *err)
{
	const struct jsonplan_node *root = plan->root;
	enum err_code code;

	if (root->schema->type != SCHEMA_RECORD || root->name_count == 0)
		return err_set(err, ERR_INVALID,
		               "a CSV holds records with fields; the contract "
		               "is a %s",
		               schema_type_name(root->schema->type));
	*table = (struct csvtable){ .plan = plan };
	csvrows_init(&table->rows, window, row_bytes_max);
	table->value = memory_calloc(1, sizeof(*table->value));
	text_init(table->value, row_bytes_max + 1);
	table->columns =
		memory_calloc(root->name_count, sizeof(*table->columns));
	for (size_t i = 0; i < root->name_count; i++)
		table->columns[i] = CSVTABLE_ABSENT;
	code = read_header(table, err);
	if (code != ERR_OK)
		csvtable_fini(table);
	return code;
}

void
csvtable_fini(struct csvtable *table)
{
	csvrows_fini(&table->rows);
	if (table->value != NULL)
		text_fini(table->value);
	memory_free(&table->value);
	memory_free(&table->columns);
}

enum err_code
csvtable_next(struct csvtable *table, struct arena *arena, struct text *body,
              struct csvrows_row *out, struct contract_result *result,
              struct err *err)
{
	enum err_code code = csvrows_next(&table->rows, out, err);

	if (code != ERR_OK || out->is_end)
		return code;
	if (check_row(table, out, arena, result))
		read_values(table, out, arena, body, result);
	return ERR_OK;
}
