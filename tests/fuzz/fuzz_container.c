/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as an Avro object container file. The first byte says whether a head is
 * put in front, with which codec, and the marker behind: so that blocks are
 * reached soon.
 */
#include "tests/fuzz/fuzz_records.h"

#include "base/io/codec.h"

#define FUZZ_SYNC "0123456789abcdef"

static const char fuzz_avsc[] =
	"{\"type\":\"record\",\"name\":\"R\",\"fields\":["
	"{\"name\":\"s\",\"type\":\"string\"},"
	"{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"null\","
	"\"long\"]}},{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":"
	"\"int\"}}]}";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
add_long(struct text *out, int64_t value)
{
	uint64_t rest = (uint64_t)value << 1;
	uint8_t byte;

	do {
		byte = (uint8_t)(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0);
		text_add_bytes(out, &byte, 1);
		rest >>= 7;
	} while (rest > 0);
}

static void
add_blob(struct text *out, const char *blob)
{
	add_long(out, (int64_t)strlen(blob));
	text_add(out, blob);
}

/* A head; and the data as one block where is_block is set. */
static void
build(struct text *out, enum codec codec, bool is_block, const uint8_t *data,
      size_t size)
{
	text_add_bytes(out, "Obj\1", 4);
	add_long(out, 2);
	add_blob(out, "avro.codec");
	add_blob(out, codec_name(codec));
	add_blob(out, "avro.schema");
	add_blob(out, fuzz_avsc);
	add_long(out, 0);
	text_add(out, FUZZ_SYNC);
	if (is_block) {
		add_long(out, size > 0 ? data[0] % 8 : 0);
		add_long(out, size > 0 ? (int64_t)size - 1 : 0);
		if (size > 0)
			text_add_bytes(out, data + 1, size - 1);
		text_add(out, FUZZ_SYNC);
	} else {
		text_add_bytes(out, data, size);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct contract *contract;
	struct text file;
	struct err err;

	if (size < 1)
		return 0;
	if (contract == NULL)
		CHECK(contract_compile(1, "fuzz", 1, fuzz_avsc, &contract,
		                       &err) == ERR_OK);
	text_init(&file, 1 << 20);
	if ((data[0] & 0x0f) < 12)
		build(&file, (enum codec)((data[0] & 0x0f) % CODEC_COUNT),
		      (data[0] & 0x10) != 0, data + 1, size - 1);
	else
		text_add_bytes(&file, data + 1, size - 1);
	fuzz_records(contract, RECORDS_CONTAINER,
	             (const uint8_t *)text_string(&file), file.len,
	             data[0] >= 0x80);
	text_fini(&file);
	return 0;
}
