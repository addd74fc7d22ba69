/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The endpoints of the REST interface: what each is called, where it is, and
 * every status that it may answer. Metrics are counted by this table, and the
 * OpenAPI document is compared with it by a test.
 */
#include <stdbool.h>
#include <stddef.h>

enum endpoint {
	ENDPOINT_PUBLISH,
	ENDPOINT_MESSAGES,
	ENDPOINT_RECEIPT,
	ENDPOINT_CONTRACT,
	ENDPOINT_FILE,
	ENDPOINT_STATUS,
	ENDPOINT_OPENAPI,
	ENDPOINT_PROBLEM,
	ENDPOINT_COUNT
};

#define ENDPOINT_STATUSES_MAX 20

/* For metrics: also the operationId of the document. */
const char *
endpoint_name(enum endpoint endpoint);

const char *
endpoint_method(enum endpoint endpoint);
const char *
endpoint_path(enum endpoint endpoint);

/* Ended by 0; those that the server below answers by itself included. */
const int *
endpoint_statuses(enum endpoint endpoint);

bool
endpoint_has_status(enum endpoint endpoint, int status);
