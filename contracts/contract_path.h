/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where in a message a walk is: a chain of steps on the walker's stack, printed
 * as a JSON pointer when something is found there. A union has no step: its
 * branch is at its place.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct contract_step {
	const struct contract_step *up; /* NULL: the root */
	const char *name;               /* of a field; NULL: see key */
	const uint8_t *key;             /* of a map; NULL: see index */
	uint32_t key_len;
	int64_t index; /* of an array's element */
	int depth;     /* what the walker counts */
	bool sensitive;
};

/* Appends to a text of size bytes; what does not fit is left out. */
void
contract_path_print(char *out, size_t size, const struct contract_step *step);
