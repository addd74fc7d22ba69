/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a program that publishes has to know of a feed, asked of the gateway:
 * the contract in force, the limits of a request, and which records of a file
 * are recorded already. Owner's thread only.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"

struct contract;
struct fileranges;
struct reach;

struct filefeed {
	struct contract *contract;
	int32_t contract_id;
	int64_t message_bytes_max;
	size_t request_bytes_max;
	size_t request_messages_max;
};

enum err_code
filefeed_ask(struct reach *reach, struct filefeed *out,
             struct err *err) ERR_MUST_CHECK;

void
filefeed_fini(struct filefeed *feed);

/* file: its digest. Adds to out, which is empty. */
enum err_code
filefeed_ask_recorded(struct reach *reach, const char *file,
                      struct fileranges *out, struct err *err) ERR_MUST_CHECK;
