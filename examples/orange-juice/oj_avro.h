/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro's binary encoding, written field by field into a buffer of fixed size.
 * The schemas are in deploy/; what is written here must agree with them, and
 * a test decodes it with another library to see that it does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OJ_AVRO_BYTES_MAX = 16384 };

struct oj_avro {
	size_t size;
	uint8_t bytes[OJ_AVRO_BYTES_MAX];
};

void
oj_avro_raw(struct oj_avro *out, const void *bytes, size_t size);
void
oj_avro_long(struct oj_avro *out, int64_t number); /* int, long, index */
void
oj_avro_double(struct oj_avro *out, double number);
void
oj_avro_float(struct oj_avro *out, float number);
void
oj_avro_boolean(struct oj_avro *out, bool truth);
void
oj_avro_bytes(struct oj_avro *out, const void *bytes, size_t size);
void
oj_avro_string(struct oj_avro *out, const char *text);

/* bytes of logical type decimal: two's complement, big-endian, shortest */
void
oj_avro_decimal(struct oj_avro *out, int64_t unscaled);
