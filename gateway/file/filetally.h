/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What has become of the records of a file so far. Any thread.
 */
#include <stdatomic.h>
#include <stdint.h>

struct text;

struct filetally {
	atomic_int_fast64_t read;  /* of the file */
	atomic_int_fast64_t known; /* recorded before, so not sent */
	atomic_int_fast64_t accepted;
	atomic_int_fast64_t duplicate; /* sent, and recorded before */
	atomic_int_fast64_t rejected;
	atomic_int_fast64_t conflict;
	atomic_int_fast64_t bad_known; /* of those known: rejected, says the
	                                  contract of now */
	atomic_int_fast64_t tries;     /* requests that had to be repeated */
};

/* Records of which it is certain that they are recorded. */
int64_t
filetally_settled(const struct filetally *tally);

/* Members of an object, without its braces. */
void
filetally_print_json(const struct filetally *tally, struct text *out);

/* 12,345,678 */
#define FILETALLY_NUMBER_MAX 32
const char *
filetally_number(int64_t number, char out[FILETALLY_NUMBER_MAX]);
