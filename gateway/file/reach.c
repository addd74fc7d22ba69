/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits grow from a fifth of a second to ten, unless the answer says how long.
 */
#include "gateway/file/reach.h"

#include <inttypes.h>
#include <string.h>

#include "base/io/httpc.h"
#include "base/runtime/check.h"
#include "base/runtime/clock.h"
#include "base/runtime/digest.h"
#include "base/runtime/json.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"

#define REACH_MAGIC      0x72656163u
#define ANSWER_BYTES_MAX (64 * 1024 * 1024)
#define TRY_TIMEOUT_MS   70000 /* more than rest.deadline may be */
#define WAIT_FIRST_MS    200
#define WAIT_LAST_MS     10000
#define WAIT_SAID_MAX_S  60
#define WAIT_STEP_MS     100
#define URL_BYTES_MAX    4096
#define HEADERS_MAX      16
#define SHOWN_BYTES_MAX  300

struct reach {
	uint32_t magic;
	const struct reach_options *options;
	struct httpc *client;
	struct text base; /* up to the feed */
	struct text url;
	struct text authorization;
	int64_t wait_ms;
	int64_t since_us; /* of the last answer for good */
};

/* What a segment of a path may hold as it is. */
static void
add_segment(struct text *out, const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		    (*c >= '0' && *c <= '9') || strchr("-_.~", *c) != NULL)
			text_add_bytes(out, c, 1);
		else
			text_addf(out, "%%%02X", (unsigned char)*c);
	}
}

static enum err_code
make_base(struct reach *reach, struct err *err)
{
	const struct reach_options *o = reach->options;
	size_t len = strlen(o->url);

	if (strncmp(o->url, "http://", 7) != 0 &&
	    strncmp(o->url, "https://", 8) != 0)
		return err_set(err, ERR_USAGE,
		               "--url begins with http:// or https://");
	if (strpbrk(o->url, "?# \r\n") != NULL)
		return err_set(err, ERR_USAGE,
		               "--url is what stands in front of /v1");
	while (len > 0 && o->url[len - 1] == '/')
		len--;
	text_add_bytes(&reach->base, o->url, len);
	text_add(&reach->base, "/v1/tenants/");
	add_segment(&reach->base, o->tenant);
	text_add(&reach->base, "/feeds/");
	add_segment(&reach->base, o->feed);
	text_addf(&reach->authorization, "Authorization: Bearer %s", o->token);
	if (text_is_cut(&reach->base) || text_is_cut(&reach->authorization))
		return err_set(err, ERR_USAGE,
		               "--url, --tenant, --feed or the key is too "
		               "long");
	if (strpbrk(o->token, " \t\r\n") != NULL || o->token[0] == '\0')
		return err_set(err, ERR_USAGE, "the key is no API key");
	return ERR_OK;
}

/* -- waiting --------------------------------------------------------------- */

static bool
is_stopped(const struct reach *reach)
{
	return reach->options->stop != NULL &&
		atomic_load(reach->options->stop);
}

static int64_t
next_wait_ms(struct reach *reach, int64_t said_s)
{
	int64_t wait_ms = reach->wait_ms;
	uint8_t chance;

	if (said_s > WAIT_SAID_MAX_S)
		said_s = WAIT_SAID_MAX_S;
	reach->wait_ms =
		wait_ms * 2 < WAIT_LAST_MS ? wait_ms * 2 : WAIT_LAST_MS;
	if (said_s > 0)
		return said_s * 1000;
	/* Many that wait for the same do not come back at once. */
	digest_random(&chance, 1);
	return wait_ms * (192 + chance / 2) / 256;
}

static enum err_code
wait_for_it(struct reach *reach, const char *why, int64_t said_s,
            struct err *err)
{
	const struct reach_options *o = reach->options;
	int64_t wait_ms = next_wait_ms(reach, said_s);
	int64_t until_us = clock_now_us() + wait_ms * 1000;

	if (o->patience_ms > 0 &&
	    until_us - reach->since_us > o->patience_ms * 1000)
		return err_set(err, ERR_TIMEOUT, "%s", why);
	if (o->waiting != NULL)
		o->waiting(o->context, why);
	while (clock_now_us() < until_us) {
		if (is_stopped(reach))
			return err_set(err, ERR_STOPPED, "stopped");
		clock_sleep_ms(WAIT_STEP_MS);
	}
	return ERR_OK;
}

static void
note_answer(struct reach *reach)
{
	reach->wait_ms = WAIT_FIRST_MS;
	reach->since_us = clock_now_us();
}

/* -- one try ---------------------------------------------------------------- */

static enum err_code
try_once(struct reach *reach, const struct reach_request *request,
         int *out_status, struct text *out, struct err *err)
{
	const char *headers[HEADERS_MAX] = { text_string(
		&reach->authorization) };
	struct text type;
	size_t count = 1;
	enum err_code code;

	text_init(&type, URL_BYTES_MAX);
	if (request->type != NULL) {
		text_addf(&type, "Content-Type: %s", request->type);
		headers[count++] = text_string(&type);
	}
	for (size_t i = 0; request->headers != NULL && request->headers[i];
	     i++) {
		CHECK(count + 1 < HEADERS_MAX);
		headers[count++] = request->headers[i];
	}

	const struct httpc_request http = {
		.method = request->type != NULL ? "POST" : "GET",
		.url = text_string(&reach->url),
		.headers = headers,
		.body = request->body,
		.body_len = request->body_len,
		.timeout_ms = TRY_TIMEOUT_MS,
		.answer_bytes_max = ANSWER_BYTES_MAX,
		.tls_ca_file = reach->options->ca_file,
	};

	code = httpc_do(reach->client, &http, out_status, out, err);
	text_fini(&type);
	return code;
}

static bool
says_again(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

/* The title and the detail of a problem; or the status alone. */
static void
print_problem(int status, const struct text *body, struct text *out)
{
	struct json *problem = NULL;
	struct err ignored;
	const char *title = NULL, *detail = NULL;

	if (body->len > 0 &&
	    json_parse(body->bytes, body->len, &problem, &ignored) == ERR_OK) {
		title = json_string(json_get(problem, "title"));
		detail = json_string(json_get(problem, "detail"));
	}
	text_addf(out, "the gateway answers %d", status);
	if (title != NULL)
		text_addf(out, " %.*s", SHOWN_BYTES_MAX, title);
	if (detail != NULL)
		text_addf(out, ": %.*s", SHOWN_BYTES_MAX, detail);
	json_free(&problem);
}

static bool
is_of_type(const struct text *body, const char *slug)
{
	struct json *problem = NULL;
	struct err ignored;
	const char *type, *end;
	bool is;

	if (body->len == 0 ||
	    json_parse(body->bytes, body->len, &problem, &ignored) != ERR_OK)
		return false;
	type = json_string(json_get(problem, "type"));
	end = type != NULL ? strrchr(type, '/') : NULL;
	is = end != NULL && strcmp(end + 1, slug) == 0;
	json_free(&problem);
	return is;
}

/* -- public ---------------------------------------------------------------- */

enum err_code
reach_open(const struct reach_options *options, struct reach **out,
           struct err *err)
{
	struct reach *reach = memory_calloc(1, sizeof(*reach));

	reach->magic = REACH_MAGIC;
	reach->options = options;
	reach->client = httpc_new();
	text_init(&reach->base, URL_BYTES_MAX);
	text_init(&reach->url, 2 * URL_BYTES_MAX);
	text_init(&reach->authorization, URL_BYTES_MAX);
	note_answer(reach);
	if (make_base(reach, err) != ERR_OK) {
		reach_close(&reach);
		return err->code;
	}
	*out = reach;
	return ERR_OK;
}

void
reach_close(struct reach **handle)
{
	struct reach *reach = *handle;

	*handle = NULL;
	if (reach == NULL)
		return;
	CHECK_MAGIC(reach, REACH_MAGIC);
	if (reach->authorization.bytes != NULL)
		digest_wipe(reach->authorization.bytes,
		            reach->authorization.len);
	text_fini(&reach->authorization);
	text_fini(&reach->base);
	text_fini(&reach->url);
	httpc_free(&reach->client);
	reach->magic = 0;
	memory_release(reach);
}

enum err_code
reach_ask(struct reach *reach, const struct reach_request *request,
          int *out_status, struct text *out, struct err *err)
{
	struct text why;
	enum err_code code;

	CHECK_MAGIC(reach, REACH_MAGIC);
	text_reset(&reach->url);
	text_addf(&reach->url, "%s%s", text_string(&reach->base),
	          request->path);
	text_init(&why, ERR_TEXT_MAX);
	for (;;) {
		int64_t said_s = 0;

		text_reset(out);
		text_reset(&why);
		code = try_once(reach, request, out_status, out, err);
		if (code == ERR_OK && !says_again(*out_status))
			break;
		if (code == ERR_OK) {
			said_s = httpc_retry_after_s(reach->client);
			print_problem(*out_status, out, &why);
		} else {
			text_add(&why, err->text);
		}
		code = wait_for_it(reach, text_string(&why), said_s, err);
		if (code != ERR_OK)
			break;
	}
	if (code == ERR_OK)
		note_answer(reach);
	text_fini(&why);
	return code;
}

enum err_code
reach_pause(struct reach *reach, const char *why, struct err *err)
{
	CHECK_MAGIC(reach, REACH_MAGIC);
	return wait_for_it(reach, why, 0, err);
}

enum err_code
reach_fail(int status, const struct text *body, struct err *err)
{
	enum err_code code = ERR_INVALID;
	struct text why;

	if (status == 401 || status == 403)
		code = ERR_PRIVILEGE;
	else if (status == 404)
		code = ERR_NOT_FOUND;
	else if (status == 413)
		code = ERR_TOO_LARGE;
	else if (status == 409 && is_of_type(body, "other-contract"))
		code = ERR_CONFLICT;
	text_init(&why, ERR_TEXT_MAX);
	print_problem(status, body, &why);
	err_set(err, code, "%s", text_string(&why));
	text_fini(&why);
	return code;
}
