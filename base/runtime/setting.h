/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Keys of a daemon's configuration and of the catalogue, each declared once
 * in a const table: the table is read by the loader (every error names file,
 * line and key), by --print-config and by the printed reference page.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct text;
struct yaml;

enum setting_type {
	SETTING_TEXT,        /* char *, owned by the target struct */
	SETTING_INTEGER,     /* int64_t; "64kB", "4MB", "1GB" are 1024-based */
	SETTING_DURATION_MS, /* int64_t; "500ms", "5s", "2min", "1h", "7d" */
	SETTING_BOOLEAN,     /* bool; true or false */
	SETTING_CHOICE,      /* int; an index of choices */
	SETTING_SECRET,      /* char *; from a file named in KEY-file, or
	                        in place; never printed */
	SETTING_LIST,        /* struct setting_list of texts */
	SETTING_PROPERTIES,  /* struct setting_properties: passed through */
	SETTING_MAPS,        /* const struct yaml *: a list of maps, each loaded
	                        by the caller with a table of their own;
	                        borrowed from the document, NULL: absent */
};

struct setting_list {
	size_t count;
	char **values;
};

struct setting_property {
	char *name;
	char *value;
};

struct setting_properties {
	size_t count;
	struct setting_property *values;
};

struct setting {
	const char *key; /* "postgres.connection": dots descend into maps */
	enum setting_type type;
	size_t offset;        /* offsetof the member in the target struct */
	const char *standard; /* default, as text; NULL: required;
	                         "": empty or none */
	const char *const *choices; /* NULL-terminated */
	int64_t min, max;           /* both 0: unbounded */
	const char *unit;           /* for the reference page, or NULL */
	const char *help;           /* whole sentences */
};

/*
 * Fills *target from a map. An unknown key (with the nearest known one as a
 * hint), a missing one, a wrong type or value: ERR_CONFIG, with all errors
 * (up to 20), one a line: "waybilld.yaml:12: lanes: must be 1 to 64".
 */
enum err_code
setting_load(const struct setting *table, size_t count, const struct yaml *map,
             void *target, struct err *err) ERR_MUST_CHECK;

/* Frees what setting_load put into target. */
void
setting_release(const struct setting *table, size_t count, void *target);

/* The effective values as YAML, secrets as "(secret)". */
void
setting_print(const struct setting *table, size_t count, const void *target,
              struct text *out);

/* The reference page: a Markdown table of key, type, default, meaning. */
void
setting_print_reference(const struct setting *table, size_t count,
                        struct text *out);

/* What a secret's file has, without its last newline: to be wiped and freed.
   NULL: *out_reason says why. */
char *
setting_read_secret(const char *path, const char **out_reason);
