/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Where no id is given one is made, so that it may be tried again.
 */
#include "gateway/file/single_publish.h"

#include <string.h>

#include "base/runtime/digest.h"
#include "base/runtime/json.h"
#include "base/runtime/text.h"
#include "gateway/file/reach.h"
#include "gateway/look/look.h"

#define TEXT_BYTES_MAX   (1024 * 1024)
#define ID_RANDOM_BYTES  16
#define HEADER_COUNT_MAX 4

static void
waiting(void *context, const char *why)
{
	const struct look_options *options = context;

	if (!options->json)
		fprintf(options->err, "%s; trying again\n", why);
}

static enum err_code
check_header(const char *name, const char *value, struct err *err)
{
	for (const char *c = value; value != NULL && *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return err_set(err, ERR_USAGE,
			               "--%s has a control character", name);
	return ERR_OK;
}

static void
add_id(const struct single_publish *single, struct text *out)
{
	uint8_t chance[ID_RANDOM_BYTES];

	text_add(out, "Idempotency-Key: ");
	if (single->id != NULL) {
		text_add(out, single->id);
		return;
	}
	digest_random(chance, sizeof(chance));
	text_add_hex(out, chance, sizeof(chance));
}

static void
print(const struct look_options *options, const struct text *answer)
{
	struct json *document = NULL;
	const struct json *receipt;
	struct err ignored;
	struct text line;

	if (json_parse(text_string(answer), answer->len, &document, &ignored) !=
	    ERR_OK)
		return;
	receipt = json_at(json_get(document, "receipts"), 0);
	text_init(&line, TEXT_BYTES_MAX);
	if (options->json) {
		json_print(receipt, &line);
	} else {
		const char *id = json_string(json_get(receipt, "id"));
		const char *verdict = json_string(json_get(receipt, "verdict"));
		const char *of = json_string(json_get(receipt, "of"));
		const struct json *found = json_get(receipt, "violations");

		text_addf(&line, "%s %s", id != NULL ? id : "?",
		          verdict != NULL ? verdict : "?");
		if (of != NULL)
			text_addf(&line, " (of %s)", of);
		for (size_t i = 0; i < json_count(found); i++) {
			text_add(&line, "\n  ");
			json_print(json_at(found, i), &line);
		}
	}
	fprintf(options->out, "%s\n", text_string(&line));
	text_fini(&line);
	json_free(&document);
}

static enum err_code
ask(const struct single_publish *single, const struct look_options *options,
    const char *const *headers, struct text *answer, int *out_status,
    struct err *err)
{
	const struct reach_options reaching = {
		.url = single->url,
		.tenant = single->tenant,
		.feed = single->feed,
		.token = single->token,
		.ca_file = single->ca_file,
		.patience_ms = single->patience_ms,
		.waiting = waiting,
		.context = (void *)(uintptr_t)options,
	};
	const struct reach_request request = {
		.path = "/messages",
		.type = "application/json",
		.headers = headers,
		.body = single->value,
		.body_len = strlen(single->value),
	};
	struct reach *reach = NULL;
	enum err_code code = reach_open(&reaching, &reach, err);

	if (code == ERR_OK)
		code = reach_ask(reach, &request, out_status, answer, err);
	reach_close(&reach);
	return code;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
single_publish_run(const struct single_publish *single,
                   const struct look_options *options, int *out_status,
                   struct err *err)
{
	const char *headers[HEADER_COUNT_MAX] = { NULL };
	struct text id, key, time, answer;
	size_t count = 0;
	int status = 0;
	enum err_code code = ERR_OK;

	if (check_header("id", single->id, err) != ERR_OK ||
	    check_header("key", single->key, err) != ERR_OK ||
	    check_header("time", single->time, err) != ERR_OK)
		return err->code;
	text_init(&id, TEXT_BYTES_MAX);
	text_init(&key, TEXT_BYTES_MAX);
	text_init(&time, TEXT_BYTES_MAX);
	text_init(&answer, TEXT_BYTES_MAX);
	add_id(single, &id);
	headers[count++] = text_string(&id);
	if (single->key != NULL) {
		text_addf(&key, "Waybill-Key: %s", single->key);
		headers[count++] = text_string(&key);
	}
	if (single->time != NULL) {
		text_addf(&time, "Waybill-Time: %s", single->time);
		headers[count++] = text_string(&time);
	}
	code = ask(single, options, headers, &answer, &status, err);
	if (code == ERR_OK &&
	    (status < 300 || status == 422 || status == 409)) {
		print(options, &answer);
		*out_status = status;
	} else if (code == ERR_OK) {
		code = reach_fail(status, &answer, err);
	}
	text_fini(&id);
	text_fini(&key);
	text_fini(&time);
	text_fini(&answer);
	return code;
}
