/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's easy interface, with everything off that a small client of known
 * peers does not need: other protocols, redirects, signals, the environment's
 * proxies, .netrc.
 */
#include "base/io/httpc.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#include "base/runtime/check.h"
#include "base/runtime/memory.h"
#include "base/runtime/text.h"

#define HTTPC_MAGIC       0x68747470u
#define URL_SHOWN_MAX     200
#define HEADERS_BYTES_MAX 65536
/* Of a connection that is kept for what must not be sent twice: less than
   servers keep it, or it is closed in the moment it is used. */
#define ONCE_IDLE_S 20

struct httpc {
	uint32_t magic;
	CURL *curl;
	int64_t retry_after_s;
	/* the body of a request that is sent once */
	const uint8_t *body;
	size_t body_len;
	bool was_sent;
};

/* What an answer is collected into. */
struct answer {
	struct text *body;
	size_t room;
	size_t header_bytes;
	bool is_too_large;
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void
global_init(void)
{
	CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct answer *answer = context;
	size_t len = size * count;

	if (len > answer->room) {
		answer->is_too_large = true;
		return 0;
	}
	answer->room -= len;
	text_add_bytes(answer->body, bytes, len);
	if (text_is_cut(answer->body)) {
		answer->is_too_large = true;
		return 0;
	}
	return len;
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct answer *answer = context;
	size_t len = size * count;

	answer->header_bytes += len;
	if (answer->header_bytes > HEADERS_BYTES_MAX) {
		answer->is_too_large = true;
		return 0;
	}
	return len;
}

static size_t
give_body(char *out, size_t size, size_t count, void *context)
{
	struct httpc *client = context;
	size_t len = size * count < client->body_len ? size * count
						     : client->body_len;

	if (len > 0)
		memcpy(out, client->body, len);
	client->body += len;
	client->body_len -= len;
	client->was_sent = true;
	return len;
}

/* Asked for where libcurl would send it again. */
static int
refuse_to_rewind(void *context, curl_off_t offset, int origin)
{
	return CURL_SEEKFUNC_FAIL;
}

static void
set_once(struct httpc *client, const struct httpc_request *request)
{
	client->body = request->body;
	client->body_len = request->body_len;
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(client->curl, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(client->curl, CURLOPT_READDATA, client);
	curl_easy_setopt(client->curl, CURLOPT_SEEKFUNCTION, refuse_to_rewind);
	curl_easy_setopt(client->curl, CURLOPT_SEEKDATA, client);
	curl_easy_setopt(client->curl, CURLOPT_MAXAGE_CONN, (long)ONCE_IDLE_S);
}

static void
set_method(CURL *curl, const struct httpc_request *request)
{
	if (strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (request->body || strcmp(request->method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
		                 (curl_off_t)request->body_len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
		                 request->body ? request->body : "");
	}
	curl_easy_setopt(
		curl, CURLOPT_CUSTOMREQUEST,
		strcmp(request->method, "HEAD") == 0 ? NULL : request->method);
}

static void
set_options(CURL *curl, const struct httpc_request *request,
            struct answer *answer, char *reason)
{
	/* The connection stays for the next request. */
	curl_easy_reset(curl);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
	                 CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "waybill");
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	                 (long)request->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
	if (request->tls_ca_file) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, request->tls_ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	set_method(curl, request);
}

/* Expect: 100-continue would cost a second with servers that ignore it. */
static struct curl_slist *
headers_of(const struct httpc_request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	CHECK(list != NULL);
	for (int i = 0; request->headers && request->headers[i]; i++) {
		CHECK(strpbrk(request->headers[i], "\r\n") == NULL);
		list = curl_slist_append(list, request->headers[i]);
		CHECK(list != NULL);
	}
	return list;
}

/* A URL for an error's text: without what may be a secret. */
static int
shown_len(const char *url)
{
	size_t len = strcspn(url, "?#");

	return (int)(len < URL_SHOWN_MAX ? len : URL_SHOWN_MAX);
}

static const char *
shown_start(const char *url)
{
	const char *host = strstr(url, "://");
	const char *at;

	host = host ? host + 3 : url;
	at = memchr(host, '@', strcspn(host, "/?#"));
	return at ? at + 1 : host;
}

/* An answer that failed in the middle leaves nothing. */
static void
take_back(struct text *body, size_t len)
{
	body->len = len;
	body->cut = false;
	if (body->bytes)
		body->bytes[len] = '\0';
}

/* -- public -- */

struct httpc *
httpc_new(void)
{
	struct httpc *client = memory_calloc(1, sizeof(*client));

	pthread_once(&global_once, global_init);
	client->magic = HTTPC_MAGIC;
	client->curl = curl_easy_init();
	CHECK(client->curl != NULL);
	return client;
}

void
httpc_free(struct httpc **client)
{
	if (*client == NULL)
		return;
	CHECK_MAGIC(*client, HTTPC_MAGIC);
	curl_easy_cleanup((*client)->curl);
	(*client)->magic = 0;
	memory_free(client);
}

enum err_code
httpc_do(struct httpc *client, const struct httpc_request *request,
         int *out_status, struct text *out_body, struct err *err)
{
	struct answer answer = {
		.body = out_body,
		.room = request->answer_bytes_max,
	};
	char reason[CURL_ERROR_SIZE] = "";
	const char *shown = shown_start(request->url);
	struct curl_slist *headers;
	size_t before = out_body->len;
	curl_off_t retry_after = 0;
	long status = 0;
	CURLcode code;

	CHECK_MAGIC(client, HTTPC_MAGIC);
	CHECK(request->timeout_ms > 0 && request->method && request->url);
	headers = headers_of(request);
	set_options(client->curl, request, &answer, reason);
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	client->was_sent = !request->is_once;
	if (request->is_once) {
		CHECK(request->body != NULL && request->body_len > 0);
		set_once(client, request);
	}
	code = curl_easy_perform(client->curl);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after);
	client->retry_after_s = (int64_t)retry_after;
	/* What it points to ends here. */
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
	curl_slist_free_all(headers);
	if (answer.is_too_large || code != CURLE_OK)
		take_back(out_body, before);
	if (answer.is_too_large)
		return err_set(err, ERR_HTTP,
		               "%s %.*s: the answer is larger than %zu bytes",
		               request->method, shown_len(shown), shown,
		               request->answer_bytes_max);
	if (code != CURLE_OK)
		return err_set(err, ERR_HTTP, "%s %.*s: %s", request->method,
		               shown_len(shown), shown,
		               reason[0] ? reason : curl_easy_strerror(code));
	*out_status = (int)status;
	return ERR_OK;
}

int64_t
httpc_retry_after_s(const struct httpc *client)
{
	CHECK_MAGIC(client, HTTPC_MAGIC);
	return client->retry_after_s;
}

bool
httpc_was_sent(const struct httpc *client)
{
	return client->was_sent;
}
