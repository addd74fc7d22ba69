/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The options of a command, each declared once in a const table that is read
 * by its parser, its help, its page of the manual and the shell's completion.
 */
#include <stddef.h>

#include "base/runtime/err.h"

struct text;

enum flag_kind {
	FLAG_SWITCH,  /* bool */
	FLAG_TEXT,    /* const char * */
	FLAG_PAIR,    /* const char *[2] */
	FLAG_INTEGER, /* int64_t, from 0 */
	FLAG_LIST,    /* struct flag_list: may be given more than once */
};

#define FLAG_LIST_MAX 20

struct flag_list {
	const char *values[FLAG_LIST_MAX];
	size_t count;
};

struct flag {
	const char *name; /* "tenant": --tenant T, --tenant=T */
	char letter;      /* 'n': -n; 0: none */
	enum flag_kind kind;
	size_t offset;     /* offsetof the member in the target struct */
	const char *value; /* "FROM TO", for help; NULL: a switch */
	const char *help;  /* whole sentences */
};

struct flag_table {
	const struct flag *flags;
	size_t count;
	size_t operands_max; /* how many arguments that are no options */
};

/*
 * argv[0] is the command's name. Sets what is given in *target and
 * operands[0..operands_max), which start as NULL; strings are borrowed from
 * argv. ERR_USAGE.
 */
enum err_code
flag_parse(const struct flag_table *table, int argc, char **argv, void *target,
           const char **operands, struct err *err) ERR_MUST_CHECK;

/* One line for each flag, for people. */
void
flag_print(const struct flag_table *table, struct text *out);

/* A Markdown table of them. */
void
flag_print_reference(const struct flag_table *table, struct text *out);
