/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * A text as CSV with a header. The first byte says whether a header is put in
 * front, so that rows are reached soon.
 */
#include "tests/fuzz/fuzz_records.h"

static const char fuzz_avsc[] =
	"{\"type\":\"record\",\"name\":\"all\",\"fields\":["
	"{\"name\":\"s\",\"type\":\"string\",\"default\":\"d\"},"
	"{\"name\":\"l\",\"type\":\"long\",\"default\":7},"
	"{\"name\":\"i\",\"type\":[\"null\",\"int\"],\"default\":null},"
	"{\"name\":\"b\",\"type\":[\"boolean\",\"null\"],\"default\":true},"
	"{\"name\":\"f\",\"type\":\"float\",\"default\":1.5},"
	"{\"name\":\"d\",\"type\":\"double\",\"default\":0},"
	"{\"name\":\"y\",\"type\":\"bytes\",\"default\":\"\"},"
	"{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"x\",\"size\":5,"
	"\"logicalType\":\"decimal\",\"precision\":9,\"scale\":9},"
	"\"default\":\"\\u0000\\u0000\\u0000\\u0000\\u0000\"},"
	"{\"name\":\"p\",\"type\":{\"type\":\"bytes\",\"logicalType\":"
	"\"decimal\",\"precision\":40,\"scale\":2},\"default\":\"a\"},"
	"{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":"
	"[\"A\",\"B\"]},\"default\":\"B\"},"
	"{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":"
	"\"timestamp-nanos\"},\"default\":0},"
	"{\"name\":\"k\",\"type\":{\"type\":\"int\",\"logicalType\":"
	"\"time-millis\"},\"default\":0},"
	"{\"name\":\"g\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"},"
	"\"default\":0},"
	"{\"name\":\"v\",\"type\":{\"type\":\"fixed\",\"name\":\"v\",\"size\":"
	"16,\"logicalType\":\"uuid\"},\"default\":\"0123456789abcdef\"},"
	"{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"string\"},"
	"\"default\":[]}]}";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const headers[] = {
		"",    "s,l,i,b,f,d,y,x,p,e,t,k,g,v\n", "s,i\r\n", "t,g,k,p\n",
		"s\n",
	};
	static struct contract *contract;
	const char *header;
	uint8_t *whole;
	struct err err;
	size_t len;

	if (size < 1)
		return 0;
	if (contract == NULL)
		CHECK(contract_compile(1, "fuzz", 1, fuzz_avsc, &contract,
		                       &err) == ERR_OK);
	header = headers[data[0] % 5];
	len = strlen(header);
	whole = malloc(len + size);
	memcpy(whole, header, len);
	memcpy(whole + len, data + 1, size - 1);
	fuzz_records(contract, RECORDS_CSV, whole, len + size - 1,
	             data[0] >= 0x80);
	fuzz_records(contract, RECORDS_NDJSON, data + 1, size - 1,
	             data[0] >= 0x80);
	free(whole);
	return 0;
}
