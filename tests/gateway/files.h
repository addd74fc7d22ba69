/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A temporary folder of catalogue files for a test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char files_folder[64];

static inline void
files_begin(void)
{
	snprintf(files_folder, sizeof(files_folder), "/tmp/waybill-XXXXXX");
	if (mkdtemp(files_folder) == NULL)
		abort();
}

static inline void
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

static inline void
files_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", files_folder);
	if (system(command) != 0)
		abort();
}

#define FILES_DEPLOYMENT                                                       \
	"deployment: test\nlanes: 2\ndurability: development\n---\n"           \
	"cluster: main\nbootstrap: 127.0.0.1:1\nroles: [input, output]\n"

#define FILES_FEED(name, more)                                                 \
	"  - feed: " name "\n"                                                 \
	"    contract: us/sales.avsc\n"                                        \
	"    input: {cluster: main, topic: us." name ".in}\n"                  \
	"    output: {topic: us." name "}\n"                                   \
	"    dead-letter: {topic: us." name ".dead, partitions: 4}\n"          \
	"    partitions: 8\n" more

#define FILES_TENANT "tenant: us\ntitle: United States\nfeeds:\n"

#define FILES_AVSC                                                             \
	"{\"type\":\"record\",\"name\":\"Sale\",\"fields\":["                  \
	"{\"name\":\"store\",\"type\":\"int\"}],"                              \
	"\"waybill\":{\"key\":[\"store\"]}}"
