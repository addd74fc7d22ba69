/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The files of sql/ as they are on this machine: migrations in their order,
 * functions and policies, each with its digest. For migration.c.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/digest.h"
#include "base/runtime/err.h"

#define SQLDIR_FILES_MAX 1000
#define SQLDIR_BYTES_MAX (4 * 1024 * 1024) /* of one file */

struct sqlfile {
	char *name; /* "0001_role"; "functions/lane"; "policies" */
	char *text;
	uint8_t digest[DIGEST_SHA256_LEN];
};

struct sqldir {
	struct sqlfile *migrations;
	size_t migration_count;
	struct sqlfile *functions; /* policies last */
	size_t function_count;
	uint8_t functions_digest[DIGEST_SHA256_LEN]; /* of names and texts */
};

/* ERR_CONFIG: no such folder, or not one of migrations 0001, 0002 ... */
enum err_code
sqldir_load(const char *path, struct sqldir **out,
            struct err *err) ERR_MUST_CHECK;

void
sqldir_free(struct sqldir **dir);

/* Where it is: WAYBILL_SQL_DIR, else sql/ beside the program (a build), else
   where it was installed. Copied to out. */
void
sqldir_find(char *out, size_t size);
