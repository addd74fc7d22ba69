/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A file to a feed, each record exactly once, however often it is begun: what
 * the journal has of the file is not sent again, what is sent has the file's
 * digest and its number as its id, and what fails is tried again. Owner's
 * thread only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "contracts/records.h"
#include "gateway/file/filetally.h"

struct fileprogress;

struct file_publish {
	const char *url, *tenant, *feed, *token;
	const char *ca_file; /* NULL: the system's */
	int64_t patience_ms; /* 0: for ever */
	int fd;              /* at its beginning; seekable */
	const char *file;    /* its digest */
	enum records_format format;
	bool dry_run;
	size_t bundle_records; /* 0: a standard value */
	int strands;           /* 0: a standard value */
	const char *rejects;   /* NULL: no list */
	struct filetally *tally;
	struct fileprogress *progress;
	int64_t *rejects_listed; /* set at the end */
};

#define FILE_PUBLISH_RECORDS     5000
#define FILE_PUBLISH_RECORDS_MAX 10000
#define FILE_PUBLISH_STRANDS     4
#define FILE_PUBLISH_STRANDS_MAX 32

/*
 * Until everything is settled. ERR_INVALID and so on: of a file that cannot be
 * read on, what stands in front of that is settled. ERR_TIMEOUT: patience is at
 * its end; ERR_PRIVILEGE, ERR_NOT_FOUND: the key or the names are wrong.
 */
enum err_code
file_publish_run(const struct file_publish *publish,
                 struct err *err) ERR_MUST_CHECK;
