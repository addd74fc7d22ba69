/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A step of the road that other folders plug in (decode, validate,
 * deduplicate): it sets verdicts, it never drops a message.
 */
#include "base/runtime/err.h"

struct batch;

struct stage {
	const char *name;
	enum err_code (*run)(struct batch *batch, void *context,
	                     struct err *err);
	/* One context a lane; may be NULL. */
	void *(*context_new)(void);
	void (*context_free)(void *context);
};
