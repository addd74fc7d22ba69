/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * R's serialization, version 2 in XDR ("RDX2"), as far as data frames of
 * numbers need it: pairlists, lists, strings, logical, integer and double
 * vectors, and their attributes.  Anything else is a clear error.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "examples/orange-juice/oj_err.h"

enum oj_rdata_type {
	OJ_RDATA_NULL,
	OJ_RDATA_STRING, /* one string; R's symbol or CHARSXP */
	OJ_RDATA_STRINGS,
	OJ_RDATA_INTEGERS, /* also logicals; INT32_MIN is R's NA */
	OJ_RDATA_DOUBLES,
	OJ_RDATA_LIST, /* also pairlists, whose tags are the names */
};

struct oj_rdata {
	enum oj_rdata_type type;
	size_t count;
	char *text;                    /* STRING */
	int32_t *integers;             /* INTEGERS */
	double *doubles;               /* DOUBLES */
	const struct oj_rdata **items; /* LIST, STRINGS */
	const struct oj_rdata *names;  /* a STRINGS, or null */
};

struct oj_rdata_file;

/* Parses size bytes; the tree that oj_rdata_root gives lives until free. */
bool
oj_rdata_parse(const uint8_t *bytes, size_t size,
               struct oj_rdata_file **out_file, struct oj_err *err);
const struct oj_rdata *
oj_rdata_root(const struct oj_rdata_file *file);

/* The item of a LIST that has this name, or null. */
const struct oj_rdata *
oj_rdata_get(const struct oj_rdata *list, const char *name);

void
oj_rdata_free(struct oj_rdata_file **file);
