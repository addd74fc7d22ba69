/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's answers are not trusted to be what they should: each number is
 * looked at.
 */
#include "gateway/file/filefeed.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "contracts/contract.h"
#include "gateway/file/fileranges.h"
#include "gateway/file/reach.h"

#define ANSWER_BYTES_MAX (64 * 1024 * 1024)
#define PATH_BYTES_MAX   200

static enum err_code
get(struct reach *reach, const char *path, struct json **out, struct err *err)
{
	const struct reach_request request = { .path = path };
	struct text answer;
	int status = 0;
	enum err_code code;

	text_init(&answer, ANSWER_BYTES_MAX);
	code = reach_ask(reach, &request, &status, &answer, err);
	if (code == ERR_OK && status != 200)
		code = reach_fail(status, &answer, err);
	if (code == ERR_OK &&
	    json_parse(text_string(&answer), answer.len, out, err) != ERR_OK)
		code = err_context(err, "the gateway's answer");
	text_fini(&answer);
	return code;
}

static enum err_code
take(const struct json *answer, struct filefeed *out, struct err *err)
{
	const struct json *contract = json_get(answer, "contract");
	const char *schema = json_string(json_get(contract, "schema"));
	const char *name = json_string(json_get(contract, "name"));
	int64_t id = json_integer(json_get(contract, "id"), 0);
	int64_t version = json_integer(json_get(contract, "version"), 0);
	int64_t bytes = json_integer(json_get(answer, "request_bytes_max"), 0);
	int64_t count =
		json_integer(json_get(answer, "request_messages_max"), 0);

	*out = (struct filefeed){
		.contract_id = (int32_t)id,
		.message_bytes_max =
			json_integer(json_get(answer, "message_bytes_max"), 0),
		.request_bytes_max = (size_t)bytes,
		.request_messages_max = (size_t)count,
	};
	if (schema == NULL || name == NULL || id < 1 || id > INT32_MAX ||
	    version > INT32_MAX || bytes < 1 || count < 1 ||
	    out->message_bytes_max < 1)
		return err_set(err, ERR_HTTP,
		               "the gateway's answer is not about a contract");
	return contract_compile((int32_t)id, name, (int32_t)version, schema,
	                        &out->contract, err);
}

/* *from: where to ask on; -1: that was all. */
static enum err_code
take_ranges(const struct json *answer, int64_t *from, struct fileranges *out,
            struct err *err)
{
	const struct json *recorded = json_get(answer, "recorded");
	int64_t until = json_integer(json_get(answer, "until"), -1);
	int64_t last = json_integer(json_get(answer, "last"), -1);
	bool sound = json_type(recorded) == JSON_ARRAY && until > *from;

	for (size_t i = 0; sound && i < json_count(recorded); i++) {
		const struct json *range = json_at(recorded, i);
		int64_t first = json_integer(json_at(range, 0), -1);
		int64_t end = json_integer(json_at(range, 1), -1);

		sound = first >= *from && end < until &&
			fileranges_add(out, first, end);
	}
	if (!sound)
		return err_set(err, ERR_HTTP,
		               "the gateway's answer is not about records of a "
		               "file");
	*from = last >= until ? until : -1;
	return ERR_OK;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
filefeed_ask(struct reach *reach, struct filefeed *out, struct err *err)
{
	struct json *answer = NULL;
	enum err_code code = get(reach, "/contract", &answer, err);

	if (code == ERR_OK)
		code = take(answer, out, err);
	json_free(&answer);
	return code;
}

void
filefeed_fini(struct filefeed *feed)
{
	contract_free(&feed->contract);
}

enum err_code
filefeed_ask_recorded(struct reach *reach, const char *file,
                      struct fileranges *out, struct err *err)
{
	int64_t from = 0;

	while (from >= 0) {
		struct json *answer = NULL;
		char path[PATH_BYTES_MAX];
		enum err_code code;

		snprintf(path, sizeof(path), "/files/%s?from=%" PRId64, file,
		         from);
		code = get(reach, path, &answer, err);
		if (code == ERR_OK)
			code = take_ranges(answer, &from, out, err);
		json_free(&answer);
		if (code != ERR_OK)
			return code;
	}
	return ERR_OK;
}
