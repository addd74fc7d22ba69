/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the endpoints share; context of every route. Immutable after rest_open,
 * but for what says of itself that any thread may use it.
 */
#include <stddef.h>
#include <stdint.h>

#include "gateway/rest/rest.h"

#define REST_MAGIC 0x72657374u

struct rest {
	uint32_t magic;
	struct rest_options options;
	struct catalogue *catalogue;
	struct auth *auth;
	struct quota *quota;
	struct desk *desk;
	struct reading *reading;
	struct origin *origin;
	struct httpd *httpd;
	int64_t deadline_us;
	size_t request_messages_max;
};
