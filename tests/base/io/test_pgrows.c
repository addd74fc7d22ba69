/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Every type there and back: what is sent in binary form is what Postgres
 * reads (it prints it as text), and what it sends is what the getters give.
 */
#include <stdio.h>
#include <string.h>

#include "base/io/pgarray.h"
#include "base/io/pgconn.h"
#include "tests/support/postgres.h"
#include "tests/unit.h"

static struct postgres *server;
static struct pgconn *conn;

static struct pgrows *
query(const struct pgstatement *statement, const struct pgvalue *values)
{
	struct pgrows *rows = NULL;
	struct err err;

	if (pgconn_query(conn, statement, values, &rows, &err) != ERR_OK)
		fail_msg("%s", err.text);
	return rows;
}

static struct pgrows *
select_sql(const char *sql)
{
	return query(&(struct pgstatement){ .sql = sql }, NULL);
}

/* -- tests -- */

static void
test_integers(void **state)
{
	static const struct pgstatement echo = {
		"v_integers",
		"select $1, $2, $3, $4, $1::text, $2::text, $3::text, "
		"$4::text",
		4,
		{ PGTYPE_INT2, PGTYPE_INT4, PGTYPE_INT8, PGTYPE_BOOL }
	};
	static const int64_t cases[][3] = {
		{ 0, 0, 0 },
		{ 1, 1, 1 },
		{ -1, -1, -1 },
		{ INT16_MAX, INT32_MAX, INT64_MAX },
		{ INT16_MIN, INT32_MIN, INT64_MIN },
	};

	for (int i = 0; i < 5; i++) {
		struct pgnumber rooms[4];
		struct pgvalue values[] = {
			pgvalue_int2((int16_t)cases[i][0], &rooms[0]),
			pgvalue_int4((int32_t)cases[i][1], &rooms[1]),
			pgvalue_int8(cases[i][2], &rooms[2]),
			pgvalue_bool(i % 2, &rooms[3]),
		};
		struct pgrows *rows = query(&echo, values);

		for (int c = 0; c < 3; c++) {
			char text[32];

			assert_true(pgrows_int(rows, 0, c) == cases[i][c]);
			snprintf(text, sizeof(text), "%lld",
			         (long long)cases[i][c]);
			assert_string_equal(pgrows_text(rows, 0, 4 + c), text);
		}
		assert_int_equal(pgrows_bool(rows, 0, 3), i % 2);
		assert_string_equal(pgrows_text(rows, 0, 7),
		                    i % 2 ? "true" : "false");
		assert_int_equal(pgrows_type(rows, 2), PGTYPE_INT8);
		pgrows_free(&rows);
	}
}

static void
test_nulls(void **state)
{
	static const struct pgstatement echo = {
		"v_nulls",
		"select $1, $2, $3, $4, $5, $6, $7",
		7,
		{ PGTYPE_INT8, PGTYPE_BOOL, PGTYPE_TEXT, PGTYPE_BYTEA,
		  PGTYPE_TIMESTAMPTZ, PGTYPE_DATE, PGTYPE_INT8_ARRAY }
	};
	struct pgvalue values[7] = { PGVALUE_NULL };
	struct pgrows *rows;
	int len = 0;

	values[2] = pgvalue_text(NULL);
	rows = query(&echo, values);
	for (int c = 0; c < 7; c++)
		assert_true(pgrows_is_null(rows, 0, c));
	assert_int_equal(pgrows_int(rows, 0, 0), 0);
	assert_false(pgrows_bool(rows, 0, 1));
	assert_null(pgrows_text(rows, 0, 2));
	assert_null(pgrows_bytes(rows, 0, 3, &len));
	assert_int_equal(len, -1);
	assert_int_equal(pgrows_time_ms(rows, 0, 4), 0);
	assert_int_equal(pgrows_int(rows, 0, 5), 0);
	pgrows_free(&rows);
	assert_null(rows);
}

static void
test_text_and_bytes(void **state)
{
	static const struct pgstatement echo = {
		"v_bytes",
		"select $1, $2, $3, encode($2, 'hex')",
		3,
		{ PGTYPE_TEXT, PGTYPE_BYTEA, PGTYPE_BYTEA }
	};
	static const char text[] = "M\xc3\xbcnchen \xf0\x9f\x8d\x8a";
	struct pgvalue values[] = { pgvalue_text(text),
		                    pgvalue_bytes("\0a\0", 3),
		                    pgvalue_bytes(NULL, 0) };
	struct pgrows *rows = query(&echo, values);
	const uint8_t *bytes;
	int len;

	assert_string_equal(pgrows_text(rows, 0, 0), text);
	bytes = pgrows_bytes(rows, 0, 1, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "\0a\0", 3);
	assert_string_equal(pgrows_text(rows, 0, 3), "006100");
	assert_non_null(pgrows_bytes(rows, 0, 2, &len)); /* empty, not null */
	assert_int_equal(len, 0);
	pgrows_free(&rows);

	values[0] = pgvalue_text("");
	rows = query(&echo, values);
	assert_string_equal(pgrows_text(rows, 0, 0), "");
	pgrows_free(&rows);
}

static void
test_text_types(void **state)
{
	struct pgrows *rows = select_sql("select 'a'::name, 'b'::varchar, "
	                                 "'c'::char(2), '{\"d\":1}'::json, "
	                                 "4294967295::oid as last");

	assert_int_equal(pgrows_columns(rows), 5);
	assert_string_equal(pgrows_text(rows, 0, 0), "a");
	assert_string_equal(pgrows_text(rows, 0, 1), "b");
	assert_string_equal(pgrows_text(rows, 0, 2), "c ");
	assert_string_equal(pgrows_text(rows, 0, 3), "{\"d\":1}");
	assert_int_equal(pgrows_int(rows, 0, 4), 4294967295);
	assert_string_equal(pgrows_column_name(rows, 4), "last");
	pgrows_free(&rows);
}

static void
test_times(void **state)
{
	struct pgrows *rows = select_sql(
		"select '1970-01-01 00:00:00Z'::timestamptz, "
		"'1969-12-31 23:59:59.9995Z'::timestamptz, "
		"'2026-03-29 01:59:59.123Z'::timestamptz, "
		"'infinity'::timestamptz, '-infinity'::timestamptz, "
		"'1970-01-01'::date, '1969-12-31'::date, '2026-03-29'::date, "
		"'infinity'::date, '-infinity'::date");

	assert_int_equal(pgrows_time_ms(rows, 0, 0), 0);
	assert_int_equal(pgrows_time_ms(rows, 0, 1), -1);
	assert_int_equal(pgrows_time_ms(rows, 0, 2), 1774749599123);
	assert_true(pgrows_time_ms(rows, 0, 3) == INT64_MAX);
	assert_true(pgrows_time_ms(rows, 0, 4) == INT64_MIN);
	assert_int_equal(pgrows_int(rows, 0, 5), 0);
	assert_int_equal(pgrows_int(rows, 0, 6), -1);
	assert_int_equal(pgrows_int(rows, 0, 7), 20541);
	assert_true(pgrows_int(rows, 0, 8) == INT64_MAX);
	assert_true(pgrows_int(rows, 0, 9) == INT64_MIN);
	pgrows_free(&rows);
}

static void
test_arrays(void **state)
{
	static const struct pgstatement echo = {
		"v_arrays",
		"select $1, $2, $1::text, $2::text, $3::text, $4::text, "
		"$5::text, $6::text, array_lower($1, 1)",
		6,
		{ PGTYPE_BYTEA_ARRAY, PGTYPE_INT8_ARRAY, PGTYPE_INT4_ARRAY,
		  PGTYPE_INT2_ARRAY, PGTYPE_TEXT_ARRAY, PGTYPE_BYTEA_ARRAY }
	};
	struct pgarray arrays[6] = { { 0 } };
	struct pgarray_reader reader;
	struct pgvalue values[6];
	struct pgrows *rows;
	const uint8_t *bytes;
	struct err err;
	int64_t number;
	int len;

	pgarray_begin(&arrays[0], PGTYPE_BYTEA);
	pgarray_add_bytes(&arrays[0], "\0", 1);
	pgarray_add_bytes(&arrays[0], NULL, 0);
	pgarray_add_bytes(&arrays[0], "", 0);
	pgarray_begin(&arrays[1], PGTYPE_INT8);
	pgarray_add_int8(&arrays[1], INT64_MIN);
	pgarray_add_bytes(&arrays[1], NULL, 0);
	pgarray_begin(&arrays[2], PGTYPE_INT4);
	pgarray_add_int4(&arrays[2], INT32_MIN);
	pgarray_begin(&arrays[3], PGTYPE_INT2);
	pgarray_add_int2(&arrays[3], INT16_MIN);
	pgarray_begin(&arrays[4], PGTYPE_TEXT);
	pgarray_add_bytes(&arrays[4], "null", 4);
	pgarray_add_bytes(&arrays[4], NULL, 0);
	pgarray_begin(&arrays[5], PGTYPE_BYTEA);
	for (int i = 0; i < 6; i++)
		values[i] = pgarray_end(&arrays[i]);
	rows = query(&echo, values);
	assert_string_equal(pgrows_text(rows, 0, 2),
	                    "{\"\\\\x00\",NULL,\"\\\\x\"}");
	assert_string_equal(pgrows_text(rows, 0, 3),
	                    "{-9223372036854775808,NULL}");
	assert_string_equal(pgrows_text(rows, 0, 4), "{-2147483648}");
	assert_string_equal(pgrows_text(rows, 0, 5), "{-32768}");
	assert_string_equal(pgrows_text(rows, 0, 6), "{\"null\",NULL}");
	assert_string_equal(pgrows_text(rows, 0, 7), "{}");
	assert_int_equal(pgrows_int(rows, 0, 8), 1);
	for (int c = 0; c < 2; c++) { /* byte for byte what was sent */
		bytes = pgrows_bytes(rows, 0, c, &len);
		assert_int_equal(len, values[c].len);
		assert_memory_equal(bytes, values[c].bytes, len);
	}
	bytes = pgrows_bytes(rows, 0, 1, &len);
	assert_int_equal(pgarray_read(bytes, len, &reader, &err), ERR_OK);
	assert_true(pgarray_next_int(&reader, 0, &number));
	assert_true(number == INT64_MIN);
	pgrows_free(&rows);
	for (int i = 0; i < 6; i++)
		pgarray_fini(&arrays[i]);
}

static void
test_arrays_of_other_shapes_are_refused(void **state)
{
	struct pgrows *rows = select_sql("select '{{1,2},{3,4}}'::int4[], "
	                                 "'[5:6]={7,8}'::int4[], '{}'::int4[]");
	struct pgarray_reader reader;
	const uint8_t *bytes;
	struct err err;
	int64_t number;
	int len;

	bytes = pgrows_bytes(rows, 0, 0, &len);
	assert_int_equal(pgarray_read(bytes, len, &reader, &err), ERR_INVALID);
	bytes = pgrows_bytes(rows, 0, 1, &len);
	assert_int_equal(pgarray_read(bytes, len, &reader, &err), ERR_OK);
	assert_true(pgarray_next_int(&reader, 0, &number));
	assert_int_equal(number, 7);
	bytes = pgrows_bytes(rows, 0, 2, &len);
	assert_int_equal(pgarray_read(bytes, len, &reader, &err), ERR_OK);
	assert_int_equal(reader.left, 0);
	pgrows_free(&rows);
}

static void
test_statements_without_rows(void **state)
{
	struct pgrows *rows = select_sql("create temporary table t (a int)");

	assert_int_equal(pgrows_count(rows), 0);
	assert_int_equal(pgrows_columns(rows), 0);
	pgrows_free(&rows);
	rows = select_sql("select 1 where false");
	assert_int_equal(pgrows_count(rows), 0);
	pgrows_free(&rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_nulls),
		cmocka_unit_test(test_text_and_bytes),
		cmocka_unit_test(test_text_types),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_arrays_of_other_shapes_are_refused),
		cmocka_unit_test(test_statements_without_rows),
	};
	struct pgconn_options options = { .timeout_ms = 10000 };
	struct err err;
	int code;

	unit_alarm(60);
	code = postgres_open(NULL, &server);
	if (code != 0)
		return code;
	options.conninfo = postgres_conninfo(server);
	if (pgconn_open(&options, &conn, &err) != ERR_OK)
		return 1;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	pgconn_close(&conn);
	postgres_close(&server);
	return code;
}
