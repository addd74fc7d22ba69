/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of many records: what becomes of good and broken ones, by format, from
 * memory and through a pipe.
 */
#include "contracts/records.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/runtime/text.h"
#include "tests/contracts/given.h"

static const char stock[] =
	"{\"type\":\"record\",\"name\":\"Stock\",\"waybill\":{\"key\":["
	"\"store\"]},\"fields\":["
	"{\"name\":\"store\",\"type\":\"string\"},"
	"{\"name\":\"item\",\"type\":\"long\"},"
	"{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null}]}";

struct writer {
	pthread_t thread;
	const char *bytes;
	size_t len;
	int fd;
};

static void *
write_all(void *argument)
{
	struct writer *writer = argument;
	size_t done = 0;

	while (done < writer->len) {
		size_t part = writer->len - done < 7 ? writer->len - done : 7;
		ssize_t count = write(writer->fd, writer->bytes + done, part);

		if (count <= 0)
			break;
		done += (size_t)count;
	}
	close(writer->fd);
	return NULL;
}

/* What comes out, one record after the other: its line, and "ok" with the bytes
   as text, or rules, paths and places; at last how it ended. */
static void
run(const char *avsc, const struct records_options *options, struct text *out)
{
	struct contract *contract = given_contract(avsc);
	struct records *records = NULL;
	struct record record;
	struct arena arena;
	struct err err;
	enum err_code code;
	int64_t number = 0;

	arena_init(&arena, 4096);
	code = records_open(contract, options, &records, &err);
	while (code == ERR_OK) {
		code = records_next(records, &arena, &record, &err);
		if (code != ERR_OK || record.is_end)
			break;
		assert_int_equal(record.number, number++);
		text_addf(out, "%lld:", (long long)record.line);
		if (record.body != NULL)
			text_add_hex(out, record.body, (size_t)record.body_len);
		for (size_t i = 0; i < record.violation_count; i++)
			text_addf(out, "%s%s@%s %s: %s", i > 0 ? ", " : "",
			          record.violations[i].rule,
			          record.violations[i].path,
			          record.violations[i].expected,
			          record.violations[i].value);
		if (record.body == NULL) {
			text_add(out, " <");
			text_add_bytes(out, record.original,
			               record.original_len);
			text_add(out, ">");
		}
		text_add(out, ";");
	}
	text_add(out, code == ERR_OK ? "end" : err.text);
	records_close(&records);
	arena_fini(&arena);
	contract_free(&contract);
}

static const char *
read_all(enum records_format format, const char *avsc, const char *text)
{
	static struct text memory, piped;
	struct records_options options = {
		.format = format,
		.bytes = text,
		.len = strlen(text),
		.record_bytes_max = 60,
	};
	struct writer writer = { .bytes = text, .len = strlen(text) };
	int ends[2];

	if (memory.size_max == 0) {
		text_init(&memory, 1 << 20);
		text_init(&piped, 1 << 20);
	}
	text_reset(&memory);
	text_reset(&piped);
	run(avsc, &options, &memory);
	assert_int_equal(pipe(ends), 0);
	writer.fd = ends[1];
	assert_int_equal(
		pthread_create(&writer.thread, NULL, write_all, &writer), 0);
	options.bytes = NULL;
	options.fd = ends[0];
	run(avsc, &options, &piped);
	close(ends[0]);
	pthread_join(writer.thread, NULL);
	assert_string_equal(text_string(&memory), text_string(&piped));
	return text_string(&memory);
}

#define CSV(text, wanted)                                                      \
	assert_string_equal(read_all(RECORDS_CSV, stock, text), wanted)
#define NDJSON(text, wanted)                                                   \
	assert_string_equal(read_all(RECORDS_NDJSON, stock, text), wanted)

/* A CSV of one column v of a type. */
static const char *
one(const char *type, const char *value)
{
	char avsc[512], text[512];

	snprintf(avsc, sizeof(avsc),
	         "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":"
	         "\"v\",\"type\":%s}]}",
	         type);
	snprintf(text, sizeof(text), "v\n%s\n", value);
	return read_all(RECORDS_CSV, avsc, text);
}

#define ONE(type, value, wanted) assert_string_equal(one(type, value), wanted)
#define LOGICAL(type, name)                                                    \
	"{\"type\":\"" type "\",\"logicalType\":\"" name "\"}"

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("%s\nhas no\n%s", text, part);
}

/* -- CSV -------------------------------------------------------------------- */

static void
test_csv_rows(void **state)
{
	CSV("store,item\na,1\nb,2", "2:02610200;3:02620400;end");
	CSV("\xef\xbb\xbfstore,item\r\na,1\r\n\r\nb,2\r\n",
	    "2:02610200;4:02620400;end");
	CSV("item,note,store\n1,x,a\n2,,b\n3,\"\",c\n",
	    "2:02610202"
	    "0278;3:02620400;4:0263060200;end");
	CSV("\"store\",\"item\"\n\"a,\"\"b\r\nc\",1\nd,2\n",
	    "2:0e612c22620d0a630200;4:02640400;end");
	CSV("store,item\n,1\n", "2:000200;end");
	CSV("store,item\n", "end");
}

static void
test_csv_header(void **state)
{
	assert_has(read_all(RECORDS_CSV, stock, ""), "there is no header");
	assert_has(read_all(RECORDS_CSV, stock, "store,size,item\n"),
	           "the header, line 1, column 7: the contract has no field of "
	           "this name: \"size\"");
	assert_has(read_all(RECORDS_CSV, stock, "store,item,\"store\"\n"),
	           "the header, line 1, column 13: the column is there twice: "
	           "\"store\"");
	assert_has(
		read_all(RECORDS_CSV, stock, "store\na\n"),
		"the header has no column item, and the field has no default");
	assert_has(read_all(RECORDS_CSV, stock, "store;item\n"), "no field");
	assert_has(read_all(RECORDS_CSV, stock, "\"store,item\n"),
	           "the header: line 1, column 1: a quote is open");
	assert_has(read_all(RECORDS_CSV, "\"int\"", "v\n1\n"),
	           "a CSV holds records");
	assert_has(one("{\"type\":\"array\",\"items\":\"int\"}", "1"),
	           "a CSV cannot hold values of this field's type");
	assert_has(one("[\"null\",\"int\",\"string\"]", "1"),
	           "a CSV cannot hold");
}

static void
test_csv_broken_rows(void **state)
{
	CSV("store,item\na,1,2\nb\nc,3\n",
	    "2:csv.columns@ 2 values (line 2, column 1): 3 <a,1,2>;"
	    "3:csv.columns@ 2 values (line 3, column 1): 1 <b>;4:02630600;end");
	CSV("store,item\n\xc3\xbc,x\nc,3\n",
	    "2:csv.value@/item an integer (line 2, column 3): x <\xc3\xbc,x>;"
	    "3:02630600;end");
	CSV("store,item\n\"a\nb\",x\nc,3\n",
	    "2:csv.value@/item an integer (line 3, column 4): x <\"a\nb\",x>;"
	    "4:02630600;end");
	CSV("store,item\n5\" pipe,1\nc,3\n",
	    "2:csv.quote@ no quote in a value without quotes (line 2, column "
	    "2): \" <5\" pipe,1>;3:02630600;end");
	CSV("store,item\n\"a\"b,1\nc,3\n",
	    "2:csv.quote@ a comma behind the closing quote (line 2, column 4): "
	    "b <\"a\"b,1>;3:02630600;end");
	CSV("store,item\nc,3\n\"said \"hi\" x,1\nd,4\n\"e\",5\n",
	    "2:02630600;line 3, column 8: a quote is open; it cannot be told "
	    "where the next row begins");
	CSV("store,item\nc,3\nd,\"4\n",
	    "2:02630600;line 3, column 3: a quote is open; it cannot be told "
	    "where the next row begins");
	CSV("store,item\n\xff,3\nc,3\n",
	    "2:csv.utf8@/store valid UTF-8 (line 2, column 1): \\xff <\xff,3>;"
	    "3:02630600;end");
}

static void
test_csv_long_rows(void **state)
{
	char text[400], filler[200];

	memset(filler, 'x', sizeof(filler));
	filler[150] = '\0';
	snprintf(text, sizeof(text), "store,item\n%s,1\nc,3\n", filler);
	assert_has(
		read_all(RECORDS_CSV, stock, text),
		"2:size.exceeded@ at most 60 bytes (line 2, column 1): more");
	assert_has(read_all(RECORDS_CSV, stock, text), ">;3:02630600;end");
	snprintf(text, sizeof(text), "store,item\n%s,\"\n\"\nc,3\n", filler);
	assert_has(read_all(RECORDS_CSV, stock, text),
	           "it is longer than 60 bytes and has quotes");
	snprintf(text, sizeof(text), "store,item\n1,\"%s\"\nc,3\n", filler);
	assert_has(read_all(RECORDS_CSV, stock, text),
	           "line 2, column 3: a quote is open");
	filler[58] = '\0';
	snprintf(text, sizeof(text), "store,item\n%s,1\r\nc,3\n", filler);
	assert_has(read_all(RECORDS_CSV, stock, text), "3:02630600;end");
	assert_null(strstr(read_all(RECORDS_CSV, stock, text), "size"));
}

static void
test_csv_values(void **state)
{
	ONE("\"int\"", "-5", "2:09;end");
	ONE("\"boolean\"", "true", "2:01;end");
	ONE("\"double\"", "1e3", "2:0000000000408f40;end");
	ONE("\"float\"", "NaN", "2:0000c07f;end");
	ONE("\"bytes\"", "00fF", "2:0400ff;end");
	ONE("[\"int\",\"null\"]", "7", "2:000e;end");
	ONE("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "B",
	    "2:02;end");
	ONE("{\"type\":\"fixed\",\"name\":\"U\",\"size\":16,\"logicalType\":"
	    "\"uuid\"}",
	    "00112233-4455-6677-8899-AABBCCDDEEFF",
	    "2:00112233445566778899aabbccddeeff;end");
	ONE("\"int\"", "2147483648",
	    "2:csv.range@/v an int, from -2147483648 to 2147483647 (line 2, "
	    "column 1): 2147483648 <2147483648>;end");
	assert_has(one("\"int\"", "1.0"), "csv.value@/v an integer");
	assert_has(one("\"int\"", " 1"), "csv.value");
	assert_has(one("\"int\"", "\"\""), "csv.empty@/v a value");
	assert_has(one("\"boolean\"", "TRUE"), "csv.value");
	assert_has(one("\"bytes\"", "0"), "csv.value");
	assert_has(one("\"double\"", "1e999"), "csv.range");
}

static void
test_csv_decimals(void **state)
{
	const char *money = "{\"type\":\"bytes\",\"logicalType\":\"decimal\","
			    "\"precision\":9,\"scale\":2}";
	const char *wide = "{\"type\":\"bytes\",\"logicalType\":\"decimal\","
			   "\"precision\":40,\"scale\":0}";
	const char *fixed = "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4,"
			    "\"logicalType\":\"decimal\",\"precision\":9,"
			    "\"scale\":2}";

	ONE(money, "12.34", "2:0404d2;end");
	ONE(money, "-12.34", "2:04fb2e;end");
	ONE(money, "0", "2:0200;end");
	ONE(money, "-0.00", "2:0200;end");
	ONE(money, "1.50000", "2:040096;end");
	ONE(money, "1.5e1", "2:0405dc;end");
	ONE(money, "-1.28", "2:0280;end");
	ONE(fixed, "-0.01", "2:ffffffff;end");
	ONE(wide, "1234567890123456789012345678901234567890",
	    "2:2203a0c92075c0dbf3b8acbc5f96ce3f0ad2;end");
	assert_has(one(money, "1.005"), "csv.range@/v no more digits behind");
	assert_has(one(money, "12345678.90"),
	           "csv.range@/v no more digits than "
	           "the precision");
	assert_has(one(money, "1e400"), "csv.range");
	assert_has(one(money, "1,5"), "csv.columns");
}

static void
test_csv_times(void **state)
{
	const char *millis = LOGICAL("long", "timestamp-millis");

	ONE(LOGICAL("int", "date"), "1970-01-02", "2:02;end");
	ONE(LOGICAL("int", "date"), "2024-02-29", "2:8cb502;end");
	ONE(LOGICAL("int", "date"), "0001-01-01", "2:f3e457;end");
	ONE(millis, "1970-01-01T00:00:00.001Z", "2:02;end");
	ONE(millis, "1970-01-01 01:00:00+01:00", "2:00;end");
	ONE(millis, "1969-12-31T23:59:59.999Z", "2:01;end");
	ONE(millis, "1970-01-01T00:00:00.001000Z", "2:02;end");
	ONE(LOGICAL("long", "local-timestamp-micros"),
	    "1970-01-01T00:00:00.000001", "2:02;end");
	ONE(LOGICAL("int", "time-millis"), "00:00:01", "2:d00f;end");
	assert_has(one(LOGICAL("int", "date"), "2023-02-29"), "csv.range");
	assert_has(one(LOGICAL("int", "date"), "2023-2-9"), "csv.value");
	assert_has(one(millis, "1970-01-01T00:00:00"),
	           "csv.value@/v a time as");
	assert_has(one(millis, "1970-01-01T00:00:60Z"), "csv.range");
	assert_has(one(millis, "1970-01-01T00:00:00.0001Z"), "csv.range");
	assert_has(one(millis, "1970-01-01T00:00:00.Z"), "csv.value");
	assert_has(one(millis, "1735689600000"), "csv.value");
	assert_has(
		one(LOGICAL("long", "timestamp-nanos"), "2500-01-01T00:00:00Z"),
		"csv.range");
}

static void
test_csv_sensitive(void **state)
{
	const char *told = read_all(
		RECORDS_CSV,
		"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":"
		"\"pin\",\"type\":\"int\",\"waybill\":{\"sensitive\":true}}]}",
		"pin\n12x34\n");

	assert_has(told,
	           "csv.value@/pin an integer (line 2, column 1): "
	           "(redacted)");
}

/* -- JSON a line -------------------------------------------------------------- */

static void
test_ndjson(void **state)
{
	NDJSON("{\"store\":\"a\",\"item\":1}\n\n  \r\n"
	       "{\"item\":2,\"store\":\"b\"}\r\n{\"store\":\"c\",\"item\":3}",
	       "1:02610200;4:02620400;5:02630600;end");
	NDJSON("{\"store\":\"a\",\"item\":\"x\"}\n{\"store\":\"c\",\"item\":3}",
	       "1:json.type@/item a number: a long (line 1, column 21): \"x\" "
	       "<{\"store\":\"a\",\"item\":\"x\"}>;2:02630600;end");
	NDJSON("\n{\"store\":\n{\"store\":\"c\",\"item\":3}",
	       "2:json.syntax@/store a value (line 2, column 10): the end of "
	       "the text <{\"store\":>;3:02630600;end");
	NDJSON("", "end");
	assert_has(read_all(RECORDS_NDJSON, stock,
	                    "{\"store\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	                    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"item\":1}\n"
	                    "{\"store\":\"c\",\"item\":3}\n"),
	           "1:size.exceeded@ at most 60 bytes (line 1): more <");
	assert_has(read_all(RECORDS_NDJSON, stock,
	                    "{\"store\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	                    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\"item\":1}\n"
	                    "{\"store\":\"c\",\"item\":3}\n"),
	           ">;2:02630600;end");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv_rows),
		cmocka_unit_test(test_csv_header),
		cmocka_unit_test(test_csv_broken_rows),
		cmocka_unit_test(test_csv_long_rows),
		cmocka_unit_test(test_csv_values),
		cmocka_unit_test(test_csv_decimals),
		cmocka_unit_test(test_csv_times),
		cmocka_unit_test(test_csv_sensitive),
		cmocka_unit_test(test_ndjson),
	};

	unit_alarm(60);
	signal(SIGPIPE, SIG_IGN); /* who reads may end first */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
