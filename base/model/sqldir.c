/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the folder whole, so that nothing is applied when one of its files
 * cannot be read.
 */
#include "base/model/sqldir.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"

#define PATH_BYTES_MAX 4096

static enum err_code
file_read(const char *path, char **out, struct err *err)
{
	FILE *file = fopen(path, "rb");
	char *text;
	size_t len;

	if (file == NULL)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	text = memory_alloc(SQLDIR_BYTES_MAX + 1);
	len = fread(text, 1, SQLDIR_BYTES_MAX + 1, file);
	if (ferror(file) || len > SQLDIR_BYTES_MAX || memchr(text, 0, len)) {
		fclose(file);
		memory_free(&text);
		return err_set(err, ERR_IO,
		               "%s: cannot be read, is larger than %d bytes, "
		               "or is no text",
		               path, SQLDIR_BYTES_MAX);
	}
	fclose(file);
	text[len] = '\0';
	*out = memory_realloc(text, len + 1);
	return ERR_OK;
}

/* root + "functions/lane.sql" -> name "functions/lane". */
static enum err_code
load_one(const char *root, const char *path, struct sqlfile *file,
         struct err *err)
{
	const char *name = path + strlen(root) + 1;
	enum err_code code = file_read(path, &file->text, err);

	if (code != ERR_OK)
		return code;
	file->name = memory_strndup(name, strlen(name) - strlen(".sql"));
	digest_sha256(file->text, strlen(file->text), file->digest);
	return ERR_OK;
}

/* Adds what the pattern finds, in the order of the names. */
static enum err_code
load_all(const char *root, const char *pattern, struct sqlfile **files,
         size_t *count, struct err *err)
{
	char path[PATH_BYTES_MAX];
	glob_t found = { 0 };
	enum err_code code = ERR_OK;

	snprintf(path, sizeof(path), "%s/%s", root, pattern);
	if (glob(path, 0, NULL, &found) != 0 ||
	    found.gl_pathc > SQLDIR_FILES_MAX) {
		globfree(&found);
		return err_set(err, ERR_CONFIG,
		               "%s: there are no such files; WAYBILL_SQL_DIR "
		               "says where Waybill's sql folder is",
		               path);
	}
	*files = memory_realloc(*files,
	                        (*count + found.gl_pathc) * sizeof(**files));
	memset(*files + *count, 0, found.gl_pathc * sizeof(**files));
	for (size_t i = 0; i < found.gl_pathc && code == ERR_OK; i++) {
		code = load_one(root, found.gl_pathv[i], &(*files)[*count],
		                err);
		if (code == ERR_OK)
			(*count)++;
	}
	globfree(&found);
	return code;
}

static enum err_code
check_numbers(const struct sqldir *dir, struct err *err)
{
	char wanted[32];

	for (size_t i = 0; i < dir->migration_count; i++) {
		snprintf(wanted, sizeof(wanted), "%04zu_", i + 1);
		if (strncmp(dir->migrations[i].name, wanted, 5) != 0)
			return err_set(err, ERR_CONFIG,
			               "migration %s is there where %s... "
			               "should be",
			               dir->migrations[i].name, wanted);
	}
	return ERR_OK;
}

static void
digest_functions(struct sqldir *dir)
{
	struct digest *digest = digest_new();

	digest_begin(digest);
	for (size_t i = 0; i < dir->function_count; i++) {
		digest_add(digest, dir->functions[i].name,
		           strlen(dir->functions[i].name) + 1);
		digest_add(digest, dir->functions[i].digest, DIGEST_SHA256_LEN);
	}
	digest_end(digest, dir->functions_digest);
	digest_free(&digest);
}

static void
files_free(struct sqlfile **files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		memory_free(&(*files)[i].name);
		memory_free(&(*files)[i].text);
	}
	memory_free(files);
}

/* -- public -- */

enum err_code
sqldir_load(const char *path, struct sqldir **out, struct err *err)
{
	struct sqldir *dir = memory_calloc(1, sizeof(*dir));
	enum err_code code;

	code = load_all(path, "[0-9][0-9][0-9][0-9]_*.sql", &dir->migrations,
	                &dir->migration_count, err);
	if (code == ERR_OK)
		code = check_numbers(dir, err);
	if (code == ERR_OK)
		code = load_all(path, "functions/*.sql", &dir->functions,
		                &dir->function_count, err);
	if (code == ERR_OK)
		code = load_all(path, "policies.sql", &dir->functions,
		                &dir->function_count, err);
	if (code != ERR_OK) {
		sqldir_free(&dir);
		return code;
	}
	digest_functions(dir);
	*out = dir;
	return ERR_OK;
}

void
sqldir_free(struct sqldir **dir)
{
	if (*dir == NULL)
		return;
	files_free(&(*dir)->migrations, (*dir)->migration_count);
	files_free(&(*dir)->functions, (*dir)->function_count);
	memory_free(dir);
}

void
sqldir_find(char *out, size_t size)
{
	const char *given = getenv("WAYBILL_SQL_DIR");
	char path[PATH_BYTES_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 64);
	char *slash;

	if (given && *given) {
		snprintf(out, size, "%s", given);
		return;
	}
	path[len < 0 ? 0 : len] = '\0';
	if ((slash = strrchr(path, '/')) != NULL) {
		strcpy(slash, "/sql/policies.sql");
		if (access(path, R_OK) == 0) {
			*strrchr(path, '/') = '\0';
			snprintf(out, size, "%s", path);
			return;
		}
	}
	snprintf(out, size, "%s/sql", WAYBILL_PKGDATADIR);
}
