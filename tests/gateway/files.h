/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A temporary folder of catalogue files for a test.
 */
extern char files_folder[64];

void
files_begin(void);
/* A file, in a folder of that one at most. */
void
files_put(const char *name, const char *text);
void
files_end(void);

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
