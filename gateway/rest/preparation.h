/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Makes a submission out of messages: each is transcoded to what the feed
 * carries, judged by its contract, and given its key and partition. What a
 * submission needs is copied: the request may end before it does. Any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct deployment;
struct feed;
struct intake;
struct submission;

#define PREPARATION_NO_PARTITION (-1)

struct preparation {
	const struct deployment *deployment;
	const struct feed *feed; /* with a contract */
	int64_t partition; /* as the producer says, where the contract leaves it
	                      to him; PREPARATION_NO_PARTITION: not said */
	int64_t first;     /* number of the first record of a file; 0: none */
	bool is_file;
};

/* ERR_TOO_LARGE: a message over the feed's limit, or too much in all.
   ERR_USAGE: the partition is not for him to say, or there is none such. Texts
   are for the client; nothing was made. */
enum err_code
preparation_make(const struct preparation *preparation,
                 const struct intake *intake, struct submission **out,
                 struct err *err) ERR_MUST_CHECK;
