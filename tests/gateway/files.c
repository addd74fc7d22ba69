/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#include "tests/gateway/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char files_folder[64];

void
files_begin(void)
{
	snprintf(files_folder, sizeof(files_folder), "/tmp/waybill-XXXXXX");
	if (mkdtemp(files_folder) == NULL)
		abort();
}

void
files_put(const char *name, const char *text)
{
	char path[256];
	char *slash;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", files_folder, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	mkdir(path, 0755);
	*slash = '/';
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

void
files_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", files_folder);
	if (system(command) != 0)
		abort();
}
