/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The body of a request as messages, as its media type says: nothing is judged
 * here, but a body whose messages cannot be told apart is refused whole, before
 * any of them is taken. Bytes are borrowed from the body or from the arena.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/runtime/err.h"
#include "gateway/rest/media.h"

struct arena;
struct contract;
struct violation;

#define INTAKE_ID_MAX 200 /* of a dedup id */

struct intake_message {
	const uint8_t *key, *body, *headers, *id; /* NULL: none */
	int32_t key_len, body_len, headers_len;   /* -1: none */
	int32_t id_len;                           /* 0: none */
	bool is_json;    /* body is Avro JSON, not what the feed carries */
	int64_t number;  /* in the request, from 0 */
	int64_t line;    /* of JSON in lines, from 1; else 0 */
	int64_t time_ms; /* MOMENT_NONE: not said */
	/* What broke the schema already, in the arena. */
	size_t violation_count;
	const struct violation *violations;
};

struct intake_request {
	enum media media;
	const uint8_t *body;
	size_t body_len;
	size_t count_max;
	const struct contract *contract; /* for a container's schema */
	/* What headers of the request say of a single message; and the id of
	   all, to which "#" and the number of each is added where they are
	   many and have none of their own. */
	struct intake_message single;
	const char *id; /* NULL: none */
	int64_t first;  /* the number of the first */
	bool is_file;   /* a frame's own id is then the number of its record */
};

struct intake {
	struct intake_message *messages; /* in the arena */
	size_t count;
};

/* ERR_INVALID: the text says where; ERR_TOO_LARGE: more than count_max. */
enum err_code
intake_read(const struct intake_request *request, struct arena *arena,
            struct intake *out, struct err *err) ERR_MUST_CHECK;

/* Whether it may be a dedup id: printable ASCII, 1 to INTAKE_ID_MAX. */
bool
intake_is_id(const uint8_t *bytes, size_t len);
