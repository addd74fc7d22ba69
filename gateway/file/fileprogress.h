/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tells a person how far a file is: a bar on a terminal, a line every few
 * seconds elsewhere. A thread of its own.
 */
#include <stdbool.h>
#include <stdio.h>

struct filetally;
struct fileprogress;

struct fileprogress_options {
	const struct filetally *tally; /* borrowed */
	FILE *out;                     /* a terminal, or not */
	bool quiet;                    /* nothing is told */
	int fd;          /* what is read; its offset says how far it is */
	long long bytes; /* of the file; 0: not known */
};

struct fileprogress *
fileprogress_new(const struct fileprogress_options *options);

/* The bar goes; what is printed behind it begins a line. */
void
fileprogress_free(struct fileprogress **progress);

/* What it waits for; once for each reason. Any thread. */
void
fileprogress_waiting(void *progress, const char *why);
