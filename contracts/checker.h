/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Runs a program over the bytes of one Avro value, which must take them all.
 * It allocates nothing, reads each byte about once, and on a bad value says
 * no more than that: explainer.h finds out the reason, slowly.
 */
#include <stddef.h>
#include <stdint.h>

struct program;

#define CHECKER_DEPTH_MAX   64
#define CHECKER_EMPTIES_MAX 65536 /* elements without bytes in a message */

enum checker_answer {
	CHECKER_GOOD,
	CHECKER_ILLOGICAL, /* read to its end; a logical type is broken */
	CHECKER_BROKEN,    /* its bytes are no value of the schema */
};

/* A key field's value, borrowed from the bytes. Integers and enums: number. */
struct checker_key {
	const uint8_t *bytes;
	uint32_t len;
	int64_t number;
};

/* keys: as many as the program was compiled with; set unless the answer is
   CHECKER_BROKEN. */
enum checker_answer
checker_run(const struct program *program, const uint8_t *bytes, size_t len,
            struct checker_key *keys);
