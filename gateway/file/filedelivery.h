/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A file straight into the lanes of this daemon, each record exactly once,
 * however often it is begun: what publish is from outside, without HTTP. One
 * request's worth of records is under way at a time, so the whole file is
 * recorded in its order. Owner's thread only.
 */
#include <stdatomic.h>

#include "base/model/submission.h"
#include "base/runtime/err.h"
#include "contracts/records.h"
#include "gateway/file/filetally.h"

struct catalogue;
struct pgconn;

struct filedelivery {
	struct catalogue *catalogue;
	struct submission_lanes lanes;
	struct pgconn *conn; /* for what the journal has of the file */
	const char *tenant;
	const char *feed;
	int fd;           /* seekable */
	const char *file; /* its digest */
	enum records_format format;
	const char *rejects; /* where to list them */
	const atomic_bool *stop;
	struct filetally *tally;
};

/*
 * Until every record is recorded, whatever is down meanwhile. ERR_STOPPED: it
 * is to be begun again; so are ERR_NOT_FOUND (no feed, or its contract is not
 * in force here) and what is of class RETRY. Others: the file cannot be read
 * on; what stands in front of that is recorded.
 */
enum err_code
filedelivery_run(const struct filedelivery *delivery,
                 struct err *err) ERR_MUST_CHECK;
