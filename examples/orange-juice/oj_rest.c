/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* Requests by libcurl, repeated until somebody decides. */
#include "examples/orange-juice/oj_rest.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES_MAX = 10, TIMEOUT_S = 30, WAIT_S_MAX = 16 };

struct oj_rest {
	CURL *curl;
	char *url;
	char *text;
	size_t size;
	size_t room;
	char reason[CURL_ERROR_SIZE];
};

static size_t
text_take(char *bytes, size_t size, size_t count, void *opaque)
{
	struct oj_rest *rest = opaque;

	size *= count;
	if (rest->size + size + 1 > rest->room) {
		rest->room = 2 * (rest->size + size + 1);
		rest->text = realloc(rest->text, rest->room);
		if (rest->text == NULL)
			abort();
	}
	memcpy(rest->text + rest->size, bytes, size);
	rest->size += size;
	rest->text[rest->size] = '\0';
	return size;
}

static struct curl_slist *
header_add(struct curl_slist *headers, const char *name, const char *value)
{
	char line[1024];

	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	headers = curl_slist_append(headers, line);
	if (headers == NULL)
		abort();
	return headers;
}

/* The status; 0: no answer. */
static long
try_once(struct oj_rest *rest, long *out_retry_after_s)
{
	curl_off_t after = 0;
	long status = 0;

	rest->size = 0;
	if (curl_easy_perform(rest->curl) != CURLE_OK)
		return 0;
	(void)curl_easy_getinfo(rest->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(rest->curl, CURLINFO_RETRY_AFTER, &after);
	*out_retry_after_s = (long)after;
	return status;
}

static bool
is_decided(long status)
{
	return status >= 200 && status < 500 && status != 408 && status != 429;
}

static void
handle_set(struct oj_rest *rest, const char *url, struct curl_slist *headers,
           const struct oj_rest_request *request)
{
	curl_easy_reset(rest->curl);
	(void)curl_easy_setopt(rest->curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(rest->curl, CURLOPT_HTTPHEADER, headers);
	if (request->body != NULL) {
		(void)curl_easy_setopt(rest->curl, CURLOPT_POSTFIELDSIZE_LARGE,
		                       (curl_off_t)request->size);
		(void)curl_easy_setopt(rest->curl, CURLOPT_POSTFIELDS,
		                       request->body);
	}
	(void)curl_easy_setopt(rest->curl, CURLOPT_WRITEFUNCTION, text_take);
	(void)curl_easy_setopt(rest->curl, CURLOPT_WRITEDATA, rest);
	(void)curl_easy_setopt(rest->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	(void)curl_easy_setopt(rest->curl, CURLOPT_ERRORBUFFER, rest->reason);
}

/* -- public -------------------------------------------------------------- */

struct oj_rest *
oj_rest_new(const char *url)
{
	struct oj_rest *rest = calloc(1, sizeof(*rest));

	if (rest == NULL)
		abort();
	rest->curl = curl_easy_init();
	rest->url = strdup(url);
	if (rest->curl == NULL || rest->url == NULL)
		abort();
	return rest;
}

bool
oj_rest_send(struct oj_rest *rest, const struct oj_rest_request *request,
             struct oj_rest_answer *out_answer, struct oj_err *err)
{
	char url[1024], token[256];
	struct curl_slist *headers = NULL;
	long status = 0, wait_s = 1;
	int tries = 0;

	(void)snprintf(url, sizeof(url), "%s%s", rest->url, request->path);
	(void)snprintf(token, sizeof(token), "Bearer %s", request->token);
	headers = header_add(headers, "Authorization", token);
	if (request->body != NULL) {
		headers = header_add(headers, "Content-Type", request->type);
		headers = header_add(headers, "Idempotency-Key", request->id);
	}
	handle_set(rest, url, headers, request);
	while (tries < TRIES_MAX) {
		long after_s = 0;
		tries++;
		status = try_once(rest, &after_s);
		if (is_decided(status))
			break;
		(void)sleep((unsigned)(after_s > 0 ? after_s : wait_s));
		wait_s = wait_s < WAIT_S_MAX ? 2 * wait_s : wait_s;
	}
	curl_slist_free_all(headers);
	if (status == 0)
		return oj_err_set(err, "%s: %s", url, rest->reason);
	out_answer->status = status;
	out_answer->text = rest->size > 0 ? rest->text : "";
	out_answer->size = rest->size;
	out_answer->tries = tries;
	return true;
}

void
oj_rest_free(struct oj_rest **rest)
{
	if (*rest == NULL)
		return;
	curl_easy_cleanup((*rest)->curl);
	free((*rest)->url);
	free((*rest)->text);
	free(*rest);
	*rest = NULL;
}
